package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"
)

// timed reads the samples of a track that is neither picture nor sound: lines
// of text, positions, a camera's records. Source of the layouts: the makers'
// specifications where there are any (Google's camm, Apple's timed metadata,
// Parrot's pdraw), else ExifTool's list of QuickTime stream tags.
func (f *film) timed(t *track, where string) error {
	format := ""
	if len(t.formats) > 0 {
		format = t.formats[0]
	}
	if t.handler == "hint" || t.handler == "auxv" || t.handler == "pict" || t.handler == "" && format == "" {
		return nil
	}
	var failed error
	bytesRead, count, read := int64(0), 0, 0
	before := len(f.s.Track) + len(f.s.Facts)
	walk := t.samples(func(p sample) bool {
		if count++; count > maxRecords || bytesRead > maxScan || p.n > maxPart {
			f.s.gap(where, "too_many", 0)
			return false
		}
		if p.n == 0 {
			return true
		}
		b, err := f.src.bytes(p.at, p.n)
		if err == errShort {
			f.s.gap(where, "broken", p.n)
			return false
		}
		if failed = err; err != nil {
			return false
		}
		bytesRead += p.n
		if f.line(t, format, where, p, b) {
			read++
		}
		return true
	}, nil)
	if failed != nil {
		return failed
	}
	if walk != nil && walk != errShort {
		return walk
	}
	if count > 0 && read == 0 && len(f.s.Track)+len(f.s.Facts) == before {
		f.s.gap(where, "unknown", bytesRead)
	} else if count > 0 && read == 0 {
		f.s.gap(where, "unknown", bytesRead) // words were found, but not what they belong to
	}
	return nil
}

// line reads one sample and says whether it knew the format.
func (f *film) line(t *track, format, where string, p sample, b []byte) bool {
	switch format {
	case "mebx":
		return f.mebx(t, where, p, b)
	case "gpmd":
		return f.gpmd(where, p, b)
	case "camm":
		return f.camm(where, p, b)
	case "rtmd":
		return f.rtmd(where, p, b)
	case "mett":
		return f.mett(t, where, p, b)
	case "CTMD":
		return f.ctmd(where, p, b)
	case "RVMI":
		return f.rvmi(where, p, b)
	case "fdsc":
		return f.fdsc(where, b)
	case "tmcd":
		if len(b) == 4 {
			v := be.Uint32(b)
			f.s.fact(Fact{Kind: Time, Where: where, Name: "time code of the first frame", Value: fmt.Sprint(v), Zone: "local", Raw: b})
			return true
		}
		return false
	}
	switch t.handler {
	case "text", "sbtl", "subt", "clcp":
		return f.cue(format, where, p, b)
	}
	// ssmd, djmd, dbgi, marl and whatever else: the words in it, and a gap
	switch {
	case bytes.Contains(b[:min(len(b), 16)], []byte("freeGPS ")):
		f.src.freeGPS(f.s, where, b, p.time)
		return true
	case f.src.written(f.s, where, strings.TrimSpace(format), b, p.time):
		return true
	}
	if p.i < maxCues {
		f.src.wordsOf(f.s, Text, where, b)
	}
	return false
}

