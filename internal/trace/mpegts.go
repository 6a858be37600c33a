package trace

import (
	"bytes"
	"fmt"
	"strings"
)

// ts is the reading of an MPEG transport stream (ISO/IEC 13818-1), of packets
// of 188 bytes or 192 (M2TS, each behind a clock).
type ts struct {
	src   *source
	s     *Sheet
	kinds map[uint16]byte // stream types by PID
	tabs  map[uint16]bool // PIDs of program maps
	part  map[uint16][]byte
	loose map[uint16][]byte // packets that begin nothing
	first int64             // the first clock, 90 kHz; -1 before
	held  int
}

// maxTS is how much of a stream is read: it has no index, so what stands
// further in is a gap.
const maxTS = 256 << 20

// maxLoose is how many bytes of a stream are looked through that no table names
// and that has no beginning.
const maxLoose = 64 << 10

// readMPEGTS reads the names in the tables, and of the packets what is
// neither picture nor sound, and the messages among H.264's and HEVC's units.
func readMPEGTS(src *source, s *Sheet) error {
	head, err := src.bytes(0, min(src.size, 4<<10))
	if err != nil {
		return err
	}
	size, lead := int64(188), int64(0)
	if len(head) > 196 && head[0] != 0x47 || len(head) > 388 && head[188] != 0x47 && head[196] == 0x47 && head[388] == 0x47 {
		size, lead = 192, 4
	}
	t := &ts{src: src, s: s, kinds: map[uint16]byte{}, tabs: map[uint16]bool{}, part: map[uint16][]byte{}, loose: map[uint16][]byte{}, first: -1}
	lost := false
	for at := int64(0); at < src.size; {
		if at > maxTS {
			s.gap("packets", "too_large", src.size-at)
			break
		}
		n := min(1000*size, src.size-at)
		b, err := src.bytes(at, n)
		if err != nil {
			return err
		}
		used := int64(0)
		for ; used+size <= n; used += size {
			p := b[used+lead : used+size]
			if p[0] != 0x47 {
				lost = true
				break
			}
			t.packet(p[:188])
		}
		if lost || used == 0 {
			if err := src.remains(s, Leftover, stretch("trailer", at+used, src.size-at-used), at+used, src.size-at-used); err != nil {
				return err
			}
			break
		}
		at += used
	}
	for pid := range t.part {
		t.flush(pid)
	}
	for pid, b := range t.loose {
		if _, named := t.kinds[pid]; !named && pid >= 0x20 && !t.tabs[pid] {
			src.wordsOf(s, Leftover, fmt.Sprintf("PID 0x%x", pid), b)
		}
	}
	return nil
}

func (t *ts) packet(p []byte) {
	start, pid := p[1]&0x40 != 0, be.Uint16(p[1:])&0x1fff
	if pid == 0x1fff { // fill: should be empty
		if bytes.Count(p[4:], p[4:5]) != 184 {
			t.src.wordsOf(t.s, Leftover, "null packets", p[4:])
		}
		return
	}
	body := p[4:]
	if p[3]&0x20 != 0 { // adaptation field, with room for private data
		n := int(body[0])
		if n >= len(body) {
			return
		}
		t.adaptation(pid, body[1:1+n])
		body = body[1+n:]
	}
	if p[3]&0x10 == 0 || p[3]&0xc0 != 0 {
		if p[3]&0xc0 != 0 && t.src.once(Fact{Where: "scrambled", Name: fmt.Sprint(pid)}) {
			t.s.gap(fmt.Sprintf("PID 0x%x", pid), "encrypted", 0)
		}
		return
	}
	if start {
		t.flush(pid)
	} else if len(t.part[pid]) == 0 {
		if loose := t.loose[pid]; len(loose)+len(body) <= maxLoose && len(t.loose) < 512 {
			t.loose[pid] = append(loose, body...)
		}
		return // the middle of something whose beginning is not here
	}
	limit := 1 << 20
	if k := t.kinds[pid]; k == 0x1b || k == 0x24 {
		limit = 64 << 10 // the messages stand first
	}
	if len(t.part[pid])+len(body) <= limit && (start || t.held < 32<<20) && len(t.part) < 512 {
		t.part[pid] = append(t.part[pid], body...)
		t.held += len(body)
	}
}

// adaptation reads the private bytes of an adaptation field.
func (t *ts) adaptation(pid uint16, b []byte) {
	if len(b) < 1 || b[0]&2 == 0 {
		return
	}
	at := 1
	for _, f := range []struct {
		bit byte
		n   int
	}{{0x10, 6}, {0x08, 6}, {0x04, 1}} {
		if b[0]&f.bit != 0 {
			at += f.n
		}
	}
	if at < len(b) && at+1+int(b[at]) <= len(b) {
		t.src.wordsOf(t.s, Text, fmt.Sprintf("PID 0x%x/private", pid), b[at+1:at+1+int(b[at])])
	}
}

