package trace

import (
	"bytes"
	"strings"
)

// Bounds of files inside files.
const (
	maxFiles    = 5_000     // files inside one file, all levels together
	maxFileDeep = 6         // a picture in a document in a zip…
	maxUnpacked = 512 << 20 // bytes unpacked from one file, all together
	maxRead     = 64 << 30  // bytes looked at, all together: a file may point at itself a thousand times
)

// work is what one reading has cost so far; all parts of a file share it.
type work struct {
	size     int64 // of the outermost file
	files    int
	unpacked int64
	read     int64
	toScan   int64           // bytes of leftovers that may still be looked through
	seen     map[string]bool // facts, where a film repeats them for every frame
}

// mayRead counts n more bytes looked at and reports whether that is within the bound.
func (s *source) mayRead(n int64) bool {
	if s.work == nil {
		return true
	}
	s.work.read += n
	return s.work.read <= min(maxRead, 1<<30+16*s.work.size)
}

// place is where a byte of s lies in the outermost file, -1 if it had to be unpacked.
func (s *source) place(at int64) int64 {
	if s.base < 0 {
		return -1
	}
	return s.base + at
}

// unpacked is a source over bytes that do not stand in the file as they are.
func (s *source) unpacked(b []byte) *source {
	return &source{in: bytes.NewReader(b), size: int64(len(b)), base: -1, depth: s.depth, work: s.work}
}

// mayUnpack counts n more unpacked bytes and reports whether that is still
// within the bound.
func (s *source) mayUnpack(n int64) bool {
	if s.work == nil {
		return true
	}
	s.work.unpacked += n
	return s.work.unpacked <= maxUnpacked
}

// readerOf finds a reader; set at start, since readers lead to themselves.
var readerOf func(format string) func(*source, *Sheet) error

func init() {
	readerOf = func(format string) func(*source, *Sheet) error { return readers[format] }
}

// embed reads a file that lies inside the file, and gives the format it has: ""
// if none is known, where nothing is added.
func (s *Sheet) embed(src *source, where string) (string, error) {
	head, err := src.bytes(0, min(src.size, 4<<10))
	if err != nil {
		return "", err
	}
	format := sniff(head)
	read := readerOf(format)
	if read == nil {
		return "", nil
	}
	return format, s.within(src, where, read)
}

// within lets read have src and puts what it finds below where.
func (s *Sheet) within(src *source, where string, read func(*source, *Sheet) error) error {
	inner := *src
	inner.depth++
	if inner.work == nil {
		inner.work = new(work)
	}
	inner.work.files++
	if inner.depth > maxFileDeep {
		s.gap(where, "too_deep", src.size)
		return nil
	}
	if inner.work.files > maxFiles {
		s.gap(where, "too_many", src.size)
		return nil
	}
	var sub Sheet
	err := read(&inner, &sub)
	s.merge(sub, where)
	return err
}

// merge adds what another sheet holds, below where.
func (s *Sheet) merge(sub Sheet, where string) {
	for _, f := range sub.Facts {
		f.Where = join(where, f.Where)
		s.fact(f)
	}
	for _, f := range sub.Track {
		f.At = -1 // the inner file's clock is not this one's
		s.fix(f)
	}
	for _, p := range sub.Previews {
		p.Where = join(where, p.Where)
		s.preview(p)
	}
	for _, g := range sub.Gaps {
		s.gap(join(where, g.Where), strings.TrimPrefix(g.Why, "trace.gap."), g.Bytes)
	}
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "/" + b
}

// picture notes a picture inside the file, whose main picture is w by h (0 when
// that is not known), and reads what it tells itself.
func (s *Sheet) picture(src *source, where string, w, h int) error {
	head, err := src.bytes(0, min(src.size, 4<<10))
	if err != nil {
		return err
	}
	p := Preview{Where: where, Type: mediaType(sniff(head)), Start: src.place(0), Size: src.size}
	for _, before := range s.Previews {
		if p.Start >= 0 && before.Start == p.Start { // found by two roads
			return nil
		}
	}
	p.Width, p.Height = pictureSize(src)
	p.Differs = differs(p.Width, p.Height, w, h)
	s.preview(p)
	format, err := s.embed(src, where)
	if err == nil && format == "" {
		s.gap(where, "unknown", src.size)
	}
	return err
}

const unknownType = "application/octet-stream"

// mediaType is the media type of a format.
func mediaType(format string) string {
	switch format {
	case "jpeg", "png", "gif", "webp", "tiff", "heic":
		return "image/" + format
	case "mp4":
		return "video/mp4"
	}
	return unknownType
}

// differs compares shapes: more than 3 in 100 off is another shape. Where one of
// the sizes is not known it says nothing.
func differs(w, h, mainW, mainH int) bool {
	if w <= 0 || h <= 0 || mainW <= 0 || mainH <= 0 {
		return false
	}
	a, b := float64(w)*float64(mainH), float64(mainW)*float64(h)
	return a > b*1.03 || b > a*1.03
}