// cue reads a line of subtitles, a chapter's name, or what dashcams write in their place.
func (f *film) cue(format, where string, p sample, b []byte) bool {
	body := b
	switch {
	case format == "wvtt":
		return f.webVTT(where, p, b)
	case format == "c608" || format == "c708":
		f.src.wordsOf(f.s, Text, where, b)
		return false
	case format == "stpp" || bytes.HasPrefix(bytes.TrimSpace(b), []byte("<?xml")):
		f.src.markup(f.s, where, b)
		return true
	case bytes.Contains(b[:min(len(b), 8)], []byte("PNDM")), len(b) > 8 && (bytes.HasPrefix(b[2:], scrambled[0]) || bytes.HasPrefix(b[4:], scrambled[1][:4])):
	case len(b) > 6 && b[0] == 0 && b[len(b)-1] == '\n' && f.moved(where, p, b):
		return true
	case len(b) >= 2 && int(be.Uint16(b)) <= len(b)-2 && (int(be.Uint16(b)) > 0 || len(b) == 2):
		body = b[2 : 2+int(be.Uint16(b))]
		f.src.wordsOf(f.s, Encoding, where, b[2+len(body):])
	case len(b) >= 2 && be.Uint16(b) == 0:
		return true // an empty line
	}
	if i := bytes.Index(b[:min(len(b), 8)], []byte("PNDM")); i == 0 || i == 4 {
		if n := i; len(b) >= 20+n { // Garmin's dashcams: 180/2^31 degrees, miles per hour
			fix := Fix{At: p.time, Source: "PNDM", Latitude: float64(int32(be.Uint32(b[12+n:]))) * 180 / (1 << 31), Longitude: float64(int32(be.Uint32(b[16+n:]))) * 180 / (1 << 31),
				Speed: float64(be.Uint16(b[8+n:])) * mph}
			f.s.position(where, fix, "", b[12+n:20+n])
			return true
		}
	}
	if len(b) > 12 && int(be.Uint32(b[4:])) == len(b) && bytes.HasPrefix(b[8:], []byte("\xff\xd8\xff")) { // TomTom Bandit
		f.src.picture(f.s, where, "image/jpeg", p.at+8, p.n-8)
		return true
	}
	if f.src.written(f.s, where, "subtitle", body, p.time) {
		if isPlain(body) && p.i < maxCues {
			f.text(where, body)
		}
		return true
	}
	if p.i >= maxCues {
		if p.i == maxCues {
			f.s.gap(where, "too_many", 0)
		}
		return true
	}
	return f.text(where, body)
}

func (f *film) text(where string, b []byte) bool {
	v, raw := decoded(b)
	if raw != nil && !bytes.HasPrefix(b, []byte("\xfe\xff")) && !bytes.HasPrefix(b, []byte("\xff\xfe")) {
		f.src.wordsOf(f.s, Text, where, b)
		return false
	}
	fact := Fact{Kind: Text, Where: where, Name: "text", Value: v, Raw: bytes.Clone(raw)}
	if v != "" && f.src.once(fact) {
		f.s.fact(fact)
	}
	return true
}

// moved opens the text of E-PRANCE cameras, in which every letter is moved by
// one number, known from the * before a sentence's checksum.
func (f *film) moved(where string, p sample, b []byte) bool {
	by := byte('*') - b[len(b)-4]
	open := bytes.Clone(b[1 : len(b)-1])
	for i := range open {
		open[i] += by
	}
	var sub Sheet
	if !sub.sentences(where, "subtitle", open, p.time) {
		return false
	}
	for _, fix := range sub.Track {
		f.s.position(where, fix, "", b)
	}
	return true
}

// webVTT reads the boxes of ISO/IEC 14496-30.
func (f *film) webVTT(where string, p sample, b []byte) bool {
	var look func(b []byte, depth int)
	look = func(b []byte, depth int) {
		for len(b) >= 8 && depth < 4 {
			n := int(be.Uint32(b))
			if n < 8 || n > len(b) {
				return
			}
			switch string(b[4:8]) {
			case "vttc":
				look(b[8:n], depth+1)
			case "payl", "vtta", "iden", "sttg", "ctim":
				f.src.written(f.s, where, "subtitle", b[8:n], p.time)
				if p.i < maxCues {
					f.text(where, b[8:n])
				}
			}
			b = b[n:]
		}
	}
	look(b, 0)
	return true
}

// sound reads the words among the first frames: encoders sign there.
func (f *film) sound(t *track, where string) error {
	var failed error
	walk := t.samples(func(p sample) bool {
		if p.i > 2 || p.n > maxMessage {
			return false
		}
		b, err := f.src.bytes(p.at, p.n)
		if err != nil {
			failed = err
			return false
		}
		signature(f.src, f.s, where+"/soun", b)
		return true
	}, nil)
	for _, err := range []error{failed, walk} {
		if err != nil && err != errShort {
			return err
		}
	}
	return nil
}

// signature keeps what an encoder writes about itself into a coded frame.
func signature(src *source, s *Sheet, where string, b []byte) {
	for _, w := range findWords(b, 10) {
		if f := (Fact{Kind: Encoding, Where: where, Name: "encoder", Value: w.text, Raw: bytes.Clone(w.raw)}); src.once(f) {
			s.fact(f)
		}
	}
}

