package trace

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
)

// mobile are the fields of 3GPP TS 26.244: version and flags, a language, text.
var mobile = map[string]string{"titl": "title", "dscp": "description", "cprt": "copyright", "perf": "performer", "auth": "author", "gnre": "genre", "albm": "album"}

// gopro are the fields that GoPro puts in udta.
var gopro = map[string]Fact{
	"FIRM": {Kind: Software, Name: "FIRM firmware"}, "LENS": {Kind: Serial, Name: "LENS lens serial"}, "CAME": {Kind: Serial, Name: "CAME camera serial"},
	"MUID": {Kind: Serial, Name: "MUID media unique id"}, "GUMI": {Kind: Serial, Name: "GUMI"}, "BCID": {Kind: Serial, Name: "BCID"},
}

// udta reads one item of the user data, QuickTime's and every maker's own.
func (f *film) udta(b box, depth int, t *track) error {
	n := b.to - b.from
	if n <= 0 {
		return nil
	}
	if n > maxPart {
		return f.record(b)
	}
	body, err := f.src.bytes(b.from, n)
	if err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(b.kind, "©"):
		f.spoken(b, body)
	case mobile[b.kind] != "" && n > 6:
		v, raw := decoded(body[6:])
		fact := named(b.where, mobile[b.kind], v)
		fact.Raw = raw
		f.s.fact(fact)
	case b.kind == "loci" && n > 20:
		f.loci(b, body)
	case b.kind == "chpl" && n > 9:
		f.chapters(b, body)
	case b.kind == "GPMF":
		gpmf(f.src, f.s, b.where, body, -1, 0)
	case gopro[b.kind].Kind != "":
		fact := gopro[b.kind]
		fact.Where, fact.Value = b.where, strings.TrimRight(string(body), "\x00")
		if !isPlain(body) {
			fact.Value, fact.Raw = fmt.Sprintf("%x", body), body
		}
		f.s.fact(fact)
	case b.kind == "XMP_":
		f.src.markup(f.s, b.where, body)
	case b.kind == "thum" && n > 8 && int64(be.Uint32(body))+4 <= n:
		f.src.picture(f.s, b.where, "image/jpeg", b.from+4, int64(be.Uint32(body)))
	case b.kind == "ptnm" && n > 5:
		f.s.fact(Fact{Kind: History, Where: b.where, Name: "original file name", Value: strings.Trim(string(body[4:]), "\x00")})
	case b.kind == "sttm" && n >= 8:
		v := be.Uint64(body)
		f.s.fact(Fact{Kind: Time, Where: b.where, Name: "start time", Value: stamp(time.UnixMilli(int64(min(v, 1<<43)))), Zone: "utc", Raw: body[:8]})
	case b.kind == "IDIT":
		v := strings.TrimSpace(strings.TrimRight(string(body), "\x00"))
		f.s.fact(Fact{Kind: Time, Where: b.where, Name: "IDIT", Value: v, Zone: zoneIn(v)})
	case b.kind == "name":
		f.s.say(b.where, "track name", body)
	case b.kind == "uuid":
		return f.uuid(b)
	case b.kind == "meta" || b.kind == "ptrh":
		return f.walk(b.where, b.kind, b.from, b.to, depth+1, t)
	default:
		return f.record(b)
	}
	return nil
}

// spoken reads QuickTime's international text: pieces of a length, a language
// and the words. Some writers leave the lengths out.
func (f *film) spoken(b box, body []byte) {
	rest := body
	found := false
	for len(rest) >= 4 {
		n := int(be.Uint16(rest))
		if n == 0 || n > len(rest)-4 {
			break
		}
		f.said(b, rest[4:4+n])
		found = true
		rest = rest[4+n:]
	}
	switch {
	case !found && len(body) > 16 && string(body[4:8]) == "data":
		f.said(b, body[16:])
	case !found:
		f.src.wordsOf(f.s, kindOf(b.kind), b.where, body)
	case len(bytes.Trim(rest, "\x00")) > 0:
		f.src.wordsOf(f.s, Text, b.where, rest)
	}
}

func (f *film) said(b box, words []byte) {
	f.s.say(b.where, b.kind, words)
	if b.kind == "©xyz" {
		if p, ok := point(string(words)); ok {
			p.Source = b.kind
			f.s.position(b.where, p, strings.TrimRight(string(words), "\x00"), nil)
		}
	}
	if b.kind == "©gps" || b.kind == "©GPS" {
		f.s.sentences(b.where, b.kind, words, -1)
	}
}

