package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"math"
	"math/bits"
)

// encodePlanes makes a baseline JPEG (ITU-T T.81) of planes of 4:2:0 that lie at
// the origin. Head and tables are the standard library's own, so nobody can tell
// by them which of the two wrote a file; BenchmarkPlanes
// says how much sooner it is done.
func encodePlanes(p *image.YCbCr, quality int) ([]byte, error) {
	size := p.Rect.Size()
	if p.SubsampleRatio != image.YCbCrSubsampleRatio420 || p.Rect.Min != (image.Point{}) || size.X < 1 || size.Y < 1 || size.X > math.MaxUint16 || size.Y > math.MaxUint16 {
		return nil, errors.New("encode planes: not of 4:2:0, or of no size that a JPEG can have")
	}
	e, err := newPlaneEncoder(quality)
	if err != nil {
		return nil, err
	}
	e.out = append(make([]byte, 0, len(e.head)+size.X*size.Y/4), e.head...)
	binary.BigEndian.PutUint16(e.out[e.sizeAt:], uint16(size.Y))
	binary.BigEndian.PutUint16(e.out[e.sizeAt+2:], uint16(size.X))
	all := planesOf(p)
	var last [3]int
	for y := 0; y < size.Y; y += 16 {
		for x := 0; x < size.X; x += 16 {
			for i := range 4 {
				last[0] = e.block(all[0], x+i%2*8, y+i/2*8, 0, last[0])
			}
			for c := 1; c < 3; c++ {
				last[c] = e.block(all[c], x/2, y/2, 1, last[c])
			}
		}
	}
	e.put(0x7f, 7) // the last byte is filled with ones
	for ; e.held >= 8; e.held -= 8 {
		e.byte(byte(e.bits >> (e.held - 8)))
	}
	return append(e.out, 0xff, 0xd9), nil
}

// planeEncoder codes blocks of 8 × 8.
type planeEncoder struct {
	head    []byte // of a file, up to the coded data
	sizeAt  int    // where in it height and width stand
	inverse [2][64]float32
	dc, ac  [2][256]code
	out     []byte
	bits    uint64 // not yet written, the newest lowest
	held    uint   // how many
}

// code is a Huffman code.
type code struct{ bits, length uint32 }

// zigzag gives the place of each coefficient in the order of coding (figure 5).
var zigzag = func() (order [64]uint8) {
	x, y, up := 0, 0, true
	for i := range order {
		order[i] = uint8(8*y + x)
		switch {
		case up && x == 7 || !up && y == 7:
			if up {
				y++
			} else {
				x++
			}
			up = !up
		case up && y == 0:
			x, up = x+1, false
		case !up && x == 0:
			y, up = y+1, true
		case up:
			x, y = x+1, y-1
		default:
			x, y = x-1, y+1
		}
	}
	return order
}()

// newPlaneEncoder lets the standard library write a picture of one block and
// takes head and tables from it.
func newPlaneEncoder(quality int) (*planeEncoder, error) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewYCbCr(image.Rect(0, 0, 8, 8), image.YCbCrSubsampleRatio420), &jpeg.Options{Quality: quality}); err != nil {
		return nil, err
	}
	e := &planeEncoder{}
	file := b.Bytes()
	for at := 2; at+4 <= len(file); {
		marker, n := file[at+1], int(binary.BigEndian.Uint16(file[at+2:]))
		body := file[at+4 : at+2+n]
		at += 2 + n
		switch marker {
		case 0xdb:
			for ; len(body) >= 65; body = body[65:] {
				e.quantise(int(body[0]), body[1:65])
			}
		case 0xc0:
			e.sizeAt = at - len(body) + 1
		case 0xc4:
			for len(body) > 17 {
				body = body[e.huffman(body):]
			}
		case 0xda:
			e.head = file[:at]
			return e, nil
		}
	}
	return nil, errors.New("encode planes: the standard library's head is not understood")
}

