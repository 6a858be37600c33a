package node_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"kua/internal/nodeapi"
)

// FuzzPaths asks for addresses as strangers make them up. The node must answer
// every one, and must not fail: a path can name a file of the edition or nothing.
func FuzzPaths(f *testing.F) {
	c := newCollective(f)
	r := start(f, c.config(f.TempDir()))
	req := c.publish(f, c.pages(f, "words"))
	c.bring(f, r.desk(c))
	must(f, r.desk(c).Switch(f.Context(), req))
	for _, seed := range []string{
		"/", "/en", "/en/", "/index.html", "/manifest.json", "/parts/root.json", "/parts/../key.pem", "/../../key.pem", "/log/checkpoint",
		"/log/tile/0/000.p/1", "/log/tile/9/000", "/log/tile/entries/x001/000", "/records/0000/000001/v1.json", "//", "/%00", "/log/", "/parts/",
		nodeapi.Base + "/mailboxes/ab", nodeapi.Base + "/uploads/" + strings.Repeat("a", 32), nodeapi.Base + "/uploads/../../node", nodeapi.Base + "/",
	} {
		f.Add(seed, "gzip", "bytes=0-1")
	}
	mux := http.NewServeMux()
	mux.Handle(nodeapi.Base+"/", r.Handler())
	mux.Handle("/", r.Files())
	secret := "PRIVATE KEY"
	f.Fuzz(func(t *testing.T, path, accept, byteRange string) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		req.URL = &url.URL{Path: path}
		req.Header.Set("Accept-Encoding", accept)
		req.Header.Set("Range", byteRange)
		for _, h := range []http.Handler{mux, r.Files()} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, req)
			if w.Code >= 500 || strings.Contains(w.Body.String(), secret) {
				t.Fatalf("%q = %d %.100s", path, w.Code, w.Body)
			}
		}
	})
}
