// Package gate is the last look at what is about to be published. It reads a
// file by an allow-list: every box, segment, chunk, element and byte must be one
// that Kuä itself writes, with the shape and the value that Kuä gives it, and
// whatever is not on the list is refused. Then it searches every byte for every
// value that was seen in the original (package trace), in all the dresses that
// a value is known to wear.
//
// It judges files that hostile bytes had a part in, so media runs it inside the
// box. It changes nothing and knows nothing of cases. docs/design/gate.md gives
// the rules and what the gate cannot see.
package gate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"kua/internal/fault"
)

// Report is what the gate found in one file.
type Report struct {
	Type     string    `json:"type"`
	Size     int64     `json:"size"`
	Findings []Finding `json:"findings"`
	Parts    []Part    `json:"parts"`   // what the file is made of, in the order of the first of each kind
	Needles  int       `json:"needles"` // values of the original that were looked for; 0: the structure alone was checked
	Done     bool      `json:"done"`    // the gate came to its end
}

// Finding is one reason why a file must not go out.
type Finding struct {
	Where  string `json:"where"`  // the road to it inside the file: "moov/trak[1]/mdia/hdlr"
	Offset int64  `json:"offset"` // in the file, in bytes
	What   string `json:"what"`   // a key of the catalogue: gate.unlisted, gate.value, gate.beyond, gate.gap, gate.cut, gate.broken, gate.hidden, gate.needle
	Detail string `json:"detail"` // what was found there, in technical words; never a value of the original
}

// Part is a kind of part of a file.
type Part struct {
	Where string `json:"where"`
	Count int    `json:"count"`
	Bytes int64  `json:"bytes"`
}

// Clean reports whether the file may go out: the gate came to its end and found
// nothing. The zero Report is not clean.
func (r Report) Clean() bool { return r.Done && len(r.Findings) == 0 }

// maxFindings bounds a report.
const maxFindings = 200

// readers are the allow-lists by media type. A type without one cannot pass.
var readers = map[string]func(*file) error{
	"video/mp4":  readFilm,
	"audio/mp4":  readSound,
	"audio/webm": readWebM,
	"image/jpeg": readJPEG,
	"image/webp": readWebP,
	"image/png":  readPNG,
	"text/vtt":   readVTT,
}

// Known reports whether there is an allow-list for a media type.
func Known(mediaType string) bool { return readers[mediaType] != nil }

// Types gives the media types that have an allow-list, sorted.
func Types() []string {
	var all []string
	for t := range readers {
		all = append(all, t)
	}
	slices.Sort(all)
	return all
}

// heads are how the published types begin.
var heads = []struct {
	at           int
	magic, media string
}{
	{0, "\xff\xd8\xff", "image/jpeg"}, {0, pngSignature, "image/png"}, {8, "WEBPVP8", "image/webp"}, {0, "\x1a\x45\xdf\xa3", "audio/webm"},
	{4, "ftypM4A ", "audio/mp4"}, {4, "ftyp", "video/mp4"}, {0, "WEBVTT", "text/vtt"},
}

// TypeOf gives the media type that a file's first bytes speak for, "" for none
// of those that have an allow-list. It is a guess: Check judges.
func TypeOf(head []byte) string {
	for _, h := range heads {
		if len(head) >= h.at && bytes.HasPrefix(head[h.at:], []byte(h.magic)) {
			return h.media
		}
	}
	return ""
}

// Search looks for the needles alone, in a file of any kind, in every byte and
// in what can be inflated of it. Where none was found and not everything could
// be inflated, that is the fault gate.unsearched and no clean file.
func Search(in io.ReaderAt, size int64, needles Needles) ([]Finding, error) {
	r := Report{Size: size}
	f := &file{in: in, size: size, report: &r, matcher: newMatcher(needles.forms()), needlesAlone: true}
	if err := f.search(); err != nil {
		return nil, err
	}
	if f.unsearched && len(r.Findings) == 0 {
		return nil, fault.TooLarge("gate.unsearched")
	}
	return r.Findings, nil
}

// Check reads a file of size bytes by the allow-list of its media type and
// searches it for the needles. What it finds is in the report; the error is the
// input's own, or the fault gate.no_reader for a type without an allow-list.
// It holds a megabyte or two and what the file's own index takes.
func Check(in io.ReaderAt, size int64, mediaType string, needles Needles) (Report, error) {
	r := Report{Type: mediaType, Size: size}
	read := readers[mediaType]
	if read == nil {
		return r, fault.Invalid("gate.no_reader", mediaType)
	}
	r.Needles = needles.Count()
	f := &file{in: in, size: size, report: &r, matcher: newMatcher(needles.forms())}
	if err := f.refused(read(f)); err != nil {
		return r, err
	}
	if err := f.search(); err != nil {
		return r, err
	}
	r.Done = true
	return r, nil
}

// refusal ends the reading of a structure: what comes after an unlisted part
// has no meaning any more. The search goes on all the same.
type refusal struct{ Finding }

func (r refusal) Error() string { return fmt.Sprintf("%s at %d: %s", r.Where, r.Offset, r.What) }

// refused turns a refusal into a finding and gives every other error back.
func (f *file) refused(err error) error {
	var r refusal
	if errors.As(err, &r) {
		f.find(r.Finding)
		return nil
	}
	return err
}

func (f *file) find(found Finding) {
	if f.needlesAlone && found.What != "gate.needle" {
		return
	}
	if len(f.report.Findings) < maxFindings {
		f.report.Findings = append(f.report.Findings, found)
	}
}

// refuse makes a refusal.
func refuse(where string, at int64, what, detail string, args ...any) error {
	return refusal{Finding{Where: where, Offset: at, What: "gate." + what, Detail: fmt.Sprintf(detail, args...)}}
}

// file is the file being judged.
type file struct {
	in      io.ReaderAt
	size    int64
	report  *Report
	matcher *matcher
	masked  []span // stretches that the search passes over: numbers that were checked one by one

	needlesAlone bool // nothing but needles is a finding
	unsearched   bool // something packed was not looked through to its end
}

type span struct{ from, to int64 }

// maxIndex bounds what is held of a file at once: an index of a film of six
// hours takes a tenth of it.
const maxIndex = 64 << 20

// bytes reads a part whole; one that reaches beyond the end is refused.
func (f *file) bytes(where string, at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || at > f.size || n > f.size-at {
		return nil, refuse(where, at, "cut", "%d bytes where %d are left", n, max(0, f.size-at))
	}
	if n > maxIndex {
		return nil, refuse(where, at, "value", "%d bytes in one part", n)
	}
	b := make([]byte, n)
	if got, err := f.in.ReadAt(b, at); int64(got) < n {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read the file: %w", err)
	}
	return b, nil
}

// part counts a part for the summary.
func (f *file) part(where string, bytes int64) {
	for i := range f.report.Parts {
		if p := &f.report.Parts[i]; p.Where == where {
			p.Count, p.Bytes = p.Count+1, p.Bytes+bytes
			return
		}
	}
	f.report.Parts = append(f.report.Parts, Part{Where: where, Count: 1, Bytes: bytes})
}
