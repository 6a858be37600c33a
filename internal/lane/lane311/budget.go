package lane311

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"kua/internal/fault"
	"kua/internal/lane"
)

// budgets are what each key may still send in this hour through this process.
// They fill again evenly.
type budgets struct {
	mu  sync.Mutex // of what follows
	all map[int64]*rate.Limiter
}

// take takes one, or gives the fault lane311.busy and the seconds until there is
// one again.
func (b *budgets) take(k lane.Key, now time.Time) (wait int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = make(map[int64]*rate.Limiter)
	}
	l := b.all[k.ID]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(float64(k.PerHour)/3600), k.PerHour)
		b.all[k.ID] = l
	}
	r := l.ReserveN(now, 1)
	if delay := r.DelayFrom(now); delay > 0 {
		r.CancelAt(now)
		wait = int(math.Ceil(delay.Seconds()))
		return wait, fault.Later("lane311.busy", k.PerHour, (wait+59)/60)
	}
	return 0, nil
}
