package deskweb

import (
	"context"
	"sync"
	"time"
)

// errand is something that a person started and that takes a while: collecting,
// publishing, sending replies. One of a kind runs at a time; its last end is
// kept for the page that tells about it.
type errand struct {
	Kind    string
	By      string
	Started time.Time
	Ended   time.Time // zero while it runs
	Step    string    // what it is at, as the desk names it
	Done    int64
	Total   int64
	Left    time.Duration
	Result  any
	Err     error
	cancel  context.CancelFunc
	next    func() // begins it once more, for who asked while it ran
}

// Running reports whether it has not ended.
func (e errand) Running() bool { return e.Kind != "" && e.Ended.IsZero() }

// Percent is how far it is.
func (e errand) Percent() int { return percent(e.Done, e.Total) }

func percent(done, total int64) int {
	if total <= 0 {
		return 0
	}
	return int(min(100, done*100/total))
}

type errands struct {
	mu  sync.Mutex
	all map[string]*errand
}

func newErrands() *errands { return &errands{all: make(map[string]*errand)} }

// look gives a copy of the errand of a kind as it stands; its zero value when
// none was ever run.
func (s *errands) look(kind string) errand {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.all[kind]; e != nil {
		return *e
	}
	return errand{}
}

func (s *errands) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.all {
		if e.Running() {
			return true
		}
	}
	return false
}

// stop asks the errand of a kind to end.
func (s *errands) stop(kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.all[kind]; e != nil {
		e.cancel()
	}
}

// run starts work unless one of its kind is running, and keeps the desk open
// meanwhile. The work tells how far it is through note.
func (a *App) run(kind, by string, work func(ctx context.Context, note func(func(*errand))) (any, error)) {
	a.start(kind, by, false, work)
}

// runAfter is run, but where one of its kind is running it runs after that once more:
// that one may have looked already at what waited, and not seen what this is asked for.
func (a *App) runAfter(kind, by string, work func(ctx context.Context, note func(func(*errand))) (any, error)) {
	a.start(kind, by, true, work)
}

func (a *App) start(kind, by string, after bool, work func(ctx context.Context, note func(func(*errand))) (any, error)) {
	s := a.errands
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.all[kind]; e != nil && e.Running() {
		if after {
			e.next = func() { a.start(kind, by, true, work) }
		}
		return
	}
	if a.hold() == nil {
		return
	}
	ctx, cancel := context.WithCancel(a.alive())
	e := &errand{Kind: kind, By: by, Started: time.Now(), cancel: cancel}
	s.all[kind] = e
	go func() {
		defer a.release()
		defer cancel()
		result, err := work(ctx, func(change func(*errand)) {
			s.mu.Lock()
			defer s.mu.Unlock()
			change(e)
		})
		s.mu.Lock()
		e.Result, e.Err, e.Ended = result, err, time.Now()
		next := e.next
		s.mu.Unlock()
		if next != nil && ctx.Err() == nil { // else a person stopped it, or the desk is being locked
			next()
		}
	}()
}
