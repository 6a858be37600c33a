package gate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// matcher looks for all forms at once. A filter, by a hash of the next five
// bytes, lets nearly every position pass without a second look; what it stops is
// looked up and compared. Three bits of one word stand for each beginning
// (a blocked Bloom filter), so that one read of half a mebibyte, which the
// processor's own cache holds, decides, however many forms there are. No
// automaton of a hundred thousand states has to fit anywhere.
type matcher struct {
	forms  []form
	filter []uint64
	shift  uint               // of the hash, for the filter's size
	short  map[uint64][]int32 // forms of five to seven bytes, by the first five
	long   map[uint64][]int32 // the others, by the first eight
	longer int                // bytes of the longest form
}

const (
	shortKey  = minForm
	longKey   = 8
	shortMask = 1<<(8*shortKey) - 1
	spread    = 0x9e3779b97f4a7c15 // 2⁶⁴ by the golden ratio
)

// three gives the bits of a word that stand for a hash, from its middle: its
// upper end says which word.
func three(h uint64) uint64 { return 1<<(h>>24&63) | 1<<(h>>30&63) | 1<<(h>>36&63) }

func newMatcher(forms []form) *matcher {
	m := &matcher{forms: forms, short: map[uint64][]int32{}, long: make(map[uint64][]int32, len(forms))}
	words := max(9, min(16, bits.Len(uint(len(forms))))) // a power of two; 512 KiB at the most
	m.filter, m.shift = make([]uint64, 1<<words), uint(64-words)
	var key [longKey]byte
	for i, f := range forms {
		m.longer = max(m.longer, len(f.want))
		clear(key[:])
		foldInto(key[:], f.want[:min(len(f.want), longKey)])
		k := binary.LittleEndian.Uint64(key[:])
		h := k & shortMask * spread
		m.filter[h>>m.shift] |= three(h)
		if len(f.want) >= longKey {
			m.long[k] = append(m.long[k], int32(i))
		} else {
			k &= shortMask
			m.short[k] = append(m.short[k], int32(i))
		}
	}
	return m
}

// hit is told the form and the position of a find.
type hit func(f form, at int)

// scan looks through b for forms that begin before limit; b has at least eight
// bytes behind limit, and folded is b folded.
func (m *matcher) scan(b, folded []byte, limit int, found hit) {
	if len(m.forms) == 0 {
		return
	}
	filter, shift := m.filter, m.shift
	for i := range limit {
		k := binary.LittleEndian.Uint64(folded[i : i+8])
		h := k & shortMask * spread
		if bits := three(h); filter[h>>(shift&63)]&bits == bits {
			m.look(m.long[k], b, folded, i, found)
			m.look(m.short[k&shortMask], b, folded, i, found)
		}
	}
}

func (m *matcher) look(these []int32, b, folded []byte, at int, found hit) {
	for _, i := range these {
		f := m.forms[i]
		in := folded
		if f.exact {
			in = b
		}
		if len(in)-at >= len(f.want) && bytes.Equal(in[at:at+len(f.want)], f.want) {
			found(f, at)
		}
	}
}

// foldInto makes Latin capitals small, eight bytes at a time. dst may be src.
func foldInto(dst, src []byte) {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(src); i += 8 {
		x := binary.LittleEndian.Uint64(src[i:])
		seven := x &^ tops
		fromA, afterZ := seven+(0x80-'A')*ones, seven+(0x7f-'Z')*ones
		upper := (fromA ^ afterZ) & tops &^ x
		binary.LittleEndian.PutUint64(dst[i:], x|upper>>2)
	}
	for ; i < len(src); i++ {
		c := src[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		dst[i] = c
	}
}

const searchBlock = 256 << 10

// search looks for the needles in every byte of the file, and in what is packed in it.
func (f *file) search() error {
	s := f.stream("", f.masked)
	u := &unpacker{file: f}
	buf := make([]byte, searchBlock)
	for at := int64(0); at < f.size; {
		n, err := f.in.ReadAt(buf[:min(searchBlock, f.size-at)], at)
		if n == 0 && err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("read the file: %w", err)
		}
		s.write(buf[:n])
		if err := u.look(buf[:n], at); err != nil {
			return err
		}
		at += int64(n)
	}
	s.close()
	return nil
}

// stream is a search over bytes that come one after the other.
type stream struct {
	f      *file
	where  string
	masked []span
	at     int64  // of b[0]
	b      []byte // what was not yet looked through, and what is needed behind it
	folded []byte
	told   map[string]int
}

func (f *file) stream(where string, masked []span) *stream {
	return &stream{f: f, where: where, masked: masked, told: map[string]int{}}
}

func (s *stream) write(p []byte) {
	s.b = append(s.b, p...)
	s.scan(len(s.b) - max(s.f.matcher.longer, longKey))
}

// close looks through the end.
func (s *stream) close() {
	n := len(s.b)
	s.b = append(s.b, make([]byte, longKey)...)
	s.scan(n)
}

func (s *stream) scan(limit int) {
	if limit <= 0 {
		return
	}
	if cap(s.folded) < len(s.b) {
		s.folded = make([]byte, len(s.b)+len(s.b)/4)
	}
	folded := s.folded[:len(s.b)]
	foldInto(folded, s.b)
	s.f.matcher.scan(s.b, folded, limit, s.hit)
	s.at += int64(limit)
	s.b = s.b[:copy(s.b, s.b[limit:])]
}

const maxTold = 3 // finds of one needle that are told

func (s *stream) hit(f form, i int) {
	at := s.at + int64(i)
	for _, m := range s.masked {
		if at >= m.from && at+int64(len(f.want)) <= m.to {
			return
		}
	}
	if s.told[f.from]++; s.told[f.from] > maxTold {
		return
	}
	s.f.find(Finding{Where: s.where, Offset: at, What: "gate.needle", Detail: f.from + ", " + f.how})
}
