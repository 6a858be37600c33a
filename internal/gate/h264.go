package gate

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
)

// H.264 (ITU-T Rec. H.264) as x264 writes it for the ladder: one sequence and
// one picture parameter set in the index, and samples of one slice each. No SEI,
// no filler, no delimiters: every other kind of unit is refused.

const (
	nalSlice = 1
	nalIDR   = 5
	nalSPS   = 7
	nalPPS   = 8
)

// parameters reads the decoder's configuration (ISO/IEC 14496-15, 5.3.3).
func (b box) parameters(w, h int, rate uint32) error {
	c := b.body
	if len(c) < 8 || c[0] != 1 || c[4] != 0xff || c[5] != 0xe1 {
		return b.refuse("value", "head of the decoder's configuration")
	}
	n := int(binary.BigEndian.Uint16(c[6:]))
	if len(c) < 8+n+3 || n < 4 {
		return b.refuse("cut", "a sequence parameter set of %d bytes", n)
	}
	sps, rest := c[8:8+n], c[8+n:]
	m := int(binary.BigEndian.Uint16(rest[1:]))
	if rest[0] != 1 || len(rest) != 3+m {
		return b.refuse("value", "%d picture parameter sets, %d bytes", rest[0], len(rest))
	}
	if !bytes.Equal(sps[1:4], c[1:4]) {
		return b.refuse("value", "another profile than the sequence's")
	}
	s, what := readSPS(sps, w, h, rate)
	if what != "" {
		return b.refuse("value", "sequence parameter set: %s", what)
	}
	if what := s.readPPS(rest[3:]); what != "" {
		return b.refuse("value", "picture parameter set: %s", what)
	}
	return nil
}

// sequence is what of a sequence parameter set other numbers follow from.
type sequence struct {
	profile, level uint32
	frameNum       uint32 // bits of a picture's number, less 4
	order, place   uint32 // how pictures are ordered, and the bits of their place, less 4
	refs           uint32 // pictures that are kept
}

// levelBounds gives for each level of the ladder how many macroblocks a frame may
// have (ITU-T H.264, table A-1), and the bits of the longest vector that x264
// writes for it.
var levelBounds = map[uint32]struct {
	blocks int
	vector uint32
}{12: {396, 9}, 13: {396, 9}, 21: {792, 10}, 30: {1620, 10}, 31: {3600, 11}, 40: {8192, 11}}

// bitsFor is how many bits, less 4, x264 gives to a number up to most: 4 at least.
func bitsFor(most uint32) (n uint32) {
	for 1<<(n+4) <= most {
		n++
	}
	return n
}

