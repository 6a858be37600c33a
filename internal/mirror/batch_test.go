package mirror_test

import (
	"archive/tar"
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"kua/internal/edition"
	"kua/internal/edition/editiontest"
	"kua/internal/mirror"
)

// TestBatches pulls from a server that knows batches: few questions, the same
// copy; and from one that does not: it is asked for a batch once.
func TestBatches(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 12)...)
	for _, knows := range []bool{true, false} {
		h := handler(t, c.Dir)
		if !knows {
			h = http.FileServer(http.Dir(c.Dir))
		}
		var zipped, plain atomic.Int32
		host := count(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if asked := &plain; r.URL.Path == edition.BatchPath {
				if r.Header.Get("Accept-Encoding") == "gzip" {
					asked = &zipped
				}
				asked.Add(1)
			}
			h.ServeHTTP(w, r)
		}))
		to := filepath.Join(t.TempDir(), "copy")
		r := mustPull(t, to, options(source(t, &mirror.Web{}, serve(t, host))))
		sound(t, to)
		if tree(t, to) != tree(t, c.Dir) {
			t.Error("another tree came")
		}
		batches, others := host.times[edition.BatchPath], 0
		for path, n := range host.times {
			if path != edition.BatchPath {
				others += n
			}
		}
		if knows && (zipped.Load() < 2 || plain.Load() < 2) { // text and posters; sound and films
			t.Errorf("%d batches came compressed and %d as they are", zipped.Load(), plain.Load())
		}
		if knows && (batches == 0 || others > 20) || !knows && batches != 1 {
			t.Errorf("knows %v: %d batches and %d other questions for %d files", knows, batches, others, r.Objects)
		}
	}
}

