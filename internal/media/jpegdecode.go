package media

import (
	"encoding/binary"
	"image"
	"slices"
)

// decodePlanes decodes the plain kind of JPEG that cameras write (ITU-T T.81:
// Huffman codes, 8 bits, one scan, Y'CbCr with colour at full or half
// resolution), and at half its size if asked: by the lower half of each block's
// frequencies, which is what averaging leaves. ok is false for any other kind and
// for whatever is broken: the standard library's decoder has the last word there.
func decodePlanes(file []byte, half bool) (p *image.YCbCr, ok bool) {
	d := &planeDecoder{}
	scan, ok := d.head(file)
	if !ok {
		return nil, false
	}
	d.side = 8
	if half {
		d.side = 4
	}
	return d.scan(scan)
}

// planeDecoder decodes blocks of 8 × 8.
type planeDecoder struct {
	size       image.Point
	components []component
	steps      [4][64]float32 // what coefficients are multiplied by, in the order of coding
	hasSteps   [4]bool
	dc, ac     [4]*huffman
	restart    int // MCUs between two markers; 0: there are none
	side       int // of a decoded block

	b    []byte // the coded data
	at   int
	bits uint64 // read and not used, the first highest
	n    int    // how many
	void int    // how many of these lie behind the data's end
}

// component is one of a picture's planes on its way.
type component struct {
	id, table    byte
	across, down int // blocks in an MCU
	dc, ac       *huffman
	steps        *[64]float32
	last         int32 // first coefficient of the block before
	plane
}

// head reads segments up to the coded data of the only scan, and gives that.
func (d *planeDecoder) head(file []byte) (scan []byte, ok bool) {
	for at := 2; at+4 <= len(file) && file[at] == 0xff; {
		marker, end := file[at+1], at+2+int(binary.BigEndian.Uint16(file[at+2:]))
		if end < at+4 || end > len(file) {
			return nil, false
		}
		body := file[at+4 : end]
		at = end
		switch {
		case marker == 0xdb:
			ok = d.quantisation(body)
		case marker == 0xc4:
			ok = d.codes(body)
		case marker == 0xc0 || marker == 0xc1:
			ok = d.frame(body)
		case marker == 0xdd:
			ok = len(body) == 2
			if ok {
				d.restart = int(binary.BigEndian.Uint16(body))
			}
		case marker == 0xda:
			return file[end:], d.chosen(body)
		case marker == 0xee: // Adobe's, whose last byte says 1 for Y'CbCr
			ok = len(body) != 12 || string(body[:5]) != "Adobe" || body[11] == 1
		default:
			ok = marker >= 0xe0 && marker <= 0xef || marker == 0xfe
		}
		if !ok {
			return nil, false
		}
	}
	return nil, false
}

// quantisation keeps tables of 8 bits, with the factors that the transform
// leaves out (Arai, Agui and Nakajima 1988).
func (d *planeDecoder) quantisation(b []byte) bool {
	for ; len(b) >= 65; b = b[65:] {
		if b[0] > 3 {
			return false
		}
		for i, v := range b[1:65] {
			d.steps[b[0]][i] = float32(v)
		}
		d.hasSteps[b[0]] = true
	}
	return len(b) == 0
}

// frame reads sizes and planes (B.2.2).
func (d *planeDecoder) frame(b []byte) bool {
	if len(b) != 15 || d.components != nil || b[0] != 8 || b[5] != 3 {
		return false
	}
	d.size = image.Pt(int(binary.BigEndian.Uint16(b[3:])), int(binary.BigEndian.Uint16(b[1:])))
	for c := b[6:]; len(c) > 0; c = c[3:] {
		d.components = append(d.components, component{id: c[0], across: int(c[1] >> 4), down: int(c[1] & 15), table: c[2]})
	}
	y, cb, cr := d.components[0], d.components[1], d.components[2]
	return d.size.X > 0 && d.size.Y > 0 && !slices.Equal([]byte{y.id, cb.id, cr.id}, []byte("RGB")) &&
		y.id != cb.id && y.id != cr.id && cb.id != cr.id && max(y.table, cb.table, cr.table) < 4 &&
		(y.across == 1 || y.across == 2) && (y.down == 1 || y.down == 2) && cb.across*cb.down*cr.across*cr.down == 1
}