// unescape takes out the bytes that keep a unit from looking like a start code.
func unescape(nal []byte) ([]byte, bool) {
	out := make([]byte, 0, len(nal))
	zeros := 0
	for _, c := range nal {
		if zeros >= 2 && c <= 3 {
			if c != 3 {
				return nil, false
			}
			zeros = 0
			continue
		}
		out = append(out, c)
		if c == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return out, true
}

// readSPS says what is wrong with a sequence parameter set, "" for nothing. Beside
// the size and the rate, which stand elsewhere too, x264 has few choices for the
// ladder: each number must be one of them or follow from another.
func readSPS(nal []byte, w, h int, rate uint32) (s sequence, what string) {
	b, ok := unescape(nal)
	if !ok || len(b) < 4 || b[0] != 0x60|nalSPS {
		return s, "head"
	}
	const baseline, main = 66, 77
	s.profile, s.level = uint32(b[1]), uint32(b[3])
	constraints := map[byte]byte{baseline: 0xc0, main: 0x40}[b[1]]
	if bounds, ok := levelBounds[s.level]; constraints == 0 || b[2] != constraints || !ok || (w+15)/16*((h+15)/16) > bounds.blocks {
		return s, "profile or level"
	}
	r := &bitReader{b: b[4:]}
	id := r.ue()
	if s.frameNum, s.order = r.ue(), r.ue(); id != 0 || s.order != 0 && s.order != 2 {
		return s, "numbering"
	}
	if s.order == 0 {
		s.place = r.ue()
	}
	gaps := uint32(0)
	if s.refs, gaps = r.ue(), r.u(1); s.refs < 1 || s.refs > 16 || gaps != 0 {
		return s, "references"
	}
	what = s.picture(r, w, h, rate)
	if what == "" && !r.trailing() {
		what = "end"
	}
	return s, what
}

// picture reads the size and the description of the picture.
func (s sequence) picture(r *bitReader, w, h int, rate uint32) string {
	width, height := 16*(int(r.ue())+1), 16*(int(r.ue())+1)
	if r.u(1) != 1 || r.u(1) != 1 { // frames only; vectors of 8 × 8
		return "fields"
	}
	if r.u(1) == 1 {
		left, right, top, bottom := int(r.ue()), int(r.ue()), int(r.ue()), int(r.ue())
		if left != 0 || top != 0 || right > 7 || bottom > 7 {
			return "cropping"
		}
		width, height = width-2*right, height-2*bottom
	}
	if width != w || height != h {
		return "size"
	}
	if r.u(1) != 1 {
		return "no description of the picture"
	}
	return s.readVUI(r, rate)
}

// readVUI reads the description of the picture (annex E).
func (s sequence) readVUI(r *bitReader, rate uint32) string {
	if r.u(1) == 1 && r.u(8) != 1 { // square pixels, or not said
		return "shape of pixels"
	}
	if r.u(1) != 0 {
		return "overscan"
	}
	if r.u(1) != 1 || r.u(3) != 5 || r.u(1) != 0 || r.u(1) != 1 || r.u(24) != 0x010101 {
		return "colour"
	}
	if r.u(1) != 0 {
		return "place of colour"
	}
	if r.u(1) != 1 {
		return "no rate"
	}
	units, scale, fixed := r.u(32), r.u(32), r.u(1)
	if units != 1 || scale != 2*rate || fixed != 0 {
		return "rate"
	}
	if r.u(1) != 0 || r.u(1) != 0 || r.u(1) != 0 { // HRD, HRD, pic_struct
		return "buffer model"
	}
	if r.u(1) != 1 || r.u(1) != 1 || r.ue() != 0 || r.ue() != 0 { // bounds are told; vectors may leave the picture; no bounds of bytes and bits
		return "bounds"
	}
	mvH, mvV, reorder, held := r.ue(), r.ue(), r.ue(), r.ue()
	if vector := levelBounds[s.level].vector; mvH != vector || mvV != vector || reorder > 2 || held != s.refs {
		return "bounds"
	}
	return s.numbers(reorder)
}

// numbers holds the bits of pictures' numbers to what they are counted to: what is
// kept, and how far pictures are put out of order, which none are without
// pictures between two (order 2), and further with a pyramid of them (reorder 2).
func (s sequence) numbers(reorder uint32) string {
	pyramid := uint32(1)
	if reorder == 2 {
		pyramid = 2
	}
	if (s.order == 2) != (reorder == 0) || s.frameNum != bitsFor(s.refs*pyramid+1) {
		return "numbering"
	}
	if s.order == 2 {
		return ""
	}
	for _, between := range []uint32{3, 8, 16} { // of x264's presets
		if s.place == bitsFor((between+2)*pyramid*2*2) {
			return ""
		}
	}
	return "order of pictures"
}

// readPPS says what is wrong with a picture parameter set, "" for nothing.
func (s sequence) readPPS(nal []byte) string {
	b, ok := unescape(nal)
	if !ok || len(b) < 2 || b[0] != 0x60|nalPPS {
		return "head"
	}
	r := &bitReader{b: b[1:]}
	if r.ue() != 0 || r.ue() != 0 {
		return "number"
	}
	r.u(1) // CABAC or CAVLC
	if r.u(1) != 0 || r.ue() != 0 {
		return "order or groups"
	}
	if most, back := r.ue(), r.ue(); most >= s.refs || back != 0 {
		return "references"
	}
	r.u(1)             // weights
	if r.u(2)&1 != 0 { // weights between two pictures: none, or x264's
		return "prediction"
	}
	// The ladder's qualities 30, 29, 27 and 25, less 26; x264 takes off up to 2 for colour.
	qp, qs, chroma := r.ue(), r.ue(), r.ue()
	if !slices.Contains([]uint32{7, 5, 1, 2}, qp) || qs != 0 || chroma != 0 && chroma != 2 && chroma != 4 {
		return "quantiser"
	}
	if r.u(1) != 1 { // deblocking is told
		return "deblocking"
	}
	if r.u(1) != 0 || r.u(1) != 0 {
		return "prediction"
	}
	if !r.trailing() {
		return "end"
	}
	return ""
}

// samples looks into every sample of a track, in the order of the file.
func (f *file) samples(t *track) error {
	sample := 0
	for i, at := range t.chunkAt {
		for range t.chunkLen[i] {
			n := int64(t.sizes[sample])
			var err error
			if t.video {
				err = f.slice(t, at, n, t.keys[sample])
			} else {
				err = f.aacBlock(t, at, n)
			}
			if err != nil {
				return err
			}
			at += n
			sample++
		}
	}
	f.part(t.path+" samples", 0)
	f.report.Parts[len(f.report.Parts)-1].Count = sample
	return nil
}

// slice wants a sample to be one slice of a picture: its length, its kind, its
// first macroblock. Where the slice's arithmetic code ends is known to a decoder
// alone; bytes after it are looked for at its end, where padding would stand.
func (f *file) slice(t *track, at, n int64, key bool) error {
	var head [8]byte
	where := t.path + " sample"
	if n < 6 {
		return refuse(where, at, "value", "a sample of %d bytes", n)
	}
	if _, err := f.in.ReadAt(head[:min(8, n)], at); err != nil && err != io.EOF {
		return err
	}
	if size := int64(binary.BigEndian.Uint32(head[:])); size != n-4 {
		return refuse(where, at, "unlisted", "a unit of %d bytes in a sample of %d", size, n)
	}
	kind := head[4] & 31
	if head[4]&0x80 != 0 || kind != nalSlice && kind != nalIDR {
		return refuse(where, at+4, "unlisted", "a unit of the kind %d", kind)
	}
	r := &bitReader{b: head[5:min(8, n)]}
	if first, slice := r.ue(), r.ue(); r.err != nil || first != 0 || slice > 9 {
		return refuse(where, at+5, "value", "the slice is not a whole picture")
	}
	if kind == nalIDR && !key {
		return refuse(where, at+4, "value", "a picture that stands alone and is not listed as such")
	}
	var last [1]byte
	if _, err := f.in.ReadAt(last[:], at+n-1); err != nil && err != io.EOF {
		return err
	}
	if last[0] == 0 {
		return refuse(where, at+n-1, "hidden", "padding after the slice")
	}
	return nil
}

// aacBlock wants a frame of AAC to begin with its one channel (ISO/IEC 14496-3,
// 4.4.2.1): no comment, no data stream and no fill element before it.
func (f *file) aacBlock(t *track, at, n int64) error {
	var first [1]byte
	where := t.path + " sample"
	if n < 2 || n > 768 {
		return refuse(where, at, "value", "a frame of %d bytes", n)
	}
	if _, err := f.in.ReadAt(first[:], at); err != nil && err != io.EOF {
		return err
	}
	if first[0]>>1 != 0 {
		return refuse(where, at, "unlisted", "an element of the kind %d", first[0]>>5)
	}
	return nil
}
