package track

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// scene is a film made of arithmetic: a textured thing moves over a background.
type scene struct {
	w, h, frames int
	noise        int                           // of every frame, in gray levels
	ground       func(x, y, n int) int         // brightness behind
	at           func(n int) (x, y, s float64) // middle of the thing and its half side; s 0 for hidden
	r            *rand.Rand
}

func (s scene) frame(n int) Gray {
	g := Gray{W: s.w, H: s.h, Pix: make([]byte, s.w*s.h), At: time.Duration(n) * time.Second / 25}
	cx, cy, half := s.at(n)
	for y := range s.h {
		for x := range s.w {
			v := s.ground(x, y, n)
			if u, w := (float64(x)-cx)/half, (float64(y)-cy)/half; half > 0 && math.Abs(u) < 1 && math.Abs(w) < 1 {
				v = 128 + int(70*math.Sin(5*u+2*w*w)*math.Cos(4*w-u)) + 40*(int(u*3+9)%2)
			}
			if s.noise > 0 {
				v += s.r.IntN(2*s.noise) - s.noise
			}
			g.Pix[y*s.w+x] = byte(max(0, min(255, v)))
		}
	}
	return g
}

func still(x, y, _ int) int {
	return 100 + int(40*math.Sin(float64(x)/17)*math.Cos(float64(y)/23)) + (x*y)%13
}

func mixed(x, y, n int) int { return int(uint32((x+3*n)*2654435761^y*40503)>>24)/3 + 60 }

// TestFollow follows a thing over still, moving and noisy grounds until it
// leaves: the widened way must hold at least 95 in 100 of it on every frame.
func TestFollow(t *testing.T) {
	for name, s := range map[string]scene{
		"a slow way":         {ground: still, at: func(n int) (float64, float64, float64) { return 60 + 1.5*float64(n), 120, 24 }},
		"a wave in noise":    {ground: still, noise: 25, at: func(n int) (float64, float64, float64) { return 60 + 2*float64(n), 120 + 50*math.Sin(float64(n)/9), 24 }},
		"a moving ground":    {ground: mixed, noise: 8, at: func(n int) (float64, float64, float64) { return 80 + float64(n), 60 + float64(n), 22 }},
		"fast":               {ground: still, at: func(n int) (float64, float64, float64) { return 40 + 9*float64(n%32), 120, 26 }},
		"coming nearer":      {ground: still, noise: 6, at: func(n int) (float64, float64, float64) { return 160, 120, 18 + float64(n)*0.3 }},
		"behind a post":      {ground: still, at: func(n int) (float64, float64, float64) { return hiddenBetween(n, 40, 45, 60+2*float64(n), 120, 24) }},
		"out of the picture": {ground: still, noise: 6, at: func(n int) (float64, float64, float64) { return 200 + 3*float64(n), 120, 24 }},
	} {
		t.Run(name, func(t *testing.T) {
			s.w, s.h, s.frames, s.r = 320, 240, 90, rand.New(rand.NewPCG(1, 1))
			if name == "fast" {
				s.frames = 30
			}
			x, y, half := s.at(0)
			first := s.frame(0)
			f := NewFollower(first, Box{x - half, y - half, 2 * half, 2 * half})
			seen := []Seen{{first.At, Box{x - half, y - half, 2 * half, 2 * half}}}
			last := 0
			for n := 1; n < s.frames && !f.Lost(); n++ {
				g := s.frame(n)
				if b, ok := f.Next(g); ok {
					seen, last = append(seen, Seen{g.At, b}), n
				}
			}
			way := Simplify(seen, Margin)
			for n := 0; n <= last; n++ {
				x, y, half := s.at(n)
				if share := inPicture(x, y, half, way.Place(s.frame(n).At.Milliseconds()), s.w, s.h); half > 0 && share < 0.95 {
					t.Fatalf("frame %d: only %.2f of it is covered", n, share)
				}
			}
			if x, _, half := s.at(last); last < s.frames-1 && x < float64(s.w)-half/2 {
				t.Errorf("lost at frame %d, though it was in the picture", last)
			}
			if len(way.Points) > s.frames/2 {
				t.Errorf("%d points for %d frames", len(way.Points), s.frames)
			}
		})
	}
}

