package lane_test

import (
	"errors"
	"sync"
	"testing"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/sqldb"
)

// TestMergedIntoEachOther: when two checkers at once merge two reports into each
// other, one of them is left open for somebody to answer.
func TestMergedIntoEachOther(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		who := checker(t, l)
		for range 8 {
			one, other := submit(t, l, manhole()), submit(t, l, manhole())
			var ends [2]error
			var both sync.WaitGroup
			for i, c := range []lane.Check{{Request: one, Into: other}, {Request: other, Into: one}} {
				c.Checker, c.Seen, c.To = who.Number, 1, lane.Merged
				both.Go(func() { ends[i] = l.Decide(ctx, c) })
			}
			both.Wait()
			if opens := request(t, l, one).Open || request(t, l, other).Open; !opens {
				t.Fatalf("neither is open: %v", ends)
			}
			if err := errors.Join(ends[:]...); !errors.Is(err, fault.Conflict("lane.merge_into")) {
				t.Errorf("whoever was slower: %v, want lane.merge_into", err)
			}
		}
	})
}
