package gate

import (
	"bytes"
	"slices"
)

var (
	editPattern = pat("00000000 00000001 ........ ........ 00010000")
	mediaHead   = pat("00000000 00000000 00000000 ........ ........ 55c4 0000") // language "und"
	videoHand   = pat("00000000 00000000 76696465 00000000 00000000 00000000 566964656f48616e646c657200")
	soundHand   = pat("00000000 00000000 736f756e 00000000 00000000 00000000 536f756e6448616e646c657200")
	videoMedia  = pat("00000001 0000 0000 0000 0000")
	soundMedia  = pat("00000000 0000 0000")
	ownData     = pat("00000000 00000001 0000000c 75726c20 00000001")
	// One AAC decoder needs one frame more to begin with: ISO/IEC 14496-24.
	rollGroup  = pat("01000000 726f6c6c 00000002 00000001 ffff")
	rollSample = pat("00000000 726f6c6c 00000001 ........ 00000001")
)

// maxSamples is more than six hours have at 48 kHz in frames of 1024.
const maxSamples = 2_000_000

// track is one track of a film.
type track struct {
	box
	id       uint32
	video    bool
	shown    uint32 // length of what is shown, in milliseconds
	sizes    []uint32
	chunkAt  []int64
	chunkLen []uint32 // samples of each chunk
	keys     []bool   // of the picture: which samples stand alone
}

// track reads one trak box.
func (f *file) track(b box, id uint32, video bool) (*track, error) {
	t := &track{box: b, id: id, video: video}
	in, err := f.inside(b, 0, "tkhd", "edts", "mdia")
	if err != nil {
		return nil, err
	}
	head := in["tkhd"]
	if err := head.check(trackHead); err != nil {
		return nil, err
	}
	t.shown = head.u32(20)
	groupAndVolume := []byte{1, 1, 0} // of sound
	if video {
		groupAndVolume = []byte{0, 0, 0}
	}
	if head.u32(12) != id || !bytes.Equal(head.body[35:38], groupAndVolume) {
		return nil, head.refuse("value", "number, group or volume of the track")
	}
	media, err := f.inside(in["mdia"], 0, "mdhd", "hdlr", "minf")
	if err != nil {
		return nil, err
	}
	if err := media["mdhd"].check(mediaHead); err != nil {
		return nil, err
	}
	hand, kind, kindHead := soundHand, soundMedia, "smhd"
	if video {
		hand, kind, kindHead = videoHand, videoMedia, "vmhd"
	}
	if err := media["hdlr"].check(hand); err != nil {
		return nil, err
	}
	info, err := f.inside(media["minf"], 0, kindHead, "dinf", "stbl")
	if err != nil {
		return nil, err
	}
	if err := info[kindHead].check(kind); err != nil {
		return nil, err
	}
	where, err := f.inside(info["dinf"], 0, "dref")
	if err != nil {
		return nil, err
	}
	if err := where["dref"].check(ownData); err != nil {
		return nil, err
	}
	edit, err := f.inside(in["edts"], 0, "elst")
	if err != nil {
		return nil, err
	}
	if err := edit["elst"].check(editPattern); err != nil {
		return nil, err
	}
	return t, f.table(t, info["stbl"], head, media["mdhd"], edit["elst"])
}

// table reads a sample table. What the heads say must follow from it, so that
// no number is free to carry anything.
func (f *file) table(t *track, stbl, head, media, edit box) error {
	names := []string{"stsd", "stts", "stsc", "stsz", "stco", "sgpd", "sbgp"}
	if t.video {
		names = []string{"stsd", "stts", "stss?", "ctts?", "stsc", "stsz", "stco"}
	}
	in, err := f.inside(stbl, 0, names...)
	if err != nil {
		return err
	}
	if err := t.readSizes(in["stsz"]); err != nil {
		return err
	}
	if err := t.readChunks(in["stsc"], in["stco"]); err != nil {
		return err
	}
	length, step, err := t.readTimes(in["stts"])
	if err != nil {
		return err
	}
	first, err := t.readOffsets(in["ctts"], step)
	if err != nil {
		return err
	}
	if !t.video {
		first = aacFrame
		if err := in["sgpd"].check(rollGroup); err != nil {
			return err
		}
		if err := in["sbgp"].check(rollSample); err != nil {
			return err
		}
		if int(in["sbgp"].u32(12)) != len(t.sizes) {
			return in["sbgp"].refuse("value", "another number of samples")
		}
	}
	if err := t.readKeys(in["stss"]); err != nil {
		return err
	}
	if err := t.lengths(head, media, edit, length, first); err != nil {
		return err
	}
	if t.video {
		scale := media.u32(12)
		if scale%step != 0 || scale/step > 120 {
			return media.refuse("value", "a scale that is no whole number of pictures")
		}
		return f.videoEntry(t, in["stsd"], head, scale, step, length)
	}
	return f.soundEntry(t, in["stsd"], head, media.u32(12), length)
}

// lengths holds the heads against the samples. An edit list that would hide a
// beginning is refused: only the frames that a decoder needs to get going are
// passed over.
func (t *track) lengths(head, media, edit box, length uint64, first uint32) error {
	scale := uint64(media.u32(12))
	if scale < 1000 || scale > 192000 || uint64(media.u32(16)) != length {
		return media.refuse("value", "scale or length")
	}
	if edit.u32(12) != first {
		return edit.refuse("hidden", "the first %d units are not shown, where %d are due", edit.u32(12), first)
	}
	ms := length * 1000 / scale
	if !t.video {
		ms = (length - min(length, uint64(first))) * 1000 / scale
	}
	near := func(v uint32) bool { return uint64(v)+1 >= ms && uint64(v) <= ms+1 }
	if !near(edit.u32(8)) {
		return edit.refuse("hidden", "%d ms are shown of %d", edit.u32(8), ms)
	}
	if !near(t.shown) {
		return head.refuse("value", "a length of %d ms where %d are due", t.shown, ms)
	}
	return nil
}

