package laneweb

import (
	"math"
	"sync"
	"time"

	"kua/internal/fault"
)

// budget is how many new reports are taken in an hour from everybody together:
// it needs no address. It fills again evenly.
type budget struct {
	mu   sync.Mutex // of what follows
	left float64
	at   time.Time

	perHour float64
	now     func() time.Time
}

func newBudget(perHour int) *budget {
	return &budget{left: float64(perHour), perHour: float64(perHour), at: time.Now(), now: time.Now}
}

// take takes one, or gives the fault laneweb.busy and the seconds until there is
// one again.
func (b *budget) take() (wait int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.left = min(b.perHour, b.left+now.Sub(b.at).Hours()*b.perHour)
	b.at = now
	if b.left < 1 {
		wait = int(math.Ceil((1 - b.left) / b.perHour * 3600))
		return wait, fault.New(fault.KindLater, "laneweb.busy", (wait+59)/60)
	}
	b.left--
	return 0, nil
}
