package lane

import (
	"slices"
	"strings"
	"testing"

	"kua/internal/lane/lanedb"
)

// TestStanding says the rule of the counts once more by hand.
func TestStanding(t *testing.T) {
	said := func(holder string, mended, partly, not int64) lanedb.Said {
		return lanedb.Said{Holder: holder, Mended: mended, Partly: partly, Nope: not}
	}
	for _, c := range []struct {
		state, answered State
		said            lanedb.Said
		want            Standing
	}{
		{AwaitingCheck, "", said("", 0, 0, 0), Waiting}, {Routed, "", said("", 0, 0, 0), Undelivered},
		{Delivered, "", said("", 0, 0, 0), Silent}, {Registered, "", said("", 0, 0, 0), Silent}, {InWork, "", said("", 0, 0, 0), Silent},
		{Planned, "", said("", 0, 0, 0), Silent}, {InfoNeeded, "", said("", 0, 0, 0), Silent},
		{Redirected, "", said("", 0, 0, 0), Passed}, {Withdrawn, "", said("", 0, 0, 0), TakenBack}, {Merged, "", said("", 0, 0, 0), Joined},
		{Mended, Mended, said("", 0, 0, 0), Claimed}, {Mended, Mended, said("mended", 0, 0, 0), Confirmed},
		{Mended, Mended, said("mended", 0, 5, 5), Confirmed}, // the holder's word decides, the others' are shown
		{Mended, Mended, said("", 99, 0, 0), Claimed},        // a supporter's code could be the authority's own
		{Mended, Mended, said("", 99, 1, 0), Claimed}, {Mended, Mended, said("", 99, 1, 1), Disputed}, {Mended, Mended, said("", 0, 0, 2), Disputed},
		{InWork, Mended, said("not", 9, 0, 0), Disputed}, {InWork, Mended, said("partly", 9, 0, 0), Disputed},
		{Refused, Refused, said("", 0, 0, 0), Declined}, {Refused, Refused, said("mended", 9, 0, 0), Declined}, {InWork, Refused, said("not", 0, 0, 0), Disputed},
		// Opened again without a verdict, and what comes after that takes no dispute away.
		{InWork, Mended, said("", 0, 0, 0), Disputed}, {InWork, Mended, said("mended", 0, 0, 0), Disputed},
		{Withdrawn, Mended, said("not", 0, 0, 0), Disputed}, {Merged, Mended, said("", 0, 0, 0), Disputed}, {Redirected, Refused, said("", 0, 0, 0), Disputed},
	} {
		if got := standing(lanedb.Facts{State: string(c.state), Answered: string(c.answered), Said: c.said}); got != c.want || !slices.Contains(Standings, got) {
			t.Errorf("%s, answered %q, said %+v stands %s, want %s", c.state, c.answered, c.said, got, c.want)
		}
	}
}

// FuzzEvidence: a link that is taken is https, to a host with a name, in signs
// that a page can hold anywhere.
func FuzzEvidence(f *testing.F) {
	f.Add("https://news.example/17?a=b#c")
	f.Add("javascript:alert(1)")
	f.Add("https://user:word@news.example/")
	f.Fuzz(func(t *testing.T, link string) {
		if evidence(link) && (!strings.HasPrefix(strings.ToLower(link), "https://") || strings.ContainsAny(link, "\"<>\\ \n\t")) {
			t.Errorf("%q is taken", link)
		}
	})
}
