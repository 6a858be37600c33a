package trace

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
)

// freeGPS reads one block that Novatek's and kindred dashcams leave between the
// frames: a big-endian length, "freeGPS ", a little-endian length, then one of
// many layouts, told apart by where the receiver's letters stand. Most store
// degrees and minutes as one number. Sources: the notes on sergei.nz about
// Novatek cameras, the nvtk_mp42gpx script, ExifTool's list of layouts. Where
// the makers encrypt the numbers, the block is a Gap and no position.
func (s *source) freeGPS(sheet *Sheet, where string, b []byte, at int64) {
	where += "/freeGPS"
	if len(b) < 64 {
		sheet.gap(where, "broken", int64(len(b)))
		return
	}
	if s.once(Fact{Where: where, Name: "freeGPS"}) {
		sheet.fact(Fact{Kind: Device, Where: where, Name: "record", Value: "freeGPS "})
	}
	if id := bytes.TrimRight(b[16:32], "\x00"); len(id) > 5 && isPlain(id) {
		f := Fact{Kind: Software, Where: where, Name: "firmware", Value: string(id)}
		if s.once(f) {
			sheet.fact(f)
		}
	}
	if date := bytes.TrimRight(b[32:min(len(b), 56)], "\x00"); len(date) > 10 && isPlain(date) {
		f := Fact{Kind: Time, Where: where, Name: "firmware date", Value: string(date), Zone: "local"}
		if s.once(f) {
			sheet.fact(f)
		}
	}
	g := block{b}
	switch {
	case sheetHas(sheet, func() {
		for _, mark := range scrambled {
			if bytes.Contains(b, mark) {
				sheet.dated(where, "freeGPS", unscramble(b), b, at)
				break
			}
		}
	}):
	case bytes.HasPrefix(b[min(60, len(b)):], []byte("4W`b]S<")): // each letter moved by 16
		open := bytes.Clone(b[60:min(len(b), 140)])
		for i, c := range open {
			open[i] = max(c, 16) - 16
		}
		var sub Sheet
		if !sub.sentences(where, "freeGPS", open, at) {
			sheet.gap(where, "encrypted", int64(len(b)))
		}
		for _, f := range sub.Track {
			sheet.position(where, f, "", b[60:min(len(b), 140)])
		}
	case g.letters(40, 41, 42) && g.zero(37, 40):
		s.put(sheet, where, g, at, blockLayout{clock: 16, lat: 44, lon: 48, speed: 52, unit: knot, ns: 41, ew: 42})
	case len(b) >= 96 && string(b[0x45:0x48]) == "ATC":
		s.atc(sheet, where, b)
	case g.letters(16, 17, 18) && b[19] == 0:
		s.innovv(sheet, where, b[16:], at)
	case g.letters(72, 73, 74) && len(b) >= 92 && g.zero(75, 80): // Akaso V1, Redtiger F7N: numbers encrypted
		sheet.gap(where, "encrypted", int64(len(b)))
		s.moment(sheet, where, g, 48)
	case g.letters(72, 73, 74) && len(b) >= 92 && string(b[16:19]) == "IQS":
		f := Fix{At: at, Source: "freeGPS", Latitude: toward(float64(int32(g.word(76)))/1e7, b[73]), Longitude: toward(float64(int32(g.word(80)))/1e7, b[74]),
			Speed: float64(int32(g.word(84))) / 100, Time: utc(g.clock(48, 48+12))}
		sheet.position(where, f, "", b[76:88])
	case g.letters(72, 73, 74) && len(b) >= 92:
		s.put(sheet, where, g, at, blockLayout{clock: 48, lat: 76, lon: 80, speed: 84, unit: knot, ns: 73, ew: 74})
	case g.letters(64, 65, 66) && len(b) >= 112 && b[67] == 0:
		f := Fix{At: at, Source: "freeGPS", Latitude: toward(minutes(g.float(96)), b[65]), Longitude: toward(minutes(g.float(92)), b[66]),
			Speed: g.float(100) * knot, Altitude: g.float(108)}
		y, mo, d, h, mi, sec := g.word(68), g.word(72), g.word(76), g.word(80), g.word(84), g.word(88)
		f.Time = utc(clock(century(y), int(mo), int(d), int(h), int(mi), float64(sec)))
		sheet.position(where, f, "", b[92:112])
	case g.letters(28, 40, 56) && len(b) >= 92:
		s.put(sheet, where, g, at, blockLayout{clock: 16, date: 80, lat: 32, lon: 48, speed: 64, unit: knot, ns: 40, ew: 56, double: true})
	case g.letters(60, 72, 88) && len(b) >= 124:
		s.put(sheet, where, g, at, blockLayout{clock: 48, date: 112, lat: 64, lon: 80, speed: 96, unit: knot, ns: 72, ew: 88, double: true})
	case g.letters(60, 68, 76) && len(b) >= 100: // the speed's unit is not known: left out
		s.put(sheet, where, g, at, blockLayout{clock: 48, date: 88, lat: 64, lon: 72, ns: 68, ew: 76})
	case sheetHas(sheet, func() { sheet.sentences(where, "freeGPS", b, at) }):
	case sheetHas(sheet, func() { s.nextbase(sheet, where, b, at) }):
	default:
		if s.once(Fact{Where: where, Name: "unknown layout"}) && !bytes.Equal(b[16:64], make([]byte, 48)) && !g.noFix() {
			sheet.gap(where, "unknown", int64(len(b)))
		}
	}
}

