package casefile

import (
	"math"

	"kua/internal/parcel"
)

// Text is words in several languages: language → words.
type Text = map[string]string

// Draft is what the desk has written of a record so far. Each saving is a
// version; nothing of it is public before two people have signed the record
// that is built from it.
type Draft struct {
	Languages []string  `json:"languages"`
	What      string    `json:"what"`
	Title     Text      `json:"title,omitempty"`
	Summary   Text      `json:"summary,omitempty"`
	From      string    `json:"from,omitempty"` // day, month (2026-11) or year
	To        string    `json:"to,omitempty"`
	Place     Place     `json:"place,omitzero"`
	Known     []Text    `json:"known,omitempty"`
	Claims    []Claim   `json:"claims,omitempty"`
	Answers   []Answer  `json:"answers,omitempty"`
	Media     []Exhibit `json:"media,omitempty"`
	// Correction says what a new version of a published record changes and why.
	Correction Text `json:"correction,omitempty"`
	// Accepted holds the answers to warnings: id of the warning → why it is
	// right to publish all the same.
	Accepted map[string]string `json:"accepted,omitempty"`
}

// Claim is what somebody says happened, with its source.
type Claim struct {
	Source Text   `json:"source"`
	Words  Text   `json:"words"`
	Day    string `json:"day,omitempty"`
}

// Answer is what an authority answered.
type Answer struct {
	Authority Text   `json:"authority"`
	Words     Text   `json:"words"`
	Day       string `json:"day,omitempty"`
}

// Exhibit is one original that the record shows through its derivatives.
type Exhibit struct {
	Original int64 `json:"original"`
	Label    Text  `json:"label,omitempty"`
	Covered  Text  `json:"covered,omitempty"` // what was covered or muted, in words
}

// Place is where it happened, as coarse as the desk chooses.
type Place struct {
	Words      Text          `json:"words,omitempty"`
	Point      *parcel.Point `json:"point,omitempty"` // private: Rounded is what may be published
	Coarseness Coarseness    `json:"coarseness,omitempty"`
}

// Coarseness is how exactly a point is published.
type Coarseness string

// The ways to publish a point. The words beside them are about one side of the
// square in which the place then lies.
const (
	NoPoint Coarseness = ""       // no point at all
	Region  Coarseness = "region" // 0.1 of a degree, about 11 km
	Area    Coarseness = "area"   // 0.01 of a degree, about 1 km
)

// Coarsenesses gives every way, from the least said to the most.
func Coarsenesses() []Coarseness { return []Coarseness{NoPoint, Region, Area} }

// Rounded gives the point as it may be published, or nil. Rounding moves a
// place by up to half a side; it hides a house, not a town.
func (p Place) Rounded() *parcel.Point {
	if p.Point == nil {
		return nil
	}
	var steps float64
	switch p.Coarseness {
	case Region:
		steps = 10
	case Area:
		steps = 100
	default:
		return nil
	}
	return &parcel.Point{
		Lat: math.Round(p.Point.Lat*steps) / steps,
		Lon: math.Round(p.Point.Lon*steps) / steps,
	}
}

// Warning is something that must be answered before a draft can be proposed:
// the witness did not allow what the draft would show, or it leads to another report.
type Warning struct {
	ID       string // "face original 3", "place", …: the key in Draft.Accepted
	What     string // face, voice, place, or a LinkKind
	Original int64  // 0 for the place
	Answer   string // why it is right all the same, "" while unanswered
	Links    []Link // what it leads to, for a LinkKind
}
