package trace

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"time"
)

// mkv is the reading of a Matroska or WebM file (RFC 9559).
type mkv struct {
	src      *source
	s        *Sheet
	elements int
	scale    uint64 // nanoseconds of a tick
	cluster  uint64
	tracks   map[uint64]*mkvTrack
	last     *mkvTrack
	cues     int
	frames   int
	attached struct{ name, mime string }
	tag      string
}

type mkvTrack struct {
	number uint64
	kind   uint64 // 1 film, 2 sound, 17 subtitles, 33 metadata
	codec  string
	nal    int
	hevc   bool
	packed bool // its blocks are compressed
}

// element names by ID; what is not here is read as unknown.
const (
	mkvMaster = iota + 1
	mkvText
	mkvNumber
	mkvSkip
	mkvOwn
)

var mkvElements = map[uint32]struct {
	name string
	kind int
}{
	0x1A45DFA3: {"EBML", mkvMaster}, 0x4282: {"DocType", mkvText}, 0x4286: {"EBMLVersion", mkvSkip}, 0x42F7: {"EBMLReadVersion", mkvSkip}, 0x42F2: {"EBMLMaxIDLength", mkvSkip},
	0x42F3: {"EBMLMaxSizeLength", mkvSkip}, 0x4287: {"DocTypeVersion", mkvSkip}, 0x4285: {"DocTypeReadVersion", mkvSkip},
	0x18538067: {"Segment", mkvMaster}, 0x114D9B74: {"SeekHead", mkvSkip}, 0x1C53BB6B: {"Cues", mkvSkip}, 0xBF: {"CRC-32", mkvSkip}, 0xEC: {"Void", mkvOwn},
	0x1549A966: {"Info", mkvMaster}, 0x73A4: {"SegmentUUID", mkvOwn}, 0x7384: {"SegmentFilename", mkvText}, 0x3CB923: {"PrevUUID", mkvOwn}, 0x3C83AB: {"PrevFilename", mkvText},
	0x3EB923: {"NextUUID", mkvOwn}, 0x3E83BB: {"NextFilename", mkvText}, 0x4444: {"SegmentFamily", mkvOwn}, 0x2AD7B1: {"TimestampScale", mkvOwn}, 0x4489: {"Duration", mkvSkip},
	0x4461: {"DateUTC", mkvOwn}, 0x7BA9: {"Title", mkvText}, 0x4D80: {"MuxingApp", mkvText}, 0x5741: {"WritingApp", mkvText},
	0x1654AE6B: {"Tracks", mkvMaster}, 0xAE: {"TrackEntry", mkvMaster}, 0xD7: {"TrackNumber", mkvOwn}, 0x73C5: {"TrackUID", mkvNumber}, 0x83: {"TrackType", mkvOwn},
	0x536E: {"Name", mkvText}, 0x22B59C: {"Language", mkvSkip}, 0x22B59D: {"LanguageBCP47", mkvSkip}, 0x86: {"CodecID", mkvOwn}, 0x63A2: {"CodecPrivate", mkvOwn}, 0x258688: {"CodecName", mkvText},
	0x3A9697: {"CodecSettings", mkvText}, 0x3B4040: {"CodecInfoURL", mkvText}, 0x26B240: {"CodecDownloadURL", mkvText}, 0x6D80: {"ContentEncodings", mkvOwn}, 0xE0: {"Video", mkvSkip}, 0xE1: {"Audio", mkvSkip},
	0xB9: {"", mkvSkip}, 0x88: {"", mkvSkip}, 0x55AA: {"", mkvSkip}, 0x55AB: {"", mkvSkip}, 0x55AC: {"", mkvSkip}, 0x55AD: {"", mkvSkip}, 0x55AE: {"", mkvSkip}, 0x55AF: {"", mkvSkip}, 0x9C: {"", mkvSkip},
	0x6DE7: {"", mkvSkip}, 0x6DF8: {"", mkvSkip}, 0x23E383: {"", mkvSkip}, 0x234E7A: {"", mkvSkip}, 0x23314F: {"", mkvSkip}, 0x55EE: {"", mkvSkip}, 0xAA: {"", mkvSkip}, 0x56AA: {"", mkvSkip}, 0x56BB: {"", mkvSkip}, 0x7446: {"", mkvSkip}, 0x6FAB: {"", mkvSkip}, 0xE2: {"", mkvSkip},
	0x1F43B675: {"Cluster", mkvMaster}, 0xE7: {"Timestamp", mkvOwn}, 0xA3: {"SimpleBlock", mkvOwn}, 0xA0: {"BlockGroup", mkvMaster}, 0xA1: {"Block", mkvOwn}, 0x9B: {"", mkvSkip}, 0xFB: {"", mkvSkip},
	0xA7: {"", mkvSkip}, 0xAB: {"", mkvSkip}, 0x75A2: {"", mkvSkip}, 0xFA: {"", mkvSkip}, 0x75A1: {"BlockAdditions", mkvMaster}, 0xA6: {"BlockMore", mkvMaster}, 0xEE: {"", mkvSkip}, 0xA5: {"BlockAdditional", mkvOwn},
	0x1043A770: {"Chapters", mkvMaster}, 0x45B9: {"EditionEntry", mkvMaster}, 0xB6: {"ChapterAtom", mkvMaster}, 0x80: {"ChapterDisplay", mkvMaster}, 0x85: {"ChapString", mkvText}, 0x5654: {"ChapterStringUID", mkvText},
	0x73C4: {"ChapterUID", mkvNumber}, 0x45BC: {"EditionUID", mkvNumber}, 0x91: {"", mkvSkip}, 0x92: {"", mkvSkip}, 0x98: {"", mkvSkip}, 0x4598: {"", mkvSkip}, 0x45BD: {"", mkvSkip}, 0x45DB: {"", mkvSkip}, 0x45DD: {"", mkvSkip}, 0x437C: {"", mkvSkip}, 0x437D: {"", mkvSkip}, 0x437E: {"", mkvSkip},
	0x1254C367: {"Tags", mkvMaster}, 0x7373: {"Tag", mkvMaster}, 0x63C0: {"Targets", mkvMaster}, 0x68CA: {"", mkvSkip}, 0x63CA: {"TargetType", mkvText}, 0x63C5: {"TagTrackUID", mkvSkip}, 0x63C9: {"TagEditionUID", mkvSkip}, 0x63C4: {"TagChapterUID", mkvSkip}, 0x63C6: {"TagAttachmentUID", mkvSkip},
	0x67C8: {"SimpleTag", mkvMaster}, 0x45A3: {"TagName", mkvOwn}, 0x4487: {"TagString", mkvOwn}, 0x4485: {"TagBinary", mkvOwn}, 0x447A: {"", mkvSkip}, 0x447B: {"", mkvSkip}, 0x4484: {"", mkvSkip}, 0x44B4: {"", mkvSkip},
	0x1941A469: {"Attachments", mkvMaster}, 0x61A7: {"AttachedFile", mkvMaster}, 0x467E: {"FileDescription", mkvText}, 0x466E: {"FileName", mkvOwn}, 0x4660: {"FileMediaType", mkvOwn}, 0x465C: {"FileData", mkvOwn}, 0x46AE: {"FileUID", mkvNumber},
}

