package trace

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// maxMessage is the most bytes of one supplemental message that are read.
const maxMessage = 64 << 10

// frames reads the supplemental messages of an H.264 or HEVC track (ISO/IEC
// 14496-15: each NAL unit behind its length). Only the units' heads and the
// messages themselves are read, of the first maxFrames frames.
func (f *film) frames(t *track, where string) error {
	where += "/SEI"
	var failed error
	count := 0
	walk := t.samples(func(p sample) bool {
		if count++; count > maxFrames {
			f.s.gap(where, "too_many", 0)
			return false
		}
		failed = f.src.units(f.s, where, p.at, p.n, t.nal, t.hevc, p.time)
		return failed == nil
	}, nil)
	for _, err := range []error{failed, walk} {
		if err == errShort {
			f.s.gap(where, "broken", 0)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// units reads the messages of one frame, whose units stand behind lengths of nal bytes.
func (s *source) units(sheet *Sheet, where string, at, n int64, nal int, hevc bool, ms int64) error {
	for end := at + n; at+int64(nal)+2 <= end; {
		h, err := s.bytes(at, int64(nal)+2)
		if err != nil {
			return err
		}
		n := int64(number1(h[:nal]))
		if n < 1 || at+int64(nal)+n > end {
			return nil
		}
		if message(h[nal:], hevc) {
			unit, err := s.bytes(at+int64(nal), min(n, maxMessage))
			if err != nil {
				return err
			}
			s.unit(sheet, where, unit, hevc, ms)
		}
		at += int64(nal) + n
	}
	return nil
}

// message says whether a NAL unit is a supplemental message: type 6 in H.264, 39 and 40 in HEVC.
func message(head []byte, hevc bool) bool {
	if hevc {
		kind := head[0] >> 1 & 0x3f
		return kind == 39 || kind == 40
	}
	return head[0]&0x1f == 6
}

// unit reads the messages of one NAL unit.
func (s *source) unit(sheet *Sheet, where string, b []byte, hevc bool, at int64) {
	head := 1
	if hevc {
		head = 2
	}
	if len(b) <= head || !message(b, hevc) {
		return
	}
	b = bytes.ReplaceAll(b[head:], []byte("\x00\x00\x03"), []byte("\x00\x00")) // emulation prevention
	for len(b) > 2 {
		kind, size := 0, 0
		for _, v := range []*int{&kind, &size} {
			for len(b) > 0 && b[0] == 0xff {
				*v += 255
				b = b[1:]
			}
			if len(b) == 0 {
				return
			}
			*v += int(b[0])
			b = b[1:]
		}
		if size > len(b) {
			size = len(b)
		}
		s.supplement(sheet, where, kind, b[:size], at)
		b = b[size:]
	}
}

// supplement reads one message (ITU-T H.264 annex D): 4 is registered data,
// captions among them, 5 data named by a number: x264's settings, a camera's
// date and place.
func (s *source) supplement(sheet *Sheet, where string, kind int, b []byte, at int64) {
	switch {
	case kind == 5 && len(b) > 16:
		id := fmt.Sprintf("%x", b[:16])
		where += ":" + id
		if bytes.HasPrefix(b[16:], []byte("MDPM")) {
			s.mdpm(sheet, where, b[20:], at)
			return
		}
		body := b[16:]
		s.written(sheet, where, "SEI", body, at)
		if isPlain(body) {
			v, _ := decoded(body)
			f := Fact{Kind: Encoding, Where: where, Name: "user data", Value: v}
			if s.once(f) {
				sheet.fact(f)
			}
			return
		}
		if !s.wordsOf(sheet, Encoding, where, body) {
			f := Fact{Kind: Encoding, Where: where, Name: "user data", Raw: bytes.Clone(body[:min(len(body), 64)])}
			if s.once(Fact{Where: where}) {
				sheet.fact(f)
			}
		}
	case kind == 4 && len(b) > 8:
		if b[0] == 0xb5 && string(b[3:7]) == "GA94" && b[7] == 3 {
			s.captions(sheet, where+"/captions", b[8:])
			return
		}
		s.wordsOf(sheet, Encoding, where+"/T.35", b[1:])
	}
}

// captions reads CEA-608 letters out of the pairs of ATSC A/53. The plain
// letters only: the words are kept, not where they stand on the screen.
func (s *source) captions(sheet *Sheet, where string, b []byte) {
	if len(b) < 2 {
		return
	}
	n := int(b[0] & 0x1f)
	b = b[2:]
	var line, raw []byte
	for range n {
		if len(b) < 3 {
			break
		}
		if kind := b[0] & 3; b[0]&4 != 0 && kind < 2 {
			raw = append(raw, b[:3]...)
			if c := b[1] & 0x7f; c >= 0x20 {
				line = append(line, c)
				if d := b[2] & 0x7f; d >= 0x20 {
					line = append(line, d)
				}
			} else if c >= 0x14 {
				line = append(line, ' ')
			}
		}
		b = b[3:]
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	f := Fact{Kind: Text, Where: where, Name: "caption letters", Value: string(line), Raw: raw}
	if s.once(f) {
		sheet.fact(f)
	}
}

// camcorders are the makers of AVCHD camcorders by their number.
var camcorders = map[int]string{0x0103: "Panasonic", 0x0108: "Sony", 0x1011: "Canon", 0x1104: "JVC"}

// mdpm reads what AVCHD camcorders write into every group of pictures: entries
// of one byte's name and four bytes' value (IEC 61834-4's packs, and EXIF's
// fields from 0xA0 on).
func (s *source) mdpm(sheet *Sheet, where string, b []byte, at int64) {
	if len(b) < 1 {
		return
	}
	var packs [256][]byte
	n := int(b[0])
	b = b[1:]
	for range n {
		if len(b) < 5 {
			break
		}
		packs[b[0]] = b[1:5]
		b = b[5:]
	}
	keep := func(f Fact) {
		if f.Where = where; s.once(f) {
			sheet.fact(f)
		}
	}
	if d, t := packs[0x18], packs[0x19]; d != nil && t != nil {
		zone := int(d[0]) >> 1 & 0x0f
		sign := "+"
		if d[0]&0x20 != 0 {
			sign = "-"
		}
		half := "00"
		if d[0]&1 != 0 {
			half = "30"
		}
		keep(Fact{Kind: Time, Name: "DateTimeOriginal", Zone: "offset", Raw: append(bytes.Clone(d), t...),
			Value: fmt.Sprintf("%02x%02x-%02x-%02xT%02x:%02x:%02x%s%02d:%s", d[1], d[2], d[3], t[0], t[1], t[2], t[3], sign, zone, half)})
	}
	if m := packs[0xe0]; m != nil {
		id := int(m[0])<<8 | int(m[1])
		name := camcorders[id]
		if name == "" {
			name = strconv.Itoa(id)
		}
		keep(Fact{Kind: Device, Name: "Make", Value: name, Raw: m})
	}
	if m := packs[0xe4]; m != nil {
		v := append(bytes.Clone(m), append(bytes.Clone(packs[0xe5]), packs[0xe6]...)...)
		if v = bytes.TrimRight(v, "\x00"); isPlain(v) {
			keep(Fact{Kind: Device, Name: "Model", Value: string(v), Raw: bytes.Clone(m)})
		}
	}
	ratio := func(i int) float64 {
		if p := packs[i]; p != nil && be.Uint16(p[2:]) != 0 {
			return float64(be.Uint16(p)) / float64(be.Uint16(p[2:]))
		}
		return 0
	}
	angle := func(i int) float64 { return ratio(i) + ratio(i+1)/60 + ratio(i+2)/3600 }
	if packs[0xb1] != nil && packs[0xb2] != nil && packs[0xb5] != nil && packs[0xb6] != nil {
		f := Fix{At: at, Source: "MDPM", Latitude: toward(angle(0xb2), packs[0xb1][0]), Longitude: toward(angle(0xb6), packs[0xb5][0]), Altitude: ratio(0xba)}
		date := string(packs[0xca]) + string(packs[0xcb]) + string(packs[0xcc])
		if p := strings.Split(strings.TrimRight(date, "\x00"), ":"); len(p) == 3 {
			f.Time = utc(clock(whole10(p[0]), whole10(p[1]), whole10(p[2]), int(ratio(0xbb)), int(ratio(0xbc)), ratio(0xbd)))
		}
		raw := append(bytes.Clone(packs[0xb2]), packs[0xb3]...)
		if s.once(Fact{Where: where, Name: "place", Raw: append(bytes.Clone(raw), packs[0xb6]...), Value: f.Time}) {
			sheet.position(where, f, "", raw)
		}
	}
}
