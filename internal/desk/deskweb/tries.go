package deskweb

import (
	"sync"
	"time"

	"kua/internal/fault"
)

// A passphrase may be mistyped freely a few times; after that each try makes
// the next one wait longer, up to a quarter of an hour.
const (
	freeTries = 4
	firstWait = 10 * time.Second
	longWait  = 15 * time.Minute
)

// tries counts wrong passphrases by name. Unlocking is slow on purpose and uses
// much memory, so only one runs at a time: the lock is held meanwhile.
type tries struct {
	now func() time.Time

	one   sync.Mutex // held while a passphrase is tried
	mu    sync.Mutex // guards wrong
	wrong map[string]*wrongs
}

type wrongs struct {
	n     int
	until time.Time
}

func newTries() *tries { return &tries{now: time.Now, wrong: make(map[string]*wrongs)} }

// wait is how long nobody may try to unlock this name; zero when they may.
func (t *tries) wait(name string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w := t.wrong[name]; w != nil {
		return max(0, w.until.Sub(t.now()))
	}
	return 0
}

// run tries once. A wrong passphrase lengthens the wait, a right one ends it.
func (t *tries) run(name string, unlock func() error) error {
	t.one.Lock()
	defer t.one.Unlock()
	if wait := t.wait(name); wait > 0 { // who queued behind a wrong try waits as well
		return fault.Later("deskweb.signin.wait", int(wait.Seconds())+1)
	}
	err := unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		delete(t.wrong, name)
		return nil
	}
	w := t.wrong[name]
	if w == nil {
		w = &wrongs{}
		t.wrong[name] = w
	}
	w.n++
	if over := w.n - freeTries; over > 0 {
		w.until = t.now().Add(min(firstWait<<min(over-1, 10), longWait))
	}
	return err
}