func hiddenBetween(n, from, to int, x, y, half float64) (float64, float64, float64) {
	if n >= from && n < to {
		return x, y, 0
	}
	return x, y, half
}

// inPicture is the share of the thing's visible part that lies in a box.
func inPicture(x, y, half float64, b Box, w, h int) float64 {
	cut := func(lo, hi, a, b float64) float64 { return max(0, min(hi, b)-max(lo, a)) }
	x0, x1, y0, y1 := max(0, x-half), min(float64(w), x+half), max(0, y-half), min(float64(h), y+half)
	all := (x1 - x0) * (y1 - y0)
	if x1 <= x0 || y1 <= y0 {
		return 1
	}
	return cut(x0, x1, b.X, b.X+b.W) * cut(y0, y1, b.Y, b.Y+b.H) / all
}

// TestFollowStops shows that what disappears in the middle of the picture is
// said to be lost and not followed into something else.
func TestFollowStops(t *testing.T) {
	s := scene{w: 320, h: 240, noise: 10, ground: still, r: rand.New(rand.NewPCG(2, 2)),
		at: func(n int) (float64, float64, float64) { return hiddenBetween(n, 30, 1000, 100+float64(n), 120, 24) }}
	f := NewFollower(s.frame(0), Box{76, 96, 48, 48})
	last := 0
	for n := 1; n < 90 && !f.Lost(); n++ {
		if _, ok := f.Next(s.frame(n)); ok {
			last = n
		}
	}
	if !f.Lost() || last < 28 || last > 31 {
		t.Errorf("lost is %v after frame %d; it vanished at 30", f.Lost(), last)
	}
	flat := scene{w: 320, h: 240, ground: func(int, int, int) int { return 90 }, at: func(int) (float64, float64, float64) { return 0, 0, 0 }}
	if f := NewFollower(flat.frame(0), Box{50, 50, 40, 40}); !f.Lost() {
		t.Error("there is nothing to follow and it is followed")
	}
}

// TestSimplifyHolds: with any way, the simplified one holds every box whole, and
// what is to be shown never leaves it.
func TestSimplifyHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for n := range 200 {
		var seen []Seen
		b := Box{r.Float64() * 300, r.Float64() * 200, 10 + r.Float64()*80, 10 + r.Float64()*80}
		at := time.Duration(r.IntN(1000)) * time.Millisecond
		for range 1 + r.IntN(400) {
			seen = append(seen, Seen{at, b})
			at += time.Duration(1000+r.IntN(60_000)) * time.Microsecond
			b.X += r.NormFloat64() * 4
			b.Y += r.NormFloat64() * 4
			b.W = max(8, b.W+r.NormFloat64())
			b.H = max(8, b.H+r.NormFloat64())
		}
		way := Simplify(seen, Margin)
		for i, s := range seen {
			p := way.Place(s.At.Milliseconds())
			if p.X > s.Box.X || p.Y > s.Box.Y || p.X+p.W < s.Box.X+s.Box.W || p.Y+p.H < s.Box.Y+s.Box.H {
				t.Fatalf("way %d, frame %d of %d: %+v is not in %+v", n, i, len(seen), s.Box, p)
			}
		}
		for i := 1; i < len(way.Points); i++ {
			if way.Points[i].At <= way.Points[i-1].At {
				t.Fatalf("way %d: points out of order", n)
			}
		}
		shown := Within(seen)
		for i, s := range seen {
			p := shown.Place(s.At.Milliseconds())
			if p.X < s.Box.X || p.Y < s.Box.Y || p.X+p.W > s.Box.X+s.Box.W || p.Y+p.H > s.Box.Y+s.Box.H || p.W < 1 || p.H < 1 {
				t.Fatalf("way %d, frame %d of %d: %+v is shown of %+v", n, i, len(seen), p, s.Box)
			}
		}
	}
	straight := []Seen{}
	for i := range 500 {
		straight = append(straight, Seen{time.Duration(i) * 40 * time.Millisecond, Box{float64(i), 2 * float64(i), 50, 50}})
	}
	if way := Simplify(straight, Margin); len(way.Points) != 2 {
		t.Errorf("a straight way has %d points", len(way.Points))
	}
}

