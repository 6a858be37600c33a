package link

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// counting counts the deadlines that come to it.
type counting struct {
	net.Conn
	sets int
}

func (c *counting) SetReadDeadline(t time.Time) error  { c.sets++; return c.Conn.SetReadDeadline(t) }
func (c *counting) SetWriteDeadline(t time.Time) error { c.sets++; return c.Conn.SetWriteDeadline(t) }

// put gives a lazy connection, what counts below it, and its other end.
func put(t *testing.T) (*lazy, *counting, net.Conn) {
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	below := &counting{Conn: near}
	return newLazy(below), below, far
}

// What http.Server does for each answer sets a deadline every twenty seconds, not
// eight times; and each still holds.
func TestDeadlinesArePutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, below, far := put(t)
		b := make([]byte, 8)
		for range 1000 {
			c.SetReadDeadline(time.Now().Add(20 * time.Second))
			go far.Write([]byte("GET"))
			if n, err := c.Read(b); n != 3 || err != nil {
				t.Fatal(n, err)
			}
			c.SetReadDeadline(time.Time{})
			c.SetWriteDeadline(time.Now().Add(5 * time.Minute))
			c.SetReadDeadline(time.Unix(1, 0))
			if _, err := c.Read(b[:1]); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
			c.SetReadDeadline(time.Time{})
			c.SetReadDeadline(time.Now().Add(2 * time.Minute))
			time.Sleep(10 * time.Millisecond)
		}
		if below.sets > 4 {
			t.Errorf("%d deadlines were set for 1000 answers in 10 s", below.sets)
		}
		begun := time.Now()
		if n, err := c.Read(b); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(n, err)
		}
		if waited := time.Since(begun).Round(time.Second); waited != 2*time.Minute {
			t.Errorf("it waited %v for a next question, not two minutes", waited)
		}
	})
}

func TestDeadlineIsTakenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, far := put(t)
		c.SetReadDeadline(time.Now().Add(time.Second))
		c.SetReadDeadline(time.Time{})
		time.AfterFunc(time.Hour, func() { far.Write([]byte("late")) })
		if n, err := c.Read(make([]byte, 8)); n != 4 || err != nil {
			t.Error(n, err)
		}
	})
}

// A call that waits is ended from outside at once, and the next one is not.
func TestReadIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, far := put(t)
		c.SetReadDeadline(time.Now().Add(time.Minute))
		ended := make(chan error)
		go func() {
			_, err := c.Read(make([]byte, 8))
			ended <- err
		}()
		synctest.Wait()
		c.SetReadDeadline(time.Unix(1, 0))
		begun := time.Now()
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != 0 {
			t.Error(err, time.Since(begun))
		}
		c.SetReadDeadline(time.Now().Add(time.Minute))
		time.AfterFunc(time.Second, func() { far.Write([]byte("more")) })
		if n, err := c.Read(make([]byte, 8)); n != 4 || err != nil {
			t.Error(n, err)
		}
	})
}

// A long answer to a slow reader goes on where a deadline that was put off cut it,
// and ends at the one that holds.
func TestWriteGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, far := put(t)
		c.SetWriteDeadline(time.Now().Add(time.Second))
		c.SetWriteDeadline(time.Now().Add(10 * time.Second))
		got := make(chan byte, 16)
		go func() {
			b := make([]byte, 1)
			for range 6 {
				time.Sleep(700 * time.Millisecond)
				if _, err := far.Read(b); err == nil {
					got <- b[0]
				}
			}
		}()
		begun := time.Now()
		n, err := c.Write([]byte("abcdefgh"))
		if n != 6 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begun) != 10*time.Second {
			t.Error(n, err, time.Since(begun))
		}
		close(got)
		var all []byte
		for b := range got {
			all = append(all, b)
		}
		if string(all) != "abcdef" {
			t.Errorf("%q came", all)
		}
	})
}
