package media

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

// notes are what a photo's file says of how its pixels are meant to be shown:
// which way is up, and which colours the numbers stand for. They are followed
// and then forgotten; none of their bytes reach a derivative.
type notes struct {
	turn    orientation
	profile []byte // ICC, or nil
	code    cicp   // colours by number, where there is no profile
	// pictures is how many there are: pages of a TIFF, moments of an animation.
	pictures int
}

// Bounds of what is read of notes.
const (
	maxExif     = 1 << 20
	maxProfile  = 4 << 20
	maxChunks   = 20_000
	maxPictures = 10_000
)

// readNotes never fails: what makes no sense is as if it were not there.
func readNotes(format string, in io.ReaderAt, size int64) notes {
	n := notes{turn: 1, pictures: 1}
	switch format {
	case formatJPEG.Name:
		n.jpeg(io.NewSectionReader(in, 0, size))
	case formatPNG.Name:
		n.png(in, size)
	case formatWebP.Name:
		n.webp(in, size)
	case formatTIFF.Name:
		n.tiff(in, size)
	}
	return n
}

// jpeg reads segments up to the picture (ITU-T T.81 B.1.1, EXIF 2.32 4.7.2, ICC.1 B.4).
func (n *notes) jpeg(r io.Reader) {
	in := bufio.NewReader(r)
	var soi [2]byte
	if _, err := io.ReadFull(in, soi[:]); err != nil || soi != [2]byte{0xff, 0xd8} {
		return
	}
	parts := map[byte][]byte{}
	total, exif := 0, false
	for {
		marker, err := nextMarker(in)
		if err != nil || marker == 0xda || marker == 0xd9 { // start of scan, end of image
			break
		}
		if marker == 0x01 || marker >= 0xd0 && marker <= 0xd7 { // these carry no length
			continue
		}
		var size [2]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			break
		}
		body := make([]byte, max(0, int(binary.BigEndian.Uint16(size[:]))-2))
		if _, err := io.ReadFull(in, body); err != nil {
			break
		}
		if tiff, ok := bytes.CutPrefix(body, []byte("Exif\x00\x00")); ok && marker == 0xe1 && !exif {
			n.turn, exif = tiffOrientation(tiff), true
		}
		if icc, ok := bytes.CutPrefix(body, []byte("ICC_PROFILE\x00")); ok && marker == 0xe2 && len(icc) > 2 && total < maxProfile {
			if _, twice := parts[icc[0]]; !twice {
				parts[icc[0]] = icc[2:]
				total += len(icc)
			}
		}
	}
	for i := byte(1); parts[i] != nil; i++ {
		n.profile = append(n.profile, parts[i]...)
	}
}

// png reads chunks (PNG third edition, 11.3): the colours that win are cICP's,
// then the profile's, then sRGB's.
func (n *notes) png(in io.ReaderAt, size int64) {
	var head [8]byte
	at := int64(len("\x89PNG\r\n\x1a\n"))
	for range maxChunks {
		if _, err := in.ReadAt(head[:], at); err != nil {
			return
		}
		length := int64(binary.BigEndian.Uint32(head[:]))
		body := func(most int64) []byte { return bytesAt(in, at+8, min(length, most), size) }
		switch string(head[4:]) {
		case "eXIf":
			n.turn = tiffOrientation(body(maxExif))
		case "iCCP":
			_, packed, ok := bytes.Cut(body(maxProfile), []byte{0})
			if ok && len(packed) > 1 {
				n.profile = inflate(packed[1:])
			}
		case "cICP":
			if b := body(4); len(b) == 4 {
				n.code = cicp{primaries: int(b[0]), transfer: int(b[1])}
			}
		case "acTL":
			if b := body(4); len(b) == 4 {
				n.pictures = int(min(maxPictures, binary.BigEndian.Uint32(b)))
			}
		case "IEND":
			return
		}
		at += 12 + length
	}
}

// inflate gives at most maxProfile bytes, and nothing of what is broken.
func inflate(packed []byte) []byte {
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(z, maxProfile))
	if err != nil {
		return nil
	}
	return b
}

