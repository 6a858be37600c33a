package media

import (
	"image"
	"sort"
	"time"
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
	return c.along(from, to, image.Rectangle.Union)
}

// Hold gives what the track shows at every single moment between two: a pixel
// is revealed only if it may be seen for as long as its frame is shown. It is
// empty when any moment of that while lies outside the track's time.
func (c Cover) Hold(from, to time.Duration) image.Rectangle {
	if from < c.From || to > c.To {
		return image.Rectangle{}
	}
	return c.along(from, to, image.Rectangle.Intersect)
}

// along joins the boxes at two moments and at every point of the way between:
// on a straight line nothing lies further out or further in than at its ends.
func (c Cover) along(from, to time.Duration, join func(a, b image.Rectangle) image.Rectangle) image.Rectangle {
	all := join(boxAt(c.corner(from), c), boxAt(c.corner(to), c))
	i := sort.Search(len(c.Points), func(i int) bool { return c.Points[i].At > from })
	for ; i < len(c.Points) && c.Points[i].At < to; i++ {
		all = join(all, boxAt(image.Pt(c.Points[i].X, c.Points[i].Y), c))
	}
	return all
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

// shrunk carries a rectangle over to a picture of another size so that it never
// becomes larger: narrowed by margin on every side that is not the picture's
// own edge, on even pixels.
func shrunk(r image.Rectangle, from, to image.Point, margin int) image.Rectangle {
	r = r.Intersect(image.Rectangle{Max: from})
	if r.Empty() {
		return image.Rectangle{}
	}
	low := func(v, f, t int) int {
		if v <= 0 {
			return 0
		}
		return (-int(floorDiv(-int64(v)*int64(t), int64(f))) + margin + 1) &^ 1
	}
	high := func(v, f, t int) int {
		if v >= f {
			return t
		}
		return (int(floorDiv(int64(v)*int64(t), int64(f))) - margin) &^ 1
	}
	out := image.Rectangle{
		Min: image.Pt(low(r.Min.X, from.X, to.X), low(r.Min.Y, from.Y, to.Y)),
		Max: image.Pt(high(r.Max.X, from.X, to.X), high(r.Max.Y, from.Y, to.Y)),
	}
	if out.Empty() {
		return image.Rectangle{}
	}
	return out
}