// timedKeys reads which name each number of an Apple metadata track stands for.
func (f *film) timedKeys(t *track, where string, b []byte) {
	for len(b) >= 8 {
		n, id := int(be.Uint32(b)), be.Uint32(b[4:])
		if n < 8 || n > len(b) || len(t.keys) > 1000 {
			return
		}
		for in := b[8:n]; len(in) >= 8; {
			m := int(be.Uint32(in))
			if m < 8 || m > len(in) {
				break
			}
			if string(in[4:8]) == "keyd" && m > 12 {
				name := clip(string(in[12:m]))
				t.keys[id] = name
				kind := Encoding
				if strings.Contains(name, "location") {
					kind = Place // that positions are there, whatever they are
				}
				f.s.fact(Fact{Kind: kind, Where: where, Name: "key", Value: name})
			}
			in = in[m:]
		}
		b = b[n:]
	}
}

// mebx reads Apple's timed metadata: boxes named by the numbers of the keys.
func (f *film) mebx(t *track, where string, p sample, b []byte) bool {
	known := false
	for len(b) >= 8 {
		n, id := int(be.Uint32(b)), be.Uint32(b[4:])
		if n < 8 || n > len(b) {
			break
		}
		name, value := t.keys[id], b[8:n]
		road := where + "/" + name
		switch {
		case name == "":
		case isPlain(value) && len(value) > 2:
			known = true
			fact := named(road, name, strings.TrimRight(string(value), "\x00"))
			if fix, ok := point(fact.Value); ok && strings.Contains(name, "location") {
				fix.At, fix.Source = p.time, "mebx"
				f.s.position(road, fix, fact.Value, nil)
			} else if f.src.once(fact) {
				f.s.fact(fact)
			}
		default:
			known = true // faces, stabilisation, light: that they are there is said by the key
			if f.src.once(Fact{Where: road, Name: "raw"}) && len(value) > 3 {
				f.s.fact(Fact{Kind: Encoding, Where: road, Name: name, Raw: bytes.Clone(value)})
			}
		}
		b = b[n:]
	}
	return known
}

// gpmd reads GoPro's records, and what dashcams put under the same name.
func (f *film) gpmd(where string, p sample, b []byte) bool {
	switch {
	case bytes.HasPrefix(b, []byte("FMAS\x00\x00\x00\x00")):
		return f.fmas(where, p, b)
	case (block{b}).letters(24, 25, 26) && (block{b}).zero(21, 24): // Kingslim: its own encryption
		f.s.gap(where, "encrypted", p.n)
		f.src.moment(f.s, where, block{b}, 0)
		return true
	case len(b) > 8 && bytes.HasPrefix(b[2:], scrambled[0]):
		return f.src.written(f.s, where, "gpmd", b, p.time)
	case bytes.Contains(b[:min(len(b), 128)], []byte("LIGOGPSINFO")):
		f.s.gap(where, "encrypted", p.n)
		return true
	case len(b) >= 8 && isPlain(b[:4]):
		gpmf(f.src, f.s, where, b, p.time, p.to)
		return true
	}
	return f.src.written(f.s, where, "gpmd", b, p.time)
}

// fmas reads Vantrue N2S: degrees, minutes and hundredths of seconds.
func (f *film) fmas(where string, p sample, b []byte) bool {
	if len(b) < 160 || string(b[80:84]) != "SAMM" || b[120] != 'A' {
		return len(b) >= 160 // no position yet
	}
	le := binary.LittleEndian
	when := clock(int(le.Uint16(b[96:])), int(b[98]), int(b[99]), int(b[100]), int(b[101]), float64(b[102]))
	// 121 E or W, 122 N or S, then degrees, minutes, hundredths of seconds
	angle := func(deg, minute byte, part []byte) float64 {
		return float64(deg) + (float64(minute)+float64(le.Uint16(part))/6000)/60
	}
	f.s.position(where, Fix{At: p.time, Source: "gpmd", Time: when, Speed: float64(le.Uint16(b[132:])) * mph,
		Latitude: toward(angle(b[128], b[129], b[130:]), b[122]), Longitude: toward(angle(b[123], b[124], b[126:]), b[121])}, "", b[120:134])
	return true
}

