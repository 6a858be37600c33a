package trace

import (
	"fmt"
	"math"
	"strings"
)

// track is one track: how its frames lie in the file, and what it is.
type track struct {
	id       uint32
	handler  string
	formats  []string
	scale    uint32
	duration uint64
	lead     int64 // of the first frame's showing behind its decoding
	edits    []edit

	size   uint32 // of every sample; 0: in sizes
	count  int
	sizes  *list
	chunks *list
	runs   *list    // first chunk, samples per chunk, description
	times  *list    // count, duration
	frame  int64    // bytes of a sample of bare sound, where size is 1
	parts  []sample // of fragments
	clock  uint64   // where the fragments have come to

	nal  int // bytes of a length before each NAL unit; 0: no such film
	hevc bool
	keys map[uint32]string // of mebx
	mime string            // of mett
}

type edit struct{ duration, media int64 }

// sample is one frame, line of text or record.
type sample struct {
	at, n    int64
	time, to int64 // milliseconds in the film
	i        int
}

// list is a table of numbers that stays in the file.
type list struct {
	src    *source
	at     int64
	width  int
	n      int
	window []byte
	lo     int
}

func (f *film) list(at int64, width, n int, to int64) *list {
	return &list{src: f.src, at: at, width: width, n: int(min(int64(n), (to-at)/int64(width)))}
}

// get reads entry i, a window of the table at a time.
func (l *list) get(i int) ([]byte, error) {
	if l == nil || i < 0 || i >= l.n {
		return nil, errShort
	}
	if l.window == nil || i < l.lo || (i-l.lo+1)*l.width > len(l.window) {
		n := min(l.n-i, 32<<10/l.width)
		b, err := l.src.bytes(l.at+int64(i)*int64(l.width), int64(n)*int64(l.width))
		if err != nil {
			return nil, err
		}
		l.window, l.lo = b, i
	}
	at := (i - l.lo) * l.width
	return l.window[at : at+l.width], nil
}

// table notes where a sample table lies. It says whether it was one.
func (f *film) table(b box, t *track) (bool, error) {
	head := int64(8)
	switch b.kind {
	case "stsd":
		return true, f.descriptions(b, t)
	case "stsz", "stz2":
		head = 12
	case "stco", "co64", "stsc", "stts", "ctts":
	default:
		return false, nil
	}
	h, err := f.src.bytes(b.from, min(head, b.to-b.from))
	if err != nil {
		return true, err
	}
	if int64(len(h)) < head {
		f.s.gap(b.where, "broken", b.n)
		return true, nil
	}
	n := int(be.Uint32(h[head-4:]))
	at := b.from + head
	switch b.kind {
	case "stsz":
		t.size, t.count = be.Uint32(h[4:]), n
		if t.size == 0 {
			t.sizes = f.list(at, 4, n, b.to)
		}
	case "stz2":
		t.count = n
		switch bits := h[7]; bits {
		case 8, 16:
			t.sizes = f.list(at, int(bits/8), n, b.to)
		default:
			f.s.gap(b.where, "unknown", b.n)
		}
	case "stco":
		t.chunks = f.list(at, 4, n, b.to)
	case "co64":
		t.chunks = f.list(at, 8, n, b.to)
	case "stsc":
		t.runs = f.list(at, 12, n, b.to)
	case "ctts": // by how much the first frame is shown later than it is decoded
		if first, err := f.list(at, 8, n, b.to).get(0); err == nil {
			t.lead = max(int64(int32(be.Uint32(first[4:]))), 0)
		}
	case "stts":
		t.times = f.list(at, 8, n, b.to)
	}
	return true, nil
}

func number1(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}

// samples calls each for every sample, and chunk for every chunk, in the order
// of the file's tables, until one says false.
func (t *track) samples(each func(sample) bool, chunk func(at, n int64)) error {
	for _, p := range t.parts {
		if chunk != nil {
			chunk(p.at, p.n)
		}
		if each != nil && !each(p) {
			return nil
		}
	}
	if t.chunks == nil || t.runs == nil || t.size == 0 && t.sizes == nil {
		return nil
	}
	var i, run, per, next, left, entry int
	var clock, step uint64
	for c := range t.chunks.n {
		for c+1 >= next && run < t.runs.n {
			r, err := t.runs.get(run)
			if err != nil {
				return err
			}
			per, next = int(be.Uint32(r[4:])), math.MaxInt32
			if run++; run < t.runs.n {
				n, err := t.runs.get(run)
				if err != nil {
					return err
				}
				next = int(be.Uint32(n))
			}
			if next > c+1 {
				break
			}
		}
		b, err := t.chunks.get(c)
		if err != nil {
			return err
		}
		at := int64(number1(b) & (1<<62 - 1))
		from := at
		if t.size > 0 && each == nil { // all alike: no need to walk
			n := int64(min(per, max(t.count-i, 0)))
			size := int64(t.size)
			if t.size == 1 && t.frame > 0 {
				size = t.frame
			}
			i += int(n)
			chunk(from, n*size)
			continue
		}
		for range per {
			if i >= t.count {
				break
			}
			n := int64(t.size)
			if t.size == 0 {
				b, err := t.sizes.get(i)
				if err != nil {
					break // fewer sizes than samples: the rest is not there
				}
				n = int64(number1(b))
			}
			for left == 0 && t.times != nil && entry < t.times.n && each != nil {
				e, err := t.times.get(entry)
				if err != nil {
					return err
				}
				left, step = int(be.Uint32(e)), uint64(be.Uint32(e[4:]))
				entry++
			}
			if each != nil && !each(sample{at: at, n: n, time: ms(clock, t.scale), to: ms(clock+step, t.scale), i: i}) {
				return nil
			}
			clock += step
			left = max(left-1, 0)
			at += n
			i++
		}
		if chunk != nil {
			chunk(from, at-from)
		}
		if i >= t.count {
			break
		}
	}
	return nil
}

