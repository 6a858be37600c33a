package media

import (
	"bytes"
	"errors"
	"sync"
)

// tail keeps the end of what a tool says. It may hold words out of the file
// (titles, names of places), so it is never logged or shown; reason gives the
// part that is ours.
type tail struct {
	mu  sync.Mutex
	max int
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if len(t.buf) > t.max {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-t.max:]...)
	}
	return len(p), nil
}

func (t *tail) contains(s string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Contains(t.buf, []byte(s))
}

// reason classifies in our own words.
func (t *tail) reason() error {
	for _, known := range []struct{ says, means string }{
		{"bwrap:", "bubblewrap refused"},
		{"panic:", "the stage in the box failed"},
		{"out of memory", "out of memory"},
		{"Cannot allocate memory", "out of memory"},
		{"File too large", "output too large"},
		{"No space left", "no space left"},
		{"moov atom not found", "index of the film is missing"},
		{"Invalid data found", "invalid data"},
		{"Decoder not found", "unknown codec"},
		{"Decoding requested, but no decoder found", "unknown codec"},
		{"does not contain any stream", "no stream"},
	} {
		if t.contains(known.says) {
			return errors.New(known.means)
		}
	}
	return nil
}
