// Package record is the published case: what is known, who claims what, what
// the authority answered, and the media that show it. Its canonical JSON is
// what people sign and what the log names.
//
// It does not know the private case: every field a record can have stands in
// this package, and none of them can name a witness, an original file or an
// exact time. It touches no file and no network. Whatever publishes, renders or
// checks records may use it. The format is spec/record.md.
package record

import (
	"kua/internal/canon"
	"kua/internal/fault"
)

// Kind is the "kind" member of every record.
const Kind = "kua record"

// The two states of a record. A withdrawn record is a tombstone: it says that
// something was here, since when it is not, and why.
const (
	Published = "published"
	Withdrawn = "withdrawn"
)

// Record is one version of a published case. Members with an empty value are
// left out of the document. A withdrawn record keeps Kind, ID, Version,
// Previous, Status, Day and Reason and nothing else.
type Record struct {
	Kind       string   `json:"kind"`
	ID         string   `json:"id"` // six digits
	Version    int      `json:"version"`
	Previous   string   `json:"previous,omitempty"` // SHA-256 of the document of the version before
	Status     string   `json:"status"`
	Day        string   `json:"day"`                 // of publication of this version
	Languages  []string `json:"languages,omitempty"` // every text is there in each of them
	What       string   `json:"what,omitempty"`      // one of Whats
	Title      Text     `json:"title,omitempty"`
	Summary    Text     `json:"summary,omitempty"`
	Happened   Span     `json:"happened,omitzero"`
	Place      Place    `json:"place,omitzero"`
	Known      []Text   `json:"known,omitempty"`
	Claims     []Claim  `json:"claims,omitempty"`
	Answers    []Answer `json:"answers,omitempty"`
	Media      []Media  `json:"media,omitempty"`
	Correction Text     `json:"correction,omitempty"` // what this version changed and why; from version 2 on
	Reason     Text     `json:"reason,omitempty"`     // why it was withdrawn
}

// Text is the same words in several languages: language tag → words.
type Text map[string]string

// Span is when it happened: from a day (2006-01-02), a month (2006-01) or a year
// (2006) to a later one of the same kind, or that one alone. It may be wider
// than what is known to the desk, when the day would betray somebody.
type Span struct {
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// Place is where it happened, as coarsely as the desk chose to say it.
type Place struct {
	Words Text   `json:"words,omitempty"`
	Point *Point `json:"point,omitempty"`
}

// Point is a place on the earth in degrees, WGS 84, with at most three digits
// behind the point (about a hundred metres). Round gives one.
type Point struct {
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

// Claim is what somebody says happened. A record can hold claims that
// contradict each other; it never says which of them is true.
type Claim struct {
	Source Text   `json:"source"`
	Words  Text   `json:"words"`
	Day    string `json:"day,omitempty"` // on which it was said
}

// Answer is what an authority answered.
type Answer struct {
	Authority Text   `json:"authority"`
	Words     Text   `json:"words"`
	Day       string `json:"day,omitempty"`
}

// Media is one film, photo, sound or document, made anew from an original that
// stays at the desk.
type Media struct {
	ID         string `json:"id"`   // a name within the record, such as "1"; never a hash of the original
	Type       string `json:"type"` // one of MediaTypes
	Label      Text   `json:"label,omitempty"`
	Seconds    int    `json:"seconds,omitempty"` // length, rounded up by Seconds
	Covered    Text   `json:"covered,omitempty"` // what was covered or muted
	Poster     *File  `json:"poster,omitempty"`
	Files      []File `json:"files"`
	Commitment string `json:"commitment,omitempty"` // to the original, made by Commit
	Redaction  string `json:"redaction,omitempty"`  // to the plan of what is hidden in it, made by Commit
}

// File is one published rendition, named by its bytes.
type File struct {
	Rung   string `json:"rung"` // 240p, audio, jpeg, webp, poster, …
	Type   string `json:"type"` // media type, one of those Extension knows
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"` // bytes
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"`
}

// Bytes gives the canonical document. It does not validate.
func (r Record) Bytes() ([]byte, error) { return canon.Marshal(r) }

// Parse reads a canonical document and validates it.
func Parse(doc []byte) (Record, error) {
	if len(doc) > MaxDocument {
		return Record{}, fault.TooLarge("record.too_large", MaxDocument)
	}
	var r Record
	if err := canon.Unmarshal(doc, &r); err != nil {
		return Record{}, fault.Invalid("record.not_a_record").Because(err)
	}
	if err := r.Validate(); err != nil {
		return Record{}, err
	}
	return r, nil
}

// Follows checks that r is the next version after the one whose document is
// before.
func (r Record) Follows(before []byte) error {
	old, err := Parse(before)
	if err != nil {
		return err
	}
	if r.ID != old.ID || r.Version != old.Version+1 || r.Previous != canon.Hash(before) || r.Day < old.Day {
		return fault.Invalid("record.broken_chain", r.ID, r.Version)
	}
	return nil
}

// AllFiles gives every file that the record's pages need: posters and
// renditions, in the record's order.
func (r Record) AllFiles() []File {
	var files []File
	for _, m := range r.Media {
		if m.Poster != nil {
			files = append(files, *m.Poster)
		}
		files = append(files, m.Files...)
	}
	return files
}
