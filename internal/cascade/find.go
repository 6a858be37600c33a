package cascade

import (
	"math"
	"sort"
)

// Search says how to look. Its zero value works.
type Search struct {
	Step   float64 // from one size to the next; default 1.15, at least 1.05
	Least  int     // smallest thing, in pixels of its shorter side; default the cascade's window
	Agree  int     // how many windows must agree on a thing; default 2
	Mirror bool    // look at the mirrored picture as well: profiles are trained on one side
}

// Hit is a place where something of the cascade's kind may be.
type Hit struct {
	X, Y, W, H int
	Agree      int // windows that saw it
}

// maxRaw bounds what one picture may make the search remember.
const maxRaw = 20_000

// Find looks through a gray picture, row by row, of w × h pixels. Sides of more
// than 4096 pixels are refused by finding nothing.
func (c *Cascade) Find(pix []byte, w, h int, s Search) []Hit {
	if s.Step < 1.05 {
		s.Step = 1.15
	}
	if s.Agree == 0 {
		s.Agree = 2
	}
	if w < 1 || h < 1 || w > 4096 || h > 4096 || len(pix) < w*h {
		return nil
	}
	raw := c.windows(pix, w, h, s)
	if s.Mirror {
		flipped := make([]byte, w*h)
		for y := range h {
			for x := range w {
				flipped[y*w+x] = pix[y*w+w-1-x]
			}
		}
		for _, r := range c.windows(flipped, w, h, s) {
			r.X = w - r.X - r.W
			raw = append(raw, r)
		}
	}
	return group(raw, s.Agree)
}

// windows looks at every size: the picture becomes smaller, the window stays.
func (c *Cascade) windows(pix []byte, w, h int, s Search) []Hit {
	var raw []Hit
	factor := max(1, float64(s.Least)/float64(min(c.w, c.h)))
	for ; ; factor *= s.Step {
		sw, sh := int(float64(w)/factor), int(float64(h)/factor)
		if sw < c.w || sh < c.h {
			return raw
		}
		f := newField(resize(pix, w, h, sw, sh), sw, sh, c.tilted)
		step := 2
		if factor > 2 {
			step = 1
		}
		for y := 0; y+c.h <= sh; y += step {
			for x := 0; x+c.w <= sw; x += step {
				if !c.at(f, x, y) {
					continue
				}
				raw = append(raw, Hit{X: int(float64(x) * factor), Y: int(float64(y) * factor), W: int(float64(c.w) * factor), H: int(float64(c.h) * factor)})
				if len(raw) >= maxRaw {
					return raw
				}
			}
		}
	}
}

// resize takes the mean of what lies behind each new pixel.
func resize(pix []byte, w, h, tw, th int) []byte {
	out := make([]byte, tw*th)
	if tw == w && th == h {
		copy(out, pix)
		return out
	}
	for y := range th {
		y0 := y * h / th
		y1 := max(y0+1, (y+1)*h/th)
		for x := range tw {
			x0 := x * w / tw
			x1 := max(x0+1, (x+1)*w/tw)
			sum := 0
			for j := y0; j < y1; j++ {
				for _, v := range pix[j*w+x0 : j*w+x1] {
					sum += int(v)
				}
			}
			out[y*tw+x] = byte(sum / ((y1 - y0) * (x1 - x0)))
		}
	}
	return out
}

// field holds the sums of a picture above and to the left of every point.
type field struct {
	stride  int
	sums    []int32
	squares []int64
	tilted  []int32 // of the cone above every point; only where it is needed
}

func newField(pix []byte, w, h int, tilted bool) *field {
	f := &field{stride: w + 1, sums: make([]int32, (w+1)*(h+1)), squares: make([]int64, (w+1)*(h+1))}
	for y := range h {
		var sum int32
		var square int64
		for x := range w {
			v := int32(pix[y*w+x])
			sum += v
			square += int64(v * v)
			f.sums[(y+1)*f.stride+x+1] = f.sums[y*f.stride+x+1] + sum
			f.squares[(y+1)*f.stride+x+1] = f.squares[y*f.stride+x+1] + square
		}
	}
	if tilted {
		f.tilt(pix, w, h)
	}
	return f
}

// tilt sums, for each point, the pixels of the cone that opens upwards from it.
func (f *field) tilt(pix []byte, w, h int) {
	f.tilted = make([]int32, (w+1)*(h+1))
	at := func(x, y int) int32 { return f.tilted[y*f.stride+x] }
	px := func(x, y int) int32 {
		if y < 0 {
			return 0
		}
		return int32(pix[y*w+x])
	}
	for y := 1; y <= h; y++ {
		if w > 0 {
			f.tilted[y*f.stride] = at(min(1, w), y-1)
		}
		for x := 1; x <= w; x++ {
			v := at(x-1, y-1) + px(x-1, y-1) + px(x-1, y-2)
			if x < w {
				v += at(x+1, y-1)
				if y >= 2 {
					v -= at(x, y-2)
				}
			}
			f.tilted[y*f.stride+x] = v
		}
	}
}

