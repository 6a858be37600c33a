package blob

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"kua/internal/durable"
)

// slotsPerFile bounds a file of slots: 64 MiB for slots of 256 KiB.
const slotsPerFile = 256

// Slots keeps many small pieces of bytes in a few big files, each in a numbered
// slot. It knows no names: its user writes down, durably, which slot holds what,
// after Sync and before anybody is told.
//
// Against a file for each piece this buys two things. A piece costs one flush
// of data and no directory entry, and pieces that come at the same time share
// the flush. And no inode tells to the nanosecond when a piece came: a file's
// times are those of its newest piece, until Blur.
//
// It is safe for use by several goroutines.
type Slots struct {
	dir  string
	size int64

	mu    sync.Mutex
	used  []uint64 // a bit for each slot there is a file for
	hint  int      // no word of used before it has a free bit
	files []slotFile
}

// slotFile is one file, open twice: pieces are written past the system's memory,
// which would only copy what nobody reads soon.
type slotFile struct{ read, write *os.File }

func openSlotFile(path string) (slotFile, error) {
	r, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return slotFile{}, err
	}
	w, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return slotFile{}, errors.Join(err, r.Close())
	}
	durable.Direct(w, true)
	return slotFile{r, w}, nil
}

func (f slotFile) close() error { return errors.Join(f.read.Close(), f.write.Close()) }

// OpenSlots opens or makes slots of size bytes below dir. used are the slots
// that hold something, by what the user has written down; every other slot is
// emptied, whatever a crash left in it.
func OpenSlots(dir string, size int64, used []int64) (*Slots, error) {
	s := &Slots{dir: dir, size: size}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open slots: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(dir, "spare-*")) // of zeros, which earlier programs kept
	for _, name := range old {
		err = errors.Join(err, os.Remove(name))
	}
	if err != nil {
		return nil, fmt.Errorf("open slots: %w", err)
	}
	for {
		f, err := openSlotFile(s.path(len(s.files)))
		if os.IsNotExist(err) {
			break
		}
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("open slots: %w", err)
		}
		s.adopt(f)
	}
	for _, n := range used {
		if n < 0 || n >= int64(len(s.used))*64 {
			s.Close()
			return nil, fmt.Errorf("open slots: there is no file for slot %d", n)
		}
		s.used[n/64] |= 1 << (n % 64)
	}
	if err := s.emptyUnused(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Slots) path(file int) string {
	return filepath.Join(s.dir, fmt.Sprintf("%05d.slots", file))
}

func (s *Slots) adopt(f slotFile) {
	s.files = append(s.files, f)
	s.used = append(s.used, make([]uint64, slotsPerFile/64)...)
}

// Write puts b into a free slot. It is not durable before Sync. Of a b from
// durable.Aligned the rest of its last block is cleared.
func (s *Slots) Write(b []byte) (slot int64, err error) {
	if int64(len(b)) > s.size {
		return 0, fmt.Errorf("write %d bytes into a slot of %d", len(b), s.size)
	}
	slot, f, err := s.take()
	if err != nil {
		return 0, fmt.Errorf("take a slot: %w", err)
	}
	if err := s.put(f, b, s.offset(slot)); err != nil {
		return 0, fmt.Errorf("write slot %d: %w", slot, errors.Join(err, s.Free(slot)))
	}
	return slot, nil
}

// put writes b, past the system's memory if it can.
func (s *Slots) put(f slotFile, b []byte, at int64) error {
	if blocks, ok := durable.Blocks(b); ok && s.size%durable.Block == 0 {
		return durable.WriteDirect(f.write, blocks, at)
	}
	_, err := f.read.WriteAt(b, at)
	if err == nil {
		durable.Begin(f.read, at, int64(len(b)))
	}
	return err
}

func (s *Slots) offset(slot int64) int64 { return slot % slotsPerFile * s.size }

// take finds a free slot, in a new file if need be.
func (s *Slots) take() (int64, slotFile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ; s.hint < len(s.used); s.hint++ {
		if free := ^s.used[s.hint]; free != 0 {
			bit := bits.TrailingZeros64(free)
			s.used[s.hint] |= 1 << bit
			slot := int64(s.hint)*64 + int64(bit)
			return slot, s.files[slot/slotsPerFile], nil
		}
	}
	f, err := s.nextFile()
	if err != nil {
		return 0, slotFile{}, err
	}
	s.adopt(f)
	s.used[s.hint] |= 1
	return int64(s.hint) * 64, f, nil
}

