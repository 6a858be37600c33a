package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// riffFile is the reading of a RIFF file: AVI, WAV and its kin for large files.
type riffFile struct {
	src    *source
	s      *Sheet
	form   string
	chunks int
	movi   int // frames looked at
	kinds  []string
	long   int64 // of ds64
}

// readRIFF reads AVI (with OpenDML's further RIFFs), WAV, RF64 and BW64.
func readRIFF(src *source, s *Sheet) error {
	r := &riffFile{src: src, s: s}
	for at := int64(0); at < src.size; {
		if src.size-at < 12 {
			return src.remains(s, Leftover, stretch("trailer", at, src.size-at), at, src.size-at)
		}
		h, err := src.bytes(at, 12)
		if err != nil {
			return err
		}
		name := string(h[:4])
		if name != "RIFF" && name != "RF64" && name != "BW64" {
			return r.trailer(at)
		}
		n := int64(binary.LittleEndian.Uint32(h[4:]))
		if n == 1<<32-1 && name != "RIFF" {
			if n, err = r.ds64(at + 12); err != nil {
				return err
			}
		}
		r.form = strings.TrimSpace(string(h[8:12]))
		end := at + 8 + n
		if end > src.size {
			s.gap(r.form, "broken", end-src.size)
			end = src.size
		}
		if end < at+12 {
			return r.trailer(at)
		}
		if err := r.walk(r.form, at+12, end, 0); err != nil {
			return err
		}
		if at = end + n&1; at == src.size-1 {
			at = end
		}
	}
	return nil
}

// ds64 finds the true length that RF64 keeps in a chunk (EBU Tech 3306).
func (r *riffFile) ds64(at int64) (int64, error) {
	h, err := r.src.bytes(at, min(24, r.src.size-at))
	if err != nil {
		return 0, err
	}
	if len(h) == 24 && string(h[:4]) == "ds64" {
		r.long = int64(binary.LittleEndian.Uint64(h[16:]) & (1<<62 - 1))
		return int64(binary.LittleEndian.Uint64(h[8:]) & (1<<62 - 1)), nil
	}
	return r.src.size - 8, nil
}

// trailer reads what stands behind the RIFF: cameras hang further chunks or
// lists there, Kenwood a drive.
func (r *riffFile) trailer(at int64) error {
	where := stretch("trailer", at, r.src.size-at)
	return r.src.remains(r.s, Leftover, where, at, r.src.size-at)
}

func (r *riffFile) walk(where string, from, to int64, depth int) error {
	if depth > maxDepth {
		r.s.gap(where, "too_deep", to-from)
		return nil
	}
	for at := from; at < to; {
		if r.chunks++; r.chunks > 50*maxBoxes {
			r.s.gap(where, "too_many", to-at)
			return nil
		}
		if to-at < 8 {
			return r.src.remains(r.s, Leftover, stretch(where+"/after", at, to-at), at, to-at)
		}
		h, err := r.src.bytes(at, min(12, to-at))
		if err != nil {
			return err
		}
		id, n := string(h[:4]), int64(binary.LittleEndian.Uint32(h[4:]))
		if !isPlain([]byte(id)) {
			return r.src.remains(r.s, Leftover, stretch(where+"/after", at, to-at), at, to-at)
		}
		body := at + 8
		if id == "data" && n == 1<<32-1 && r.long > 0 {
			n = r.long
		}
		if n > to-body {
			r.s.gap(where+"/"+id, "broken", n-(to-body))
			n = to - body
		}
		road := where + "/" + strings.TrimSpace(id)
		if id == "LIST" && n >= 4 {
			kind := strings.TrimSpace(string(h[8:min(12, len(h))]))
			err = r.walk(where+"/"+kind, body+4, body+n, depth+1)
		} else {
			err = r.chunk(where, road, id, body, n)
		}
		if err != nil {
			return err
		}
		at = body + n + n&1
	}
	return nil
}

