package gate

import "errors"

// errBits says that a stretch of bits came to its end too early.
var errBits = errors.New("out of bits")

// bitReader reads a stretch of bytes bit by bit, the highest first. The first error stays.
type bitReader struct {
	b   []byte
	at  int // in bits
	err error
}

func (r *bitReader) u(n int) (v uint32) {
	for range n {
		if r.at >= 8*len(r.b) {
			r.err = errBits
			return 0
		}
		v = v<<1 | uint32(r.b[r.at/8]>>(7-r.at%8)&1)
		r.at++
	}
	return v
}

// ue reads an Exp-Golomb number (ITU-T H.264, 9.1).
func (r *bitReader) ue() uint32 {
	n := 0
	for r.u(1) == 0 {
		if n++; n > 31 || r.err != nil {
			r.err = errBits
			return 0
		}
	}
	return 1<<n - 1 + r.u(n)
}

// trailing wants a one and zeros to the end of the byte, and then nothing.
func (r *bitReader) trailing() bool {
	if r.err != nil || r.u(1) != 1 {
		return false
	}
	for r.at%8 != 0 {
		if r.u(1) != 0 {
			return false
		}
	}
	return r.err == nil && r.at == 8*len(r.b)
}
