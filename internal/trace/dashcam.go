package trace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// dashcam reads the boxes in which cameras keep a whole drive. It says whether
// the box was one of them and was understood.
func (f *film) dashcam(b box, body []byte) bool {
	le := binary.LittleEndian
	switch b.kind {
	case "gps ":
		if bytes.Contains(body, []byte("RMC,")) || bytes.Contains(body, []byte("GGA,")) || bytes.Contains(body, []byte("][")) {
			return f.src.written(f.s, b.where, "gps ", body, -1)
		}
		return f.gpsTable(b, body)
	case "gps0":
		return f.gps0(b, body)
	case "GPS ": // 70mai: 36-byte records, degrees and minutes in thousandths
		found := false
		for r := body; len(r) >= 36; r = r[36:] {
			if bytes.Equal(r[:36], make([]byte, 36)) {
				break
			}
			lat, lon := float64(int32(le.Uint32(r[17:])))/1e3, float64(int32(le.Uint32(r[22:])))/1e3
			found = f.s.position(b.where, Fix{At: int64(le.Uint32(r[8:])) * 1000, Source: "GPS ", Latitude: toward(minutes(lat), r[16]), Longitude: toward(minutes(lon), r[21]),
				Speed: float64(le.Uint32(r[12:])) / 1e3 * kmh}, "", bytes.Clone(r[16:26])) || found
		}
		return found
	case "gsen", "3gf ", "gsea", "gpsa": // shocks, not places
		if len(body) > 0 {
			f.s.fact(Fact{Kind: Device, Where: b.where, Name: fmt.Sprintf("%d bytes", len(body)), Raw: bytes.Clone(body[:min(len(body), 64)])})
		}
		return true
	case "gdat":
		if open := unBase64(body); open != nil {
			if jsonPlaces(f.s, b.where, "gdat", open, body) {
				return true
			}
			for _, line := range bytes.Split(open, []byte("\n")) {
				jsonPlaces(f.s, b.where, "gdat", line, body)
			}
			for _, w := range findWords(open, 4) {
				f.s.fact(Fact{Kind: Text, Where: b.where, Name: "text", Value: w.text, Raw: body})
			}
			return false
		}
		return jsonPlaces(f.s, b.where, "gdat", body, nil)
	case "udat", "nbmt", "udta":
		found := f.src.written(f.s, b.where, b.kind, body, -1)
		f.src.wordsOf(f.s, Text, b.where, body)
		return found
	case "TTAD":
		return f.tomtom(b, body)
	}
	return false
}

// gpsTable reads Novatek's table of freeGPS blocks: where each lies and how
// long it is.
func (f *film) gpsTable(b box, body []byte) bool {
	if len(body) < 8 {
		return false
	}
	n := int(min(be.Uint32(body[4:]), uint32(len(body)-8)/8))
	read := 0
	for i := range min(n, maxRecords) {
		at, size := int64(be.Uint32(body[8+8*i:])), int64(be.Uint32(body[12+8*i:]))
		if size < 16 || size > 1<<20 {
			continue
		}
		block, err := f.src.bytes(at, size)
		if err != nil || string(block[4:12]) != "freeGPS " {
			continue
		}
		f.src.freeGPS(f.s, b.where, block, -1)
		f.use(at, size)
		read++
	}
	if read < n {
		f.s.gap(b.where, "broken", int64(n-read))
	}
	return n > 0
}

// gps0 reads DuDuBell's and VSYS's 32-byte records, or Lamax's scrambled ones.
func (f *film) gps0(b box, body []byte) bool {
	if len(body) > 8 && bytes.HasPrefix(body[2:], scrambled[0]) {
		return f.s.dated(b.where, "gps0", unscramble(body), body, -1)
	}
	found := false
	for r := body; len(r) >= 32; r = r[32:] {
		g := block{r}
		found = f.s.position(b.where, Fix{At: -1, Source: "gps0", Latitude: minutes(g.double(0)), Longitude: minutes(g.double(8)), Altitude: float64(int32(g.word(16))),
			Speed: float64(uint16(g.word(20))) * kmh, Time: utc(clock(2000+int(r[22]), int(r[23]), int(r[24]), int(r[25]), int(r[26]), float64(r[27])))}, "", bytes.Clone(r[:16])) || found
	}
	return found
}