// ms turns ticks into milliseconds.
func ms(ticks uint64, scale uint32) int64 {
	s := uint64(max(scale, 1))
	return int64(ticks/s*1000 + ticks%s*1000/s)
}

// track reads what a track's samples tell and notes what its tables point to.
func (f *film) track(t *track, where string) error {
	f.hidden(t, where)
	if err := t.samples(nil, f.use); err != nil && err != errShort {
		return err
	}
	label := fmt.Sprintf("%s/%s %s", where, t.handler, strings.Join(t.formats, ","))
	switch {
	case t.nal > 0:
		return f.frames(t, where)
	case t.handler == "vide":
		return nil
	case t.handler == "soun":
		return f.sound(t, where)
	}
	return f.timed(t, label)
}

// descriptions reads stsd: which coder, its name, and the boxes of each kind.
func (f *film) descriptions(b box, t *track) error {
	body, err := f.body(b)
	if err != nil || len(body) < 8 {
		return err
	}
	for at := 8; at+16 <= len(body); {
		n := int(be.Uint32(body[at:]))
		if n < 16 || at+n > len(body) {
			f.s.gap(b.where, "broken", int64(len(body)-at))
			return nil
		}
		f.description(b, t, body[at:at+n], b.from+int64(at))
		at += n
	}
	return nil
}

func (f *film) description(b box, t *track, e []byte, at int64) {
	format := fourcc(e[4:8])
	where := b.where + "/" + strings.TrimSpace(format)
	t.formats = append(t.formats, format)
	f.s.fact(Fact{Kind: Encoding, Where: b.where, Name: "format", Value: format})
	child := 16
	switch {
	case t.handler == "vide" && len(e) >= 86:
		child = 86
		if v := e[20:24]; isPlain(v) && v[0] != 0 {
			f.s.fact(Fact{Kind: Encoding, Where: where, Name: "vendor", Value: string(v)})
		}
		name := e[51:82]
		if n := int(e[50]); n > 0 && n <= 31 && isPlain(name[:n]) {
			f.s.fact(Fact{Kind: Encoding, Where: where, Name: "compressor", Value: string(name[:n])})
			name = name[n:]
		}
		f.src.wordsOf(f.s, Encoding, where, name)
	case t.handler == "soun" && len(e) >= 36:
		child = 36
		t.frame = int64(be.Uint16(e[24:])) * int64(be.Uint16(e[26:])) / 8
		if v := e[20:24]; isPlain(v) && v[0] != 0 {
			f.s.fact(Fact{Kind: Encoding, Where: where, Name: "vendor", Value: string(v)})
		}
		if version := be.Uint16(e[16:]); version == 1 && len(e) >= 52 {
			child = 52
			if per := int64(be.Uint32(e[36:])); per > 0 {
				t.frame = int64(be.Uint32(e[44:])) / per
			}
		} else if version == 2 {
			child = 72
		}
	case format == "mett":
		parts := strings.SplitN(string(e[16:]), "\x00", 3)
		t.mime = parts[min(1, len(parts)-1)]
		if t.mime == "" {
			t.mime = parts[0]
		}
		f.s.say(where, "mime_format", []byte(t.mime))
		child = len(e)
	case format == "tx3g" || format == "text" || format == "tmcd" || format == "stpp" || format == "sbtt" || format == "metx" || format == "urim":
		f.src.wordsOf(f.s, Encoding, where, e[16:])
		child = len(e)
	}
	for child+8 <= len(e) {
		n := int(be.Uint32(e[child:]))
		if n < 8 || child+n > len(e) {
			return
		}
		in := e[child+8 : child+n]
		switch kind := fourcc(e[child+4 : child+8]); kind {
		case "avcC":
			if len(in) > 5 {
				t.nal = int(in[4]&3) + 1
			}
		case "hvcC":
			if len(in) > 22 {
				t.nal, t.hevc = int(in[21]&3)+1, true
				f.arrays(t, where+"/hvcC", in[22:])
			}
		case "keys":
			t.keys = map[uint32]string{}
			f.timedKeys(t, where+"/keys", in)
		case "sinf", "esds", "btrt", "pasp", "colr", "fiel", "chan", "dOps", "dac3", "dec3", "vpcC", "av1C", "gama", "clap", "nclc", "frma", "damr", "d263", "clef", "dvcC", "dvvC":
			f.src.wordsOf(f.s, Encoding, where+"/"+kind, in)
		case "wave": // QuickTime's own shell around what an MP4 says directly
			for rest := in; len(rest) >= 8; {
				size := int(be.Uint32(rest))
				if size < 8 || size > len(rest) {
					break
				}
				switch inner := fourcc(rest[4:8]); inner {
				case "frma", "mp4a", "esds", "enda", "chan":
				default:
					f.src.wordsOf(f.s, Encoding, where+"/wave/"+inner, rest[8:size])
				}
				rest = rest[size:]
			}
		default:
			inner := box{kind: kind, at: at + int64(child), n: int64(n), from: at + int64(child) + 8, to: at + int64(child+n), where: where + "/" + strings.TrimSpace(kind), parent: format}
			if f.src.wordsOf(f.s, Encoding, inner.where, in) {
				f.src.written(f.s, inner.where, kind, in, -1)
			}
		}
		child += n
	}
}

