package link

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Door is a place where a server answers strangers. What lies ready for it is
// given from the connection itself, before http.Server reads a request: for small
// pages that server's work is most of what an answer costs.
//
// It is no second server, and no answer that lies ready may depend on anything but
// door and target. A connection begins here and is http.Server's for good with the
// first request that does not lie ready or is not of the plainest kind: a GET that
// came whole and alone, in headers that are known to change nothing (RFC 9112;
// FuzzEarly holds that both give the same answer). What was read of that one is
// read again by that server.
type Door struct {
	Ready      func(d *Door, target []byte) *Answer // needed; where it gives nil, http.Server makes the answer
	HeaderTime time.Duration                        // as the server's ReadHeaderTimeout, IdleTimeout and WriteTimeout
	IdleTime   time.Duration
	AnswerTime time.Duration
}

// Answer is a whole answer 200 to a GET from whoever takes gzip.
type Answer struct {
	head []byte // all but the date
	body []byte
}

// readyMost is the longest body of a ready answer: a longer one is not bound by
// how fast its request is read.
const readyMost = 32 << 10

// Ready makes the answer that lies ready, of the headers that http.Server would be
// given and a gzip body whose length they say; nil if it is not to be kept ready.
// The body is not copied.
func Ready(h http.Header, body []byte) *Answer {
	if len(body) > readyMost || len(h["Content-Length"]) != 1 || h.Get("Content-Encoding") != "gzip" || h["Connection"] != nil || h["Date"] != nil {
		return nil
	}
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(&b) // into memory
	b.WriteString("Date: ")
	return &Answer{head: b.Bytes(), body: body}
}

// Listen gives a listener at whose connections the door stands. l may be one of
// the package's own.
func (d *Door) Listen(l net.Listener) net.Listener { return &doorway{l, d} }

type doorway struct {
	net.Listener
	door *Door
}

// Accept implements net.Listener.
func (l *doorway) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &early{Conn: c, door: l.door}, nil
}

// early is a connection whose first requests are answered here. Reading is for one
// goroutine at a time, as http.Server does.
type early struct {
	net.Conn
	door  *Door
	over  bool      // http.Server has it
	moved time.Time // when the deadlines were moved last
}

// Read implements net.Conn. http.Server's first call for a connection answers what
// it can; nothing was given to that server by then, and nothing is being written.
func (c *early) Read(b []byte) (int, error) {
	for !c.over {
		n, err := c.Conn.Read(b)
		if err == nil && c.answer(b[:n]) {
			continue
		}
		c.over = true
		if !c.moved.IsZero() {
			_ = c.SetReadDeadline(time.Now().Add(c.door.HeaderTime))
		}
		return n, err
	}
	return c.Conn.Read(b)
}

// answer reports whether it has answered all of b.
func (c *early) answer(b []byte) bool {
	q, ok := read(b)
	if !ok {
		return false
	}
	a := c.door.Ready(c.door, q.target)
	if a == nil || q.browser && c.spent(len(a.body)) {
		return false
	}
	now := time.Now()
	if now.Sub(c.moved) > time.Second {
		_ = c.SetReadDeadline(now.Add(c.door.IdleTime))
		_ = c.SetWriteDeadline(now.Add(c.door.AnswerTime))
		c.moved = now
	}
	whole := answers.Get().(*[]byte)
	*whole = append((*whole)[:0], a.head...)
	*whole = append(*whole, date(now)...)
	*whole = append(*whole, a.body...)
	_, err := c.Conn.Write(*whole)
	answers.Put(whole)
	if err != nil {
		_ = c.Close() // the next read ends it for http.Server too
	}
	return true
}

// spent reports whether a browser's answer should be the last of this connection.
func (c *early) spent(bytes int) bool {
	t, ok := c.Conn.(*conn)
	return ok && t.raw.out.Load()+int64(bytes) > Spent
}

// CloseWrite is for http.Server, which closes its side first after a refusal.
func (c *early) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

var answers = sync.Pool{New: func() any { return new([]byte) }}

