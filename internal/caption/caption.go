// Package caption writes and reads timed words: subtitles as WebVTT (W3C,
// "WebVTT: The Web Video Text Tracks Format"), and what people bring as WebVTT
// or SubRip. What is published is one canonical form of it, so that a reader of
// outgoing files can hold every byte against what it must be.
//
// It touches no file and knows no plan and no record. Whatever makes, shows or
// checks subtitles may use it.
package caption

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"kua/internal/fault"
)

// Type is the media type of the canonical form.
const Type = "text/vtt"

// Bounds of one file.
const (
	MaxBytes = 256 << 10
	MaxCues  = 5000
	MaxText  = 4000 // characters of one cue
	maxTime  = 48 * 3600 * 1000
	// step is the grain of published times in milliseconds.
	step = 100
)

const head = "WEBVTT\n"

// Cue is what is said from From to To, in milliseconds; Text may have several
// lines and is plain: no markup.
type Cue struct {
	From, To int64
	Text     string
}

// Write gives the canonical form of cues that lie within length milliseconds:
// in the order of time, times in tenths of a second and never beyond the length
// in whole seconds, no settings, no names, no comments, no style. Fault kinds:
// invalid, too large.
func Write(cues []Cue, length int64) ([]byte, error) {
	if len(cues) == 0 {
		return nil, fault.Invalid("caption.empty")
	}
	end := (length + 999) / 1000 * 1000
	round := make([]Cue, len(cues))
	for i, c := range cues {
		text, err := clean(c.Text)
		if err != nil {
			return nil, fault.Invalid("caption.text", i+1, MaxText).Because(err)
		}
		round[i] = Cue{c.From / step * step, min((c.To+step-1)/step*step, end), text}
		if c.From < 0 || round[i].To <= round[i].From {
			return nil, fault.Invalid("caption.time", i+1)
		}
	}
	slices.SortStableFunc(round, func(a, b Cue) int { return int(a.From - b.From) })
	out := format(round)
	if len(cues) > MaxCues || len(out) > MaxBytes {
		return nil, fault.TooLarge("caption.too_large", MaxCues, MaxBytes>>10)
	}
	return out, nil
}

func format(cues []Cue) []byte {
	var b bytes.Buffer
	b.WriteString(head)
	for _, c := range cues {
		fmt.Fprintf(&b, "\n%s --> %s\n%s\n", clock(c.From), clock(c.To), escape.Replace(c.Text))
	}
	return b.Bytes()
}

// Parse reads the canonical form and refuses every other spelling of it.
func Parse(b []byte) ([]Cue, error) {
	cues, err := Read(b)
	if err != nil {
		return nil, err
	}
	again, err := Write(cues, maxTime)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, b) {
		return nil, fault.Invalid("caption.not_canonical")
	}
	return cues, nil
}

// clock is a WebVTT timestamp, always with hours.
func clock(ms int64) string {
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3600000, ms/60000%60, ms/1000%60, ms%1000)
}

// escape also takes the greater-than sign, so that no text can hold an arrow.
var (
	escape   = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	unescape = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&nbsp;", " ", "&quot;", `"`)
)

// clean brings text into lines without blanks at their ends and without empty
// lines. It refuses what would show otherwise than it reads.
func clean(text string) (string, error) {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	text = strings.Join(lines, "\n")
	hidden := func(c rune) bool {
		return unicode.IsControl(c) && c != '\n' || unicode.Is(unicode.Bidi_Control, c) || unicode.Is(unicode.Zl, c) || unicode.Is(unicode.Zp, c) || c == '\ufeff'
	}
	switch {
	case text == "":
		return "", fmt.Errorf("no words")
	case !utf8.ValidString(text) || strings.ContainsFunc(text, hidden):
		return "", fmt.Errorf("hidden characters")
	case utf8.RuneCountInString(text) > MaxText:
		return "", fmt.Errorf("too long")
	}
	return text, nil
}

// angles are brackets that no player takes for markup: SubRip has no way to
// escape its own.
var angles = strings.NewReplacer("<", "‹", ">", "›")

// SubRip gives cues in the older format, for whoever does not take WebVTT:
// numbered, times with a comma, plain text.
func SubRip(cues []Cue) []byte {
	var b bytes.Buffer
	for i, c := range cues {
		if i > 0 {
			b.WriteByte('\n')
		}
		from, to := strings.ReplaceAll(clock(c.From), ".", ","), strings.ReplaceAll(clock(c.To), ".", ",")
		fmt.Fprintf(&b, "%d\n%s --> %s\n%s\n", i+1, from, to, angles.Replace(c.Text))
	}
	return b.Bytes()
}
