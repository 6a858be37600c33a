package redact

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kua/internal/fault"
)

var (
	one, two = strings.Repeat("1a", 32), strings.Repeat("2b", 32)
	sheets   = []Page{{1600, one, 1140}, {760, two, 1600}, {1600, one, 1140}}
)

// TestDocumentPlan wants every box of a document on one of its pages, and none
// of a photo on any.
func TestDocumentPlan(t *testing.T) {
	doc := func(change func(*Plan)) Plan {
		p := Plan{Kind: Kind, Version: Version, Pages: sheets, Boxes: []Box{{ID: "b", Page: 3, X: 10, Y: 1500, W: 300, H: 40}}}
		change(&p)
		return p
	}
	for name, tt := range map[string]struct {
		plan Plan
		ok   bool
	}{
		"honest":             {doc(func(*Plan) {}), true},
		"a page too many":    {doc(func(p *Plan) { p.Boxes[0].Page = 4 }), false},
		"no page":            {doc(func(p *Plan) { p.Boxes[0].Page = 0 }), false},
		"outside the page":   {doc(func(p *Plan) { p.Boxes[0].Y = PageSide }), false},
		"below a short page": {doc(func(p *Plan) { p.Boxes[0].Page = 2 }), false},
		"revealed":           {doc(func(p *Plan) { p.Covered, p.Boxes[0].Reveal = true, true }), true},
		"a free shape": {doc(func(p *Plan) {
			p.Boxes[0].Corners = []Corner{{X: 10, Y: 1500}, {X: 310, Y: 1500}, {X: 10, Y: 1540}}
		}), true},
		"a suggestion": {doc(func(p *Plan) {
			p.Suggestions = []Suggestion{{ID: "f", What: Face, Page: 2, W: 9, H: 9, Points: []Point{{}}}}
		}), true},
		"a suggestion on no page": {doc(func(p *Plan) { p.Suggestions = []Suggestion{{ID: "f", What: Face, W: 9, H: 9, Points: []Point{{}}}} }), false},
		"a suggestion on a page 4": {doc(func(p *Plan) {
			p.Suggestions = []Suggestion{{ID: "f", What: Face, Page: 4, W: 9, H: 9, Points: []Point{{}}}}
		}), false},
		"a film's track":            {doc(func(p *Plan) { p.Tracks = []Track{{ID: "t", W: 9, H: 9, Points: []Point{{}}}} }), false},
		"a page without size":       {doc(func(p *Plan) { p.Pages = []Page{{Picture: one}, {9, one, 9}, {1600, one, 9}} }), false},
		"a page larger than can be": {doc(func(p *Plan) { p.Pages = []Page{{9, one, 9}, {9, one, 9}, {1601, one, 9}} }), false},
		"a page without a picture":  {doc(func(p *Plan) { p.Pages = []Page{sheets[0], sheets[1], {1600, "", 1140}} }), false},
		"a picture in capitals":     {doc(func(p *Plan) { p.Pages = []Page{sheets[0], sheets[1], {1600, strings.ToUpper(one), 1140}} }), false},
		"a document with a size":    {doc(func(p *Plan) { p.Width, p.Height = 10, 10 }), false},
		"too many pages":            {doc(func(p *Plan) { p.Pages = make([]Page, MaxPages+1) }), false},
		"a photo with a page":       {doc(func(p *Plan) { p.Pages, p.Width, p.Height = nil, 2000, 2000 }), false},
	} {
		if err := tt.plan.Validate(); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDocumentBeginsHidden asks why nothing is shown, asks by page, and goes
// through JSON and back.
func TestDocumentBeginsHidden(t *testing.T) {
	p := NewDocument("3", sheets)
	if got := p.Questions(); len(got) != 1 || got[0].Kind != AskNothing || p.Empty() {
		t.Errorf("a new plan asks %+v", got)
	}
	face := Suggestion{What: Face, Detector: "d", Page: 2, W: 50, H: 60, Points: []Point{{X: 5, Y: 5}}}
	other := face
	other.Page = 3
	p, changed := p.WithFound(nil, []Suggestion{face, other})
	if !changed || len(p.Suggestions) != 2 || len(p.Shots) != 0 {
		t.Fatalf("the same place on two pages: %+v", p.Suggestions)
	}
	p.Boxes = []Box{{ID: "b", Page: 1, Reveal: true, W: 500, H: 500}}
	if got := p.Questions(); len(got) != 2 || got[0] != (Question{AskSuggestion, "f1", 0, 2}) || got[1].Page != 3 {
		t.Errorf("asks %+v", got)
	}
	b, err := p.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(b)
	if diff := cmp.Diff(p, got); err != nil || diff != "" {
		t.Errorf("%v: %s", err, diff)
	}
	if w, h := p.Size(2); w != 1600 || h != 760 {
		t.Errorf("page 2 is %d × %d", w, h)
	}
	if w, _ := p.Size(4); w != 0 {
		t.Error("page 4 has a size")
	}
}

// TestCoveredOnItsPage asks again about what was said to be covered when its cover
// lies on another page, or beside it.
func TestCoveredOnItsPage(t *testing.T) {
	p := NewDocument("3", sheets)
	p.Covered = false
	p.Suggestions = []Suggestion{{ID: "f", Answer: Cover, What: Face, Page: 2, W: 40, H: 40, Points: []Point{{X: 100, Y: 100}}}}
	for name, tt := range map[string]struct {
		box  Box
		asks bool
	}{
		"on it":           {Box{Page: 2, X: 90, Y: 90, W: 60, H: 60}, false},
		"another page":    {Box{Page: 3, X: 90, Y: 90, W: 60, H: 60}, true},
		"beside it":       {Box{Page: 2, X: 140, Y: 90, W: 60, H: 60}, true},
		"it is a reveal":  {Box{Page: 2, X: 90, Y: 90, W: 60, H: 60, Reveal: true}, true},
		"touches a pixel": {Box{Page: 2, X: 139, Y: 139, W: 60, H: 60}, false},
	} {
		tt.box.ID, tt.box.Source = "b", "f"
		p.Boxes = []Box{tt.box}
		if got := p.Questions(); (len(got) == 1 && got[0] == (Question{AskUncovered, "f", 0, 2})) != tt.asks || len(got) > 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestOnPages: marks made on other pictures of the same sizes stay and are gone
// through anew; other sizes begin anew.
func TestOnPages(t *testing.T) {
	p := NewDocument("3", sheets)
	p.Covered, p.Reviewed, p.Boxes = false, true, []Box{{ID: "b", Page: 1, W: 40, H: 40}}
	if got := p.OnPages(slices.Clone(sheets)); !got.Reviewed || got.Covered {
		t.Errorf("the same pages: %+v", got)
	}
	other := slices.Clone(sheets)
	other[2].Picture = two
	if got := p.OnPages(other); got.Reviewed || got.Covered || len(got.Boxes) != 1 || !slices.Equal(got.Pages, other) || !p.Reviewed {
		t.Errorf("another picture: %+v", got)
	}
	for _, other := range [][]Page{sheets[:2], {sheets[0], sheets[1], {1600, one, 1100}}} {
		if got := p.OnPages(other); !got.Covered || got.Reviewed || len(got.Boxes) != 0 || !slices.Equal(got.Pages, other) {
			t.Errorf("other sizes: %+v", got)
		}
	}
}

// TestOlderVersions reads plans of version 2, but for a document's, whose pages
// had no sizes, or no pictures.
func TestOlderVersions(t *testing.T) {
	p, err := Parse([]byte(`{"covered":true,"height":10,"kind":"kua redaction plan","mute_all":true,"reviewed":true,"version":2,"width":10}`))
	if err != nil || !p.Covered || p.Version != Version {
		t.Errorf("got %+v, %v", p, err)
	}
	for _, old := range []string{`{"covered":false,"kind":"kua redaction plan","pages":3,"version":2}`, `{"kind":"kua redaction plan","pages":[{"h":9,"w":9}],"version":1}`, `{"kind":"kua redaction plan","pages":[{"h":9,"w":9}],"reviewed":true,"version":3}`} {
		if _, err := Parse([]byte(old)); !errors.Is(err, fault.Invalid("redact.old_document")) {
			t.Errorf("%s: %v", old, err)
		}
	}
	for _, bad := range []string{`{"kind":"kua redaction plan","pages":3,"version":4}`, `{"kind":"kua redaction plan","version":5}`, `{"kind":"kua redaction plan","version":0}`, `{"kind":"kua redaction plan","version":-1}`} {
		if _, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

// TestOnto: what a person sends is kept whole, what did not change keeps its
// name, and nobody puts another's name or other eyes into a plan.
func TestOnto(t *testing.T) {
	base := film()
	base.By, base.Reviewed = "Aigul", true
	base.Mutes[0].By = "Bolat"
	base.Keeps = []Span{{ID: "k1", By: "Aigul", From: 300, To: 400}}
	base.Shots = []Shot{{ID: "s1", To: 4000, Covered: true}, {ID: "s2", By: "Bolat", From: 4000, To: 12_000, Covered: true}}
	seen := Suggestion{ID: "f1", What: Face, Detector: "d 1", W: 40, H: 40, To: 4000, Points: []Point{{X: 15, Y: 25}}, Answer: Leave, Note: "she agreed", By: "Aigul"}
	open := seen
	open.ID, open.Answer, open.By, open.Note = "f2", "", "", ""
	base.Suggestions = []Suggestion{seen, open}
	sent := func() Plan {
		b, err := base.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		p, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	want := base
	want.By = "Dana"
	got, err := Onto(base, sent(), "Dana")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("a plan that nobody changed: %v %s", err, diff)
	}

	mine := sent()
	mine.Original, mine.Width, mine.Duration, mine.By = "9", 5, 1, "Bolat"
	mine.Tracks[0].H, mine.Tracks[0].By = 51, "Bolat"
	mine.Mutes[0].By = "Aigul"
	mine.Shots[0].Covered = false
	mine.Suggestions[1].Answer, mine.Suggestions[1].Note, mine.Suggestions[1].W, mine.Suggestions[1].By = Leave, "nothing", 9000, "Bolat"
	mine.Suggestions = append(mine.Suggestions, Suggestion{ID: "f9", What: Face, W: 40, H: 40, Points: []Point{{}}})
	before := slices.Clone(mine.Tracks)
	got, err = Onto(base, mine, "Dana")
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case got.Original != base.Original || got.Width != 1080 || got.Duration != 12_000 || got.By != "Dana":
		t.Errorf("what the plan is for: %+v", got)
	case got.Tracks[0].By != "Dana" || got.Mutes[0].By != "Bolat" || got.Keeps[0].By != "Aigul" || got.Shots[0].By != "Dana" || got.Shots[1].By != "Bolat":
		t.Errorf("names: %+v", got)
	case len(got.Suggestions) != 2 || got.Suggestions[0].By != "Aigul" || got.Suggestions[1].By != "Dana" || got.Suggestions[1].W != 40 || got.Suggestions[1].Note != "nothing":
		t.Errorf("suggestions: %+v", got.Suggestions)
	case !cmp.Equal(before, mine.Tracks):
		t.Error("what was sent was changed in place")
	}

	// A suggestion that vanished is open again, and the plan is not looked through.
	mine = sent()
	mine.Suggestions = mine.Suggestions[1:]
	got, err = Onto(base, mine, "Dana")
	if err != nil || got.Reviewed || len(got.Suggestions) != 2 || got.Suggestions[0].Answer != "" || got.Suggestions[0].Note != "" || got.Suggestions[0].By != "" {
		t.Errorf("a suggestion that was not sent: %v, %+v", err, got.Suggestions)
	}
	mine = sent()
	mine.Suggestions[1].Answer, mine.Suggestions[1].Note = Leave, " "
	if _, err := Onto(base, mine, "Dana"); !errors.Is(err, fault.Invalid("redact.left_without_reason")) {
		t.Errorf("left without a reason: %v", err)
	}
	// A shot that nobody decided and that goes by the choice for the whole is still undecided.
	if got, err = Onto(base, Begin(sent(), false), "Dana"); err != nil || got.Covered || got.Shots[0].Covered || got.Shots[0].By != "" || !got.Shots[1].Covered {
		t.Errorf("the choice: %v, %+v", err, got.Shots)
	}
}
