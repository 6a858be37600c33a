package laneweb

import (
	"compress/gzip"
	"net/http"
	"strings"
	"sync"

	roads "kua/internal/link"
)

// The headers that compression sets.
const (
	encodingHeader = "Content-Encoding"
	varyHeader     = "Vary"
)

var packers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is one
	return z
}}

// compressed packs pages and maps on their way, for those who pay for each byte.
//
// Where a page holds both a secret and what a stranger put into it, its length could
// tell the secret (BREACH, 2013). A stranger can have somebody's browser ask only for
// what it knows the address and the form of, so such a page needs a cookie: what comes
// with one is not packed. Photos and downloads go as they are.
func compressed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != "" || r.Method == http.MethodHead || !roads.TakesGzip(r.Header) {
			next.ServeHTTP(rw, r)
			return
		}
		p := &packing{ResponseWriter: rw}
		defer p.end()
		next.ServeHTTP(p, r)
	})
}

// packing is an answer that is packed when its kind is worth it.
type packing struct {
	http.ResponseWriter
	began bool
	z     *gzip.Writer
}

// Unwrap lets http.ResponseController reach the writer.
func (p *packing) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (p *packing) WriteHeader(status int) {
	if !p.began {
		p.began = true
		kind, _, _ := strings.Cut(p.Header().Get("Content-Type"), ";")
		if kind == "text/html" || kind == "image/svg+xml" || kind == "application/atom+xml" {
			p.Header().Set(encodingHeader, "gzip")
			p.Header().Add(varyHeader, "Accept-Encoding")
			p.Header().Del("Content-Length")
			p.z = packers.Get().(*gzip.Writer)
			p.z.Reset(p.ResponseWriter)
		}
	}
	p.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (p *packing) Write(b []byte) (int, error) {
	if !p.began {
		p.WriteHeader(http.StatusOK)
	}
	if p.z == nil {
		return p.ResponseWriter.Write(b)
	}
	return p.z.Write(b)
}

func (p *packing) end() {
	if p.z == nil {
		return
	}
	_ = p.z.Close() // the reader may have gone
	packers.Put(p.z)
}