// flush reads what has come together of one stream.
func (t *ts) flush(pid uint16) {
	b := t.part[pid]
	t.held -= len(b)
	t.part[pid] = b[:0]
	if len(b) < 4 {
		return
	}
	if bytes.HasPrefix(b, []byte("\x00\x00\x01")) && len(b) > 9 {
		t.pes(pid, b)
		return
	}
	if pid < 0x20 || t.tabs[pid] {
		if n := 1 + int(b[0]); n < len(b) {
			t.section(pid, b[n:])
		}
		return
	}
	where := fmt.Sprintf("PID 0x%x", pid)
	if k, ok := t.kinds[pid]; ok && (k == 0x86 || k == 5) {
		return // splice points
	}
	if !t.src.written(t.s, where, "ts", b, -1) {
		t.src.wordsOf(t.s, Text, where, b)
	}
}

// section reads a table: programs, their streams, and their names.
func (t *ts) section(pid uint16, b []byte) {
	if len(b) < 12 {
		return
	}
	n := min(len(b), 3+int(be.Uint16(b[1:])&0xfff)) - 4 // without its checksum
	if n < 8 {
		return
	}
	table, b := b[0], b[:n]
	switch {
	case table == 0 && pid == 0:
		for p := b[8:]; len(p) >= 4; p = p[4:] {
			t.tabs[be.Uint16(p[2:])&0x1fff] = true
		}
	case table == 2 && len(b) >= 12:
		info := int(be.Uint16(b[10:]) & 0xfff)
		if 12+info > len(b) {
			return
		}
		t.descriptors("PMT", b[12:12+info])
		for p := b[12+info:]; len(p) >= 5; {
			es, m := be.Uint16(p[1:])&0x1fff, int(be.Uint16(p[3:])&0xfff)
			if 5+m > len(p) {
				return
			}
			t.kinds[es] = p[0]
			t.descriptors(fmt.Sprintf("PMT/0x%x", es), p[5:5+m])
			p = p[5+m:]
		}
	case table == 0x42 && len(b) >= 11:
		for p := b[11:]; len(p) >= 5; {
			m := int(be.Uint16(p[3:]) & 0xfff)
			if 5+m > len(p) {
				return
			}
			t.descriptors("SDT", p[5:5+m])
			p = p[5+m:]
		}
	case table == 0x70 || table == 0x73: // the sender's clock: day and time in BCD
		if len(b) >= 8 {
			t.s.fact(Fact{Kind: Time, Where: "TDT", Name: "UTC_time", Value: fmt.Sprintf("MJD %d %02x:%02x:%02x", be.Uint16(b[3:]), b[5], b[6], b[7]), Zone: "utc", Raw: bytes.Clone(b[3:8])})
		}
	default:
		t.src.wordsOf(t.s, Text, fmt.Sprintf("table 0x%x", table), b[8:])
	}
}

// descriptors reads a list of descriptors: 0x48 names a service and who gives it.
func (t *ts) descriptors(where string, b []byte) {
	for len(b) >= 2 && 2+int(b[1]) <= len(b) {
		tag, body := b[0], b[2:2+int(b[1])]
		b = b[2+len(body):]
		switch tag {
		case 0x48:
			if len(body) < 2 || 2+int(body[1]) >= len(body) {
				continue
			}
			provider, name := body[2:2+int(body[1])], body[3+int(body[1]):]
			for i, v := range [][]byte{provider, name} {
				if len(v) > 0 && v[0] < 0x20 { // a mark of the letters used
					v = v[1:]
				}
				f := Fact{Where: where, Kind: Text, Name: []string{"service provider", "service name"}[i]}
				if f.Value, f.Raw = decoded(v); t.src.once(f) {
					t.s.fact(f)
				}
			}
		default:
			for _, w := range findWords(body, 4) {
				if f := (Fact{Kind: Encoding, Where: fmt.Sprintf("%s/descriptor 0x%x", where, tag), Name: "text", Value: w.text, Raw: bytes.Clone(w.raw)}); t.src.once(f) {
					t.s.fact(f)
				}
			}
		}
	}
}

