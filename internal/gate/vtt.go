package gate

import (
	"bytes"
	"regexp"
	"unicode"
	"unicode/utf8"
)

// WebVTT (W3C) in its plainest form: the magic word, then cues of one line of
// times and lines of words. No notes, styles, regions, names or settings of
// cues, and no character that is not seen.
//
// A value may be broken over two lines, or over two cues: the words of all of
// them are searched one behind the other as well, with a blank between two lines
// and without, a hyphen at the end of the first left out.

var vttTimes = regexp.MustCompile(`^(?:[0-9]{2,3}:)?[0-5][0-9]:[0-5][0-9]\.[0-9]{3} --> (?:[0-9]{2,3}:)?[0-5][0-9]:[0-5][0-9]\.[0-9]{3}$`)

// maxVTT is more than hours of speech have.
const maxVTT = 4 << 20

func readVTT(f *file) error {
	if f.size > maxVTT {
		return refuse("WEBVTT", 0, "value", "%d bytes of subtitles", f.size)
	}
	b, err := f.bytes("WEBVTT", 0, f.size)
	if err != nil {
		return err
	}
	if !utf8.Valid(b) {
		return refuse("WEBVTT", 0, "broken", "no UTF-8")
	}
	rest, ok := bytes.CutPrefix(b, []byte("WEBVTT\n"))
	if !ok || !bytes.HasSuffix(b, []byte("\n")) {
		return refuse("WEBVTT", 0, "value", "first or last line")
	}
	f.part("WEBVTT", 7)
	at := int64(7)
	state := vttBlank // what the line before was
	spaced, joined := f.stream("words over lines", nil), f.stream("words over lines, joined", nil)
	for len(rest) > 0 {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		if state == vttTime || state == vttWords && len(line) > 0 {
			spaced.write(append(bytes.Clone(line), ' '))
			joined.write(bytes.TrimRight(line, "-‐­"))
		}
		if state, err = f.vttLine(line, at, state, at == 7); err != nil {
			return err
		}
		at, rest = at+int64(len(line))+1, after
	}
	if state == vttTime {
		return refuse("cue", at, "cut", "times without words")
	}
	spaced.close()
	joined.close()
	return nil
}

type vttState int

const (
	vttBlank vttState = iota
	vttTime
	vttWords
)

// vttLine reads one line; after a blank one times are due, after times words.
func (f *file) vttLine(line []byte, at int64, before vttState, first bool) (vttState, error) {
	switch {
	case len(line) == 0:
		if before == vttTime || before == vttBlank && !first {
			return 0, refuse("cue", at, "unlisted", "an empty line where none is due")
		}
		return vttBlank, nil
	case first:
		return 0, refuse("WEBVTT", at, "unlisted", "a head")
	case before == vttBlank:
		if !vttTimes.Match(line) {
			return 0, refuse("cue", at, "unlisted", "a line that is no times")
		}
		f.part("times", int64(len(line))+1)
		f.masked = append(f.masked, span{at, at + int64(len(line))})
		return vttTime, nil
	}
	if i := bytes.IndexFunc(line, unseen); i >= 0 {
		return 0, refuse("words", at+int64(i), "hidden", "a character that is not seen, or a mark-up")
	}
	if line[0] == ' ' || line[len(line)-1] == ' ' || bytes.Contains(line, []byte("  ")) || bytes.Contains(line, []byte("-->")) {
		return 0, refuse("words", at, "hidden", "blanks that are not seen")
	}
	f.part("words", int64(len(line))+1)
	return vttWords, nil
}

// unseen reports what has no place among words: controls, joiners, other blanks
// than a space, private and unassigned characters, mark-up.
func unseen(r rune) bool {
	return r == '<' || r != ' ' && !unicode.IsGraphic(r) || r != ' ' && unicode.IsSpace(r) || unicode.Is(unicode.Co, r) || r == utf8.RuneError ||
		r == 0x034f || r == 0x115f || r == 0x1160 || r == 0x3164 || r == 0xffa0 || unicode.Is(unicode.Variation_Selector, r)
}
