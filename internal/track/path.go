package track

import (
	"math"
	"time"
)

// Margin is by how much of its size a box is widened by default: what a machine
// follows is not followed to the pixel.
const Margin = 0.3

// Seen is where the thing was on one frame.
type Seen struct {
	At  time.Duration
	Box Box
}

// Point is a point of a simplified way: the upper left corner at a moment of
// whole milliseconds, in whole pixels.
type Point struct {
	At   int64
	X, Y int
}

// Way is a box of one size on a way of few points, moving in straight lines
// between them. At the moment of every frame it holds what was seen there,
// whole: Simplify sees to it.
type Way struct {
	W, H   int
	Points []Point
}

// Simplify makes a way of what was seen, in order of time and without two
// frames at one millisecond. The box is as large as the largest that was seen
// and wider by margin (see Margin); a size that changes would tell a pose.
func Simplify(seen []Seen, margin float64) Way {
	if len(seen) == 0 {
		return Way{}
	}
	var w, h float64
	for _, s := range seen {
		w, h = max(w, s.Box.W), max(h, s.Box.H)
	}
	return Way{W: int(math.Ceil(w*(1+margin))) + 2, H: int(math.Ceil(h*(1+margin))) + 2}.along(seen, holds)
}

// Within makes a way of what was seen, as Simplify does, for what is to be shown:
// the box is smaller than the smallest that was seen, and at the moment of every
// frame it lies inside what was seen there.
func Within(seen []Seen) Way {
	if len(seen) == 0 {
		return Way{}
	}
	w, h := math.Inf(1), math.Inf(1)
	for _, s := range seen {
		w, h = min(w, s.Box.W), min(h, s.Box.H)
	}
	return Way{W: max(1, int(math.Floor(w))-2), H: max(1, int(math.Floor(h))-2)}.along(seen, inside)
}

// along leads the box over what was seen, in as few points as fit at every frame.
func (way Way) along(seen []Seen, fits func(w Way, p Point, b Box) bool) Way {
	points := make([]Point, len(seen))
	for i, s := range seen {
		points[i] = Point{s.At.Milliseconds(), int(math.Round(s.Box.X + s.Box.W/2 - float64(way.W)/2)), int(math.Round(s.Box.Y + s.Box.H/2 - float64(way.H)/2))}
	}
	way.Points = append(way.Points, points[0])
	for at := 0; at < len(points)-1; {
		// As far as a straight line holds everything on the way; the reach
		// doubles while it does, so that a long rest is cheap.
		good, step := at+1, 1
		for good+step < len(points) && way.fit(seen, points, at, good+step, fits) {
			good += step
			step *= 2
		}
		for ; step > 0; step /= 2 {
			for good+step < len(points) && way.fit(seen, points, at, good+step, fits) {
				good += step
			}
		}
		way.Points = append(way.Points, points[good])
		at = good
	}
	return way
}

// fit reports whether the straight way between two points fits every box between
// them.
func (way Way) fit(seen []Seen, points []Point, from, to int, fits func(w Way, p Point, b Box) bool) bool {
	for i := from + 1; i < to; i++ {
		if !fits(way, between(points[from], points[to], points[i].At), seen[i].Box) {
			return false
		}
	}
	return true
}

// holds reports whether a box lies inside the way's box at a point.
func holds(w Way, p Point, b Box) bool {
	return float64(p.X) <= b.X && float64(p.Y) <= b.Y && float64(p.X+w.W) >= b.X+b.W && float64(p.Y+w.H) >= b.Y+b.H
}

// inside reports whether the way's box at a point lies inside a box.
func inside(w Way, p Point, b Box) bool {
	return float64(p.X) >= b.X && float64(p.Y) >= b.Y && float64(p.X+w.W) <= b.X+b.W && float64(p.Y+w.H) <= b.Y+b.H
}

// Place gives the box at a moment in whole milliseconds.
func (w Way) Place(at int64) Box {
	p := w.Points[0]
	if at <= p.At {
		return Box{float64(p.X), float64(p.Y), float64(w.W), float64(w.H)}
	}
	for i, next := range w.Points {
		switch {
		case next.At <= at:
			p = next
		case i > 0:
			p = between(w.Points[i-1], next, at)
			return Box{float64(p.X), float64(p.Y), float64(w.W), float64(w.H)}
		}
	}
	return Box{float64(p.X), float64(p.Y), float64(w.W), float64(w.H)}
}

// between cuts down to whole pixels, as a cover moves: spec/vectors/covers.json.
func between(a, b Point, at int64) Point {
	if b.At <= a.At {
		return b
	}
	part := func(from, to int) int {
		moved := int64(to-from) * (at - a.At)
		q := moved / (b.At - a.At)
		if moved%(b.At-a.At) != 0 && moved < 0 {
			q--
		}
		return from + int(q)
	}
	return Point{at, part(a.X, b.X), part(a.Y, b.Y)}
}
