package media

import (
	"image"
	"image/draw"
)

// A JPEG is decoded into planes of Y', Cb and Cr. Where nothing has to be
// drawn on it, it is made smaller, turned and encoded again as planes: the way
// through RGB and back costs more than all of that and gains nothing.

// fraction is the unit of weights: those of one new pixel add up to it.
const fraction = 1 << 16

// taps says of which old samples a new one is made: n from the sample at.
type taps struct {
	at, n  int
	weight [2]uint32 // of the first two
	more   []uint32  // of all
}

// areas weighs a row of from samples into one of to by exact area. A row that
// becomes longer repeats samples.
func areas(from, to int) []taps {
	all := make([]taps, to)
	for d := range all {
		start, end := d*from, (d+1)*from
		t := taps{at: start / to}
		given := uint32(0)
		for s := t.at; s*to < end; s++ {
			upTo := uint32((min((s+1)*to, end) - start) * fraction / from)
			t.more = append(t.more, upTo-given)
			given = upTo
		}
		t.n = len(t.more)
		copy(t.weight[:], t.more)
		all[d] = t
	}
	return all
}

// plane is one of a picture's planes.
type plane struct {
	pix    []byte
	stride int
	size   image.Point
}

// shrink fills a plane from a larger one, averaging by area.
func (p plane) shrink(src plane) {
	if p.size == src.size {
		for y := range p.size.Y {
			copy(p.pix[y*p.stride:][:p.size.X], src.pix[y*src.stride:])
		}
		return
	}
	rows, cols := areas(src.size.Y, p.size.Y), areas(src.size.X, p.size.X)
	sum := make([]uint32, src.size.X+1) // one more, so that every sample has a next
	for y, r := range rows {
		src.weigh(r, sum[:src.size.X])
		out := p.pix[y*p.stride:][:p.size.X]
		for x := range out {
			c := &cols[x]
			near := sum[c.at : c.at+2 : len(sum)]
			v := uint64(fraction*fraction/2) + uint64(c.weight[0])*uint64(near[0]) + uint64(c.weight[1])*uint64(near[1])
			for i := 2; i < c.n; i++ {
				v += uint64(c.more[i]) * uint64(sum[c.at+i])
			}
			out[x] = byte(v / (fraction * fraction))
		}
	}
}

// weigh adds rows up by their weights.
func (p plane) weigh(r taps, sum []uint32) {
	row := func(i int) []byte { return p.pix[min(r.at+i, p.size.Y-1)*p.stride:][:len(sum)] }
	a, b, first, second := row(0), row(1), r.weight[0], r.weight[1]
	for x, v := range a {
		sum[x] = first*uint32(v) + second*uint32(b[x])
	}
	for i := 2; i < r.n; i++ {
		w := r.more[i]
		for x, v := range row(i) {
			sum[x] += w * uint32(v)
		}
	}
}

// planesOf gives Y', Cb and Cr.
func planesOf(p *image.YCbCr) [3]plane {
	size := p.Rect.Size()
	across, down := 1, 1
	switch p.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		across = 2
	case image.YCbCrSubsampleRatio420:
		across, down = 2, 2
	case image.YCbCrSubsampleRatio440:
		down = 2
	case image.YCbCrSubsampleRatio411:
		across = 4
	case image.YCbCrSubsampleRatio410:
		across, down = 4, 2
	}
	colour := image.Pt((size.X+across-1)/across, (size.Y+down-1)/down)
	return [3]plane{{p.Y, p.YStride, size}, {p.Cb, p.CStride, colour}, {p.Cr, p.CStride, colour}}
}

// shrinkPlanes makes a picture that lies at the origin smaller, as shrink does.
func shrinkPlanes(src *image.YCbCr, to image.Point, ratio image.YCbCrSubsampleRatio) *image.YCbCr {
	out := image.NewYCbCr(image.Rectangle{Max: to}, ratio)
	from := planesOf(src)
	for i, p := range planesOf(out) {
		p.shrink(from[i])
	}
	return out
}

// rgba gives the picture in RGB.
func rgba(p *image.YCbCr) *image.RGBA {
	out := image.NewRGBA(p.Rect)
	draw.Draw(out, out.Rect, p, p.Rect.Min, draw.Src)
	return out
}

// applyPlanes turns a picture of 4:2:0 or 4:4:4 upright.
func (o orientation) applyPlanes(p *image.YCbCr) *image.YCbCr {
	if o <= 1 || o > 8 {
		return p
	}
	size := p.Rect.Size()
	if o.swaps() {
		size = image.Pt(size.Y, size.X)
	}
	out := image.NewYCbCr(image.Rectangle{Max: size}, p.SubsampleRatio)
	from := planesOf(p)
	for i, to := range planesOf(out) {
		to.turn(from[i], o)
	}
	return out
}

// turnTile is the side of the squares that a plane is turned in: their rows
// and columns stay in the processor's nearest memory.
const turnTile = 64

// turn fills a plane from another.
func (p plane) turn(src plane, o orientation) {
	w, h := src.size.X, src.size.Y
	// Where the sample of the first corner lies, and how far apart neighbours are.
	at, right, down := 0, 1, src.stride
	switch o {
	case 2:
		at, right, down = w-1, -1, src.stride
	case 3:
		at, right, down = (h-1)*src.stride+w-1, -1, -src.stride
	case 4:
		at, right, down = (h-1)*src.stride, 1, -src.stride
	case 5:
		at, right, down = 0, src.stride, 1
	case 6:
		at, right, down = (h-1)*src.stride, -src.stride, 1
	case 7:
		at, right, down = (h-1)*src.stride+w-1, -src.stride, -1
	case 8:
		at, right, down = w-1, src.stride, -1
	}
	for ty := 0; ty < p.size.Y; ty += turnTile {
		for tx := 0; tx < p.size.X; tx += turnTile {
			for y := ty; y < min(ty+turnTile, p.size.Y); y++ {
				row := p.pix[y*p.stride:][tx:min(tx+turnTile, p.size.X)]
				from := at + y*down + tx*right
				for x := range row {
					row[x] = src.pix[from]
					from += right
				}
			}
		}
	}
}