// readMatroska reads everything but the coded pictures and sounds themselves.
func readMatroska(src *source, s *Sheet) error {
	m := &mkv{src: src, s: s, scale: 1_000_000, tracks: map[uint64]*mkvTrack{}}
	return m.walk("", 0, src.size, 0)
}

// vint reads a number of EBML (RFC 8794) at a place: how long it is, its value, and whether all its bits are set.
func vint(b []byte, keep bool) (n int, v uint64, all bool) {
	if len(b) == 0 || b[0] == 0 {
		return 0, 0, false
	}
	n = 1
	for mask := byte(0x80); b[0]&mask == 0; mask >>= 1 {
		n++
	}
	if n > len(b) {
		return 0, 0, false
	}
	v = uint64(b[0])
	if !keep {
		v &= 1<<(8-n) - 1
	}
	for _, c := range b[1:n] {
		v = v<<8 | uint64(c)
	}
	return n, v, !keep && v == 1<<(7*n)-1
}

func (m *mkv) walk(where string, from, to int64, depth int) error {
	if depth > maxDepth {
		m.s.gap(where, "too_deep", to-from)
		return nil
	}
	for at := from; at < to; {
		if m.elements++; m.elements > 100*maxBoxes {
			m.s.gap(where, "too_many", to-at)
			return nil
		}
		h, err := m.src.bytes(at, min(12, to-at))
		if err != nil {
			return err
		}
		idn, id, _ := vint(h, true)
		if idn == 0 || idn > 4 {
			return m.src.remains(m.s, Leftover, stretch(where+"/after", at, to-at), at, to-at)
		}
		sn, size, open := vint(h[idn:], false)
		if sn == 0 {
			return m.src.remains(m.s, Leftover, stretch(where+"/after", at, to-at), at, to-at)
		}
		e, known := mkvElements[uint32(id)]
		if depth == 0 && !known {
			return m.src.remains(m.s, Leftover, stretch("trailer", at, to-at), at, to-at)
		}
		body := at + int64(idn+sn)
		n := int64(size & (1<<62 - 1))
		if open {
			n = to - body
		}
		if open && id == 0x1F43B675 { // of unknown length: ends where the next begins
			at = body
			continue
		}
		if n > to-body {
			m.s.gap(where+"/"+e.name, "broken", n-(to-body))
			n = to - body
		}
		name := e.name
		if !known {
			name = fmt.Sprintf("0x%X", id)
		}
		road := strings.TrimPrefix(where+"/"+name, "/")
		if err := m.element(e.kind, uint32(id), road, name, body, n, depth); err != nil {
			return err
		}
		at = body + n
	}
	return nil
}