// riffNames are RIFF's own fields whose names do not say what they are.
var riffNames = map[string]Kind{
	"IART": Person, "IENG": Person, "ICMS": Person, "ITCH": Person, "ICOP": Person, "IWRI": Person, "IPRO": Person, "ISTR": Person, "IOWN": Person, "ICRD": Time, "IDIT": Time, "DTIM": Time, "TLEN": Encoding,
	"ISFT": Software, "ISRC": Device, "ISRF": Device, "IMED": Device, "ICAM": Device, "IMAK": Device, "IMOD": Device, "ILOC": Place, "ICNT": Place, "ISMP": Time, "ITCO": Software, "strn": Encoding, "IARL": Place, "ICNM": Person,
}

func (r *riffFile) chunk(where, road, id string, at, n int64) error {
	list := where[strings.LastIndexByte(where, '/')+1:]
	switch {
	case n == 0:
		return nil
	case list == "movi" || list == "rec":
		return r.frame(road, id, at, n)
	case id == "data" && r.form == "WAVE":
		return nil
	case id == "idx1" || id == "fmt " || id == "avih" || id == "fact" || id == "indx" || id == "ds64" || id == "dmlh" || id == "cue " || id == "smpl" || id == "inst" || id == "PEAK" || id == "vprp" || id == "acid":
		return nil
	case id == "id3 " || id == "ID3 ":
		_, err := id3v2(r.src, r.s, road, at, n)
		return err
	}
	if n > maxPart {
		r.s.gap(road, "too_large", n)
		return r.src.remains(r.s, Leftover, road, at, n)
	}
	if id == "JUNK" || id == "PAD " || id == "FLLR" || id == "JUNQ" || id == "free" {
		return r.src.remains(r.s, Leftover, stretch(road, at, n), at, n)
	}
	b, err := r.src.bytes(at, n)
	if err != nil {
		return err
	}
	switch {
	case list == "INFO" || list == "exif" || list == "adtl" && len(b) > 4 || id == "IDIT" || id == "strn" || id == "ISMP" || id == "DISP" && len(b) > 4:
		if list == "adtl" || id == "DISP" {
			b = b[4:]
		}
		f := named(road, id, "")
		if kind, ok := riffNames[id]; ok {
			f.Kind = kind
		} else {
			f.Kind = Text
		}
		f.Value, f.Raw = decoded(b)
		if f.Zone = ""; f.Kind == Time {
			f.Zone = zoneIn(f.Value)
		}
		if i := bytes.IndexByte(b, 0); f.Raw == nil && i >= 0 && len(bytes.Trim(b[i:], "\x00")) > 0 {
			r.src.wordsOf(r.s, f.Kind, road, b)
		} else {
			r.s.fact(f)
		}
	case id == "strh":
		if len(b) >= 8 {
			r.kinds = append(r.kinds, string(b[:8]))
			r.s.say(road, "handler", b[4:8])
			if n := len(r.s.Facts); n > 0 && r.s.Facts[n-1].Where == road {
				r.s.Facts[n-1].Kind = Encoding
			}
		}
	case id == "strf":
		r.src.wordsOf(r.s, Encoding, road, b[min(len(b), 20):])
	case id == "bext":
		r.bext(road, b)
	case id == "cart":
		r.cart(road, b)
	case id == "iXML" || id == "axml" || id == "_PMX" || id == "XMP ":
		r.src.markup(r.s, road, b)
	case id == "gps0" || id == "gsen" || id == "gps " || id == "udat":
		f := &film{src: r.src, s: r.s}
		if !f.dashcam(box{kind: id, where: road}, b) {
			r.s.gap(road, "unknown", n)
			r.src.wordsOf(r.s, Text, road, b)
		}
	case bytes.HasPrefix(b, []byte("\xff\xd8\xff")):
		r.src.picture(r.s, road, "image/jpeg", at, n)
	default:
		if id != "strd" && id != "afsp" {
			r.s.gap(road, "unknown", n)
		}
		if i := bytes.Index(b, []byte("II*\x00")); i >= 0 && i < 64 {
			r.src.embedded(r.s, road, at+int64(i), n-int64(i))
		}
		return r.src.remains(r.s, Text, road, at, n)
	}
	return nil
}