// TestBatchLiars pulls from a good source and one whose batches are wrong in one
// way: the copy is sound, and who lied is named.
func TestBatchLiars(t *testing.T) {
	t.Parallel()
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 12)...)
	answer := func(t *testing.T, paths []string, change func(path string, b []byte) []byte) []byte {
		var out bytes.Buffer
		if err := edition.WriteBatch(&out, paths, func(p string) ([]byte, error) {
			b, err := os.ReadFile(filepath.Join(c.Dir, p))
			if err == nil {
				b = change(p, b)
			}
			return b, err
		}); err != nil {
			t.Error(err)
		}
		return out.Bytes()
	}
	same := func(_ string, b []byte) []byte { return b }
	flip := func(of string) func(string, []byte) []byte {
		return func(p string, b []byte) []byte {
			if strings.HasSuffix(p, of) {
				b[len(b)/2] ^= 1
			}
			return b
		}
	}
	named := func(w io.Writer, h tar.Header, b string) {
		out := tar.NewWriter(w)
		h.Size = int64(len(b))
		if out.WriteHeader(&h) == nil {
			io.WriteString(out, b)
		}
		out.Close()
	}
	for _, lie := range []struct {
		name, key string
		tell      func(t *testing.T, w http.ResponseWriter, paths []string)
	}{
		{"a changed page", "verify.differs", func(t *testing.T, w http.ResponseWriter, paths []string) { w.Write(answer(t, paths, flip(".html"))) }},
		{"a shorter document", "verify.cut_off", func(t *testing.T, w http.ResponseWriter, paths []string) {
			w.Write(answer(t, paths, func(_ string, b []byte) []byte { return b[:len(b)-1] }))
		}},
		{"a longer document", "verify.too_large", func(t *testing.T, w http.ResponseWriter, paths []string) {
			w.Write(answer(t, paths, func(_ string, b []byte) []byte { return append(b, ' ') }))
		}},
		{"wrong signatures", "", func(t *testing.T, w http.ResponseWriter, paths []string) { w.Write(answer(t, paths, flip(".sig"))) }},
		{"broken off", "", func(t *testing.T, w http.ResponseWriter, paths []string) {
			b := answer(t, paths, same)
			w.Write(b[:len(b)/2])
		}},
		{"nothing at all", "", func(*testing.T, http.ResponseWriter, []string) {}},
		{"no tar", "", func(_ *testing.T, w http.ResponseWriter, _ []string) {
			io.WriteString(w, strings.Repeat("<html>", 1000))
		}},
		{"a link", "edition.batch_answer", func(_ *testing.T, w http.ResponseWriter, paths []string) {
			named(w, tar.Header{Typeflag: tar.TypeSymlink, Name: paths[0], Linkname: "/etc/passwd"}, "")
		}},
		{"what nobody asked for", "", func(_ *testing.T, w http.ResponseWriter, _ []string) {
			named(w, tar.Header{Typeflag: tar.TypeReg, Name: "../../evil"}, "x")
		}},
		{"without end", "edition.batch_answer", func(_ *testing.T, w http.ResponseWriter, paths []string) {
			out := tar.NewWriter(w)
			for range 1 << 16 {
				if out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "x"}) != nil {
					return
				}
			}
		}},
		{"busy", "", func(_ *testing.T, w http.ResponseWriter, _ []string) { w.WriteHeader(http.StatusServiceUnavailable) }},
	} {
		plain := http.FileServer(http.Dir(c.Dir))
		liar := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != edition.BatchPath {
				plain.ServeHTTP(w, r)
				return
			}
			paths, err := edition.ReadBatch(r.Body)
			if err != nil {
				t.Errorf("%s: %v", lie.name, err)
			}
			w.Header().Set("Content-Type", edition.BatchType)
			lie.tell(t, w, paths)
		}))
		to := filepath.Join(t.TempDir(), "copy")
		sources := []mirror.Source{source(t, &mirror.Web{}, liar), dir(t, c.Dir)}
		if lie.name == "busy" {
			sources = sources[:1] // it gives every file by itself
		}
		r := mustPull(t, to, options(sources...))
		sound(t, to)
		if tree(t, to) != tree(t, c.Dir) {
			t.Errorf("%s: another tree came", lie.name)
		}
		if lie.key != "" && (len(r.Aside) != 1 || r.Aside[0].Source != liar || r.Aside[0].Key != lie.key) {
			t.Errorf("%s: %+v", lie.name, r.Aside)
		}
	}
}

// TestServesBatches holds what a mirror gives in a batch: files of its edition
// and nothing else.
func TestServesBatches(t *testing.T) {
	t.Parallel()
	c := edition3(t)
	to := filepath.Join(t.TempDir(), "copy")
	mustPull(t, to, options(dir(t, c.Dir)))
	if err := os.Symlink("/etc/passwd", filepath.Join(to, "robots.txt")); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	url := serve(t, handler(t, to))
	ask := func(body string) (int, map[string]int) {
		res, err := http.Post(url+edition.BatchPath, "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		got := make(map[string]int)
		if res.StatusCode == http.StatusOK {
			if err := edition.ReadBatchAnswer(res.Body, func(p string, b []byte) error { got[p] = len(b); return nil }); err != nil {
				t.Error(err)
			}
		}
		return res.StatusCode, got
	}
	status, got := ask("manifest.json\nlog/checkpoint\nkk/r/0000/000099.html\nrecords/0000/000001/v1.json\n")
	if status != http.StatusOK || len(got) != 3 || got["manifest.json"] == 0 || got["log/checkpoint"] == 0 || got["records/0000/000001/v1.json"] == 0 {
		t.Errorf("%d %v", status, got)
	}
	for _, bad := range []string{"", "manifest.json", ".kua-mirror/state.json\n", "../x\n", "/etc/passwd\n", strings.Repeat("manifest.json\n", 2), strings.Repeat("x", edition.BatchAsked) + "\n"} {
		if status, _ := ask(bad); status != http.StatusBadRequest {
			t.Errorf("%.40q = %d", bad, status)
		}
	}
}
