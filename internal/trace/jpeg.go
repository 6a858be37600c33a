package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxSegments bounds the segments of one JPEG picture.
const maxSegments = 20_000

// maxImages bounds the pictures that one index may name.
const maxImages = 32

// readJPEG reads a JPEG file (ITU-T T.81, T.871) and whatever follows its end.
func readJPEG(src *source, s *Sheet) error {
	j := &jpegFile{src: src, sheet: s}
	end, err := j.read()
	if err != nil || end >= src.size {
		return err
	}
	return readTrailer(src.part(end, src.size-end), s, "after EOI", j.width, j.height)
}

// jpegFile is one picture from SOI to EOI.
type jpegFile struct {
	src           *source
	sheet         *Sheet
	width, height int
	icc           []byte
	jumbf         map[uint16][]byte // by box instance
	jumbfOrder    []uint16
	extended      map[string]*extendedXMP
	held          int64 // bytes kept until the picture's end
	nth           map[string]int
}

type extendedXMP struct {
	size int64
	body []byte
	have int64
}

// read walks the segments and gives the place behind EOI.
func (j *jpegFile) read() (end int64, err error) {
	j.jumbf, j.extended, j.nth = make(map[uint16][]byte), make(map[string]*extendedXMP), make(map[string]int)
	if j.width, j.height = pictureSize(j.src); j.width == 0 {
		j.sheet.gap("SOF", "broken", 0)
	}
	at := int64(2)
	for n := 0; n < maxSegments; n++ {
		marker, next, err := j.marker(at)
		if err != nil {
			return 0, err
		}
		switch {
		case marker == 0: // the file ends in the middle
			j.sheet.gap("EOI", "broken", 0)
			return j.src.size, j.finish()
		case marker == 0xd9:
			return next, j.finish()
		case marker == 0x01 || marker >= 0xd0 && marker <= 0xd8:
			at = next
			continue
		}
		head, err := j.src.bytes(next, 2)
		if err != nil {
			j.sheet.gap("EOI", "broken", 0)
			return j.src.size, either(ignoreShort(err), j.finish())
		}
		size := int64(binary.BigEndian.Uint16(head))
		body, err := j.src.bytes(next+2, min(max(size-2, 0), j.src.size-next-2))
		if err != nil {
			return 0, err
		}
		if size < 2 || int64(len(body)) < size-2 {
			j.sheet.gap(segmentName(marker), "broken", size-2-int64(len(body)))
		}
		if err := j.segment(marker, next+2, body); err != nil {
			return 0, err
		}
		at = next + max(size, 2)
		if marker == 0xda {
			if at, err = skipScan(j.src, at); err != nil {
				return 0, err
			}
		}
	}
	j.sheet.gap("segments", "too_many", j.src.size-at)
	return j.src.size, j.finish()
}

