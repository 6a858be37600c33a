package record

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"kua/internal/fault"
)

// Limits. They keep a record readable on a slow phone and bound what a hostile
// document can cost.
const (
	MaxDocument  = 1 << 20 // bytes of a document
	MaxTitle     = 200     // characters of a title, label, source, authority or place
	MaxWords     = 4000    // characters of any longer text
	MaxItems     = 50      // things known, claims, answers, media
	MaxFiles     = 16      // renditions of one medium
	MaxPageFiles = 400     // of a document, whose pages are two files each
	MaxFileSize  = 1<<32 - 1
	maxVersion   = 1_000_000
)

var (
	idDigits    = regexp.MustCompile(`^[0-9]{6}$`)
	shortName   = regexp.MustCompile(`^[a-z0-9]{1,16}$`)
	hexSHA256   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	languageTag = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?$`)
)

var (
	whats      = []string{"bribe", "beating", "shooting", "detention", "threat", "abuse", "corruption", "question"}
	mediaTypes = []string{"film", "photo", "sound", "document"}
)

// Whats gives what a record may be about, in menu order.
func Whats() []string { return slices.Clone(whats) }

// MediaTypes gives the kinds of media.
func MediaTypes() []string { return slices.Clone(mediaTypes) }

// Validate checks every rule that one version can be checked for by itself.
// Refusals are faults of kind invalid that name the part.
func (r Record) Validate() error {
	if err := r.checkHead(); err != nil {
		return err
	}
	if r.Status == Withdrawn {
		return r.checkTombstone()
	}
	for _, check := range []func() error{r.checkLanguages, r.checkWords, r.checkWhenWhere, r.checkSaid, r.checkMedia} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (r Record) checkHead() error {
	switch {
	case r.Kind != Kind:
		return fault.Invalid("record.not_a_record")
	case !IsID(r.ID):
		return fault.Invalid("record.id", r.ID)
	case r.Version < 1 || r.Version > maxVersion:
		return fault.Invalid("record.version", r.Version)
	case r.Version == 1 && r.Previous != "" || r.Version > 1 && !hexSHA256.MatchString(r.Previous):
		return fault.Invalid("record.previous", r.Version)
	case r.Status != Published && r.Status != Withdrawn:
		return fault.Invalid("record.status", r.Status)
	case !isDay(r.Day):
		return fault.Invalid("record.day", r.Day)
	}
	return nil
}

// checkTombstone holds a withdrawn record to what it may keep.
func (r Record) checkTombstone() error {
	if r.Version == 1 {
		return fault.Invalid("record.withdrawn_first")
	}
	if len(r.Languages) > 0 || r.What != "" || len(r.Title) > 0 || len(r.Summary) > 0 || r.Happened != (Span{}) ||
		len(r.Place.Words) > 0 || r.Place.Point != nil || len(r.Known) > 0 || len(r.Claims) > 0 ||
		len(r.Answers) > 0 || len(r.Media) > 0 || len(r.Correction) > 0 {
		return fault.Invalid("record.withdrawn_keeps_words")
	}
	if len(r.Reason) == 0 {
		return fault.Invalid("record.no_reason")
	}
	for l, words := range r.Reason {
		if !languageTag.MatchString(l) {
			return fault.Invalid("record.language", l)
		}
		if err := checkString("reason", l, words, MaxWords, true); err != nil {
			return err
		}
	}
	return nil
}

func (r Record) checkLanguages() error {
	if len(r.Languages) == 0 {
		return fault.Invalid("record.no_language")
	}
	seen := make(map[string]bool)
	for _, l := range r.Languages {
		if !languageTag.MatchString(l) || seen[l] {
			return fault.Invalid("record.language", l)
		}
		seen[l] = true
	}
	return nil
}

func (r Record) checkWords() error {
	if !slices.Contains(whats, r.What) {
		return fault.Invalid("record.what", r.What)
	}
	if len(r.Reason) > 0 {
		return fault.Invalid("record.reason_unexpected")
	}
	if r.Version == 1 && len(r.Correction) > 0 {
		return fault.Invalid("record.correction_unexpected")
	}
	if err := r.checkText("title", r.Title, MaxTitle, false); err != nil {
		return err
	}
	if err := r.checkText("summary", r.Summary, MaxWords, true); err != nil {
		return err
	}
	if r.Version > 1 {
		return r.checkText("correction", r.Correction, MaxWords, true)
	}
	return nil
}

func (r Record) checkWhenWhere() error {
	if s := r.Happened; s != (Span{}) {
		if !isDate(s.From) || s.To != "" && (!isDate(s.To) || len(s.To) != len(s.From) || s.To <= s.From) {
			return fault.Invalid("record.span", s.From, s.To)
		}
	}
	if len(r.Place.Words) > 0 {
		if err := r.checkText("place", r.Place.Words, MaxTitle, false); err != nil {
			return err
		}
	}
	if p := r.Place.Point; p != nil && !p.valid() {
		return fault.Invalid("record.point", fmt.Sprint(p.Lat), fmt.Sprint(p.Lon))
	}
	return nil
}

func (r Record) checkSaid() error {
	if max(len(r.Known), len(r.Claims), len(r.Answers), len(r.Media)) > MaxItems {
		return fault.TooLarge("record.too_many", MaxItems)
	}
	for i, t := range r.Known {
		if err := r.checkText(fmt.Sprintf("known %d", i+1), t, MaxWords, true); err != nil {
			return err
		}
	}
	for i, c := range r.Claims {
		if err := r.checkStatement(fmt.Sprintf("claim %d", i+1), c.Source, c.Words, c.Day); err != nil {
			return err
		}
	}
	for i, a := range r.Answers {
		if err := r.checkStatement(fmt.Sprintf("answer %d", i+1), a.Authority, a.Words, a.Day); err != nil {
			return err
		}
	}
	return nil
}

func (r Record) checkStatement(part string, who, words Text, day string) error {
	if err := r.checkText(part, who, MaxTitle, false); err != nil {
		return err
	}
	if err := r.checkText(part, words, MaxWords, true); err != nil {
		return err
	}
	if day != "" && !isDay(day) {
		return fault.Invalid("record.day", day)
	}
	return nil
}

// checkText wants words in each of the record's languages and in no other.
func (r Record) checkText(part string, t Text, most int, lines bool) error {
	for _, l := range r.Languages {
		if err := checkString(part, l, t[l], most, lines); err != nil {
			return err
		}
	}
	for l := range t {
		if !slices.Contains(r.Languages, l) {
			return fault.Invalid("record.text_language", part, l)
		}
	}
	return nil
}

// checkString refuses what is empty, too long or would show otherwise than it
// reads: control characters and those that turn the direction of writing.
func checkString(part, language, s string, most int, lines bool) error {
	if strings.TrimSpace(s) == "" {
		return fault.Invalid("record.text_missing", part, language)
	}
	if utf8.RuneCountInString(s) > most {
		return fault.Invalid("record.text_too_long", part, language, most)
	}
	hidden := func(c rune) bool {
		return unicode.IsControl(c) && !(lines && c == '\n') || unicode.Is(unicode.Bidi_Control, c) || c == '\ufeff'
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, hidden) {
		return fault.Invalid("record.text_hidden", part, language)
	}
	return nil
}

// valid wants a place on the earth with at most three digits behind the point.
func (p Point) valid() bool {
	q := Round(p.Lat, p.Lon, 3)
	return math.Abs(p.Lat) <= 90 && math.Abs(p.Lon) <= 180 && q.Lat == p.Lat && q.Lon == p.Lon
}

// IsID reports whether s can be the id of a record.
func IsID(s string) bool { return idDigits.MatchString(s) && s != "000000" }

// isDate reports a day, a month (2006-01) or a year (2006).
func isDate(s string) bool {
	for _, layout := range []string{time.DateOnly, "2006-01", "2006"} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

func isDay(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}
