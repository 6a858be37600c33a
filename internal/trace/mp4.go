package trace

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Bounds of a film's reading.
const (
	maxBoxes   = 200_000
	maxTracks  = 200
	maxSpans   = 1 << 19 // before they are merged for the first time
	mostSpans  = 1 << 22 // about a day of film
	maxHoles   = 20_000
	maxCues    = 5_000
	maxRecords = 200_000 // samples read of one track of text or positions
	maxFrames  = 4_096   // frames whose supplemental messages are read
)

var be = binary.BigEndian

// span is a stretch of the file.
type span struct{ at, n int64 }

// box is one box of an ISO base media file (ISO/IEC 14496-12) or atom of a
// QuickTime file.
type box struct {
	kind   string // four characters; 0xA9 as ©
	at, n  int64  // the box whole
	from   int64  // its content
	to     int64
	where  string
	parent string
}

// film is the reading of one such file.
type film struct {
	src     *source
	s       *Sheet
	tracks  []*track
	mdats   []span
	used    []span // what tables point to
	mergeAt int    // how many of them are merged again
	crowded bool   // there were more than can be held
	boxes   int
	moov    bool
	scale   uint32
	keys    []string
	moof    int64
	frag    *fragment

	defaults map[uint32][2]uint32 // of fragments: duration and size of a sample, by track
}

// readMP4 reads MP4, MOV, M4V, 3GP and M4A: every box, what the sample tables
// point to, and what they do not. It seeks and never reads the frames, except
// the first ones for the messages among them.
func readMP4(src *source, s *Sheet) error {
	f := &film{src: src, s: s, defaults: map[uint32][2]uint32{}}
	if err := f.walk("", "", 0, src.size, 0, nil); err != nil {
		return err
	}
	for i, t := range f.tracks {
		if err := f.track(t, fmt.Sprintf("moov/trak[%d]", i)); err != nil {
			return err
		}
	}
	if err := f.holes(); err != nil {
		return err
	}
	return insta360(src, s)
}

// walk goes through the boxes of a stretch.
func (f *film) walk(where, parent string, from, to int64, depth int, t *track) error {
	if depth > maxDepth {
		f.s.gap(where, "too_deep", to-from)
		return nil
	}
	for at := from; at < to; {
		if f.boxes++; f.boxes > maxBoxes {
			f.s.gap(where, "too_many", to-at)
			return nil
		}
		b, ok, err := f.box(at, to, where, parent)
		if err != nil {
			return err
		}
		if !ok {
			return f.after(where, at, to)
		}
		if err := f.read(b, depth, t); err != nil {
			return err
		}
		at += b.n
	}
	return nil
}

// box reads a box's head. Not ok means that there is none.
func (f *film) box(at, to int64, where, parent string) (box, bool, error) {
	if to-at < 8 {
		return box{}, false, nil
	}
	h, err := f.src.bytes(at, min(16, to-at))
	if err != nil {
		return box{}, false, err
	}
	b := box{kind: fourcc(h[4:8]), at: at, n: int64(be.Uint32(h)), from: at + 8, parent: parent}
	switch {
	case b.n == 1 && len(h) == 16:
		b.n, b.from = int64(be.Uint64(h[8:])), at+16
	case b.n == 0 && parent == "":
		b.n = to - at
	}
	for _, c := range h[4:8] {
		if (c < ' ' || c > '~') && c != 0xa9 && parent != "ilst" {
			return box{}, false, nil
		}
	}
	b.where = strings.TrimPrefix(where+"/"+strings.TrimSpace(b.kind), "/")
	if b.n < b.from-at || b.n < 0 {
		return box{}, false, nil
	}
	if b.n > to-at {
		if parent == "" && !topLevel[b.kind] || parent == "udta" && !strings.HasPrefix(b.kind, "©") && mobile[b.kind] == "" {
			return box{}, false, nil // words where a box was to be
		}
		f.s.gap(b.where, "broken", b.n-(to-at)) // the file was cut off, or the length lies
		b.n = to - at
	}
	b.to = at + b.n
	return b, true, nil
}