func either(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// marker finds the next marker and tells of bytes before it; 0 at the end.
func (j *jpegFile) marker(at int64) (marker byte, next int64, err error) {
	for start := at; ; {
		b, err := j.src.bytes(at, min(64<<10, j.src.size-at))
		if err != nil || len(b) < 2 {
			return 0, at, ignoreShort(err)
		}
		for i := 0; i+1 < len(b); i++ {
			if b[i] == 0xff && b[i+1] != 0xff && b[i+1] != 0 {
				if skipped := at + int64(i) - start; skipped > 0 {
					if err := j.between(start, skipped); err != nil {
						return 0, 0, err
					}
				}
				return b[i+1], at + int64(i) + 2, nil
			}
		}
		at += int64(len(b) - 1)
	}
}

// between tells of bytes between two segments that are no fill bytes.
func (j *jpegFile) between(at, n int64) error {
	b, err := j.src.bytes(at, min(n, maxPart))
	if err != nil {
		return err
	}
	if len(bytes.Trim(b, "\xff\x00")) > 0 {
		j.sheet.unknown(Leftover, "between segments", "bytes", b)
	}
	return nil
}

// skipScan goes over entropy-coded data to the marker behind it.
func skipScan(src *source, at int64) (int64, error) {
	for {
		b, err := src.bytes(at, min(256<<10, src.size-at))
		if err != nil || len(b) < 2 {
			return src.size, ignoreShort(err)
		}
		for i := 0; i+1 < len(b); {
			n := bytes.IndexByte(b[i:len(b)-1], 0xff)
			if n < 0 {
				break
			}
			i += n
			if m := b[i+1]; m != 0 && m != 0xff && (m < 0xd0 || m > 0xd7) {
				return at + int64(i), nil
			}
			i++
		}
		at += int64(len(b) - 1)
	}
}

func segmentName(marker byte) string {
	switch {
	case marker >= 0xe0 && marker <= 0xef:
		return fmt.Sprintf("APP%d", marker-0xe0)
	case marker == 0xfe:
		return "COM"
	case marker >= 0xf0 && marker <= 0xfd:
		return fmt.Sprintf("JPG%d", marker-0xf0)
	}
	return fmt.Sprintf("0x%02x", marker)
}

// segment reads one segment's body, which begins at at.
func (j *jpegFile) segment(marker byte, at int64, b []byte) error {
	name := segmentName(marker)
	switch {
	case marker >= 0xe0 && marker <= 0xef:
		return j.app(name, marker-0xe0, at, b)
	case marker == 0xfe:
		j.sheet.text(Text, "COM", "Comment", b)
	case marker == 0xdb || marker == 0xc4 || marker == 0xcc || marker == 0xdd || marker == 0xda || marker == 0xdc || marker == 0xde || marker == 0xdf:
	case marker >= 0xc0 && marker <= 0xcf:
		if len(b) >= 6 && len(b) > 6+3*int(b[5]) {
			j.sheet.unknown(Leftover, "SOF", "after SOF", b[6+3*int(b[5]):])
		}
	default: // reserved: no encoder writes it
		j.sheet.unknown(Leftover, name, name, b)
	}
	return nil
}

// app reads an application segment.
func (j *jpegFile) app(name string, n byte, at int64, b []byte) error {
	s := j.sheet
	switch {
	case has(b, "JFIF\x00"):
		return j.jfif(at, b)
	case has(b, "JFXX\x00"):
		return j.jfxx(at, b)
	case n == 1 && has(b, "Exif\x00"):
		if len(b) < 6 {
			return nil
		}
		_, err := readExif(j.src.part(at+6, int64(len(b)-6)), s, j.path(name+"/Exif"), j.width, j.height)
		return ignoreShort(err)
	case has(b, "http://ns.adobe.com/xap/1.0/\x00"):
		return readXMP(j.src, s, j.path(name+"/XMP"), b[29:])
	case has(b, "http://ns.adobe.com/xmp/extension/\x00"):
		j.keepExtended(b[35:])
		return nil
	case has(b, "ICC_PROFILE\x00") && len(b) > 14:
		if j.hold(len(b)) {
			j.icc = append(j.icc, b[14:]...)
		}
		return nil
	case has(b, "MPF\x00"):
		return j.mpf(at+4, b[4:])
	case n == 11 && has(b, "JP") && len(b) > 16:
		j.keepJUMBF(b)
		return nil
	case has(b, "Photoshop 3.0\x00"):
		return readPhotoshop(j.src, s, j.path(name+"/Photoshop"), b[14:], j.width, j.height)
	case has(b, "Adobe") && n == 14:
		if len(b) > 12 {
			s.unknown(Leftover, name, "after Adobe", b[12:])
		}
		return nil
	case n == 12 && has(b, "Ducky"):
		s.words(Software, name+"/Ducky", "Ducky", b[5:])
		if len(b) > 5 {
			s.fact(Fact{Kind: Software, Where: name + "/Ducky", Name: "Ducky", Value: "Ducky", Raw: b})
		}
		return nil
	}
	label := name
	if i := bytes.IndexByte(b, 0); i > 0 && i < 32 && printable(string(b[:i])) {
		label += "/" + string(b[:i])
	}
	s.unknown(Text, j.path(label), "segment", b)
	return nil
}

func has(b []byte, prefix string) bool { return bytes.HasPrefix(b, []byte(prefix)) }

// path numbers the second and later segments of one name.
func (j *jpegFile) path(name string) string {
	j.nth[name]++
	if n := j.nth[name]; n > 1 {
		return fmt.Sprintf("%s[%d]", name, n)
	}
	return name
}

// hold counts bytes that are kept to the end.
func (j *jpegFile) hold(n int) bool {
	if j.held += int64(n); j.held > 4*maxPart {
		j.sheet.gap("segments", "too_large", int64(n))
		return false
	}
	return true
}

func (j *jpegFile) jfif(at int64, b []byte) error {
	if len(b) < 14 {
		return nil
	}
	w, h := int(b[12]), int(b[13])
	if n := 3 * w * h; n > 0 && len(b) >= 14+n {
		j.sheet.preview(Preview{Where: "APP0/JFIF", Type: "image/x-raw-rgb", Start: j.src.place(at + 14), Size: int64(n), Width: w, Height: h,
			Differs: differs(w, h, j.width, j.height)})
		b = b[n:]
	}
	if len(b) > 14 {
		j.sheet.unknown(Leftover, "APP0/JFIF", "after JFIF", b[14:])
	}
	return nil
}

func (j *jpegFile) jfxx(at int64, b []byte) error {
	if len(b) < 8 {
		return nil
	}
	p := Preview{Where: "APP0/JFXX", Start: j.src.place(at + 8), Size: int64(len(b) - 8)}
	switch b[5] {
	case 0x10:
		return j.sheet.picture(j.src.part(at+6, int64(len(b)-6)), "APP0/JFXX", j.width, j.height)
	case 0x11, 0x13:
		p.Type, p.Width, p.Height = "image/x-raw-rgb", int(b[6]), int(b[7])
		p.Differs = differs(p.Width, p.Height, j.width, j.height)
		j.sheet.preview(p)
		return nil
	}
	j.sheet.unknown(Leftover, "APP0/JFXX", "JFXX", b[5:])
	return nil
}

// keepExtended puts one piece of Extended XMP in its place: 32 letters of a
// digest, the whole size, the piece's offset (XMP part 3, 1.1.3.1).
func (j *jpegFile) keepExtended(b []byte) {
	if len(b) < 40 || !j.hold(len(b)) {
		return
	}
	guid := string(b[:32])
	size, at, piece := int64(binary.BigEndian.Uint32(b[32:])), int64(binary.BigEndian.Uint32(b[36:])), b[40:]
	if size > maxPart || at+int64(len(piece)) > size {
		j.sheet.gap("APP1/ExtendedXMP", "broken", size)
		j.sheet.words(Text, "APP1/ExtendedXMP", "ExtendedXMP", piece)
		return
	}
	x := j.extended[guid]
	if x == nil {
		if len(j.extended) >= 8 || !j.hold(int(size)) {
			return
		}
		x = &extendedXMP{size: size, body: make([]byte, size)}
		j.extended[guid] = x
	}
	if at+int64(len(piece)) <= x.size {
		x.have += int64(copy(x.body[at:], piece))
	}
}

// keepJUMBF joins the segments of one box (ISO/IEC 19566-5, annex D): behind
// "JP", the instance and a number, each repeats the box's own head.
func (j *jpegFile) keepJUMBF(b []byte) {
	if !j.hold(len(b)) {
		return
	}
	instance, packet := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:])
	body := b[8:]
	if _, there := j.jumbf[instance]; !there {
		j.jumbfOrder = append(j.jumbfOrder, instance)
	} else if packet > 1 {
		body = body[8:]
	}
	j.jumbf[instance] = append(j.jumbf[instance], body...)
}

