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
