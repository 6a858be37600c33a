package node_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"kua/internal/edition"
)

// TestBatch asks a node for everything it has published, in batches, and for
// what it has not.
func TestBatch(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	ask := func(paths ...string) (int, map[string][]byte) {
		res, err := http.Post(r.url+edition.BatchPath, "text/plain", bytes.NewReader(edition.Batch(paths)))
		must(t, err)
		defer res.Body.Close()
		got := make(map[string][]byte)
		if res.StatusCode != http.StatusOK {
			_, err = io.Copy(io.Discard, res.Body)
		} else {
			err = edition.ReadBatchAnswer(res.Body, func(p string, b []byte) error { got[p] = bytes.Clone(b); return nil })
		}
		must(t, err)
		return res.StatusCode, got
	}
	if status, _ := ask("manifest.json"); status != http.StatusNotFound {
		t.Errorf("before an edition = %d", status)
	}
	req := c.publish(t, c.pages(t, "one"))
	c.bring(t, r.desk(c))
	if status, _ := ask("log/tile/0/000.p/1"); status != http.StatusNotFound {
		t.Errorf("a tile of no edition yet = %d", status)
	}
	must(t, r.desk(c).Switch(t.Context(), req))
	want := map[string][]byte{edition.ManifestPath: []byte(req.Manifest), "log/checkpoint": []byte(req.Checkpoint)}
	for path, b := range c.files {
		want[path] = b
		for id, sig := range c.sigs[path] {
			want[edition.SignaturePath(path, id)] = sig
		}
	}
	var paths []string
	for p := range want {
		paths = append(paths, p)
	}
	status, got := ask(append(paths, "kk/r/0000/000099.html", "log/tile/0/001")...)
	for p, b := range want {
		if len(b) <= edition.BatchFile && !bytes.Equal(got[p], b) {
			t.Errorf("%s: %d bytes, want %d", p, len(got[p]), len(b))
		}
		delete(got, p)
	}
	if status != http.StatusOK || len(got) > 0 {
		t.Errorf("%d, and also %v", status, got)
	}
	if status, _ := ask("../node.db"); status != http.StatusUnprocessableEntity {
		t.Errorf("a path that no edition has = %d", status)
	}
	if status, _ := ask(strings.Repeat("x", edition.BatchAsked)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a long call = %d", status)
	}
}
