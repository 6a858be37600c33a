package reader

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/page"
	"kua/internal/record"
	"kua/internal/verify"
)

// Server makes the file of one record for whoever asks, at <language>/keep/<id>:
// a name that no file of an edition can have. It keeps nothing.
type Server struct {
	maker *Maker
	busy  chan struct{}
}

// atOnce is how many files are gathered and checked at a time; sending them,
// however slow the line, takes no place.
const atOnce = 2

// NewServer makes a server of files made by m.
func NewServer(m *Maker) *Server { return &Server{maker: m, busy: make(chan struct{}, atOnce)} }

// Asked takes the path of an address apart; ok is false for what is no single file.
func Asked(urlPath string) (lang locale.Tag, id string, ok bool) {
	lang, rest, ok := page.Cut(urlPath)
	id, keep := strings.CutPrefix(rest, "/keep/")
	return lang, id, ok && keep && record.IsID(id)
}

// Serve answers a request that Asked knows from a copy; what cannot be given is an
// error for the caller's own page. w is given slow readers' time by the caller.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, src verify.Source) error {
	lang, id, ok := Asked(r.URL.Path)
	if !ok {
		return page.ErrNotFound()
	}
	b, err := s.gather(r.Context(), src, id)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.NotFound("reader.no_record", id).Because(err)
	}
	if err != nil {
		return err
	}
	size, err := s.maker.Size(b, lang)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+id+`.html"`)
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	h.Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return nil
	}
	_, err = s.maker.Write(r.Context(), w, b, lang)
	if err != nil {
		panic(http.ErrAbortHandler) // the head is sent; a file that is cut off says so by its length
	}
	return nil
}

func (s *Server) gather(ctx context.Context, src verify.Source, id string) (*Bundle, error) {
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return Gather(ctx, src, []string{id})
}

// Against holds the records of a file that was checked against a copy of an
// edition: a newer version there, or a withdrawal, makes the file old; a copy of
// another collective is corrupt.
func (b *Bundle) Against(ctx context.Context, src verify.Source, report *verify.Report) error {
	for _, s := range b.Proof.Records {
		rec, err := record.Parse([]byte(s.Document))
		if err != nil {
			return err
		}
		now, err := Gather(ctx, src, []string{rec.ID})
		switch f, _ := fault.Of(err); {
		case f != nil && (f.Key == "reader.withdrawn" || f.Key == "reader.no_record"):
			report.Note(verify.Finding{Kind: verify.Old, Path: rec.Path(), Key: "reader.newer", Args: []string{rec.ID}})
		case err != nil:
			return err
		case now.Proof.Charter[0].Document != b.Proof.Charter[0].Document:
			report.Note(verify.Finding{Kind: verify.Corrupt, Key: "reader.elsewhere", Args: []string{src.String()}})
			return nil
		case now.Proof.Records[0].Document != s.Document:
			report.Note(verify.Finding{Kind: verify.Old, Path: rec.Path(), Key: "reader.newer", Args: []string{rec.ID}})
		}
	}
	return nil
}
