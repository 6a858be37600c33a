package trace

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// readPhotoshop reads image resource blocks, "8BIM" (Adobe Photoshop File
// Formats). The main picture is w by h.
func readPhotoshop(src *source, s *Sheet, where string, b []byte, w, h int) error {
	for len(b) >= 12 {
		if k := string(b[:4]); k != "8BIM" && k != "MeSa" && k != "PHUT" && k != "DCSR" && k != "AgHg" {
			break
		}
		id := binary.BigEndian.Uint16(b[4:])
		named := 1 + int(b[6])
		at := 6 + named + named%2
		if at+4 > len(b) {
			break
		}
		n := int(binary.BigEndian.Uint32(b[at:]))
		body := b[at+4:]
		path := fmt.Sprintf("%s/8BIM%04x", where, id)
		if n < 0 || n > len(body) {
			s.gap(path, "broken", 0)
			n = len(body)
		}
		if named > 1 {
			s.text(Text, path, "ResourceName", b[7:6+named])
		}
		if err := resource(src, s, path, id, body[:n], w, h); err != nil {
			return err
		}
		b = body[min(n+n%2, len(body)):]
	}
	if strings.Trim(string(b), "\x00") != "" {
		s.unknown(Leftover, where, "after 8BIM", b)
	}
	return nil
}

func resource(src *source, s *Sheet, where string, id uint16, b []byte, w, h int) error {
	switch id {
	case 0x0404:
		return readIPTC(src, s, join(where, "IPTC"), b)
	case 0x0409, 0x040c: // a thumbnail behind 28 bytes
		if len(b) > 28 {
			return s.picture(src.unpacked(b[28:]), join(where, "thumbnail"), w, h)
		}
	case 0x040f:
		readICC(s, join(where, "ICC"), b)
	case 0x0422, 0x0423:
		_, err := readExif(src.unpacked(b), s, join(where, "Exif"), w, h)
		return ignoreShort(err)
	case 0x0424:
		return readXMP(src, s, join(where, "XMP"), b)
	case 0x0425:
		s.fact(Fact{Kind: History, Where: where, Name: "IPTCDigest", Value: fmt.Sprintf("%x", b), Raw: b})
	case 0x040b:
		s.text(Text, where, "URL", b)
	case 0x041e, 0x0421, 0x0bb7, 0x043c, 0x0444:
		s.words(Software, where, "Resource", b)
	case 0x03ed, 0x03f2, 0x03f3, 0x03f5, 0x03f8, 0x0400, 0x0402, 0x0406, 0x0408, 0x040a, 0x040d, 0x0411, 0x0414, 0x0419, 0x041a, 0x0426, 0x0428, 0x2710:
		s.words(Text, where, "Resource", b)
	default:
		s.unknown(Text, where, "Resource", b)
	}
	return nil
}
