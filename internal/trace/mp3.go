package trace

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// readMP3 reads MP3 and AAC in ADTS: the tags before and behind the frames,
// what encoders write among them, and what lies between them.
func readMP3(src *source, s *Sheet) error {
	at := int64(0)
	for range 16 { // some programs write a second tag before the first
		n, err := id3v2(src, s, "", at, src.size-at)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		at += n
	}
	if b, err := src.bytes(at, 4); err == nil && string(b) == "fLaC" { // some programs put their tag before it too
		src.embedded(s, "", at, src.size-at)
		return nil
	}
	end, err := tagsBehind(src, s, at)
	if err != nil {
		return err
	}
	return frames(src, s, at, end)
}

// tagsBehind reads the tags at the end, from the last backwards, and gives
// where they begin: ID3v1, its 227 bytes' extension, APE, Lyrics3, ID3v2.
func tagsBehind(src *source, s *Sheet, from int64) (int64, error) {
	end := src.size
	for range 8 {
		before := end
		if end-from >= 128 {
			b, err := src.bytes(end-128, 128)
			if err != nil {
				return 0, err
			}
			if string(b[:3]) == "TAG" {
				id3v1(src, s, b)
				end -= 128
				if end-from >= 227 {
					if b, err = src.bytes(end-227, 227); err != nil {
						return 0, err
					}
					if string(b[:4]) == "TAG+" {
						src.wordsOf(s, Text, "ID3v1+", b[4:])
						end -= 227
					}
				}
			}
		}
		if end-from >= 32 {
			b, err := src.bytes(end-32, 32)
			if err != nil {
				return 0, err
			}
			if string(b[:8]) == "APETAGEX" {
				n, err := ape(src, s, from, end, b)
				if err != nil {
					return 0, err
				}
				end -= n
			}
		}
		if end-from >= 15 {
			b, err := src.bytes(end-15, 15)
			if err != nil {
				return 0, err
			}
			if string(b[6:]) == "LYRICS200" && digits(b[:6]) {
				n := int64(whole10(string(b[:6]))) + 15
				if n <= end-from && n <= maxPart {
					if b, err = src.bytes(end-n, n); err != nil {
						return 0, err
					}
					src.wordsOf(s, Text, "Lyrics3", b)
					end -= n
				}
			}
		}
		if end-from >= 10 { // an ID3v2 tag at the end is found by its foot
			b, err := src.bytes(end-10, 10)
			if err != nil {
				return 0, err
			}
			if n := int64(safe(b[6:])) + 20; string(b[:3]) == "3DI" && n <= end-from {
				if _, err := id3v2(src, s, "end", end-n, n); err != nil {
					return 0, err
				}
				end -= n
			}
		}
		if end == before {
			break
		}
	}
	return end, nil
}

func id3v1(src *source, s *Sheet, b []byte) {
	for _, p := range []struct {
		kind  Kind
		name  string
		at, n int
	}{{Text, "Title", 3, 30}, {Person, "Artist", 33, 30}, {Text, "Album", 63, 30}, {Time, "Year", 93, 4}, {Text, "Comment", 97, 30}} {
		raw := b[p.at : p.at+p.n]
		v, rest, _ := bytes.Cut(raw, []byte{0})
		f := Fact{Kind: p.kind, Where: "ID3v1", Name: p.name}
		if f.Value, f.Raw = decoded(v); p.kind == Time {
			f.Zone = "local"
		}
		if strings.TrimSpace(f.Value) != "" {
			s.fact(f)
		}
		src.wordsOf(s, Leftover, "ID3v1/"+p.name, rest) // behind the end of a short text
	}
}

