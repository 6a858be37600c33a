package casefile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kua/internal/casefile"
	"kua/internal/fault"
	"kua/internal/parcel"
)

func TestMove(t *testing.T) {
	for _, c := range []struct {
		from, to casefile.State
		ok       bool
	}{
		{casefile.New, casefile.Open, true},
		{casefile.New, casefile.Drafting, true},
		{casefile.New, casefile.Published, false},
		{casefile.Open, casefile.Proposed, false},
		{casefile.Drafting, casefile.Proposed, true},
		{casefile.Proposed, casefile.Drafting, true},
		{casefile.Proposed, casefile.Published, true},
		{casefile.Proposed, casefile.Closed, false},
		{casefile.Published, casefile.Drafting, true},
		{casefile.Closed, casefile.Published, false},
		{casefile.Closed, casefile.Open, true},
		{casefile.Open, casefile.Open, true},
	} {
		err := casefile.Move(c.from, c.to)
		if c.ok && err != nil || !c.ok && !errors.Is(err, fault.Conflict("casefile.cannot_move")) {
			t.Errorf("Move(%s, %s) = %v, want allowed %t", c.from, c.to, err, c.ok)
		}
	}
}

func TestRounded(t *testing.T) {
	exact := &parcel.Point{Lat: 43.238949, Lon: 76.889709}
	for _, c := range []struct {
		name  string
		place casefile.Place
		want  *parcel.Point
	}{
		{"none", casefile.Place{Point: exact}, nil},
		{"no point", casefile.Place{Coarseness: casefile.Region}, nil},
		{"region", casefile.Place{Point: exact, Coarseness: casefile.Region}, &parcel.Point{Lat: 43.2, Lon: 76.9}},
		{"area", casefile.Place{Point: exact, Coarseness: casefile.Area}, &parcel.Point{Lat: 43.24, Lon: 76.89}},
		{"unknown", casefile.Place{Point: exact, Coarseness: "exact"}, nil},
	} {
		if diff := cmp.Diff(c.place.Rounded(), c.want); diff != "" {
			t.Errorf("%s: got, want:\n%s", c.name, diff)
		}
	}
}

func TestFindingValidate(t *testing.T) {
	good := casefile.Finding{Subject: "original 3", Grade: casefile.Plausible, Reasons: "the shop sign matches"}
	if err := good.Validate(); err != nil {
		t.Errorf("a good finding is refused: %v", err)
	}
	for _, c := range []struct {
		name, key string
		bend      func(*casefile.Finding)
	}{
		{"no subject", "casefile.finding_subject", func(f *casefile.Finding) { f.Subject = " " }},
		{"verified", "casefile.finding_grade", func(f *casefile.Finding) { f.Grade = "verified" }},
		{"no reasons", "casefile.empty", func(f *casefile.Finding) { f.Reasons = "\n" }},
		{"too long", "casefile.too_long", func(f *casefile.Finding) { f.Reasons = strings.Repeat("a", casefile.MaxWords+1) }},
	} {
		f := good
		c.bend(&f)
		if err := f.Validate(); !errors.Is(err, fault.Invalid(c.key)) {
			t.Errorf("%s: Validate = %v, want %s", c.name, err, c.key)
		}
	}
}

func TestUnsent(t *testing.T) {
	r := casefile.Reply{Sent: []casefile.Delivery{{Node: "a"}, {Node: "b"}}}
	if !r.Unsent() {
		t.Error("a reply that no node holds counts as sent")
	}
	r.Sent[1].Sent = true
	if r.Unsent() {
		t.Error("a reply that a node holds counts as unsent")
	}
}
