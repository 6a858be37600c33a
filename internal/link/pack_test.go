package link_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"kua/internal/link"
)

// TestPack: what is worth it goes packed to whoever takes that, with a cookie nothing
// does, and a page that is kept is packed once and says how long it is.
func TestPack(t *testing.T) {
	text := strings.Repeat("Взятка на посту. ", 500)
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.URL.Query().Get("kind"))
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		if r.URL.Query().Has("missing") {
			w.WriteHeader(http.StatusNotFound)
		}
		for part := range strings.SplitAfterSeq(text, ".") {
			_, _ = io.WriteString(w, part)
		}
	})
	for _, keep := range []int{0, 2} {
		packer := &link.Packer{Kinds: []string{"text/html"}, Keep: keep}
		h := packer.Pack(page)
		ask := func(method, path string, headers ...string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, path, nil)
			for i := 0; i < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		const html = "/?kind=text/html%3Bcharset=utf-8"
		for _, path := range []string{html, html + "&missing=", html} {
			w := ask("GET", path, "Accept-Encoding", "br, gzip")
			length := w.Header().Get("Content-Length")
			if told := length == strconv.Itoa(w.Body.Len()); told != (keep > 0) || !told && length != "" {
				t.Errorf("keep %d: %d bytes come as %q", keep, w.Body.Len(), length)
			}
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(z)
			want := http.StatusOK
			if strings.HasSuffix(path, "missing=") {
				want = http.StatusNotFound
			}
			if err != nil || string(b) != text || w.Code != want || w.Header().Get("Content-Encoding") != "gzip" || w.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("keep %d, %s: %d, %v, %v", keep, path, w.Code, w.Header(), err)
			}
		}
		for what, w := range map[string]*httptest.ResponseRecorder{
			"with a cookie":  ask("GET", html, "Accept-Encoding", "gzip", "Cookie", "a=b"),
			"not asked for":  ask("GET", html),
			"refused":        ask("GET", html, "Accept-Encoding", "gzip;q=0"),
			"another kind":   ask("GET", "/?kind=image/jpeg", "Accept-Encoding", "gzip"),
			"asked for HEAD": ask("HEAD", html, "Accept-Encoding", "gzip"),
		} {
			if w.Header().Get("Content-Encoding") != "" || w.Header().Get("Vary") != "Accept-Encoding" || w.Body.String() != text || w.Header().Get("Content-Length") != strconv.Itoa(len(text)) {
				t.Errorf("keep %d, %s: %v, %d bytes", keep, what, w.Header(), w.Body.Len())
			}
		}
		if keep == 0 {
			continue
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 20 {
			ask("GET", html, "Accept-Encoding", "gzip")
		}
		if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 8<<20 { // a new writer of gzip takes 800 kB
			t.Errorf("20 pages that were packed before take %d bytes of memory", after.TotalAlloc-before.TotalAlloc)
		}
	}
}
