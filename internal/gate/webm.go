package gate

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"
)

// WebM (RFC 9559) with one track of Opus, exactly as ffmpeg writes it for media:
// heads with fixed bytes, clusters of blocks, an index that follows from them.

const (
	idHead      = 0x1a45dfa3
	idSegment   = 0x18538067
	idSeekHead  = 0x114d9b74
	idVoid      = 0xec
	idInfo      = 0x1549a966
	idTracks    = 0x1654ae6b
	idTags      = 0x1254c367
	idCluster   = 0x1f43b675
	idTime      = 0xe7
	idBlock     = 0xa3
	idGroup     = 0xa0
	idInGroup   = 0xa1
	idDiscard   = 0x75a2
	idCues      = 0x1c53bb6b
	segmentHead = 12
)

var (
	webmHead = pat("1a45dfa39f 42868101 42f78101 42f28104 42f38108 4282847765626d 42878104 42858102")
	webmInfo = pat("2ad7b1830f4240 4d80844c617666 5741844c617666 448988 ................")
	// One track, Opus, mono, 48 kHz, language "und"; how much a decoder skips is
	// the coder's own number.
	webmTrack = pat("ae010000000000005c d78101 73c588 0000000000000001 9c8100 22b59c83756e64 888100 8686415f4f505553")
	webmOpus  = pat("56aa83 632ea0 56bb84 04c4b400 838102 e191 9f8101 b58840e7700000000000 626481 10 63a293 4f70757348656164 01 01 .... 80bb0000 0000 00")
	webmTags  = pat("7373 cf 63c08b 63c588 0000000000000001 67c899 45a387 454e434f444552 44878c 4c617663206c69626f707573" +
		"67c8a2 45a388 4455524154494f4e 448794 ........................................")
)

// webm is what was read so far.
type webm struct {
	*file
	segment  int64            // where the segment's body begins
	places   map[uint32]int64 // element → its place in the segment
	clusters []clusterAt
	end      time.Duration
}

// clusterAt is where a cluster lies in the segment, and its first block in it.
type clusterAt struct {
	time         uint64
	place, first int64
}

func readWebM(f *file) error {
	head, err := f.bytes("EBML", 0, int64(len(webmHead)))
	if err != nil {
		return err
	}
	if err := webmHead.check("EBML", 0, head); err != nil {
		return err
	}
	f.part("EBML", int64(len(head)))
	s, err := f.elementAt("Segment", int64(len(head)), f.size)
	if err != nil {
		return err
	}
	if s.id != idSegment || s.body-s.at != segmentHead {
		return refuse("Segment", s.at, "unlisted", "element %x", s.id)
	}
	if s.end() != f.size {
		return refuse("", s.end(), "beyond", "%d bytes after the segment", f.size-s.end())
	}
	w := &webm{file: f, segment: s.body, places: map[uint32]int64{}}
	return w.segmentBody(s)
}

// segmentBody reads the parts in their one order.
func (w *webm) segmentBody(s element) error {
	at := s.body
	var seek, info, tags element
	for _, due := range []struct {
		id   uint32
		name string
		read func(element) error
		keep *element
	}{
		{idSeekHead, "SeekHead", nil, &seek}, {idVoid, "Void", w.void, nil}, {idInfo, "Info", w.fits("Info", webmInfo), &info},
		{idTracks, "Tracks", w.fits("Tracks", append(append(pattern{}, webmTrack...), webmOpus...)), nil},
		{idTags, "Tags", w.fits("Tags", webmTags), &tags},
	} {
		e, err := w.elementAt(due.name, at, s.end())
		if err != nil {
			return err
		}
		if e.id != due.id {
			return refuse("Segment", e.at, "unlisted", "element %x of %d bytes where %s is due", e.id, e.size, due.name)
		}
		if due.read != nil {
			if err := due.read(e); err != nil {
				return err
			}
		}
		if due.keep != nil {
			*due.keep = e
		}
		w.places[e.id] = e.at - w.segment
		w.part(due.name, e.end()-e.at)
		at = e.end()
	}
	var cues element
	for at < s.end() && cues.id == 0 {
		e, err := w.elementAt("Segment", at, s.end())
		if err != nil {
			return err
		}
		switch e.id {
		case idCluster:
			err = w.cluster(e)
		case idCues:
			cues = e
			w.places[idCues] = e.at - w.segment
			err = w.cues(e)
		default:
			err = refuse("Segment", e.at, "unlisted", "element %x of %d bytes", e.id, e.size)
		}
		if err != nil {
			return err
		}
		at = e.end()
	}
	if at != s.end() || cues.id == 0 {
		return refuse("Segment", at, "unlisted", "the index is not the last part")
	}
	if err := w.seekHead(seek); err != nil {
		return err
	}
	return w.length(info, tags)
}