func (f *field) sum(x, y, w, h int) int32 {
	a, b := y*f.stride+x, (y+h)*f.stride+x
	return f.sums[a] - f.sums[a+w] - f.sums[b] + f.sums[b+w]
}

func (f *field) sumTilted(x, y, w, h int) int32 {
	at := func(x, y int) int32 { return f.tilted[y*f.stride+x] }
	return at(x, y) - at(x-h, y+h) - at(x+w, y+w) + at(x+w-h, y+w+h)
}

// at asks every stage about one window.
func (c *Cascade) at(f *field, x, y int) bool {
	scale := float32(1)
	if !c.lbp {
		w, h := c.w-2, c.h-2
		area := float64(w * h)
		sum := float64(f.sum(x+1, y+1, w, h))
		a, b := (y+1)*f.stride+x+1, (y+1+h)*f.stride+x+1
		squares := float64(f.squares[a] - f.squares[a+w] - f.squares[b] + f.squares[b+w])
		spread := area*squares - sum*sum
		if spread <= 0 {
			return false
		}
		root := math.Sqrt(spread)
		if area/root >= 0.1 { // under ten gray levels: nothing but noise
			return false
		}
		scale = float32(1 / root)
	}
	for i := range c.stages {
		s := &c.stages[i]
		var total float32
		for j := range s.trees {
			total += c.walk(&s.trees[j], f, x, y, scale)
		}
		if total < s.least {
			return false
		}
	}
	return true
}

func (c *Cascade) walk(t *tree, f *field, x, y int, scale float32) float32 {
	for i := 0; ; {
		n := &t.nodes[i]
		left := false
		if c.lbp {
			code := c.features[n.feature].code(f, x, y)
			left = n.set[code>>5]&(1<<(code&31)) != 0
		} else {
			left = c.features[n.feature].value(f, x, y)*scale < n.threshold
		}
		i = n.right
		if left {
			i = n.left
		}
		if i <= 0 {
			return t.leaves[-i]
		}
	}
}

func (ft *feature) value(f *field, x, y int) float32 {
	var v float32
	for _, r := range ft.rects[:ft.n] {
		if ft.tilted {
			v += r.weight * float32(f.sumTilted(x+r.x, y+r.y, r.w, r.h))
		} else {
			v += r.weight * float32(f.sum(x+r.x, y+r.y, r.w, r.h))
		}
	}
	return v
}

// code compares the eight blocks around the middle one with it.
func (ft *feature) code(f *field, x, y int) uint32 {
	r := ft.rects[0]
	x, y = x+r.x, y+r.y
	block := func(i, j int) int32 { return f.sum(x+i*r.w, y+j*r.h, r.w, r.h) }
	middle := block(1, 1)
	var code uint32
	for k, at := range [8][2]int{{0, 0}, {1, 0}, {2, 0}, {2, 1}, {2, 2}, {1, 2}, {0, 2}, {0, 1}} {
		if block(at[0], at[1]) >= middle {
			code |= 128 >> k
		}
	}
	return code
}

// group puts windows together that mean the same thing and gives their mean.
func group(raw []Hit, agree int) []Hit {
	parent := make([]int, len(raw))
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	sort.Slice(raw, func(i, j int) bool { return raw[i].X < raw[j].X })
	for i := range raw {
		for j := i + 1; j < len(raw) && raw[j].X-raw[i].X <= raw[i].W/4; j++ {
			if similar(raw[i], raw[j]) {
				parent[find(i)] = find(j)
			}
		}
	}
	sums := make(map[int]Hit)
	var order []int
	for i, r := range raw {
		k := find(i)
		s, seen := sums[k]
		if !seen {
			order = append(order, k)
		}
		sums[k] = Hit{s.X + r.X, s.Y + r.Y, s.W + r.W, s.H + r.H, s.Agree + 1}
	}
	var out []Hit
	for _, k := range order {
		if s := sums[k]; s.Agree >= agree {
			out = append(out, Hit{s.X / s.Agree, s.Y / s.Agree, s.W / s.Agree, s.H / s.Agree, s.Agree})
		}
	}
	return out
}

// similar is OpenCV's rule: every side within a fifth of the mean side, halved.
func similar(a, b Hit) bool {
	off := 0.2 * float64(min(a.W, b.W)+min(a.H, b.H)) * 0.5
	near := func(x, y int) bool { return math.Abs(float64(x-y)) <= off }
	return near(a.X, b.X) && near(a.Y, b.Y) && near(a.X+a.W, b.X+b.W) && near(a.Y+a.H, b.Y+b.H)
}