// chosen reads which codes the scan's planes use (B.2.3).
func (d *planeDecoder) chosen(b []byte) bool {
	if len(b) != 10 || len(d.components) != 3 || b[0] != 3 || b[7] != 0 || b[8] != 63 || b[9] != 0 {
		return false
	}
	for i := range d.components {
		c, with := &d.components[i], b[2+2*i]
		if b[1+2*i] != c.id || with>>4 > 3 || with&15 > 3 || !d.hasSteps[c.table] {
			return false
		}
		c.dc, c.ac, c.steps = d.dc[with>>4], d.ac[with&15], &d.steps[c.table]
		if c.dc == nil || c.ac == nil {
			return false
		}
	}
	return true
}

// scan decodes the coded data, which the end of the picture has to follow.
func (d *planeDecoder) scan(b []byte) (*image.YCbCr, bool) {
	d.b = b
	p := d.room()
	d.scale()
	wide, high := 8*d.components[0].across, 8*d.components[0].down
	left, restarts := d.restart, byte(0)
	var f [64]float32
	for my := range (d.size.Y + high - 1) / high {
		for mx := range (d.size.X + wide - 1) / wide {
			if d.restart > 0 && left == 0 {
				if !d.again(0xd0 + restarts&7) {
					return nil, false
				}
				left, restarts = d.restart, restarts+1
			}
			left--
			for i := range d.components {
				c := &d.components[i]
				for k := range c.across * c.down {
					out := c.pix[(my*c.down+k/c.across)*d.side*c.stride+(mx*c.across+k%c.across)*d.side:]
					if !d.block(c, &f) {
						return nil, false
					}
					if d.side == 8 {
						inverse(&f, out, c.stride)
					} else {
						inverseHalf(&f, out, c.stride)
					}
				}
			}
		}
		if d.n < d.void {
			return nil, false
		}
	}
	return p, d.ends(0xd9)
}

// room makes a picture of whole MCUs, of which the size is shown.
func (d *planeDecoder) room() *image.YCbCr {
	y := d.components[0]
	ratio := [3][3]image.YCbCrSubsampleRatio{
		1: {1: image.YCbCrSubsampleRatio444, 2: image.YCbCrSubsampleRatio440},
		2: {1: image.YCbCrSubsampleRatio422, 2: image.YCbCrSubsampleRatio420},
	}[y.across][y.down]
	whole := func(v, blocks int) int { return (v + 8*blocks - 1) / (8 * blocks) * blocks * d.side }
	p := image.NewYCbCr(image.Rect(0, 0, whole(d.size.X, y.across), whole(d.size.Y, y.down)), ratio)
	for i, all := range planesOf(p) {
		d.components[i].plane = all
	}
	p.Rect.Max = image.Pt((d.size.X*d.side+7)/8, (d.size.Y*d.side+7)/8)
	return p
}

// scale makes steps of the tables: with the factors of rows and columns that a
// transform leaves out, and those of its size.
func (d *planeDecoder) scale() {
	for t := range d.steps {
		for i, place := range zigzag {
			f := float32(0.5)
			if d.side == 8 {
				f = float32(aan(int(place)/8) * aan(int(place)%8) / 8)
			}
			d.steps[t][i] *= f
		}
	}
}

// again begins anew behind a marker.
func (d *planeDecoder) again(marker byte) bool {
	if !d.ends(marker) {
		return false
	}
	d.at += 2
	d.bits, d.n, d.void = 0, 0, 0
	for i := range d.components {
		d.components[i].last = 0
	}
	return true
}

// ends reports whether a marker comes next, and nothing before it but the bits
// that fill up a byte.
func (d *planeDecoder) ends(marker byte) bool {
	left := d.n - d.void
	return left >= 0 && left < 8 && d.at+2 <= len(d.b) && d.b[d.at] == 0xff && d.b[d.at+1] == marker
}

// fill gives bits more, 32 at least. Behind the data's end come zeros, which are
// counted.
func (d *planeDecoder) fill(bits uint64, n int) (uint64, int) {
	if d.at+4 <= len(d.b) {
		four := binary.BigEndian.Uint32(d.b[d.at:])
		// Without a byte of ones, in which markers begin.
		if none := ^four; (none-0x01010101)&^none&0x80808080 == 0 {
			d.at += 4
			return bits | uint64(four)<<uint(32-n), n + 32
		}
	}
	for ; n <= 56; n += 8 {
		var next byte
		switch {
		case d.at < len(d.b) && d.b[d.at] != 0xff:
			next = d.b[d.at]
			d.at++
		case d.at+1 < len(d.b) && d.b[d.at+1] == 0:
			next = 0xff
			d.at += 2
		default:
			d.void += 8
		}
		bits |= uint64(next) << uint(56-n)
	}
	return bits, n
}

