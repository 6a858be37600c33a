package gate

import (
	"bytes"
	"image"

	"golang.org/x/image/vp8"
)

// A VP8 picture lies in partitions (RFC 6386, 9): one of heads and modes, whose
// length is written down, and behind it those of coefficients. A decoder stops
// in each where it has what it needs, and nothing says that a partition ends there.

// slack is how many bytes a coder may leave unread at the end of a partition.
const slack = 4

// vp8Head is the length of what stands before the first partition.
const vp8Head = 10

// maxWebP bounds the pixels that are decoded.
const maxWebP = 40_000_000

// vp8Picture wants one key frame of two partitions that uses all bytes of both.
func vp8Picture(b []byte) error {
	const base = 20 // of the picture in its file
	if len(b) < vp8Head || b[0]&1 != 0 || b[0]&0x10 == 0 || !bytes.Equal(b[3:6], []byte{0x9d, 0x01, 0x2a}) {
		return refuse("VP8", base, "value", "head of the picture")
	}
	if b[7]>>6 != 0 || b[9]>>6 != 0 {
		return refuse("VP8", base+6, "value", "a picture to be scaled")
	}
	whole, err := decodeVP8(b)
	if err != nil {
		return refuse("VP8", base, "broken", "the picture cannot be read")
	}
	first := int(b[0])>>5 | int(b[1])<<3 | int(b[2])<<11
	if first <= slack || vp8Head+first > len(b) {
		return refuse("VP8", base, "broken", "a picture of %d bytes", len(b))
	}
	if !onePartition(b[vp8Head : vp8Head+first]) {
		return refuse("VP8", base+vp8Head, "unlisted", "coefficients in several partitions")
	}
	end := vp8Head + first
	for _, cut := range []struct {
		end   int
		bytes []byte
	}{{len(b), b[:len(b)-slack]}, {end, append(shortened(b[:end-slack], first-slack), b[end:]...)}} {
		less, err := decodeVP8(cut.bytes)
		if err == nil && bytes.Equal(whole.Y, less.Y) && bytes.Equal(whole.Cb, less.Cb) && bytes.Equal(whole.Cr, less.Cr) {
			return refuse("VP8", base+int64(cut.end-slack), "hidden", "bytes behind the last block that no decoder reads")
		}
	}
	return nil
}

// shortened gives a copy of b that says that its first partition has n bytes.
func shortened(b []byte, n int) []byte {
	b = bytes.Clone(b)
	b[0], b[1], b[2] = b[0]&0x1f|byte(n<<5), byte(n>>3), byte(n>>11)
	return b
}

func decodeVP8(b []byte) (*image.YCbCr, error) {
	d := vp8.NewDecoder()
	d.Init(bytes.NewReader(b), len(b))
	h, err := d.DecodeFrameHeader()
	if err != nil {
		return nil, err
	}
	if h.Width*h.Height > maxWebP || h.Width == 0 || h.Height == 0 {
		return nil, errBits
	}
	return d.DecodeFrame()
}

// onePartition reads the head in the first partition as far as the number of
// partitions of coefficients (9.2 to 9.5, 19.2) and reports whether it is one.
func onePartition(b []byte) bool {
	r := &boolReader{b: b, size: 255}
	r.value = r.next()<<8 | r.next()
	r.u(2) // colours, clamping
	if r.u(1) == 1 {
		segments(r)
	}
	r.u(1 + 6 + 3) // the filter: kind, level, sharpness
	if r.u(1) == 1 && r.u(1) == 1 {
		for range 8 {
			r.maybe(6 + 1)
		}
	}
	return r.u(2) == 0
}

// segments passes over the settings of parts of the picture (9.3).
func segments(r *boolReader) {
	places, settings := r.u(1), r.u(1)
	if settings == 1 {
		r.u(1) // absolute or not
		for range 4 {
			r.maybe(7 + 1)
		}
		for range 4 {
			r.maybe(6 + 1)
		}
	}
	if places == 1 {
		for range 3 {
			r.maybe(8)
		}
	}
}

// boolReader reads what the boolean coder wrote at even odds (7.3). Behind the
// end are zeros.
type boolReader struct {
	b           []byte
	value, size uint32
	shifted     int
}

func (r *boolReader) next() uint32 {
	if len(r.b) == 0 {
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return uint32(c)
}

func (r *boolReader) u(n int) (v uint32) {
	for range n {
		split := 1 + (r.size-1)>>1
		bit := uint32(0)
		if r.value >= split<<8 {
			bit, r.value, r.size = 1, r.value-split<<8, r.size-split
		} else {
			r.size = split
		}
		for r.size < 128 {
			r.value, r.size = r.value<<1, r.size<<1
			if r.shifted++; r.shifted == 8 {
				r.value, r.shifted = r.value|r.next(), 0
			}
		}
		v = v<<1 | bit
	}
	return v
}

// maybe passes over a value that a bit before it says is there.
func (r *boolReader) maybe(n int) {
	if r.u(1) == 1 {
		r.u(n)
	}
}
