package gate

import "encoding/binary"

// element is one EBML element (RFC 8794).
type element struct {
	id     uint32
	at     int64 // of its first byte
	body   int64
	size   int64
	parent string
}

func (e element) end() int64 { return e.body + e.size }

// elementAt reads the head of an element that must end by end.
func (f *file) elementAt(where string, at, end int64) (element, error) {
	e := element{at: at, parent: where}
	b, err := f.bytes(where, at, min(12, end-at))
	if err != nil {
		return e, err
	}
	id, n := vint(b, 4)
	if n == 0 {
		return e, refuse(where, at, "broken", "no element")
	}
	e.id = uint32(id)
	size, m := vint(b[n:], 8)
	if m == 0 {
		return e, refuse(where, at, "broken", "element %x without a size", e.id)
	}
	e.size = int64(size &^ (1 << (7 * m)))
	e.body = at + int64(n+m)
	if e.size == 1<<(7*m)-1 || e.size > end-e.body {
		return e, refuse(where, at, "cut", "element %x of %d bytes where %d are left", e.id, e.size, end-e.body)
	}
	return e, nil
}

// vint reads a number of up to most bytes, its marker bit kept; n 0 for none.
func vint(b []byte, most int) (v uint64, n int) {
	for n = 1; n <= most && n <= len(b); n++ {
		if b[0]&(0x80>>(n-1)) != 0 {
			for _, c := range b[:n] {
				v = v<<8 | uint64(c)
			}
			return v, n
		}
	}
	return 0, 0
}

// data reads an element's body whole.
func (f *file) data(e element) ([]byte, error) { return f.bytes(e.parent, e.body, e.size) }

// number reads an unsigned integer.
func (f *file) number(e element) (uint64, error) {
	if e.size < 1 || e.size > 8 {
		return 0, refuse(e.parent, e.at, "value", "a number of %d bytes", e.size)
	}
	b, err := f.data(e)
	if err != nil {
		return 0, err
	}
	var eight [8]byte
	copy(eight[8-len(b):], b)
	return binary.BigEndian.Uint64(eight[:]), nil
}
