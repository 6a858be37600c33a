package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// id3Kinds are the frames of ID3 (id3.org, versions 2.2 to 2.4) that are not
// what their letters seem to say.
var id3Kinds = map[string]Kind{
	"TIT1": Text, "TIT2": Text, "TIT3": Text, "TALB": Text, "TCON": Text, "TLAN": Encoding, "TLEN": Encoding, "TBPM": Text, "TRCK": Text, "TPOS": Text, "TMED": Device, "TFLT": Encoding, "TCOP": Person, "TPUB": Person,
	"TOWN": Person, "TRSN": Person, "TRSO": Person, "TOFN": History, "TSRC": Serial, "TSSE": Software, "TENC": Person, "TDRC": Time, "TDRL": Time, "TDTG": Time, "TDEN": Time, "TDOR": Time, "TYER": Time, "TDAT": Time, "TIME": Time, "TORY": Time, "TRDA": Time,
	"TPE1": Person, "TPE2": Person, "TPE3": Person, "TPE4": Person, "TCOM": Person, "TEXT": Person, "TOLY": Person, "TOPE": Person, "TIPL": Person, "TMCL": Person, "TPRO": Person, "TOAL": Text, "TKEY": Text, "TMOO": Text,
	"TT1": Text, "TT2": Text, "TT3": Text, "TAL": Text, "TP1": Person, "TP2": Person, "TP3": Person, "TP4": Person, "TCM": Person, "TEN": Person, "TSS": Software, "TYE": Time, "TDA": Time, "TIM": Time, "TOF": History, "TCR": Person, "TPB": Person, "TRC": Serial, "TXT": Person,
}

// id3v2 reads a tag and gives the bytes that it takes, 0 where there is none.
func id3v2(src *source, s *Sheet, where string, at, n int64) (int64, error) {
	if n < 10 {
		return 0, nil
	}
	h, err := src.bytes(at, 10)
	if err != nil {
		return 0, err
	}
	if string(h[:3]) != "ID3" || h[3] == 0xff || h[4] == 0xff {
		return 0, nil
	}
	version, flags := h[3], h[5]
	size := int64(safe(h[6:10]))
	total := min(10+size, n)
	if flags&0x10 != 0 && version == 4 {
		total = min(total+10, n)
	}
	where = strings.TrimPrefix(where+fmt.Sprintf("/ID3v2.%d", version), "/")
	if version < 2 || version > 4 {
		s.gap(where, "unknown", total)
		return total, src.remains(s, Text, where, at+10, total-10)
	}
	end := at + min(10+size, n)
	if size > n-10 {
		s.gap(where, "broken", size-(n-10))
	}
	if flags&0x80 != 0 && version < 4 { // the whole tag is unsynchronised
		if end-at-10 > maxPart {
			s.gap(where, "too_large", size)
			return total, nil
		}
		b, err := src.bytes(at+10, end-at-10)
		if err != nil {
			return 0, err
		}
		b = bytes.ReplaceAll(b, []byte("\xff\x00"), []byte("\xff"))
		t := &id3{src: &source{in: bytes.NewReader(b), size: int64(len(b)), base: -1, depth: src.depth, work: src.work}, s: s, where: where, version: version}
		had := len(s.Previews)
		err = t.frames(0, int64(len(b)), flags)
		s.Previews = s.Previews[:had] // they do not stand in the file as they are
		return total, err
	}
	t := &id3{src: src, s: s, where: where, version: version}
	return total, t.frames(at+10, end, flags)
}

// safe reads a number of seven bits a byte.
func safe(b []byte) (v uint32) {
	for _, c := range b {
		v = v<<7 | uint32(c&0x7f)
	}
	return v
}

type id3 struct {
	src     *source
	s       *Sheet
	where   string
	version byte
}

func (t *id3) frames(at, end int64, flags byte) error {
	name, head := int64(4), int64(10)
	if t.version == 2 {
		name, head = 3, 6
	}
	if flags&0x40 != 0 && t.version > 2 && end-at >= 4 { // extended header
		b, err := t.src.bytes(at, 4)
		if err != nil {
			return err
		}
		if t.version == 4 {
			at += int64(safe(b))
		} else {
			at += 4 + int64(be.Uint32(b))
		}
	}
	for count := 0; at+head <= end; count++ {
		h, err := t.src.bytes(at, head)
		if err != nil {
			return err
		}
		id := string(h[:name])
		var n int64
		switch t.version {
		case 2:
			n = int64(number1(h[3:6]))
		case 3:
			n = int64(be.Uint32(h[4:]))
		default:
			n = int64(safe(h[4:8]))
			if v := int64(be.Uint32(h[4:])); n != v && v <= end-at-head && !t.frameAt(at+head+n, end) && t.frameAt(at+head+v, end) {
				n = v // iTunes writes plain numbers here
			}
		}
		if h[0] == 0 || !isPlain(h[:name]) || n > end-at-head || count > 10_000 {
			return t.src.remains(t.s, Leftover, stretch(t.where+"/padding", at, end-at), at, end-at)
		}
		at += head
		if err := t.frame(id, h, at, n); err != nil {
			return err
		}
		at += n
	}
	if at < end {
		return t.src.remains(t.s, Leftover, stretch(t.where+"/padding", at, end-at), at, end-at)
	}
	return nil
}

