package track

import "math"

// How a box is followed. The numbers are measured on generated films; see
// docs/design/media.md.
const (
	patchSide  = 40   // the box is compared at about this size
	sure       = 0.72 // likeness from which the newest look is believed
	doubtful   = 0.5  // likeness below which the box is lost
	wrongWay   = 0.25 // how far, in box sizes, the way back may miss the place it came from
	scaleStep  = 1.04
	scaleMost  = 4.0
	patience   = 12  // frames for which something lost is looked for
	edgeShare  = 0.2 // of the box: what is lost this near the picture's edge has left it
	refineFrom = 0.65
)

// Follower follows one box over frames in order, or in reverse order. It uses
// normalised cross-correlation with what the box held at first and at last, and
// believes a step only when the same search leads back to where it came from.
type Follower struct {
	first, newest patch
	before        Gray
	box           Box
	scale         float64
	vx, vy        float64
	missing       int
	lost          bool
}

// NewFollower begins with a box on a frame.
func NewFollower(g Gray, b Box) *Follower {
	f := &Follower{box: b, before: g, scale: 1}
	f.first = cut(g, b)
	f.newest = f.first
	f.lost = !f.first.lively()
	return f
}

// Lost reports that the box could not be followed: the last frame on which it
// was seen is the one that Next gave last with seen true.
func (f *Follower) Lost() bool { return f.lost }

// Next looks for the box on the next frame. seen is false while it is hidden
// behind something or out of sight; after too many such frames it is lost.
func (f *Follower) Next(g Gray) (b Box, seen bool) {
	if f.lost || g.W != f.before.W || g.H != f.before.H {
		f.lost = true
		return f.box, false
	}
	reach := 0.5 + 0.15*float64(f.missing)
	guess := f.box
	guess.X, guess.Y = guess.X+f.vx, guess.Y+f.vy
	found, like := f.newest.search(g, guess, reach)
	if still, alike := f.first.search(g, scaledTo(found, f.first.of, f.scale), 0.12); alike > refineFrom {
		found, like = still, max(like, alike)
	}
	if like < doubtful || f.missing == 0 && !f.comesBack(g, found) {
		f.missing++
		f.vx, f.vy = f.vx*0.8, f.vy*0.8
		f.lost = f.missing > patience || f.left(g)
		return f.box, false
	}
	found = f.rescale(g, found)
	f.vx, f.vy = found.X+found.W/2-f.box.X-f.box.W/2, found.Y+found.H/2-f.box.Y-f.box.H/2
	if f.missing > 0 {
		f.vx, f.vy = 0, 0
	}
	f.box, f.before, f.missing = found, g, 0
	if like > sure {
		if p := cut(g, found); p.lively() {
			f.newest = p
		}
	}
	f.lost = f.gone(g)
	return f.box, true
}

// comesBack searches on the frame before for what was found on this one.
func (f *Follower) comesBack(g Gray, found Box) bool {
	back, like := cut(g, found).search(f.before, f.box, 0.5)
	return like > doubtful && math.Abs(back.X-f.box.X) <= wrongWay*f.box.W && math.Abs(back.Y-f.box.Y) <= wrongWay*f.box.H
}

// rescale tries whether the box has become a little larger or smaller.
func (f *Follower) rescale(g Gray, b Box) Box {
	best, most := b, f.newest.like(g, b)
	now := f.scale
	for _, s := range []float64{1 / scaleStep, scaleStep} {
		scale := now * s
		if scale > scaleMost || scale < 1/scaleMost {
			continue
		}
		other, like := f.first.search(g, scaledTo(b, f.first.of, scale), 0.06)
		if same := f.first.like(g, scaledTo(best, f.first.of, f.scale)); like > most && like > same+0.005 {
			best, most, f.scale = other, like, scale
		}
	}
	return best
}

// scaledTo gives a box of the first one's size times scale in the middle of another.
func scaledTo(at, first Box, scale float64) Box {
	w, h := first.W*scale, first.H*scale
	return Box{at.X + at.W/2 - w/2, at.Y + at.H/2 - h/2, w, h}
}

// left reports that what is missing was last seen at the picture's edge.
func (f *Follower) left(g Gray) bool {
	return f.missing > 2 && AtEdge(f.box, g.W, g.H)
}

// gone reports that less than a third of the box is still in the picture.
func (f *Follower) gone(g Gray) bool {
	w := min(f.box.X+f.box.W, float64(g.W)) - max(f.box.X, 0)
	h := min(f.box.Y+f.box.H, float64(g.H)) - max(f.box.Y, 0)
	return w <= 0 || h <= 0 || w*h < f.box.W*f.box.H/3
}

// AtEdge reports whether a box is at the edge of a picture, or so near that it
// may have gone out.
func AtEdge(b Box, w, h int) bool {
	return b.X < b.W*edgeShare || b.Y < b.H*edgeShare || b.X+b.W > float64(w)-b.W*edgeShare || b.Y+b.H > float64(h)-b.H*edgeShare
}

// patch is what a box holds, averaged to a small size, less its mean.
type patch struct {
	of   Box
	w, h int
	v    []float32
	norm float32 // root of the sum of squares
}

