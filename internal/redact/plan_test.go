package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kua/internal/fault"
)

func film() Plan {
	p := New("0f3a", 1080, 1920, 12*time.Second, false)
	p.Tracks = []Track{{ID: "t1", Label: "man in <blue> cap", By: "Aigul", W: 120, H: 90, From: 500, To: 9000,
		Points: []Point{{At: 500, X: -20, Y: 40}, {At: 4000, X: 700, Y: 300}}}}
	p.Mutes = []Mute{{ID: "m1", From: 1000, To: 2500}}
	return p
}

func photo() Plan {
	p := New("11aa", 4000, 3000, 0, true)
	p.Boxes = []Box{{ID: "b1", X: 3900, Y: -10, W: 300, H: 200}}
	return p
}

// TestDefaults shows that a voice is muted unless its owner agreed.
func TestDefaults(t *testing.T) {
	if p := New("x", 10, 10, time.Second, false); !p.MuteAll {
		t.Error("without consent the sound is open")
	}
	if p := New("x", 10, 10, time.Second, true); p.MuteAll {
		t.Error("with consent the sound is muted")
	}
	if p := New("x", 10, 10, time.Second, true); p.Reviewed || p.Empty() || !p.Covered {
		t.Errorf("a new plan is open or claims to be looked through: %+v", p)
	}
	if p := New("x", 0, 0, time.Second, true); !p.Empty() {
		t.Error("the plan of a sound covers a picture")
	}
}

// TestVersionOne reads an older plan as it was meant: what it does not cover is open.
func TestVersionOne(t *testing.T) {
	p, err := Parse([]byte(`{"duration":1000,"height":10,"kind":"kua redaction plan","mute_all":true,"original":"1","reviewed":true,"version":1,"width":10}`))
	if err != nil || p.Covered || p.Version != Version {
		t.Errorf("got %+v, %v", p, err)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, p := range []Plan{film(), photo(), New("s", 0, 0, time.Minute, false)} {
		b, err := p.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(b)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if diff := cmp.Diff(p, got); diff != "" {
			t.Error(diff)
		}
		again, err := got.Bytes()
		if err != nil || !bytes.Equal(b, again) {
			t.Errorf("two forms of one plan:\n%s\n%s", b, again)
		}
		// Canonical: what a map, whose keys Go sorts, gives as well.
		var m any
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		var sorted bytes.Buffer
		e := json.NewEncoder(&sorted)
		e.SetEscapeHTML(false)
		if err := e.Encode(m); err != nil {
			t.Fatal(err)
		}
		if got := string(bytes.TrimSpace(sorted.Bytes())); got != string(b) {
			t.Errorf("members are not in order:\n%s\n%s", b, got)
		}
	}
}

// TestVectorsAreTracks reads the covers that page and renderer are held to as
// tracks: the names are the same.
func TestVectorsAreTracks(t *testing.T) {
	raw, err := os.ReadFile("../../spec/vectors/covers.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Covers []struct{ Cover json.RawMessage }
	}
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors.Covers) == 0 {
		t.Fatalf("vectors: %v", err)
	}
	for _, v := range vectors.Covers {
		p := New("v", 3840, 2160, 5*time.Hour, true)
		var track Track
		d := json.NewDecoder(bytes.NewReader(v.Cover))
		d.DisallowUnknownFields()
		if err := d.Decode(&track); err != nil {
			t.Fatal(err)
		}
		track.ID = "v"
		p.Tracks = []Track{track}
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", v.Cover, err)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plan  Plan
		spoil func(*Plan)
		want  string
	}{
		{"another version", film(), func(p *Plan) { p.Version = Version + 1 }, "redact.version"},
		{"another kind", film(), func(p *Plan) { p.Kind = "kua record" }, "redact.version"},
		{"half a size", film(), func(p *Plan) { p.Height = 0 }, "redact.size"},
		{"negative time", film(), func(p *Plan) { p.Duration = -1 }, "redact.size"},
		{"no points", film(), func(p *Plan) { p.Tracks[0].Points = nil }, "redact.no_points"},
		{"points out of order", film(), func(p *Plan) { p.Tracks[0].Points[1].At = 500 }, "redact.point_time"},
		{"a point before the film", film(), func(p *Plan) { p.Tracks[0].Points[0].At = -1 }, "redact.point_time"},
		{"a point far away", film(), func(p *Plan) { p.Tracks[0].Points[1].X = 1 << 20 }, "redact.point_place"},
		{"a line", film(), func(p *Plan) { p.Tracks[0].H = 1 }, "redact.track_size"},
		{"a giant", film(), func(p *Plan) { p.Tracks[0].W = 1 << 20 }, "redact.track_size"},
		{"ends before it begins", film(), func(p *Plan) { p.Tracks[0].To = 499 }, "redact.track_time"},
		{"begins after the film", film(), func(p *Plan) { p.Tracks[0].From, p.Tracks[0].To = 12001, 13000 }, "redact.track_time"},
		{"no id", film(), func(p *Plan) { p.Tracks[0].ID = "" }, "redact.id"},
		{"one id twice", film(), func(p *Plan) { p.Mutes[0].ID = "t1" }, "redact.id"},
		{"a track on a photo", photo(), func(p *Plan) { p.Tracks = film().Tracks }, "redact.not_a_film"},
		{"a track on sound", New("s", 0, 0, time.Second, true), func(p *Plan) { p.Tracks = film().Tracks }, "redact.not_a_film"},
		{"a box on a film", film(), func(p *Plan) { p.Boxes = photo().Boxes }, "redact.not_a_photo"},
		{"a box beside the photo", photo(), func(p *Plan) { p.Boxes[0].X = 4000 }, "redact.box_place"},
		{"a box above the photo", photo(), func(p *Plan) { p.Boxes[0].Y = -200 }, "redact.box_place"},
		{"mute of a photo", photo(), func(p *Plan) { p.Mutes = film().Mutes }, "redact.not_a_sound"},
		{"mute of no time", film(), func(p *Plan) { p.Mutes[0].To = 1000 }, "redact.mute_time"},
		{"a novel", film(), func(p *Plan) { p.Note = string(make([]byte, 10_000)) }, "redact.words"},
		{"too many boxes", photo(), func(p *Plan) { p.Boxes = make([]Box, MaxBoxes+1) }, "redact.too_many"},
	} {
		if err := tt.plan.Validate(); err != nil {
			t.Fatalf("%s: before: %v", tt.name, err)
		}
		tt.spoil(&tt.plan)
		if err := tt.plan.Validate(); !errors.Is(err, fault.Invalid(tt.want)) {
			t.Errorf("%s: got %v want %s", tt.name, err, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, p := range []Plan{film(), photo(), talk()} {
		b, err := p.Bytes()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"kind":"kua redaction plan","version":1,"mute_all":true,"surprise":1}`))
	f.Add([]byte(`{}{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err != nil {
			if _, ok := fault.Of(err); !ok {
				t.Fatalf("not a fault: %v", err)
			}
			return
		}
		b, err := p.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(b)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if c, _ := again.Bytes(); !bytes.Equal(b, c) {
			t.Fatalf("%s became %s", b, c)
		}
	})
}
