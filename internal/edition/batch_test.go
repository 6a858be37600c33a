package edition

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"kua/internal/fault"
)

// TestBatch writes and reads an answer: what is not there, too long, or goes
// beyond the limit of one answer is left out.
func TestBatch(t *testing.T) {
	files := map[string][]byte{"manifest.json": []byte("{}"), "index.html": bytes.Repeat([]byte("x"), BatchFile), "charter/1.json": make([]byte, BatchFile+1)}
	paths := []string{"manifest.json", "charter/1.json", "log/checkpoint"}
	for n := range 2 * BatchBytes / BatchFile {
		path := fmt.Sprintf("kk/r/0000/%06d.html", n+1)
		paths, files[path] = append(paths, path), files["index.html"]
	}
	asked, err := ReadBatch(bytes.NewReader(Batch(paths)))
	if err != nil || strings.Join(asked, " ") != strings.Join(paths, " ") {
		t.Fatalf("%v, %v", asked, err)
	}
	var out bytes.Buffer
	if err := WriteBatch(&out, asked, func(p string) ([]byte, error) {
		if b, ok := files[p]; ok {
			return b, nil
		}
		return nil, fs.ErrNotExist
	}); err != nil {
		t.Fatal(err)
	}
	var sum int
	if err := ReadBatchAnswer(&out, func(p string, b []byte) error {
		if !bytes.Equal(b, files[p]) {
			t.Errorf("%s: %d bytes", p, len(b))
		}
		sum += len(b)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := 2 + (BatchBytes-2)/BatchFile*BatchFile; sum != want {
		t.Errorf("%d bytes, want %d", sum, want)
	}
	if _, err := ReadBatch(bytes.NewReader(Batch([]string{"manifest.json", "manifest.json"}))); !errors.Is(err, fault.Invalid("edition.batch")) {
		t.Errorf("a file asked for twice: %v", err)
	}
	failed := errors.New("a broken disk")
	out.Reset()
	if err := WriteBatch(&out, paths[:1], func(string) ([]byte, error) { return nil, failed }); !errors.Is(err, failed) {
		t.Errorf("a broken disk: %v", err)
	}
	if err := ReadBatchAnswer(&out, func(string, []byte) error { return nil }); out.Len() > 0 && err == nil {
		t.Error("half an answer is taken for whole")
	}
}

// FuzzBatchAnswer reads what a stranger's server answers: no more than an honest
// answer holds.
func FuzzBatchAnswer(f *testing.F) {
	var out bytes.Buffer
	if err := WriteBatch(&out, []string{"manifest.json", "log/checkpoint"}, func(string) ([]byte, error) { return []byte("{}"), nil }); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		files := 0
		_ = ReadBatchAnswer(bytes.NewReader(b), func(_ string, b []byte) error {
			if files++; files > BatchFiles || len(b) > BatchFile {
				t.Fatalf("%d files, %d bytes", files, len(b))
			}
			return nil
		})
	})
}

// FuzzBatch reads what a stranger asks for.
func FuzzBatch(f *testing.F) {
	f.Add(Batch([]string{"manifest.json", "records/0001/000123/v1.json"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		paths, err := ReadBatch(bytes.NewReader(b))
		if err == nil && !bytes.Equal(Batch(paths), b) {
			t.Fatalf("%q was read as %q", b, paths)
		}
	})
}
