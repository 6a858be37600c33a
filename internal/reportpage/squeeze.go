package reportpage

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"

	"kua/internal/link"
)

// Squeezed answers with what next answers, in gzip where the browser takes it: a page
// with its words in Cyrillic is four times as long without, and would not pass a link
// that freezes after 16 kB. Nothing secret stands in what is squeezed, so its length
// tells nothing.
func Squeezed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Add("Vary", "Accept-Encoding")
		if !link.TakesGzip(r.Header) {
			next.ServeHTTP(rw, r)
			return
		}
		held := &held{ResponseWriter: rw, status: http.StatusOK}
		next.ServeHTTP(held, r)
		var small bytes.Buffer
		z := gzip.NewWriter(&small)
		_, _ = z.Write(held.body.Bytes()) // into memory
		_ = z.Close()
		h := rw.Header()
		h.Set("Content-Encoding", "gzip")
		h.Set("Content-Length", strconv.Itoa(small.Len()))
		rw.WriteHeader(held.status)
		if r.Method != http.MethodHead {
			_, _ = rw.Write(small.Bytes()) // the reader may have gone
		}
	})
}

// held is an answer that waits for its end.
type held struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (h *held) WriteHeader(status int) { h.status = status }

// Write implements io.Writer.
func (h *held) Write(b []byte) (int, error) { return h.body.Write(b) }
