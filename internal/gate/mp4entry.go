package gate

import (
	"encoding/binary"
	"slices"
)

var (
	// The name of the coder is ffmpeg's own, the same in every file.
	pictureEntry = pat("000000000000 0001 0000 0000" + zeros(12) + ".... .... 00480000 00480000 00000000 0001" +
		"0c 4c61766320 6c696278323634" + zeros(19) + "0018 ffff")
	colourNCLX = pat("6e636c78 0001 0001 0001 00") // BT.709, limited range
	pixelShape = pat("00000001 00000001")
	soundHead  = pat("000000000000 0001 00000000 00000000 0002 0010 0000 0000 ........")
	soundCoder = pat("00000000 03808080 25 00 .. 00 04808080 17 40 15 000000 ........ ........ 05808080 05 ....56e500 06808080 01 02")
	bitRates   = pat("........ ........ ........")
)

// entry reads the one entry of a sample description.
func entry(stsd box, kind string) (box, error) {
	if len(stsd.body) < 8 || stsd.u32(0) != 0 || stsd.u32(4) != 1 {
		return box{}, stsd.refuse("value", "not one entry")
	}
	all, err := stsd.children(8)
	if err != nil {
		return box{}, err
	}
	if len(all) != 1 || all[0].kind != kind {
		return box{}, stsd.refuse("unlisted", "an entry that is no %s", kind)
	}
	return all[0], nil
}

// mostKbit is beyond the highest rate of any rung.
const mostKbit = 20_000

// videoEntry reads avc1: size, decoder's parameters, colour, rates.
func (f *file) videoEntry(t *track, stsd, head box, scale, step uint32, length uint64) error {
	e, err := entry(stsd, "avc1")
	if err != nil {
		return err
	}
	if len(e.body) < len(pictureEntry) {
		return e.refuse("cut", "%d bytes", len(e.body))
	}
	if err := pictureEntry.check(e.path, e.at, e.body[:len(pictureEntry)]); err != nil {
		return err
	}
	in, err := f.inside(e, len(pictureEntry), "avcC", "colr", "pasp?", "btrt?")
	if err != nil {
		return err
	}
	if err := in["colr"].check(colourNCLX); err != nil {
		return err
	}
	if b, ok := in["pasp"]; ok {
		if err := b.check(pixelShape); err != nil {
			return err
		}
	}
	if b, ok := in["btrt"]; ok {
		if err := b.check(bitRates); err != nil {
			return err
		}
		// The coder's buffer holds two seconds at the highest rate, in whole kilobits.
		buffer, most, said, average := uint64(b.u32(0)), uint64(b.u32(4)), uint64(b.u32(8)), t.average(scale, length)
		if buffer%250 != 0 || buffer > 250*mostKbit || said != average || most != max(4*buffer, average) {
			return b.refuse("value", "a buffer of %d bytes, rates of %d and %d bits a second, where %d are due", buffer, most, said, average)
		}
	}
	w, h := uint32(binary.BigEndian.Uint16(e.body[24:])), uint32(binary.BigEndian.Uint16(e.body[26:]))
	if head.u32(76) != w<<16 || head.u32(80) != h<<16 {
		return head.refuse("value", "shown in another size than it has")
	}
	return in["avcC"].parameters(int(w), int(h), scale/step)
}

// aacFrame is how many samples a frame of AAC has, and how many a decoder needs to get going.
const aacFrame = 1024

// aacRates are the sample rates of the ladder with their index (ISO/IEC 14496-3).
var aacRates = map[uint32]byte{22050: 7, 24000: 6, 44100: 4, 48000: 3}

// aacBits are the rates of sound that the ladder asks for, in bits a second.
var aacBits = []uint32{24_000, 32_000, 48_000, 64_000}

// soundEntry reads mp4a: mono AAC-LC. The rates must be those of the samples.
func (f *file) soundEntry(t *track, stsd, head box, scale uint32, length uint64) error {
	e, err := entry(stsd, "mp4a")
	if err != nil {
		return err
	}
	if len(e.body) < len(soundHead) {
		return e.refuse("cut", "%d bytes", len(e.body))
	}
	if err := soundHead.check(e.path, e.at, e.body[:len(soundHead)]); err != nil {
		return err
	}
	in, err := f.inside(e, len(soundHead), "esds", "btrt?")
	if err != nil {
		return err
	}
	esds := in["esds"]
	if err := esds.check(soundCoder); err != nil {
		return err
	}
	index, ok := aacRates[scale]
	const lowComplexity, mono = 2, 1
	want := uint16(lowComplexity)<<11 | uint16(index)<<7 | mono<<3
	if !ok || e.u32(24) != scale<<16 || binary.BigEndian.Uint16(esds.body[35:]) != want || uint32(esds.body[10]) != t.id {
		return esds.refuse("value", "another coding than mono AAC-LC at the track's rate")
	}
	if head.u32(76) != 0 || head.u32(80) != 0 {
		return head.refuse("value", "sound with a size")
	}
	average := t.average(scale, length)
	most, said := esds.u32(22), esds.u32(26)
	// ffmpeg tells the highest rate as the one that was asked for, or the average where that is higher
	// or where the sound was only copied into its film.
	if uint64(said) != average || most != said && !slices.ContainsFunc(aacBits, func(asked uint32) bool { return most == max(asked, said) }) {
		return esds.refuse("value", "rates of %d and %d bits a second, where %d are due", most, said, average)
	}
	if b, ok := in["btrt"]; ok {
		if err := b.check(bitRates); err != nil {
			return err
		}
		if b.u32(0) != 0 || b.u32(4) != most || b.u32(8) != said {
			return b.refuse("value", "other rates than the decoder's")
		}
	}
	return nil
}

// average is the rate that follows from a track's samples, in bits a second.
func (t *track) average(scale uint32, length uint64) uint64 {
	var bytes uint64
	for _, n := range t.sizes {
		bytes += uint64(n)
	}
	return bytes * 8 * uint64(scale) / max(1, length)
}
