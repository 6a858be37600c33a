package trace

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// gpmf reads GoPro's key-length-value records (the gpmf-parser's own
// documentation, github.com/gopro/gpmf-parser): four letters, a type, the size
// of an element, how many; padded to four bytes; type 0 holds records.
func gpmf(src *source, s *Sheet, where string, b []byte, at, to int64) {
	g := &gopromf{src: src, s: s, at: at, to: to}
	g.read(where, b, 0)
}

type gopromf struct {
	src    *source
	s      *Sheet
	at, to int64 // the sample's time in the film

	scale   []float64
	complex string // the types of a record of type '?'
	time    string
}

// goproKinds are fields that name a device or a file; other text is Text.
var goproKinds = map[string]Fact{
	"DVNM": {Kind: Device, Name: "DVNM device name"}, "MINF": {Kind: Device, Name: "MINF model"}, "CASN": {Kind: Serial, Name: "CASN camera serial"},
	"LINF": {Kind: Serial, Name: "LINF lens serial"}, "CINF": {Kind: Serial, Name: "CINF"}, "MUID": {Kind: Serial, Name: "MUID media unique id"},
	"GUMI": {Kind: Serial, Name: "GUMI"}, "FMWR": {Kind: Software, Name: "FMWR firmware"}, "FWVS": {Kind: Software, Name: "FWVS firmware"},
	"RMRK": {Kind: Text, Name: "RMRK"}, "STNM": {Kind: Encoding, Name: "STNM stream name"}, "CDAT": {Kind: Time, Name: "CDAT"},
}

func (g *gopromf) read(where string, b []byte, depth int) {
	if depth > maxDepth {
		g.s.gap(where, "too_deep", int64(len(b)))
		return
	}
	g.scale, g.complex = nil, ""
	for len(b) >= 8 {
		key, kind, size, count := string(b[:4]), b[4], int(b[5]), int(be.Uint16(b[6:]))
		n := size * count
		if key == "\x00\x00\x00\x00" {
			return
		}
		if 8+n > len(b) {
			g.s.gap(where, "broken", int64(len(b)))
			return
		}
		body := b[8 : 8+n]
		road := where
		if isPlain([]byte(key)) {
			road += "/" + key
		}
		if kind == 0 {
			g.read(road, body, depth+1)
			g.scale, g.complex = nil, ""
		} else {
			g.field(road, key, kind, size, count, body)
		}
		b = b[min(len(b), 8+(n+3)&^3):]
	}
}

func (g *gopromf) field(where, key string, kind byte, size, count int, body []byte) {
	switch key {
	case "SCAL":
		g.scale = nil
		for i := range min(count, 64) {
			if v, ok := goproNumber(kind, body[i*size:(i+1)*size]); ok {
				g.scale = append(g.scale, v)
			}
		}
		return
	case "TYPE":
		g.complex = string(body)
		return
	case "GPSU", "GPS5", "GPS9", "GPRI", "GLPI":
		g.places(where, key, kind, size, count, body)
		return
	case "FACE":
		f := Fact{Kind: Encoding, Where: where, Name: "FACE", Value: "FACE"} // the camera looked for faces; what it found is not used
		if g.src.once(f) {
			g.s.fact(f)
		}
		return
	}
	f := goproKinds[key]
	switch {
	case kind == 'c' || kind == 'F' && f.Kind != "":
		v, raw := decoded(body)
		f.Value, f.Raw = v, raw
		if raw != nil {
			f.Value = latin(body)
		}
		if f.Kind == "" {
			f.Kind, f.Name = Text, key
			if key == "UNIT" || key == "SIUN" || len(v) < 3 {
				f.Kind = Encoding
			}
		}
	case kind == 'U':
		f = Fact{Kind: Time, Name: key, Value: string(body), Zone: "utc"}
	case f.Kind == Serial || key == "DVID":
		f.Kind, f.Raw = Serial, body
		f.Value = fmt.Sprintf("%x", body)
		if f.Name == "" {
			f.Kind, f.Name = Encoding, key
		}
	default:
		return // a sensor's numbers
	}
	f.Where = where
	if len(body) > 0 && g.src.once(f) {
		g.s.fact(f)
	}
}

