package redact

import "slices"

// What a plan may still ask a person.
const (
	AskSuggestion = "suggestion" // a machine thinks it saw something, and nobody answered
	AskStart      = "start"      // a cover begins in the middle of the picture, and nobody looked at what is before
	AskEnd        = "end"        // the same of its end
	AskUncovered  = "uncovered"  // it was said to be covered, and no cover made of it is there
	AskNothing    = "nothing"    // nothing at all is shown; Note answers it
)

// Question is something that a person must answer before the original can be
// published.
type Question struct {
	Kind string // one of the Ask words
	ID   string // of the track or suggestion; "" for the plan itself
	At   int64  // the moment to look at, in milliseconds
	Page int    // of a document, from 1; 0 for all else
}

// edge is how far from a cut or the end of the film a cover may begin or end
// and still mean it, in milliseconds. It is less than one frame of a film of
// thirty frames a second, and the renderer covers one frame more on either side.
const edge = 20

// Questions gives everything that a plan leaves open, in the order of its
// suggestions and tracks. A plan without questions is not a safe plan: it is
// one that a person has gone through.
func (p Plan) Questions() []Question {
	var all []Question
	if p.showsNothing() && p.Note == "" {
		all = append(all, Question{Kind: AskNothing})
	}
	for _, s := range p.Suggestions {
		switch {
		case s.Answer == "":
			all = append(all, Question{AskSuggestion, s.ID, s.From, s.Page})
		case s.Answer == Cover && !p.covers(s):
			all = append(all, Question{AskUncovered, s.ID, s.From, s.Page})
		}
	}
	for _, t := range p.Tracks {
		if t.Reveal {
			continue // what is no longer revealed is hidden
		}
		if !t.StartSeen && p.openEnd(t, t.From, t.From-edge) {
			all = append(all, Question{AskStart, t.ID, t.From, 0})
		}
		if !t.EndSeen && p.openEnd(t, t.To, t.To+edge) {
			all = append(all, Question{AskEnd, t.ID, t.To, 0})
		}
	}
	return all
}

// CoveredAt reports whether the picture is hidden at a moment of the film, but
// for what is revealed: as the shot that holds it says, else as the plan begins.
func (p Plan) CoveredAt(at int64) bool {
	if s, ok := p.shotAt(at); ok {
		return s.Covered
	}
	return p.Covered
}

func (p Plan) shotAt(at int64) (Shot, bool) {
	i := slices.IndexFunc(p.Shots, func(s Shot) bool { return at >= s.From && at < s.To })
	if i < 0 {
		return Shot{}, false
	}
	return p.Shots[i], true
}

// openEnd reports whether a cover's end at a moment leaves open, at the moment
// beyond it, what may have been under it.
func (p Plan) openEnd(t Track, at, beyond int64) bool {
	if beyond <= 0 || beyond >= p.Duration {
		return false
	}
	if from, ok := p.shotAt(at); ok {
		if to, ok := p.shotAt(beyond); !ok || to.ID != from.ID {
			return false // it ends at a cut
		}
	} else if _, ok := p.shotAt(beyond); ok {
		return false
	}
	if p.CoveredAt(beyond) && !slices.ContainsFunc(p.Tracks, func(r Track) bool { return r.Reveal && beyond >= r.From && beyond <= r.To }) {
		return false // nothing is seen there
	}
	place := t.Place(at)
	return place.X > 0 && place.Y > 0 && place.X+t.W < p.Width && place.Y+t.H < p.Height
}

// Place is where a track's box lies at a moment, on its way whether it holds
// then or not: spec/vectors/covers.json.
func (t Track) Place(at int64) Point {
	for i, p := range t.Points {
		if p.At <= at {
			continue
		}
		if i == 0 {
			return Point{At: at, X: p.X, Y: p.Y}
		}
		a := t.Points[i-1]
		return Point{At: at, X: between(a.X, p.X, at-a.At, p.At-a.At), Y: between(a.Y, p.Y, at-a.At, p.At-a.At)}
	}
	last := t.Points[len(t.Points)-1]
	return Point{At: at, X: last.X, Y: last.Y}
}

// between cuts down to whole pixels, towards the left and up.
func between(from, to int, gone, whole int64) int {
	moved := int64(to-from) * gone
	q := moved / whole
	if moved%whole != 0 && moved < 0 {
		q--
	}
	return from + int(q)
}

// covers reports whether a cover that was made of a suggestion still lies on what
// was suggested: on its page, or at some moment of its time.
func (p Plan) covers(s Suggestion) bool {
	return slices.ContainsFunc(p.Tracks, func(t Track) bool { return t.Source == s.ID && !t.Reveal && t.meets(s) }) ||
		slices.ContainsFunc(p.Boxes, func(b Box) bool {
			return b.Source == s.ID && !b.Reveal && b.Page == s.Page && s.under(s.From, b.X, b.Y, b.W, b.H)
		})
}

// meets reports whether a track lies on what was suggested at a moment at which
// either of them begins, ends or turns.
func (t Track) meets(s Suggestion) bool {
	moments := []int64{s.From, s.To, t.From, t.To}
	for _, p := range slices.Concat(s.Points, t.Points) {
		moments = append(moments, p.At)
	}
	return slices.ContainsFunc(moments, func(at int64) bool {
		place := t.Place(at)
		return at >= max(s.From, t.From) && at <= min(s.To, t.To) && s.under(at, place.X, place.Y, t.W, t.H)
	})
}

// under reports whether a box touches what was suggested at a moment.
func (s Suggestion) under(at int64, x, y, w, h int) bool {
	seen := Track{Points: s.Points}.Place(at)
	return x < seen.X+s.W && seen.X < x+w && y < seen.Y+s.H && seen.Y < y+h
}

// OpenPages gives the pages of a document, from 1, of which readers see anything:
// all of one that begins open, else those on which something is revealed.
func (p Plan) OpenPages() []int {
	var all []int
	for i := range p.Pages {
		if !p.Covered || slices.ContainsFunc(p.Boxes, func(b Box) bool { return b.Reveal && b.Page == i+1 }) {
			all = append(all, i+1)
		}
	}
	return all
}

// showsNothing reports whether the whole picture is hidden for all of the film.
func (p Plan) showsNothing() bool {
	return p.Covered && (p.Width > 0 || len(p.Pages) > 0) &&
		!slices.ContainsFunc(p.Shots, func(s Shot) bool { return !s.Covered }) &&
		!slices.ContainsFunc(p.Tracks, func(t Track) bool { return t.Reveal }) &&
		!slices.ContainsFunc(p.Boxes, func(b Box) bool { return b.Reveal })
}
