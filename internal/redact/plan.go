// Package redact holds the desk's plan of what is hidden in one original:
// tracks (covers that move over a film), boxes on a photo or on the pages of a
// document, muted ranges, and
// who decided it. It is words and rules only: it neither draws nor decodes, and
// undoing a step is the page's matter. The desk may use it.
package redact

import (
	"bytes"
	"encoding/json"
	"io"
	"time"

	"kua/internal/fault"
)

// Kind and Version name the document. A newer version is refused, so that an
// old desk never renders less than a newer plan asks for. Version 1, in which
// everything that was not covered was open, and version 2 are read as what they
// meant, but for documents: before version 3 their pages had no sizes, before
// version 4 nothing said on which pictures they were marked, so that such a plan
// is refused and begun anew.
const (
	Kind    = "kua redaction plan"
	Version = 4
)

// pagesSince is the version in which a document's pages got sizes and pictures.
const pagesSince = 4

// Plan says what is hidden in one original. Positions are whole pixels of the
// picture as it is shown (rotation and pixel shape applied), times whole
// milliseconds. Fields are in the order of their names in JSON, which makes
// the encoding canonical.
type Plan struct {
	Boxes []Box  `json:"boxes,omitempty"` // on a photo or document
	By    string `json:"by,omitempty"`    // who of the desk decided it last
	// Covered is how the picture begins: hidden, and only what is revealed is
	// shown (deny by default), or shown, and only what is covered is hidden. On
	// a film it holds for every moment for which no shot says otherwise.
	Covered  bool   `json:"covered"`
	Duration int64  `json:"duration,omitempty"` // of the original; 0 for a photo
	Height   int    `json:"height,omitempty"`   // of the shown picture; 0 for sound
	Keeps    []Span `json:"keeps,omitempty"`    // ranges of sound that are kept though all is muted
	Kind     string `json:"kind"`
	Lines    []Line `json:"lines,omitempty"` // what is said, typed by a person
	MuteAll  bool   `json:"mute_all"`        // no sound but what Keeps names and Speak says
	Mutes    []Mute `json:"mutes,omitempty"` // ranges of silence; they win over Keeps
	Note     string `json:"note,omitempty"`
	Original string `json:"original,omitempty"` // the original's id
	// Pages are those of a document, in order; none for all else. Its boxes and
	// suggestions name their page, and are measured in the page's picture.
	Pages []Page `json:"pages,omitempty"`
	// Reviewed says that a person went through the whole original and found
	// nothing more to hide: an empty plan is a decision, not an omission.
	Reviewed bool   `json:"reviewed"`
	Shots    []Shot `json:"shots,omitempty"` // of a film, in order, without overlap
	// Speak is the language whose lines a machine voice says in the place of
	// the people's own; "" for none.
	Speak       string       `json:"speak,omitempty"`
	Suggestions []Suggestion `json:"suggestions,omitempty"` // what a machine thinks it saw
	Tracks      []Track      `json:"tracks,omitempty"`      // on a film
	Version     int          `json:"version"`
	Width       int          `json:"width,omitempty"`
}

// Shot is a stretch of film between two cuts, from From (included) to To (not
// included).
type Shot struct {
	By      string `json:"by,omitempty"` // who decided Covered; "" for a cut that a machine found and nobody decided
	Covered bool   `json:"covered"`
	From    int64  `json:"from"`
	ID      string `json:"id"`
	To      int64  `json:"to"`
}

// Track is a box of one size that follows something through a film and covers
// it, or reveals it where the shot is covered. It holds for every moment from
// From to To, both included; it rests at its first point before it and at its
// last after it, and moves in a straight line between two. A cover wins over
// every reveal. spec/vectors/covers.json has examples.
type Track struct {
	By string `json:"by,omitempty"`
	// EndSeen and StartSeen say that a person looked at what comes after and
	// before: an end inside the picture is an open question without it.
	EndSeen   bool    `json:"end_seen,omitempty"`
	From      int64   `json:"from"`
	H         int     `json:"h"`
	ID        string  `json:"id"`
	Label     string  `json:"label,omitempty"` // what is covered, for the desk's eyes
	Note      string  `json:"note,omitempty"`
	Points    []Point `json:"points"`
	Reveal    bool    `json:"reveal,omitempty"`
	Source    string  `json:"source,omitempty"` // "tracker", or the id of the suggestion it was made of; "" for a hand
	StartSeen bool    `json:"start_seen,omitempty"`
	To        int64   `json:"to"`
	W         int     `json:"w"`
}

