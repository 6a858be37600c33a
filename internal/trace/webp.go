package trace

import (
	"encoding/binary"
	"strings"
)

// readWebP reads a WebP file (RFC 9649) and what follows it.
func readWebP(src *source, s *Sheet) error {
	w, h := pictureSize(src)
	head, err := src.bytes(0, 12)
	if err != nil {
		s.gap("RIFF", "broken", src.size)
		return ignoreShort(err)
	}
	end := min(8+int64(binary.LittleEndian.Uint32(head[4:])), src.size)
	if err := webpChunks(src, s, "", 12, end, w, h, 0); err != nil {
		return err
	}
	if end += end % 2; end < src.size {
		return readTrailer(src.part(end, src.size-end), s, "after RIFF", w, h)
	}
	return nil
}

func webpChunks(src *source, s *Sheet, where string, at, end int64, w, h, depth int) error {
	for n := 0; at+8 <= end; n++ {
		head, err := src.bytes(at, 8)
		if err != nil {
			return ignoreShort(err)
		}
		name, size := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
		path := join(where, strings.TrimSpace(clip(name)))
		if n >= maxChunks {
			s.gap(path, "too_many", end-at)
			return nil
		}
		if size > end-at-8 {
			s.gap(path, "broken", size-(end-at-8))
			size = end - at - 8
		}
		if name == "ANMF" && depth == 0 && size > 16 {
			err = webpChunks(src, s, path, at+8+16, at+8+size, w, h, 1)
		} else {
			err = webpChunk(name, path, src.part(at+8, size), s, w, h)
		}
		if err != nil {
			return err
		}
		at += 8 + size + size%2
	}
	if at < end {
		return leftover(src.part(at, end-at), s, join(where, "end"))
	}
	return nil
}

func webpChunk(name, path string, body *source, s *Sheet, w, h int) error {
	switch name {
	case "VP8 ", "VP8L", "VP8X", "ALPH", "ANIM":
		return nil
	case "EXIF":
		head, err := body.bytes(0, min(6, body.size))
		if err != nil {
			return err
		}
		if has(head, "Exif\x00\x00") {
			body = body.part(6, body.size)
		}
		_, err = readExif(body, s, path, w, h)
		return ignoreShort(err)
	}
	b, err := body.bytes(0, min(body.size, maxPart))
	if err != nil {
		return err
	}
	switch name {
	case "XMP ":
		return readXMP(body, s, path, b)
	case "ICCP":
		readICC(s, path, b)
	case "C2PA":
		return readJUMBF(body, s, path, b, 0)
	default:
		s.unknown(Text, path, clip(name), b)
	}
	return nil
}
