package link_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kua/internal/link"
)

// house is a server with one page that lies ready once it was asked for, and with
// answers of other kinds.
type house struct {
	addr  string
	early atomic.Int64 // answers that were given without http.Server
}

const plainRequest = "GET /page HTTP/1.1\r\nHost: kua.example.org\r\nAccept-Encoding: gzip, br\r\nUser-Agent: made up\r\n\r\n"

// open runs a house; with no doors everything is http.Server's.
func open(t testing.TB, doors bool) *house {
	t.Helper()
	h := new(house)
	var kept atomic.Pointer[link.Answer]
	body := bytes.Repeat([]byte("page"), 700)
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/page" || r.Method != http.MethodGet || r.Header.Get("If-None-Match") != "" {
			_, _ = io.WriteString(w, r.Method+" "+r.URL.Path+" "+r.Header.Get("If-None-Match"))
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		if link.At(r) != nil {
			kept.Store(link.Ready(w.Header(), body))
		}
		_, _ = w.Write(body)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = l.Addr().String()
	if doors {
		ready := func(_ *link.Door, target []byte) *link.Answer {
			a := kept.Load()
			if string(target) != "/page" || a == nil {
				return nil
			}
			h.early.Add(1)
			return a
		}
		l = (&link.Door{Ready: ready, HeaderTime: time.Minute, IdleTime: time.Minute, AnswerTime: time.Minute}).Listen(l)
	}
	s := &http.Server{Handler: serve, ConnContext: link.Context, MaxHeaderBytes: 16 << 10}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) }) // ends with Close
	t.Cleanup(func() { s.Close(); serving.Wait() })
	return h
}

var dateLine = regexp.MustCompile(`Date: [^\r]+\r\n`)

// say sends each of the parts, waits for an answer to all but the last, and gives
// all that comes until the server ends.
func (h *house) say(t testing.TB, parts ...[]byte) []byte {
	t.Helper()
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var heard []byte
	for i, part := range parts {
		_, _ = c.Write(part) // a server that has ended is heard below
		if i < len(parts)-1 {
			answer := make([]byte, 64<<10)
			n, _ := c.Read(answer)
			heard = append(heard, answer[:n]...)
		}
	}
	_ = c.(*net.TCPConn).CloseWrite()
	rest, _ := io.ReadAll(c) // a server that refuses may reset
	return dateLine.ReplaceAll(append(heard, rest...), []byte("Date: \r\n"))
}

// FuzzEarly says the same to a server with a door and to one without, first and
// after plain requests: both must give the same.
func FuzzEarly(f *testing.F) {
	for _, s := range []string{
		plainRequest, plainRequest + plainRequest, plainRequest[:30], "", "\r\n" + plainRequest,
		"GET /page HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n",
		"GET /page HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
		"GET /page HTTP/1.1\r\nHost: a\r\nHost: b\r\nAccept-Encoding: gzip\r\n\r\n",
		"GET /page HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n", "GET /page HTTP/1.0\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n",
		"GET /page HTTP/1.1\r\nHost: a b\r\nAccept-Encoding: gzip\r\n\r\n", "GET /page HTTP/1.1\r\nHost : a\r\nAccept-Encoding: gzip\r\n\r\n",
		"GET /page HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n folded\r\n\r\n", "GET /page HTTP/1.1\nHost: a\nAccept-Encoding: gzip\n\n",
		"GET /page HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET /page HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nExpect: 100-continue\r\n\r\n",
		"GET /page HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nIf-None-Match: \"x\"\r\n\r\n",
		"GET /page?q HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n", "GET //page HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n",
		"HEAD /page HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n", "GET /page HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nUser-Agent: \x00\r\n\r\n",
		"GET /page HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nUser-Agent: x\ry\r\n\r\n", "GET /page HTTP/1.1\r\n\r\nHost: a\r\n\r\n",
		"GET /page HTTP/1.1\r\nHost: a_b:80\r\nACCEPT-ENCODING:gzip\r\nX-Forwarded-For: 192.0.2.1\r\nConnection: Keep-Alive\r\n\r\nPOST /",
	} {
		f.Add([]byte(s))
	}
	with, without := open(f, true), open(f, false)
	plain := []byte(plainRequest)
	with.say(f, plain)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 3000 {
			return
		}
		if len(b) < 4 {
			return // http.Server says nothing to so little behind an answer, and refuses it before one
		}
		for _, parts := range [][][]byte{{b}, {plain, b}, {plain, plain, append(bytes.Clone(b), plain...)}} {
			if got, want := with.say(t, parts...), without.say(t, parts...); !bytes.Equal(got, want) {
				t.Errorf("%d parts, with a door:\n%.2000q\nwithout:\n%.2000q", len(parts), got, want)
			}
		}
	})
}

// TestEarly counts who answers: the first answer is http.Server's, then the door
// gives the page until a request is of another kind, and from then on the server.
func TestEarly(t *testing.T) {
	t.Parallel()
	h := open(t, true)
	plain, other := []byte(plainRequest), []byte("GET /other HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
	h.say(t, plain)
	if n := h.early.Load(); n != 0 {
		t.Errorf("the door gave %d answers before any was made", n)
	}
	h.say(t, plain, plain, plain)
	if n := h.early.Load(); n != 3 {
		t.Errorf("the door gave %d of 3 answers", n)
	}
	h.say(t, plain, other, plain, plain)
	if n := h.early.Load(); n != 4 {
		t.Errorf("the door gave %d answers of a connection that is http.Server's", n-3)
	}
	half := len(plain) / 2
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	read := func() {
		t.Helper()
		res, err := io.ReadAll(io.LimitReader(c, 2800))
		if err != nil || !bytes.Contains(res, []byte("200 OK")) {
			t.Errorf("%v: %.100q", err, res)
		}
	}
	for _, part := range [][]byte{plain[:half], plain[half:]} {
		if _, err := c.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	read()
}

// TestEarlyEnds is a stopping server: a connection that only ever met the door is
// closed with the others.
func TestEarlyEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := link.Ready(http.Header{"Content-Length": {"4"}, "Content-Encoding": {"gzip"}}, []byte("page"))
	d := &link.Door{Ready: func(*link.Door, []byte) *link.Answer { return a }, IdleTime: 10 * time.Millisecond, HeaderTime: time.Minute, AnswerTime: time.Minute}
	s := &http.Server{Handler: http.NotFoundHandler(), ConnContext: link.Context}
	go func() { _ = s.Serve(d.Listen(l)) }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, plainRequest); err != nil {
		t.Fatal(err)
	}
	// Idle for longer than it may be, it is let go: the end of the answer is the end.
	res, err := io.ReadAll(c)
	if err != nil || !bytes.HasSuffix(res, []byte("\r\n\r\npage")) {
		t.Errorf("%v: %q", err, res)
	}
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
