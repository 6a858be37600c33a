package reader

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"regexp"
	"strings"

	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/page"
	"kua/internal/record"
	"kua/web"
)

// Maker writes files. It is safe for use by many goroutines.
type Maker struct {
	cat    *locale.Catalogue
	set    *page.Set
	style  string
	script string
	policy string
	words  template.JS
}

// NewMaker reads templates, words and the built checker; web.ErrNotBuilt when the
// browser code is not built.
func NewMaker(cat *locale.Catalogue, templates fs.FS, assets *web.Bundle) (*Maker, error) {
	set, err := page.Parse(templates, "reader")
	if err != nil {
		return nil, err
	}
	m := &Maker{cat: cat, set: set}
	style, err := assets.Read("reader.css")
	if err != nil {
		return nil, err
	}
	script, err := assets.Read("reader.js")
	if err != nil {
		return nil, err
	}
	m.style, m.script = string(style), strings.TrimSpace(string(script))
	if strings.Contains(m.script, "</script") || strings.Contains(m.script, "<!--") || strings.Contains(m.style, "</style") {
		return nil, errors.New("the checker's code would end its own element")
	}
	m.policy = "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; media-src data:; script-src " +
		source(m.script) + "; style-src " + source(m.style)
	texts := make(map[string]map[string]string)
	for _, t := range locale.Tags() {
		texts[t.Path()] = map[string]string{"": t.Name(), "html": t.HTML()}
		for _, key := range checkerWords() {
			texts[t.Path()][key] = cat.T(t, key)
		}
	}
	b, err := json.Marshal(texts)
	m.words = template.JS(b) // json.Marshal writes <, > and & as \u003c, …
	return m, err
}

// source names an inline element in a Content-Security-Policy.
func source(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// checkerWords are the keys of what the checker may say.
func checkerWords() []string {
	keys := []string{
		"reader.checking", "reader.ok", "reader.bad", "reader.bad.text", "reader.what", "reader.chain", "reader.signed", "reader.logged", "reader.files",
		"reader.outside", "reader.cannot", "reader.forged", "reader.number", "reader.later", "reader.truth", "reader.addresses", "reader.correction",
		"reader.languages", "site.record.number", "site.record.version", "site.record.published", "site.record.claims", "site.record.no_answer",
		"site.section.known", "site.section.claims", "site.section.answers", "site.media.covered",
	}
	for _, w := range record.Whats() {
		keys = append(keys, "site.what."+w)
	}
	return keys
}

// words is a text in the language it is really in.
type words struct{ Text, In string }

func pick(lang locale.Tag, text map[string]string) words {
	w, in := lang.Text(text)
	if in == lang {
		return words{Text: w}
	}
	return words{w, in.HTML()}
}

// view is the page as it is without the checker.
type view struct {
	page.Base
	CSP          string
	Style        template.CSS
	Script       template.JS
	Proof, Words template.JS
	Records      []recordView
}

type recordView struct {
	ID                           string
	Version                      int
	Heading, Summary, Correction words
	Facts, Known                 []words
	Claims, Answers              []said
	Media                        []mediumView
}

type said struct {
	Source, Words words
	Day           string
}

type mediumView struct {
	Label, Covered               words
	Poster, Film, Sound, Picture template.URL
	Tracks                       []track
	Outside                      bool // a rendition is not in the file
}

type track struct {
	Lang, Name string
	Source     template.URL
}

// Write writes the file of b with its words in lang, and gives how many bytes it
// has. w may be io.Discard.
func (m *Maker) Write(ctx context.Context, w io.Writer, b *Bundle, lang locale.Tag) (int64, error) {
	skeleton, err := m.skeleton(b, lang)
	if err != nil {
		return 0, err
	}
	n := &counting{w: w}
	at := 0
	for _, place := range mediumPlace.FindAllSubmatchIndex(skeleton, -1) {
		if _, err := n.Write(skeleton[at:place[2]]); err != nil {
			return n.n, err
		}
		if err := m.medium(ctx, n, b, string(skeleton[place[4]:place[5]])); err != nil {
			return n.n, err
		}
		at = place[3]
	}
	_, err = n.Write(skeleton[at:])
	return n.n, err
}

// Size is how many bytes Write will write.
func (m *Maker) Size(b *Bundle, lang locale.Tag) (int64, error) {
	skeleton, err := m.skeleton(b, lang)
	if err != nil {
		return 0, err
	}
	size := int64(len(skeleton))
	for _, place := range mediumPlace.FindAllSubmatch(skeleton, -1) {
		size += (b.Inside[string(place[2])].Size+2)/3*4 - int64(len(place[1]))
	}
	return size, nil
}

// mediumPlace is where in a skeleton a medium's bytes come. Words of people can
// hold no plain quotation mark there, so they cannot imitate one.
var mediumPlace = regexp.MustCompile(`="data:[a-z0-9/-]{3,40};base64,(#([0-9a-f]{64})#)"`)

func (m *Maker) medium(ctx context.Context, w io.Writer, b *Bundle, sum string) error {
	f := b.Inside[sum]
	in, err := b.open(ctx, f)
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Path(), err)
	}
	defer in.Close()
	h := sha256.New()
	e := base64.NewEncoder(base64.StdEncoding, w)
	n, err := io.Copy(io.MultiWriter(e, h), io.LimitReader(in, f.Size+1))
	if err = errors.Join(err, e.Close()); err != nil {
		return fmt.Errorf("read %s: %w", f.Path(), err)
	}
	if n != f.Size || fmt.Sprintf("%x", h.Sum(nil)) != sum {
		return fault.Corrupt("verify.differs", f.Path())
	}
	return nil
}