// webp reads chunks (RFC 9649 2.7).
func (n *notes) webp(in io.ReaderAt, size int64) {
	moments := 0
	webpChunks(in, 12, size, func(kind string, at, length int64) bool {
		switch kind {
		case "EXIF":
			n.turn = tiffOrientation(bytes.TrimPrefix(bytesAt(in, at, min(length, maxExif), size), []byte("Exif\x00\x00")))
		case "ICCP":
			n.profile = bytesAt(in, at, min(length, maxProfile), size)
		case "ANMF":
			moments++
		}
		return true
	})
	n.pictures = max(1, moments)
}

// webpChunks calls f for each chunk between two offsets until it says no.
func webpChunks(in io.ReaderAt, at, end int64, f func(kind string, at, length int64) bool) {
	var head [8]byte
	for range maxChunks {
		if at+8 > end {
			return
		}
		if _, err := in.ReadAt(head[:], at); err != nil {
			return
		}
		length := int64(binary.LittleEndian.Uint32(head[4:]))
		if !f(string(head[:4]), at+8, length) {
			return
		}
		at += 8 + length + length&1
	}
}

// firstOfWebP gives an animation's first picture as a file of its own, and
// where it lies on its canvas; Go's decoder knows only still ones.
func firstOfWebP(in io.ReaderAt, size int64) (file []byte, corner, canvas [2]int, err error) {
	err = errors.New("webp: no picture in the animation")
	webpChunks(in, 12, size, func(kind string, at, length int64) bool {
		switch kind {
		case "VP8X":
			if b := bytesAt(in, at, 10, size); len(b) == 10 {
				canvas = [2]int{1 + int24(b[4:]), 1 + int24(b[7:])}
			}
		case "ANMF":
			frame := bytesAt(in, at, length, size)
			if int64(len(frame)) != length || length < 16 {
				return false
			}
			corner = [2]int{2 * int24(frame), 2 * int24(frame[3:])}
			file, err = stillWebP(frame), nil
			return false
		}
		return true
	})
	return file, corner, canvas, err
}

// stillWebP makes a still picture's file of an ANMF chunk's body.
func stillWebP(frame []byte) []byte {
	flags := byte(0)
	if bytes.HasPrefix(frame[16:], []byte("ALPH")) {
		flags = 1 << 4
	}
	x := append([]byte("VP8X\x0a\x00\x00\x00"), flags, 0, 0, 0)
	x = append(append(x, frame[6:12]...), frame[16:]...)
	head := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(4+len(x)))...)
	return append(append(head, "WEBP"...), x...)
}

func int24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// tiff reads the first directory and counts the rest (TIFF 6.0).
func (n *notes) tiff(in io.ReaderAt, size int64) {
	head := bytesAt(in, 0, 8, size)
	order, at, ok := tiffHead(head)
	if !ok {
		return
	}
	n.pictures = 0
	var seen []int64
	for at > 0 && n.pictures < maxPictures && !slices.Contains(seen, at) {
		seen = append(seen, at)
		count := bytesAt(in, at, 2, size)
		if len(count) < 2 {
			break
		}
		length := 12 * int64(order.Uint16(count))
		dir := bytesAt(in, at+2, length+4, size)
		if int64(len(dir)) < length+4 {
			break
		}
		if n.pictures == 0 {
			n.tiffDirectory(in, size, order, dir[:length])
		}
		n.pictures++
		at = int64(order.Uint32(dir[length:]))
	}
	n.pictures = max(1, n.pictures)
}

func (n *notes) tiffDirectory(in io.ReaderAt, size int64, order binary.ByteOrder, dir []byte) {
	for ; len(dir) >= 12; dir = dir[12:] {
		switch order.Uint16(dir) {
		case 0x0112:
			n.turn = orientationOf(order, dir)
		case 0x8773: // ICC profile
			n.profile = bytesAt(in, int64(order.Uint32(dir[8:])), min(maxProfile, int64(order.Uint32(dir[4:]))), size)
		}
	}
}

// bytesAt reads up to n bytes at an offset, fewer at the end of the file.
func bytesAt(in io.ReaderAt, at, n, size int64) []byte {
	n = min(n, size-at)
	if n <= 0 || at < 0 {
		return nil
	}
	b := make([]byte, n)
	got, _ := in.ReadAt(b, at)
	return b[:got]
}
