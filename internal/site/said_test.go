package site

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"kua/internal/caption"
	"kua/internal/fault"
	"kua/internal/record"
)

// captioned gives a record's film subtitles.
func (c *collective) captioned(tb testing.TB, r *record.Record, language string, cues ...caption.Cue) {
	tb.Helper()
	b, err := caption.Write(cues, 95_000)
	if err != nil {
		tb.Fatal(err)
	}
	f := record.File{Rung: record.CaptionsRung(language), Type: caption.Type, Language: language}
	f.SHA256, f.Size = c.blob(string(b))
	r.Media[0].Files = append(r.Media[0].Files, f)
}

// TestCaptions shows subtitles on the record's pages: as tracks of the film and
// to be read, escaped, in the language of the page, without a script.
func TestCaptions(t *testing.T) {
	p := newPublisher(t)
	r := p.c.record(2)
	p.c.captioned(t, &r, "ru", caption.Cue{From: 1000, To: 2500, Text: "Милиционер: <b>откройте</b> & выходите"})
	p.c.captioned(t, &r, "uz", caption.Cue{From: 61000, To: 62500, Text: "Eshikni oching"})
	p.publish(r)
	all := pages(t, p.tree())
	vtt := r.Media[0].Captions()
	for name, want := range map[string][]string{
		"ru/r/0000/000002.html": {`<video controls preload="none" poster="`, `<track kind="captions" srclang="ru" label="Русский" src="../../../` + vtt[0].Path() + `" default>`,
			`srclang="uz-Latn" label="O‘zbekcha" src="../../../` + vtt[1].Path() + `">`, "<ol><li><b>0:01</b> Милиционер: &lt;b&gt;откройте&lt;/b&gt; &amp; выходите</li>", "Что сказано"},
		"uz-cyrl/r/0000/000002.html": {"<li><b>1:01</b> Эшикни очинг</li>"},
		"kk/r/0000/000002.html":      {`<ol lang="ru"><li><b>0:01</b>`, "Не айтылды"},
	} {
		for _, w := range want {
			if !strings.Contains(all[name], w) {
				t.Errorf("%s lacks %s:\n%s", name, w, all[name])
			}
		}
		if strings.Contains(all[name], "<b>откройте") || strings.Contains(all[name], "<script") {
			t.Errorf("%s: words became markup", name)
		}
		checkLinks(t, p.tree(), name, all[name])
	}
	// A sound has no picture to show them on.
	r = next(t, r, func(r *record.Record) {
		r.Correction = r.Title
		m := &r.Media[0]
		m.Type, m.Poster, m.Files = "sound", nil, append([]record.File{m.Files[0]}, m.Captions()...)
	})
	p.publish(r)
	html := pages(t, p.tree())["ru/r/0000/000002.html"]
	if strings.Contains(html, "<video") || !strings.Contains(html, "Милиционер") || !strings.Contains(html, vtt[1].Path()) {
		t.Errorf("a sound's page:\n%s", html)
	}
}

// TestLongTalk leads to the file when there is too much to read.
func TestLongTalk(t *testing.T) {
	p := newPublisher(t)
	r := p.c.record(2)
	rng := newRand(3)
	var cues []caption.Cue
	for i := range int64(90) {
		cues = append(cues, caption.Cue{From: i * 1000, To: i*1000 + 900, Text: fmt.Sprint(i, " ", prose(rng, "ru", 12))})
	}
	p.c.captioned(t, &r, "ru", cues...)
	p.publish(r)
	html := pages(t, p.tree())["ru/r/0000/000002.html"]
	if strings.Contains(html, "<details class=\"said\"") || !strings.Contains(html, "слишком длинно для этой страницы") || !strings.Contains(html, r.Media[0].Captions()[0].Path()) {
		t.Errorf("the page of a long talk:\n%s", html)
	}
	// Just what fits, in every language and with every film: no page is too heavy.
	p = newPublisher(t)
	r = p.c.record(4)
	for i := range 6 {
		m := p.c.film(4, fmt.Sprint(i+2), r.Languages, rng)
		r.Media = append(r.Media, m)
	}
	for i := range r.Media {
		one := record.Record{Media: r.Media[i : i+1]}
		for _, lang := range r.Languages {
			cost, cues := 0, []caption.Cue(nil)
			for n := int64(0); ; n++ {
				text := prose(rng, lang, 9)
				if cost += 14 + weighText(text); cost > maxSaid {
					break
				}
				cues = append(cues, caption.Cue{From: n * 1000, To: n*1000 + 900, Text: text})
			}
			p.c.captioned(t, &one, lang, cues...)
		}
	}
	p.publish(r)
	for name, html := range pages(t, p.tree()) {
		if err := p.site.checkBudget(name, []byte(html), false); err != nil {
			t.Error(err)
		}
	}
}

// TestOnlyCanonicalCaptions publishes no other spelling of subtitles: a comment
// could carry a name.
func TestOnlyCanonicalCaptions(t *testing.T) {
	p := newPublisher(t)
	r := p.c.record(2)
	f := record.File{Rung: "captionsru", Type: caption.Type, Language: "ru"}
	f.SHA256, f.Size = p.c.blob("WEBVTT\n\nNOTE typed by Aigul\n\n00:00:00.000 --> 00:00:01.000\nx\n")
	r.Media[0].Files = append(r.Media[0].Files, f)
	if _, err := p.update(p.input(p.c.change(t, r))); !errors.Is(err, fault.Invalid("caption.line")) {
		t.Errorf("got %v", err)
	}
}
