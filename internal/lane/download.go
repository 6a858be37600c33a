package lane

import (
	"sync"

	"kua/internal/fault"
)

// MaxDownloads is how many downloads of all cases run at once in one process, at
// whatever door they are asked for.
const MaxDownloads = 4

// downloads counts those that run, and what was refused since the process began.
// Nothing of who asks is known here.
type downloads struct {
	mu      sync.Mutex // of what follows
	running int
	refused int64
}

// Download begins a download of all cases, which done ends. The fault is
// lane.downloads_busy (kind later).
func (l *Lane) Download() (done func(), err error) {
	d := &l.downloads
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running >= MaxDownloads {
		d.refused++
		return nil, fault.Later("lane.downloads_busy", MaxDownloads)
	}
	d.running++
	return sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.running--
	}), nil
}

// Downloads gives how many run, and how many were refused since the process began.
func (l *Lane) Downloads() (running int, refused int64) {
	l.downloads.mu.Lock()
	defer l.downloads.mu.Unlock()
	return l.downloads.running, l.downloads.refused
}
