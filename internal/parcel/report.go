package parcel

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"kua/internal/canon"
	"kua/internal/fault"
)

// ReportKind is the "kind" member of every report.json.
const ReportKind = "kua report"

// Report is what a witness tells. Its canonical JSON is the first file of the
// parcel; members with an empty value are left out of it.
type Report struct {
	Kind     string       `json:"kind"`
	What     What         `json:"what"`
	Text     string       `json:"text,omitempty"`
	When     string       `json:"when,omitempty"`  // in the witness's words
	Where    string       `json:"where,omitempty"` // in the witness's words
	Point    *Point       `json:"point,omitempty"`
	Consent  Consent      `json:"consent"`
	Fear     string       `json:"fear,omitempty"` // what they fear, whom they fear
	Language string       `json:"language"`
	Reply    string       `json:"reply,omitempty"`   // age1pq1… of the receipt
	Mailbox  string       `json:"mailbox,omitempty"` // 32 hex characters of the receipt
	Blind    string       `json:"blind,omitempty"`   // 64 hex characters of the receipt
	Files    []ReportFile `json:"files,omitempty"`
	Written  string       `json:"written"` // day
}

// What is the kind of thing that happened.
type What = string

// Whats gives every kind of thing that a report may be about, in menu order.
func Whats() []What {
	return []What{"bribe", "beating", "shooting", "detention", "threat", "abuse", "corruption", "question"}
}

// Point is a place on the earth in degrees, WGS 84.
type Point struct {
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

// Consent is what of the witness may be published. All false: nothing of them
// but what they tell.
type Consent struct {
	Face  bool `json:"face"`
	Voice bool `json:"voice"`
	Place bool `json:"place"`
}

// ReportFile says what an attachment was called before it got a neutral path.
type ReportFile struct {
	Path string `json:"path"` // data/files/1.mp4
	Name string `json:"name"` // as the witness's device called it, or a neutral name of their choice
	Type string `json:"type"` // media type, lower case
	Size int64  `json:"size"`
	// Cleaned says that the witness had taken out of the file what it told of
	// them: it is not as their device wrote it.
	Cleaned bool `json:"cleaned,omitempty"`
}

// Limits of the texts, in bytes of UTF-8.
const (
	MaxText  = 100_000
	MaxWords = 2_000 // when, where
	MaxFear  = 20_000
	MaxName  = 255
)

var (
	hex16     = regexp.MustCompile(`^[0-9a-f]{32}$`)
	hex32     = regexp.MustCompile(`^[0-9a-f]{64}$`)
	mediaType = regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}$`)
	language  = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$`)
)

// Bytes gives the canonical JSON. It does not validate.
func (r Report) Bytes() ([]byte, error) { return canon.Marshal(r) }

// Cleaned reports whether the witness had something taken out of the attachment
// at path before it was sealed.
func (r Report) Cleaned(path string) bool {
	for _, f := range r.Files {
		if f.Path == path {
			return f.Cleaned
		}
	}
	return false
}

// ParseReport reads canonical JSON and validates it.
func ParseReport(b []byte) (Report, error) {
	if len(b) > MaxReport {
		return Report{}, fault.TooLarge("parcel.report_too_large", MaxReport>>10)
	}
	var r Report
	if err := canon.Unmarshal(b, &r); err != nil {
		return Report{}, fault.Invalid("parcel.not_a_report").Because(err)
	}
	return r, ValidateReport(r)
}

// ValidateReport checks every member by itself. Refusals are faults of kind
// invalid or too large that name the member.
func ValidateReport(r Report) error {
	if r.Kind != ReportKind {
		return fault.Invalid("parcel.not_a_report")
	}
	if !isWhat(r.What) {
		return fault.Invalid("parcel.what", r.What)
	}
	if strings.TrimSpace(r.Text) == "" && len(r.Files) == 0 {
		return fault.Invalid("parcel.empty_report")
	}
	for _, m := range []struct {
		name, text string
		limit      int
	}{
		{"text", r.Text, MaxText}, {"when", r.When, MaxWords}, {"where", r.Where, MaxWords}, {"fear", r.Fear, MaxFear},
	} {
		if len(m.text) > m.limit {
			return fault.TooLarge("parcel.text_too_long", m.name, m.limit)
		}
		if !utf8.ValidString(m.text) || strings.ContainsRune(m.text, 0) {
			return fault.Invalid("parcel.member", m.name)
		}
	}
	if !language.MatchString(r.Language) {
		return fault.Invalid("parcel.member", "language")
	}
	if _, err := time.Parse(time.DateOnly, r.Written); err != nil {
		return fault.Invalid("parcel.member", "written")
	}
	if r.Point != nil && !r.Point.isOnEarth() {
		return fault.Invalid("parcel.member", "point")
	}
	if err := r.checkReceipt(); err != nil {
		return err
	}
	return r.checkFiles()
}

func isWhat(w What) bool {
	for _, known := range Whats() {
		if w == known {
			return true
		}
	}
	return false
}

func (p Point) isOnEarth() bool {
	return math.Abs(p.Lat) <= 90 && math.Abs(p.Lon) <= 180 // false for NaN
}

// checkReceipt takes the three members of a receipt together or not at all.
func (r Report) checkReceipt() error {
	if r.Reply == "" && r.Mailbox == "" && r.Blind == "" {
		return nil
	}
	if !strings.HasPrefix(r.Reply, "age1pq1") || len(r.Reply) > 2100 {
		return fault.Invalid("parcel.member", "reply")
	}
	if !hex16.MatchString(r.Mailbox) {
		return fault.Invalid("parcel.member", "mailbox")
	}
	if !hex32.MatchString(r.Blind) {
		return fault.Invalid("parcel.member", "blind")
	}
	return nil
}

func (r Report) checkFiles() error {
	if len(r.Files) > MaxFiles {
		return fault.TooLarge("parcel.too_many_files", MaxFiles)
	}
	seen := make(map[string]bool)
	for i, f := range r.Files {
		member := fmt.Sprintf("files %d", i+1)
		if checkPayloadPath(f.Path) != nil || f.Path == reportPath || seen[foldPath(f.Path)] {
			return fault.Invalid("parcel.member", member)
		}
		seen[foldPath(f.Path)] = true
		if f.Size < 0 || f.Size > MaxParcel || !mediaType.MatchString(f.Type) {
			return fault.Invalid("parcel.member", member)
		}
		if f.Name == "" || len(f.Name) > MaxName || !utf8.ValidString(f.Name) || strings.ContainsRune(f.Name, 0) {
			return fault.Invalid("parcel.member", member)
		}
	}
	return nil
}
