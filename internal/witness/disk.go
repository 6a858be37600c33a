package witness

import (
	"errors"
	"os"
)

// diskWriter writes a file beside the one who makes its bytes, in whole blocks.
// It holds a few of them at most.
type diskWriter struct {
	f          *os.File
	full, free chan []byte
	block      []byte // being filled
	failed     chan struct{}
	err        error // set before failed is closed
	done       chan struct{}
}

const (
	diskBlock  = 512 << 10
	diskBlocks = 6
)

func newDiskWriter(f *os.File) *diskWriter {
	w := &diskWriter{f: f, full: make(chan []byte, diskBlocks), free: make(chan []byte, diskBlocks), failed: make(chan struct{}), done: make(chan struct{})}
	for range diskBlocks {
		w.free <- make([]byte, 0, diskBlock)
	}
	w.block = <-w.free
	go w.run()
	return w
}

func (w *diskWriter) run() {
	defer close(w.done)
	for b := range w.full {
		if w.err == nil {
			if _, w.err = w.f.Write(b); w.err != nil {
				close(w.failed)
			}
		}
		w.free <- b[:0]
	}
}

// Write takes p, or gives the error of an earlier block.
func (w *diskWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), diskBlock-len(w.block))
		w.block = append(w.block, rest[:n]...)
		if rest = rest[n:]; len(w.block) < diskBlock {
			break
		}
		select {
		case <-w.failed:
			return 0, w.err
		case w.full <- w.block:
			w.block = <-w.free
		}
	}
	return len(p), nil
}

// Close writes what is left, waits until all of it is on the disk and closes
// the file.
func (w *diskWriter) Close() error {
	w.full <- w.block
	close(w.full)
	<-w.done
	err := w.err
	if err == nil {
		err = w.f.Sync()
	}
	return errors.Join(err, w.f.Close())
}
