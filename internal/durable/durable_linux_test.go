package durable

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := WriteFile(path, []byte("before"), 0o640); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := Replace(path, 0o600, func(w io.Writer) error {
		_, _ = w.Write([]byte("half"))
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("Replace = %v, want %v", err, broken)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != "before" {
		t.Errorf("after a failed Replace: %q, %v", got, err)
	}
	if err := WriteFile(path, []byte("after"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != 5 {
		t.Errorf("after WriteFile: %v, %v", info, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left beside the file: %v", left)
	}
}

// TestPutNew gives names where the folder cannot be synced: for good, or by an error that
// leaves the file under its old one.
func TestPutNew(t *testing.T) {
	for _, test := range []struct {
		sync error
		at   string
	}{{nil, "to"}, {&os.PathError{Op: "sync", Err: syscall.EINVAL}, "to"}, {syscall.ENOTSUP, "to"}, {syscall.EIO, "from"}} {
		dir := t.TempDir()
		from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
		if err := os.WriteFile(from, []byte("sealed"), 0o600); err != nil {
			t.Fatal(err)
		}
		err := putNew(from, to, func(string) error { return test.sync })
		left, _ := os.ReadDir(dir)
		if len(left) != 1 || left[0].Name() != test.at || (err == nil) != (test.at == "to") {
			t.Errorf("sync says %v: %v, left %v, want %s", test.sync, err, left, test.at)
		}
	}
}

func TestRemoveTemporary(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b")
	if err := MakeDirs(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{Temporary + "123", "kept"} {
		if err := os.WriteFile(filepath.Join(deep, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveTemporary(dir); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(deep)
	if err != nil || len(left) != 1 || left[0].Name() != "kept" {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := RemoveTemporary(filepath.Join(dir, "not there")); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// TestStream writes files of every kind of size, in writes of every size, onto
// a disk and into memory, where nothing can be written past the system.
func TestStream(t *testing.T) {
	for _, dir := range []string{t.TempDir(), memory(t)} {
		for _, size := range []int{0, 1, blockBytes - 1, blockBytes, blockBytes + 1, 3 * blockBytes, 20*blockBytes + 12345} {
			want := make([]byte, size)
			random := rand.New(rand.NewPCG(1, uint64(size)))
			for i := range want {
				want[i] = byte(random.Uint32())
			}
			f, err := os.Create(filepath.Join(dir, "file"))
			if err != nil {
				t.Fatal(err)
			}
			s := NewStream(f)
			for rest := want; len(rest) > 0; {
				n := min(len(rest), 1+random.IntN(100_000))
				if _, err := s.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if err := s.Close(); err != nil {
				t.Fatalf("%s, %d bytes: %v", dir, size, err)
			}
			got, err := os.ReadFile(f.Name())
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes came back as %d others, %v", dir, size, len(got), err)
			}
		}
	}
}

// TestStreamSaysWhatFailed fills a file up to a limit of the system.
func TestStreamSaysWhatFailed(t *testing.T) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 5 * blockBytes, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before)
	s := NewStream(f)
	piece := make([]byte, blockBytes/2)
	for n := 0; err == nil && n < 1000; n++ {
		_, err = s.Write(piece)
	}
	if !errors.Is(err, syscall.EFBIG) {
		t.Errorf("Write = %v, want %v", err, syscall.EFBIG)
	}
	if err := s.Close(); !errors.Is(err, syscall.EFBIG) {
		t.Errorf("Close = %v, want %v", err, syscall.EFBIG)
	}
}

// memory gives a folder that lies in memory.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "kua-durable-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
