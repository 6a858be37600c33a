package laneweb

import (
	"sync/atomic"
	"testing"
	"time"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
)

// TestStoppedIsShown: a letter that its authority refused too often stands among what a
// checker sees, with its reason, and on the report's page, whose history says so.
func TestStoppedIsShown(t *testing.T) {
	var later atomic.Int64
	now := func() time.Time {
		return time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC).Add(time.Duration(later.Load()))
	}
	for name, url := range map[string]func() string{"sqlite": func() string { return "" }, "postgres": func() string { return lanetest.Database(t) }} {
		t.Run(name, func(t *testing.T) {
			later.Store(0)
			r, ctx := newRoom(t, lane.Config{Dir: t.TempDir(), URL: url(), Now: now}, 0).withCity(), t.Context()
			token, _, err := r.lane.AddChecker(ctx, "Gülnara of the desk", 90)
			check(t, err)
			id := r.tell("manhole", draft())
			for later.Load() <= int64(10*24*time.Hour) {
				d, ok, err := r.lane.Take(ctx, "w", time.Minute)
				check(t, err)
				if ok {
					check(t, r.lane.Failed(ctx, d, fault.Invalid("mail.no_mailbox", 550), lane.TryRefused))
				}
				later.Add(int64(12 * time.Hour))
			}
			r.want("GET", "/en/open/check/"+token, nil, 200, "Letters that authorities refuse", id+", since", "550")
			r.want("GET", "/en/open/case/"+id, nil, 200, "Could not be delivered", "It is not tried any more", "refuses the letter")
		})
	}
}
