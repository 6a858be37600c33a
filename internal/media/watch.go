package media

import (
	"context"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"kua/internal/fault"
)

// watch kills a box that runs too long, stands still, or writes too much.
type watch struct {
	stall  time.Duration
	beats  chan struct{}
	done   chan struct{}
	closed sync.WaitGroup
}

func newWatch(ctx context.Context, cancel context.CancelCauseFunc, wall time.Duration, l Limits, out string) *watch {
	w := &watch{stall: l.Stall, beats: make(chan struct{}, 1), done: make(chan struct{})}
	w.closed.Go(func() {
		end := time.NewTimer(wall)
		defer end.Stop()
		stalled := time.NewTimer(l.Stall)
		defer stalled.Stop()
		look := time.NewTicker(500 * time.Millisecond)
		defer look.Stop()
		for {
			select {
			case <-w.done:
				return
			case <-ctx.Done():
				return
			case <-w.beats:
				stalled.Reset(l.Stall)
			case <-end.C:
				cancel(fault.Invalid("media.too_slow", int(wall.Minutes())))
			case <-stalled.C:
				cancel(fault.Invalid("media.stalled"))
			case <-look.C:
				if out != "" && bytesBelow(out) > l.OutputBytes {
					cancel(fault.TooLarge("media.output"))
				}
			}
		}
	})
	return w
}

func (w *watch) alive() {
	select {
	case w.beats <- struct{}{}:
	default:
	}
}

func (w *watch) stop() {
	close(w.done)
	w.closed.Wait()
}

func bytesBelow(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := d.Info(); err == nil && !d.IsDir() {
			n += info.Size()
		}
		return nil
	})
	return n
}
