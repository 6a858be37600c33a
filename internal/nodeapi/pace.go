package nodeapi

import (
	"context"
	"sync"
	"time"
)

// pace says how many pieces may travel at a time: one to begin with, more while
// they arrive quickly, fewer as soon as some take long.
type pace struct {
	mu      sync.Mutex
	allowed int
	out     int
	changed chan struct{} // closed and replaced whenever there may be room
}

const (
	mostPieces = 8 // each in a call of its own
	mostRows   = 4
	quick      = 400 * time.Millisecond
	slow       = 3 * time.Second
)

func newPace() *pace { return &pace{allowed: 1, changed: make(chan struct{})} }

// enter waits until one more piece may travel, or ctx ends, and says how many of so many
// may go with it in one call.
func (p *pace) enter(ctx context.Context, together int) (int, error) {
	for {
		p.mu.Lock()
		if room := p.allowed - p.out; room > 0 && (together > 1 || p.out < mostPieces) {
			n := max(1, min(together, room, p.allowed/mostRows))
			p.out += n
			p.mu.Unlock()
			return n, ctx.Err()
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// leave says that n pieces that went in one call have arrived, or failed, after so long.
func (p *pace) leave(n int, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out -= n
	most := mostPieces
	if n > 1 {
		most = mostRows * RowPieces
	}
	switch {
	case took < quick:
		p.allowed += n
	case took > slow:
		p.allowed /= 2
	}
	p.allowed = max(1, min(most, p.allowed))
	close(p.changed)
	p.changed = make(chan struct{})
}
