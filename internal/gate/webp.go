package gate

import (
	"bytes"
	"encoding/binary"
	"image"

	"golang.org/x/image/vp8"
)

// WebP (RFC 9649) in its simple form: one picture of VP8 and no other chunk. The
// picture is decoded, and decoded again without its last bytes, which must then
// be missing: what no decoder reads could be anything.

// slack is how many bytes a coder may leave unread at the end of a partition.
const slack = 4

// maxWebP bounds the pixels that are decoded.
const maxWebP = 40_000_000

func readWebP(f *file) error {
	head, err := f.bytes("RIFF", 0, 20)
	if err != nil {
		return err
	}
	if string(head[:4]) != "RIFF" || string(head[8:12]) != "WEBP" {
		return refuse("RIFF", 0, "broken", "no WebP")
	}
	if n := int64(binary.LittleEndian.Uint32(head[4:])) + 8; n != f.size {
		if n < f.size {
			return refuse("", n, "beyond", "%d bytes after the picture", f.size-n)
		}
		return refuse("RIFF", 4, "cut", "%d bytes where %d are there", n, f.size)
	}
	if string(head[12:16]) != "VP8 " {
		return refuse("RIFF/"+boxName(string(head[12:16])), 12, "unlisted", "another chunk than one picture")
	}
	n := int64(binary.LittleEndian.Uint32(head[16:]))
	if 20+n+n&1 != f.size {
		return refuse("VP8", 16, "unlisted", "%d bytes of picture in a file of %d", n, f.size)
	}
	b, err := f.bytes("VP8", 20, n)
	if err != nil {
		return err
	}
	if n&1 == 1 {
		pad, err := f.bytes("VP8", 20+n, 1)
		if err != nil {
			return err
		}
		if pad[0] != 0 {
			return refuse("VP8", 20+n, "hidden", "the byte that fills up is %02x", pad[0])
		}
	}
	f.part("RIFF", 12)
	f.part("VP8", f.size-12)
	return vp8Picture(b)
}

// vp8Picture wants one key frame that uses all of its bytes (RFC 6386, 9.1).
func vp8Picture(b []byte) error {
	const base = 20
	if len(b) < 10 || b[0]&1 != 0 || b[0]&0x10 == 0 || !bytes.Equal(b[3:6], []byte{0x9d, 0x01, 0x2a}) {
		return refuse("VP8", base, "value", "head of the picture")
	}
	if b[7]>>6 != 0 || b[9]>>6 != 0 {
		return refuse("VP8", base+6, "value", "a picture to be scaled")
	}
	whole, err := decodeVP8(b)
	if err != nil {
		return refuse("VP8", base, "broken", "the picture cannot be read")
	}
	if len(b) <= 10+slack {
		return refuse("VP8", base, "broken", "a picture of %d bytes", len(b))
	}
	cut, err := decodeVP8(b[:len(b)-slack])
	if err == nil && bytes.Equal(whole.Y, cut.Y) && bytes.Equal(whole.Cb, cut.Cb) && bytes.Equal(whole.Cr, cut.Cr) {
		return refuse("VP8", base+int64(len(b)-slack), "hidden", "bytes behind the last block that no decoder reads")
	}
	return nil
}

func decodeVP8(b []byte) (*image.YCbCr, error) {
	d := vp8.NewDecoder()
	d.Init(bytes.NewReader(b), len(b))
	h, err := d.DecodeFrameHeader()
	if err != nil {
		return nil, err
	}
	if h.Width*h.Height > maxWebP || h.Width == 0 || h.Height == 0 {
		return nil, errBits
	}
	return d.DecodeFrame()
}
