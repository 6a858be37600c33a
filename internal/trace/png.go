package trace

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// maxChunks bounds the chunks of a PNG, WebP or GIF file.
const maxChunks = 200_000

const pngMagic = 8

// pngPlain are the chunks that hold the picture and nothing of anybody (PNG,
// third edition, with APNG).
var pngPlain = map[string]bool{"IHDR": true, "PLTE": true, "IDAT": true, "tRNS": true, "gAMA": true, "cHRM": true, "sRGB": true, "bKGD": true, "hIST": true,
	"pHYs": true, "sBIT": true, "cICP": true, "acTL": true, "fcTL": true, "fdAT": true, "mDCV": true, "cLLI": true, "IEND": true}

// readPNG reads PNG and APNG, and what follows the end.
func readPNG(src *source, s *Sheet) error {
	w, h := pictureSize(src)
	p := &pngFile{src: src, sheet: s, width: w, height: h}
	at := int64(pngMagic)
	for n := 0; at < src.size; n++ {
		head, err := src.bytes(at, min(8, src.size-at))
		if err != nil {
			return err
		}
		size := int64(0)
		if len(head) == 8 {
			size = int64(binary.BigEndian.Uint32(head))
		}
		if len(head) < 8 || !chunkName(head[4:8]) || n >= maxChunks {
			s.gap("chunks", "broken", src.size-at)
			return leftover(src.part(at, src.size-at), s, "chunks")
		}
		name := string(head[4:8])
		if size > src.size-at-8 {
			s.gap(name, "broken", size-(src.size-at-8))
			size = src.size - at - 8
		}
		if err := p.chunk(name, src.part(at+8, size)); err != nil {
			return err
		}
		at += 12 + size
		if name == "IEND" {
			return p.after(at)
		}
	}
	s.gap("IEND", "broken", 0)
	return nil
}

