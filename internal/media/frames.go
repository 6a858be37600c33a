package media

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Decoded frames come from ffmpeg as a Matroska stream of raw pictures (RFC
// 9559), because it is the plainest of its formats that carries the moment of
// every frame: a film from a phone has no even frame rate. Only what ffmpeg
// writes for one raw stream is understood.
const (
	ebmlSegment     = 0x18538067
	ebmlCluster     = 0x1f43b675
	ebmlTimestamp   = 0xe7
	ebmlBlockGroup  = 0xa0
	ebmlBlock       = 0xa1
	ebmlSimpleBlock = 0xa3

	ebmlUnknownSize = -1
)

// frames reads pictures of a fixed number of bytes.
type frames struct {
	r       *bufio.Reader
	bytes   int
	cluster time.Duration
}

func newFrames(r io.Reader, bytes int) *frames {
	return &frames{r: bufio.NewReaderSize(r, 64<<10), bytes: bytes}
}

// next reads one picture into pix and gives its moment; io.EOF at the end.
func (f *frames) next(pix []byte) (time.Duration, error) {
	for {
		id, err := f.id()
		if err != nil {
			return 0, err
		}
		size, err := f.size()
		if err != nil {
			return 0, noEOF(err)
		}
		switch id {
		case ebmlSegment, ebmlCluster, ebmlBlockGroup: // go in; what follows are its children
			continue
		case ebmlTimestamp:
			if size < 1 || size > 8 {
				return 0, errors.New("matroska: bad timestamp")
			}
			ms, err := f.number(size)
			if err != nil {
				return 0, noEOF(err)
			}
			if ms > uint64(240*time.Hour/time.Millisecond) {
				return 0, errors.New("matroska: time beyond all measure")
			}
			f.cluster = time.Duration(ms) * time.Millisecond
		case ebmlBlock, ebmlSimpleBlock:
			return f.block(size, pix)
		default:
			if size < 0 || size > 1<<30 {
				return 0, fmt.Errorf("matroska: element %x of unknown size", id)
			}
			if _, err := f.r.Discard(int(size)); err != nil {
				return 0, noEOF(err)
			}
		}
	}
}

// block reads the track number, the time relative to the cluster, the flags
// and the picture.
func (f *frames) block(size int64, pix []byte) (time.Duration, error) {
	const head = 4
	if size != int64(head+f.bytes) || len(pix) != f.bytes {
		return 0, fmt.Errorf("matroska: a picture of %d bytes where %d were due", size-head, f.bytes)
	}
	var b [head]byte
	if _, err := io.ReadFull(f.r, b[:]); err != nil {
		return 0, noEOF(err)
	}
	if b[0] != 0x81 {
		return 0, errors.New("matroska: a second track")
	}
	if _, err := io.ReadFull(f.r, pix); err != nil {
		return 0, noEOF(err)
	}
	relative := int16(binary.BigEndian.Uint16(b[1:3]))
	return f.cluster + time.Duration(relative)*time.Millisecond, nil
}

// id reads an element's id, its marker bit included.
func (f *frames) id() (uint32, error) {
	first, err := f.r.ReadByte()
	if err != nil {
		return 0, err
	}
	n := leadingZeros(first)
	if n > 3 {
		return 0, errors.New("matroska: bad element id")
	}
	id := uint32(first)
	for range n {
		b, err := f.r.ReadByte()
		if err != nil {
			return 0, noEOF(err)
		}
		id = id<<8 | uint32(b)
	}
	return id, nil
}

// size reads an element's size; all ones mean that it is not known.
func (f *frames) size() (int64, error) {
	first, err := f.r.ReadByte()
	if err != nil {
		return 0, err
	}
	n := leadingZeros(first)
	if n > 7 {
		return 0, errors.New("matroska: bad element size")
	}
	v := uint64(first) & (0xff >> (n + 1))
	for range n {
		b, err := f.r.ReadByte()
		if err != nil {
			return 0, err
		}
		v = v<<8 | uint64(b)
	}
	if v == 1<<(7*(n+1))-1 {
		return ebmlUnknownSize, nil
	}
	return int64(v), nil
}

func (f *frames) number(size int64) (uint64, error) {
	var v uint64
	for range size {
		b, err := f.r.ReadByte()
		if err != nil {
			return 0, err
		}
		v = v<<8 | uint64(b)
	}
	return v, nil
}

func leadingZeros(b byte) int {
	n := 0
	for n < 8 && b&(0x80>>n) == 0 {
		n++
	}
	return n
}

// noEOF makes an end in the middle an error.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