// list reads a full box with a count and entries of n bytes after skip bytes.
func (b box) list(skip, n int) (count int, err error) {
	if len(b.body) < skip+8 || b.u32(0) != 0 {
		return 0, b.refuse("value", "head of the list")
	}
	count = int(b.u32(skip + 4))
	if count > maxSamples || len(b.body) != skip+8+count*n {
		return 0, b.refuse("value", "%d entries in %d bytes", count, len(b.body))
	}
	return count, nil
}

func (t *track) readSizes(b box) error {
	if len(b.body) < 12 {
		return b.refuse("cut", "%d bytes", len(b.body))
	}
	if same := b.u32(4); same != 0 { // all of one size: the list is left out
		n := b.u32(8)
		if len(b.body) != 12 || b.u32(0) != 0 || n == 0 || n > maxSamples {
			return b.refuse("value", "%d samples of one size", n)
		}
		t.sizes = slices.Repeat([]uint32{same}, int(n))
		return nil
	}
	n, err := b.list(4, 4)
	if err != nil {
		return err
	}
	if n == 0 {
		return b.refuse("value", "no samples")
	}
	t.sizes = make([]uint32, n)
	for i := range t.sizes {
		t.sizes[i] = b.u32(12 + 4*i)
	}
	return nil
}

// readChunks reads where the samples lie.
func (t *track) readChunks(stsc, stco box) error {
	n, err := stco.list(0, 4)
	if err != nil {
		return err
	}
	for i := range n {
		t.chunkAt = append(t.chunkAt, int64(stco.u32(8+4*i)))
	}
	runs, err := stsc.list(0, 12)
	if err != nil {
		return err
	}
	total, last := 0, uint32(0)
	for i := range runs {
		from, each, entry, to := stsc.u32(8+12*i), stsc.u32(12+12*i), stsc.u32(16+12*i), uint32(n)+1
		if i+1 < runs {
			to = stsc.u32(20 + 12*i)
		}
		if entry != 1 || each == 0 || each == last || from != uint32(len(t.chunkLen))+1 || to <= from || to > uint32(n)+1 {
			return stsc.refuse("value", "run %d of the chunks", i+1)
		}
		last = each
		for range to - from {
			t.chunkLen = append(t.chunkLen, each)
			if total += int(each); total > len(t.sizes) {
				return stsc.refuse("value", "more than %d samples", len(t.sizes))
			}
		}
	}
	if total != len(t.sizes) || len(t.chunkLen) != n {
		return stsc.refuse("value", "%d of %d samples in chunks", total, len(t.sizes))
	}
	return nil
}

// readTimes reads how long each sample lasts: all the same, but for the last.
func (t *track) readTimes(b box) (length uint64, step uint32, err error) {
	n, err := b.list(0, 8)
	if err != nil {
		return 0, 0, err
	}
	if n < 1 || n > 2 {
		return 0, 0, b.refuse("value", "%d runs of times", n)
	}
	step = b.u32(12)
	count := uint64(b.u32(8))
	length = count * uint64(step)
	if n == 2 {
		if b.u32(16) != 1 || b.u32(20) > 4*step || b.u32(20) == step {
			return 0, 0, b.refuse("value", "the last sample's time")
		}
		count, length = count+1, length+uint64(b.u32(20))
	}
	if count != uint64(len(t.sizes)) || step == 0 || step > 1<<16 || length > 1<<32-1 {
		return 0, 0, b.refuse("value", "times of %d samples, %d units each", count, step)
	}
	return length, step, nil
}

// readOffsets reads by how much a picture is shown later than it is decoded,
// and gives that of the first. Whole steps, and never more than the decoder holds.
func (t *track) readOffsets(b box, step uint32) (first uint32, err error) {
	if b.kind == "" {
		return 0, nil
	}
	n, err := b.list(0, 8)
	if err != nil {
		return 0, err
	}
	total := uint64(0)
	for i := range n {
		count, offset := b.u32(8+8*i), b.u32(12+8*i)
		if count == 0 || offset%step != 0 || offset > 18*step || i > 0 && offset == b.u32(4+8*i) {
			return 0, b.refuse("value", "run %d of the offsets", i+1)
		}
		total += uint64(count)
		if i == 0 {
			first = offset
		}
	}
	if total != uint64(len(t.sizes)) {
		return 0, b.refuse("value", "offsets of %d samples", total)
	}
	return first, nil
}

// readKeys reads which pictures stand alone; without the list all do.
func (t *track) readKeys(b box) error {
	if !t.video {
		return nil
	}
	t.keys = make([]bool, len(t.sizes))
	if b.kind == "" {
		for i := range t.keys {
			t.keys[i] = true
		}
		return nil
	}
	n, err := b.list(0, 4)
	if err != nil {
		return err
	}
	last := uint32(0)
	for i := range n {
		k := b.u32(8 + 4*i)
		if k <= last || int(k) > len(t.keys) {
			return b.refuse("value", "picture %d stands alone", k)
		}
		t.keys[k-1], last = true, k
	}
	return nil
}
