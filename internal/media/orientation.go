package media

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"io"
)

// orientation is EXIF's tag 0x0112: 1 is upright, 2 mirrored, 3 upside down, …
type orientation int

// swaps reports whether width and height change places.
func (o orientation) swaps() bool { return o >= 5 }

// rotation is the clockwise turn that showing takes, leaving mirrors aside.
func (o orientation) rotation() int { return [...]int{0, 0, 0, 180, 180, 90, 90, 270, 270}[o] }

// apply turns a picture upright.
func (o orientation) apply(img *image.RGBA) *image.RGBA {
	if o <= 1 || o > 8 {
		return img
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	size := image.Pt(w, h)
	if o.swaps() {
		size = image.Pt(h, w)
	}
	out := image.NewRGBA(image.Rectangle{Max: size})
	for y := range size.Y {
		for x := range size.X {
			var sx, sy int
			switch o {
			case 2:
				sx, sy = w-1-x, y
			case 3:
				sx, sy = w-1-x, h-1-y
			case 4:
				sx, sy = x, h-1-y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, h-1-x
			case 7:
				sx, sy = w-1-y, h-1-x
			case 8:
				sx, sy = w-1-y, x
			}
			copy(out.Pix[out.PixOffset(x, y):][:4], img.Pix[img.PixOffset(sx, sy):][:4])
		}
	}
	return out
}

// readOrientation finds the tag in a JPEG; 1 where there is none or it makes no
// sense. It reads segments up to the picture and nothing else of EXIF.
func readOrientation(r io.Reader) orientation {
	in := bufio.NewReader(r)
	var soi [2]byte
	if _, err := io.ReadFull(in, soi[:]); err != nil || soi != [2]byte{0xff, 0xd8} {
		return 1
	}
	for {
		marker, err := nextMarker(in)
		if err != nil || marker == 0xda || marker == 0xd9 { // start of scan, end of image
			return 1
		}
		if marker == 0x01 || marker >= 0xd0 && marker <= 0xd7 { // these carry no length
			continue
		}
		var size [2]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			return 1
		}
		n := int(binary.BigEndian.Uint16(size[:])) - 2
		if n < 0 {
			return 1
		}
		if marker != 0xe1 {
			if _, err := in.Discard(n); err != nil {
				return 1
			}
			continue
		}
		body := make([]byte, n)
		if _, err := io.ReadFull(in, body); err != nil {
			return 1
		}
		if tiff, ok := bytes.CutPrefix(body, []byte("Exif\x00\x00")); ok {
			return tiffOrientation(tiff)
		}
	}
}

// nextMarker skips fill bytes.
func nextMarker(in *bufio.Reader) (byte, error) {
	b, err := in.ReadByte()
	if err != nil {
		return 0, err
	}
	if b != 0xff {
		return 0, errors.New("jpeg: no marker")
	}
	for b == 0xff && err == nil {
		b, err = in.ReadByte()
	}
	return b, err
}

// tiffOrientation looks through the first directory.
func tiffOrientation(b []byte) orientation {
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(b[:2]) {
	case "II":
		order = binary.LittleEndian
	case "MM":
		order = binary.BigEndian
	default:
		return 1
	}
	at := int64(order.Uint32(b[4:8]))
	if order.Uint16(b[2:4]) != 42 || at+2 > int64(len(b)) {
		return 1
	}
	entries := int64(order.Uint16(b[at:]))
	for i := range entries {
		e := at + 2 + 12*i
		if e+12 > int64(len(b)) {
			return 1
		}
		const short = 3
		if order.Uint16(b[e:]) != 0x0112 || order.Uint16(b[e+2:]) != short {
			continue
		}
		if o := order.Uint16(b[e+8:]); o >= 1 && o <= 8 {
			return orientation(o)
		}
		return 1
	}
	return 1
}
