package durable

import (
	"errors"
	"os"
	"sync"
)

// Stream writes a new file from its beginning to its end, beside whoever makes
// its bytes: a block travels to the disk while the next ones are made, past the
// system's own memory where the file system allows that, so that Close has
// little left to wait for. It holds a few blocks and no more. One goroutine
// uses it.
type Stream struct {
	f          *os.File
	full, free chan *block
	filling    *block
	next       int64 // where filling will lie
	reserved   int64 // how far the file has room on the disk
	hands      sync.WaitGroup

	mu  sync.Mutex
	err error // the first that a hand met
}

// block is a stretch of the file on its way to the disk.
type block struct {
	bytes []byte // of blockBytes, aligned for the disk
	at    int64
}

const (
	blockBytes = 512 << 10
	blocks     = 6
	hands      = 4 // so many blocks are being written at a time

	// Where a file must grow for each block, the file system lets one hand write at
	// a time; into room that it has already, all (measured on ext4: 1.4 times as
	// fast). A step is long, since it waits for the hands, but never longer than what
	// was written: a file takes at most twice its room, and a small one no more.
	reserveFrom  = 32 << 20
	reserveBytes = 256 << 20
)

// NewStream takes over f, which must be new and empty.
func NewStream(f *os.File) *Stream {
	s := &Stream{f: f, full: make(chan *block, blocks), free: make(chan *block, blocks)}
	Direct(f, true)
	for range blocks {
		s.free <- &block{bytes: Aligned(blockBytes)}
	}
	s.filling = <-s.free
	for range hands {
		s.hands.Go(s.write)
	}
	return s
}

// write is one hand: it writes full blocks until there are no more.
func (s *Stream) write() {
	for b := range s.full {
		if s.failed() == nil {
			s.fail(WriteDirect(s.f, b.bytes[:blockBytes], b.at))
		}
		b.bytes = b.bytes[:0]
		s.free <- b
	}
}

func (s *Stream) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *Stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// reserve makes room for the next block. Where there is no such thing, or no room
// for so much, the file grows with each block.
func (s *Stream) reserve() {
	if s.next < max(s.reserved, reserveFrom) {
		return
	}
	step := min(s.next, reserveBytes)
	s.reserved = s.next + step
	Reserve(s.f, s.next, step)
}

// Write takes p, or gives the error that an earlier block met.
func (s *Stream) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), blockBytes-len(s.filling.bytes))
		s.filling.bytes = append(s.filling.bytes, rest[:n]...)
		if rest = rest[n:]; len(s.filling.bytes) < blockBytes {
			break
		}
		s.reserve()
		s.filling.at = s.next
		s.full <- s.filling
		s.filling = <-s.free
		s.next += blockBytes
		if err := s.failed(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// Close writes what is left, waits until the whole file is on the disk and
// closes it. It must be called, once, also after an error of Write.
func (s *Stream) Close() error {
	close(s.full)
	s.hands.Wait()
	err := s.failed()
	if err == nil {
		Direct(s.f, false) // what is left is no multiple of the disk's own blocks
		_, err = s.f.WriteAt(s.filling.bytes, s.next)
	}
	if err == nil && s.reserved > 0 {
		err = s.f.Truncate(s.next + int64(len(s.filling.bytes)))
	}
	if err == nil {
		err = s.f.Sync()
	}
	return errors.Join(err, s.f.Close())
}
