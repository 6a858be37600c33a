package deskweb

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/redact"
)

// marked is a plan with something of everything in it, as people left it.
func marked() redact.Plan {
	p := redact.New("3", 1280, 720, 10*time.Second, false)
	p.By = "Aigul"
	p.Tracks = []redact.Track{{ID: "t1", By: "Aigul", Label: "face", Note: "n", W: 60, H: 50, To: 4000, EndSeen: true, Source: "f1", Points: []redact.Point{{X: 10, Y: 20}}}}
	p.Mutes = []redact.Mute{{ID: "m1", By: "Bolat", From: 100, To: 200, Note: "a name"}}
	p.Keeps = []redact.Span{{ID: "k1", By: "Aigul", From: 300, To: 400, Note: "a siren"}}
	p.Shots = []redact.Shot{{ID: "s1", To: 4000, Covered: true}, {ID: "s2", By: "Bolat", From: 4000, To: 10_000, Covered: true}}
	p.Lines = []redact.Line{{ID: "l1", From: 100, To: 900, Words: map[string]string{"ru": "Стой", "en": "Stop"}}}
	seen := redact.Suggestion{ID: "f1", What: redact.Face, Detector: "d 1", W: 40, H: 40, From: 0, To: 4000, Points: []redact.Point{{X: 15, Y: 25}}, Answer: redact.Cover, By: "Aigul"}
	open := seen
	open.ID, open.Answer, open.By, open.From, open.To = "f2", "", "", 5000, 6000
	p.Suggestions, p.Speak, p.Note, p.Reviewed = []redact.Suggestion{seen, open}, "ru", "n", true
	return p
}

func TestReadSent(t *testing.T) {
	for _, body := range []string{``, `{`, `[]`, `{"kind":"kua redaction plan","version":2}`, `{"kind":"other","version":3}`,
		`{"kind":"kua redaction plan","version":4,"muteAll":true}`, `{"kind":"kua redaction plan","version":4}{}`} {
		if _, err := readSent([]byte(body)); err == nil {
			t.Errorf("%s was taken", body)
		}
	}
}

// TestStepsAreThoseOfWhatPlays: the script steps by the frames of the film that
// it has before it, the original or its viewing copy.
func TestStepsAreThoseOfWhatPlays(t *testing.T) {
	f := (&visit{app: locked(t, nil), lang: "en", path: "/"}).frame("", "")
	film := evidence.Original{ID: 3, Medium: evidence.Medium{Kind: evidence.Film, Width: 720, Height: 1280, Milliseconds: 10_000, FramesPer1000: 7_250}}
	for copied, want := range map[bool]string{false: `"rate":7.25,`, true: `"rate":30,`} {
		view := markerView{frame: f, Player: playerView{Copied: copied}}
		if err := view.describe(film, redact.New("3", 720, 1280, 10*time.Second, false)); err != nil || !strings.Contains(view.Picture, want) {
			t.Errorf("copied %t: the script gets %s, %v", copied, view.Picture, err)
		}
	}
}

// fields are those that the form without a script has for a plan.
func fields(p redact.Plan, f frame) map[string][]string {
	v := plainOf(p, f)
	form := map[string][]string{"covered": {"open"}, "note": {v.Note}, "speak": {v.Speak}, "shots": {v.Shots}, "mutes": {v.Mutes}, "keeps": {v.Keeps}, "reviewed": {"1"}, "mute_all": {"1"}}
	if v.Covered {
		form["covered"] = []string{"covered"}
	}
	for _, r := range v.Rows {
		reveal := ""
		if r.Reveal {
			reveal = "reveal"
		}
		for name, value := range map[string]string{"id": r.ID, "label": r.Label, "reveal": reveal, "w": r.W, "h": r.H, "from": r.From, "to": r.To, "seen": r.Seen, "points": r.Points, "page": r.Page} {
			form[name] = append(form[name], value)
		}
	}
	for _, l := range v.Lines {
		form["lines."+l.Tag] = []string{l.Text}
	}
	for _, s := range v.Suggestions {
		form["answer."+s.ID], form["why."+s.ID] = []string{s.Answer}, []string{s.Note}
	}
	return form
}

