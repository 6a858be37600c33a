// Package link is what a server does for roads that freeze: censors of the region
// let about 16 kilobytes of a TLS connection pass and then hold back the rest
// without a word. So the records are small enough to be opened one by one, and no
// answer to a browser begins on a connection that has carried much already.
//
// It knows nothing of what is served.
package link

import (
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
)

// Go's TLS begins a connection with a record of 1.2 kB and makes each one longer
// than the one before: the fifth would not end before 16 kilobytes, and what came
// of it would be lost. DynamicRecordSizingDisabled makes the first one long. So
// all of the first bytes are written in portions that fit a packet.
const (
	recordBytes = 1_150
	smallUntil  = 64 << 10
)

// What an answer needs that begins on a connection which was used: the question, the
// headers of the answer, and the largest thing that a page is made of (8 kB,
// docs/design/survival.md, and a tenth for what TLS adds).
const (
	questionBytes = 1_000
	headBytes     = 1_300
	largestBytes  = 9 << 10
)

// Spent is after how many bytes both ways, handshake included, a connection takes no
// further answer to a browser, so that one more would still end before 16 kB. A
// browser's hello alone has 1.8 kB since it offers post-quantum keys, so that most of
// its connections carry one answer.
const Spent = 16<<10 - largestBytes - headBytes - questionBytes

// Listen gives a listener whose connections speak TLS by config in small records.
// Such a connection is none of *tls.Conn's to a server, so HTTP/1.1 is all that it
// speaks: config.NextProtos should offer no h2. That is meant: of two streams on a
// frozen connection both are lost, of two connections one. Hands are shaken at the
// first byte that is read, under the server's own deadline.
func Listen(l net.Listener, config *tls.Config) net.Listener { return &listener{l, config} }

type listener struct {
	net.Listener
	config *tls.Config
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	raw := &counted{Conn: c}
	return &conn{Conn: tls.Server(raw, l.config), raw: raw}, nil
}

// conn writes the first bytes of a TLS connection in small records. One goroutine
// at a time writes, as http.Server does.
type conn struct {
	*tls.Conn
	raw  *counted
	sent int
	head head
}

func (c *conn) heading() *head { return &c.head }

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	if c.head.lines != nil {
		return c.head.write(records{c}, b)
	}
	return records{c}.Write(b)
}

// records writes in small records.
type records struct{ *conn }

// Write implements io.Writer.
func (c records) Write(b []byte) (n int, err error) {
	for err == nil && n < len(b) && c.sent < smallUntil {
		var k int
		k, err = c.Conn.Write(b[n:min(len(b), n+recordBytes)])
		n, c.sent = n+k, c.sent+k
	}
	if err == nil && n < len(b) {
		var k int
		k, err = c.Conn.Write(b[n:])
		n += k
	}
	return n, err
}

// counted counts what goes over the wire, both ways.
type counted struct {
	net.Conn
	passed atomic.Int64
}

// Read implements net.Conn.
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.passed.Add(int64(n))
	return n, err
}

// Write implements net.Conn.
func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.passed.Add(int64(n))
	return n, err
}

// Handler answers with h, fills in Request.TLS, and ends a connection with the
// answer to a browser that spends it. Tools and mirrors, which fetch thousands of
// small files and know how to begin again, keep theirs.
func Handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(key{}).(*conn)
		if !ok {
			h.ServeHTTP(w, r)
			return
		}
		state := c.ConnectionState()
		r.TLS = &state
		if browses(r.Header) {
			w = &answer{ResponseWriter: w, c: c}
		}
		h.ServeHTTP(w, r)
	})
}

// browses reports whether a browser asks. One is known by the languages that it asks for;
// where its owner lets it name none, by what it says of the page that asks (Fetch
// Metadata), or by asking for a page.
func browses(h http.Header) bool {
	return h.Get("Accept-Language") != "" || h.Get("Sec-Fetch-Mode") != "" || strings.Contains(h.Get("Accept"), "text/html")
}

// answer ends its connection when it is the last that should begin there.
type answer struct {
	http.ResponseWriter
	c    *conn
	told bool
}

// unknownBytes is what an answer is taken for that does not say its length.
const unknownBytes = 4 << 10

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if status >= 200 && !a.told {
		a.told = true
		length, err := strconv.ParseInt(a.Header().Get("Content-Length"), 10, 64)
		if err != nil {
			length = unknownBytes
		}
		if a.c.raw.passed.Load()+headBytes+length > Spent {
			a.Header().Set("Connection", "close")
		}
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (a *answer) Write(b []byte) (int, error) {
	if !a.told {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
