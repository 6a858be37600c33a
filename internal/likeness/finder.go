package likeness

import (
	"encoding/binary"
	"math/bits"
)

// A hash is cut into sixteen words of sixteen bits. Where two hashes differ in
// at most 31 bits, some word of theirs differs in at most one.
const (
	words    = 16
	wordBits = 16
)

// maxIndexed is how many frames one finder holds: so it stays small, and a
// longer film takes several.
const maxIndexed = 300

// finder looks for the frames of one file in many others, one after the other:
// the new file is indexed and the old ones stream by.
type finder struct {
	hashes []Hash
	there  [words][1 << wordBits / 64]uint64 // which words occur, or differ by one bit
	first  [words][]int32                    // of the entries of a word, plus one
	next   []int32
	hash   []int32
}

// finders prepares to look for a file: one finder for each few hundred clear
// frames, each with every turn.
func finders(p Prints) []*finder {
	var all []*finder
	var f *finder
	n := 0
	for _, frame := range p.Frames {
		if !frame.Clear() {
			continue
		}
		if n%maxIndexed == 0 {
			f = new(finder)
			for w := range words {
				f.first[w] = make([]int32, 1<<wordBits)
			}
			all = append(all, f)
		}
		n++
		for _, h := range frame.Hashes {
			f.add(h)
		}
	}
	return all
}

func (f *finder) add(h Hash) {
	f.hashes = append(f.hashes, h)
	for w := range words {
		exact := word(h, w)
		f.enter(w, exact)
		for bit := range wordBits {
			f.enter(w, exact^1<<bit)
		}
	}
}

func (f *finder) enter(w int, value uint16) {
	f.there[w][value/64] |= 1 << (value % 64)
	f.next = append(f.next, f.first[w][value])
	f.hash = append(f.hash, int32(len(f.hashes)-1))
	f.first[w][value] = int32(len(f.next))
}

func word(h Hash, w int) uint16 { return uint16(h[w/4] >> (16 * (w % 4))) }

func readHash(b []byte) Hash {
	_ = b[HashBytes-1]
	return Hash{binary.BigEndian.Uint64(b[24:]), binary.BigEndian.Uint64(b[16:]), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b)}
}

// has reports whether a frame is one of the file's.
func (f *finder) has(h Hash) bool {
	for w := range words {
		value := word(h, w)
		if f.there[w][value/64]&(1<<(value%64)) == 0 {
			continue
		}
		for e := f.first[w][value]; e != 0; e = f.next[e-1] {
			o := &f.hashes[f.hash[e-1]]
			if d := bits.OnesCount64(h[0]^o[0]) + bits.OnesCount64(h[1]^o[1]); d > MaxDistance {
				continue
			}
			if h.Distance(*o) <= MaxDistance {
				return true
			}
		}
	}
	return false
}