// block reads one block's coefficients, each multiplied by its step.
func (d *planeDecoder) block(c *component, f *[64]float32) bool {
	*f = [64]float32{}
	bits, n := d.bits, d.n
	if n < 32 {
		bits, n = d.fill(bits, n)
	}
	size, length := c.dc.symbol(bits)
	if length == 0 || size > 11 {
		return false
	}
	bits <<= length & 63
	c.last += extended(bits, size)
	bits <<= size & 63
	n -= int(length + size)
	f[0] = float32(c.last) * c.steps[0]
	for k := 1; k < 64; k++ {
		if n < 32 {
			bits, n = d.fill(bits, n)
		}
		q := c.ac.quick[bits>>(64-quickBits)]
		value := int32(q.value)
		if q.length > 0 {
			bits <<= q.length & 63
			n -= int(q.length)
			k += int(q.run)
			if value == 0 { // the block's end
				break
			}
		} else {
			symbol, length := c.ac.symbol(bits)
			size := uint(symbol & 15)
			if length == 0 || size == 0 && symbol != 0xf0 {
				return false
			}
			bits <<= length & 63
			n -= int(length)
			k += int(symbol >> 4)
			if size == 0 {
				continue
			}
			value = extended(bits, size)
			bits <<= size
			n -= int(size)
		}
		if k > 63 {
			return false
		}
		f[zigzag[k]&63] = float32(value) * c.steps[k]
	}
	d.bits, d.n = bits, n
	return true
}

// extended reads a value of a size (F.2.2.1): a small one is negative.
func extended(bits uint64, size uint) int32 {
	small := int32(bits>>63) - 1 // all ones when its first bit is zero
	return int32(bits>>(64-size)) + small&(1-1<<size)
}

// quickBits is how many bits are looked up at once.
const quickBits = 10

// huffman is a table of codes.
type huffman struct {
	// quick has whole coefficients, where the code and the value's bits are short:
	// the bits' number, how many zeros come before. A value of 0 ends the block.
	quick [1 << quickBits]struct {
		value       int16
		run, length uint8
	}
	short  [1 << quickBits]uint16 // length and symbol of short codes
	limit  [17]uint32             // by length: the first 16 bits of which no such code can begin
	offset [17]int                // by length: from a code to its symbol's place
	values [256]byte
}

// symbol gives what the next code stands for and its length, 0 if there is none.
func (h *huffman) symbol(bits uint64) (value, length uint) {
	if s := h.short[bits>>(64-quickBits)]; s != 0 {
		return uint(s & 0xff), uint(s >> 8)
	}
	first := uint32(bits >> 48)
	for length := uint(quickBits + 1); length <= 16; length++ {
		if first < h.limit[length] {
			return uint(h.values[(int(first>>(16-length))+h.offset[length])&0xff]), length
		}
	}
	return 0, 0
}

// codes reads tables of codes (B.2.4.2, annex C).
func (d *planeDecoder) codes(b []byte) bool {
	for len(b) >= 17 {
		kind, which := b[0]>>4, b[0]&15
		if kind > 1 || which > 3 {
			return false
		}
		h := &huffman{}
		next, at := uint32(0), 0
		for length := 1; length <= 16; length++ {
			h.offset[length] = at - int(next)
			for range b[length] {
				if 17+at >= len(b) || at > 255 || next>>length != 0 {
					return false
				}
				h.values[at] = b[17+at]
				if free := quickBits - length; free >= 0 {
					for i := range uint32(1) << free {
						h.short[next<<free|i] = uint16(length)<<8 | uint16(h.values[at])
					}
				}
				next, at = next+1, at+1
			}
			h.limit[length] = next << (16 - length)
			next <<= 1
		}
		if kind == 0 {
			d.dc[which] = h
		} else {
			h.hasten()
			d.ac[which] = h
		}
		b = b[17+at:]
	}
	return len(b) == 0
}

// hasten fills quick.
func (h *huffman) hasten() {
	for i, s := range h.short {
		length, run, size := uint(s>>8), uint(s>>4&15), uint(s&15)
		q := &h.quick[i]
		switch {
		case s == 0 || length+size > quickBits || size == 0 && run != 0:
		case size == 0:
			q.length = uint8(length)
		default:
			q.value, q.run, q.length = int16(extended(uint64(i)<<(64-quickBits+length), size)), uint8(run), uint8(length+size)
		}
	}
}
