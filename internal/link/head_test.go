package link

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
)

// short takes so many bytes and no more.
type short struct {
	bytes.Buffer
	room int
}

func (s *short) Write(b []byte) (int, error) {
	if len(b) > s.room {
		n, _ := s.Buffer.Write(b[:s.room])
		return n, io.ErrShortWrite
	}
	return s.Buffer.Write(b)
}

func TestHeadGoesBehindTheStatus(t *testing.T) {
	const answer, lines = "HTTP/1.1 200 OK\r\nDate: x\r\n\r\nbody", "A: b\r\nC: d\r\n"
	for room := range 60 {
		h, w := head{lines: [][]byte{[]byte(lines[:6]), []byte(lines[6:])}}, short{room: room}
		n, err := h.write(&w, []byte(answer))
		want := "HTTP/1.1 200 OK\r\n" + lines + "Date: x\r\n\r\nbody"
		if whole := room >= len(want); whole != (err == nil) || w.String() != want[:min(room, len(want))] || n < 0 || n > len(answer) || whole != (n == len(answer)) {
			t.Errorf("%d bytes of room: %d, %v, %q", room, n, err, w.String())
		}
		if h.lines != nil {
			t.Error("the lines wait for another answer")
		}
	}
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	c := newLazy(near)
	c.head.lines = [][]byte{[]byte(lines)}
	if n, err := c.Write([]byte("what is no answer\r\n")); n != 0 || !errors.Is(err, errNoHead) {
		t.Errorf("lines were put where no answer begins: %d, %v", n, err)
	}
}