// TestPlainForm: the form without a script loses nothing, and says all that the
// page says.
func TestPlainForm(t *testing.T) {
	label := func(what string) string { return "a " + what }
	words := (&visit{app: locked(t, nil), lang: locale.English, path: "/", r: httptest.NewRequest("GET", "/", nil)}).frame("", "")
	base := marked()
	read := func(change func(map[string][]string)) redact.Plan {
		t.Helper()
		form := fields(base, words)
		change(form)
		p, err := newPlainForm(base, form, label).read()
		check(t, err)
		check(t, p.Validate())
		return p
	}
	if diff := cmp.Diff(base, read(func(map[string][]string) {})); diff != "" {
		t.Errorf("a form that nobody changed: %s", diff)
	}
	p := read(func(f map[string][]string) {
		f["covered"] = []string{"open"}
		f["answer.f2"] = []string{redact.Cover}
		f["keeps"] = []string{"0:00.300 0:00.400 a siren\n1 2 a shot"}
		f["lines.en"], f["speak"] = []string{"0:01.0 0:02.5 And  go"}, []string{""}
		f["shots"] = []string{"0 4 +\n4 7 -\n7 10 +"}
		f["reveal"][0], f["seen"][0] = "reveal", "both"
	})
	switch {
	case p.Covered || len(p.Shots) != 3 || p.Shots[0].ID != "s1" || p.Shots[0].Covered || !p.Shots[1].Covered:
		t.Errorf("shots: %+v", p.Shots)
	case len(p.Tracks) != 2 || p.Tracks[1].Source != "f2" || p.Tracks[1].W != 52 || p.Tracks[1].Points[0].X != 9 || p.Tracks[1].Label != "a face":
		t.Errorf("a cover of a suggestion: %+v", p.Tracks)
	case !p.Tracks[0].Reveal || !p.Tracks[0].StartSeen || p.Tracks[0].Note != "n":
		t.Errorf("a track: %+v", p.Tracks[0])
	case len(p.Keeps) != 2 || p.Keeps[0].ID != "k1" || p.Keeps[1].Note != "a shot":
		t.Errorf("kept: %+v", p.Keeps)
	case len(p.Lines) != 2 || p.Lines[0].Words["en"] != "" || p.Lines[0].Words["ru"] != "Стой" || p.Lines[1].Words["en"] != "And go":
		t.Errorf("lines: %+v", p.Lines)
	}
	if p := read(func(f map[string][]string) { f["answer.f1"], f["why.f1"] = []string{redact.Leave}, []string{"no face"} }); len(p.Tracks) != 0 || p.Suggestions[0].Note != "no face" {
		t.Errorf("a cover whose suggestion is left: %+v", p.Tracks)
	}
	for name, bad := range map[string]string{"shots": "0 4 x", "keeps": "x", "mutes": "1", "lines.ru": "a b"} {
		form := fields(base, words)
		form[name] = []string{bad}
		if _, err := newPlainForm(base, form, label).read(); err == nil {
			t.Errorf("%s: %q was taken", name, bad)
		}
	}
	for name, half := range map[string]func(f map[string][]string, fresh int){
		"a width alone":            func(f map[string][]string, fresh int) { f["w"][fresh], f["points"][fresh] = "100", "0 10 10" },
		"a place without a size":   func(f map[string][]string, fresh int) { f["points"][fresh] = "0 10 10" },
		"an old one's height gone": func(f map[string][]string, _ int) { f["h"][0] = "" },
	} {
		form := fields(base, words)
		half(form, len(form["w"])-1)
		if _, err := newPlainForm(base, form, label).read(); !errors.Is(err, fault.Invalid("deskweb.marker.size_cell")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	doc := redact.NewDocument("3", []redact.Page{{H: 1600, Picture: strings.Repeat("1a", 32), W: 1140}, {H: 760, Picture: strings.Repeat("2b", 32), W: 1600}})
	doc.Boxes = []redact.Box{{ID: "b1", Page: 2, Reveal: true, X: 10, Y: 10, W: 900, H: 600, Corners: []redact.Corner{{X: 10, Y: 10}, {X: 910, Y: 10}, {X: 10, Y: 610}}}}
	doc.Suggestions = []redact.Suggestion{{ID: "f1", What: redact.Face, Detector: "d", Page: 1, W: 40, H: 40, Points: []redact.Point{{X: 50, Y: 60}}}}
	got, err := newPlainForm(doc, fields(doc, words), label).read()
	check(t, err)
	doc.Reviewed = true // as the form says
	if diff := cmp.Diff(doc, got); diff != "" {
		t.Errorf("a document's form that nobody changed: %s", diff)
	}
	pages := fields(doc, words)
	pages["answer.f1"] = []string{redact.Cover}
	got, err = newPlainForm(doc, pages, label).read()
	check(t, err)
	if len(got.Boxes) != 2 || got.Boxes[1].Page != 1 || got.Validate() != nil {
		t.Errorf("a suggestion on a page that was covered: %+v", got.Boxes)
	}
	for _, bad := range []string{"", "0", "3", "x"} {
		pages["page"][0] = bad
		if _, err := newPlainForm(doc, pages, label).read(); err == nil {
			t.Errorf("page %q was taken", bad)
		}
	}
	form := fields(base, words)
	form["keeps"] = []string{strings.Repeat("1 2\n", redact.MaxShots+1)}
	if _, err := newPlainForm(base, form, label).read(); err == nil {
		t.Error("lines without end were taken")
	}
}