// frameAt says whether a frame, the padding or the end stands there.
func (t *id3) frameAt(at, end int64) bool {
	if at >= end-10 {
		return at <= end
	}
	b, err := t.src.bytes(at, 4)
	return err == nil && (b[0] == 0 || b[0] >= 'A' && b[0] <= 'Z' && isPlain(b))
}

func (t *id3) frame(id string, h []byte, at, n int64) error {
	where := t.where + "/" + id
	if n > maxPart {
		if id == "APIC" || id == "PIC" {
			t.s.preview(Preview{Where: where, Type: "application/octet-stream", Start: t.src.place(at), Size: n})
		}
		t.s.gap(where, "too_large", n)
		return t.src.remains(t.s, Text, where, at, n)
	}
	b, err := t.src.bytes(at, n)
	if err != nil {
		return err
	}
	if len(h) == 10 {
		packed, locked := h[9]&0x08 != 0, h[9]&0x04 != 0
		if t.version == 3 {
			packed, locked = h[9]&0x80 != 0, h[9]&0x40 != 0
		}
		switch {
		case locked:
			t.s.gap(where, "encrypted", n)
			return nil
		case packed:
			t.s.gap(where, "unknown", n)
			return nil
		}
		if t.version == 4 && h[9]&1 != 0 && len(b) >= 4 {
			b = b[4:]
			at += 4
		}
		if t.version == 4 && h[9]&2 != 0 {
			b = bytes.ReplaceAll(b, []byte("\xff\x00"), []byte("\xff"))
		}
	}
	if len(b) == 0 {
		return nil
	}
	t.body(id, where, b, at)
	return nil
}

func (t *id3) body(id, where string, b []byte, at int64) {
	kind, ok := id3Kinds[id]
	if !ok {
		kind = Text
	}
	switch {
	case id == "APIC" || id == "PIC":
		t.cover(id, where, b, at)
	case id == "TXXX" || id == "TXX" || id == "WXXX" || id == "WXX":
		name, rest := id3Cut(b[0], b[1:])
		value, _ := id3Text(b[0], rest)
		if id[0] == 'W' {
			value, _ = id3Text(0, rest)
		}
		key, _ := id3Text(b[0], name)
		if key != "" {
			t.s.fact(Fact{Kind: Encoding, Where: where, Name: "description", Value: key, Raw: id3Raw(b[0], name)})
		}
		f := named(where, key, value)
		if f.Raw = id3Raw(b[0], rest); key == "" {
			f.Name = id
		}
		t.s.fact(f)
	case id == "COMM" || id == "COM" || id == "USLT" || id == "ULT" || id == "USER":
		if len(b) < 4 {
			return
		}
		rest := b[4:]
		if id != "USER" {
			var what []byte
			what, rest = id3Cut(b[0], rest)
			if v, _ := id3Text(b[0], what); v != "" {
				t.s.fact(Fact{Kind: Text, Where: where, Name: "description", Value: v, Raw: id3Raw(b[0], what)})
			}
		}
		v, _ := id3Text(b[0], rest)
		t.s.fact(Fact{Kind: Text, Where: where, Name: id, Value: v, Raw: id3Raw(b[0], rest)})
	case id[0] == 'T':
		for rest := b[1:]; len(rest) > 0; {
			var one []byte
			one, rest = id3Cut(b[0], rest)
			v, _ := id3Text(b[0], one)
			f := Fact{Kind: kind, Where: where, Name: id, Value: v, Raw: id3Raw(b[0], one)}
			if kind == Time {
				f.Zone = zoneIn(v)
			}
			if v != "" {
				t.s.fact(f)
			}
		}
	case id[0] == 'W':
		t.s.say(where, id, b)
	case id == "UFID" || id == "UFI" || id == "PRIV" || id == "POPM" || id == "POP":
		owner, rest, _ := bytes.Cut(b, []byte{0})
		k := Serial
		if id[0] == 'P' {
			k = Text
		}
		if id[:3] == "POP" {
			k = Person
		}
		t.s.say(where+"/owner", id, owner)
		if v, raw := decoded(rest); raw == nil && isPlain(rest) {
			t.s.fact(Fact{Kind: k, Where: where, Name: id, Value: v})
		} else if len(rest) > 0 {
			t.s.fact(Fact{Kind: k, Where: where, Name: id, Value: fmt.Sprintf("%x", rest[:min(len(rest), 64)]), Raw: rest})
			t.src.wordsOf(t.s, k, where, rest)
		}
		if bytes.HasPrefix(owner, []byte("XMP")) {
			t.src.markup(t.s, where, rest)
		}
	case id == "GEOB" || id == "GEO":
		mime, rest, _ := bytes.Cut(b[1:], []byte{0})
		t.s.say(where, "media type", mime)
		for _, name := range []string{"file name", "description"} {
			var v []byte
			v, rest = id3Cut(b[0], rest)
			if value, _ := id3Text(b[0], v); value != "" {
				t.s.fact(Fact{Kind: History, Where: where, Name: name, Value: value, Raw: id3Raw(b[0], v)})
			}
		}
		from := at + int64(len(b)-len(rest))
		if !t.src.embedded(t.s, where, from, int64(len(rest))) && len(rest) > 0 {
			if !t.src.wordsOf(t.s, Text, where, rest) {
				t.s.fact(Fact{Kind: Text, Where: where, Name: "object", Raw: rest})
			}
			t.s.gap(where, "unknown", int64(len(rest)))
		}
	case id == "CHAP" || id == "CTOC":
		name, rest, _ := bytes.Cut(b, []byte{0})
		t.s.say(where, "element id", name)
		if skip := 16; id == "CHAP" && len(rest) > skip {
			t.inner(where, rest[skip:])
		} else if id == "CTOC" {
			t.src.wordsOf(t.s, Text, where, rest)
		}
	case id == "MCDI" || id == "SYLT" || id == "SLT" || id == "OWNE" || id == "COMR" || id == "IPLS" || id == "IPL" || id == "ENCR" || id == "GRID":
		if b[0] == 1 || b[0] == 2 {
			value, _ := id3Text(b[0], b[1:])
			t.s.fact(Fact{Kind: Text, Where: where, Name: id, Value: value, Raw: b})
		}
		t.src.wordsOf(t.s, Text, where, b)
	case id == "PCNT" || id == "CNT" || id == "RVAD" || id == "RVA2" || id == "MLLT" || id == "SEEK" || id == "ASPI" || id == "ETCO" || id == "EQUA" || id == "RVRB" || id == "POSS":
	default:
		if !t.src.wordsOf(t.s, Text, where, b) {
			t.s.gap(where, "unknown", int64(len(b)))
		}
	}
}

