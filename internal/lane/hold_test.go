package lane

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzHold: whatever is written, what the rules find stands in it, and a text is
// the same as itself.
func FuzzHold(f *testing.F) {
	f.Add("звоните +7 (701) 123-45-67, a.b@example.kz, t.me/x, @drivers 2026-11-28 18")
	f.Add(strings.Repeat("люк открыт ", 9))
	f.Add("1 2 3 4 5 6 7 8 9 -- 0")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return // never comes this far
		}
		if left := private(Masked(s)); len(left) != 0 {
			t.Errorf("%q is left of %q", left, s)
		}
		for _, found := range private(s) {
			if found == "" || !strings.Contains(s, found) {
				t.Errorf("%q was found in %q", found, s)
			}
		}
		all := pieces(s)
		if len(all) > 0 && (inCommon(all, all) != 1 || !slices.IsSorted(all) || len(marksOf(all)) != bands) {
			t.Errorf("%q is not like itself", s)
		}
	})
}
