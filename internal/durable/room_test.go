package durable_test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"kua/internal/durable"
)

// TestStreamTakesLittleRoom: while it is written a small file takes no room beside
// its own, and a larger one at most as much again.
func TestStreamTakesLittleRoom(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "a"))
	if err != nil {
		t.Fatal(err)
	}
	s := durable.NewStream(f)
	taken := func() int64 {
		var st syscall.Stat_t
		if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
			t.Fatal(err)
		}
		return st.Blocks * 512
	}
	const block = 1 << 20
	written := int64(0)
	for _, size := range []int64{2 * block, 70 * block} {
		for ; written < size; written += block {
			if _, err := s.Write(bytes.Repeat([]byte{byte(written / block)}, block)); err != nil {
				t.Fatal(err)
			}
		}
		if got := taken(); size == 2*block && got > size || got > 2*size {
			t.Errorf("%d bytes take %d on the disk", size, got)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(f.Name())
	if err != nil || int64(len(whole)) != written {
		t.Fatalf("it has %d bytes, %v, want %d", len(whole), err, written)
	}
	for n := range written / block {
		if part := whole[n*block : (n+1)*block]; bytes.Count(part, []byte{byte(n)}) != block {
			t.Errorf("its block %d is not what was written", n)
		}
	}
}
