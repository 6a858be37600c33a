package gate

import (
	"bufio"
	"io"
)

// huffman is one table of codes (T.81, annex C), as a table by the next 16 bits:
// length in the high byte, value in the low one; 0 for no code.
type huffman [1 << 16]uint16

func newHuffman(counts, values []byte) (*huffman, bool) {
	h := new(huffman)
	code, k := 0, 0
	for length := 1; length <= 16; length++ {
		for range counts[length-1] {
			from, to := code<<(16-length), (code+1)<<(16-length)
			if to > 1<<16-1 { // the code of ones alone is never given out
				return nil, false
			}
			for i := from; i < to; i++ {
				h[i] = uint16(length)<<8 | uint16(values[k])
			}
			code++
			k++
		}
		code <<= 1
	}
	return h, true
}

// scanBits reads a scan bit by bit, and takes out the zero behind every ff.
type scanBits struct {
	r    *bufio.Reader
	at   int64 // of the next byte
	acc  uint64
	have int
	end  bool // a marker was met, or the end of the file
}

func (s *scanBits) fill(n int) bool {
	for !s.end && s.have < n {
		next, err := s.r.Peek(2)
		if len(next) == 0 || next[0] == 0xff && (err != nil || next[1] != 0) {
			s.end = true
			break
		}
		c, size := next[0], 1
		if c == 0xff {
			size = 2
		}
		_, _ = s.r.Discard(size)
		s.at += int64(size)
		s.acc, s.have = s.acc<<8|uint64(c), s.have+8
	}
	return s.have >= n
}

// code reads one code; near the end of the scan the bits that are missing count as ones.
func (s *scanBits) code(h *huffman) (value byte, ok bool) {
	var look uint16
	if s.fill(16) {
		look = uint16(s.acc >> (s.have - 16))
	} else {
		short := 16 - s.have
		look = uint16(s.acc<<short) | uint16(1)<<short - 1
	}
	c := h[look]
	n := int(c >> 8)
	if n == 0 || n > s.have {
		return 0, false
	}
	s.have -= n
	return byte(c), true
}

func (s *scanBits) skip(n int) bool {
	if n == 0 {
		return true
	}
	if !s.fill(n) {
		return false
	}
	s.have -= n
	return true
}

// block walks over one block of 64 coefficients.
func (s *scanBits) block(c component) bool {
	n, ok := s.code(c.dc)
	if !ok || n > 11 || !s.skip(int(n)) {
		return false
	}
	for k := 1; k < 64; k++ {
		v, ok := s.code(c.ac)
		if !ok {
			return false
		}
		run, size := int(v>>4), int(v&15)
		switch {
		case v == 0: // the rest is nothing
			return true
		case size == 0 && run != 15 || size > 10 || k+run > 63:
			return false
		}
		k += run
		if !s.skip(size) {
			return false
		}
	}
	return true
}

// scan walks over all blocks of the picture and wants the end marker right
// behind the last of them. It gives where the file's picture ends.
func (j *jpegFile) scan(at int64) (end int64, err error) {
	s := &scanBits{r: bufio.NewReaderSize(io.NewSectionReader(j.in, at, j.size-at), 64<<10), at: at}
	var hMax, vMax byte = 1, 1
	for _, c := range j.components {
		hMax, vMax = max(hMax, c.h), max(vMax, c.v)
	}
	across := (j.w + 8*int(hMax) - 1) / (8 * int(hMax))
	down := (j.h + 8*int(vMax) - 1) / (8 * int(vMax))
	for unit := range across * down {
		for _, c := range j.components {
			for range c.h * c.v {
				if !s.block(c) {
					return 0, refuse("scan", s.at, "broken", "block %d of %d cannot be read", unit+1, across*down)
				}
			}
		}
	}
	if s.have >= 8 || s.acc&(1<<s.have-1) != 1<<s.have-1 {
		return 0, refuse("scan", s.at, "hidden", "bits behind the last block")
	}
	j.part("scan", s.at-at)
	tail, err := j.bytes("EOI", s.at, 2)
	if err != nil {
		return 0, err
	}
	if tail[0] != 0xff || tail[1] != markEOI {
		return 0, refuse("scan", s.at, "hidden", "bytes behind the last block: %x", tail)
	}
	j.part("EOI", 2)
	return s.at + 2, nil
}
