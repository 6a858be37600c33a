package mirror_test

import (
	"net/http/httptest"
	"path/filepath"
	"testing"

	"kua/internal/edition/editiontest"
	"kua/internal/mirror"
)

func handler(t testing.TB, dir string) *mirror.Handler {
	t.Helper()
	h, err := mirror.NewHandler(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func TestServed(t *testing.T) {
	c := editiontest.New(t)
	c.Publish(t, c.Records(t, 1, 3)...)
	to := filepath.Join(t.TempDir(), "copy")
	mustPull(t, to, options(dir(t, c.Dir)))
	s := httptest.NewServer(handler(t, to))
	defer s.Close()
	w := &mirror.Web{}
	src, err := w.HTTP(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	r := mustPull(t, filepath.Join(t.TempDir(), "again"), options(src))
	t.Logf("%+v", r)
}
