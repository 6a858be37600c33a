package trace

import (
	"bytes"
	"math"
	"regexp"
	"strings"
	"sync"
)

// Positions that cameras write as text: NMEA 0183 sentences and the home-made
// lines of drones and dashcams, as public readers of them describe (ExifTool's
// documentation of its QuickTime stream tags, the firmware makers' own notes).
var (
	rmc = pattern(`([A-Z]{2}RMC),(\d{2})(\d{2})(\d{2}(?:\.\d*)?),A?,(\d{1,5}\.\d+),([NS]),(\d{1,6}\.\d+),([EW]),(\d*\.?\d*),(\d*\.?\d*),(\d{2})(\d{2})(\d{2})`)
	gga = pattern(`([A-Z]{2}GGA),(\d{2})(\d{2})(\d{2}(?:\.\d*)?),(\d{1,5}\.\d+),([NS]),(\d{1,6}\.\d+),([EW]),[1-6],\d*,[\d.]*,(-?\d+\.?\d*)?`)
	// DJI: "[latitude: 42.87] [longtitude: 74.59]" (the older firmware misspells it), "[altitude: 700]"
	named2 = pattern(`(?i)\blat(?:itude)?\s*[:=]\s*([-+]?\d+\.\d+)[^\d+-]{1,20}?lon(?:gt?itude|g)?\s*[:=]\s*([-+]?\d+\.\d+)`)
	named3 = pattern(`(?i)\b(?:abs_alt|altitude|alt)\s*[:=]\s*([-+]?\d+(?:\.\d+)?)`)
	// DJI: "GPS (74.5900, 42.8700, 18)": longitude first
	bracket = pattern(`\bGPS\s?\(([-+]?\d+\.\d+),\s*([-+]?\d+\.\d+)`)
	speedHS = pattern(`\bH\.S\s+([-+]?\d+\.?\d*)m/s`)
	heightH = pattern(`,\s*H\s+([-+]?\d+\.?\d*)m`)
	// "A,270519,201555.000,3356.8925,N,08420.2071,W,000.0,331.0M,…"
	mini = pattern(`\bA,(\d{2})(\d{2})(\d{2}),(\d{2})(\d{2})(\d{2}(?:\.\d+)?),(\d{4}\.\d+),([NS]),(\d{5}\.\d+),([EW]),`)
	// "$G:2019-03-05 07:52:58-N42.87-E74.59-S12"
	dollarG = pattern(`\$G:(\d{4})-(\d{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2})-([NS])(\d+\.\d+)-([EW])(\d+\.\d+)-S(\d+)`)
	// "$GPSINFO,0x0004,2021.08.09 13:27:36,2341.54561,12031.70135,8.0,…"
	gpsinfo = pattern(`\$GPSINFO,\w*,(\d{4})\.(\d{2})\.(\d{2}) (\d{2}):(\d{2}):(\d{2}),(-?\d+\.\d+),(-?\d+\.\d+),(\d+\.?\d*),`)
	// "210318073213[1][N][52200970][E][006362321][+00152][100]…"
	denver = pattern(`\b(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})\[1\]\[([NS])\]\[(\d{2})(\d{6})\]\[([EW])\]\[(\d{3})(\d{6})\]\[([-+]?\d*)\]\[(\d*)\]`)
	// Blackvue puts the moment in milliseconds of 1970 before a sentence.
	stamped = pattern(`\[(\d{10,13})\]$`)
)

// pattern is compiled when it is first needed: every box is a new process, and
// few of them look for positions.
func pattern(s string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(s) })
}