func (m *mkv) element(kind int, id uint32, where, name string, at, n int64, depth int) error {
	switch kind {
	case mkvMaster:
		switch id {
		case 0xAE:
			m.last = &mkvTrack{}
		case 0x61A7:
			m.attached.name, m.attached.mime = "", ""
		case 0x67C8:
			m.tag = ""
		}
		return m.walk(where, at, at+n, depth+1)
	case mkvSkip:
		return nil
	}
	switch id {
	case 0xEC:
		return m.src.remains(m.s, Leftover, stretch(where, at, n), at, n)
	case 0xA3, 0xA1:
		return m.block(where, at, n)
	case 0x465C:
		return m.attachment(where, at, n)
	}
	if n > maxPart {
		m.s.gap(where, "too_large", n)
		return m.src.remains(m.s, Text, where, at, n)
	}
	b, err := m.src.bytes(at, n)
	if err != nil {
		return err
	}
	switch kind {
	case mkvText:
		m.s.say(where, name, b)
	case mkvNumber: // random numbers, the same in every copy
		m.s.fact(Fact{Kind: Serial, Where: where, Name: name, Value: fmt.Sprint(number1(b)), Raw: b})
	case mkvOwn:
		m.own(id, where, name, b)
	default:
		m.s.gap(where, "unknown", n)
		return m.src.remains(m.s, Text, where, at, n)
	}
	return nil
}

func (m *mkv) own(id uint32, where, name string, b []byte) {
	t := m.last
	if t == nil {
		t = &mkvTrack{}
	}
	switch id {
	case 0x73A4, 0x3CB923, 0x3EB923, 0x4444:
		m.s.fact(Fact{Kind: Serial, Where: where, Name: name, Value: hex.EncodeToString(b), Raw: b})
	case 0x2AD7B1:
		m.scale = max(number1(b), 1)
	case 0x4461:
		if len(b) == 8 {
			ns := int64(be.Uint64(b))
			when := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(ns))
			m.s.fact(Fact{Kind: Time, Where: where, Name: name, Value: stamp(when), Zone: "utc", Raw: b})
		}
	case 0xD7:
		if t.number = number1(b); len(m.tracks) < maxTracks {
			m.tracks[t.number] = t
		}
	case 0x83:
		t.kind = number1(b)
	case 0x86:
		t.codec = strings.TrimRight(string(b), "\x00")
		m.s.say(where, name, b)
	case 0x6D80:
		t.packed = true
		m.s.gap(where, "unknown", int64(len(b)))
	case 0x63A2:
		m.private(t, where, b)
	case 0xE7:
		m.cluster = number1(b)
	case 0x45A3:
		m.tag = strings.TrimRight(string(b), "\x00")
		m.s.say(where, name, b)
		if n := len(m.s.Facts); n > 0 && m.s.Facts[n-1].Where == where {
			m.s.Facts[n-1].Kind = Encoding
		}
	case 0x4487:
		tag := m.tag
		if tag == "" {
			tag = name
		}
		m.s.say(where, tag, b)
		if p, ok := point(string(b)); ok && kindOf(tag) == Place {
			p.Source = tag
			m.s.position(where, p, string(b), nil)
		}
		m.src.written(m.s, where, "tag", b, -1)
	case 0x4485:
		m.src.wordsOf(m.s, kindOf(m.tag), where, b)
		m.s.fact(Fact{Kind: kindOf(m.tag), Where: where, Name: m.tag, Raw: b})
	case 0x466E:
		m.attached.name = string(b)
		m.s.say(where, name, b)
	case 0x4660:
		m.attached.mime = string(b)
		m.s.fact(Fact{Kind: Encoding, Where: where, Name: name, Value: string(b)})
	case 0xA5:
		m.src.wordsOf(m.s, Text, where, b)
	}
}