// quantise keeps what a coefficient is multiplied by: the transform leaves each
// larger by a factor of its row and of its column (Arai, Agui and Nakajima
// 1988), and eight times as large.
func (e *planeEncoder) quantise(table int, steps []byte) {
	for i, place := range zigzag {
		e.inverse[table][place] = float32(1 / (float64(steps[i]) * 8 * aan(int(place)/8) * aan(int(place)%8)))
	}
}

// huffman makes the codes of a table (annex C) and gives its length.
func (e *planeEncoder) huffman(b []byte) int {
	codes := &e.dc[b[0]&1]
	if b[0]>>4 == 1 {
		codes = &e.ac[b[0]&1]
	}
	next, at := uint32(0), 17
	for length := range uint32(16) {
		for range b[1+length] {
			codes[b[at]] = code{next, length + 1}
			next, at = next+1, at+1
		}
		next <<= 1
	}
	return at
}

// block codes one block and gives its first coefficient. What lies outside of
// the plane repeats its edge.
func (e *planeEncoder) block(p plane, x, y, table, last int) int {
	var f [64]float32
	if x+8 <= p.size.X && y+8 <= p.size.Y {
		for j := range 8 {
			row := p.pix[(y+j)*p.stride+x:][:8]
			for i, v := range row {
				f[8*j+i] = float32(int32(v) - 128)
			}
		}
	} else {
		for j := range 8 {
			row := p.pix[min(y+j, p.size.Y-1)*p.stride:][:p.size.X]
			for i := range 8 {
				f[8*j+i] = float32(int32(row[min(x+i, len(row)-1)]) - 128)
			}
		}
	}
	transform(&f)
	// One bit for each coefficient that is not zero: most are.
	var coefficients [64]int32
	var present uint64
	inverse := &e.inverse[table]
	for i := range 64 {
		place := zigzag[i] & 63
		const far = 1 << 14 // makes rounding down rounding to the nearest
		v := int32(f[place]*inverse[place]+far+0.5) - far
		coefficients[i] = v
		if v != 0 {
			present |= 1 << i
		}
	}
	first := int(coefficients[0])
	e.coefficient(&e.dc[table], 0, int32(first-last))
	codes := &e.ac[table]
	before := 0
	for present &^= 1; present != 0; present &= present - 1 {
		i := bits.TrailingZeros64(present)
		zeros := i - before - 1
		for ; zeros > 15; zeros -= 16 {
			e.put(codes[0xf0].bits, codes[0xf0].length)
		}
		e.coefficient(codes, zeros, coefficients[i])
		before = i
	}
	if before < 63 {
		e.put(codes[0].bits, codes[0].length)
	}
	return first
}

// coefficient codes how many zeros come before a value, its size, and its bits
// (F.1.2): those of a negative one are turned.
func (e *planeEncoder) coefficient(codes *[256]code, zeros int, v int32) {
	sign := v >> 31
	size := uint32(bits.Len32(uint32((v ^ sign) - sign)))
	c := codes[uint8(uint32(zeros)<<4|size)]
	e.put(c.bits<<size|uint32(v+sign)&(1<<size-1), c.length+size)
}

// put writes bits, 27 at most.
func (e *planeEncoder) put(v, n uint32) {
	e.bits = e.bits<<n | uint64(v)
	e.held += uint(n)
	if e.held < 32 {
		return
	}
	e.held -= 32
	four := uint32(e.bits >> e.held)
	// A byte of ones is followed by one of zeros: no other is a marker.
	if low := ^four; (low-0x01010101)&^low&0x80808080 == 0 {
		e.out = binary.BigEndian.AppendUint32(e.out, four)
		return
	}
	for shift := 24; shift >= 0; shift -= 8 {
		e.byte(byte(four >> shift))
	}
}

func (e *planeEncoder) byte(b byte) {
	e.out = append(e.out, b)
	if b == 0xff {
		e.out = append(e.out, 0)
	}
}