// ape reads an APE tag, version 1 or 2, by its foot.
func ape(src *source, s *Sheet, from, end int64, foot []byte) (int64, error) {
	le := binary.LittleEndian
	n := int64(le.Uint32(foot[12:]))
	total := n
	if le.Uint32(foot[20:])&(1<<31) != 0 {
		total += 32 // a head as well
	}
	if n < 32 || total > end-from || n > maxPart {
		s.gap("APE", "broken", n)
		return 32, nil
	}
	b, err := src.bytes(end-n, n-32)
	if err != nil {
		return 0, err
	}
	at := end - n
	for len(b) >= 9 {
		size, flags := int(le.Uint32(b)), le.Uint32(b[4:])
		i := bytes.IndexByte(b[8:], 0)
		if i < 0 || size < 0 || size > len(b)-9-i {
			s.gap("APE", "broken", int64(len(b)))
			src.wordsOf(s, Text, "APE", b)
			return total, nil
		}
		key, value := clip(string(b[8:8+i])), b[9+i:9+i+size]
		where := "APE/" + key
		switch kind := flags >> 1 & 3; {
		case kind == 1 && strings.HasPrefix(key, "Cover Art"):
			name, _, _ := bytes.Cut(value, []byte{0})
			s.say(where, "file name", name)
			if skip := len(name) + 1; skip < len(value) {
				src.picture(s, where, "", at+int64(9+i+skip), int64(len(value)-skip))
			}
		case kind == 1:
			if !src.wordsOf(s, Text, where, value) {
				s.fact(Fact{Kind: Text, Where: where, Name: key, Raw: value})
			}
		default:
			for _, v := range bytes.Split(value, []byte{0}) {
				s.say(where, key, v)
			}
		}
		b = b[9+i+size:]
		at += int64(9 + i + size)
	}
	if len(b) > 0 {
		src.wordsOf(s, Leftover, "APE", b)
	}
	return total, nil
}

// frames walks the coded frames by their heads. What lies between two of them
// is no sound.
func frames(src *source, s *Sheet, at, end int64) error {
	const piece = 1 << 20
	junk := int64(-1)
	found := 0
	gap := func(to int64) error {
		if junk < 0 {
			return nil
		}
		from := junk
		junk = -1
		return src.remains(s, Leftover, stretch("between frames", from, to-from), from, to-from)
	}
	for at < end {
		b, err := src.bytes(at, min(piece, end-at))
		if err != nil {
			return err
		}
		used := 0
		for used+10 <= len(b) {
			if b[used] == 'I' && b[used+1] == 'D' {
				from := at + int64(used)
				n, err := id3v2(src, s, "among the frames", from, end-from)
				if err != nil {
					return err
				}
				if n > 0 {
					if err := gap(from); err != nil {
						return err
					}
					used += int(n)
					continue
				}
			}
			n := frameSize(b[used:])
			if n == 0 || found == 0 && !second(b[used:], n, at+int64(used), end) {
				if junk < 0 {
					junk = at + int64(used)
				}
				used++
				continue
			}
			if used+n > len(b) && at+int64(used+n) <= end {
				break // the next piece has it whole
			}
			if err := gap(at + int64(used)); err != nil {
				return err
			}
			body := b[used:min(len(b), used+n)]
			if found++; found <= 3 {
				encoder(src, s, body)
			}
			used += n
		}
		if used == 0 || at+int64(len(b)) >= end && used+10 > len(b) {
			if rest := at + int64(used); rest < end {
				if junk < 0 {
					junk = rest
				}
			}
			break
		}
		at += int64(used)
	}
	if err := gap(end); err != nil {
		return err
	}
	if found == 0 {
		s.gap("frames", "broken", end-at)
	}
	return nil
}

// second says whether another frame or the end follows the first.
func second(b []byte, n int, at, end int64) bool {
	return at+int64(n) >= end-9 || n+9 > len(b) || frameSize(b[n:]) > 0
}

var bitrates = [2][3][16]int{
	{{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448}, {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384}, {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}},
	{{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256}, {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}, {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}},
}

