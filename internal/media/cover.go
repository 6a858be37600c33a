package media

import (
	"image"
	"slices"
	"sort"
	"time"

	"kua/internal/fault"
)

// The fill of every cover: black, in limited-range Y'CbCr and as a gray value.
const (
	fillY      = 16
	fillChroma = 128
)

// coverMargin widens a cover on every side, in pixels of the largest rung. The
// scaler mixes neighbouring pixels, the original's own coding has smeared them
// already, and colour is kept at half resolution: what lies under the edge of
// a cover must not shine out beside it.
const coverMargin = 4

// Place gives the upper left corner at moment t and whether t is covered.
func (c Cover) Place(t time.Duration) (corner image.Point, covered bool) {
	return c.corner(t), t >= c.From && t <= c.To
}

// corner is the way itself: it goes on before From and after To. Whole pixels,
// rounded down, in microseconds, which no film can overflow.
func (c Cover) corner(t time.Duration) image.Point {
	i := sort.Search(len(c.Points), func(i int) bool { return c.Points[i].At > t })
	switch {
	case len(c.Points) == 0:
		return image.Point{}
	case i == 0:
		return image.Pt(c.Points[0].X, c.Points[0].Y)
	case i == len(c.Points):
		return image.Pt(c.Points[i-1].X, c.Points[i-1].Y)
	}
	a, b := c.Points[i-1], c.Points[i]
	gone, whole := (t - a.At).Microseconds(), (b.At - a.At).Microseconds()
	return image.Pt(between(a.X, b.X, gone, whole), between(a.Y, b.Y, gone, whole))
}

func between(from, to int, gone, whole int64) int {
	if whole <= 0 {
		return to
	}
	return from + int(floorDiv(int64(to-from)*gone, whole))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// Sweep gives everything the cover touches between two moments: a frame is
// shown for a while, and the cover's place was marked at some moment of it.
// It is empty when no moment of that while is covered.
func (c Cover) Sweep(from, to time.Duration) image.Rectangle {
	if to < c.From || from > c.To {
		return image.Rectangle{}
	}
	size := image.Pt(c.W, c.H)
	at := func(p image.Point) image.Rectangle { return image.Rectangle{Min: p, Max: p.Add(size)} }
	all := at(c.corner(from)).Union(at(c.corner(to)))
	i := sort.Search(len(c.Points), func(i int) bool { return c.Points[i].At > from })
	for ; i < len(c.Points) && c.Points[i].At < to; i++ {
		all = all.Union(at(image.Pt(c.Points[i].X, c.Points[i].Y)))
	}
	return all
}

// validate holds a plan to what rendering relies on. The desk's own rules are
// stricter; a plan that breaks these would leave something open that somebody
// thinks is covered.
func (p Plan) validate() error {
	for _, c := range p.Covers {
		sorted := slices.IsSortedFunc(c.Points, func(a, b At) int { return int(a.At - b.At) })
		if c.W <= 0 || c.H <= 0 || len(c.Points) == 0 || c.To < c.From || !sorted || c.W > 1<<17 || c.H > 1<<17 {
			return fault.Invalid("media.plan")
		}
		for _, at := range c.Points {
			if at.X < -1<<20 || at.X > 1<<20 || at.Y < -1<<20 || at.Y > 1<<20 || at.At < 0 {
				return fault.Invalid("media.plan")
			}
		}
	}
	for _, b := range p.Boxes {
		if b.Empty() {
			return fault.Invalid("media.plan")
		}
	}
	for page, boxes := range p.Pages {
		if page < 1 || page > maxPages {
			return fault.Invalid("media.plan")
		}
		for _, b := range boxes {
			if b.Empty() {
				return fault.Invalid("media.plan")
			}
		}
	}
	for _, m := range p.Mutes {
		if m.To < m.From {
			return fault.Invalid("media.plan")
		}
	}
	return nil
}

// scaled carries a rectangle over to a picture of another size: never smaller
// than it was, widened by margin, on even pixels, cut to the picture.
func scaled(r image.Rectangle, from, to image.Point, margin int) image.Rectangle {
	if r.Empty() {
		return image.Rectangle{}
	}
	down := func(v, f, t int) int { return int(floorDiv(int64(v)*int64(t), int64(f))) }
	up := func(v, f, t int) int { return -int(floorDiv(-int64(v)*int64(t), int64(f))) }
	out := image.Rect(
		down(r.Min.X, from.X, to.X)-margin, down(r.Min.Y, from.Y, to.Y)-margin,
		up(r.Max.X, from.X, to.X)+margin, up(r.Max.Y, from.Y, to.Y)+margin)
	out.Min.X, out.Min.Y = out.Min.X&^1, out.Min.Y&^1
	out.Max.X, out.Max.Y = (out.Max.X+1)&^1, (out.Max.Y+1)&^1
	return out.Intersect(image.Rectangle{Max: to})
}

// planar is a picture in 4:2:0: a plane of Y', then Cb and Cr at half size.
// Width and height are even.
type planar struct {
	size image.Point
	pix  []byte
}

func planarBytes(size image.Point) int { return size.X * size.Y * 3 / 2 }

// fill paints a rectangle on even pixels.
func (p planar) fill(r image.Rectangle) {
	paint := func(plane []byte, stride int, r image.Rectangle, v byte) {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			row := plane[y*stride+r.Min.X : y*stride+r.Max.X]
			for i := range row {
				row[i] = v
			}
		}
	}
	n := p.size.X * p.size.Y
	half := image.Rect(r.Min.X/2, r.Min.Y/2, r.Max.X/2, r.Max.Y/2)
	paint(p.pix[:n], p.size.X, r, fillY)
	paint(p.pix[n:n+n/4], p.size.X/2, half, fillChroma)
	paint(p.pix[n+n/4:], p.size.X/2, half, fillChroma)
}
