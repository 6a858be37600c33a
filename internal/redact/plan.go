// Package redact holds the desk's plan of what is hidden in one original:
// tracks (covers that move over a film), boxes on a photo, muted ranges, and
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

// Kind and Version name the document. A plan of another version is refused, so
// that an old desk never renders less than a newer plan asks for.
const (
	Kind    = "kua redaction plan"
	Version = 1
)

// Plan says what is hidden in one original. Positions are whole pixels of the
// picture as it is shown (rotation and pixel shape applied), times whole
// milliseconds. Fields are in the order of their names in JSON, which makes
// the encoding canonical.
type Plan struct {
	Boxes    []Box  `json:"boxes,omitempty"`    // on a photo
	By       string `json:"by,omitempty"`       // who of the desk decided it last
	Duration int64  `json:"duration,omitempty"` // of the original; 0 for a photo
	Height   int    `json:"height,omitempty"`   // of the shown picture; 0 for sound
	Kind     string `json:"kind"`
	MuteAll  bool   `json:"mute_all"`        // no sound at all
	Mutes    []Mute `json:"mutes,omitempty"` // ranges of silence
	Note     string `json:"note,omitempty"`
	Original string `json:"original,omitempty"` // the original's id
	// Reviewed says that a person went through the whole original and found
	// nothing more to hide: an empty plan is a decision, not an omission.
	Reviewed bool    `json:"reviewed"`
	Tracks   []Track `json:"tracks,omitempty"` // on a film
	Version  int     `json:"version"`
	Width    int     `json:"width,omitempty"`
}

// Track is a cover of one size that follows something through a film. It covers
// every moment from From to To, both included; it rests at its first point
// before it and at its last after it, and moves in a straight line between two.
// spec/vectors/covers.json has examples.
type Track struct {
	By     string  `json:"by,omitempty"`
	From   int64   `json:"from"`
	H      int     `json:"h"`
	ID     string  `json:"id"`
	Label  string  `json:"label,omitempty"` // what is covered, for the desk's eyes
	Note   string  `json:"note,omitempty"`
	Points []Point `json:"points"`
	To     int64   `json:"to"`
	W      int     `json:"w"`
}

// Point is the upper left corner of a track's box at a moment.
type Point struct {
	At int64 `json:"at"`
	X  int   `json:"x"`
	Y  int   `json:"y"`
}

// Box is a cover on a photo.
type Box struct {
	By    string `json:"by,omitempty"`
	H     int    `json:"h"`
	ID    string `json:"id"`
	Label string `json:"label,omitempty"`
	Note  string `json:"note,omitempty"`
	W     int    `json:"w"`
	X     int    `json:"x"`
	Y     int    `json:"y"`
}

// Mute is a range of silence, both ends included.
type Mute struct {
	By   string `json:"by,omitempty"`
	From int64  `json:"from"`
	ID   string `json:"id"`
	Note string `json:"note,omitempty"`
	To   int64  `json:"to"`
}

// New begins the plan of an original. Without the witness's consent to their
// voice all sound is muted until a person of the desk decides otherwise.
func New(original string, width, height int, duration time.Duration, voice bool) Plan {
	return Plan{
		Kind: Kind, Version: Version, Original: original,
		Width: width, Height: height, Duration: duration.Milliseconds(),
		MuteAll: !voice,
	}
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

// Parse reads a plan and validates it. Unknown members are refused: they could
// ask for something to be hidden that this program would leave open.
func Parse(b []byte) (Plan, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var p Plan
	if err := d.Decode(&p); err != nil {
		return Plan{}, fault.Invalid("redact.unreadable").Because(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Plan{}, fault.Invalid("redact.unreadable")
	}
	return p, p.Validate()
}
