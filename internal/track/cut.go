package track

import (
	"slices"
	"time"
)

// How cuts are found. A frame is compared with the one before by the brightness
// of its parts: noise and grain change every pixel and no part's brightness, a
// pan changes every frame alike, and a cut changes the parts once and by much.
const (
	cutW, cutH  = 160, 90
	cutParts    = 4  // in each direction
	cutBins     = 16 // of brightness, in each part
	cutLeast    = 0.25
	cutOverMean = 3.0 // times what the frames around it change
	cutAround   = 8   // frames on either side

	// A dissolve is found by its middle frame being the mean of its ends, which
	// no movement looks like.
	blendLeast = 0.35
	blendOff   = 0.3 // of what the ends differ by
)

// blends are the lengths of dissolves that are looked for, in frames.
var blends = []int{8, 16, 32}

// Cuts finds where a film is cut. It keeps a fixed number of small frames.
type Cuts struct {
	recent []small // the newest last
	found  []time.Duration
	last   int // number of the frame of the newest cut
	count  int
}

type small struct {
	Gray
	number int
	parts  []float64 // share of each brightness in each part
	change float64   // from the frame before, 0 to 1
}

// Add looks at the next frame, of any size.
func (c *Cuts) Add(g Gray) {
	s := small{Gray: shrink(g, min(cutW, max(g.W, 1)), min(cutH, max(g.H, 1))), number: c.count}
	s.parts = parts(s.Gray)
	if n := len(c.recent); n > 0 {
		s.change = differ(c.recent[n-1].parts, s.parts)
	}
	c.count++
	c.recent = append(c.recent, s)
	if keep := blends[len(blends)-1] + 2*cutAround; len(c.recent) > keep {
		c.recent = slices.Delete(c.recent, 0, len(c.recent)-keep)
	}
	c.judge(len(c.recent) - 1 - cutAround)
}

// End gives the moments at which new shots begin, in order, the film's own
// beginning not among them.
func (c *Cuts) End() []time.Duration {
	for i := max(0, len(c.recent)-cutAround); i < len(c.recent); i++ {
		c.judge(i)
	}
	return c.found
}

// judge says whether the ith of the kept frames begins a shot.
func (c *Cuts) judge(i int) {
	if i < 1 {
		return
	}
	f := c.recent[i]
	if c.cutAt(i) {
		c.take(f.number, f.At)
		return
	}
	for _, length := range blends {
		if i >= length && c.blendAt(i, length) {
			c.take(c.recent[i-length/2].number, c.recent[i-length/2].At)
			return
		}
	}
}

func (c *Cuts) take(number int, at time.Duration) {
	if len(c.found) > 0 && number <= c.last {
		return
	}
	c.found, c.last = append(c.found, at), number
}

func (c *Cuts) cutAt(i int) bool {
	change := c.recent[i].change
	if change < cutLeast {
		return false
	}
	var around []float64
	for j := max(1, i-cutAround); j < min(len(c.recent), i+cutAround+1); j++ {
		if j != i {
			around = append(around, c.recent[j].change)
		}
	}
	if len(around) > 0 {
		slices.Sort(around)
		if change < cutOverMean*around[len(around)/2] {
			return false
		}
	}
	// A flash is over after a frame or two, and what was before goes on.
	for after := 1; after <= 2; after++ {
		if i+after < len(c.recent) && differ(c.recent[i-1].parts, c.recent[i+after].parts) < cutLeast/2 ||
			i-1-after >= 0 && differ(c.recent[i-1-after].parts, c.recent[i].parts) < cutLeast/2 {
			return false
		}
	}
	return true
}

// blendAt reports whether the frames of that length up to the ith melt into
// each other, and nothing else happens among them.
func (c *Cuts) blendAt(i, length int) bool {
	if len(c.found) > 0 && c.recent[i-length].number <= c.last+blends[len(blends)-1]*3/4 {
		return false
	}
	a, m, b := c.recent[i-length], c.recent[i-length/2], c.recent[i]
	if differ(a.parts, b.parts) < blendLeast {
		return false
	}
	for j := i - length + 1; j <= i; j++ {
		if c.recent[j].change > 2*cutLeast {
			return false
		}
	}
	off, apart := 0, 0
	for k := range a.Pix {
		x, y := int(a.Pix[k]), int(b.Pix[k])
		apart += abs(x - y)
		off += abs(2*int(m.Pix[k])-x-y) / 2
	}
	return float64(off) < blendOff*float64(apart)
}

// parts counts the brightness of each part of a picture. A count falls into two
// neighbouring bins, so that a little more light changes little.
func parts(g Gray) []float64 {
	out := make([]float64, cutParts*cutParts*cutBins)
	n := make([]float64, cutParts*cutParts)
	for y := range g.H {
		for x := range g.W {
			part := y*cutParts/g.H*cutParts + x*cutParts/g.W
			v := float64(g.Pix[y*g.W+x]) * (cutBins - 1) / 255
			low := min(int(v), cutBins-2)
			out[part*cutBins+low] += 1 - (v - float64(low))
			out[part*cutBins+low+1] += v - float64(low)
			n[part]++
		}
	}
	for i := range out {
		out[i] /= max(1, n[i/cutBins])
	}
	return out
}

// differ is 0 for pictures whose parts are as bright as each other's and 1 for
// those that have nothing in common.
func differ(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += max(a[i]-b[i], b[i]-a[i])
	}
	return sum / (2 * cutParts * cutParts)
}

func abs(v int) int { return max(v, -v) }
