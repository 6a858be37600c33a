package media

import (
	"image"
	"slices"
	"time"

	"kua/internal/fault"
)

// hides reports whether anything of a film's picture is hidden.
func (p Plan) hides() bool {
	return p.Covered || len(p.Covers) > 0 || slices.ContainsFunc(p.Shots, func(s Shot) bool { return s.Covered })
}

// covered reports whether the picture is hidden at any moment between two, both
// included: one covered moment of the while a frame is shown hides the frame.
func (p Plan) covered(from, to time.Duration) bool {
	next := from // the first moment that no shot has spoken for
	for _, s := range p.Shots {
		if s.To <= from {
			continue
		}
		if s.From > to {
			break
		}
		if s.Covered || p.Covered && s.From > next {
			return true
		}
		next = s.To
	}
	return p.Covered && next <= to
}

// lastMoment is the last of which a plan can speak: plans count whole
// milliseconds up to the length that the container claims.
func lastMoment(length time.Duration) time.Duration {
	return max(0, length.Truncate(time.Millisecond)-time.Millisecond)
}

// validate holds a plan to what rendering relies on. The desk's own rules are
// stricter; a plan that breaks these would leave something open that somebody
// thinks is covered.
func (p Plan) validate() error {
	for _, c := range slices.Concat(p.Covers, p.Reveals) {
		sorted := slices.IsSortedFunc(c.Points, func(a, b At) int { return int(a.At - b.At) })
		if c.W <= 0 || c.H <= 0 || len(c.Points) == 0 || c.To < c.From || !sorted || c.W > 1<<17 || c.H > 1<<17 {
			return fault.Invalid("media.plan")
		}
		for _, at := range c.Points {
			if !sane(image.Pt(at.X, at.Y)) || at.At < 0 {
				return fault.Invalid("media.plan")
			}
		}
	}
	for i, s := range p.Shots {
		if s.From < 0 || s.To <= s.From || i > 0 && s.From < p.Shots[i-1].To {
			return fault.Invalid("media.plan")
		}
	}
	for _, s := range p.Shapes {
		if s.Page < 0 || s.Page > len(p.Pages) || (s.Page == 0) != (len(p.Pages) == 0) {
			return fault.Invalid("media.plan")
		}
		if s.Box.Empty() || !sane(s.Box.Min) || !sane(s.Box.Max) || len(s.Corners) == 1 || len(s.Corners) == 2 || slices.ContainsFunc(s.Corners, func(c image.Point) bool { return !sane(c) }) {
			return fault.Invalid("media.plan")
		}
	}
	if len(p.Pages) > maxPages || slices.ContainsFunc(p.Pages, func(page Page) bool { return !page.sane() }) {
		return fault.Invalid("media.plan")
	}
	return p.validateSound()
}

// sane keeps arithmetic on a place from overflowing.
func sane(p image.Point) bool {
	const far = 1 << 20
	return p.X >= -far && p.X <= far && p.Y >= -far && p.Y <= far
}

// painter covers frames of the master size.
type painter struct {
	plan          Plan
	shown, master image.Point
	length        time.Duration // as the container claims it
}

// paint hides everything that the plan hides at any moment between two. began
// is when the frame itself begins: where the film goes on behind its claimed
// end nobody could mark anything, and a plan that hides something shows nothing.
func (p painter) paint(f planar, began, from, to time.Duration) {
	last := lastMoment(p.length)
	if began <= last {
		p.hide(f, min(from, last), min(to, last))
	} else if p.plan.hides() {
		f.fill(image.Rectangle{Max: p.master})
	}
	for _, c := range p.plan.Covers {
		if r := scaled(c.Sweep(from, to), p.shown, p.master, coverMargin); !r.Empty() {
			f.fill(r)
		}
	}
}

// hide fills a covered frame but for what one and the same track reveals at
// every moment of it.
func (p painter) hide(f planar, from, to time.Duration) {
	if !p.plan.covered(from, to) {
		return
	}
	var seen []image.Rectangle
	for _, r := range p.plan.Reveals {
		seen = append(seen, shrunk(r.Hold(from, to), p.shown, p.master, coverMargin))
	}
	for _, r := range outside(p.master, seen) {
		f.fill(r)
	}
}