// Suggestion is something that a machine thinks it saw. It covers nothing: a
// person answers it, and until then the original cannot be published.
type Suggestion struct {
	Answer   string  `json:"answer,omitempty"` // Cover or Leave; "" while it is open
	By       string  `json:"by,omitempty"`     // who answered
	Detector string  `json:"detector"`         // what saw it, with its version
	From     int64   `json:"from"`             // 0, with To, on a photo or document
	H        int     `json:"h"`
	ID       string  `json:"id"`
	Note     string  `json:"note,omitempty"` // why it is left
	Page     int     `json:"page,omitempty"` // of a document, from 1; 0 for all else
	Points   []Point `json:"points"`
	To       int64   `json:"to"`
	W        int     `json:"w"`
	What     string  `json:"what"` // Face or Plate
}

// The answers to a suggestion, and what it may be of.
const (
	Cover = "cover" // a track or box with this suggestion as its Source covers it
	Leave = "leave" // it is nothing, or may be seen: Note says why

	Face  = "face"
	Plate = "plate"
)

// Point is the upper left corner of a track's box at a moment.
type Point struct {
	At int64 `json:"at"`
	X  int   `json:"x"`
	Y  int   `json:"y"`
}

// Page is a document's page: the size of its picture in pixels, of which the
// longer side is at most PageSide, and the SHA-256 of that picture in small hex.
// docs/design/media.md says of which bytes.
type Page struct {
	H       int    `json:"h"`
	Picture string `json:"picture"`
	W       int    `json:"w"`
}

// Box is a cover on a photo or page, or what is revealed of a covered one. With Corners
// it is the free shape between them, and X, Y, W, H are what encloses it.
type Box struct {
	By      string   `json:"by,omitempty"`
	Corners []Corner `json:"corners,omitempty"` // 3 or more, in order; closed
	H       int      `json:"h"`
	ID      string   `json:"id"`
	Label   string   `json:"label,omitempty"`
	Note    string   `json:"note,omitempty"`
	Page    int      `json:"page,omitempty"` // of a document, from 1; 0 on a photo
	Reveal  bool     `json:"reveal,omitempty"`
	Source  string   `json:"source,omitempty"` // as in Track
	W       int      `json:"w"`
	X       int      `json:"x"`
	Y       int      `json:"y"`
}

// Corner is one corner of a free shape.
type Corner struct {
	X int `json:"x"`
	Y int `json:"y"`
}

// Mute is a range of silence, both ends included.
type Mute struct {
	By   string `json:"by,omitempty"`
	From int64  `json:"from"`
	ID   string `json:"id"`
	Note string `json:"note,omitempty"`
	To   int64  `json:"to"`
}

// Span is a range of sound that is kept: a shot, a siren. Both ends are included.
type Span struct {
	By   string `json:"by,omitempty"`
	From int64  `json:"from"`
	ID   string `json:"id"`
	Note string `json:"note,omitempty"` // what is heard
	To   int64  `json:"to"`
}

// Line is one line of what is said, in one or more languages: it becomes a
// subtitle, and is spoken in the language of Speak.
type Line struct {
	From  int64             `json:"from"`
	ID    string            `json:"id"`
	To    int64             `json:"to"`
	Words map[string]string `json:"words"` // language → words
}

// New begins the plan of an original. A picture begins covered: nothing is
// shown that nobody decided to show. Without the witness's consent to their
// voice all sound is muted until a person of the desk decides otherwise.
func New(original string, width, height int, duration time.Duration, voice bool) Plan {
	return Plan{
		Kind: Kind, Version: Version, Original: original,
		Width: width, Height: height, Duration: duration.Milliseconds(),
		Covered: width > 0, MuteAll: !voice,
	}
}

// NewDocument begins the plan of a document: every page is hidden.
func NewDocument(original string, pages []Page) Plan {
	return Plan{Kind: Kind, Version: Version, Original: original, Pages: pages, Covered: true, MuteAll: true}
}

// Bytes gives the plan as canonical JSON: members in the order of their names,
// no spaces, whole numbers.
func (p Plan) Bytes() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(p); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Parse reads a plan, of an older version too, and validates it. Unknown members are refused: they could
// ask for something to be hidden that this program would leave open.
func Parse(b []byte) (Plan, error) {
	var head struct {
		Version int             `json:"version"`
		Pages   json.RawMessage `json:"pages"`
	}
	if json.Unmarshal(b, &head) == nil && head.Version < pagesSince && head.Pages != nil {
		return Plan{}, fault.Invalid("redact.old_document", head.Version)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var p Plan
	if err := d.Decode(&p); err != nil {
		return Plan{}, fault.Invalid("redact.unreadable").Because(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Plan{}, fault.Invalid("redact.unreadable")
	}
	if p.Version >= 1 && p.Version < Version {
		p.Version = Version
	}
	return p, p.Validate()
}
