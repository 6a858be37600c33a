package media

import (
	"image"
	"image/color"
	"image/draw"
)

// shrink makes a picture smaller by averaging the exact area of the source
// behind every new pixel, on white where the source is transparent. It holds
// one row of the source at a time. A side that is made longer repeats pixels.
// Planes stay planes until they are small.
func shrink(src image.Image, to image.Point) *image.RGBA {
	from := src.Bounds().Size()
	if p, ok := src.(*image.YCbCr); ok && p.Rect.Min == (image.Point{}) {
		return rgba(shrinkPlanes(p, to, image.YCbCrSubsampleRatio444))
	}
	out := image.NewRGBA(image.Rectangle{Max: to})
	if to == from {
		draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
		draw.Draw(out, out.Bounds(), src, src.Bounds().Min, draw.Over)
		return out
	}
	row := image.NewRGBA(image.Rect(0, 0, from.X, 1))
	narrow := make([]uint64, 3*to.X) // the row, added up
	sum := make([]uint64, 3*to.X)    // rows, added up by their weights
	for y := range from.Y {
		draw.Draw(row, row.Bounds(), image.White, image.Point{}, draw.Src)
		draw.Draw(row, row.Bounds(), src, src.Bounds().Min.Add(image.Pt(0, y)), draw.Over)
		clear(narrow)
		for x := range from.X {
			spread(x, from.X, to.X, func(d int, weight uint64) {
				for c := range 3 {
					narrow[3*d+c] += weight * uint64(row.Pix[4*x+c])
				}
			})
		}
		spread(y, from.Y, to.Y, func(d int, weight uint64) {
			for i, v := range narrow {
				sum[i] += weight * v
			}
			if (y+1)*to.Y >= (d+1)*from.Y { // the last of the rows behind d
				settle(out.Pix[d*out.Stride:], sum, uint64(from.X)*uint64(from.Y))
				clear(sum)
			}
		})
	}
	return out
}

// spread gives the new pixels that an old one lies in, one or two when the
// picture becomes smaller, and how much of it, in parts of the new width.
func spread(old, from, to int, give func(d int, weight uint64)) {
	for start, end := old*to, (old+1)*to; start < end; {
		d := start / from
		edge := min(end, (d+1)*from)
		give(d, uint64(edge-start))
		start = edge
	}
}

func settle(pix []byte, sum []uint64, area uint64) {
	for x := range len(sum) / 3 {
		for c := range 3 {
			pix[4*x+c] = byte((sum[3*x+c] + area/2) / area)
		}
		pix[4*x+3] = 0xff
	}
}

// within scales a size down so that no side is longer than most.
func within(size image.Point, most int) image.Point {
	long := max(size.X, size.Y)
	if long <= most {
		return size
	}
	f := func(v int) int { return max(1, (v*most+long/2)/long) }
	return image.Pt(f(size.X), f(size.Y))
}

// rgb makes a picture for the eye of a frame: BT.709, limited range.
func (p planar) rgb() *image.RGBA {
	out := image.NewRGBA(image.Rectangle{Max: p.size})
	n, half := p.size.X*p.size.Y, p.size.X/2
	for y := range p.size.Y {
		for x := range p.size.X {
			i := n + y/2*half + x/2
			l := 1.164384 * (float64(p.pix[y*p.size.X+x]) - 16)
			b, r := float64(p.pix[i])-128, float64(p.pix[i+n/4])-128
			out.SetRGBA(x, y, color.RGBA{
				clip(l + 1.792741*r), clip(l - 0.213249*b - 0.532909*r), clip(l + 2.112402*b), 0xff})
		}
	}
	return out
}

func clip(v float64) uint8 { return uint8(max(0, min(255, v+0.5))) }