// loci reads 3GPP's place: a name, a role, 16.16 degrees and metres, the body
// on which it lies, notes.
func (f *film) loci(b box, body []byte) {
	rest := body[6:]
	word := func() string {
		order := be.Uint16([]byte("\xfe\xff"))
		if len(rest) >= 2 && be.Uint16(rest) == order {
			for i := 2; i+1 < len(rest); i += 2 {
				if rest[i] == 0 && rest[i+1] == 0 {
					v := utf16Of(rest[2:i], be)
					rest = rest[i+2:]
					return v
				}
			}
		}
		v, after, _ := bytes.Cut(rest, []byte{0})
		rest = after
		return string(v)
	}
	f.s.fact(Fact{Kind: Place, Where: b.where, Name: "name", Value: word()})
	if len(rest) < 13 {
		f.s.gap(b.where, "broken", b.n)
		return
	}
	num := func(at int) float64 { return float64(int32(be.Uint32(rest[at:]))) / 65536 }
	p := Fix{At: -1, Source: "loci", Longitude: num(1), Latitude: num(5), Altitude: num(9)}
	f.s.position(b.where, p, "", rest[1:13])
	rest = rest[13:]
	f.s.fact(Fact{Kind: Place, Where: b.where, Name: "astronomical body", Value: word()})
	f.s.fact(Fact{Kind: Place, Where: b.where, Name: "additional notes", Value: word()})
}

// chapters reads Nero's list.
func (f *film) chapters(b box, body []byte) {
	at := 5
	if body[0] == 0 {
		at = 4
	}
	if body[0] == 1 {
		at = 8
	}
	if at >= len(body) {
		return
	}
	count := int(body[at])
	at++
	for range count {
		if at+9 > len(body) || at+9+int(body[at+8]) > len(body) {
			f.s.gap(b.where, "broken", int64(len(body)-at))
			return
		}
		n := int(body[at+8])
		v, raw := decoded(body[at+9 : at+9+n])
		f.s.fact(Fact{Kind: Text, Where: b.where, Name: "chapter", Value: v, Raw: raw})
		at += 9 + n
	}
}

// meta is a box with version and flags in ISO files and without in QuickTime's.
func (f *film) meta(b box, depth int, t *track) error {
	h, err := f.src.bytes(b.from, min(8, b.to-b.from))
	if err != nil {
		return err
	}
	if len(h) == 8 && be.Uint32(h) == 0 {
		b.from += 4
	}
	old := f.keys
	f.keys = nil
	err = f.walk(b.where, b.kind, b.from, b.to, depth+1, t)
	f.keys = old
	return err
}

// keys reads the names that the numbers of an ilst stand for.
func keys(f *film, b box, _ *track, body []byte) {
	for at := 8; at+8 <= len(body); {
		n := int(be.Uint32(body[at:]))
		if n < 8 || at+n > len(body) || len(f.keys) > 10_000 {
			f.s.gap(b.where, "broken", int64(len(body)-at))
			return
		}
		f.keys = append(f.keys, clip(string(body[at+8:at+n])))
		at += n
	}
}

// ilst reads iTunes' and QuickTime's list of fields.
func (f *film) ilst(b box, depth int) error {
	if b.to-b.from > 4*maxPart {
		f.s.gap(b.where, "too_large", b.n)
		return nil
	}
	for at := b.from; at < b.to; {
		item, ok, err := f.box(at, b.to, b.where, "ilst")
		if err != nil {
			return err
		}
		if f.boxes++; !ok || f.boxes > maxBoxes {
			return f.after(b.where, at, b.to)
		}
		if err := f.item(item); err != nil {
			return err
		}
		at += item.n
	}
	return nil
}

func (f *film) item(item box) error {
	name := item.kind
	if strings.HasPrefix(name, "#") {
		var i int
		if _, err := fmt.Sscanf(name, "#%d", &i); err == nil && i >= 1 && i <= len(f.keys) {
			name = f.keys[i-1]
			item.where = strings.TrimSuffix(item.where, item.kind) + name
		}
	}
	for at := item.from; at < item.to; {
		in, ok, err := f.box(at, item.to, item.where, item.kind)
		if err != nil {
			return err
		}
		if !ok {
			return f.after(item.where, at, item.to)
		}
		switch n := in.to - in.from; {
		case in.kind == "data" && n >= 8:
			if err := f.data(in, name); err != nil {
				return err
			}
		case (in.kind == "mean" || in.kind == "name") && n > 4 && n < 4096:
			v, err := f.src.bytes(in.from+4, n-4)
			if err != nil {
				return err
			}
			if in.kind == "name" {
				name = clip(string(v))
				f.s.fact(Fact{Kind: Encoding, Where: in.where, Name: "name", Value: name})
			} else if string(v) != "com.apple.iTunes" {
				f.s.fact(Fact{Kind: Encoding, Where: in.where, Name: "mean", Value: string(v)})
			}
		default:
			if err := f.record(in); err != nil {
				return err
			}
		}
		at += in.n
	}
	return nil
}