// FuzzFollow gives any bytes as frames.
func FuzzFollow(f *testing.F) {
	f.Add([]byte{9, 7, 1, 2, 3, 4, 5, 6, 7, 8, 200, 100, 3}, 3.0, 2.0, 4.0, 4.0)
	f.Add([]byte{1, 1, 0}, -1e9, 1e300, 0.0, -5.0)
	f.Fuzz(func(t *testing.T, b []byte, x, y, w, h float64) {
		if len(b) < 2 || math.IsNaN(x+y+w+h) || math.Abs(x) > 1e6 || math.Abs(y) > 1e6 || w < 1 || h < 1 || w > 1e5 || h > 1e5 {
			return
		}
		g := Gray{W: int(b[0])%64 + 1, H: int(b[1])%64 + 1}
		g.Pix = make([]byte, g.W*g.H)
		copy(g.Pix, b[2:])
		follow, cuts := NewFollower(g, Box{x, y, w, h}), &Cuts{}
		for i := range 4 {
			next := g
			next.Pix = append([]byte(nil), g.Pix...)
			next.Pix[i%len(next.Pix)] ^= 0x55
			follow.Next(next)
			cuts.Add(next)
		}
		cuts.End()
	})
}

// TestCutsInArithmetic finds one cut, one dissolve and one fade, and none in
// noise, pans and a flash.
func TestCutsInArithmetic(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	bars := func(x, y, n int) int { return (x/20*53 + 20) % 256 }
	waves := func(x, y, n int) int { return 128 + int(90*math.Sin(float64(y)/11)) }
	nothing := func(int) (float64, float64, float64) { return 0, 0, 0 }
	for _, tt := range []struct {
		name   string
		ground func(x, y, n int) int
		noise  int
		want   []int // frames
		within int
	}{
		{"noise", func(x, y, n int) int { return 128 }, 120, nil, 0},
		{"a pan", func(x, y, n int) int { return still(x+7*n, y+2*n, n) }, 3, nil, 0},
		{"a pan over bars", func(x, y, n int) int { return bars(x+9*n, y, n) }, 3, nil, 0},
		{"a flash", func(x, y, n int) int {
			if n == 30 {
				return 250
			}
			return still(x, y, n)
		}, 3, nil, 0},
		{"a cut", func(x, y, n int) int {
			if n >= 40 {
				return bars(x, y, n)
			}
			return waves(x, y, n)
		}, 5, []int{40}, 0},
		{"two cuts", func(x, y, n int) int {
			if n >= 40 && n < 48 {
				return bars(x, y, n)
			}
			return waves(x, y, n)
		}, 5, []int{40, 48}, 0},
		{"a dissolve", func(x, y, n int) int {
			k := max(0, min(16, n-40))
			return (waves(x, y, n)*(16-k) + bars(x, y, n)*k) / 16
		}, 3, []int{48}, 8},
	} {
		s := scene{w: 320, h: 180, noise: tt.noise, ground: tt.ground, at: nothing, r: r}
		var c Cuts
		for n := range 90 {
			c.Add(s.frame(n))
		}
		var got []int
		for _, at := range c.End() {
			got = append(got, int(at*25/time.Second))
		}
		ok := len(got) == len(tt.want)
		for i := range tt.want {
			ok = ok && abs(got[i]-tt.want[i]) <= tt.within
		}
		if !ok {
			t.Errorf("%s: cuts at %v, want %v", tt.name, got, tt.want)
		}
	}
}

// BenchmarkTrack prints how many frames of 720p are followed in the time in
// which a film of 25 frames a second shows one.
func BenchmarkTrack(b *testing.B) {
	s := scene{w: 1280, h: 720, noise: 6, ground: still, r: rand.New(rand.NewPCG(5, 5)),
		at: func(n int) (float64, float64, float64) { return 300 + 4*float64(n), 300, 90 }}
	var frames []Gray
	for n := range 50 {
		frames = append(frames, s.frame(n))
	}
	n := 0
	for b.Loop() {
		f := NewFollower(frames[0], Box{210, 210, 180, 180})
		for _, g := range frames[1:] {
			if _, ok := f.Next(g); ok {
				n++
			}
		}
	}
	if want := b.N * (len(frames) - 1); n < want*9/10 {
		b.Fatalf("followed %d of %d frames", n, want)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/25, "frames/rate")
}