func (w *webm) fits(where string, p pattern) func(element) error {
	return func(e element) error {
		b, err := w.data(e)
		if err != nil {
			return err
		}
		return p.check(where, e.body, b)
	}
}

// void wants zeros.
func (w *webm) void(e element) error {
	b, err := w.data(e)
	if err != nil {
		return err
	}
	if i := bytes.IndexFunc(b, func(r rune) bool { return r != 0 }); i >= 0 || len(b) > 256 {
		return refuse("Void", e.body+int64(max(0, i)), "hidden", "%d bytes that are not all zero", len(b))
	}
	return nil
}

// seekHead wants the places of the four parts, in their order.
func (w *webm) seekHead(e element) error {
	b, err := w.data(e)
	if err != nil {
		return err
	}
	for _, id := range []uint32{idInfo, idTracks, idTags, idCues} {
		place := shortest(uint64(w.places[id]))
		want := []byte{0x4d, 0xbb, 0x80 | byte(10+len(place)), 0x53, 0xab, 0x84, byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id), 0x53, 0xac, 0x80 | byte(len(place))}
		want = append(want, place...)
		if !bytes.HasPrefix(b, want) {
			return refuse("SeekHead", e.body, "value", "another place of %x than it has", id)
		}
		b = b[len(want):]
	}
	if len(b) > 0 {
		return refuse("SeekHead", e.end()-int64(len(b)), "unlisted", "%d bytes more", len(b))
	}
	return nil
}