// sheetHas runs try and says whether it found a position.
func sheetHas(sheet *Sheet, try func()) bool {
	had := len(sheet.Track)
	try()
	return len(sheet.Track) > had
}

// blockLayout says where the numbers of one kind of block stand.
type blockLayout struct {
	clock, date     int // hour, minute, second; year, month, day (0: right behind)
	lat, lon, speed int // speed 0: none
	ns, ew          int
	unit            float64
	double          bool
}

// put adds the position of a block of a known layout.
func (s *source) put(sheet *Sheet, where string, g block, at int64, l blockLayout) {
	if l.date == 0 {
		l.date = l.clock + 12
	}
	num, size := g.float, 4
	if l.double {
		num, size = g.double, 8
	}
	f := Fix{At: at, Source: "freeGPS", Time: utc(g.clock(l.clock, l.date))}
	f.Latitude = toward(minutes(num(l.lat)), g.b[l.ns])
	f.Longitude = toward(minutes(num(l.lon)), g.b[l.ew])
	if l.speed > 0 {
		f.Speed = num(l.speed) * l.unit
	}
	raw := g.b[l.lat:min(len(g.b), l.lon+size)]
	if !sheet.position(where, f, "", raw) {
		sheet.gap(where, "broken", int64(len(g.b)))
	}
}

// moment adds the date of a block whose position is encrypted.
func (s *source) moment(sheet *Sheet, where string, g block, at int) {
	if v := g.clock(at, at+12); v != "" {
		sheet.fact(Fact{Kind: Time, Where: where, Name: "position time", Value: v + "Z", Zone: "utc", Raw: bytes.Clone(g.b[at : at+24])})
	}
}

// innovv reads 32-byte records that begin with the receiver's letters, as
// INNOVV's cameras write them in MP4 and MPEG-TS.
func (s *source) innovv(sheet *Sheet, where string, b []byte, at int64) {
	for ; len(b) >= 32; b = b[32:] {
		g := block{b}
		if !g.letters(0, 1, 2) || b[3] != 0 {
			return
		}
		sheet.position(where, Fix{At: at, Source: "freeGPS", Latitude: toward(minutes(g.float(4)), b[1]), Longitude: toward(minutes(g.float(8)), b[2]), Speed: g.float(12) * knot}, "", b[4:16])
	}
}

