package blob_test

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"kua/internal/blob"
	"kua/internal/durable"
)

const slotBytes = 4096

func openSlots(t *testing.T, dir string, used ...int64) *blob.Slots {
	t.Helper()
	s, err := blob.OpenSlots(dir, slotBytes, used)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestSlots writes from many goroutines, beyond the end of the first file, and
// finds everything again after reopening, but for what nobody wrote down.
func TestSlots(t *testing.T) {
	dir := t.TempDir()
	s := openSlots(t, dir)
	held := make(map[int64][]byte)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 600 {
				b := make([]byte, 100)
				rand.Read(b)
				n, err := s.Write(b)
				if err == nil {
					err = s.Sync(n)
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if held[n] != nil {
					t.Errorf("slot %d was given twice", n)
				}
				held[n] = b
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(held) != 4800 {
		t.Fatalf("slots = %d, want 4800", len(held))
	}
	var used []int64
	var lost int64 = -1
	for n := range held {
		if lost < 0 {
			lost = n
			continue
		}
		used = append(used, n)
	}
	s.Close()

	s = openSlots(t, dir, used...)
	got := make([]byte, 100)
	for _, n := range used {
		if err := s.Read(n, got); err != nil || !bytes.Equal(got, held[n]) {
			t.Fatalf("Read(%d) = %x, %v, want %x", n, got, err, held[n])
		}
	}
	if err := s.Read(lost, got); err != nil || !bytes.Equal(got, make([]byte, 100)) {
		t.Errorf("a slot that nobody wrote down holds %x, %v", got, err)
	}
	n, err := s.Write([]byte("again"))
	if err != nil || held[n] != nil && n != lost {
		t.Errorf("Write took slot %d, which is in use: %v", n, err)
	}
}

// TestSlotsPastMemory writes pieces that lie as the disk wants them to: what a
// buffer held before does not come with them.
func TestSlotsPastMemory(t *testing.T) {
	s := openSlots(t, t.TempDir())
	buffer := durable.Aligned(2 * slotBytes)
	for _, size := range []int{1, slotBytes - 1, slotBytes} {
		before := bytes.Repeat([]byte("before "), 2*slotBytes)
		copy(buffer[:2*slotBytes], before)
		piece := buffer[:size]
		rand.Read(piece)
		want := make([]byte, slotBytes)
		copy(want, piece)
		n, err := s.Write(piece)
		if err == nil {
			err = s.Sync(n)
		}
		got := make([]byte, slotBytes)
		if err == nil {
			err = s.Read(n, got)
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: the slot holds other bytes, %v", size, err)
		}
		if rest := buffer[slotBytes : 2*slotBytes]; !bytes.Equal(rest, before[slotBytes:2*slotBytes]) {
			t.Errorf("%d bytes: more than a block was cleared", size)
		}
	}
	if _, ok := durable.Blocks(buffer[1:100]); ok {
		t.Error("what lies elsewhere goes past the memory")
	}
	if _, ok := durable.Blocks(buffer[slotBytes : slotBytes+1 : slotBytes+100]); ok {
		t.Error("what has no room behind it goes past the memory")
	}
}

func TestSlotsFree(t *testing.T) {
	dir := t.TempDir()
	s := openSlots(t, dir)
	full := bytes.Repeat([]byte("x"), slotBytes)
	var slots []int64
	for range 512 {
		n, err := s.Write(full)
		if err != nil {
			t.Fatal(err)
		}
		slots = append(slots, n)
	}
	if err := s.Sync(slots...); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "00000.slots")
	before := blocks(t, file)
	if err := s.Free(slots...); err != nil {
		t.Fatal(err)
	}
	if after := blocks(t, file); after >= before/2 {
		t.Errorf("room on disk = %d blocks, %d before", after, before)
	}
	b, err := os.ReadFile(file)
	if err != nil || bytes.Contains(b, []byte("xx")) {
		t.Errorf("what was freed is still in the file, %v", err)
	}
	if n, err := s.Write(full); err != nil || n != 0 {
		t.Errorf("Write after Free = %d, %v, want slot 0", n, err)
	}
}

func blocks(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Blocks
}

func TestSlotsBlur(t *testing.T) {
	dir := t.TempDir()
	s := openSlots(t, dir)
	if _, err := s.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	if err := s.Blur(day); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "00000.slots"))
	if err != nil || !info.ModTime().Equal(day) {
		t.Errorf("modified = %v, %v, want %v", info.ModTime(), err, day)
	}
}

func TestSlotsRefuse(t *testing.T) {
	dir := t.TempDir()
	if _, err := blob.OpenSlots(dir, slotBytes, []int64{3}); err == nil {
		t.Error("a slot without a file was believed")
	}
	s := openSlots(t, dir)
	if _, err := s.Write(make([]byte, slotBytes+1)); err == nil {
		t.Error("more than a slot holds was written")
	}
	if err := s.Read(7, make([]byte, 1)); err == nil {
		t.Error("a slot that is not there was read")
	}
}