// nextFile makes a file that has its place on the disk already: pieces are then
// written side by side, and lie one behind the other. s.mu is locked.
func (s *Slots) nextFile() (slotFile, error) {
	path := s.path(len(s.files))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return slotFile{}, err
	}
	durable.Reserve(f, 0, slotsPerFile*s.size)
	if err := errors.Join(f.Truncate(slotsPerFile*s.size), f.Sync(), f.Close(), durable.SyncDir(s.dir)); err != nil {
		return slotFile{}, err
	}
	return openSlotFile(path)
}

// Sync makes these slots durable.
func (s *Slots) Sync(slots ...int64) error {
	for _, f := range s.filesOf(slots) {
		if err := durable.Flush(f); err != nil {
			return fmt.Errorf("flush slots: %w", err)
		}
	}
	for _, n := range slots {
		s.mu.Lock()
		f := s.files[n/slotsPerFile].read
		s.mu.Unlock()
		forget(f, s.offset(n), s.size) // nobody reads it soon, and memory is dear
	}
	return nil
}

func (s *Slots) filesOf(slots []int64) []*os.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	var fs []*os.File
	for _, n := range slots {
		if f := s.files[n/slotsPerFile].read; !slices.Contains(fs, f) {
			fs = append(fs, f)
		}
	}
	return fs
}

// Read fills b from the beginning of a slot. A slot that is freed meanwhile may
// give other bytes: the user checks what it reads.
func (s *Slots) Read(slot int64, b []byte) error {
	s.mu.Lock()
	there := slot >= 0 && slot < int64(len(s.used))*64
	var f *os.File
	if there {
		f = s.files[slot/slotsPerFile].read
	}
	s.mu.Unlock()
	if !there || int64(len(b)) > s.size {
		return fmt.Errorf("read %d bytes of slot %d: there is no such slot", len(b), slot)
	}
	if _, err := f.ReadAt(b, s.offset(slot)); err != nil {
		return fmt.Errorf("read slot %d: %w", slot, err)
	}
	return nil
}

// Free gives slots back and their room to the disk.
func (s *Slots) Free(slots ...int64) error {
	var failed error
	for _, n := range slots {
		s.mu.Lock()
		f := s.files[n/slotsPerFile].read
		s.mu.Unlock()
		if err := punch(f, s.offset(n), s.size); err != nil {
			failed = errors.Join(failed, fmt.Errorf("empty slot %d: %w", n, err))
		}
		s.mu.Lock()
		s.used[n/64] &^= 1 << (n % 64)
		s.hint = min(s.hint, int(n/64))
		s.mu.Unlock()
	}
	return failed
}

// emptyUnused empties every run of slots that hold nothing.
func (s *Slots) emptyUnused() error {
	for i, f := range s.files {
		first, total := int64(i)*slotsPerFile, int64(slotsPerFile)
		for n := int64(0); n < total; {
			run := n
			for run < total && s.used[(first+run)/64]&(1<<((first+run)%64)) == 0 {
				run++
			}
			if run > n {
				if err := punch(f.read, n*s.size, (run-n)*s.size); err != nil {
					return fmt.Errorf("empty unused slots: %w", err)
				}
			}
			n = run + 1
		}
	}
	return nil
}

// Blur sets the times of every file to t. Of the times that a file system keeps
// by itself it moves the change time to now; a file's birth stays.
func (s *Slots) Blur(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var failed error
	for i := range s.files {
		failed = errors.Join(failed, os.Chtimes(s.path(i), t, t))
	}
	return failed
}

// Close closes the files.
func (s *Slots) Close() error {
	var failed error
	for _, f := range s.files {
		failed = errors.Join(failed, f.close())
	}
	return failed
}

// zero writes zeros over a range of a file, unless it reads as zeros already. What lies
// behind the file's end does: a full disk may have left it short.
func zero(f *os.File, offset, size int64) error {
	blank, seen := make([]byte, 64<<10), make([]byte, 64<<10)
	for ; size > 0; size -= int64(len(seen)) {
		seen = seen[:min(size, int64(len(seen)))]
		n, err := f.ReadAt(seen, offset)
		if err == io.EOF {
			clear(seen[n:])
		} else if err != nil {
			return err
		}
		if !bytes.Equal(seen, blank[:len(seen)]) {
			if _, err := f.WriteAt(blank[:len(seen)], offset); err != nil {
				return err
			}
		}
		offset += int64(len(seen))
	}
	return nil
}
