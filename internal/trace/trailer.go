package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// maxTrailers bounds the files found behind a file's end.
const maxTrailers = 64

// readTrailer reads what follows the end of a picture: other pictures, a moving
// picture, Samsung's trailer, or bytes that nothing points to. The main picture
// is w by h.
func readTrailer(src *source, s *Sheet, where string, w, h int) error {
	sef, err := readSEF(src, s, where)
	if err != nil {
		return err
	}
	end := src.size - sef
	for n, at := 0, int64(0); at < end; n++ {
		if n >= maxTrailers {
			s.gap(where, "too_many", end-at)
			return nil
		}
		found, kind, err := findFile(src.part(0, end), at)
		if err != nil {
			return err
		}
		if found > at {
			if err := leftover(src.part(at, found-at), s, where); err != nil {
				return err
			}
		}
		if found >= end {
			return nil
		}
		size, err := fileEnd(src.part(found, end-found), kind)
		if err != nil {
			return err
		}
		path := fmt.Sprintf("%s/%s%d", where, kind, n+1)
		if err := s.picture(src.part(found, size), path, w, h); err != nil {
			return err
		}
		at = found + size
	}
	return nil
}

// findFile looks for the beginning of a picture or film; the end if there is none.
func findFile(src *source, at int64) (int64, string, error) {
	const chunk = 256 << 10
	for at < src.size {
		b, err := src.bytes(at, min(chunk, src.size-at))
		if err != nil {
			return 0, "", err
		}
		best, kind := -1, ""
		for _, m := range []struct {
			magic string
			back  int
			kind  string
		}{{"\xff\xd8\xff", 0, "jpeg"}, {"\x89PNG\r\n\x1a\n", 0, "png"}, {"ftyp", 4, "mp4"}} {
			if i := bytes.Index(b, []byte(m.magic)); i >= m.back && (best < 0 || i-m.back < best) {
				best, kind = i-m.back, m.kind
			}
		}
		if best >= 0 {
			return at + int64(best), kind, nil
		}
		if len(b) < chunk {
			break
		}
		at += int64(len(b)) - 16
	}
	return src.size, "", nil
}

// fileEnd tells how long the file is that begins here.
func fileEnd(src *source, kind string) (int64, error) {
	switch kind {
	case "jpeg":
		j := &jpegFile{src: src, sheet: new(Sheet)}
		return j.length()
	case "png":
		return pngEnd(src)
	}
	at := int64(0)
	for n := 0; n < 10_000; n++ { // boxes, as long as they look like boxes
		b, err := src.bytes(at, min(16, src.size-at))
		if err != nil || len(b) < 8 {
			return max(at, min(8, src.size)), ignoreShort(err)
		}
		size := int64(binary.BigEndian.Uint32(b))
		if size == 1 && len(b) == 16 {
			size = int64(binary.BigEndian.Uint64(b[8:]))
		}
		if size == 0 {
			return src.size, nil
		}
		if size < 8 || size > src.size-at || !printable(string(b[4:8])) {
			return max(at, min(8, src.size)), nil
		}
		at += size
	}
	return at, nil
}

// length walks a picture without reading what it tells.
func (j *jpegFile) length() (int64, error) {
	at := int64(2)
	for range maxSegments {
		b, err := j.src.bytes(at, min(4, j.src.size-at))
		if err != nil || len(b) < 2 {
			return j.src.size, ignoreShort(err)
		}
		switch {
		case b[0] != 0xff:
			at++
			continue
		case b[1] == 0xd9:
			return at + 2, nil
		case b[1] == 0xff:
			at++
			continue
		case b[1] <= 0x01 || b[1] >= 0xd0 && b[1] <= 0xd8:
			at += 2
			continue
		case len(b) < 4:
			return j.src.size, nil
		}
		at += 2 + int64(max(binary.BigEndian.Uint16(b[2:]), 2))
		if b[1] == 0xda {
			if at, err = skipScan(j.src, at); err != nil {
				return 0, err
			}
		}
	}
	return j.src.size, nil
}

// leftover tells of bytes that nothing in the file points to.
func leftover(src *source, s *Sheet, where string) error {
	b, err := src.bytes(0, min(src.size, maxPart))
	if err != nil {
		return err
	}
	s.unknown(Leftover, where, "bytes", b)
	if src.size > maxPart {
		s.gap(where, "too_large", src.size-maxPart)
	}
	return nil
}

// readSEF reads Samsung's trailer: a directory at the very end, "SEFH…SEFT",
// that counts backwards. It gives how many bytes belong to it.
func readSEF(src *source, s *Sheet, where string) (int64, error) {
	if src.size < 20 {
		return 0, nil
	}
	tail, err := src.bytes(src.size-8, 8)
	if err != nil || string(tail[4:]) != "SEFT" {
		return 0, err
	}
	le := binary.LittleEndian
	n := int64(le.Uint32(tail))
	head := src.size - 8 - n
	dir, err := src.bytes(head, n)
	if err != nil || len(dir) < 12 || string(dir[:4]) != "SEFH" {
		s.gap(where+"/SEF", "broken", n)
		return 0, ignoreShort(err)
	}
	first := head
	count := int64(min(le.Uint32(dir[8:]), 200))
	for i := range count {
		at := 12 + 12*i
		if at+12 > int64(len(dir)) {
			s.gap(where+"/SEF", "broken", 0)
			break
		}
		back, size := int64(le.Uint32(dir[at+4:])), int64(le.Uint32(dir[at+8:]))
		if back > head || size < 8 || size > back {
			s.gap(where+"/SEF", "broken", size)
			continue
		}
		first = min(first, head-back)
		if err := sefBlock(src.part(head-back, size), s, where+"/SEF"); err != nil {
			return 0, err
		}
	}
	return src.size - first, nil
}

// sefBlock is one block: its type, its name, its data.
func sefBlock(src *source, s *Sheet, where string) error {
	b, err := src.bytes(0, min(src.size, 64<<10))
	if err != nil {
		return err
	}
	le := binary.LittleEndian
	named := int64(le.Uint32(b[4:]))
	if named > int64(len(b)-8) {
		s.gap(where, "broken", src.size)
		return nil
	}
	name := clip(string(b[8 : 8+named]))
	path := join(where, name)
	data, body := b[8+named:], src.part(8+named, src.size)
	head := data[:min(len(data), 16)]
	switch {
	case sniff(head) != "":
		return s.picture(body, path, 0, 0)
	case name == "Image_UTC_Data":
		s.fact(Fact{Kind: Time, Where: path, Name: name, Value: string(data), Zone: "utc"})
	case name == "MCC_Data":
		s.text(Place, path, name, data)
	case printable(string(data)):
		s.text(Text, path, name, data)
	case len(data) > 0:
		s.unknown(Leftover, path, name, data)
	default:
		s.text(History, path, "Block", []byte(name))
	}
	return nil
}
