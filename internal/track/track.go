// Package track is arithmetic on gray frames: it finds where a film is cut, and
// follows a box from frame to frame. It decodes nothing, draws nothing and
// recognises nobody: it compares brightness, and stops where it is not sure.
//
// It is used inside the media box, on frames that come from strangers' films,
// so that no picture may make it fail: it works on any bytes.
package track

import "time"

// Gray is one frame: brightness, row by row, and the moment it begins.
type Gray struct {
	W, H int
	Pix  []byte // W*H
	At   time.Duration
}

// Box is where something is on a frame, in its pixels; it may lie outside.
type Box struct{ X, Y, W, H float64 }

// grown gives the box larger by a part of its size, the middle kept.
func (b Box) grown(by float64) Box {
	return Box{b.X - b.W*by/2, b.Y - b.H*by/2, b.W * (1 + by), b.H * (1 + by)}
}

// shrink averages a frame down to a size; it is copied when it is not larger.
func shrink(g Gray, w, h int) Gray {
	out := Gray{W: w, H: h, Pix: make([]byte, w*h), At: g.At}
	for y := range h {
		y0, y1 := y*g.H/h, max((y+1)*g.H/h, y*g.H/h+1)
		for x := range w {
			x0, x1 := x*g.W/w, max((x+1)*g.W/w, x*g.W/w+1)
			sum := 0
			for j := y0; j < y1; j++ {
				for _, v := range g.Pix[j*g.W+x0 : j*g.W+x1] {
					sum += int(v)
				}
			}
			out.Pix[y*w+x] = byte(sum / ((y1 - y0) * (x1 - x0)))
		}
	}
	return out
}