type counting struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// skeleton is the file with a mark where each medium's bytes come.
func (m *Maker) skeleton(b *Bundle, lang locale.Tag) ([]byte, error) {
	proof, err := json.Marshal(b.Proof)
	if err != nil {
		return nil, err
	}
	v := view{CSP: m.policy, Style: template.CSS(m.style), Script: template.JS(m.script), Proof: template.JS(proof), Words: m.words}
	var ids []string
	for _, s := range b.Proof.Records {
		rec, err := record.Parse([]byte(s.Document))
		if err != nil {
			return nil, err
		}
		ids = append(ids, rec.ID)
		v.Records = append(v.Records, m.recordView(b, rec, lang))
	}
	v.Base = page.NewBase(m.cat, lang, strings.Join(ids, ", "), "")
	var out bytes.Buffer
	err = m.set.Render(&out, "file", v)
	return out.Bytes(), err
}

func (m *Maker) recordView(b *Bundle, rec record.Record, lang locale.Tag) recordView {
	v := recordView{
		ID: rec.ID, Version: rec.Version, Heading: pick(lang, rec.Title), Summary: pick(lang, rec.Summary), Correction: pick(lang, rec.Correction),
		Facts: []words{{Text: m.cat.T(lang, "site.what."+rec.What)}},
	}
	if h := rec.Happened; h.From != "" {
		text := h.From
		if h.To != "" {
			text += " – " + h.To
		}
		v.Facts = append(v.Facts, words{Text: text})
	}
	if w := pick(lang, rec.Place.Words); w.Text != "" {
		v.Facts = append(v.Facts, w)
	}
	v.Facts = append(v.Facts, words{Text: m.cat.T(lang, "site.record.published", rec.Day)})
	for _, k := range rec.Known {
		v.Known = append(v.Known, pick(lang, k))
	}
	for _, c := range rec.Claims {
		v.Claims = append(v.Claims, said{pick(lang, c.Source), pick(lang, c.Words), c.Day})
	}
	for _, a := range rec.Answers {
		v.Answers = append(v.Answers, said{pick(lang, a.Authority), pick(lang, a.Words), a.Day})
	}
	for _, medium := range rec.Media {
		v.Media = append(v.Media, m.mediumView(b, medium, lang))
	}
	return v
}

func (m *Maker) mediumView(b *Bundle, medium record.Media, lang locale.Tag) mediumView {
	v := mediumView{Label: pick(lang, medium.Label), Covered: pick(lang, medium.Covered)}
	if medium.Poster != nil {
		v.Poster = inside(b, *medium.Poster)
	}
	f := Rendition(medium)
	source := inside(b, f)
	switch kind, _, _ := strings.Cut(f.Type, "/"); {
	case source == "":
		v.Outside = true
	case kind == "video":
		v.Film = source
	case kind == "audio":
		v.Sound = source
	case kind == "image":
		v.Picture = source
	}
	for _, c := range medium.Captions() {
		if at := inside(b, c); at != "" && v.Film != "" {
			t := track{Lang: c.Language, Name: c.Language, Source: at}
			if tag, ok := locale.Parse(strings.ToLower(c.Language)); ok {
				t.Lang, t.Name = tag.HTML(), cmp.Or(tag.Name(), c.Language)
			}
			v.Tracks = append(v.Tracks, t)
		}
	}
	return v
}

// inside is where a medium comes in the skeleton, "" when it is not in the file.
func inside(b *Bundle, f record.File) template.URL {
	if _, ok := b.Inside[f.SHA256]; !ok {
		return ""
	}
	return template.URL("data:" + f.Type + ";base64,#" + f.SHA256 + "#")
}