// data reads one value: its type (ISO well-known types, of QuickTime's file format), a language, the value.
func (f *film) data(in box, name string) error {
	h, err := f.src.bytes(in.from, 8)
	if err != nil {
		return err
	}
	kind, at, n := be.Uint32(h)&0xffffff, in.from+8, in.to-in.from-8
	if n > maxPart {
		if kind == 13 || kind == 14 || kind == 27 || name == "covr" {
			f.src.picture(f.s, in.where, "", at, n)
			return nil
		}
		f.s.gap(in.where, "too_large", n)
		return f.src.remains(f.s, Text, in.where, at, n)
	}
	body, err := f.src.bytes(at, n)
	if err != nil {
		return err
	}
	switch {
	case kind == 13 || kind == 14 || kind == 27 || name == "covr":
		f.src.picture(f.s, in.where, map[uint32]string{13: "image/jpeg", 14: "image/png", 27: "image/bmp"}[kind], at, n)
	case kind == 1 || kind == 4 || kind == 0 && isPlain(body):
		f.s.say(in.where, name, body)
		if p, ok := point(string(body)); ok && kindOf(name) == Place {
			p.Source = name
			f.s.position(in.where, p, strings.TrimSpace(string(body)), nil)
		}
		if strings.HasPrefix(strings.TrimSpace(string(body)), "<") {
			f.src.markup(f.s, in.where, body)
		}
	case kind == 2 || kind == 5:
		fact := named(in.where, name, utf16Of(body, binary.BigEndian))
		fact.Raw = body
		f.s.fact(fact)
	case (kind == 21 || kind == 22 || kind >= 65 && kind <= 78 || kind == 0) && n <= 8:
		var v int64
		for _, c := range body {
			v = v<<8 | int64(c)
		}
		if shift := 64 - 8*n; n > 0 && kind != 22 && kind < 75 {
			v = v << shift >> shift
		}
		fact := named(in.where, name, fmt.Sprint(v))
		fact.Raw = body
		if n > 0 {
			f.s.fact(fact)
		}
	case kind == 23 && n == 4:
		fact := named(in.where, name, decimal(float64(math.Float32frombits(be.Uint32(body)))))
		fact.Raw = body
		f.s.fact(fact)
	case kind == 24 && n == 8:
		fact := named(in.where, name, decimal(math.Float64frombits(be.Uint64(body))))
		fact.Raw = body
		f.s.fact(fact)
	default:
		if !f.src.wordsOf(f.s, kindOf(name), in.where, body) && n > 0 {
			f.s.fact(Fact{Kind: kindOf(name), Where: in.where, Name: name, Raw: body})
		}
	}
	return nil
}

// jsonPlaces finds pairs of latitude and longitude in a JSON text of any
// shape; what it knows no names for is kept as words by its caller.
func jsonPlaces(s *Sheet, where, source string, b, raw []byte) bool {
	var v any
	if json.Unmarshal(b, &v) != nil {
		return false
	}
	found := false
	var look func(v any, depth int)
	look = func(v any, depth int) {
		if depth > maxDepth {
			return
		}
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				look(e, depth+1)
			}
		case map[string]any:
			var f Fix
			var lat, lon bool
			for k, e := range v {
				n, isNumber := e.(float64)
				if t, ok := e.(string); ok {
					n, isNumber = parsed(t), !math.IsNaN(parsed(t))
				}
				switch k = strings.ToLower(k); {
				case isNumber && (k == "lat" || k == "latitude"):
					f.Latitude, lat = n, true
				case isNumber && (k == "lon" || k == "lng" || k == "longitude"):
					f.Longitude, lon = n, true
				case isNumber && (k == "alt" || k == "altitude"):
					f.Altitude = n
				}
				look(e, depth+1)
			}
			if f.At, f.Source = -1, source; lat && lon {
				found = s.position(where, f, "", raw) || found
			}
		}
	}
	look(v, 0)
	return found
}

// unBase64 opens base64 text, nil where it is none.
func unBase64(b []byte) []byte {
	b = bytes.TrimSpace(bytes.TrimRight(b, "\x00"))
	out := make([]byte, base64.StdEncoding.DecodedLen(len(b)))
	n, err := base64.StdEncoding.Decode(out, b)
	if err != nil || n < 8 {
		return nil
	}
	return out[:n]
}