func fourcc(b []byte) string {
	if b[0] == 0xa9 {
		return "©" + string(b[1:4])
	}
	for _, c := range b {
		if c < ' ' || c > '~' {
			return fmt.Sprintf("#%d", be.Uint32(b))
		}
	}
	return string(b)
}

// topLevel are the boxes that a file may begin or go on with.
var topLevel = map[string]bool{"ftyp": true, "styp": true, "moov": true, "mdat": true, "free": true, "skip": true, "wide": true, "uuid": true, "moof": true,
	"mfra": true, "sidx": true, "pnot": true, "PICT": true, "udta": true, "meta": true, "pdin": true, "emsg": true, "prft": true, "ssix": true, "GPS ": true, "jumb": true, "sefd": true, "mpvd": true}

// inside are the boxes that hold boxes only.
var inside = map[string]bool{"moov": true, "mdia": true, "minf": true, "stbl": true, "dinf": true, "edts": true, "mvex": true, "moof": true, "mfra": true,
	"gmhd": true, "udta": true, "ptrh": true}

// plain are boxes of numbers for the player that tell nothing of anybody.
var plain = map[string]bool{"vmhd": true, "smhd": true, "nmhd": true, "sthd": true, "gmin": true, "dref": true, "stss": true, "cslg": true, "sdtp": true, "sbgp": true,
	"sgpd": true, "stps": true, "tapt": true, "mehd": true, "tfdt": true, "mfhd": true, "tfra": true, "mfro": true, "sidx": true, "iods": true, "load": true,
	"WLOC": true, "clef": true, "prof": true, "enof": true, "tref": true, "hmhd": true, "pdin": true, "subs": true, "saiz": true, "saio": true, "stsh": true, "ssix": true, "clap": true,
	"btrt": true, "pasp": true, "colr": true, "SelO": true, "AllF": true, "rtng": false}

func (f *film) read(b box, depth int, t *track) error {
	switch {
	case b.kind == "trak":
		if len(f.tracks) >= maxTracks {
			f.s.gap(b.where, "too_many", b.n)
			return nil
		}
		t = &track{scale: 1}
		b.where += fmt.Sprintf("[%d]", len(f.tracks))
		f.tracks = append(f.tracks, t)
		return f.walk(b.where, b.kind, b.from, b.to, depth+1, t)
	case b.kind == "traf":
		f.frag = &fragment{base: f.moof}
		return f.walk(b.where, b.kind, b.from, b.to, depth+1, t)
	case b.kind == "udta" && b.n > 24 && f.kenwood(b):
		return f.record(b)
	case inside[b.kind]:
		if b.kind == "moov" {
			f.moov = true
		}
		if b.kind == "moof" {
			f.moof = b.at
		}
		return f.walk(b.where, b.kind, b.from, b.to, depth+1, t)
	case plain[b.kind]:
		return nil
	case b.kind == "mdat":
		f.mdats = append(f.mdats, span{b.from, b.to - b.from})
		return nil
	case b.kind == "free" || b.kind == "skip" || b.kind == "wide":
		return f.free(b, depth)
	case b.kind == "meta":
		return f.meta(b, depth, t)
	case b.kind == "ilst":
		return f.ilst(b, depth)
	case b.kind == "uuid":
		return f.uuid(b)
	case b.parent == "udta" || b.parent == "free" || b.parent == "skip":
		return f.udta(b, depth, t)
	}
	if read, ok := boxReaders[b.kind]; ok {
		body, err := f.body(b)
		if err != nil || body == nil {
			return err
		}
		read(f, b, t, body)
		return nil
	}
	if t != nil {
		if done, err := f.table(b, t); done || err != nil {
			return err
		}
	}
	if b.parent == "gmhd" && b.to-b.from <= 64 {
		return nil
	}
	return f.record(b)
}

// kenwood says whether a box of user data is a drive instead.
func (f *film) kenwood(b box) bool {
	h, err := f.src.bytes(b.from, 8)
	return err == nil && strings.HasPrefix(string(h), "VIDEO")
}

// body reads a box's content; nil, and a gap, where it is too large to be held.
func (f *film) body(b box) ([]byte, error) {
	if b.to-b.from > maxPart {
		f.s.gap(b.where, "too_large", b.to-b.from)
		return nil, nil
	}
	return f.src.bytes(b.from, b.to-b.from)
}

