package blob

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestZero: where holes cannot be punched a range is written over, and a file that a full
// disk left short keeps nobody from opening the rest.
func TestZero(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slots")
	for _, size := range []int{0, 1, 100_000, 300_000} {
		if err := os.WriteFile(path, bytes.Repeat([]byte("x"), size), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := zero(f, 0, 256<<10); err != nil {
			t.Errorf("a file of %d bytes: %v", size, err)
		}
		b, err := os.ReadFile(path)
		if err != nil || f.Close() != nil || bytes.Contains(b[:min(len(b), 256<<10)], []byte("x")) || len(b) < size {
			t.Errorf("a file of %d bytes has %d, %v", size, len(b), err)
		}
	}
}
