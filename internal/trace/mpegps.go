package trace

import (
	"bytes"
	"fmt"
)

// readMPEGPS reads an MPEG program stream, as old camcorders and DVDs write
// it: the user data among the pictures, private streams, stuffing. Of a long
// stream the first maxTS bytes.
func readMPEGPS(src *source, s *Sheet) error {
	t := &ts{src: src, s: s, first: -1, kinds: map[uint16]byte{}}
	for at := int64(0); at < src.size; {
		if at > maxTS {
			s.gap("packets", "too_large", src.size-at)
			return nil
		}
		h, err := src.bytes(at, min(14, src.size-at))
		if err != nil {
			return err
		}
		if len(h) < 4 || !bytes.HasPrefix(h, []byte("\x00\x00\x01")) || h[3] < 0xb9 {
			return src.remains(s, Leftover, stretch("trailer", at, src.size-at), at, src.size-at)
		}
		switch {
		case h[3] == 0xb9: // the end
			at += 4
			continue
		case h[3] == 0xba && len(h) >= 12:
			if h[4]&0xc0 == 0x40 && len(h) == 14 {
				at += 14 + int64(h[13]&7)
			} else {
				at += 12
			}
			continue
		case len(h) < 6:
			return src.remains(s, Leftover, stretch("trailer", at, src.size-at), at, src.size-at)
		}
		n := int64(be.Uint16(h[4:]))
		if n > src.size-at-6 {
			s.gap("packets", "broken", n-(src.size-at-6))
			n = src.size - at - 6
		}
		b, err := src.bytes(at, 6+n)
		if err != nil {
			return err
		}
		where := fmt.Sprintf("stream 0x%x", h[3])
		switch id := h[3]; {
		case id == 0xbe: // stuffing
			if len(bytes.Trim(b[6:], "\xff\x00")) > 0 {
				src.wordsOf(s, Leftover, where, b[6:])
			}
		case id >= 0xe0 && id <= 0xef:
			src.userData(s, where, b[6:])
			src.startCodes(s, where+"/SEI", b[6:], false, -1)
		case id == 0xbb || id >= 0xc0 && id <= 0xdf:
		case id == 0xbd && len(b) > 9 && 9+int(b[8]) < len(b) && b[9+int(b[8])] >= 0x20: // DVD's sound and pictures of subtitles
		case len(b) > 9:
			t.pes(uint16(id), b)
		}
		at += 6 + n
	}
	return nil
}
