package redact

import (
	"slices"
	"strings"
	"unicode/utf8"

	"kua/internal/fault"
)

// Bounds of a plan. They keep one bad page from making a plan that takes hours
// to render; a person marking by hand does not come near them.
const (
	MaxTracks = 200
	MaxPoints = 5000 // of one track
	MaxBoxes  = 500
	MaxMutes  = 500 // and kept ranges
	MaxShots  = 5000
	MaxLines  = 5000
	// MaxSuggestions is what a person can answer in an evening, and more. For what
	// is beyond it a plan has one of each page.
	MaxSuggestions = 2000
	MaxCorners     = 200  // of one free shape
	MaxWords       = 4000 // runes of a label or note
	maxSide        = 1 << 16
	// PageSide is the longer side of a document's page in its picture, MaxPages
	// the most that a document has.
	PageSide  = 1600
	MaxPages  = 200
	maxMillis = 48 * 3600 * 1000
	// minSide is the smallest cover: anything smaller is a slip of the hand,
	// and would be lost in scaling.
	minSide = 4
)

// Validate says whether the plan can be rendered as it stands, against the size
// and duration it carries.
func (p Plan) Validate() error {
	if p.Kind != Kind || p.Version != Version {
		return fault.Invalid("redact.version", p.Version, Version)
	}
	if p.Width < 0 || p.Height < 0 || p.Width > maxSide || p.Height > maxSide ||
		p.Duration < 0 || p.Duration > maxMillis || (p.Width == 0) != (p.Height == 0) {
		return fault.Invalid("redact.size", p.Width, p.Height)
	}
	if len(p.Pages) > MaxPages || len(p.Pages) > 0 && (p.Width != 0 || p.Duration != 0) {
		return fault.Invalid("redact.document")
	}
	for _, page := range p.Pages {
		if min(page.W, page.H) < minSide || max(page.W, page.H) > PageSide || len(page.Picture) != 64 || strings.Trim(page.Picture, "0123456789abcdef") != "" {
			return fault.Invalid("redact.document")
		}
	}
	if len(p.Tracks) > MaxTracks || len(p.Boxes) > MaxBoxes || len(p.Mutes) > MaxMutes || len(p.Keeps) > MaxMutes ||
		len(p.Shots) > MaxShots || len(p.Lines) > MaxLines || len(p.Suggestions) > MaxSuggestions+MaxPages {
		return fault.TooLarge("redact.too_many", MaxTracks, MaxBoxes, MaxMutes)
	}
	if tooLong(p.Note) || tooLong(p.By) {
		return fault.TooLarge("redact.words", MaxWords)
	}
	ids := map[string]bool{}
	for _, t := range p.Tracks {
		if err := p.track(t, ids); err != nil {
			return err
		}
	}
	for _, b := range p.Boxes {
		if err := p.box(b, ids); err != nil {
			return err
		}
	}
	if err := p.sound(ids); err != nil {
		return err
	}
	if err := p.shots(ids); err != nil {
		return err
	}
	return p.suggestions(ids)
}

// Empty reports whether the plan hides nothing in the picture.
func (p Plan) Empty() bool {
	hides := func(s Shot) bool { return s.Covered }
	return !p.Covered && len(p.Tracks) == 0 && len(p.Boxes) == 0 && !slices.ContainsFunc(p.Shots, hides)
}

func (p Plan) track(t Track, ids map[string]bool) error {
	switch {
	case p.Duration == 0 || p.Width == 0:
		return fault.Invalid("redact.not_a_film")
	case !newID(t.ID, ids):
		return fault.Invalid("redact.id", t.ID)
	case tooLong(t.Label) || tooLong(t.Note) || tooLong(t.By):
		return fault.TooLarge("redact.words", MaxWords)
	case !p.fits(t.W, t.H):
		return fault.Invalid("redact.track_size", t.ID, t.W, t.H)
	case t.From < 0 || t.To < t.From || t.From > p.Duration || t.To > maxMillis:
		return fault.Invalid("redact.track_time", t.ID)
	}
	if err := p.points(t.ID, t.Points); err != nil {
		return err
	}
	// A cover that never comes into the picture answers a question and covers nothing.
	if !slices.ContainsFunc(t.Points, func(at Point) bool {
		return at.X < p.Width && at.Y < p.Height && at.X+t.W > 0 && at.Y+t.H > 0
	}) {
		return fault.Invalid("redact.box_place", t.ID)
	}
	return nil
}

// area is what a closed shape encloses, in pixels (the shoelace formula).
func area(corners []Corner) int {
	sum := 0
	for i, c := range corners {
		next := corners[(i+1)%len(corners)]
		sum += c.X*next.Y - next.X*c.Y
	}
	return max(sum, -sum) / 2
}

func (p Plan) points(id string, points []Point) error {
	switch {
	case len(points) == 0:
		return fault.Invalid("redact.no_points", id)
	case len(points) > MaxPoints:
		return fault.TooLarge("redact.too_many_points", id, MaxPoints)
	}
	for i, at := range points {
		if at.At < 0 || at.At > maxMillis || i > 0 && at.At <= points[i-1].At {
			return fault.Invalid("redact.point_time", id, i+1)
		}
		if !within(at.X, p.Width) || !within(at.Y, p.Height) {
			return fault.Invalid("redact.point_place", id, i+1)
		}
	}
	return nil
}