// frameSize gives the bytes of the MPEG audio frame (ISO/IEC 11172-3) or ADTS
// frame (13818-7) that begins here, 0 for none.
func frameSize(b []byte) int {
	if len(b) < 7 || b[0] != 0xff || b[1]&0xe0 != 0xe0 {
		return 0
	}
	if b[1]&0xf6 == 0xf0 { // ADTS
		if b[2]>>2&15 > 12 {
			return 0
		}
		if n := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5; n >= 7 {
			return n
		}
		return 0
	}
	version, layer := b[1]>>3&3, 3-int(b[1]>>1&3)
	if version == 1 || layer == 3 || b[2]>>4 == 15 || b[2]>>4 == 0 || b[2]>>2&3 == 3 {
		return 0
	}
	low := 1
	if version == 3 {
		low = 0
	}
	rate := []int{44100, 48000, 32000}[b[2]>>2&3]
	if version == 2 {
		rate /= 2
	} else if version == 0 {
		rate /= 4
	}
	bits := bitrates[low][layer][b[2]>>4] * 1000
	pad := int(b[2] >> 1 & 1)
	switch {
	case layer == 0:
		return (12*bits/rate + pad) * 4
	case layer == 2 && low == 1:
		return 72*bits/rate + pad
	}
	return 144*bits/rate + pad
}

// encoder reads what the encoder says in a frame: the Xing or Info head with
// LAME's string, or words in a filler.
func encoder(src *source, s *Sheet, b []byte) {
	where := "frame"
	for _, mark := range []string{"Xing", "Info", "VBRI"} {
		if i := bytes.Index(b[:min(len(b), 64)], []byte(mark)); i >= 0 {
			where = mark
			b = bytes.Clone(b)
			if mark == "VBRI" {
				clear(b[i+4:]) // a table of places and no words
			}
			if i+156 <= len(b) && mark != "VBRI" {
				at := i + 8
				flags := be.Uint32(b[i+4:])
				for bit, n := range []int{4, 4, 100, 4} {
					if flags&(1<<bit) != 0 {
						at += n
					}
				}
				clear(b[i+4 : min(at, len(b))]) // counts and a table of places that read like words
				if at+9 <= len(b) {
					v, _, _ := bytes.Cut(b[at:at+9], []byte{0})
					if v = bytes.TrimRight(v, "U"); isPlain(v) && len(v) > 2 {
						s.fact(Fact{Kind: Software, Where: where, Name: "encoder", Value: strings.TrimSpace(string(v))})
					}
				}
			}
		}
	}
	if f := chosen(where, b); where == "frame" {
		if f.Value != "" && src.once(f) {
			s.fact(f)
		}
		return
	}
	for _, w := range findWords(b, 8) {
		v := strings.TrimRight(w.text, "U")
		if f := (Fact{Kind: Software, Where: where, Name: "encoder", Value: v, Raw: bytes.Clone(w.raw)}); len(v) >= 6 && src.once(f) {
			s.fact(f)
		}
	}
}

// readAMR reads AMR (RFC 4867): it has no room for words, so what is there
// stands behind the frames.
func readAMR(src *source, s *Sheet) error {
	head, err := src.bytes(0, min(src.size, 16))
	if err != nil {
		return err
	}
	narrow := []int{13, 14, 16, 18, 20, 21, 27, 32, 6, -1, -1, -1, -1, -1, -1, 1}
	wide := []int{18, 24, 33, 37, 41, 47, 51, 59, 61, 6, -1, -1, -1, -1, 1, 1}
	at, sizes := int64(6), narrow
	switch {
	case bytes.HasPrefix(head, []byte("#!AMR-WB\n")):
		at, sizes = 9, wide
	case !bytes.HasPrefix(head, []byte("#!AMR\n")): // several channels
		s.gap("AMR", "unknown", src.size)
		return src.remains(s, Leftover, "AMR", 0, src.size)
	}
	for at < src.size {
		b, err := src.bytes(at, min(1<<20, src.size-at))
		if err != nil {
			return err
		}
		used := 0
		for used < len(b) {
			n := sizes[b[used]>>3&15]
			if b[used]&0x83 != 0 || n < 0 || at+int64(used+n) > src.size {
				from := at + int64(used)
				return src.remains(s, Leftover, stretch("trailer", from, src.size-from), from, src.size-from)
			}
			if used+n > len(b) {
				break
			}
			used += n
		}
		at += int64(used)
	}
	return nil
}
