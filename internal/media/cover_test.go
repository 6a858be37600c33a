package media

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

const ms = time.Millisecond

// TestCoverVectors reads the vectors that the marking page is held to as well.
func TestCoverVectors(t *testing.T) {
	raw, err := os.ReadFile("../../spec/vectors/covers.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Covers []struct {
			Name  string
			Cover struct {
				W, H     int
				From, To int64
				Points   []struct {
					At   int64
					X, Y int
				}
			}
			At []struct {
				T       int64
				Covered bool
				X, Y    int
			}
		}
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Covers) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range vectors.Covers {
		c := Cover{W: v.Cover.W, H: v.Cover.H, From: time.Duration(v.Cover.From) * ms, To: time.Duration(v.Cover.To) * ms}
		for _, p := range v.Cover.Points {
			c.Points = append(c.Points, At{time.Duration(p.At) * ms, p.X, p.Y})
		}
		for _, at := range v.At {
			got, covered := c.Place(time.Duration(at.T) * ms)
			if covered != at.Covered || covered && got != image.Pt(at.X, at.Y) {
				t.Errorf("%s, %d ms: got %v %v, want %d,%d %v", v.Name, at.T, got, covered, at.X, at.Y, at.Covered)
			}
		}
	}
}

func randomCover(r *rand.Rand) Cover {
	c := Cover{W: 8 + r.IntN(60), H: 8 + r.IntN(60)}
	at := time.Duration(r.IntN(500)) * ms
	for range 1 + r.IntN(8) {
		c.Points = append(c.Points, At{at, r.IntN(400) - 50, r.IntN(300) - 50})
		at += time.Duration(1+r.IntN(400)) * ms
	}
	c.From = time.Duration(r.IntN(1000)) * ms
	c.To = c.From + time.Duration(r.IntN(1000))*ms
	return c
}

// TestSweepHoldsEveryMoment checks against the plain rule at every millisecond
// that what is painted for a frame holds the cover at every moment the frame is
// shown, in the size of every rung and before scaling.
func TestSweepHoldsEveryMoment(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	shown := image.Pt(333, 251)
	for n := range 300 {
		c := randomCover(r)
		from := time.Duration(r.IntN(2500)) * ms
		to := from + time.Duration(r.IntN(200))*ms
		swept := c.Sweep(from, to)
		master := fit(shown, 144)
		painted := planar{size: master, pix: make([]byte, planarBytes(master))}
		painter{plan: Plan{Covers: []Cover{c}}, shown: shown, master: master, length: time.Hour}.paint(painted, from, from, to)
		for at := from; at <= to; at += ms {
			corner, covered := c.Place(at)
			if !covered {
				continue
			}
			box := image.Rectangle{Min: corner, Max: corner.Add(image.Pt(c.W, c.H))}
			if !box.In(swept) {
				t.Fatalf("cover %d at %v: %v lies outside %v", n, at, box, swept)
			}
			if !painted.filled(inside(box, shown, master)) {
				t.Fatalf("cover %d at %v: not painted", n, at)
			}
		}
	}
}

// TestScaledIsNeverSmaller compares with exact fractions.
func TestScaledIsNeverSmaller(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		from, to := image.Pt(2+r.IntN(4000), 2+r.IntN(4000)), image.Pt(2*(1+r.IntN(500)), 2*(1+r.IntN(500)))
		in := image.Rect(r.IntN(9000)-4000, r.IntN(9000)-4000, r.IntN(9000)-4000, r.IntN(9000)-4000)
		got := scaled(in, from, to, 0)
		want := image.Rectangle{Max: to}
		cut := func(v, f, t int) float64 { return max(0, min(float64(t), float64(v)*float64(t)/float64(f))) }
		if in.Empty() || cut(in.Max.X, from.X, to.X) <= cut(in.Min.X, from.X, to.X) || cut(in.Max.Y, from.Y, to.Y) <= cut(in.Min.Y, from.Y, to.Y) {
			continue
		}
		if !got.In(want) || float64(got.Min.X) > cut(in.Min.X, from.X, to.X) || float64(got.Max.X) < cut(in.Max.X, from.X, to.X) ||
			float64(got.Min.Y) > cut(in.Min.Y, from.Y, to.Y) || float64(got.Max.Y) < cut(in.Max.Y, from.Y, to.Y) || got.Min.X%2 != 0 || got.Max.Y%2 != 0 {
			t.Fatalf("%v of %v in %v: got %v", in, from, to, got)
		}
	}
}