// camm reads Google's Camera Motion Metadata (developers.google.com/streetview):
// little-endian records of a type; 5 and 6 are positions.
func (f *film) camm(where string, p sample, b []byte) bool {
	if bytes.HasPrefix(b, []byte("X")) && f.src.written(f.s, where, "camm", b, p.time) {
		return true
	}
	sizes := map[uint16]int{0: 16, 1: 12, 2: 16, 3: 16, 4: 16, 5: 28, 6: 60, 7: 16}
	for len(b) >= 4 {
		kind := binary.LittleEndian.Uint16(b[2:])
		n, ok := sizes[kind]
		if !ok || n > len(b) {
			f.s.gap(where, "unknown", int64(len(b)))
			return true
		}
		g := block{b[:n]}
		switch kind {
		case 5:
			f.s.position(where, Fix{At: p.time, Source: "camm", Latitude: g.double(4), Longitude: g.double(12), Altitude: g.double(20)}, "", bytes.Clone(b[4:20]))
		case 6:
			f.s.position(where, Fix{At: p.time, Source: "camm", Latitude: g.double(16), Longitude: g.double(24), Altitude: g.float(32),
				Speed: math.Hypot(g.float(44), g.float(48)), Time: gpsClock(g.double(4))}, "", bytes.Clone(b[16:32]))
		default:
			if fact := (Fact{Kind: Encoding, Where: where, Name: "camm", Value: fmt.Sprintf("type %d", kind)}); f.src.once(fact) {
				f.s.fact(fact)
			}
		}
		b = b[n:]
	}
	return true
}

// gpsClock reads seconds since 1980, as camm's specification says; some cameras
// count from 1970 instead, which then is a date before 1980 plus the years
// since: those are told apart by what would lie in the future.
func gpsClock(seconds float64) string {
	if !(seconds > 0 && seconds < 1<<32) {
		return ""
	}
	const toUnix = 315964800
	if seconds < 1_420_070_400 { // before 2015 as Unix time: no such camera was made
		seconds += toUnix
	}
	return stamp(time.UnixMilli(int64(seconds * 1000)))
}

// rtmd reads Sony's real-time metadata: a head, then tags of two bytes; EXIF's
// position fields from 0x8500 on.
func (f *film) rtmd(where string, p sample, b []byte) bool {
	if len(b) < 2 {
		return false
	}
	tags := map[uint16][]byte{}
	known := false
	for at := int(be.Uint16(b)); at+4 <= len(b); {
		tag, n := be.Uint16(b[at:]), int(be.Uint16(b[at+2:]))
		if tag == 0 {
			break
		}
		if tag == 0x060e {
			n = 16
		} else if at += 4; tag == 0x8300 {
			continue
		}
		if at+n > len(b) {
			break
		}
		tags[tag] = b[at : at+n]
		known = true
		at += n
	}
	ratio := func(b []byte, i int) float64 {
		if len(b) < 8*i+8 || be.Uint32(b[8*i+4:]) == 0 {
			return 0
		}
		return float64(be.Uint32(b[8*i:])) / float64(be.Uint32(b[8*i+4:]))
	}
	angle := func(b []byte) float64 { return ratio(b, 0) + ratio(b, 1)/60 + ratio(b, 2)/3600 }
	if lat, lon := tags[0x8502], tags[0x8504]; len(lat) >= 24 && len(lon) >= 24 && len(tags[0x8501]) > 0 && len(tags[0x8503]) > 0 {
		fix := Fix{At: p.time, Source: "rtmd", Latitude: toward(angle(lat), tags[0x8501][0]), Longitude: toward(angle(lon), tags[0x8503][0])}
		date := strings.Split(strings.TrimRight(string(tags[0x851d]), "\x00"), ":")
		if c := tags[0x8507]; len(date) == 3 && len(c) >= 24 {
			fix.Time = utc(clock(whole10(date[0]), whole10(date[1]), whole10(date[2]), int(ratio(c, 0)), int(ratio(c, 1)), ratio(c, 2)))
		}
		f.s.position(where, fix, "", bytes.Clone(lat[:24]))
	}
	for tag, v := range tags {
		if len(v) >= 6 && isPlain(v) {
			if fact := (Fact{Kind: Text, Where: where, Name: fmt.Sprintf("0x%04x", tag), Value: strings.TrimRight(string(v), "\x00")}); f.src.once(fact) {
				f.s.fact(fact)
			}
		}
	}
	return known
}