// sentences finds the positions in a text. at is the moment in the film.
func (s *Sheet) sentences(where, source string, b []byte, at int64) bool {
	if !bytes.ContainsAny(b, ".[") {
		return false
	}
	had := len(s.Track)
	sub := func(m []int, i int) string {
		if m[2*i] < 0 {
			return ""
		}
		return string(b[m[2*i]:m[2*i+1]])
	}
	put := func(m []int, f Fix) {
		f.At, f.Source = at, source
		s.position(where, f, string(b[m[0]:m[1]]), nil)
	}
	for _, m := range rmc().FindAllSubmatchIndex(b, maxFixes) {
		year := whole10(sub(m, 13)) + 2000
		if year >= 2070 {
			year -= 100
		}
		f := Fix{Latitude: toward(minutes(parsed(sub(m, 5))), sub(m, 6)[0]), Longitude: toward(minutes(parsed(sub(m, 7))), sub(m, 8)[0])}
		f.Time = utc(clock(year, whole10(sub(m, 12)), whole10(sub(m, 11)), whole10(sub(m, 2)), whole10(sub(m, 3)), parsed(sub(m, 4))))
		if v := parsed(sub(m, 9)); !math.IsNaN(v) {
			f.Speed = v * knot
		}
		put(m, f)
		if st := stamped().FindSubmatch(b[max(0, m[0]-16):max(0, m[0]-1)]); st != nil {
			s.fact(Fact{Kind: Time, Where: where, Name: "sentence stamp", Value: string(st[1]), Zone: "utc"})
		}
	}
	if len(s.Track) == had { // the same moments again, without a date
		for _, m := range gga().FindAllSubmatchIndex(b, maxFixes) {
			f := Fix{Latitude: toward(minutes(parsed(sub(m, 5))), sub(m, 6)[0]), Longitude: toward(minutes(parsed(sub(m, 7))), sub(m, 8)[0])}
			f.Time = sub(m, 2) + ":" + sub(m, 3) + ":" + sub(m, 4) + "Z"
			if sub(m, 9) != "" {
				f.Altitude = parsed(sub(m, 9))
			}
			put(m, f)
		}
	}
	for _, m := range named2().FindAllSubmatchIndex(b, maxFixes) {
		f := Fix{Latitude: parsed(sub(m, 1)), Longitude: parsed(sub(m, 2))}
		if a := named3().FindSubmatch(b[m[1]:min(len(b), m[1]+60)]); a != nil {
			f.Altitude = parsed(string(a[1]))
		}
		put(m, f)
	}
	for _, m := range bracket().FindAllSubmatchIndex(b, maxFixes) {
		f := Fix{Latitude: parsed(sub(m, 2)), Longitude: parsed(sub(m, 1))}
		rest := b[m[1]:min(len(b), m[1]+120)]
		if v := heightH().FindSubmatch(rest); v != nil {
			f.Altitude = parsed(string(v[1]))
		}
		if v := speedHS().FindSubmatch(rest); v != nil {
			f.Speed = parsed(string(v[1]))
		}
		put(m, f)
	}
	for _, m := range mini().FindAllSubmatchIndex(b, maxFixes) {
		put(m, Fix{
			Latitude: toward(minutes(parsed(sub(m, 7))), sub(m, 8)[0]), Longitude: toward(minutes(parsed(sub(m, 9))), sub(m, 10)[0]),
			Time: utc(clock(2000+whole10(sub(m, 3)), whole10(sub(m, 2)), whole10(sub(m, 1)), whole10(sub(m, 4)), whole10(sub(m, 5)), parsed(sub(m, 6)))),
		})
	}
	for _, m := range dollarG().FindAllSubmatchIndex(b, maxFixes) {
		put(m, Fix{
			Latitude: toward(parsed(sub(m, 8)), sub(m, 7)[0]), Longitude: toward(parsed(sub(m, 10)), sub(m, 9)[0]),
			Time: clock(whole10(sub(m, 1)), whole10(sub(m, 2)), whole10(sub(m, 3)), whole10(sub(m, 4)), whole10(sub(m, 5)), parsed(sub(m, 6))),
		})
	}
	for _, m := range gpsinfo().FindAllSubmatchIndex(b, maxFixes) {
		put(m, Fix{
			Latitude: minutes(parsed(sub(m, 7))), Longitude: minutes(parsed(sub(m, 8))), Speed: parsed(sub(m, 9)) * kmh,
			Time: clock(whole10(sub(m, 1)), whole10(sub(m, 2)), whole10(sub(m, 3)), whole10(sub(m, 4)), whole10(sub(m, 5)), parsed(sub(m, 6))),
		})
	}
	for _, m := range denver().FindAllSubmatchIndex(b, maxFixes) {
		f := Fix{
			Latitude:  toward(parsed(sub(m, 8))+parsed(sub(m, 9))/600000, sub(m, 7)[0]),
			Longitude: toward(parsed(sub(m, 11))+parsed(sub(m, 12))/600000, sub(m, 10)[0]),
			Time:      clock(2000+whole10(sub(m, 1)), whole10(sub(m, 2)), whole10(sub(m, 3)), whole10(sub(m, 4)), whole10(sub(m, 5)), parsed(sub(m, 6))),
		}
		if v := parsed(sub(m, 14)); !math.IsNaN(v) {
			f.Speed = v * kmh
		}
		if v := parsed(sub(m, 13)); !math.IsNaN(v) {
			f.Altitude = v / 10
		}
		put(m, f)
	}
	return len(s.Track) > had
}