// dated is the header's text of one second.
type dated struct {
	second int64
	text   []byte
}

var today atomic.Pointer[dated]

// date gives the value of the header Date and the end of the headers.
func date(now time.Time) []byte {
	d := today.Load()
	if d == nil || d.second != now.Unix() {
		d = &dated{now.Unix(), append(now.UTC().AppendFormat(nil, http.TimeFormat), "\r\n\r\n"...)}
		today.Store(d)
	}
	return d.text
}

// asked is a request that can be answered early.
type asked struct {
	target  []byte
	browser bool
}

// read reads a request of the plainest kind, which takes gzip. Whatever is not
// known here to be such is not: http.Server reads it.
func read(b []byte) (q asked, ok bool) {
	line, rest, ok := bytes.Cut(b, []byte("\r\n"))
	if !ok || !bytes.HasPrefix(line, []byte("GET /")) || !bytes.HasSuffix(line, []byte(" HTTP/1.1")) {
		return q, false
	}
	q.target = line[len("GET ") : len(line)-len(" HTTP/1.1")]
	for _, c := range q.target {
		if !letter(c) && c != '/' && c != '.' {
			return q, false
		}
	}
	hosts, gzip := 0, 0
	for {
		line, rest, ok = bytes.Cut(rest, []byte("\r\n"))
		if !ok {
			return q, false
		}
		if len(line) == 0 {
			return q, len(rest) == 0 && hosts == 1 && gzip == 1
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !printable(value) {
			return q, false
		}
		value = bytes.TrimSpace(value)
		switch known(name) {
		case headerHost:
			hosts++
			if !hostly(value) {
				return q, false
			}
		case headerEncoding:
			gzip++
			if !takesGzip(value) {
				return q, false
			}
		case headerConnection:
			if !bytes.EqualFold(value, []byte("keep-alive")) {
				return q, false
			}
		case headerLanguage:
			q.browser = q.browser || len(value) > 0
		case headerIdle:
		default:
			return q, false
		}
	}
}

type header int

const (
	headerUnknown header = iota
	headerIdle           // changes nothing of an answer that is the same for all
	headerHost
	headerEncoding
	headerConnection
	headerLanguage
)

// known are the headers whose meaning for a page is known, in small letters.
func known(name []byte) header {
	var small [32]byte
	if len(name) > len(small) {
		return headerUnknown
	}
	for i, c := range name {
		if !letter(c) {
			return headerUnknown
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		small[i] = c
	}
	switch string(small[:len(name)]) {
	case "host":
		return headerHost
	case "accept-encoding":
		return headerEncoding
	case "connection":
		return headerConnection
	case "accept-language":
		return headerLanguage
	case "accept", "cache-control", "dnt", "forwarded", "pragma", "priority", "referer", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-user",
		"sec-gpc", "upgrade-insecure-requests", "user-agent", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip":
		return headerIdle
	}
	return headerUnknown
}

// letter reports whether c can stand in a name without any meaning of its own.
func letter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

func printable(value []byte) bool {
	for _, c := range value {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

func hostly(value []byte) bool {
	for _, c := range value {
		if !letter(c) && c != '.' && c != ':' {
			return false
		}
	}
	return len(value) > 0
}

// takesGzip reports whether gzip is asked for in the plain way that browsers do,
// without weights.
func takesGzip(value []byte) bool {
	found := false
	for part := range bytes.SplitSeq(value, []byte(",")) {
		part = bytes.TrimSpace(part)
		for _, c := range part {
			if !letter(c) {
				return false
			}
		}
		found = found || string(part) == "gzip"
	}
	return found
}

type doorKey struct{}

// At gives the door through which a request came, nil if through none.
func At(r *http.Request) *Door {
	d, _ := r.Context().Value(doorKey{}).(*Door)
	return d
}

func withDoor(ctx context.Context, c net.Conn) (context.Context, net.Conn) {
	if e, ok := c.(*early); ok {
		return context.WithValue(ctx, doorKey{}, e.door), e.Conn
	}
	return ctx, c
}
