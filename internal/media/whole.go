package media

import (
	"io"
	"time"
)

// Published films and sounds last whole seconds, as pictures have one of few
// sizes: an exact length, or a number of frames, would tell which original they
// come from. The last picture stands, or silence follows, to the end of the
// last second.

// wholeSlack is what may run over the last second that the container speaks of
// and is left out, so that a frame too many does not become a second too many.
const wholeSlack = 60 * time.Millisecond

// whole gives the published length of what was decoded, where its container
// says claimed.
func whole(decoded, claimed time.Duration) time.Duration {
	if end := time.Duration(wholeSeconds(claimed)) * time.Second; decoded > end && decoded <= end+wholeSlack {
		return end
	}
	return max(time.Second, (decoded + time.Second - 1).Truncate(time.Second))
}

// wholeSound hands on mono samples of 16 bits, cut or filled with silence to
// the published length.
type wholeSound struct {
	out     io.Writer
	claimed time.Duration
	held    []byte // what may run over
	bytes   int64  // handed on
}

func soundBytes(d time.Duration) int64 { return 2 * int64(d) * soundRate / int64(time.Second) }

// Write implements io.Writer.
func (w *wholeSound) Write(p []byte) (int, error) {
	end := soundBytes(time.Duration(wholeSeconds(w.claimed)) * time.Second)
	first := min(int64(len(p)), max(0, end-w.bytes))
	if w.bytes > end { // longer than it claims, by far
		first = int64(len(p))
	}
	if err := w.give(p[:first]); err != nil {
		return 0, err
	}
	w.held = append(w.held, p[first:]...)
	if int64(len(w.held)) > soundBytes(wholeSlack) {
		held := w.held
		w.held = nil
		return len(p), w.give(held)
	}
	return len(p), nil
}

func (w *wholeSound) give(p []byte) error {
	n, err := w.out.Write(p)
	w.bytes += int64(n)
	return err
}

// finish adds the silence.
func (w *wholeSound) finish() error {
	w.held = nil
	const second = 2 * soundRate
	missing := (second - w.bytes%second) % second
	if w.bytes == 0 {
		missing = second
	}
	return w.give(make([]byte, missing))
}
