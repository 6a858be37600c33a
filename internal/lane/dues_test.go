package lane_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"

	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/sqldb"
)

// asked counts how often a database looks whether its asker is still there, which it
// does at each query.
type asked struct {
	context.Context
	n *atomic.Int64
}

func (a asked) Done() <-chan struct{} {
	a.n.Add(1)
	return a.Context.Done()
}

// TestDuesOfManyPledges: an authority's calendar asks the database as often for many
// pledges as for a few, and has each once, on the worked day to which its own moves,
// though its inbox has it as planned for its own.
func TestDuesOfManyPledges(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l := withCity(t, open())
		pledges := 0
		pledge := func(n int) {
			t.Helper()
			for range n {
				pledges++
				if _, err := l.AddPost(t.Context(), lane.Post{Matter: lane.Pledge, By: lane.ByHouse, Authority: "water", Area: "south", Language: locale.Russian, Words: "Починим водокачку, выдумано", Ends: l.Today().Plus(pledges)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		looks := func() int64 {
			t.Helper()
			var n atomic.Int64
			all, cut, err := l.Dues(asked{t.Context(), &n}, lane.Account{Authority: "water"})
			if slices.ContainsFunc(all, func(d lane.Due) bool { return !d.Pledge }) {
				t.Fatalf("a pledge stands as planned too: %+v", all)
			}
			if err != nil || cut || len(all) != pledges || all[0].Part == 0 || all[0].Day > all[pledges-1].Day {
				t.Fatalf("%d pledges are the days %+v, %v, %v", pledges, all, cut, err)
			}
			return n.Load()
		}
		pledge(2)
		few := looks()
		pledge(30)
		if many := looks(); few == 0 || many >= few+30 {
			t.Errorf("2 pledges cost %d looks, 32 cost %d", few, many)
		}
	})
}

// TestPledgeOnADayOff: a pledge for a Saturday is late in its authority's inbox only when the worked
// day to which it moves is over, as everywhere else.
func TestPledgeOnADayOff(t *testing.T) {
	onDays(t, func(t *testing.T, l *lane.Lane, _ string, days *int) {
		p := lane.Post{Matter: lane.Pledge, By: lane.ByHouse, Authority: "water", Area: "south", Language: locale.Russian, Words: "Починим водокачку, выдумано", Ends: "2026-11-28"}
		if _, err := l.AddPost(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		for day, want := range []bool{false, false, false, true} { // Saturday to Tuesday
			*days = day
			me := lane.Account{Authority: "water"}
			all, err := l.Inbox(t.Context(), me, lane.InboxFilter{Limit: 5})
			check(t, err)
			late, err := l.Inbox(t.Context(), me, lane.InboxFilter{Late: true, Limit: 5})
			check(t, err)
			dues, _, err := l.Dues(t.Context(), me)
			check(t, err)
			if len(all.Rows) != 1 || len(dues) != 1 || all.Rows[0].Late() != want || len(late.Rows) == 1 != want || dues[0].Over != want {
				t.Errorf("day %d: late %v in %+v, %d late, due %+v; want %v", day, all.Rows[0].Late(), all.Rows, len(late.Rows), dues, want)
			}
		}
	})
}
