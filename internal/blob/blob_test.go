package blob_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"kua/internal/blob"
	"kua/internal/blob/s3"
	"kua/internal/blob/s3/s3test"
	"kua/internal/fault"
)

func name(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// onBoth runs a test with an empty store of either kind.
func onBoth(t *testing.T, test func(t *testing.T, store blob.Store)) {
	t.Run("folder", func(t *testing.T) {
		store, err := blob.Dir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		test(t, store)
	})
	t.Run("s3", func(t *testing.T) {
		store, err := s3.Open(t.Context(), s3test.Bucket(t))
		if err != nil {
			t.Fatal(err)
		}
		test(t, store)
	})
}

func TestPutAndOpen(t *testing.T) { onBoth(t, putAndOpen) }

func putAndOpen(t *testing.T, store blob.Store) {
	data := make([]byte, 300<<10)
	rand.Read(data)
	for i, want := range []bool{true, false} {
		created, err := store.Put(t.Context(), name(data), bytes.NewReader(data))
		if err != nil || created != want {
			t.Fatalf("Put %d = %v, %v, want %v", i, created, err, want)
		}
	}
	r, size, err := store.Open(t.Context(), name(data))
	if err != nil || size != int64(len(data)) {
		t.Fatalf("Open = %d bytes, %v", size, err)
	}
	got, err := io.ReadAll(r)
	r.Close()
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	seen := 0
	if err := store.Walk(t.Context(), func(h string, n int64) error {
		if h == name(data) && n == size {
			seen++
		}
		return nil
	}); err != nil || seen != 1 {
		t.Errorf("Walk found %d, %v", seen, err)
	}
	if err := store.Delete(t.Context(), name(data)); err != nil {
		t.Fatal(err)
	}
	if has, err := store.Has(t.Context(), name(data)); has || err != nil {
		t.Errorf("Has after Delete = %v, %v", has, err)
	}
	if _, _, err := store.Open(t.Context(), name(data)); !errors.Is(err, fault.NotFound("blob.not_found")) {
		t.Errorf("Open after Delete = %v", err)
	}
}

func TestPutRefuses(t *testing.T) {
	root := t.TempDir()
	store, err := blob.Dir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, hash, key string }{
		{"other bytes", name([]byte("a")), "blob.wrong_hash"},
		{"path", "../../etc/passwd", "blob.bad_name"},
		{"upper case", strings.ToUpper(name([]byte("b"))), "blob.bad_name"},
	} {
		if _, err := store.Put(t.Context(), c.hash, strings.NewReader("b")); !errors.Is(err, fault.Invalid(c.key)) {
			t.Errorf("%s: Put = %v, want %s", c.name, err, c.key)
		}
	}
	left := 0
	filepath.WalkDir(root, func(_ string, d os.DirEntry, _ error) error {
		if !d.IsDir() {
			left++
		}
		return nil
	})
	if left != 0 {
		t.Errorf("%d files are left behind", left)
	}
}

func TestCrashLeftovers(t *testing.T) {
	root := t.TempDir()
	if _, err := blob.Dir(root); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(root, "incoming", "blob-123")
	if err := os.WriteFile(half, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.Dir(root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the half-written blob is still there: %v", err)
	}
}

func TestSameBlobFromMany(t *testing.T) {
	store, err := blob.Dir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	data := []byte("the same piece by several roads")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := store.Put(t.Context(), name(data), bytes.NewReader(data)); err != nil {
				t.Errorf("Put: %v", err)
			}
		})
	}
	wg.Wait()
}

// TestS3 refuses what is no bucket or not ours, keeps nothing under a wrong name,
// and reads a part of a blob.
func TestS3(t *testing.T) {
	cfg := s3test.Bucket(t)
	store, err := s3.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*s3.Config)
		want   string
	}{
		"another scheme":       {func(c *s3.Config) { c.URL = "https://example.org/pictures" }, "blob.s3_url"},
		"no bucket":            {func(c *s3.Config) { c.URL = "s3://example.org" }, "blob.s3_url"},
		"a password in it":     {func(c *s3.Config) { c.URL = "s3://a:b@example.org/pictures" }, "blob.s3_url"},
		"a bucket that is not": {func(c *s3.Config) { c.URL = strings.Replace(c.URL, "/pictures/", "/other/", 1) }, "blob.s3_unreachable"},
		"a wrong secret":       {func(c *s3.Config) { c.Secret = "another" }, "blob.s3_unreachable"},
	} {
		other := cfg
		c.change(&other)
		if _, err := s3.Open(t.Context(), other); !errors.Is(err, fault.Invalid(c.want)) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	data := []byte("a piece of a picture")
	if _, err := store.Put(t.Context(), name([]byte("other")), bytes.NewReader(data)); !errors.Is(err, fault.Invalid("blob.wrong_hash")) {
		t.Errorf("other bytes: %v", err)
	}
	if err := store.Walk(t.Context(), func(hash string, _ int64) error { return errors.New(hash) }); err != nil {
		t.Errorf("kept is %v", err)
	}
	if _, err := store.Put(t.Context(), name(data), bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	f, _, err := store.Open(t.Context(), name(data))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	part := make([]byte, 5)
	if _, err := f.Seek(2, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(f, part); err != nil || string(part) != "piece" {
		t.Errorf("read %q, %v", part, err)
	}
	if err := store.Delete(t.Context(), name([]byte("not there"))); err != nil {
		t.Errorf("Delete of nothing: %v", err)
	}
}
