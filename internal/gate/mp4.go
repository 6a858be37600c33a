package gate

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// MP4 (ISO/IEC 14496-12, -14, -15) exactly as ffmpeg writes it for media: an
// index, then the samples without a gap. No fragments, no 64-bit sizes.

var (
	filmBrand  = pat("69736f6d 00000200 69736f6d 69736f32 61766331 6d703431") // isom: isom iso2 avc1 mp41
	soundBrand = pat("4d344120 00000200 4d344120 69736f6d 69736f32")          // M4A: M4A isom iso2
	matrix     = "00010000 00000000 00000000 00000000 00010000 00000000 00000000 00000000 40000000"
	movieHead  = pat("00000000 00000000 00000000 000003e8 ........ 00010000 0100 0000 00000000 00000000" + matrix + zeros(24) + "........")
	trackHead  = pat("00000003 00000000 00000000 ........ 00000000 ........ 00000000 00000000 0000 00.. .... 0000" + matrix + "........ ........")
	// An empty list of tags: ffmpeg writes it where there is nothing to write.
	emptyTags = pat("00000035 6d657461 00000000 00000021 68646c72 00000000 00000000 6d646972 6170706c 00000000 00000000 00 00000008 696c7374")
	noBytes   = pattern{}
)

// box is one box of the index, in memory.
type box struct {
	kind string
	path string
	at   int64 // of the body, in the file
	body []byte
}

func (b box) refuse(what, detail string, args ...any) error {
	return refuse(b.path, b.at, what, detail, args...)
}

func (b box) check(p pattern) error { return p.check(b.path, b.at, b.body) }

func (b box) u32(at int) uint32 { return binary.BigEndian.Uint32(b.body[at:]) }

// children reads the boxes that fill a stretch of b's body from skip to its end.
func (b box) children(skip int) ([]box, error) {
	var all []box
	for at := skip; at < len(b.body); {
		if len(b.body)-at < 8 {
			return nil, refuse(b.path, b.at+int64(at), "gap", "%d bytes after the last box", len(b.body)-at)
		}
		n, kind := int(b.u32(at)), string(b.body[at+4:at+8])
		path := b.path + "/" + boxName(kind)
		if n < 8 || n > len(b.body)-at {
			return nil, refuse(path, b.at+int64(at), "cut", "a box of %d bytes where %d are left", n, len(b.body)-at)
		}
		all = append(all, box{kind: kind, path: path, at: b.at + int64(at) + 8, body: b.body[at+8 : at+n]})
		at += n
	}
	return all, nil
}

// boxName is a box's four letters, or their bytes where they are no letters.
func boxName(kind string) string {
	for _, c := range []byte(kind) {
		if c < ' ' || c > '~' {
			return fmt.Sprintf("%x", kind)
		}
	}
	return kind
}

// inside gives the children of b, which must be those named, in this order; a
// name that ends with "?" may be missing.
func (f *file) inside(b box, skip int, names ...string) (map[string]box, error) {
	all, err := b.children(skip)
	if err != nil {
		return nil, err
	}
	found := map[string]box{}
	for _, name := range names {
		optional := name[len(name)-1] == '?'
		if optional {
			name = name[:len(name)-1]
		}
		switch {
		case len(all) > 0 && all[0].kind == name:
			found[name] = all[0]
			f.part(all[0].path, int64(len(all[0].body))+8)
			all = all[1:]
		case !optional && len(all) == 0:
			return nil, b.refuse("value", "no %s", name)
		case !optional:
			return nil, all[0].refuse("unlisted", "%s where %s is due", all[0].path, name)
		}
	}
	if len(all) > 0 {
		return nil, all[0].refuse("unlisted", "a box of %d bytes", len(all[0].body)+8)
	}
	return found, nil
}

func readFilm(f *file) error  { return f.mp4(filmBrand, true) }
func readSound(f *file) error { return f.mp4(soundBrand, false) }