// lively reports whether there is anything in the patch to recognise it by.
func (p patch) lively() bool {
	return p.norm*p.norm > 4*float32(len(p.v)) // two gray levels on average
}

// cut samples a box; outside of the picture the nearest pixel counts.
func cut(g Gray, b Box) patch {
	long := max(b.W, b.H, 1)
	n := min(patchSide, max(long, 8))
	p := patch{of: b, w: max(4, int(b.W*n/long+0.5)), h: max(4, int(b.H*n/long+0.5))}
	p.v = make([]float32, p.w*p.h)
	sample(g, b, p.w, p.h, p.v)
	p.settle()
	return p
}

func (p *patch) settle() {
	var sum float32
	for _, v := range p.v {
		sum += v
	}
	mean := sum / float32(len(p.v))
	sum = 0
	for i := range p.v {
		p.v[i] -= mean
		sum += p.v[i] * p.v[i]
	}
	p.norm = float32(math.Sqrt(float64(sum)))
}

// sample averages a box down to w × h: a few points of each cell are enough.
func sample(g Gray, b Box, w, h int, out []float32) {
	sx, sy := b.W/float64(w), b.H/float64(h)
	nx, ny := min(4, max(1, int(sx))), min(4, max(1, int(sy)))
	cols := make([]int, w*nx)
	for i := range cols {
		cols[i] = clampTo(int(math.Floor(b.X+sx*(float64(i)+0.5)/float64(nx))), g.W)
	}
	for y := range h {
		row := out[y*w : (y+1)*w]
		clear(row)
		for j := range ny {
			at := clampTo(int(math.Floor(b.Y+sy*(float64(y)+(float64(j)+0.5)/float64(ny)))), g.H) * g.W
			for x := range row {
				for _, c := range cols[x*nx : (x+1)*nx] {
					row[x] += float32(g.Pix[at+c])
				}
			}
		}
		for x := range row {
			row[x] /= float32(nx * ny)
		}
	}
}

func clampTo(v, n int) int { return max(0, min(n-1, v)) }

// like compares the patch with a box of a frame: 1 is the same but for light, 0
// and less is nothing in common.
func (p patch) like(g Gray, b Box) float64 {
	v := make([]float32, len(p.v))
	sample(g, b, p.w, p.h, v)
	return p.against(v, p.w, 0)
}

// against correlates with a window of a field that is stride wide.
func (p patch) against(field []float32, stride, at int) float64 {
	var sum, squares, dot float32
	for y := range p.h {
		row := field[at+y*stride : at+y*stride+p.w]
		mine := p.v[y*p.w : (y+1)*p.w]
		for x, v := range row {
			sum += v
			squares += v * v
			dot += v * mine[x]
		}
	}
	n := float32(len(p.v))
	own := squares - sum*sum/n
	if own < n || p.norm == 0 { // flat
		return 0
	}
	return float64(dot / (p.norm * float32(math.Sqrt(float64(own)))))
}

// search finds the place near a guess that is most like the patch, up to reach
// times the box's size away, coarsely at first.
func (p patch) search(g Gray, guess Box, reach float64) (Box, float64) {
	cell := Box{W: guess.W / float64(p.w), H: guess.H / float64(p.h)}
	rx, ry := max(1, int(reach*float64(p.w))), max(1, int(reach*float64(p.h)))
	fw, fh := p.w+2*rx, p.h+2*ry
	field := make([]float32, fw*fh)
	sample(g, Box{guess.X - float64(rx)*cell.W, guess.Y - float64(ry)*cell.H, float64(fw) * cell.W, float64(fh) * cell.H}, fw, fh, field)
	bx, by, best := rx, ry, -2.0
	try := func(x, y int) {
		if x < 0 || y < 0 || x > 2*rx || y > 2*ry {
			return
		}
		if like := p.against(field, fw, y*fw+x); like > best {
			bx, by, best = x, y, like
		}
	}
	step := 1
	if rx > 4 && ry > 4 {
		step = 2
	}
	for y := ry % step; y <= 2*ry; y += step {
		for x := rx % step; x <= 2*rx; x += step {
			try(x, y)
		}
	}
	if step > 1 {
		cx, cy := bx, by
		for y := cy - 1; y <= cy+1; y++ {
			for x := cx - 1; x <= cx+1; x++ {
				try(x, y)
			}
		}
	}
	out := guess
	out.X += float64(bx-rx) * cell.W
	out.Y += float64(by-ry) * cell.H
	return p.finer(g, out, cell, best)
}

// finer looks between the cells.
func (p patch) finer(g Gray, at Box, cell Box, best float64) (Box, float64) {
	for _, part := range []float64{0.5, 0.25} {
		if cell.W*part < 0.4 && cell.H*part < 0.4 {
			break
		}
		from := at
		for _, d := range [][2]float64{{-1, 0}, {1, 0}, {0, -1}, {0, 1}} {
			b := from
			b.X += d[0] * part * cell.W
			b.Y += d[1] * part * cell.H
			if like := p.like(g, b); like > best {
				at, best = b, like
			}
		}
	}
	return at, best
}
