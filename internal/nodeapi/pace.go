package nodeapi

import (
	"context"
	"sync"
	"time"
)

// pace says how many pieces may travel at a time: one to begin with, more while
// they arrive quickly, fewer as soon as one takes long.
type pace struct {
	mu      sync.Mutex
	allowed int
	out     int
	changed chan struct{} // closed and replaced whenever there may be room
}

const (
	mostPieces = 8
	quick      = 400 * time.Millisecond
	slow       = 3 * time.Second
)

func newPace() *pace { return &pace{allowed: 1, changed: make(chan struct{})} }

// enter waits until one more piece may travel, or ctx ends.
func (p *pace) enter(ctx context.Context) error {
	for {
		p.mu.Lock()
		if p.out < p.allowed {
			p.out++
			p.mu.Unlock()
			return ctx.Err()
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// leave says that a piece has arrived, or failed, after so long.
func (p *pace) leave(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out--
	switch {
	case took < quick:
		p.allowed = min(mostPieces, p.allowed+1)
	case took > slow:
		p.allowed = max(1, p.allowed/2)
	}
	close(p.changed)
	p.changed = make(chan struct{})
}
