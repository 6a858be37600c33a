package link

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// Lazy gives a listener whose connections keep the deadlines that they are given,
// and set one only when it comes before the one that is set: what was set earlier is
// found out at its time, and put off. http.Server moves a connection's deadlines
// eight times for each answer, by seconds that hardly ever pass, and every one of
// them would go through the runtime's timers.
func Lazy(l net.Listener) net.Listener { return lazyListener{l} }

type lazyListener struct{ net.Listener }

// Accept implements net.Listener.
func (l lazyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newLazy(c), nil
}

type lazy struct {
	net.Conn
	reading, writing deadline
	head             head
}

func (c *lazy) heading() *head { return &c.head }

func newLazy(c net.Conn) *lazy {
	return &lazy{Conn: c, reading: deadline{set: c.SetReadDeadline}, writing: deadline{set: c.SetWriteDeadline}}
}

// Read implements net.Conn.
func (c *lazy) Read(b []byte) (n int, err error) {
	for again := c.reading.enter(&err); again; again = c.reading.putOff(n > 0, &err) {
		n, err = c.Conn.Read(b)
	}
	return n, err
}

// Write implements net.Conn.
func (c *lazy) Write(b []byte) (int, error) {
	if c.head.lines != nil {
		return c.head.write(untilDeadline{c}, b)
	}
	return untilDeadline{c}.Write(b)
}

// untilDeadline writes while the deadline that is wanted allows.
type untilDeadline struct{ *lazy }

// Write implements io.Writer.
func (c untilDeadline) Write(b []byte) (n int, err error) {
	for again := c.writing.enter(&err); again; again = c.writing.putOff(false, &err) {
		var k int
		k, err = c.Conn.Write(b[n:])
		n += k
	}
	return n, err
}

// SetReadDeadline implements net.Conn.
func (c *lazy) SetReadDeadline(t time.Time) error { return c.reading.want(t) }

// SetWriteDeadline implements net.Conn.
func (c *lazy) SetWriteDeadline(t time.Time) error { return c.writing.want(t) }

// SetDeadline implements net.Conn.
func (c *lazy) SetDeadline(t time.Time) error {
	return errors.Join(c.reading.want(t), c.writing.want(t))
}

// CloseWrite ends one way, as http.Server does before it hangs up on a sender.
func (c *lazy) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// deadline is one of a connection, for reading or for writing.
type deadline struct {
	set func(time.Time) error

	mu     sync.Mutex
	wanted time.Time // zero for none
	is     time.Time // what is set: never later than what is wanted
	inside int       // calls that may wait for it now
}

// over is before any moment for which a deadline is meant: it ends a call at once.
var over = time.Unix(1<<28, 0)

func (d *deadline) want(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = t
	if t.IsZero() || d.inside == 0 && t.Before(over) || !d.is.IsZero() && !t.Before(d.is) {
		return nil
	}
	d.is = t
	return d.set(t)
}

// enter begins a call, unless its time is over.
func (d *deadline) enter(err *error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.wanted.IsZero() && d.wanted.Before(over) {
		*err = os.ErrDeadlineExceeded
		return false
	}
	d.inside++
	return true
}

// putOff ends a call, or sets the deadline that is wanted and has it go on, if it
// ended by one that no longer is.
func (d *deadline) putOff(done bool, err *error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if *err != nil && !done && errors.Is(*err, os.ErrDeadlineExceeded) && (d.wanted.IsZero() || time.Now().Before(d.wanted)) {
		d.is = d.wanted
		if *err = d.set(d.wanted); *err == nil {
			return true
		}
	}
	d.inside--
	return false
}
