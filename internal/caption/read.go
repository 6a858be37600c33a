package caption

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"kua/internal/fault"
)

// timing is the line above a cue's words: WebVTT with a point, SubRip with a
// comma; hours may be left out. What follows says where on the picture the
// words stand; it is let go.
var timing = regexp.MustCompile(`^(?:(\d{1,2}):)?(\d{1,2}):(\d{2})[.,](\d{3})[ \t]+-->[ \t]+(?:(\d{1,2}):)?(\d{1,2}):(\d{2})[.,](\d{3})(?:[ \t].*)?$`)

// tag is markup; a speaker's name stands in one of them.
var tag = regexp.MustCompile(`</?[a-zA-Z0-9.]|\{\\`)

// Read reads WebVTT or SubRip as people bring it: UTF-8 with any ends of lines,
// cues with or without a name of their own, in the order of time. Comments,
// styles, regions and markup are refused by line, since they can hold words
// that nobody sees; entities are resolved.
func Read(b []byte) ([]Cue, error) {
	if len(b) > MaxBytes {
		return nil, fault.TooLarge("caption.too_large", MaxCues, MaxBytes>>10)
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if !utf8.Valid(b) {
		return nil, fault.Invalid("caption.not_utf8")
	}
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(b)), "\n")
	r := reader{lines: lines}
	if line := lines[0]; line == "WEBVTT" {
		r.vtt, r.at = true, 1
	}
	var cues []Cue
	for {
		c, ok, err := r.cue()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if cues = append(cues, c); len(cues) > MaxCues {
			return nil, fault.TooLarge("caption.too_large", MaxCues, MaxBytes>>10)
		}
	}
	if len(cues) == 0 {
		return nil, fault.Invalid("caption.empty")
	}
	if !slices.IsSortedFunc(cues, func(a, b Cue) int { return int(a.From - b.From) }) {
		return nil, fault.Invalid("caption.order")
	}
	return cues, nil
}

type reader struct {
	lines []string
	at    int
	vtt   bool
}

// cue reads the next block; ok is false at the end.
func (r *reader) cue() (c Cue, ok bool, err error) {
	for r.at < len(r.lines) && strings.TrimSpace(r.lines[r.at]) == "" {
		r.at++
	}
	if r.at == len(r.lines) {
		return Cue{}, false, nil
	}
	begin := r.at
	m := timing.FindStringSubmatch(r.lines[r.at])
	if m == nil && r.at+1 < len(r.lines) { // a cue's name, a SubRip number
		r.at++
		m = timing.FindStringSubmatch(r.lines[r.at])
	}
	if m == nil {
		return Cue{}, false, fault.Invalid("caption.line", begin+1)
	}
	c.From, c.To = millis(m[1:5]), millis(m[5:9])
	if c.From < 0 || c.To <= c.From || c.To > maxTime {
		return Cue{}, false, fault.Invalid("caption.line", r.at+1)
	}
	first := r.at + 1
	for r.at = first; r.at < len(r.lines) && strings.TrimSpace(r.lines[r.at]) != ""; r.at++ {
		if line := r.lines[r.at]; tag.MatchString(line) || strings.Contains(line, "-->") {
			return Cue{}, false, fault.Invalid("caption.markup", r.at+1)
		}
	}
	text := strings.Join(r.lines[first:r.at], "\n")
	if r.vtt {
		text = unescape.Replace(text)
	}
	if c.Text, err = clean(text); err != nil {
		return Cue{}, false, fault.Invalid("caption.line", first+1).Because(err)
	}
	return c, true, nil
}

// millis gives hours, minutes, seconds and thousandths as milliseconds, -1 for
// what no clock shows.
func millis(m []string) int64 {
	var n [4]int64
	for i, s := range m {
		n[i], _ = strconv.ParseInt("0"+s, 10, 64) // at most three digits
	}
	if n[1] > 59 || n[2] > 59 {
		return -1
	}
	return ((n[0]*60+n[1])*60+n[2])*1000 + n[3]
}
