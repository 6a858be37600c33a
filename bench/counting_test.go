//go:build bench

package bench

import (
	"io"
	"net/http"
	"sync/atomic"
)

// counting counts the bytes of pieces, and of parts of them, that leave, whether they arrive or not.
type counting struct{ sent *int64 }

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	if (r.Method == http.MethodPut || r.Method == http.MethodPatch) && r.Body != nil {
		r = r.Clone(r.Context())
		r.Body = &counted{r.Body, c.sent}
	}
	return http.DefaultTransport.RoundTrip(r)
}

type counted struct {
	io.ReadCloser
	sent *int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	atomic.AddInt64(c.sent, int64(n))
	return n, err
}
