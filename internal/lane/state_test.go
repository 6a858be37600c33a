package lane

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"kua/internal/authority"
	"kua/internal/fault"
)

// TestTransitions tries every move of every actor from every state, each with
// all that it could need: those of the table pass, all others are refused.
func TestTransitions(t *testing.T) {
	states := []State{AwaitingCheck, Routed, Delivered, Registered, InWork, Planned, InfoNeeded, Mended, Refused, Redirected, Withdrawn, Merged}
	passed := map[State]bool{}
	for _, from := range states {
		for _, by := range []Actor{ByHouse, ByOfficial, ByHolder, ""} {
			for _, to := range states {
				m := Move{To: to, By: by, Reason: "made up", On: "2030-01-01", Owner: "roads", Number: "17", Picture: "ab", Into: 7}
				err := m.check(Report, from, authority.Category{Proof: authority.Photo}, "2026-11-28")
				if slices.Contains(Next(from, by), to) {
					if passed[to] = true; err != nil {
						t.Errorf("%s moves %s to %s: %v", by, from, to, err)
					}
				} else if !errors.Is(err, fault.Conflict("lane.transition")) {
					t.Errorf("%s moves %s to %s: %v, want lane.transition", by, from, to, err)
				}
			}
		}
	}
	for _, s := range states {
		if !passed[s] && s != AwaitingCheck { // where a request begins
			t.Errorf("no move leads to %s", s)
		}
	}
	// What decides whom the numbers flatter, said once more by hand.
	for _, c := range []struct {
		from State
		by   Actor
		want string
	}{
		{Routed, ByOfficial, "[]"}, {Mended, ByOfficial, "[]"}, {Refused, ByOfficial, "[]"}, {Mended, ByHouse, "[]"},
		{Mended, ByHolder, "[in_work]"}, {Refused, ByHolder, "[in_work]"}, {Withdrawn, ByHouse, "[]"}, {Redirected, ByOfficial, "[]"},
	} {
		if got := fmt.Sprint(Next(c.from, c.by)); got != c.want {
			t.Errorf("%s may move %s to %s, want %s", c.by, c.from, got, c.want)
		}
	}
}

// FuzzCode: whatever is typed is a code or refused; a code survives its own spelling.
func FuzzCode(f *testing.F) {
	f.Add(NewCode())
	f.Add(" 0O1l-ABCD EFGH-ijkl ")
	f.Fuzz(func(t *testing.T, typed string) {
		hash, err := hashCode(typed)
		if err != nil {
			if !errors.Is(err, fault.Invalid("lane.bad_code")) {
				t.Error(err)
			}
			return
		}
		if again, err := hashCode("  " + typed + " "); err != nil || again != hash {
			t.Errorf("%q is another code with blanks around it", typed)
		}
	})
}