// dated finds the records of Ambarella's kind: fourteen digits of local time,
// sixteen bytes of label, then N42522100E074354000. They stand openly (Kenwood)
// or scrambled with 0xAA, in which case raw takes them as they stand in the file.
func (s *Sheet) dated(where, source string, b, raw []byte, at int64) bool {
	found := false
	for i := 0; i+49 <= len(b); i++ {
		if c := b[i+30]; c != 'N' && c != 'S' || b[i+39] != 'E' && b[i+39] != 'W' ||
			!digits(b[i:i+14]) || !digits(b[i+31:i+39]) || !digits(b[i+40:i+49]) {
			continue
		}
		d := string(b[i : i+49])
		f := Fix{
			At: at, Source: source,
			Latitude:  toward(minutes(parsed(d[31:39])/1e4), d[30]),
			Longitude: toward(minutes(parsed(d[40:49])/1e4), d[39]),
			Time:      clock(whole10(d[:4]), whole10(d[4:6]), whole10(d[6:8]), whole10(d[8:10]), whole10(d[10:12]), parsed(d[12:14])),
		}
		if rest := b[i+49:]; len(rest) >= 8 && digits(rest[:8]) {
			f.Speed = parsed(string(rest[:8])) * kmh
		} else if len(rest) >= 8 && (rest[0] == '+' || rest[0] == '-') && digits(rest[1:8]) {
			f.Speed = parsed(string(rest[5:8])) * kmh
		}
		value := ""
		if raw == nil {
			value = d[30:49]
		} else if label := strings.TrimRight(strings.TrimSpace(strings.SplitN(d[15:30], "\x00", 2)[0]), "\x00\x03"); label != "" && isPlain([]byte(label)) {
			s.fact(Fact{Kind: Serial, Where: where, Name: "label", Value: label, Raw: bytes.Clone(raw[i+15 : i+30])})
		}
		var bits []byte
		if raw != nil {
			bits = raw[i+30 : i+49]
		}
		found = s.position(where, f, value, bits) || found
		i += 48
	}
	return found
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// unscramble takes a block apart that is scrambled with 0xAA.
func unscramble(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		out[i] = c ^ 0xaa
	}
	return out
}

// scrambled is how "XKZD" and the bytes around it look under 0xAA, and the mark "TT" before a date.
var scrambled = [][]byte{[]byte("\xf2\xe1\xf0\xee\x54\x54"), []byte("\xaa\xaa\x54\x54\x98")}

// positionsIn looks for positions of every kind that needs no table to be
// found: freeGPS blocks, sentences, scrambled and open records.
func (s *source) positionsIn(sheet *Sheet, where string, b []byte, at int64) {
	for from := 0; ; {
		i := bytes.Index(b[from:], []byte("freeGPS "))
		if i < 0 {
			break
		}
		i += from
		from = i + 8
		if i < 4 {
			continue
		}
		block := b[i-4:]
		if n := int(block[0])<<24 | int(block[1])<<16 | int(block[2])<<8 | int(block[3]); n >= 16 && n < len(block) {
			block = block[:n]
		}
		s.freeGPS(sheet, where, block, at)
		from = max(from, i-4+min(len(block), 64))
	}
	if bytes.Contains(b, []byte("freeGPS ")) {
		return // their sentences are read with them
	}
	s.written(sheet, where, "text", b, at)
}

// written looks for positions written as text, openly or scrambled.
func (s *source) written(sheet *Sheet, where, source string, b []byte, at int64) bool {
	found := sheet.sentences(where, source, b, at)
	found = sheet.dated(where, source, b, nil, at) || found
	for _, mark := range scrambled {
		if bytes.Contains(b, mark) {
			return sheet.dated(where, source, unscramble(b), b, at) || found
		}
	}
	if !found {
		if open := roadhawk(b); open != nil {
			sub := Sheet{}
			if sub.sentences(where, source, open, at) {
				for _, f := range sub.Track {
					found = sheet.position(where, f, "", b) || found
				}
			}
		}
	}
	return found
}

// roadhawk opens the lines of Roadhawk cameras, in which each character stands
// for another one; nil if it is none.
func roadhawk(b []byte) []byte {
	const key = "-I8XQWRVNZOYPUTA0B1C2SJ9K.L,M$D3E4F5G6H7"
	b = bytes.TrimRight(b, "\x00\r\n")
	if len(b) < 40 || len(b) > 1024 || b[len(b)-1] != '~' || b[len(b)-4] != '*' {
		return nil
	}
	out := bytes.Clone(b[:len(b)-4])
	for i, c := range out {
		if n := int(c) - 43; n >= 0 && n < len(key) {
			out[i] = key[n]
		}
	}
	if !bytes.Contains(out, []byte("RMC,")) {
		return nil
	}
	return out
}
