package trace

import (
	"bytes"
	"encoding/binary"
)

// pictureSize reads how large a picture is, and nothing else of it; 0, 0 where
// that cannot be known cheaply.
func pictureSize(src *source) (w, h int) {
	head, err := src.bytes(0, min(src.size, 64))
	if err != nil {
		return 0, 0
	}
	be := binary.BigEndian
	switch sniff(head) {
	case "jpeg":
		return jpegSize(src)
	case "png":
		if len(head) >= 24 {
			return int(be.Uint32(head[16:]) & 0x7fffffff), int(be.Uint32(head[20:]) & 0x7fffffff)
		}
	case "gif":
		if len(head) >= 10 {
			return int(binary.LittleEndian.Uint16(head[6:])), int(binary.LittleEndian.Uint16(head[8:]))
		}
	case "webp":
		return webpSize(head)
	}
	return 0, 0
}

func jpegSize(src *source) (w, h int) {
	at := int64(2)
	for range 1000 {
		b, err := src.bytes(at, min(9, src.size-at))
		if err != nil || len(b) < 9 {
			return 0, 0
		}
		if b[0] != 0xff {
			more, err := src.bytes(at, min(64<<10, src.size-at))
			i := bytes.IndexByte(more, 0xff)
			if err != nil || i < 0 {
				return 0, 0
			}
			at += int64(i)
			continue
		}
		m := b[1]
		switch {
		case m == 0xff:
			at++
		case m == 0xda || m == 0xd9:
			return 0, 0
		case m >= 0xc0 && m <= 0xcf && m != 0xc4 && m != 0xc8 && m != 0xcc:
			return int(binary.BigEndian.Uint16(b[7:])), int(binary.BigEndian.Uint16(b[5:]))
		case m == 0 || m == 0x01 || m >= 0xd0 && m <= 0xd8:
			at += 2
		default:
			at += 2 + int64(max(binary.BigEndian.Uint16(b[2:]), 2))
		}
	}
	return 0, 0
}

// webpSize reads the first chunk of a WebP file (RFC 9649).
func webpSize(b []byte) (w, h int) {
	if len(b) < 30 {
		return 0, 0
	}
	le := binary.LittleEndian
	switch string(b[12:16]) {
	case "VP8X":
		return 1 + int(uint32(b[24])|uint32(b[25])<<8|uint32(b[26])<<16), 1 + int(uint32(b[27])|uint32(b[28])<<8|uint32(b[29])<<16)
	case "VP8 ":
		return int(le.Uint16(b[26:]) & 0x3fff), int(le.Uint16(b[28:]) & 0x3fff)
	case "VP8L":
		n := le.Uint32(b[21:])
		return int(n&0x3fff) + 1, int(n>>14&0x3fff) + 1
	}
	return 0, 0
}