// inner reads the frames of a chapter.
func (t *id3) inner(where string, b []byte) {
	sub := &id3{src: &source{in: bytes.NewReader(b), size: int64(len(b)), base: -1, depth: t.src.depth, work: t.src.work}, s: t.s, where: where, version: t.version}
	had := len(t.s.Previews)
	if strings.Count(where, "CHAP") > 3 || sub.frames(0, int64(len(b)), 0) != nil {
		t.s.gap(where, "broken", int64(len(b)))
	}
	t.s.Previews = t.s.Previews[:had]
}

// cover reads a picture: its type, what it is, words, the picture.
func (t *id3) cover(id, where string, b []byte, at int64) {
	if len(b) < 6 {
		return
	}
	rest := b[1:]
	mime := ""
	if id == "PIC" {
		mime = "image/" + strings.ToLower(string(rest[:3]))
		rest = rest[3:]
	} else {
		v, after, _ := bytes.Cut(rest, []byte{0})
		mime, rest = string(v), after
	}
	if len(rest) < 2 {
		return
	}
	words, picture := id3Cut(b[0], rest[1:])
	if v, _ := id3Text(b[0], words); v != "" {
		t.s.fact(Fact{Kind: Text, Where: where, Name: "description", Value: v, Raw: id3Raw(b[0], words)})
	}
	if mime == "-->" {
		t.s.say(where, "link", picture)
		return
	}
	t.src.picture(t.s, where, mime, at+int64(len(b)-len(picture)), int64(len(picture)))
}

// id3Cut cuts at the end of a text, which is two noughts in UTF-16.
func id3Cut(enc byte, b []byte) (first, rest []byte) {
	if enc == 1 || enc == 2 {
		for i := 0; i+1 < len(b); i += 2 {
			if b[i] == 0 && b[i+1] == 0 {
				return b[:i], b[i+2:]
			}
		}
		return b, nil
	}
	first, rest, _ = bytes.Cut(b, []byte{0})
	return first, rest
}

func id3Text(enc byte, b []byte) (string, bool) {
	switch enc {
	case 1:
		if len(b) >= 2 && b[0] == 0xfe && b[1] == 0xff {
			return utf16Of(b[2:], binary.BigEndian), true
		}
		return utf16Of(bytes.TrimPrefix(b, []byte("\xff\xfe")), binary.LittleEndian), true
	case 2:
		return utf16Of(b, binary.BigEndian), true
	case 3:
		return strings.TrimRight(string(b), "\x00"), true
	}
	v, raw := decoded(b) // many write UTF-8 and say Latin-1
	return v, raw == nil
}

// id3Raw is the text as it stands, where it is not UTF-8.
func id3Raw(enc byte, b []byte) []byte {
	if enc == 1 || enc == 2 {
		return bytes.Clone(b)
	}
	_, raw := decoded(b)
	return raw
}
