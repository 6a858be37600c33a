package media

import (
	"image"
	"slices"
)

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

// outside gives the parts of a picture that none of the rectangles touches, as
// bands from left to right.
func outside(size image.Point, keep []image.Rectangle) []image.Rectangle {
	all := image.Rectangle{Max: size}
	rows := []int{0, size.Y}
	var kept []image.Rectangle
	for _, r := range keep {
		if r = r.Intersect(all); !r.Empty() {
			kept = append(kept, r)
			rows = append(rows, r.Min.Y, r.Max.Y)
		}
	}
	slices.Sort(rows)
	rows = slices.Compact(rows)
	slices.SortFunc(kept, func(a, b image.Rectangle) int { return a.Min.X - b.Min.X })
	var out []image.Rectangle
	for i := 1; i < len(rows); i++ {
		x := 0
		for _, r := range kept {
			if r.Min.Y >= rows[i] || r.Max.Y <= rows[i-1] {
				continue
			}
			if r.Min.X > x {
				out = append(out, image.Rect(x, rows[i-1], r.Min.X, rows[i]))
			}
			x = max(x, r.Max.X)
		}
		if x < size.X {
			out = append(out, image.Rect(x, rows[i-1], size.X, rows[i]))
		}
	}
	return out
}
