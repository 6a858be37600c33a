package verify

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kua/internal/canon"
	"kua/internal/edition"
)

// counting is a folder that counts how often parts are read.
type counting struct {
	*dir
	parts int
}

func (c *counting) count(path string) {
	if strings.HasPrefix(path, "parts/") {
		c.parts++
	}
}

func (c *counting) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	c.count(path)
	return c.dir.Open(ctx, path)
}

func (c *counting) readInto(path string, b []byte) (int, error) {
	c.count(path)
	return c.dir.readInto(path, b)
}

// TestExtraReadsPartsOnce plants a file in a folder where those that come one after another
// are listed in different parts.
func TestExtraReadsPartsOnce(t *testing.T) {
	at := t.TempDir()
	put := func(path string, b []byte) error {
		name := filepath.Join(at, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		return os.WriteFile(name, b, 0o644)
	}
	var files []edition.File
	for i := range 250 { // many a file system gives names in the order in which they came
		f := edition.File{Path: fmt.Sprintf("kk/list/%d.html", i%5*50+i/5), Size: 1, SHA256: canon.Hash([]byte("x"))}
		files = append(files, f)
		if err := put(f.Path, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	m, _, err := edition.Update(edition.Manifest{}, edition.FilesIn(os.DirFS(at)), put, files, nil)
	if err == nil {
		err = put("kk/list/250.html", []byte("planted"))
	}
	if err != nil {
		t.Fatal(err)
	}
	src, err := Dir(at)
	if err != nil {
		t.Fatal(err)
	}
	c := &counting{dir: src.(*dir)}
	defer c.Close()
	r := newRun(c, at, Options{})
	r.whole, r.head = true, &head{manifest: m}
	if err := r.checkExtra(t.Context(), newSweep()); err != nil {
		t.Fatal(err)
	}
	if f := r.done().Findings; len(f) != 1 || f[0].Path != "kk/list/250.html" || f[0].Key != "verify.extra" {
		t.Errorf("found %+v", f)
	}
	if len(m.Parts) != 5 || c.parts != len(m.Parts) {
		t.Errorf("%d parts were read %d times", len(m.Parts), c.parts)
	}
}
