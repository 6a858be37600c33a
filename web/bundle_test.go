package web

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func testBundle(t *testing.T) *Bundle {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte("let a = 1"))
	_ = z.Close()
	b, err := readBundle(fstest.MapFS{
		"manifest.json": {Data: []byte(`{"a.js":"a.1F.js","p.svg":"p.2A.svg"}`)},
		"a.1F.js":       {Data: []byte("let a = 1")},
		"a.1F.js.gz":    {Data: packed.Bytes()},
		"a.1F.js.br":    {Data: []byte("as if brotli")},
		"p.2A.svg":      {Data: []byte("<svg/>")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func ask(b *Bundle, method, path, encoding string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w
}

func TestBundleServes(t *testing.T) {
	b := testBundle(t)
	if got := b.Path("a.js"); got != "/assets/a.1F.js" {
		t.Fatalf("got %s", got)
	}
	for _, c := range []struct{ accept, coding, body string }{
		{"", "", "let a = 1"}, {"gzip;q=0", "", "let a = 1"}, {"gzip, br", "br", "as if brotli"}, {"GZIP", "gzip", ""}, {"br;q=0, gzip;q=0.5", "gzip", ""},
	} {
		w := ask(b, http.MethodGet, b.Path("a.js"), c.accept)
		if got := w.Header().Get("Content-Encoding"); w.Code != 200 || got != c.coding {
			t.Errorf("Accept-Encoding %q: got %d %q, want %q", c.accept, w.Code, got, c.coding)
		}
		if c.body != "" && w.Body.String() != c.body {
			t.Errorf("Accept-Encoding %q: got %q", c.accept, w.Body)
		}
		if c.coding == "gzip" {
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if plain, err := io.ReadAll(z); err != nil || string(plain) != "let a = 1" {
				t.Errorf("got %q, %v", plain, err)
			}
		}
		h := w.Header()
		if h.Get("Content-Type") != "text/javascript; charset=utf-8" || !strings.Contains(h.Get("Cache-Control"), "immutable") || h.Get("Vary") != "Accept-Encoding" {
			t.Errorf("headers: %v", h)
		}
	}
	if w := ask(b, http.MethodHead, b.Path("p.svg"), ""); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "6" {
		t.Errorf("HEAD: %d, %d bytes, %v", w.Code, w.Body.Len(), w.Header())
	}
	if w := ask(b, http.MethodPost, b.Path("a.js"), ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
	if got, ok := b.Bytes("a.js"); !ok || string(got) != "let a = 1" {
		t.Errorf("got %q, %v", got, ok)
	}
}

func TestBundleSaysWhatIsMissing(t *testing.T) {
	b := testBundle(t)
	w := ask(b, http.MethodGet, b.Path("other.js"), "")
	if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "other.js") {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	for _, path := range []string{"/assets/", "/assets/manifest.json", "/assets/a.js", "/assets/../web.go", "/assets/a.1F.js.gz"} {
		if w := ask(b, http.MethodGet, path, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s answers %d", path, w.Code)
		}
	}
	unbuilt, err := readBundle(fstest.MapFS{".gitkeep": {}})
	if !errors.Is(err, ErrNotBuilt) {
		t.Fatalf("got %v", err)
	}
	if w := ask(unbuilt, http.MethodGet, unbuilt.Path("a.js"), ""); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "make web") {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
	if _, err := readBundle(fstest.MapFS{"manifest.json": {Data: []byte(`{"a.js":"a.1F.js"}`)}}); err == nil {
		t.Error("a bundle without its file was read")
	}
}