// cluster reads its time and blocks. The last of all may be a group, with how
// much of its end is not heard.
func (w *webm) cluster(c element) error {
	w.part("Cluster", c.end()-c.at)
	e, err := w.elementAt("Cluster", c.body, c.end())
	if err != nil {
		return err
	}
	if e.id != idTime {
		return refuse("Cluster", e.at, "unlisted", "element %x where the time is due", e.id)
	}
	start, err := w.number(e)
	if err != nil {
		return err
	}
	if start > uint64(24*time.Hour/time.Millisecond) || e.size > 1 && start>>(8*(e.size-1)) == 0 {
		return refuse("Cluster", e.at, "value", "time")
	}
	w.clusters = append(w.clusters, clusterAt{start, c.at - w.segment, e.end() - c.body})
	for at := e.end(); at < c.end(); at = e.end() {
		if e, err = w.elementAt("Cluster", at, c.end()); err != nil {
			return err
		}
		switch e.id {
		case idBlock:
			err = w.block(e, start, 0x80)
		case idGroup:
			err = w.group(e, start)
		default:
			err = refuse("Cluster", e.at, "unlisted", "element %x of %d bytes", e.id, e.size)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *webm) group(g element, start uint64) error {
	e, err := w.elementAt("BlockGroup", g.body, g.end())
	if err != nil {
		return err
	}
	if e.id != idInGroup {
		return refuse("BlockGroup", e.at, "unlisted", "element %x", e.id)
	}
	if err := w.block(e, start, 0); err != nil {
		return err
	}
	if e, err = w.elementAt("BlockGroup", e.end(), g.end()); err != nil {
		return err
	}
	discard, err := w.number(e)
	if err != nil {
		return err
	}
	if e.id != idDiscard || e.end() != g.end() || discard > uint64(120*time.Millisecond) {
		return refuse("BlockGroup", e.at, "unlisted", "element %x of %d bytes", e.id, e.size)
	}
	return nil
}

// block reads the head of a block and of the one Opus packet in it.
func (w *webm) block(e element, start uint64, flags byte) error {
	w.part("Block", e.end()-e.at)
	b, err := w.data(e)
	if err != nil {
		return err
	}
	if len(b) < 5 || b[0] != 0x81 || b[3] != flags {
		return refuse("Block", e.at, "value", "track or flags")
	}
	at := int64(start) + int64(int16(uint16(b[1])<<8|uint16(b[2])))
	if now := time.Duration(at) * time.Millisecond; at < 0 || now > 0 && now <= w.end-time.Millisecond {
		return refuse("Block", e.at, "value", "a time before the block before")
	} else {
		w.end = now
	}
	if what := opusPacket(b[4:]); what != "" {
		return refuse("Block", e.body+4, "hidden", "%s", what)
	}
	return nil
}

// opusPacket says what is wrong with a packet (RFC 6716, 3): one that is padded
// can carry anything.
func opusPacket(p []byte) string {
	const stereo, several = 4, 3
	switch {
	case len(p) > 1275*3:
		return "a packet longer than three frames"
	case p[0]&stereo != 0:
		return "a packet of two channels"
	case p[0]&3 != several:
		return ""
	case len(p) < 2 || p[1]&63 == 0 || p[1]&63 > 3:
		return "a packet without frames"
	case p[1]&0x40 != 0:
		return "a padded packet"
	}
	return ""
}

// length holds the length that is told, twice, against the blocks.
func (w *webm) length(info, tags element) error {
	b, err := w.bytes("Info", info.end()-8, 8)
	if err != nil {
		return err
	}
	var u uint64
	for _, c := range b {
		u = u<<8 | uint64(c)
	}
	ms := math.Float64frombits(u)
	told := time.Duration(ms) * time.Millisecond
	if ms != math.Trunc(ms) || told < w.end || told > w.end+200*time.Millisecond {
		return refuse("Info", info.end()-8, "value", "a length that does not follow from the blocks")
	}
	text, err := w.bytes("Tags", tags.end()-20, 20)
	if err != nil {
		return err
	}
	want := fmt.Sprintf("%02d:%02d:%02d.%03d000000\x00\x00", int(told.Hours()), int(told.Minutes())%60, int(told.Seconds())%60, told.Milliseconds()%1000)
	if string(text) != want {
		return refuse("Tags", tags.end()-20, "value", "a length that does not follow from the blocks")
	}
	return nil
}

// cues wants the index that follows from the clusters: one entry for each, in
// their order, and none besides.
func (w *webm) cues(c element) error {
	w.part("Cues", c.end()-c.at)
	b, err := w.data(c)
	if err != nil {
		return err
	}
	for _, cl := range w.clusters {
		want := cl.cue()
		if !bytes.HasPrefix(b, want) {
			return refuse("Cues", c.end()-int64(len(b)), "value", "an entry that does not follow from a cluster")
		}
		b = b[len(want):]
	}
	if len(b) > 0 {
		return refuse("Cues", c.end()-int64(len(b)), "unlisted", "%d bytes more", len(b))
	}
	return nil
}

// cue is a cluster's entry in the index.
func (c clusterAt) cue() []byte {
	number := func(id byte, v uint64) []byte {
		b := shortest(v)
		return append([]byte{id, 0x80 | byte(len(b))}, b...)
	}
	place := slices.Concat(number(0xf7, 1), number(0xf1, uint64(c.place)), number(0xf0, uint64(c.first)))
	cue := slices.Concat(number(0xb3, c.time), []byte{0xb7, 0x80 | byte(len(place))}, place)
	return slices.Concat([]byte{0xbb, 0x80 | byte(len(cue))}, cue)
}

// shortest is a number in as few bytes as it takes, at least one.
func shortest(v uint64) []byte {
	b := binary.BigEndian.AppendUint64(nil, v)
	for len(b) > 1 && b[0] == 0 {
		b = b[1:]
	}
	return b
}
