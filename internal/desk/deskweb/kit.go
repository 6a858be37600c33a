package deskweb

import (
	"context"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"kua/internal/fault"
	"kua/internal/kit"
	"kua/internal/locale"
	"kua/internal/page"
	"kua/internal/record"
	"kua/internal/verify"
)

// uploadKit gives what a person needs who puts a record up at a network, as a ZIP
// of what was published. All of it is read and checked before the first byte goes
// out, so that a fault is a page and no broken archive.
func uploadKit(v *visit) error {
	id := v.r.PathValue("record")
	lang, ok := locale.Parse(v.r.URL.Query().Get("lang"))
	if !ok {
		lang = v.lang
	}
	ctx, cancel := context.WithCancel(v.r.Context())
	defer cancel()
	defer context.AfterFunc(v.app.alive(), cancel)() // a lock does not wait for a kit
	from, end, err := v.openKit(ctx, id)
	if err != nil {
		return err
	}
	defer end()
	if err := v.app.kits.Check(ctx, from, lang); err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": "kit-" + id + ".zip"}))
	if err := v.app.kits.ZIP(ctx, from, lang, v.w); err != nil {
		panic(http.ErrAbortHandler) // bytes are gone already: the browser must see that they are not all
	}
	return nil
}

// shareCard gives the card of a published record in one language.
func shareCard(v *visit) error {
	lang, ok := locale.Parse(v.r.PathValue("lang"))
	if !ok {
		return page.ErrNotFound()
	}
	from, end, err := v.openKit(v.r.Context(), v.r.PathValue("record"))
	if err != nil {
		return err
	}
	defer end()
	b, err := v.app.kits.Card(from, lang)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "image/png")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": from.Record.ID + "." + lang.Path() + ".png"}))
	h.Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = v.w.Write(b) // whoever asked may have gone
	return nil
}

// openKit reads and checks a record in the desk's own edition; end lets it go.
func (v *visit) openKit(ctx context.Context, id string) (from kit.Source, end func(), err error) {
	if !record.IsID(id) {
		return from, nil, fault.NotFound("reader.no_record", id)
	}
	src, err := verify.Dir(v.desk.Tree())
	if err != nil {
		return from, nil, err
	}
	end = func() {
		if c, ok := src.(io.Closer); ok {
			_ = c.Close() // a folder that was read
		}
	}
	if from, err = kit.Open(ctx, src, id, ""); err != nil {
		end()
	}
	return from, end, err
}

// inEdition reports whether the desk's edition has words of a record: one that is
// only proposed is not there, and of one that was withdrawn the first version is gone.
func (v *visit) inEdition(id string) bool {
	if !record.IsID(id) {
		return false
	}
	_, err := os.Stat(filepath.Join(v.desk.Tree(), filepath.FromSlash(record.Path(id, 1))))
	return err == nil
}
