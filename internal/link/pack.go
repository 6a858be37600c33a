package link

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// encodingHeader says that an answer is packed.
const encodingHeader = "Content-Encoding"

// Packer packs pages with gzip on their way, for those who pay for each byte, or whose
// link lets little pass. Its zero value packs nothing.
//
// Where a page holds both a secret and what a stranger put into it, its length could
// tell the secret (BREACH, 2013). A stranger can have somebody's browser ask only for
// what it knows the address and the form of, so such a page needs a cookie: what comes
// with one is not packed, unless no page of this Packer holds a secret.
type Packer struct {
	Kinds []string // media types that are worth it; others go as they are
	// Public says that nothing secret stands in these pages: they are packed with a
	// cookie too, of which another room of the same host may have given one.
	Public bool
	// Keep is how many packed pages are kept, by what they say, for small pages that
	// many readers are given alike: each is packed once, as small as it gets, and its
	// length is told. With 0 a page is packed fast, as it is written, and nothing of it
	// is held.
	Keep int

	mu   sync.Mutex
	kept map[[sha256.Size]byte]func() []byte
}

var packers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is one
	return z
}}

// Pack answers with what next answers, packed where that may be.
func (p *Packer) Pack(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Add("Vary", "Accept-Encoding") // of what goes as it is too, or a cache gives that to all
		if r.Header.Get("Cookie") != "" && !p.Public || r.Method == http.MethodHead || !TakesGzip(r.Header) {
			next.ServeHTTP(rw, r)
			return
		}
		w := &packing{ResponseWriter: rw, p: p}
		next.ServeHTTP(w, r)
		w.end() // not of an answer that was given up: half a page must not look whole
	})
}

// packing is an answer that is packed when its kind is worth it.
type packing struct {
	http.ResponseWriter
	p      *Packer
	began  bool
	status int
	z      *gzip.Writer  // packs on the way, or
	whole  *bytes.Buffer // holds what is packed at the end
}

// Unwrap lets http.ResponseController reach the writer.
func (w *packing) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *packing) WriteHeader(status int) {
	if w.began {
		return
	}
	w.began, w.status = true, status
	h := w.Header()
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	if !slices.Contains(w.p.Kinds, kind) {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	h.Set(encodingHeader, "gzip")
	h.Del("Content-Length")
	if w.p.Keep > 0 {
		w.whole = new(bytes.Buffer)
		return
	}
	w.z = packers.Get().(*gzip.Writer)
	w.z.Reset(w.ResponseWriter)
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *packing) Write(b []byte) (int, error) {
	if !w.began {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case w.whole != nil:
		return w.whole.Write(b)
	case w.z != nil:
		return w.z.Write(b)
	}
	return w.ResponseWriter.Write(b)
}

// end sends what is left. The reader may have gone.
func (w *packing) end() {
	if w.whole != nil {
		small := w.p.packed(w.whole.Bytes())
		w.Header().Set("Content-Length", strconv.Itoa(len(small)))
		w.ResponseWriter.WriteHeader(w.status)
		_, _ = w.ResponseWriter.Write(small)
	}
	if w.z != nil {
		_ = w.z.Close()
		packers.Put(w.z)
	}
}

// packed gives a page packed, which happens once as long as it is kept.
func (p *Packer) packed(page []byte) []byte {
	name := sha256.Sum256(page)
	p.mu.Lock()
	small := p.kept[name]
	if small == nil {
		if p.kept == nil || len(p.kept) >= p.Keep {
			p.kept = make(map[[sha256.Size]byte]func() []byte)
		}
		small = sync.OnceValue(func() []byte { // others who ask meanwhile wait for it
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = z.Write(page) // into memory
			_ = z.Close()
			return b.Bytes()
		})
		p.kept[name] = small
	}
	p.mu.Unlock()
	return small()
}