// mett reads Parrot's drones (pdraw): records P1 to P3; and other text tracks.
func (f *film) mett(t *track, where string, p sample, b []byte) bool {
	if isPlain(b) {
		f.src.written(f.s, where, "mett", b, p.time)
		jsonPlaces(f.s, where, "mett", b, nil)
		return f.text(where, b)
	}
	known := false
	for len(b) >= 4 {
		kind, n := string(b[:2]), int(be.Uint16(b[2:]))*4+4
		lat, scale := 8, float64(1<<22)
		switch {
		case kind == "P2":
			n = 56
		case kind == "P3":
			n = 72
		case kind == "P1":
			lat, scale = 28, 1<<20
		case kind[0] == 'E' || kind[0] == 'P':
			lat = -1
		default:
			return known
		}
		if n > len(b) {
			return known
		}
		known = true
		if lat >= 0 && lat+12 <= n {
			num := func(at int, by float64) float64 { return float64(int32(be.Uint32(b[at:]))) / by }
			f.s.position(where, Fix{At: p.time, Source: "mett", Latitude: num(lat, scale), Longitude: num(lat+4, scale)}, "", bytes.Clone(b[lat:lat+8]))
		}
		b = b[n:]
	}
	return known
}

// ctmd reads Canon's timed metadata: a date in each record of type 1, EXIF blocks in 7 to 9.
func (f *film) ctmd(where string, p sample, b []byte) bool {
	le := binary.LittleEndian
	known := false
	at := p.at
	for len(b) >= 12 {
		n, kind := int(le.Uint32(b)), le.Uint16(b[4:])
		if n < 12 || n > len(b) {
			break
		}
		known = true
		switch {
		case kind == 1 && n >= 22:
			r := b[12:n]
			when := clock(int(le.Uint16(r[2:])), int(r[4]), int(r[5]), int(r[6]), int(r[7]), float64(r[8])+float64(r[9])/100)
			fact := Fact{Kind: Time, Where: where, Name: "TimeStamp", Value: when, Zone: "local", Raw: bytes.Clone(r[2:10])}
			if p.i < 1 || p.i%500 == 0 {
				f.s.fact(fact)
			}
		case kind >= 7 && kind <= 9 && n > 20 && p.i == 0:
			if i := bytes.Index(b[12:n], []byte("II*\x00")); i >= 0 && !f.src.embedded(f.s, where, at+12+int64(i), int64(n-12-i)) {
				f.s.gap(where, "unknown", int64(n))
				f.src.wordsOf(f.s, Text, where, b[12:n])
			}
		}
		b = b[n:]
		at += int64(n)
	}
	return known
}

// rvmi reads records of millionths of a degree and tenths of a kilometre per hour.
func (f *film) rvmi(where string, p sample, b []byte) bool {
	if bytes.HasPrefix(b, []byte("gReV")) && len(b) >= 20 {
		g := block{b}
		f.s.position(where, Fix{At: p.time, Source: "RVMI", Latitude: float64(int32(g.word(4))) / 1e6, Longitude: float64(int32(g.word(8))) / 1e6,
			Speed: float64(int16(g.word(16))) / 10 * kmh}, "", b[4:12])
		return true
	}
	return bytes.HasPrefix(b, []byte("sReV"))
}

// fdsc reads what GoPro writes about the camera.
func (f *film) fdsc(where string, b []byte) bool {
	if !bytes.HasPrefix(b, []byte("GPRO")) || len(b) < 0x76 {
		f.src.wordsOf(f.s, Text, where, b)
		return false
	}
	for _, p := range []struct {
		at, n int
		kind  Kind
		name  string
	}{{8, 15, Software, "firmware"}, {0x17, 16, Serial, "serial number"}, {0x57, 15, Serial, "other serial number"}, {0x66, 16, Device, "model"}} {
		v, _, _ := bytes.Cut(b[p.at:p.at+p.n], []byte{0})
		if fact := (Fact{Kind: p.kind, Where: where, Name: p.name, Value: string(v)}); isPlain(v) && f.src.once(fact) {
			f.s.fact(fact)
		}
	}
	return true
}