// private reads a coder's own setting: how H.264 units are counted, a
// subtitle's style, the comments of Vorbis.
func (m *mkv) private(t *mkvTrack, where string, b []byte) {
	switch {
	case t.codec == "V_MPEG4/ISO/AVC" && len(b) > 5:
		t.nal = int(b[4]&3) + 1
	case t.codec == "V_MPEGH/ISO/HEVC" && len(b) > 22:
		t.nal, t.hevc = int(b[21]&3)+1, true
		f := &film{src: m.src, s: m.s}
		f.arrays(nil, where, b[22:])
	case strings.HasPrefix(t.codec, "S_TEXT"):
		m.s.say(where, "CodecPrivate", b)
	default:
		m.src.wordsOf(m.s, Encoding, where, b)
	}
}

// attachment reads a file inside the file.
func (m *mkv) attachment(where string, at, n int64) error {
	where += ":" + m.attached.name
	if strings.HasPrefix(m.attached.mime, "image/") {
		m.src.picture(m.s, where, m.attached.mime, at, n)
		return nil
	}
	if m.src.embedded(m.s, where, at, n) {
		return nil
	}
	m.s.gap(where, "unknown", n)
	return m.src.remains(m.s, Text, where, at, n)
}

// block reads a block of subtitles or metadata, and the messages among the
// first frames of a film.
func (m *mkv) block(where string, at, n int64) error {
	h, err := m.src.bytes(at, min(n, 12))
	if err != nil {
		return err
	}
	tn, number, _ := vint(h, false)
	t := m.tracks[number]
	if t == nil || tn == 0 || len(h) < tn+3 {
		return nil
	}
	offset := int64(int16(be.Uint16(h[tn:])))
	ticks := float64(m.cluster) + float64(offset)
	ms := int64(math.Min(math.Max(ticks*float64(m.scale)/1e6, 0), 1<<50))
	from, size := at+int64(tn)+3, n-int64(tn)-3
	laced := h[tn+2]&0x06 != 0
	switch {
	case t.kind == 17 || t.kind == 33 || strings.HasPrefix(t.codec, "S_TEXT"):
		if m.cues++; m.cues > maxRecords || size > maxMessage {
			if m.cues == maxRecords+1 || size > maxMessage {
				m.s.gap(where, "too_many", size)
			}
			return nil
		}
		b, err := m.src.bytes(from, size)
		if err != nil {
			return err
		}
		m.cue(t, where, b, ms)
	case t.nal > 0 && !laced && !t.packed:
		if m.frames++; m.frames > maxFrames {
			if m.frames == maxFrames+1 {
				m.s.gap(where+"/SEI", "too_many", 0)
			}
			return nil
		}
		return m.src.units(m.s, where+"/SEI", from, size, t.nal, t.hevc, ms)
	case t.kind == 2 && m.frames < 3 && size < maxMessage && !laced:
		b, err := m.src.bytes(from, size)
		if err != nil {
			return err
		}
		signature(m.src, m.s, where+"/audio", b)
	}
	return nil
}

func (m *mkv) cue(t *mkvTrack, where string, b []byte, ms int64) {
	if t.packed {
		return // said once, with the track
	}
	m.src.written(m.s, where, "subtitle", b, ms)
	v, raw := decoded(b)
	if raw != nil {
		if !m.src.wordsOf(m.s, Text, where, b) && m.src.once(Fact{Where: where, Name: "no text"}) {
			m.s.gap(where, "unknown", int64(len(b)))
		}
		return
	}
	if f := (Fact{Kind: Text, Where: where, Name: "subtitle", Value: v}); v != "" && m.src.once(f) && m.cues <= maxCues {
		m.s.fact(f)
	}
}