// finish reads what came in several segments.
func (j *jpegFile) finish() error {
	if j.icc != nil {
		readICC(j.sheet, "APP2/ICC", j.icc)
	}
	for _, guid := range slices.Sorted(maps.Keys(j.extended)) {
		x := j.extended[guid]
		where := "APP1/ExtendedXMP"
		if x.have < x.size {
			j.sheet.gap(where, "broken", x.size-x.have)
		}
		j.sheet.text(Serial, where, "GUID", []byte(strings.TrimSpace(guid)))
		if err := readXMP(j.src, j.sheet, where, x.body); err != nil {
			return err
		}
	}
	for _, n := range j.jumbfOrder {
		if err := readJUMBF(j.src, j.sheet, "APP11/JUMBF", j.jumbf[n], 0); err != nil {
			return err
		}
	}
	return nil
}

// mpf reads the Multi-Picture Format (CIPA DC-007): other pictures, placed by
// offsets from this segment's own head.
func (j *jpegFile) mpf(at int64, b []byte) error {
	order := byteOrder(b)
	if order == nil {
		j.sheet.unknown(Leftover, "APP2/MPF", "MPF", b)
		return nil
	}
	dir := int64(order.Uint32(b[4:]))
	if dir+2 > int64(len(b)) {
		j.sheet.gap("APP2/MPF", "broken", 0)
		return nil
	}
	for e := dir + 2; e+12 <= int64(len(b)) && e < dir+2+12*int64(order.Uint16(b[dir:])); e += 12 {
		tag, size, off := order.Uint16(b[e:]), int64(order.Uint32(b[e+4:])), int64(order.Uint32(b[e+8:]))
		if off > int64(len(b)) || size > int64(len(b))-off {
			continue
		}
		switch tag {
		case 0xb003:
			for id := b[off : off+size]; len(id) >= 33; id = id[33:] {
				j.sheet.text(Serial, "APP2/MPF", "ImageUIDList", id[:33])
			}
		case 0xb002:
			for i, image := 0, b[off:off+size]; len(image) >= 16 && i < maxImages; i, image = i+1, image[16:] {
				n, start := int64(order.Uint32(image[4:])), int64(order.Uint32(image[8:]))
				if start == 0 || n == 0 { // the main picture itself
					continue
				}
				where := fmt.Sprintf("APP2/MPF/image%d", i+1)
				if at+start+n > j.src.size {
					j.sheet.gap(where, "broken", n)
					continue
				}
				if err := j.sheet.picture(j.src.part(at+start, n), where, j.width, j.height); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