// boxReaders read single boxes whole.
var boxReaders = map[string]func(f *film, b box, t *track, body []byte){
	"ftyp": brands, "styp": brands,
	"mvhd": header, "tkhd": header, "mdhd": header,
	"hdlr": handler, "elst": edits, "keys": keys, "tfhd": (*film).tfhd, "trun": (*film).trun, "trex": (*film).trex,
	"emsg": func(f *film, b box, _ *track, body []byte) { f.src.wordsOf(f.s, Text, b.where, body) },
	"prft": func(f *film, b box, _ *track, body []byte) {
		if len(body) >= 16 { // the producer's clock, NTP
			f.s.fact(Fact{Kind: Time, Where: b.where, Name: "ntp_timestamp", Value: since1904(uint64(be.Uint32(body[8:])) - 2208988800 + 2082844800), Zone: "utc", Raw: body[8:16]})
		}
	},
}

func brands(f *film, b box, _ *track, body []byte) {
	for i := 0; i+4 <= len(body); i += 4 {
		if i != 4 && isPlain(body[i:i+4]) {
			fact := Fact{Kind: Encoding, Where: b.where, Name: "brand", Value: strings.TrimSpace(string(body[i : i+4]))}
			if f.src.once(fact) {
				f.s.fact(fact)
			}
		}
	}
}

// header reads the times of mvhd, tkhd and mdhd. The standard counts them in
// UTC. That is the known trap: many cameras write the local time of their clock
// there, with nothing to tell the two apart; com.apple.quicktime.creationdate
// names its offset.
func header(f *film, b box, t *track, body []byte) {
	if len(body) < 20 {
		f.s.gap(b.where, "broken", b.n)
		return
	}
	wide := body[0] == 1
	size := 4
	if wide {
		size = 8
	}
	num := func(at int) (v uint64, raw []byte) {
		if at+size > len(body) {
			return 0, nil
		}
		if raw = body[at : at+size]; wide {
			return be.Uint64(raw), raw
		}
		return uint64(be.Uint32(raw)), raw
	}
	for i, name := range []string{"creation_time", "modification_time"} {
		v, raw := num(4 + i*size)
		if moment := since1904(v); moment != "" {
			f.s.fact(Fact{Kind: Time, Where: b.where, Name: name, Value: moment, Zone: "utc", Raw: raw})
		} else if v != 0 && !wide {
			f.s.fact(Fact{Kind: Time, Where: b.where, Name: name, Value: fmt.Sprint(v), Zone: "local", Raw: raw})
		}
	}
	at := 4 + 2*size
	if at+4+size > len(body) {
		return
	}
	scale := be.Uint32(body[at:])
	duration, _ := num(at + 4)
	switch {
	case b.kind == "mvhd":
		f.scale = scale
	case b.kind == "tkhd" && t != nil:
		t.id = scale // the track's number stands there
	case b.kind == "mdhd" && t != nil:
		t.scale, t.duration = max(scale, 1), duration
	}
}

func handler(f *film, b box, t *track, body []byte) {
	if len(body) < 24 {
		return
	}
	if t != nil && b.parent == "mdia" {
		t.handler = string(body[8:12])
	}
	if maker := body[12:16]; isPlain(maker) && strings.TrimSpace(string(maker)) != "" && maker[0] != 0 {
		f.s.fact(Fact{Kind: Encoding, Where: b.where, Name: "manufacturer", Value: strings.TrimSpace(string(maker))})
	}
	name := body[24:]
	if len(name) > 1 && int(name[0]) == len(name)-1 { // QuickTime counts, ISO ends with nought
		name = name[1:]
	}
	name = []byte(strings.TrimRight(string(name), "\x00"))
	if v, raw := decoded(name); v != "" && !strings.HasPrefix(v, "\x00") {
		fact := Fact{Kind: Encoding, Where: b.where, Name: "name", Value: v, Raw: raw}
		if !isPlain([]byte(v)) {
			fact.Raw = name
		}
		f.s.fact(fact)
	}
}

