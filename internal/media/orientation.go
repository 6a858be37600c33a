package media

import (
	"bufio"
	"encoding/binary"
	"errors"
	"image"
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

// tiffOrientation looks through the first directory of EXIF's TIFF; 1 where it
// says nothing or makes no sense.
func tiffOrientation(b []byte) orientation {
	order, at, ok := tiffHead(b)
	if !ok || at+2 > int64(len(b)) {
		return 1
	}
	entries := int64(order.Uint16(b[at:]))
	for i := range entries {
		e := at + 2 + 12*i
		if e+12 > int64(len(b)) {
			return 1
		}
		if order.Uint16(b[e:]) == 0x0112 {
			return orientationOf(order, b[e:])
		}
	}
	return 1
}

// tiffHead gives the byte order and where the first directory begins.
func tiffHead(b []byte) (order binary.ByteOrder, at int64, ok bool) {
	if len(b) < 8 {
		return nil, 0, false
	}
	switch string(b[:2]) {
	case "II":
		order = binary.LittleEndian
	case "MM":
		order = binary.BigEndian
	default:
		return nil, 0, false
	}
	return order, int64(order.Uint32(b[4:8])), order.Uint16(b[2:4]) == 42
}

// orientationOf reads a directory's entry of 12 bytes.
func orientationOf(order binary.ByteOrder, entry []byte) orientation {
	const short = 3
	if o := order.Uint16(entry[8:]); order.Uint16(entry[2:]) == short && o >= 1 && o <= 8 {
		return orientation(o)
	}
	return 1
}
