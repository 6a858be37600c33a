package lane311

import (
	"context"
	"math"
	"strconv"
	"sync"
	"time"

	"kua/internal/fault"
	"kua/internal/lane"
)

// later is after how many seconds a system should come back that could not be asked about.
const later = 60

// budgets are what each key may still send in this hour, through all processes.
type budgets struct {
	mu  sync.Mutex // of what follows
	all map[int64]*lane.Budget
}

func (b *budgets) of(l *lane.Lane, k lane.Key) *lane.Budget {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = make(map[int64]*lane.Budget)
	}
	if b.all[k.ID] == nil {
		b.all[k.ID] = l.Budget("open311 "+strconv.FormatInt(k.ID, 10), k.PerHour)
	}
	return b.all[k.ID]
}

// take takes one, or gives the fault lane311.busy and the seconds until there is
// one again.
func (b *budgets) take(ctx context.Context, l *lane.Lane, k lane.Key, now time.Time) (wait int, err error) {
	left, err := b.of(l, k).Take(ctx, now)
	switch {
	case err != nil:
		return later, err
	case left == 0:
		return 0, nil
	}
	wait = int(math.Ceil(left.Seconds()))
	return wait, fault.Later("lane311.busy", k.PerHour, (wait+59)/60)
}
