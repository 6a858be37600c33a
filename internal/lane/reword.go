package lane

import (
	"context"
	"errors"
)

// rewordAtOnce is how many requests are looked at in one transaction: a writer waits for no more.
const rewordAtOnce = 50

// SweepWords has requests of before an upgrade found by what was said of them later. It goes on
// where it was ended, and once done costs one look. Those whose history is damaged are
// passed over, and told as lane.broken_history at the end; a recount names what is wrong with them.
// A version of the directory that cannot be read is told once.
func (l *Lane) SweepWords(ctx context.Context) error {
	var damaged []error
	told := map[int64]bool{} // versions of the directory
	for {
		more, broken, err := l.db.Reword(ctx, rewordAtOnce)
		for _, id := range broken {
			_, why := l.History(ctx, id)
			if r, unread := l.Request(ctx, id); why == nil && unread == nil && !told[r.Directory] {
				told[r.Directory] = true
				_, why = l.RouterOf(ctx, r)
			}
			damaged = append(damaged, why)
		}
		if err != nil || !more {
			return errors.Join(append(damaged, err)...)
		}
	}
}
