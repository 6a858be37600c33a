package media

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
)

// jpegFilter hands on of a JPEG what its picture needs and nothing else, from
// SOI to EOI: frame, tables, scans, and the two segments that say how colours
// are coded. Go's decoder refuses some segments that cameras and tools write
// (the reserved JPGn among them); without them the picture is the same.
type jpegFilter struct {
	in    *bufio.Reader
	ready []byte // to be handed out before more is read
	scan  bool   // within a scan's coded data
	err   error
}

func newJPEGFilter(r io.Reader) *jpegFilter {
	return &jpegFilter{in: bufio.NewReaderSize(r, 64<<10)}
}

// Read implements io.Reader. It ends at the picture's end, whatever follows.
func (f *jpegFilter) Read(p []byte) (int, error) {
	for len(f.ready) == 0 && f.err == nil {
		if f.scan {
			f.coded()
		} else {
			f.segment()
		}
	}
	n := copy(p, f.ready)
	f.ready = f.ready[n:]
	if n > 0 {
		return n, nil
	}
	return 0, f.err
}

// coded hands on coded data up to the next marker: in it, 0xff stands only
// before a zero, a restart marker or more of its kind.
func (f *jpegFilter) coded() {
	b, err := f.in.Peek(1)
	if err != nil {
		f.err = err
		return
	}
	buf, _ := f.in.Peek(max(1, f.in.Buffered()))
	n := bytes.IndexByte(buf, 0xff)
	if n < 0 {
		n = len(buf)
	}
	if n > 0 {
		f.ready = append(f.ready[:0], buf[:n]...)
		_, _ = f.in.Discard(n)
		return
	}
	if b, err = f.in.Peek(2); err != nil {
		f.err = io.ErrUnexpectedEOF
		return
	}
	switch m := b[1]; {
	case m == 0 || m >= 0xd0 && m <= 0xd7:
		f.ready = append(f.ready[:0], 0xff, m)
		_, _ = f.in.Discard(2)
	case m == 0xff:
		_, _ = f.in.Discard(1)
	default:
		f.scan = false
	}
}

// segment hands on or drops one segment.
func (f *jpegFilter) segment() {
	m, err := nextMarker(f.in)
	if err != nil {
		f.err = noEOF(err)
		return
	}
	switch {
	case m == 0xd8:
		f.ready = append(f.ready[:0], 0xff, m)
		return
	case m == 0xd9:
		f.ready, f.err = append(f.ready[:0], 0xff, m), io.EOF
		return
	case m == 0x01 || m >= 0xd0 && m <= 0xd7: // without a body
		return
	}
	var size [2]byte
	if _, err := io.ReadFull(f.in, size[:]); err != nil {
		f.err = noEOF(err)
		return
	}
	n := int(binary.BigEndian.Uint16(size[:])) - 2
	if n < 0 || !neededSegment(m) {
		_, err = f.in.Discard(max(0, n))
		f.err = noEOF(err)
		return
	}
	f.ready = append(append(f.ready[:0], 0xff, m), size[:]...)
	f.ready = append(f.ready, make([]byte, n)...)
	if got, err := io.ReadFull(f.in, f.ready[4:]); err != nil {
		f.ready, f.err = f.ready[:4+got], noEOF(err)
	}
	f.scan = m == 0xda
}

// neededSegment knows SOFn, DHT, DAC, SOS, DQT, DRI, and JFIF's and Adobe's
// segments, which tell Y'CbCr from RGB and CMYK from YCCK.
func neededSegment(m byte) bool {
	return m >= 0xc0 && m <= 0xcf && m != 0xc8 || m == 0xda || m == 0xdb || m == 0xdd || m == 0xe0 || m == 0xee
}