// edits notes what an edit list hides: whoever cut the film without encoding
// it anew left the frames in the file. Up to 0.15 s is what sound coders need to start.
func edits(f *film, b box, t *track, body []byte) {
	if t == nil || len(body) < 8 {
		return
	}
	wide := body[0] == 1
	step := 12
	if wide {
		step = 20
	}
	n := int(min(be.Uint32(body[4:]), uint32((len(body)-8)/step)))
	for i := range n {
		e := body[8+i*step:]
		d, m := int64(be.Uint32(e)), int64(int32(be.Uint32(e[4:])))
		if wide {
			d, m = int64(be.Uint64(e)), int64(be.Uint64(e[8:]))
		}
		t.edits = append(t.edits, edit{duration: d, media: m})
		if len(t.edits) >= 10_000 {
			break
		}
	}
}

// hidden tells of what the edits leave out; called when the track's clock is known.
func (f *film) hidden(t *track, where string) {
	var first, last int64 = -1, 0
	for _, e := range t.edits {
		if e.media < 0 || f.scale == 0 {
			continue
		}
		if first < 0 || e.media < first {
			first = e.media
		}
		shown := float64(e.duration) / float64(f.scale) * float64(t.scale)
		if e.duration == 0 || shown > math.MaxInt32*1000 {
			shown = float64(t.duration)
		}
		last = max(last, e.media+int64(shown))
	}
	if first < 0 {
		return
	}
	cut := func(name string, ticks int64) {
		if seconds := float64(ticks) / float64(t.scale); seconds > 0.15 {
			f.s.fact(Fact{Kind: History, Where: where + "/edts/elst", Name: name, Value: fmt.Sprintf("%.3f s", seconds)})
		}
	}
	cut("hidden before the beginning", first-t.lead)
	cut("hidden after the end", int64(t.duration)-last+t.lead)
}

// free reads what stands in a box that players skip: dashcams keep boxes or
// blocks of positions there, and overwritten things stay there.
func (f *film) free(b box, depth int) error {
	if b.from == b.to {
		return nil
	}
	head, err := f.src.bytes(b.from, min(12, b.to-b.from))
	if err != nil {
		return err
	}
	if strings.HasPrefix(string(head), "GPS ") { // a freeGPS block is such a box itself
		return f.src.remains(f.s, Leftover, b.where, b.at, b.n)
	}
	if len(head) == 12 && string(head[4:]) == "freeGPS " {
		return f.src.remains(f.s, Leftover, b.where, b.from, b.to-b.from)
	}
	gaps := len(f.s.Gaps)
	in, ok, err := f.box(b.from, b.to, b.where, b.kind)
	if err != nil {
		return err
	}
	ok = ok && len(f.s.Gaps) == gaps
	f.s.Gaps = f.s.Gaps[:gaps] // a try, no finding
	if ok && in.at+in.n <= b.to && (boxed[in.kind] || in.at+in.n == b.to && in.n > 8) && depth < maxDepth {
		return f.walk(b.where, b.kind, b.from, b.to, depth+1, nil)
	}
	return f.src.remains(f.s, Leftover, stretch(b.where, b.from, b.to-b.from), b.from, b.to-b.from)
}

// boxed are the boxes that cameras keep inside free and skip.
var boxed = map[string]bool{"gps ": true, "3gf ": true, "cprt": true, "thum": true, "ptnm": true, "ptrh": true, "sttm": true, "ver ": true, "gps0": true, "gsen": true, "meta": true, "udta": true}

// after reads what stands behind the last box.
func (f *film) after(where string, at, to int64) error {
	name := strings.TrimPrefix(where+"/trailer", "/")
	if where == "" {
		if done, err := autoVox(f.src, f.s, at, to); done || err != nil {
			return err
		}
	} else if to-at <= 4 { // QuickTime ends a list with a nought
		b, err := f.src.bytes(at, to-at)
		if err != nil || strings.Trim(string(b), "\x00") == "" {
			return err
		}
	}
	return f.src.remains(f.s, Leftover, stretch(name, at, to-at), at, to-at)
}

