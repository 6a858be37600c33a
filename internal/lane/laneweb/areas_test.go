package laneweb

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kua/internal/authority"
	"kua/internal/locale"
)

// TestAreasOffered: of a city's areas a filter offers all, of a country's those that lead on; a
// list of the whole country is one of all.
func TestAreasOffered(t *testing.T) {
	d := authority.Directory{Areas: []authority.Area{{ID: "land"}}}
	for region := range 10 {
		at := fmt.Sprint("r", region)
		d.Areas = append(d.Areas, authority.Area{ID: at, Parent: "land"})
		for village := range 30 {
			d.Areas = append(d.Areas, authority.Area{ID: fmt.Sprint(at, "v", village), Parent: at})
		}
	}
	of := func(d authority.Directory, chosen string) (ids []string) {
		for _, n := range leading(d, locale.English, chosen) {
			ids = append(ids, n.ID)
			if n.Chosen != (n.ID == chosen) {
				t.Errorf("%s is chosen: %v", n.ID, n.Chosen)
			}
		}
		return ids
	}
	regions := []string{"land", "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9"}
	for chosen, want := range map[string]int{"": 11, "land": 11, "gone": 11, "r3": 41, "r3v7": 41} {
		got := of(d, chosen)
		if len(got) != want {
			t.Errorf("%q: %d areas are offered, want %d: %v", chosen, len(got), want, got)
		}
	}
	if diff := cmp.Diff(regions, of(d, "")); diff != "" {
		t.Error(diff)
	}
	if all := within(d, "land"); all != nil {
		t.Errorf("the whole land is asked for by %d areas", len(all))
	}
	if all := within(d, "r3"); len(all) != 31 {
		t.Errorf("a region has %d areas, want 31", len(all))
	}
	few := authority.Directory{Areas: d.Areas[:allAreas]}
	if n := len(of(few, "")); n != allAreas {
		t.Errorf("of a city %d areas are offered, want %d", n, allAreas)
	}
}
