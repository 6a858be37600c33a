package laneweb

import (
	"context"
	"math"
	"strconv"
	"time"

	"kua/internal/fault"
	"kua/internal/lane"
)

// budgetPatience is how long a page waits for the budget's database.
const budgetPatience = 10 * time.Second

// later is after how many seconds somebody should come back who could not be asked about.
const later = 60

// budget is a lane's budget as pages say it.
type budget struct {
	*lane.Budget
	now func() time.Time
}

func newBudget(l *lane.Lane, name string, perHour int) *budget {
	return &budget{l.Budget(name, perHour), time.Now}
}

// takeAct takes one of the acts on a request by its holder, its supporters or those with its links,
// and one of what all requests have together for such, or says when to come back.
func (w *Web) takeAct(v *visit, request int64, by lane.Actor) error {
	ctx, stop := context.WithTimeout(v.Context(), budgetPatience)
	defer stop()
	left, err := w.lane.TakeAct(ctx, request, by)
	if err == nil && left > 0 {
		wait := int(math.Ceil(left.Seconds()))
		v.rw.Header().Set("Retry-After", strconv.Itoa(wait))
		return fault.New(fault.KindLater, "laneweb.case_busy", (wait+59)/60)
	}
	if err != nil {
		return err
	}
	if by == lane.BySupporter {
		return w.takeFrom(v, w.crowd)
	}
	return w.takeFrom(v, w.acts)
}

// tooMuch reports what is too much for an hour: whoever wrote it can send it later, so the page
// has it all again.
func tooMuch(err error) bool {
	f, ok := fault.Of(err)
	return ok && f.Kind == fault.KindLater
}

// take takes one, or gives the fault laneweb.busy and the seconds until there is
// one again.
func (b *budget) take() (wait int, err error) {
	ctx, stop := context.WithTimeout(context.Background(), budgetPatience)
	defer stop()
	left, err := b.Take(ctx, b.now())
	switch {
	case err != nil:
		return later, err
	case left == 0:
		return 0, nil
	}
	wait = int(math.Ceil(left.Seconds()))
	return wait, fault.New(fault.KindLater, "laneweb.busy", (wait+59)/60)
}