// uuid reads the boxes that are named by a number.
func (f *film) uuid(b box) error {
	if b.to-b.from < 16 {
		return nil
	}
	id, err := f.src.bytes(b.from, 16)
	if err != nil {
		return err
	}
	b.from += 16
	name := hex.EncodeToString(id)
	b.where += ":" + name
	switch name {
	case "be7acfcb97a942e89c71999491e3afac", "4e3ebf30b3ee42ce9a2ed7ab2ef9f4a7":
		body, err := f.body(b)
		if body != nil {
			f.src.markup(f.s, b.where+"/XMP", body)
		}
		return err
	case "9b630f8d637440ec8204bc5ff5091728":
		body, err := f.body(b)
		if body != nil {
			garmin(f.s, b.where, body)
		}
		return err
	case "efe1589abb7749ef809527759eb1dc6f":
		body, err := f.body(b)
		if body != nil {
			fly360(f.s, b.where, body)
		}
		return err
	}
	return f.record(b)
}

// record reads a box of unknown or private kind.
func (f *film) record(b box) error {
	n := b.to - b.from
	if n <= 0 {
		return nil
	}
	if n > maxPart {
		f.s.gap(b.where, "unknown", n)
		return f.src.remains(f.s, Text, b.where, b.from, n)
	}
	body, err := f.src.bytes(b.from, n)
	if err != nil {
		return err
	}
	if f.dashcam(b, body) {
		return nil
	}
	if isPlain(body) {
		f.s.say(b.where, b.kind, body)
		f.src.written(f.s, b.where, strings.TrimSpace(b.kind), body, -1)
		return nil
	}
	if i := strings.Index(string(body[:min(len(body), 256)]), "<?xml"); i >= 0 {
		f.src.markup(f.s, b.where, body[i:])
		return nil
	}
	if i := strings.Index(string(body[:min(len(body), 64)]), "\xff\xd8\xff"); i >= 0 {
		f.src.picture(f.s, b.where, "image/jpeg", b.from+int64(i), n-int64(i))
		return nil
	}
	f.s.gap(b.where, "unknown", n)
	return f.src.remains(f.s, Text, b.where, b.from, n)
}

// use notes a stretch that a table points to.
func (f *film) use(at, n int64) {
	if n <= 0 {
		return
	}
	if k := len(f.used); k > 0 && f.used[k-1].at+f.used[k-1].n == at {
		f.used[k-1].n += n
		return
	}
	if len(f.used) >= mostSpans {
		if !f.crowded {
			f.crowded = true
			f.s.gap("stbl", "too_many", 0)
		}
		return
	}
	if f.used = append(f.used, span{at, n}); len(f.used) >= max(maxSpans, f.mergeAt) {
		f.used = merge(f.used)
		f.mergeAt = 2 * len(f.used) // what does not touch is not sorted again for every chunk
	}
}

func merge(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.at, b.at) })
	out := spans[:0]
	for _, s := range spans {
		if k := len(out); k > 0 && s.at <= out[k-1].at+out[k-1].n {
			out[k-1].n = max(out[k-1].n, s.at+s.n-out[k-1].at)
			continue
		}
		out = append(out, s)
	}
	return out
}

// holes reads the stretches of the media data that no table points to: deleted
// parts, blocks of positions, whatever was hidden there.
func (f *film) holes() error {
	if f.crowded {
		f.s.gap("mdat", "too_many", 0)
		return nil
	}
	f.used = merge(f.used)
	var holes []span
	for _, m := range f.mdats {
		at := m.at
		i, _ := slices.BinarySearchFunc(f.used, m.at, func(s span, at int64) int { return cmp.Compare(s.at+s.n, at) })
		for ; i < len(f.used) && f.used[i].at < m.at+m.n; i++ {
			if f.used[i].at > at {
				holes = append(holes, span{at, f.used[i].at - at})
			}
			at = max(at, f.used[i].at+f.used[i].n)
		}
		if at < m.at+m.n {
			holes = append(holes, span{at, m.at + m.n - at})
		}
	}
	for i, h := range holes {
		if i >= maxHoles {
			f.s.gap("mdat", "too_many", 0)
			break
		}
		where := "mdat"
		if i < maxWords {
			where = stretch("mdat", h.at, h.n)
		}
		if err := f.src.remains(f.s, Leftover, where, h.at, h.n); err != nil {
			return err
		}
	}
	return nil
}