// autoVox reads the RIFF chunks that Auto-Vox cameras hang behind the last box.
func autoVox(src *source, s *Sheet, at, to int64) (bool, error) {
	h, err := src.bytes(at, min(8, to-at))
	if err != nil || len(h) < 8 || !strings.Contains("gpsa gps0 gsen gsea", string(h[:4])) || h[0] != 'g' {
		return false, err
	}
	le := binary.LittleEndian
	for at+8 <= to {
		if h, err = src.bytes(at, 8); err != nil {
			return true, err
		}
		n := int64(le.Uint32(h[4:]))
		if h[0] == 0 || n > to-at-8 || n > maxPart {
			return true, src.remains(s, Leftover, stretch("trailer", at, to-at), at, to-at)
		}
		where := "trailer/" + string(h[:4])
		body, err := src.bytes(at+8, n)
		if err != nil {
			return true, err
		}
		if string(h[:4]) == "gps0" {
			for r := body; len(r) >= 40; r = r[40:] {
				g := block{r}
				if string(r[:4]) != "AITG" || r[0x21] < 1 || r[0x21] > 2 || r[0x22] < 1 || r[0x22] > 2 {
					s.gap(where, "unknown", int64(len(r)))
					break
				}
				ns, ew := "NS"[r[0x21]-1], "EW"[r[0x22]-1]
				s.position(where, Fix{At: int64(g.word(0x24)), Source: "gps0", Latitude: toward(minutes(g.double(4)), ns), Longitude: toward(minutes(g.double(12)), ew),
					Speed: float64(uint16(g.word(0x18))) * knot, Time: utc(clock(1900+int(r[26]), int(r[27]), int(r[28]), int(r[29]), int(r[30]), float64(r[31])))}, "", bytes.Clone(r[4:20]))
			}
		} else if len(body) > 0 {
			s.fact(Fact{Kind: Device, Where: where, Name: fmt.Sprintf("%d bytes", n), Raw: bytes.Clone(body[:min(len(body), 64)])})
		}
		at += 8 + n
	}
	return true, nil
}

// tomtom reads a TomTom Bandit's records: a kind, then numbers; 5 is a position.
func (f *film) tomtom(b box, body []byte) bool {
	sizes := map[byte]int{0: 12, 1: 4, 2: 12, 3: 12, 5: 92, 0xff: 4}
	found := false
	now := int64(0)
	for at := 76; at < len(body); {
		kind := body[at]
		n, ok := sizes[kind]
		if at++; !ok || at+n > len(body) {
			if at < len(body) && !ok {
				f.s.gap(b.where, "unknown", int64(len(body)-at))
			}
			return found
		}
		g := block{body[at : at+n]}
		switch kind {
		case 0xff:
			now = int64(g.word(0))
		case 5:
			fix := Fix{At: now, Source: "TTAD", Latitude: g.double(0x1c), Longitude: g.double(0x24), Altitude: g.double(0x14), Speed: g.double(0x0c)}
			if t := g.double(0); t > 0 && t < 1<<33 {
				fix.Time = stamp(time.UnixMilli(int64(t * 1000)))
			}
			found = f.s.position(b.where, fix, "", bytes.Clone(g.b[0x1c:0x2c])) || found
		}
		at += n
	}
	return found
}

// garmin reads the track that Garmin keeps in a box of its own number.
func garmin(s *Sheet, where string, b []byte) {
	const scale = 180.0 / (1 << 31)
	for at := 17; at+20 <= len(b); at += 20 { // 16 bytes of the number are gone already
		r := b[at:]
		s.position(where, Fix{At: -1, Source: "garmin", Time: since1904(uint64(be.Uint32(r))), Latitude: float64(int32(be.Uint32(r[12:]))) * scale,
			Longitude: float64(int32(be.Uint32(r[16:]))) * scale, Speed: float64(be.Uint16(r[4:])) * mph}, "", bytes.Clone(r[12:20]))
	}
}

