package node

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"kua/internal/fault"
)

// patient reads a body and lets the connection's deadline follow what comes: an
// honest link of a few kilobytes a second has all the time it needs, and one
// that brings nothing, or next to nothing, holds its place for seconds.
type patient struct {
	body    io.Reader
	rc      *http.ResponseController
	start   time.Time
	slowest int64     // bytes a second
	last    time.Time // when all must have come; zero for no such time
	got     int64
	ended   atomic.Bool
}

func (n *Node) patient(w http.ResponseWriter, r *http.Request) *patient {
	return &patient{body: r.Body, rc: http.NewResponseController(w), start: time.Now(), slowest: n.cfg.Limits.SlowestBytes}
}

// Read implements io.Reader. Too slow a body is the fault node.too_slow.
func (p *patient) Read(b []byte) (int, error) {
	earned := time.Duration(p.got) * time.Second / time.Duration(p.slowest)
	until := p.start.Add(grace + earned)
	if soon := time.Now().Add(grace); until.After(soon) && p.got > 0 {
		until = soon // what was brought fast before does not buy a long silence
	}
	if !p.last.IsZero() && until.After(p.last) {
		until = p.last
	}
	_ = p.rc.SetReadDeadline(until) // a recorder in a test has none
	_ = p.rc.SetWriteDeadline(time.Now().Add(grace + answerTime))
	if p.ended.Load() {
		return 0, errInterrupted
	}
	n, err := p.body.Read(b)
	p.got += int64(n)
	if errors.Is(err, os.ErrDeadlineExceeded) && p.ended.Load() {
		err = errInterrupted
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fault.Later("node.too_slow").Because(err)
	}
	return n, err
}

// fill reads until b is full or the body ends: io.EOF when it ended by itself, which
// a body that was cut off, chunked or not, never gives.
func (p *patient) fill(b []byte) (got int, err error) {
	for got < len(b) && err == nil {
		var n int
		n, err = p.Read(b[got:])
		got += n
	}
	return got, err
}

// errInterrupted ends the reading of a body that its own sender has given up.
var errInterrupted = errors.New("the sender began anew")

// interrupt ends the reading. Any goroutine may call it until done was called.
func (p *patient) interrupt() {
	p.ended.Store(true)
	_ = p.rc.SetReadDeadline(time.Unix(1, 0))
}

// done takes the deadline off again.
func (p *patient) done() { _ = p.rc.SetReadDeadline(time.Time{}) }

// readBody reads a body of at most limit bytes.
func (n *Node) readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	return readAll(n.patient(w, r), r, limit)
}

// readWithin does so with a body that must have come within some time.
func (n *Node) readWithin(w http.ResponseWriter, r *http.Request, limit int64, within time.Duration) ([]byte, error) {
	p := n.patient(w, r)
	p.last = p.start.Add(within)
	return readAll(p, r, limit)
}

func readAll(p *patient, r *http.Request, limit int64) ([]byte, error) {
	defer p.done()
	if r.ContentLength > limit {
		return nil, fault.TooLarge("node.body_too_large", limit)
	}
	b, err := io.ReadAll(io.LimitReader(p, limit+1))
	if err != nil {
		return nil, cutOff(err)
	}
	if int64(len(b)) > limit {
		return nil, fault.TooLarge("node.body_too_large", limit)
	}
	return b, nil
}

// cutOff is the fault of a body that did not come whole.
func cutOff(err error) error {
	if _, ok := fault.Of(err); ok {
		return err
	}
	if errors.Is(err, errInterrupted) {
		return fault.Conflict("node.other_offset", 0)
	}
	return fault.Invalid("node.cut_off").Because(err)
}

// patientWrite gives a slow reader time for the next bytes.
func patientWrite(w http.ResponseWriter, bytes int64) {
	allowed := grace + time.Duration(bytes/1024)*time.Second
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(allowed))
}

// patientWriter gives a slow reader time for every chunk that it takes.
type patientWriter struct{ http.ResponseWriter }

// Write implements io.Writer.
func (w patientWriter) Write(b []byte) (int, error) {
	patientWrite(w.ResponseWriter, int64(len(b)))
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// pace counts the calls of one connection. It lives in the connection's context
// and ends with it: there is no table of addresses.
type pace struct {
	once    sync.Once
	limiter *rate.Limiter
}

type paceKey struct{}

// withPace is an http.Server's ConnContext.
func withPace(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, paceKey{}, new(pace))
}

// allow reports whether the call's connection may make another call now.
func allow(r *http.Request, perSecond int) bool {
	p, ok := r.Context().Value(paceKey{}).(*pace)
	if !ok {
		return true
	}
	p.once.Do(func() { p.limiter = rate.NewLimiter(rate.Limit(perSecond), 2*perSecond) })
	return p.limiter.Allow()
}
