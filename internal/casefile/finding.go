package casefile

import (
	"slices"
	"strings"
	"time"

	"kua/internal/fault"
)

// Grade is how a finding judges. There is no "verified": arithmetic verifies, a
// person judges.
type Grade string

// The grades of a finding.
const (
	Supported    Grade = "supported"    // independent sources agree
	Plausible    Grade = "plausible"    // fits what is known, one source
	Unclear      Grade = "unclear"      // could not be determined
	Doubtful     Grade = "doubtful"     // does not fit what is known
	Contradicted Grade = "contradicted" // independent sources say otherwise
)

// Grades gives every grade from the strongest for to the strongest against.
func Grades() []Grade { return []Grade{Supported, Plausible, Unclear, Doubtful, Contradicted} }

// Finding is the desk's graded judgement on a claim or an original, with its
// reasons. It is never changed; a later one stands beside it.
type Finding struct {
	ID      int64
	Case    int64
	Subject string // what is judged: "original 3", or a claim in words
	Grade   Grade
	Reasons string
	By      string
	At      time.Time
}

// Validate refuses a finding without a subject, a known grade or reasons.
func (f Finding) Validate() error {
	if strings.TrimSpace(f.Subject) == "" || len(f.Subject) > MaxLine {
		return fault.Invalid("casefile.finding_subject", MaxLine)
	}
	if !slices.Contains(Grades(), f.Grade) {
		return fault.Invalid("casefile.finding_grade", string(f.Grade))
	}
	return CheckWords(f.Reasons)
}

// The most bytes of UTF-8 in one line and in one text that a person writes.
const (
	MaxLine  = 300
	MaxWords = 100_000
)

// CheckWords refuses a text that is empty or too long.
func CheckWords(text string) error {
	if strings.TrimSpace(text) == "" {
		return fault.Invalid("casefile.empty")
	}
	if len(text) > MaxWords {
		return fault.TooLarge("casefile.too_long", MaxWords)
	}
	return nil
}

// CheckLine refuses a line that is empty, too long or not one line.
func CheckLine(text string) error {
	if strings.TrimSpace(text) == "" {
		return fault.Invalid("casefile.empty")
	}
	if len(text) > MaxLine || strings.ContainsAny(text, "\r\n") {
		return fault.Invalid("casefile.line", MaxLine)
	}
	return nil
}
