package authority_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kua/internal/authority"
)

// TestInside: an area has all that lies in it, nearest first, whatever circle its parents
// go in; what a whole country's villages cost grows with their number and not with its square.
func TestInside(t *testing.T) {
	d := authority.Directory{Areas: []authority.Area{{ID: "street", Parent: "town"}, {ID: "land"}, {ID: "town", Parent: "land"}, {ID: "other"}, {ID: "village", Parent: "land"}}}
	if diff := cmp.Diff([]string{"land", "town", "village", "street"}, d.Inside("land")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"gone"}, d.Inside("gone")); diff != "" {
		t.Error(diff)
	}
	circle := authority.Directory{Areas: []authority.Area{{ID: "a", Parent: "b"}, {ID: "b", Parent: "a"}}}
	if diff := cmp.Diff([]string{"a", "b"}, circle.Inside("a")); diff != "" {
		t.Error(diff)
	}
	const villages = 60_000
	for i := range villages {
		d.Areas = append(d.Areas, authority.Area{ID: fmt.Sprint("v", i), Parent: "land"})
	}
	began := time.Now()
	if n := len(d.Inside("land")); n != villages+4 {
		t.Errorf("%d lie in it, want %d", n, villages+4)
	}
	if took := time.Since(began); took > 2*time.Second { // their square: 3.6 thousand million comparisons
		t.Errorf("it took %v", took)
	}
}

// TestNow: who asks for an area that is gone is led to the one around it; where none is left, they
// are led to no other, and not to all.
func TestNow(t *testing.T) {
	d := authority.Directory{Areas: []authority.Area{{ID: "east"}, {ID: "west"}, {ID: "town", Parent: "east"}}}
	d.Former.Areas = []authority.Area{{ID: "lane", Parent: "town"}, {ID: "island"}}
	for area, want := range map[string]string{"lane": "town", "island": "island", "town": "town"} {
		if got := d.Now(area); got != want {
			t.Errorf("%s is %q now, want %q", area, got, want)
		}
	}
	if diff := cmp.Diff([]string{"island"}, d.Inside(d.Now("island"))); diff != "" {
		t.Error(diff)
	}
}