// fly360 reads the 32-byte records of a 360Fly; kind 5 is a position.
func fly360(s *Sheet, where string, b []byte) {
	for ; len(b) >= 32; b = b[32:] {
		if b[0] != 5 {
			continue
		}
		r := make([]byte, 32) // its numbers are big-endian
		for i := 10; i < 22; i += 4 {
			binary.LittleEndian.PutUint32(r[i:], be.Uint32(b[i:]))
		}
		g := block{r}
		s.position(where, Fix{At: int64(be.Uint64(b[2:]) / 1000 & (1<<50 - 1)), Source: "360Fly", Latitude: g.float(10), Longitude: g.float(14), Altitude: g.float(18),
			Speed: float64(be.Uint16(b[22:])) / 100}, "", bytes.Clone(b[10:18]))
	}
}

// insta360 reads the trailer of Insta360's cameras, from its end backwards:
// records of a kind and a length; 0x101 names the camera, 0x700 holds positions.
func insta360(src *source, s *Sheet) error {
	const mark = "8db42d694ccc418790edff439fe026bf"
	if src.size < 78 {
		return nil
	}
	end, err := src.bytes(src.size-78, 78)
	if err != nil || string(end[46:]) != mark {
		return err
	}
	le := binary.LittleEndian
	first := src.size - int64(le.Uint32(end[38:]))
	head, at := end[:6], src.size-78
	for range 10_000 {
		kind, n := le.Uint16(head), int64(le.Uint32(head[2:]))
		if at -= n; at < first || at < 0 {
			return nil
		}
		where := fmt.Sprintf("trailer/insta360/0x%x", kind)
		switch {
		case kind == 0x200:
			src.picture(s, where, "image/jpeg", at, n)
		case n > maxPart:
			s.gap(where, "too_large", n)
		case kind == 0x101 || kind == 0x700:
			body, err := src.bytes(at, n)
			if err != nil {
				return err
			}
			if kind == 0x101 {
				instaNames(src, s, where, body)
			} else {
				instaPlaces(s, where, body)
			}
		}
		if at -= 6; at < first || at < 0 {
			return nil
		}
		if head, err = src.bytes(at, 6); err != nil {
			return err
		}
	}
	return nil
}

func instaNames(src *source, s *Sheet, where string, b []byte) {
	names := map[byte]Fact{0x0a: {Kind: Serial, Name: "serial number"}, 0x12: {Kind: Device, Name: "model"}, 0x1a: {Kind: Software, Name: "firmware"}, 0x2a: {Kind: Encoding, Name: "parameters"}}
	rest := b
	for len(rest) >= 2 && 2+int(rest[1]) <= len(rest) {
		f, ok := names[rest[0]]
		if !ok {
			break
		}
		f.Where, f.Value = where, string(rest[2:2+int(rest[1])])
		s.fact(f)
		rest = rest[2+int(rest[1]):]
	}
	src.wordsOf(s, Text, where, rest)
}

func instaPlaces(s *Sheet, where string, b []byte) {
	for ; len(b) >= 53; b = b[53:] {
		g := block{b}
		if b[10] != 'A' {
			continue
		}
		ns, ew := b[19], b[28]
		if ns != 'N' && ns != 'S' || ew != 'E' && ew != 'W' && ew != 'O' {
			s.gap(where, "unknown", int64(len(b)))
			return
		}
		if ew == 'O' { // ouest
			ew = 'W'
		}
		s.position(where, Fix{At: -1, Source: "insta360", Time: stamp(time.Unix(int64(g.word(0)), 0)), Latitude: toward(g.double(11), ns), Longitude: toward(g.double(20), ew),
			Speed: g.double(29), Altitude: g.double(45)}, "", bytes.Clone(b[11:29]))
	}
}