// mp4 reads the four boxes that such a file consists of.
func (f *file) mp4(brand pattern, film bool) error {
	top, err := f.topLevel()
	if err != nil {
		return err
	}
	if err := top[0].check(brand); err != nil {
		return err
	}
	if err := top[2].check(noBytes); err != nil {
		return err
	}
	data := span{top[3].at, f.size}
	tracks, err := f.movie(top[1], film)
	if err != nil {
		return err
	}
	if err := f.covered(tracks, data); err != nil {
		return err
	}
	for _, t := range tracks {
		if err := f.samples(t); err != nil {
			return err
		}
	}
	return nil
}

// topLevel wants ftyp, moov, free and mdat, which reaches to the end.
func (f *file) topLevel() ([4]box, error) {
	var top [4]box
	var at int64
	for i, name := range []string{"ftyp", "moov", "free", "mdat"} {
		head, err := f.bytes(name, at, 8)
		if err != nil {
			return top, err
		}
		n, kind := int64(binary.BigEndian.Uint32(head)), string(head[4:])
		if kind != name {
			return top, refuse(boxName(kind), at, "unlisted", "a box of %d bytes where %s is due", n, name)
		}
		if n < 8 || n > f.size-at {
			return top, refuse(name, at, "cut", "a box of %d bytes where %d are left", n, f.size-at)
		}
		top[i] = box{kind: name, path: name, at: at + 8}
		if name != "mdat" {
			if top[i].body, err = f.bytes(name, at+8, n-8); err != nil {
				return top, err
			}
		}
		f.part(name, n)
		at += n
	}
	if at != f.size {
		return top, refuse("", at, "beyond", "%d bytes after the last box", f.size-at)
	}
	return top, nil
}

// movie reads the index: a picture with or without sound, or sound alone.
func (f *file) movie(moov box, film bool) ([]*track, error) {
	all, err := moov.children(0)
	if err != nil {
		return nil, err
	}
	traks := 0
	for _, b := range all {
		if b.kind == "trak" {
			traks++
		}
	}
	if traks < 1 || traks > 2 || !film && traks != 1 {
		return nil, moov.refuse("unlisted", "%d tracks", traks)
	}
	for i, name := range append(append([]string{"mvhd"}, slices.Repeat([]string{"trak"}, traks)...), "udta") {
		if i >= len(all) || all[i].kind != name {
			b := moov
			if i < len(all) {
				b = all[i]
			}
			return nil, b.refuse("unlisted", "%s where %s is due", b.kind, name)
		}
	}
	if len(all) != traks+2 {
		return nil, all[traks+2].refuse("unlisted", "a box of %d bytes", len(all[traks+2].body)+8)
	}
	if err := all[traks+1].check(emptyTags); err != nil {
		return nil, err
	}
	if err := all[0].check(movieHead); err != nil {
		return nil, err
	}
	var tracks []*track
	var longest uint32
	for i, b := range all[1 : traks+1] {
		b.path = fmt.Sprintf("moov/trak[%d]", i+1)
		t, err := f.track(b, uint32(i+1), film && i == 0)
		if err != nil {
			return nil, err
		}
		longest = max(longest, t.shown)
		tracks = append(tracks, t)
	}
	if all[0].u32(16) != longest || all[0].u32(96) != uint32(traks+1) {
		return nil, all[0].refuse("value", "length or next track do not follow from the tracks")
	}
	return tracks, nil
}

// covered wants the samples of all tracks to fill the data without a gap and
// without lying over each other.
func (f *file) covered(tracks []*track, data span) error {
	type chunk struct{ at, bytes int64 }
	var all []chunk
	for _, t := range tracks {
		sample := 0
		for i, at := range t.chunkAt {
			c := chunk{at: at}
			for range t.chunkLen[i] {
				c.bytes += int64(t.sizes[sample])
				sample++
			}
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b chunk) int { return cmp.Compare(a.at, b.at) })
	next := data.from
	for _, c := range all {
		if c.at != next {
			return refuse("mdat", min(c.at, next), "gap", "samples begin at %d where %d is due", c.at, next)
		}
		next += c.bytes
	}
	if next != data.to {
		return refuse("mdat", min(next, data.to), "gap", "samples end at %d, the data at %d", next, data.to)
	}
	return nil
}