// TestCoverCheckFindsHoles gives the check frames with a hole of one kind each.
func TestCoverCheckFindsHoles(t *testing.T) {
	st := step{rung{name: "240p", rate: 10}, image.Pt(64, 48)}
	shown := image.Pt(128, 96)
	c := Cover{W: 60, H: 40, Points: []At{{0, 20, 20}, {time.Second, 40, 30}}, From: 0, To: time.Second}
	film := func(spoil func(n int, f planar)) *bytes.Buffer {
		var b bytes.Buffer
		for n := range 15 {
			f := planar{size: st.size, pix: bytes.Repeat([]byte{180}, planarBytes(st.size))}
			at := time.Duration(n) * 100 * ms
			painter{plan: Plan{Covers: []Cover{c}}, shown: shown, master: st.size, length: time.Hour}.paint(f, at, at, at)
			spoil(n, f)
			b.Write(f.pix)
		}
		return &b
	}
	check := func(b *bytes.Buffer) error {
		return checker{step: st, plan: Plan{Covers: []Cover{c}}, shown: shown, length: time.Hour, progress: func(time.Duration) {}}.frames(b)
	}
	if err := check(film(func(int, planar) {})); err != nil {
		t.Errorf("whole covers: %v", err)
	}
	for name, spoil := range map[string]func(n int, f planar){
		"one frame open": func(n int, f planar) {
			if n == 7 {
				for i := range f.pix {
					f.pix[i] = 180
				}
			}
		},
		"one bright pixel":    func(n int, f planar) { f.pix[30*64+40] = 90 },
		"a faint ghost":       func(n int, f planar) { ghost(f, func(x, y int) byte { return byte(fillY + (x+y)%2*20) }) },
		"colour shines out":   func(n int, f planar) { f.pix[64*48+12*32+18] = 190 },
		"the cover elsewhere": func(n int, f planar) { copy(f.pix, bytes.Repeat([]byte{180}, 64*48)); f.fill(image.Rect(0, 0, 20, 20)) },
	} {
		t.Run(name, func(t *testing.T) { wantFault(t, check(film(spoil)), "media.cover_leak") })
	}
	if err := check(new(bytes.Buffer)); err == nil {
		t.Error("a film without frames passed")
	}
	cut := film(func(int, planar) {})
	cut.Truncate(cut.Len() - 5)
	wantFault(t, check(cut), "media.check_failed")
}

func ghost(f planar, v func(x, y int) byte) {
	for y := 16; y < 30; y++ {
		for x := 22; x < 40; x++ {
			f.pix[y*f.size.X+x] = v(x, y)
		}
	}
}

func TestLadder(t *testing.T) {
	for _, tt := range []struct {
		shown image.Point
		want  string
	}{
		{image.Pt(1920, 1080), "144p 256x144 1.2, 240p 426x240 2.1, 360p 640x360 3.0, 480p 854x480 3.1, "},
		{image.Pt(1080, 1920), "144p 144x256 1.2, 240p 240x426 2.1, 360p 360x640 3.0, 480p 480x854 3.1, "},
		{image.Pt(640, 480), "144p 192x144 1.2, 240p 320x240 1.3, 360p 480x360 3.0, 480p 640x480 3.1, "},
		{image.Pt(641, 479), "144p 192x144 1.2, 240p 320x240 1.3, 360p 480x360 3.0, "},
		{image.Pt(176, 144), "144p 176x144 1.2, 240p 176x144 1.3, "},
		{image.Pt(101, 77), "144p 84x64 1.2, 240p 84x64 1.3, "},
		{image.Pt(2, 2), "144p 16x16 1.2, 240p 16x16 1.3, "},
		{image.Pt(4000, 500), "144p 346x44 1.2, 240p 576x72 1.3, 360p 864x108 3.0, 480p 1152x144 3.1, "},
	} {
		var got string
		for _, s := range steps(tt.shown) {
			got += s.name + " " + sizeText(s.size) + " " + s.fittingLevel() + ", "
		}
		if got != tt.want {
			t.Errorf("%v: got %s want %s", tt.shown, got, tt.want)
		}
	}
}

func sizeText(p image.Point) string { return fmt.Sprintf("%dx%d", p.X, p.Y) }
