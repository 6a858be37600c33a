package link

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Lines gives headers as Head takes them.
func Lines(h http.Header) []byte {
	var b bytes.Buffer
	_ = h.Write(&b) // into memory
	return b.Bytes()
}

// Head has an answer carry lines in its head that were made before (Lines), behind the
// status and before what http.Server writes itself. That server clones, sorts, looks
// through and writes the headers of every answer anew, a third of what a page costs that
// lies ready in memory. The lines name the content's type and not the date, and w is told
// of nothing that is among them; let the answer follow. Head reports whether it will be
// so: not where the connection is none of this package's, and not for a request with a
// body, before which an interim answer may go.
func Head(w http.ResponseWriter, r *http.Request, lines ...[]byte) bool {
	c, ok := r.Context().Value(key{}).(interface{ heading() *head })
	if !ok || r.ContentLength != 0 {
		return false
	}
	c.heading().lines = append(lines, dateLine())
	h := w.Header()
	h["Content-Type"], h["Date"] = nil, nil // there: the one is not to be guessed, the other not made again
	return true
}

// dated is the header Date (RFC 9110, 6.6.1) of a second.
type dated struct {
	second int64
	line   []byte
}

var lastDate atomic.Pointer[dated]

func dateLine() []byte {
	now := time.Now()
	d := lastDate.Load()
	if d == nil || d.second != now.Unix() {
		d = &dated{now.Unix(), now.UTC().AppendFormat(nil, "Date: "+http.TimeFormat+"\r\n")}
		lastDate.Store(d)
	}
	return d.line
}

// Context is for an http.Server's ConnContext: it lets Handler and Head know the
// connection.
func Context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, key{}, c)
}

type key struct{}

// head is what the next answer on a connection has in its head. The goroutine that
// answers is the one that writes.
type head struct{ lines [][]byte }

var (
	crlf      = []byte("\r\n")
	errNoHead = errors.New("link: what is written does not begin an answer")
	wholes    = sync.Pool{New: func() any { return new([]byte) }}
)

// write writes b to w, and the lines behind its first line if some wait. n counts
// bytes of b.
func (h *head) write(w io.Writer, b []byte) (n int, err error) {
	status, rest, ok := bytes.Cut(b, crlf)
	if !ok || !bytes.HasPrefix(status, []byte("HTTP/1.")) {
		return 0, errNoHead
	}
	whole := wholes.Get().(*[]byte)
	defer wholes.Put(whole)
	*whole = append(append((*whole)[:0], status...), crlf...)
	for _, l := range h.lines {
		*whole = append(*whole, l...)
	}
	*whole = append(*whole, rest...)
	h.lines = nil
	n, err = w.Write(*whole)
	return max(0, n-(len(*whole)-len(b))), err
}
