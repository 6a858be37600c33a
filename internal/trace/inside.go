package trace

import "strings"

// Bounds of what one reading looks through without knowing its format.
const maxScan = 64 << 20 // bytes of leftovers, all together

// once says whether a fact comes for the first time. What is said again for
// every frame of a film is kept once.
func (s *source) once(f Fact) bool {
	if s.work == nil {
		return true
	}
	if s.work.seen == nil {
		s.work.seen = make(map[string]bool)
	}
	seen := s.work.seen
	key := f.Where + "\x00" + f.Name + "\x00" + clip(f.Value) + "\x00" + string(f.Raw[:min(len(f.Raw), 64)])
	if seen[key] || len(seen) > 2*maxFacts {
		return false
	}
	seen[key] = true
	return true
}

// embedded reads a file that stands inside this one with the reader of its
// format: a cover's own comment, the EXIF block of a camera's record. It says
// whether there is such a reader.
func (s *source) embedded(sheet *Sheet, where string, at, n int64) bool {
	format, err := sheet.embed(s.part(at, n), where)
	if err != nil && format != "" {
		sheet.gap(where, "broken", n)
	}
	return format != ""
}

// picture notes a picture in n bytes of the file, of the media type that the
// container gives it, and reads what that tells itself.
func (s *source) picture(sheet *Sheet, where, mime string, at, n int64) {
	if n <= 0 {
		return
	}
	had := len(sheet.Previews)
	if err := sheet.picture(s.part(at, n), where, 0, 0); err != nil {
		sheet.gap(where, "broken", n)
	}
	if p := sheet.Previews[had:]; len(p) > 0 && p[0].Type == unknownType && strings.Contains(mime, "/") {
		p[0].Type = mime // as the container says, where its head does not
	}
}

// markup reads an XML document of a film or a sound: XMP, iXML, a camera's own
// record. What a film says again for every frame is kept once; what is no XML is
// kept as words.
func (s *source) markup(sheet *Sheet, where string, b []byte) {
	x := &xmpReader{src: s, sheet: sheet, where: where, once: true}
	if err := x.read(b); err != nil {
		sheet.gap(where, "broken", int64(len(b)))
	}
	if !x.told {
		s.wordsOf(sheet, Text, where, b)
	}
}
