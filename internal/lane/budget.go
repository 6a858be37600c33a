package lane

import (
	"context"
	"sync"
	"time"
)

// Budget is how much of something is taken in an hour from everybody together: it
// needs no address. All processes on one database draw on the same; each takes a
// sixtieth of an hour's at a time, so that not every act writes. It is safe for
// use by several goroutines.
type Budget struct {
	lane    *Lane
	name    string
	most    int64 // what it holds when it is full
	perHour int64

	mu    sync.Mutex // of what follows
	held  int64      // drawn and not yet used
	drawn time.Time
	dry   time.Time // until then there is nothing to draw
}

// Budget gives the budget of a name, which must be positive.
func (l *Lane) Budget(name string, perHour int) *Budget {
	return &Budget{lane: l, name: name, most: int64(perHour), perHour: int64(perHour)}
}

// Take takes one; wait is how long until there is one again, 0 when it was taken.
func (b *Budget) Take(ctx context.Context, now time.Time) (wait time.Duration, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(b.drawn) > time.Hour {
		b.held = 0 // what an earlier hour left is not added to this one's
	}
	if b.held > 0 {
		b.held--
		return 0, nil
	}
	if wait := b.dry.Sub(now); wait > 0 && wait <= time.Hour { // longer than to fill: this clock was wrong
		return wait, nil
	}
	taken, next, err := b.lane.db.Draw(ctx, b.name, b.most, b.perHour, max(1, b.perHour/60), now)
	if err != nil {
		return 0, err
	}
	if taken == 0 {
		b.dry = next
		return max(next.Sub(now), time.Second), nil
	}
	b.held, b.drawn = taken-1, now
	return 0, nil
}

// SweepBudgets forgets the budgets of which nothing was used for an hour.
func (l *Lane) SweepBudgets(ctx context.Context) error { return l.db.ForgetBudgets(ctx, l.now()) }
