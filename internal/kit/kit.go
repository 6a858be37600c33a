package kit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"strings"

	"kua/internal/caption"
	"kua/internal/card"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/record"
)

// HashesFile lists the SHA-256 of every other file of a kit, as sha256sum reads it.
const HashesFile = "hashes.sha256"

// Put takes one file of a kit: its path, with slashes, and its bytes. When reading
// ends in an error the file is not to be kept.
type Put func(path string, content io.Reader) error

// Maker writes kits. It is safe for use by many goroutines.
type Maker struct {
	cat   *locale.Catalogue
	cards *card.Maker
}

// NewMaker takes the catalogue of all languages.
func NewMaker(cat *locale.Catalogue) (*Maker, error) {
	cards, err := card.New(cat)
	if err != nil {
		return nil, err
	}
	return &Maker{cat, cards}, nil
}

// Size is what a kit came to.
type Size struct {
	Files int
	Bytes int64
}

// Write gives a kit file by file, the instructions in lang first. The same source
// gives the same files. Faults: kit.withdrawn, kit.not_kept for a copy that does
// not keep a medium, kit.differs for bytes that are not what was signed, and what
// put returns.
func (m *Maker) Write(ctx context.Context, s Source, lang locale.Tag, put Put) (Size, error) {
	if s.Record.Status != record.Published {
		return Size{}, fault.NotFound("kit.withdrawn", s.Record.ID)
	}
	w := &writer{maker: m, ctx: ctx, s: s, lang: lang, langs: Languages(s.Record), put: put}
	for _, step := range []func() error{w.instructions, w.cards, w.networks, w.media, w.captions} {
		if err := step(); err != nil {
			return w.size, err
		}
	}
	return w.size, w.text(HashesFile, w.hashes.String())
}

// Card draws the share card of a record, or of its tombstone, in one language.
func (m *Maker) Card(s Source, lang locale.Tag) ([]byte, error) { return m.cards.PNG(s.Subject, lang) }

type writer struct {
	maker  *Maker
	ctx    context.Context
	s      Source
	lang   locale.Tag
	langs  []locale.Tag
	put    Put
	hashes strings.Builder
	size   Size
}

func (w *writer) t(key string, args ...any) string { return w.maker.cat.T(w.lang, key, args...) }

// add puts a file and notes its hash.
func (w *writer) add(path string, content io.Reader) error {
	h := sha256.New()
	n := counter(0)
	if err := w.put(path, io.TeeReader(content, io.MultiWriter(h, &n))); err != nil {
		return fmt.Errorf("write %s of a kit: %w", path, err)
	}
	fmt.Fprintf(&w.hashes, "%x  %s\n", h.Sum(nil), path)
	w.size.Files++
	w.size.Bytes += int64(n)
	return nil
}

type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

func (w *writer) text(path, words string) error { return w.add(path, strings.NewReader(words)) }

// cardPath is where a kit holds the card of a language.
func cardPath(id string, t locale.Tag) string { return "cards/" + id + "." + t.Path() + ".png" }

func (w *writer) cards() error {
	for _, t := range w.langs {
		b, err := w.maker.Card(w.s, t)
		if err != nil {
			return err
		}
		if err := w.add(cardPath(w.s.Record.ID, t), bytes.NewReader(b)); err != nil {
			return err
		}
	}
	return nil
}

// mediumPath is where a kit holds a rendition.
func mediumPath(m record.Media, f record.File) string {
	extension, _ := record.Extension(f.Type)
	return "media/" + m.ID + "-" + f.Rung + "." + extension
}

// Suits gives the rendition of a film or photo that a network should get: the
// largest that it takes, since it makes its own of it. ok is false for other media
// and where all are too large.
func (n Network) Suits(m record.Media) (best record.File, ok bool) {
	want := map[string]string{"film": "video/mp4", "photo": "image/jpeg"}[m.Type]
	for _, f := range m.Renditions() {
		if f.Type == want && f.Size > best.Size && (n.Film == 0 || f.Size <= n.Film) {
			best, ok = f, true
		}
	}
	return best, ok
}

// media writes every rendition that some network gets, and the posters.
func (w *writer) media() error {
	for _, m := range w.s.Record.Media {
		files := map[string]bool{}
		if m.Poster != nil && (m.Type == "film" || m.Type == "photo") {
			if err := w.medium(m, *m.Poster); err != nil {
				return err
			}
		}
		for _, n := range Networks() {
			if f, ok := n.Suits(m); ok && !files[f.SHA256] {
				files[f.SHA256] = true
				if err := w.medium(m, f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (w *writer) medium(m record.Media, f record.File) error {
	in, err := w.open(f)
	if err != nil {
		return err
	}
	defer in.Close()
	return w.add(mediumPath(m, f), in)
}

// captions writes subtitles as they were published, and as SubRip.
func (w *writer) captions() error {
	for _, m := range w.s.Record.Media {
		if m.Type != "film" {
			continue
		}
		for _, f := range m.Captions() {
			in, err := w.open(f)
			if err != nil {
				return err
			}
			b, err := io.ReadAll(in)
			_ = in.Close() // it was read to its end
			if err != nil {
				return err
			}
			cues, err := caption.Parse(b)
			if err != nil {
				return err
			}
			stem := "media/" + m.ID + "." + f.Language
			if err := w.add(stem+".vtt", bytes.NewReader(b)); err != nil {
				return err
			}
			if err := w.add(stem+".srt", bytes.NewReader(caption.SubRip(cues))); err != nil {
				return err
			}
		}
	}
	return nil
}

// open gives the bytes of a published file and an error instead of their end when
// they are not what the record names.
func (w *writer) open(f record.File) (io.ReadCloser, error) {
	in, err := w.s.from.Open(w.ctx, f.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.NotFound("kit.not_kept", f.Path(), w.s.from.String()).Because(err)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Path(), err)
	}
	return &checked{ReadCloser: in, ctx: w.ctx, hash: sha256.New(), left: f.Size, file: f}, nil
}

type checked struct {
	io.ReadCloser
	ctx  context.Context
	hash hash.Hash
	left int64
	file record.File
}

func (c *checked) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.ReadCloser.Read(p)
	c.hash.Write(p[:n])
	c.left -= int64(n)
	if c.left < 0 || err == io.EOF && (c.left != 0 || hex.EncodeToString(c.hash.Sum(nil)) != c.file.SHA256) {
		return n, fault.Corrupt("kit.differs", c.file.Path())
	}
	return n, err
}