func chunkName(b []byte) bool {
	for _, c := range b {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// pngEnd tells how long the PNG file is that begins here.
func pngEnd(src *source) (int64, error) {
	at := int64(pngMagic)
	for range maxChunks {
		head, err := src.bytes(at, min(8, src.size-at))
		if err != nil || len(head) < 8 {
			return src.size, ignoreShort(err)
		}
		at = min(at+12+int64(binary.BigEndian.Uint32(head)), src.size)
		if string(head[4:8]) == "IEND" {
			break
		}
	}
	return at, nil
}

type pngFile struct {
	src           *source
	sheet         *Sheet
	width, height int
}

// after looks for what a crop left behind: old picture data follows the new
// end (CVE-2023-21036, "aCropalypse").
func (p *pngFile) after(at int64) error {
	if at >= p.src.size {
		return nil
	}
	rest := p.src.part(at, p.src.size-at)
	b, err := rest.bytes(0, min(rest.size, maxPart))
	if err != nil {
		return err
	}
	if bytes.Contains(b, []byte("IDAT")) || bytes.Contains(b, []byte("IEND")) {
		p.sheet.fact(Fact{Kind: History, Where: "after IEND", Name: "IDAT after IEND", Value: fmt.Sprintf("%d bytes of an earlier picture", rest.size)})
	}
	return readTrailer(rest, p.sheet, "after IEND", p.width, p.height)
}

func (p *pngFile) chunk(name string, body *source) error {
	s := p.sheet
	if pngPlain[name] {
		return nil
	}
	b, err := body.bytes(0, min(body.size, maxPart))
	if err != nil {
		return err
	}
	if body.size > maxPart {
		s.gap(name, "too_large", body.size-maxPart)
	}
	key, rest, _ := bytes.Cut(b, []byte{0})
	switch name {
	case "tEXt":
		return p.say(name, string(key), rest)
	case "zTXt":
		if len(rest) > 0 {
			return p.say(name, string(key), p.inflate(name, rest[1:]))
		}
	case "iTXt":
		return p.international(string(key), rest)
	case "iCCP":
		s.text(Text, name, "ProfileName", key)
		if len(rest) > 0 {
			readICC(s, name, p.inflate(name, rest[1:]))
		}
	case "eXIf":
		if has(b, "Exif\x00\x00") && len(b) > 6 {
			body = body.part(6, body.size)
		}
		_, err := readExif(body, s, name, p.width, p.height)
		return ignoreShort(err)
	case "tIME":
		if len(b) == 7 {
			s.fact(Fact{Kind: Time, Where: name, Name: "ModifyDate", Zone: "utc", Raw: b,
				Value: fmt.Sprintf("%04d:%02d:%02d %02d:%02d:%02d", binary.BigEndian.Uint16(b), b[2], b[3], b[4], b[5], b[6])})
		}
	case "caBX":
		return readJUMBF(p.src, s, name, b, 0)
	case "sPLT":
		s.text(Text, name, "PaletteName", key)
	default:
		s.unknown(Text, name, name, b)
	}
	return nil
}

// inflate unpacks a compressed part, as far as the bounds allow.
func (p *pngFile) inflate(name string, b []byte) []byte { return inflate(p.src, p.sheet, name, b) }

func inflate(src *source, s *Sheet, where string, b []byte) []byte {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		s.gap(where, "broken", int64(len(b)))
		return nil
	}
	out, err := io.ReadAll(io.LimitReader(z, maxPart+1))
	if err != nil && len(out) == 0 {
		s.gap(where, "broken", int64(len(b)))
	}
	if len(out) > maxPart || !src.mayUnpack(int64(len(out))) {
		s.gap(where, "too_large", int64(len(b)))
		out = out[:min(len(out), maxPart)]
	}
	return out
}

// international is iTXt: packed or not, a language, the key in it, UTF-8.
func (p *pngFile) international(key string, rest []byte) error {
	if len(rest) < 2 {
		return nil
	}
	packed := rest[0] == 1
	language, rest, _ := bytes.Cut(rest[2:], []byte{0})
	own, text, _ := bytes.Cut(rest, []byte{0})
	if packed {
		text = p.inflate("iTXt", text)
	}
	p.sheet.text(Text, "iTXt/"+key, "Language", language)
	p.sheet.text(Text, "iTXt/"+key, "Key", own)
	return p.say("iTXt", key, text)
}

// pngKeys are the customary keys of text chunks.
var pngKeys = map[string]Kind{"author": Person, "copyright": Person, "software": Software, "creation time": Time, "source": Device,
	"title": "", "description": "", "disclaimer": "", "warning": "", "comment": "", // PNG (third edition), 11.3.3
	"create-date": Time, "date:create": Time, "date:modify": Time, "date:timestamp": Time, "modify-date": Time}

func (p *pngFile) say(chunk, key string, value []byte) error {
	where := join(chunk, clip(key))
	if key == "XML:com.adobe.xmp" {
		return readXMP(p.src, p.sheet, where, value)
	}
	if profile, ok := strings.CutPrefix(key, "Raw profile type "); ok {
		return p.profile(where, profile, value)
	}
	if kind, customary := pngKeys[strings.ToLower(key)]; !customary {
		p.sheet.text(Text, chunk, "Key", []byte(key))
	} else if kind == "" {
		p.sheet.text(Text, where, clip(key), value)
		return nil
	}
	switch kind := pngKeys[strings.ToLower(key)]; kind {
	case "":
		p.sheet.text(Text, where, clip(key), value)
	case Time:
		p.sheet.fact(Fact{Kind: Time, Where: where, Name: clip(key), Value: string(value), Zone: zoneOf(string(value))})
	default:
		p.sheet.text(kind, where, clip(key), value)
	}
	return nil
}

// profile is what ImageMagick writes: a name, a length, and hex digits.
func (p *pngFile) profile(where, name string, value []byte) error {
	fields := bytes.Fields(value)
	if len(fields) < 3 {
		p.sheet.text(Text, where, name, value)
		return nil
	}
	b, err := hex.DecodeString(string(bytes.Join(fields[2:], nil)))
	if err != nil || !p.src.mayUnpack(int64(len(b))) {
		p.sheet.gap(where, "broken", int64(len(value)))
		return nil
	}
	switch {
	case has(b, "Exif\x00\x00"):
		_, err := readExif(p.src.unpacked(b[6:]), p.sheet, where, p.width, p.height)
		return ignoreShort(err)
	case has(b, "http://ns.adobe.com/xap/1.0/\x00"):
		return readXMP(p.src, p.sheet, where, b[29:])
	case name == "xmp":
		return readXMP(p.src, p.sheet, where, b)
	case has(b, "8BIM"):
		return readPhotoshop(p.src, p.sheet, where, b, p.width, p.height)
	case len(b) > 0 && b[0] == 0x1c:
		return readIPTC(p.src, p.sheet, where, b)
	case strings.HasPrefix(name, "ic"):
		readICC(p.sheet, where, b)
	default:
		p.sheet.unknown(Text, where, name, b)
	}
	return nil
}
