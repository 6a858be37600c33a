package spread

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"strings"
	"unicode"

	"kua/internal/fault"
	"kua/internal/record"
)

// Message is what goes to a channel: public words in one language, links, and
// files of the edition.
type Message struct {
	Key      string // the same for every try of one post, and for no other post
	Record   string
	Version  int
	Language string
	Title    string
	Summary  string
	// Correction is what this version changed, "" for a first one; Withdrawn says that
	// the record is taken back, and Summary then why.
	Correction string
	Withdrawn  bool
	Links      []Link // the record first, then its proof
	Files      []File // the best first; those that go, once a Kind has fitted the message
	Body       string // the whole text as it goes, once a Kind has fitted the message
}

// Link is an address with the words before it.
type Link struct{ Words, URL string }

// Links gives the ways from a message to a record: its page at each of the addresses,
// and at the first its signed document, whose hash is sum. page and document are their
// paths there; say gives words in the message's language.
func Links(say func(key string, args ...any) string, bases []string, page, document, sum string) (links []Link) {
	for i, base := range bases {
		words := "spread.link.also"
		if i == 0 {
			words = "spread.link.record"
		}
		links = append(links, Link{Words: say(words), URL: base + "/" + page})
	}
	if len(bases) > 0 {
		links = append(links, Link{Words: say("spread.link.proof", sum), URL: bases[0] + "/" + document})
	}
	return links
}

// File is a file of the edition.
type File struct {
	What   string // of Carries
	Name   string
	Type   string // media type
	SHA256 string
	Size   int64
	Width  int
	Height int
	// Open gives the bytes. A reader whose bytes are not those of SHA256 gives an
	// error in the place of its end, so that no upload of them is ever completed.
	Open func() (io.ReadCloser, error) `json:"-"`
}

// Of gives the first file of a kind.
func (m Message) Of(what string) (File, bool) {
	for _, f := range m.Files {
		if f.What == what {
			return f, true
		}
	}
	return File{}, false
}

// Text writes title, summary and links as plain text of at most limit units, as
// count counts them. Of what does not fit the summary loses its end, at a word;
// title and links are never cut: where they alone are too long, the fault is
// spread.no_room.
func (m Message) Text(limit int, count func(string) int) (string, error) {
	var links []string
	for _, l := range m.Links {
		links = append(links, l.Words+" "+l.URL)
	}
	end := strings.Join(links, "\n")
	if whole := paragraphs(m.Title, m.Summary, end); count(whole) <= limit {
		return whole, nil
	}
	words := strings.FieldsFunc(m.Summary, unicode.IsSpace)
	for n := len(words) - 1; n > 0; n-- {
		if cut := paragraphs(m.Title, strings.Join(words[:n], " ")+"…", end); count(cut) <= limit {
			return cut, nil
		}
	}
	bare := paragraphs(m.Title, "", end)
	if count(bare) > limit {
		return "", fault.Invalid("spread.no_room", m.Record, limit)
	}
	return bare, nil
}

func paragraphs(parts ...string) string {
	var all []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			all = append(all, p)
		}
	}
	return strings.Join(all, "\n\n")
}

// Language gives the language in which a record goes to a channel; when they
// share none the fault is spread.no_language.
func Language(c Channel, r record.Record) (string, error) {
	for _, l := range c.Languages {
		if _, ok := r.Title[l]; ok {
			return l, nil
		}
	}
	return "", fault.Conflict("spread.no_language", c.Name, r.ID, r.Languages)
}

// Choose gives the files of a record that a channel may carry, the best first and
// without the means to read them: the smallest rendition of the first film and
// its poster, else the first photo.
func Choose(c Channel, r record.Record) []File {
	var files []File
	take := func(what string, f record.File) {
		if c.May(what) {
			ext, _ := record.Extension(f.Type)
			files = append(files, File{What: what, Name: r.ID + "." + ext, Type: f.Type, SHA256: f.SHA256, Size: f.Size, Width: f.Width, Height: f.Height})
		}
	}
	for _, m := range r.Media {
		if film, ok := smallestFilm(m); ok {
			take(Film, film)
			if m.Poster != nil {
				take(Poster, *m.Poster)
			}
			return files
		}
	}
	for _, m := range r.Media {
		for _, f := range m.Files {
			if f.Type == "image/jpeg" && m.Type == "photo" {
				take(Poster, f)
				return files
			}
		}
	}
	return files
}

// smallestFilm gives the film that every telephone plays, at the size of the
// default rung when there is one.
func smallestFilm(m record.Media) (record.File, bool) {
	var best record.File
	for _, f := range m.Files {
		if f.Type != "video/mp4" || m.Type != "film" {
			continue
		}
		if f.Rung == "240p" {
			return f, true
		}
		if best.SHA256 == "" || f.Size < best.Size {
			best = f
		}
	}
	return best, best.SHA256 != ""
}

// Checked gives r's bytes as long as they can be those of the SHA-256 and of the
// size; in the place of their end it gives the fault spread.bytes_changed when
// they are not.
func Checked(r io.ReadCloser, sum string, size int64) io.ReadCloser {
	return &checked{ReadCloser: r, hash: sha256.New(), sum: sum, left: size}
}

type checked struct {
	io.ReadCloser
	hash hash.Hash
	sum  string
	left int64
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.hash.Write(p[:n])
	c.left -= int64(n)
	if c.left < 0 || errors.Is(err, io.EOF) && (c.left != 0 || hex.EncodeToString(c.hash.Sum(nil)) != c.sum) {
		return 0, fault.Corrupt("spread.bytes_changed", c.sum)
	}
	return n, err
}

// outcome sorts an error: what is no Failure may have happened. Where ctx ended
// before the connector was called at all, nothing did.
func outcome(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &Failure{Outcome: Unknown, Err: fault.Later("spread.cut_off").Because(err)}
	}
	return &Failure{Outcome: Unknown, Err: err}
}
