package gate

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// PNG (ISO/IEC 15948) as Go writes it: one head, the picture, the end. No text,
// no colour profile, no palette, no interlacing.

const pngSignature = "\x89PNG\r\n\x1a\n"

// samplesPerPixel by colour type.
var samplesPerPixel = map[byte]int64{0: 1, 2: 3, 4: 2, 6: 4}

// maxPNG bounds the bytes of pixels that are inflated.
const maxPNG = 1 << 30

func readPNG(f *file) error {
	sig, err := f.bytes("signature", 0, 8)
	if err != nil {
		return err
	}
	if string(sig) != pngSignature {
		return refuse("signature", 0, "broken", "no PNG")
	}
	p := &pngFile{file: f, at: 8}
	head, err := p.chunk("IHDR")
	if err != nil {
		return err
	}
	want, row, err := p.head(head)
	if err != nil {
		return err
	}
	if err := p.pixels(want, row); err != nil {
		return err
	}
	if _, err := p.chunk("IEND"); err != nil {
		return err
	}
	if p.at != f.size {
		return refuse("", p.at, "beyond", "%d bytes after the end of the picture", f.size-p.at)
	}
	return nil
}

type pngFile struct {
	*file
	at   int64
	data []byte // what is left of the present IDAT
}

// peek names the next chunk.
func (p *pngFile) peek() (name string, size int64, err error) {
	b, err := p.bytes("chunk", p.at, 8)
	if err != nil {
		return "", 0, err
	}
	return string(b[4:]), int64(binary.BigEndian.Uint32(b)), nil
}

// chunk reads the next chunk, which must be the one that is due.
func (p *pngFile) chunk(due string) ([]byte, error) {
	name, n, err := p.peek()
	if err != nil {
		return nil, err
	}
	if name != due {
		return nil, refuse(boxName(name), p.at, "unlisted", "a chunk of %d bytes where %s is due", n, due)
	}
	b, err := p.bytes(due, p.at+4, n+8)
	if err != nil {
		return nil, err
	}
	if crc32.ChecksumIEEE(b[:n+4]) != binary.BigEndian.Uint32(b[n+4:]) {
		return nil, refuse(due, p.at, "broken", "checksum")
	}
	if due == "IEND" && n != 0 || due == "IHDR" && n != 13 {
		return nil, refuse(due, p.at, "value", "%d bytes", n)
	}
	p.part(due, n+12)
	p.at += n + 12
	return b[4 : n+4], nil
}

// head gives how many bytes of pixels are due, and how many a row has.
func (p *pngFile) head(b []byte) (want, row int64, err error) {
	w, h := int64(binary.BigEndian.Uint32(b)), int64(binary.BigEndian.Uint32(b[4:]))
	each := samplesPerPixel[b[9]]
	if w < 1 || h < 1 || w > 1<<16 || h > 1<<16 || each == 0 || b[8] != 8 && b[8] != 16 || !bytes.Equal(b[10:], []byte{0, 0, 0}) {
		return 0, 0, refuse("IHDR", 16, "value", "size, colours or packing")
	}
	row = 1 + w*each*int64(b[8]/8)
	if row*h > maxPNG {
		return 0, 0, refuse("IHDR", 16, "value", "%d × %d pixels", w, h)
	}
	return row * h, row, nil
}

// pixels inflates the picture: exactly as many bytes as its head asks for, a
// filter that exists before every row, and no byte of the stream unread.
func (p *pngFile) pixels(want, row int64) error {
	first := p.at
	in := &oneByOne{p: p}
	z, err := zlib.NewReader(in)
	if err != nil {
		return p.inflateFailed(first, err)
	}
	buf := make([]byte, 64<<10)
	inside := p.stream("IDAT pixels", nil)
	defer inside.close()
	var got int64
	for {
		n, err := z.Read(buf)
		inside.write(buf[:n])
		for i := (row - got%row) % row; i < int64(n); i += row {
			if buf[i] > 4 {
				return refuse("IDAT", first, "broken", "a filter of the kind %d", buf[i])
			}
		}
		if got += int64(n); got > want {
			return refuse("IDAT", first, "hidden", "more pixels than the picture has")
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return p.inflateFailed(first, err)
		}
	}
	if got != want {
		return refuse("IDAT", first, "broken", "%d of %d bytes of pixels", got, want)
	}
	if len(p.data) > 0 {
		return refuse("IDAT", p.at-4-int64(len(p.data)), "hidden", "%d bytes behind the pixels", len(p.data))
	}
	return nil
}

func (p *pngFile) inflateFailed(at int64, err error) error {
	var r refusal
	if errors.As(err, &r) || !errors.Is(err, zlib.ErrHeader) && !errors.Is(err, zlib.ErrChecksum) && !errors.Is(err, zlib.ErrDictionary) && !isFlate(err) {
		return err
	}
	return refuse("IDAT", at, "broken", "the pixels cannot be inflated")
}

// oneByOne gives zlib the bytes of the IDAT chunks; being a ByteReader it loses
// none behind the stream.
type oneByOne struct{ p *pngFile }

func (o *oneByOne) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	c, err := o.ReadByte()
	if err != nil {
		return 0, err
	}
	b[0] = c
	return 1, nil
}

func (o *oneByOne) ReadByte() (byte, error) {
	for len(o.p.data) == 0 {
		b, err := o.p.chunk("IDAT")
		if err != nil {
			return 0, err
		}
		if len(b) == 0 {
			return 0, refuse("IDAT", o.p.at, "unlisted", "an empty chunk")
		}
		o.p.data = b
	}
	c := o.p.data[0]
	o.p.data = o.p.data[1:]
	return c, nil
}