func (p Plan) box(b Box, ids map[string]bool) error {
	p, ok := p.on(b.Page)
	switch {
	case !ok:
		return fault.Invalid("redact.page", b.ID, b.Page, len(p.Pages))
	case p.Duration != 0 || p.Width == 0:
		return fault.Invalid("redact.not_a_photo")
	case !newID(b.ID, ids):
		return fault.Invalid("redact.id", b.ID)
	case tooLong(b.Label) || tooLong(b.Note) || tooLong(b.By):
		return fault.TooLarge("redact.words", MaxWords)
	case !p.fits(b.W, b.H):
		return fault.Invalid("redact.track_size", b.ID, b.W, b.H)
	// A box that touches no pixel covers nothing, and somebody thinks it does.
	case b.X >= p.Width || b.Y >= p.Height || b.X+b.W <= 0 || b.Y+b.H <= 0:
		return fault.Invalid("redact.box_place", b.ID)
	case len(b.Corners) > 0 && (len(b.Corners) < 3 || len(b.Corners) > MaxCorners):
		return fault.Invalid("redact.corners", b.ID, MaxCorners)
	}
	if len(b.Corners) > 0 && area(b.Corners) < minSide*minSide {
		return fault.Invalid("redact.corners", b.ID, MaxCorners) // a slip of the hand: it would cover nothing
	}
	for _, c := range b.Corners {
		if c.X < b.X || c.Y < b.Y || c.X > b.X+b.W || c.Y > b.Y+b.H {
			return fault.Invalid("redact.corners", b.ID, MaxCorners)
		}
	}
	return nil
}

func (p Plan) shots(ids map[string]bool) error {
	for i, s := range p.Shots {
		switch {
		case p.Duration == 0 || p.Width == 0:
			return fault.Invalid("redact.not_a_film")
		case !newID(s.ID, ids):
			return fault.Invalid("redact.id", s.ID)
		case tooLong(s.By):
			return fault.TooLarge("redact.words", MaxWords)
		case s.From < 0 || s.To <= s.From || s.To > maxMillis || i > 0 && s.From < p.Shots[i-1].To:
			return fault.Invalid("redact.shot_time", s.ID)
		}
	}
	return nil
}

func (p Plan) suggestions(ids map[string]bool) error {
	for _, s := range p.Suggestions {
		p, ok := p.on(s.Page)
		switch {
		case !ok:
			return fault.Invalid("redact.page", s.ID, s.Page, len(p.Pages))
		case p.Width == 0:
			return fault.Invalid("redact.not_a_film")
		case !newID(s.ID, ids):
			return fault.Invalid("redact.id", s.ID)
		case tooLong(s.Note) || tooLong(s.By) || tooLong(s.Detector):
			return fault.TooLarge("redact.words", MaxWords)
		case s.What != Face && s.What != Plate, s.Answer != "" && s.Answer != Cover && s.Answer != Leave:
			return fault.Invalid("redact.suggestion", s.ID)
		case !p.fits(s.W, s.H):
			return fault.Invalid("redact.track_size", s.ID, s.W, s.H)
		case s.From < 0 || s.To < s.From || s.From > p.Duration || s.To > maxMillis:
			return fault.Invalid("redact.track_time", s.ID)
		}
		if err := p.points(s.ID, s.Points); err != nil {
			return err
		}
	}
	return nil
}

// on gives the plan as if its picture were one page of a document; page 0 is the
// picture of all else. It reports whether there is such a page.
func (p Plan) on(page int) (Plan, bool) {
	if page == 0 || page < 0 || page > len(p.Pages) {
		return p, page == 0 && len(p.Pages) == 0
	}
	p.Width, p.Height = p.Pages[page-1].W, p.Pages[page-1].H
	return p, true
}

// Size gives the width and height of the picture, or of a document's page (from
// 1; page 0 is the picture of all else). A page that is not there has none.
func (p Plan) Size(page int) (width, height int) {
	q, ok := p.on(page)
	if !ok {
		return 0, 0
	}
	return q.Width, q.Height
}

// fits lets a cover be larger than the picture, but not absurdly so.
func (p Plan) fits(w, h int) bool {
	return w >= minSide && h >= minSide && w <= 2*max(p.Width, minSide) && h <= 2*max(p.Height, minSide)
}

// within lets a corner lie outside the picture, where a cover comes in or goes
// out, but not so far that arithmetic on it could overflow.
func within(v, side int) bool { return v >= -4*side && v <= 4*side }

// newID accepts a short id that was not seen before.
func newID(id string, seen map[string]bool) bool {
	if id == "" || len(id) > 64 || seen[id] {
		return false
	}
	seen[id] = true
	return true
}

func tooLong(s string) bool { return utf8.RuneCountInString(s) > MaxWords || !utf8.ValidString(s) }