func (g *gopromf) places(where, key string, kind byte, size, count int, body []byte) {
	if key == "GPSU" { // yymmddhhmmss.sss
		v := string(body)
		if len(v) >= 12 && digits(body[:12]) {
			g.time = utc(clock(2000+whole10(v[:2]), whole10(v[2:4]), whole10(v[4:6]), whole10(v[6:8]), whole10(v[8:10]), parsed(strings.TrimRight(v[10:], "\x00"))))
			f := Fact{Kind: Time, Where: where, Name: key, Value: strings.TrimRight(v, "\x00"), Zone: "utc"}
			if g.src.once(f) {
				g.s.fact(f)
			}
		}
		return
	}
	types := g.complex
	if kind != '?' {
		types = strings.Repeat(string(kind), size/max(goproSize[kind], 1))
	}
	if len(g.scale) == 0 {
		g.s.gap(where, "unknown", int64(len(body)))
		return
	}
	for i := range count {
		v := g.row(types, body[i*size:(i+1)*size])
		if v == nil {
			g.s.gap(where, "broken", int64(len(body)))
			return
		}
		f := Fix{Source: "gpmd", At: g.at, Time: g.time}
		if g.at >= 0 {
			f.At += (g.to - g.at) * int64(i) / int64(count)
		}
		from := 0
		switch {
		case (key == "GPS5" || key == "GPS9") && len(v) >= 5:
			f.Latitude, f.Longitude, f.Altitude, f.Speed = v[0], v[1], v[2], v[3]
			if key == "GPS9" && len(v) >= 7 && v[5] >= 0 && v[5] < 100_000 && v[6] >= 0 && v[6] < 90_000 {
				f.Time = stamp(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(v[5])*24*time.Hour + time.Duration(v[6]*1000)*time.Millisecond))
			}
		case (key == "GPRI" || key == "GLPI") && len(v) >= 4:
			f.Latitude, f.Longitude, f.Altitude, from = v[1], v[2], v[3], goproSize[types[0]]
		default:
			g.s.gap(where, "unknown", int64(len(body)))
			return
		}
		raw := body[i*size+from : min((i+1)*size, i*size+from+8)]
		g.s.position(where, f, "", raw)
	}
}

// row reads the numbers of one record, scaled.
func (g *gopromf) row(types string, b []byte) []float64 {
	var out []float64
	for i := range len(types) {
		n := goproSize[types[i]]
		if n == 0 || n > len(b) {
			return nil
		}
		v, ok := goproNumber(types[i], b[:n])
		if !ok {
			v = math.NaN()
		}
		d := g.scale[i%len(g.scale)]
		if d == 0 {
			return nil
		}
		out = append(out, v/d)
		b = b[n:]
	}
	return out
}

var goproSize = map[byte]int{'b': 1, 'B': 1, 'c': 1, 's': 2, 'S': 2, 'l': 4, 'L': 4, 'f': 4, 'd': 8, 'j': 8, 'J': 8, 'q': 4, 'Q': 8, 'F': 4}

func goproNumber(kind byte, b []byte) (float64, bool) {
	if len(b) < goproSize[kind] || len(b) == 0 {
		return 0, false
	}
	switch kind {
	case 'b':
		return float64(int8(b[0])), true
	case 'B':
		return float64(b[0]), true
	case 's':
		return float64(int16(be.Uint16(b))), true
	case 'S':
		return float64(be.Uint16(b)), true
	case 'l':
		return float64(int32(be.Uint32(b))), true
	case 'L':
		return float64(be.Uint32(b)), true
	case 'f':
		return float64(math.Float32frombits(be.Uint32(b))), true
	case 'd':
		return math.Float64frombits(be.Uint64(b)), true
	case 'j':
		return float64(int64(be.Uint64(b))), true
	case 'J':
		return float64(be.Uint64(b)), true
	case 'q':
		return float64(int32(be.Uint32(b))) / (1 << 16), true
	case 'Q':
		return float64(int64(be.Uint64(b))) / (1 << 32), true
	}
	return 0, false
}
