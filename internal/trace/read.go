package trace

import (
	"errors"
	"io"
	"unicode/utf8"

	"kua/internal/fault"
)

// Bounds of one reading: a file made to exhaust the reader ends in a Gap.
const (
	maxFacts    = 20_000
	maxFixes    = 200_000
	maxPreviews = 200
	maxGaps     = 500
	maxDepth    = 32      // of boxes in boxes, objects in objects
	maxPart     = 8 << 20 // the most bytes of one part held in memory
)

// readers, by the format that the first bytes speak for. Each reads a whole
// file and fails only where the source itself fails: what is broken or unknown
// becomes a Gap.
var readers = map[string]func(*source, *Sheet) error{
	"mp4":      readMP4,
	"matroska": readMatroska,
	"avi":      readRIFF,
	"wav":      readRIFF,
	"mpegts":   readMPEGTS,
	"mpegps":   readMPEGPS,
	"mp3":      readMP3,
	"aac":      readMP3,
	"ogg":      readOgg,
	"flac":     readFLAC,
	"amr":      readAMR,
	"jpeg":     readJPEG,
	"tiff":     readTIFF,
	"png":      readPNG,
	"webp":     readWebP,
	"gif":      readGIF,
	"heic":     readHEIC,
	"pdf":      readPDF,
	"zip":      readZip,
	"rtf":      readRTF,
	"ole":      readOLE,
	"text":     readText,
}

// Read reads what a file of size bytes tells. The error is the source's own, or
// trace.unknown where no reader knows the format; what is broken inside a known
// one becomes a Gap of the sheet.
func Read(in io.ReaderAt, size int64) (Sheet, error) {
	src := &source{in: in, size: size, work: &work{size: size, toScan: maxScan}}
	head, err := src.bytes(0, min(size, 4<<10))
	if err != nil {
		return Sheet{}, err
	}
	format := sniff(head)
	if format == "" && isText(head) {
		format = "text"
	}
	read, ok := readers[format]
	if !ok {
		return Sheet{}, fault.Invalid("trace.unknown")
	}
	s := Sheet{Format: format}
	if err = read(src, &s); errors.Is(err, errShort) {
		s.gap(format, "broken", 0)
		err = nil
	}
	return s, err
}

// source is the file being read, or a stretch of it, or a file inside it.
type source struct {
	in    io.ReaderAt
	size  int64
	base  int64 // where it begins in the outermost file; -1 for what had to be unpacked
	depth int   // of files in files
	work  *work // nil counts nothing
}

// errShort says that a part reaches beyond the end of the file or its limit.
var errShort = errors.New("beyond the end")

// bytes reads a part whole. A part that is not all there, or larger than
// maxPart, gives errShort.
func (s *source) bytes(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || n > maxPart || at > s.size || n > s.size-at {
		return nil, errShort
	}
	if !s.mayRead(n) {
		return nil, errShort
	}
	b := make([]byte, n)
	if _, err := s.in.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b, nil
}

// part is a stretch of the file as a source of its own.
func (s *source) part(at, n int64) *source {
	at = min(max(at, 0), s.size)
	n = min(max(n, 0), s.size-at)
	return &source{in: io.NewSectionReader(s.in, at, n), size: n, base: s.place(at), depth: s.depth, work: s.work}
}

// fact adds a fact. An empty value tells nothing and is left out.
func (s *Sheet) fact(f Fact) {
	if f.Value == "" && len(f.Raw) == 0 {
		return
	}
	if len(s.Facts) >= maxFacts {
		s.gap(f.Where, "too_many", 0)
		return
	}
	f.Value, f.Where, f.Name = clip(f.Value), clip(f.Where), clip(f.Name)
	f.Raw = f.Raw[:min(len(f.Raw), MaxValue)]
	s.Facts = append(s.Facts, f)
}

// fix adds a position. One that lies on no globe is a Gap.
func (s *Sheet) fix(f Fix) {
	if !f.sane() {
		s.gap(clip(f.Source), "broken", 0)
		return
	}
	if len(s.Track) < maxFixes {
		s.Track = append(s.Track, f)
	}
}

func (s *Sheet) preview(p Preview) {
	p.Where, p.Start, p.Size, p.Width, p.Height = clip(p.Where), max(p.Start, -1), max(p.Size, 0), max(p.Width, 0), max(p.Height, 0)
	if len(s.Previews) < maxPreviews {
		s.Previews = append(s.Previews, p)
	}
}

// gap says that a part was not read: why is "broken", "encrypted", "unknown",
// "too_large", "too_many" or "too_deep".
func (s *Sheet) gap(where, why string, bytes int64) {
	if len(s.Gaps) < maxGaps {
		s.Gaps = append(s.Gaps, Gap{Where: clip(where), Why: "trace.gap." + why, Bytes: max(bytes, 0)})
	}
}

// clip cuts a text to MaxValue bytes at a rune's edge and drops what is no UTF-8.
func clip(s string) string {
	if len(s) > MaxValue {
		s = s[:MaxValue]
		for len(s) > 0 && !utf8.ValidString(s[max(0, len(s)-utf8.UTFMax):]) && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
	}
	if utf8.ValidString(s) {
		return s
	}
	out := make([]rune, 0, len(s))
	for _, r := range s {
		out = append(out, r)
	}
	return string(out)
}
