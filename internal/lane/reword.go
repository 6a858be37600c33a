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
func (l *Lane) SweepWords(ctx context.Context) error {
	var damaged []error
	for {
		more, broken, err := l.db.Reword(ctx, rewordAtOnce)
		for _, id := range broken {
			_, why := l.History(ctx, id)
			damaged = append(damaged, why)
		}
		if err != nil || !more {
			return errors.Join(append(damaged, err)...)
		}
	}
}