// frame looks into the first frames of an AVI: messages among H.264's units,
// and streams of text that dashcams write.
func (r *riffFile) frame(road, id string, at, n int64) error {
	if id == "JUNK" || strings.HasPrefix(id, "ix") {
		if id == "JUNK" {
			return r.src.remains(r.s, Leftover, stretch(road, at, n), at, n)
		}
		return nil
	}
	switch id[2:] {
	case "dc", "db", "iv":
		if r.movi++; r.movi > 600 || n > maxPart {
			if r.movi == 601 {
				r.s.gap("AVI/movi/SEI", "too_many", 0)
			}
			return nil
		}
		b, err := r.src.bytes(at, min(n, 1<<20))
		if err != nil {
			return err
		}
		r.src.startCodes(r.s, "AVI/movi/SEI", b, false, -1)
		r.src.userData(r.s, "AVI/movi/user_data", b)
		if r.movi == 1 && len(b) > 4 && !bytes.HasPrefix(b, []byte("\x00\x00")) { // MJPEG, MPEG-4: names in the first frame
			r.src.wordsOf(r.s, Encoding, road, b[:min(len(b), 512)])
		}
	case "tx", "sb", "gp", "st":
		if n > maxMessage {
			r.s.gap(road, "too_large", n)
			return nil
		}
		b, err := r.src.bytes(at, n)
		if err != nil {
			return err
		}
		if !r.src.written(r.s, road, "subtitle", b, -1) && r.movi < maxCues {
			r.src.wordsOf(r.s, Text, road, b)
		}
	case "wb", "__", "pc":
	default:
		if r.src.once(Fact{Where: road, Name: "stream"}) {
			r.s.gap(road, "unknown", n)
		}
		return r.src.remains(r.s, Text, road, at, min(n, maxMessage))
	}
	return nil
}

// bext reads the broadcast extension (EBU Tech 3285).
func (r *riffFile) bext(road string, b []byte) {
	cut := func(at, n int) []byte {
		if at >= len(b) {
			return nil
		}
		v, _, _ := bytes.Cut(b[at:min(len(b), at+n)], []byte{0})
		return v
	}
	for _, p := range []struct {
		kind  Kind
		name  string
		at, n int
	}{{Text, "Description", 0, 256}, {Person, "Originator", 256, 32}, {Serial, "OriginatorReference", 288, 32}, {Time, "OriginationDate", 320, 10}, {Time, "OriginationTime", 330, 8}} {
		f := Fact{Kind: p.kind, Where: road, Name: p.name}
		if f.Value, f.Raw = decoded(cut(p.at, p.n)); p.kind == Time {
			f.Zone = "local"
		}
		r.s.fact(f)
		// what stands behind the end of a short text
		if end := p.at + p.n; end <= len(b) {
			r.src.wordsOf(r.s, Leftover, road+"/"+p.name, b[min(p.at+len(cut(p.at, p.n)), end):end])
		}
	}
	if len(b) >= 412 && !bytes.Equal(b[348:412], make([]byte, 64)) {
		r.s.fact(Fact{Kind: Serial, Where: road, Name: "UMID", Value: fmt.Sprintf("%x", b[348:412]), Raw: b[348:412]})
	}
	if len(b) > 412 {
		r.src.wordsOf(r.s, History, road+"/CodingHistory", b[412:])
	}
}

// cart reads the radio's cart chunk (AES46).
func (r *riffFile) cart(road string, b []byte) {
	names := []struct {
		kind Kind
		name string
		n    int
	}{{Encoding, "Version", 4}, {Text, "Title", 64}, {Person, "Artist", 64}, {Serial, "CutID", 64}, {Serial, "ClientID", 64}, {Text, "Category", 64}, {Text, "Classification", 64}, {Text, "OutCue", 64},
		{Time, "StartDate", 10}, {Time, "StartTime", 8}, {Time, "EndDate", 10}, {Time, "EndTime", 8}, {Software, "ProducerAppID", 64}, {Software, "ProducerAppVersion", 64}, {Person, "UserDef", 64}}
	for _, p := range names {
		if len(b) < p.n {
			break
		}
		v, rest, _ := bytes.Cut(b[:p.n], []byte{0})
		f := Fact{Kind: p.kind, Where: road, Name: p.name}
		if f.Value, f.Raw = decoded(v); p.kind == Time {
			f.Zone = "local"
		}
		r.s.fact(f)
		r.src.wordsOf(r.s, Leftover, road+"/"+p.name, rest)
		b = b[p.n:]
	}
	r.src.wordsOf(r.s, Text, road, b)
}