// atc reads a ring of 52-byte records, each scrambled by two of its own bytes.
// The ring keeps the last positions from before the film, too: where the device
// came from.
func (s *source) atc(sheet *Sheet, where string, b []byte) {
	for at := 0x30; at+52 <= len(b); at += 52 {
		raw := b[at : at+52]
		r := bytes.Clone(raw)
		one, two := raw[0x14], raw[0x1c]
		for i := range r {
			switch {
			case i <= 0x14, i >= 0x18 && i <= 0x1b:
				r[i] ^= one
			case i == 0x1c, i >= 0x20 && i <= 0x32:
				r[i] ^= two
			}
		}
		g := block{r}
		if string(r[0x15:0x18]) != "ATC" {
			continue
		}
		when := clock(int(binary.LittleEndian.Uint16(r[0x2c:])), int(r[0x2e]), int(r[0x2f]), int(r[0x0d]+1), int(r[0x0e]), float64(r[0x0f]))
		if when == "" || !s.once(Fact{Where: where, Name: "atc", Value: when}) {
			continue
		}
		sheet.position(where, Fix{At: -1, Time: when + "Z", Source: "freeGPS", Latitude: float64(int32(g.word(0x10))) / 1e7, Longitude: float64(int32(g.word(0x18))) / 1e7,
			Altitude: float64(int32(g.word(0x28))) / 1000, Speed: float64(int32(g.word(0x20))) / 100}, "", raw)
	}
}

// nextbase reads the big-endian 32-byte records of a NextBase 512G.
func (s *source) nextbase(sheet *Sheet, where string, b []byte, at int64) {
	be := binary.BigEndian
	for p := 0x32; p+21 <= len(b); p += 32 {
		r := b[p:]
		when := clock(int(be.Uint16(r[4:])), int(r[6]), int(r[7]), int(r[8]), int(r[9]), float64(be.Uint16(r[10:]))/10)
		if when == "" || be.Uint16(r[4:]) < 2000 {
			return
		}
		sheet.position(where, Fix{At: at, Time: when + "Z", Source: "freeGPS", Latitude: float64(int32(be.Uint32(r[13:]))) / 1e7,
			Longitude: float64(int32(be.Uint32(r[17:]))) / 1e7, Speed: float64(be.Uint16(r)) / 100}, "", r[13:21])
	}
}

// block reads little-endian numbers at places; nought beyond the end.
type block struct{ b []byte }

func (g block) word(at int) uint32 {
	if at < 0 || at+4 > len(g.b) {
		return 0
	}
	return binary.LittleEndian.Uint32(g.b[at:])
}

func (g block) float(at int) float64 { return float64(math.Float32frombits(g.word(at))) }

func (g block) double(at int) float64 {
	if at < 0 || at+8 > len(g.b) {
		return 0
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(g.b[at:]))
}

func (g block) zero(from, to int) bool {
	return to <= len(g.b) && bytes.Equal(g.b[from:to], make([]byte, to-from))
}

// letters says whether a receiver's letters stand there: A for a valid
// position, N or S, E or W.
func (g block) letters(a, ns, ew int) bool {
	return ew < len(g.b) && g.b[a] == 'A' && (g.b[ns] == 'N' || g.b[ns] == 'S') && (g.b[ew] == 'E' || g.b[ew] == 'W')
}

// noFix says that the receiver had no position: V where the A would stand.
func (g block) noFix() bool {
	for _, at := range []int{16, 28, 40, 60, 64, 72} {
		if at < len(g.b) && g.b[at] == 'V' {
			return true
		}
	}
	return false
}

func (g block) clock(hms, ymd int) string {
	return clock(century(g.word(ymd)), int(g.word(ymd+4)), int(g.word(ymd+8)), int(g.word(hms)), int(g.word(hms+4)), float64(g.word(hms+8)))
}

// century makes a year of what is counted from 2000.
func century(y uint32) int {
	if y < 1000 {
		return int(y) + 2000
	}
	return int(min(y, 9999))
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
