package redact

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestQuestions asks for everything that a person must look at, and for no more.
func TestQuestions(t *testing.T) {
	open := func() Plan {
		p := New("1", 1000, 800, 10*time.Second, true)
		p.Covered = false
		p.Shots = []Shot{{ID: "s1", To: 4000}, {ID: "s2", From: 4000, To: 10_000}}
		return p
	}
	cover := func(from, to int64, x int) Track {
		return Track{ID: "t", W: 100, H: 100, From: from, To: to, Points: []Point{{At: 0, X: x, Y: 300}}}
	}
	face := Suggestion{ID: "f", W: 50, H: 50, From: 1000, To: 2000, What: Face, Points: []Point{{At: 1000, X: 5, Y: 5}}}
	for _, tt := range []struct {
		name string
		make func(p *Plan)
		want []Question
	}{
		{"nothing to ask", func(p *Plan) {}, nil},
		{"all of the shot", func(p *Plan) { p.Tracks = []Track{cover(4000, 10_000, 400)} }, nil},
		{"the whole film", func(p *Plan) { p.Tracks = []Track{cover(0, 10_000, 400)} }, nil},
		{"up to a cut", func(p *Plan) { p.Tracks = []Track{cover(0, 3999, 400)} }, nil},
		{"begins and ends in the middle", func(p *Plan) { p.Tracks = []Track{cover(4500, 6000, 400)} },
			[]Question{{Kind: AskStart, ID: "t", At: 4500}, {Kind: AskEnd, ID: "t", At: 6000}}},
		{"somebody looked", func(p *Plan) {
			p.Tracks = []Track{cover(4500, 6000, 400)}
			p.Tracks[0].StartSeen, p.Tracks[0].EndSeen = true, true
		}, nil},
		{"at the edge of the picture", func(p *Plan) { p.Tracks = []Track{cover(4500, 6000, 900)} }, nil},
		{"a reveal may end", func(p *Plan) { p.Tracks = []Track{cover(4500, 6000, 400)}; p.Tracks[0].Reveal = true }, nil},
		{"under a covered shot", func(p *Plan) { p.Tracks = []Track{cover(4500, 6000, 400)}; p.Shots[1].Covered = true }, nil},
		{"over a reveal", func(p *Plan) {
			p.Shots[1].Covered = true
			seen := cover(4000, 10_000, 0)
			seen.ID, seen.Reveal = "r", true
			p.Tracks = []Track{cover(4500, 6000, 400), seen}
		}, []Question{{Kind: AskStart, ID: "t", At: 4500}, {Kind: AskEnd, ID: "t", At: 6000}}},
		{"a suggestion", func(p *Plan) { p.Suggestions = []Suggestion{face} }, []Question{{Kind: AskSuggestion, ID: "f", At: 1000}}},
		{"left", func(p *Plan) { face.Answer = Leave; p.Suggestions = []Suggestion{face} }, nil},
		{"covered, but not", func(p *Plan) { face.Answer = Cover; p.Suggestions = []Suggestion{face} }, []Question{{Kind: AskUncovered, ID: "f", At: 1000}}},
		{"covered", func(p *Plan) {
			face.Answer = Cover
			p.Suggestions = []Suggestion{face}
			p.Tracks = []Track{cover(0, 4000, 0)}
			p.Tracks[0].Source, p.Tracks[0].Points[0].Y = "f", 40
		}, nil},
		{"covered, but elsewhere", func(p *Plan) {
			face.Answer = Cover
			p.Suggestions = []Suggestion{face}
			p.Tracks = []Track{cover(0, 4000, 0)}
			p.Tracks[0].Source = "f"
		}, []Question{{Kind: AskUncovered, ID: "f", At: 1000}}},
		{"covered, but at another time", func(p *Plan) {
			face.Answer = Cover
			p.Suggestions = []Suggestion{face}
			p.Tracks = []Track{cover(4000, 10_000, 0)}
			p.Tracks[0].Source, p.Tracks[0].Points[0].Y = "f", 0
		}, []Question{{Kind: AskUncovered, ID: "f", At: 1000}}},
		{"all black", func(p *Plan) { p.Covered, p.Shots = true, nil }, []Question{{Kind: AskNothing}}},
		{"all black, on purpose", func(p *Plan) { p.Covered, p.Shots, p.Note = true, nil, "only the sound" }, nil},
		{"one shot is open", func(p *Plan) { p.Covered = true }, nil},
	} {
		p := open()
		tt.make(&p)
		if err := p.Validate(); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, p.Questions()); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// TestPlaceVectors holds Place to the vectors that page and renderer are held to.
func TestPlaceVectors(t *testing.T) {
	raw, err := os.ReadFile("../../spec/vectors/covers.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Covers []struct {
			Name  string
			Cover Track
			At    []struct {
				T       int64
				Covered bool
				X, Y    int
			}
		}
	}
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors.Covers) == 0 {
		t.Fatalf("vectors: %v", err)
	}
	for _, v := range vectors.Covers {
		for _, at := range v.At {
			if got := v.Cover.Place(at.T); at.Covered && (got.X != at.X || got.Y != at.Y) {
				t.Errorf("%s, %d ms: got %+v, want %d,%d", v.Name, at.T, got, at.X, at.Y)
			}
		}
	}
}