// pes reads one packet of a stream: pictures for their messages, sound for
// nothing, everything else for words and positions.
func (t *ts) pes(pid uint16, b []byte) {
	stream := b[3]
	where := fmt.Sprintf("PID 0x%x", pid)
	body := b[6:]
	ms := int64(-1)
	if stream != 0xbf && len(body) >= 3 && body[0]&0xc0 == 0x80 {
		if body[1]&0x80 != 0 && len(body) >= 8 {
			pts := int64(body[3]>>1&7)<<30 | int64(be.Uint16(body[4:])>>1)<<15 | int64(be.Uint16(body[6:])>>1)
			if t.first < 0 {
				t.first = pts
			}
			ms = max((pts-t.first)/90, 0)
		}
		if 3+int(body[2]) > len(body) {
			return
		}
		body = body[3+int(body[2]):]
	}
	if n := int(be.Uint16(b[4:])); n > 0 && len(b) > 6+n { // bytes behind the packet's end
		t.src.wordsOf(t.s, Leftover, where+"/stuffing", b[6+n:])
		body = body[:max(0, len(body)-(len(b)-6-n))]
	}
	kind, known := t.kinds[pid]
	switch {
	case kind == 0x1b || kind == 0x24:
		t.src.startCodes(t.s, where+"/SEI", body, kind == 0x24, ms)
	case kind == 1 || kind == 2 || kind == 0x10:
		t.src.userData(t.s, where+"/user_data", body)
	case known && (kind == 3 || kind == 4 || kind == 0x0f || kind == 0x11 || kind == 0x81 || kind == 0x87 || kind == 0x82 || kind == 0x83 || kind == 0x84 || kind == 0x85):
		if t.src.once(Fact{Where: where, Name: "sound"}) {
			signature(t.src, t.s, where+"/audio", body)
		}
	case stream >= 0xe0 && stream <= 0xef && !known && t.position(where, body, ms):
	case stream >= 0xc0 && stream <= 0xef && !known:
		t.src.startCodes(t.s, where+"/SEI", body, false, ms)
	default:
		if t.position(where, body, ms) {
			return
		}
		if t.src.once(Fact{Where: where, Name: "private"}) {
			t.s.gap(where, "unknown", int64(len(body)))
		}
		if bytes.HasPrefix(body, []byte("ID3")) {
			t.timedID3(where, body)
			return
		}
		t.src.wordsOf(t.s, Text, where, body)
	}
}

// timedID3 reads the tags of live streams.
func (t *ts) timedID3(where string, b []byte) {
	inner := &source{in: bytes.NewReader(b), size: int64(len(b)), base: -1, depth: t.src.depth, work: t.src.work}
	if _, err := id3v2(inner, t.s, where, 0, int64(len(b))); err != nil {
		t.src.wordsOf(t.s, Text, where, b)
	}
}

// position reads what dashcams write: Novatek's block without its head, at
// once or behind two lines of letters, INNOVV's records, or sentences.
func (t *ts) position(where string, b []byte, ms int64) bool {
	for _, skip := range []int{0, 164} {
		if len(b) < skip+44 {
			continue
		}
		if g := (block{b[skip:]}); g.letters(24, 25, 26) && !g.zero(28, 32) {
			t.src.put(t.s, where, g, ms, blockLayout{clock: 0, lat: 28, lon: 32, speed: 36, unit: knot, ns: 25, ew: 26})
			if skip > 0 {
				t.src.wordsOf(t.s, Serial, where, b[:skip])
			}
			return true
		}
	}
	if g := (block{b}); g.letters(0, 1, 2) && g.zero(3, 4) && len(b) >= 32 {
		t.src.innovv(t.s, where, b, ms)
		return true
	}
	if strings.Contains(string(b[:min(len(b), 512)]), "RMC,") && strings.Contains(string(b), ",A,:") {
		t.s.gap(where, "encrypted", int64(len(b))) // Jomise moves the digits in a way that is not known
		return true
	}
	return t.src.written(t.s, where, "ts", b, ms)
}

// startCodes reads the messages among units that stand behind 00 00 01.
func (s *source) startCodes(sheet *Sheet, where string, b []byte, hevc bool, ms int64) {
	for range 10_000 {
		i := bytes.Index(b, []byte("\x00\x00\x01"))
		if i < 0 || len(b) < i+5 {
			return
		}
		b = b[i+3:]
		if !message(b, hevc) {
			continue
		}
		end := bytes.Index(b, []byte("\x00\x00\x01"))
		if end < 0 {
			end = min(len(b), maxMessage)
		}
		s.unit(sheet, where, bytes.TrimRight(b[:end], "\x00"), hevc, ms)
	}
}

// userData reads the user data of MPEG-1, MPEG-2 and MPEG-4 pictures: encoders
// sign there, captions and dates stand there.
func (s *source) userData(sheet *Sheet, where string, b []byte) {
	for range 1000 {
		i := bytes.Index(b, []byte("\x00\x00\x01\xb2"))
		if i < 0 {
			return
		}
		b = b[i+4:]
		end := bytes.Index(b, []byte("\x00\x00\x01"))
		if end < 0 {
			end = len(b)
		}
		body := b[:min(end, maxMessage)]
		if bytes.HasPrefix(body, []byte("GA94\x03")) {
			s.captions(sheet, where+"/captions", body[5:])
		} else {
			s.wordsOf(sheet, Encoding, where, body)
		}
	}
}