// arrays reads the messages that an HEVC description holds itself.
func (f *film) arrays(t *track, where string, b []byte) {
	if len(b) < 1 {
		return
	}
	n := int(b[0])
	b = b[1:]
	for range n {
		if len(b) < 3 {
			return
		}
		units := int(be.Uint16(b[1:]))
		b = b[3:]
		for range units {
			if len(b) < 2 || len(b) < 2+int(be.Uint16(b)) {
				return
			}
			size := int(be.Uint16(b))
			f.src.unit(f.s, where, b[2:2+size], true, 0)
			b = b[2+size:]
		}
	}
}

// fragment is the running state of one traf.
type fragment struct {
	t    *track
	base int64
	at   int64 // where the next run begins
	size uint32
	step uint32
}

func (f *film) tfhd(b box, _ *track, body []byte) {
	if f.frag == nil || len(body) < 8 {
		return
	}
	flags, id := be.Uint32(body)&0xffffff, be.Uint32(body[4:])
	for _, t := range f.tracks {
		if t.id == id {
			f.frag.t = t
		}
	}
	f.frag.step, f.frag.size = f.defaults[id][0], f.defaults[id][1]
	at := 8
	next := func(n int) []byte {
		if at+n > len(body) {
			return make([]byte, n)
		}
		at += n
		return body[at-n : at]
	}
	if flags&1 != 0 {
		f.frag.base = int64(be.Uint64(next(8)) & (1<<62 - 1))
	}
	if flags&2 != 0 {
		next(4)
	}
	if flags&8 != 0 {
		f.frag.step = be.Uint32(next(4))
	}
	if flags&16 != 0 {
		f.frag.size = be.Uint32(next(4))
	}
	f.frag.at = f.frag.base
}

// trex notes what fragments take for granted.
func (f *film) trex(_ box, _ *track, body []byte) {
	if len(body) >= 20 && len(f.defaults) < maxTracks {
		f.defaults[be.Uint32(body[4:])] = [2]uint32{be.Uint32(body[12:]), be.Uint32(body[16:])}
	}
}

// trun notes the samples of one run of a fragment.
func (f *film) trun(b box, _ *track, body []byte) {
	g := f.frag
	if g == nil || len(body) < 8 {
		return
	}
	flags, n := be.Uint32(body)&0xffffff, be.Uint32(body[4:])
	at := 8
	if flags&1 != 0 && len(body) >= 12 {
		g.at = g.base + int64(int32(be.Uint32(body[8:])))
		at += 4
	}
	if flags&4 != 0 {
		at += 4
	}
	width := 0
	for _, bit := range []uint32{0x100, 0x200, 0x400, 0x800} {
		if flags&bit != 0 {
			width += 4
		}
	}
	if width == 0 { // every sample has the size of the fragment
		n = min(n, maxRecords)
	} else {
		n = min(n, uint32(max(len(body)-at, 0)/width))
	}
	from := g.at
	for range n {
		size, step, p := g.size, g.step, at
		if flags&0x100 != 0 {
			step = be.Uint32(body[p:])
			p += 4
		}
		if flags&0x200 != 0 {
			size = be.Uint32(body[p:])
		}
		at += width
		if t := g.t; t != nil {
			if len(t.parts) < maxRecords {
				t.parts = append(t.parts, sample{at: g.at, n: int64(size), time: ms(t.clock, t.scale), to: ms(t.clock+uint64(step), t.scale), i: len(t.parts)})
			}
			t.clock += uint64(step)
		}
		g.at += int64(size)
	}
	f.use(from, g.at-from)
}
