package redact

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestWithFound merges a machine's finds and keeps everything a person did.
func TestWithFound(t *testing.T) {
	p := New("1", 1000, 800, 10*time.Second, true)
	p.Reviewed = true
	face := Suggestion{What: Face, Detector: "d 1", W: 50, H: 60, From: 100, To: 900, Points: []Point{{At: 100, X: 5, Y: 5}}}
	plate := Suggestion{What: Plate, Detector: "d 1", W: 90, H: 30, From: 100, To: 900, Points: []Point{{At: 100, X: 500, Y: 5}}}

	first, changed := p.WithFound([]int64{4000, 7000}, []Suggestion{face})
	if !changed || first.Reviewed {
		t.Error("new suggestions leave the plan gone through")
	}
	want := []Shot{{ID: "s1", To: 4000, Covered: true}, {ID: "s2", From: 4000, To: 7000, Covered: true}, {ID: "s3", From: 7000, To: 10_000, Covered: true}}
	if diff := cmp.Diff(want, first.Shots); diff != "" {
		t.Error(diff)
	}
	if err := first.Validate(); err != nil {
		t.Fatal(err)
	}
	if again, changed := first.WithFound([]int64{4000, 7000}, []Suggestion{face}); changed {
		t.Errorf("the same finds change the plan: %+v", again)
	}

	// A person decides one shot, moves its end, and answers.
	first.Shots[1] = Shot{ID: "s2", By: "Aigul", From: 4000, To: 6500}
	first.Suggestions[0].Answer, first.Suggestions[0].By = Leave, "Aigul"
	first.Tracks = []Track{{ID: "s4", By: "Aigul", W: 50, H: 50, To: 9000, Points: []Point{{}}}}
	first.Shots[2].From = 6500
	second, changed := first.WithFound([]int64{2000, 5000, 6500}, []Suggestion{face, plate})
	if !changed {
		t.Fatal("nothing changed")
	}
	want = []Shot{{ID: "s5", To: 2000, Covered: true}, {ID: "s6", From: 2000, To: 4000, Covered: true}, {ID: "s2", By: "Aigul", From: 4000, To: 6500}, {ID: "s3", From: 6500, To: 10_000, Covered: true}}
	if diff := cmp.Diff(want, second.Shots); diff != "" {
		t.Error(diff)
	}
	if len(second.Suggestions) != 2 || second.Suggestions[0].Answer != Leave || second.Suggestions[1].ID == second.Suggestions[0].ID || len(second.Tracks) != 1 {
		t.Errorf("suggestions %+v", second.Suggestions)
	}
	if err := second.Validate(); err != nil {
		t.Fatal(err)
	}
	// What nobody answered and no machine sees any more is taken away.
	third, _ := second.WithFound(nil, []Suggestion{face})
	if len(third.Suggestions) != 1 || third.Suggestions[0].Answer != Leave {
		t.Errorf("suggestions %+v", third.Suggestions)
	}
}

// TestFoundBeyondTheLimit: what has no room any more is asked about page by page,
// once, and other finds ask again.
func TestFoundBeyondTheLimit(t *testing.T) {
	p := NewDocument("1", sheets)
	at := func(page, x int) Suggestion {
		return Suggestion{What: Face, Detector: "d 1", Page: page, W: 9, H: 9, Points: []Point{{X: x % 1000, Y: x / 1000}}}
	}
	var seen []Suggestion
	for x := range MaxSuggestions - 1 {
		seen = append(seen, at(1, x))
	}
	seen = append(seen, at(2, 1), at(2, 2), at(3, 1), at(3, 2))
	full, changed := p.WithFound(nil, seen)
	if !changed || len(full.Suggestions) != MaxSuggestions+2 {
		t.Fatalf("%d suggestions, want %d", len(full.Suggestions), MaxSuggestions+2)
	}
	if err := full.Validate(); err != nil {
		t.Fatal(err)
	}
	for i, page := range []int{2, 3} {
		s := full.Suggestions[MaxSuggestions+i]
		if w, h := p.Size(page); s.Page != page || s.W != w || s.H != h || s.Points[0] != (Point{}) {
			t.Errorf("the question about page %d: %+v", page, s)
		}
	}
	for i := range full.Suggestions {
		full.Suggestions[i].Answer, full.Suggestions[i].Note, full.Suggestions[i].By = Leave, "no", "Aigul"
	}
	full.Reviewed = true
	if again, changed := full.WithFound(nil, seen); changed || !again.Reviewed {
		t.Errorf("the same finds ask again: %d suggestions", len(again.Suggestions))
	}
	more, _ := full.WithFound(nil, append(seen, at(3, 3)))
	if n := len(more.Suggestions); more.Reviewed || n != MaxSuggestions+3 || more.Suggestions[n-1].Page != 3 || more.Suggestions[n-1].Answer != "" {
		t.Errorf("another find behind the limit asks nothing: %d suggestions", n)
	}
}
