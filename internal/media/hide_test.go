package media

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kua/internal/fault"
)

func shapesOf(boxes ...image.Rectangle) []Shape {
	var all []Shape
	for _, b := range boxes {
		all = append(all, Shape{Box: b})
	}
	return all
}

// coveredAt is the plain rule: the shot that holds a moment, else how the plan begins.
func coveredAt(p Plan, at time.Duration) bool {
	for _, s := range p.Shots {
		if at >= s.From && at < s.To {
			return s.Covered
		}
	}
	return p.Covered
}

func randomPlan(r *rand.Rand) Plan {
	p := Plan{Covered: r.IntN(2) == 0}
	for at := time.Duration(r.IntN(300)) * ms; r.IntN(5) > 0 && at < 2500*ms; {
		to := at + time.Duration(1+r.IntN(600))*ms
		p.Shots = append(p.Shots, Shot{From: at, To: to, Covered: r.IntN(2) == 0})
		at = to + time.Duration(max(0, r.IntN(200)-100))*ms
	}
	for range r.IntN(4) {
		c := randomCover(r)
		c.W, c.H, c.To = c.W+60, c.H+60, c.To+500*ms
		p.Reveals = append(p.Reveals, c)
	}
	for range r.IntN(2) {
		p.Covers = append(p.Covers, randomCover(r))
	}
	return p
}

// TestRevealHoldsEveryMoment checks against the plain rule at every millisecond
// that what is left open of a frame is shown, by one and the same track, at
// every moment for which the frame is shown, and that no cover touches it.
func TestRevealHoldsEveryMoment(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	shown, length := image.Pt(333, 251), 2500*ms
	open, hid := 0, 0
	for n := range 400 {
		p := randomPlan(r)
		from := time.Duration(r.IntN(2400)) * ms
		to := from + time.Duration(r.IntN(120))*ms
		master := fit(shown, 144)
		f := planar{size: master, pix: bytes.Repeat([]byte{200}, planarBytes(master))}
		painter{plan: p, shown: shown, master: master, length: length}.paint(f, from, from, to)
		touched := false
		held := make([]bool, len(p.Reveals))
		for i := range held {
			held[i] = true
		}
		for at := from; at <= min(to, lastMoment(length)); at += ms {
			touched = touched || coveredAt(p, at)
			for i, c := range p.Reveals {
				_, on := c.Place(at)
				held[i] = held[i] && on
			}
		}
		for y := 0; y < master.Y; y++ {
			for x := 0; x < master.X; x++ {
				if f.pix[y*master.X+x] == fillY {
					hid++
					continue
				}
				open++
				// The part of the shown picture behind this pixel.
				behind := image.Rect(x*shown.X/master.X, y*shown.Y/master.Y, ((x+1)*shown.X+master.X-1)/master.X, ((y+1)*shown.Y+master.Y-1)/master.Y)
				if touched && !oneHolds(p.Reveals, held, behind, from, min(to, lastMoment(length))) {
					t.Fatalf("plan %d, %v to %v: pixel %d,%d is open", n, from, to, x, y)
				}
				for _, c := range p.Covers {
					if behind.Overlaps(c.Sweep(from, to)) {
						t.Fatalf("plan %d: pixel %d,%d is open under a cover", n, x, y)
					}
				}
			}
		}
		if !touched && len(p.Covers) == 0 && hid == open {
			t.Fatal("an open plan hides")
		}
	}
	if open == 0 || hid == 0 {
		t.Fatalf("nothing was tried: %d open, %d hidden", open, hid)
	}
}

func oneHolds(reveals []Cover, held []bool, behind image.Rectangle, from, to time.Duration) bool {
	for i, c := range reveals {
		all := held[i]
		for at := from; all && at <= to; at += ms {
			corner, _ := c.Place(at)
			all = behind.In(boxAt(corner, c))
		}
		if all {
			return true
		}
	}
	return false
}

// TestCheckOfCoveredFindsHoles gives the check covered frames with one fault each.
func TestCheckOfCoveredFindsHoles(t *testing.T) {
	shown, size := image.Pt(128, 96), image.Pt(64, 48)
	reveal := Cover{W: 60, H: 40, To: 2 * time.Second, Points: []At{{0, 20, 20}, {2 * time.Second, 40, 30}}}
	plan := Plan{Covered: true, Reveals: []Cover{reveal}, Shots: []Shot{{From: time.Second, To: 1300 * ms}}}
	film := func(spoil func(n int, f planar)) *bytes.Buffer {
		var b bytes.Buffer
		for n := range 20 {
			f := planar{size: size, pix: bytes.Repeat([]byte{180}, planarBytes(size))}
			at := time.Duration(n) * 100 * ms
			painter{plan: plan, shown: shown, master: size, length: 2 * time.Second}.paint(f, at, at, at+99*ms)
			spoil(n, f)
			b.Write(f.pix)
		}
		return &b
	}
	check := func(b *bytes.Buffer) error {
		c := checker{step: step{rung{name: "240p", rate: 10}, size}, plan: plan, shown: shown, length: 2 * time.Second, progress: func(time.Duration) {}}
		return c.frames(b)
	}
	if err := check(film(func(int, planar) {})); err != nil {
		t.Errorf("whole covers: %v", err)
	}
	for name, spoil := range map[string]func(n int, f planar){
		"a corner open":      func(n int, f planar) { f.pix[0] = 180 },
		"one frame open":     func(n int, f planar) { whiten(f, n == 3) },
		"the frame at a cut": func(n int, f planar) { whiten(f, n == 13) },
		"the last frame":     func(n int, f planar) { whiten(f, n == 19) },
	} {
		t.Run(name, func(t *testing.T) { wantFault(t, check(film(spoil)), "media.cover_leak") })
	}
	if err := check(film(func(n int, f planar) { whiten(f, n == 11) })); err != nil {
		t.Errorf("an open shot: %v", err)
	}
}

func whiten(f planar, do bool) {
	if do {
		for i := range f.pix {
			f.pix[i] = 180
		}
	}
}

// TestCoveredFilm renders a film of noise that begins covered: only the moving
// reveal and the open shot are to be seen, in every rung and every frame.
func TestCoveredFilm(t *testing.T) {
	file := sample(t, "noise.mp4", "-f", "lavfi", "-i", "color=gray:s=640x480:r=25:d=3,noise=alls=90:allf=t", "-preset", "ultrafast", "-crf", "10")
	reveal := Cover{W: 240, H: 200, To: 3 * time.Second, Points: []At{{0, 40, 60}, {3 * time.Second, 340, 220}}}
	made := renderFilm(t, file, Plan{Covered: true, Reveals: []Cover{reveal}, Shots: []Shot{{From: 1200 * ms, To: 2 * time.Second}}})
	films := decoded(t, made["144p"], made["240p"], made["480p"])
	for i, rung := range []string{"144p", "240p", "480p"} {
		rate, frames := []float64{12, 15, 30}[i], films[i]
		if len(frames) < int(2.8*rate) {
			t.Fatalf("%s has %d frames", rung, len(frames))
		}
		for n, f := range frames {
			at := float64(n) / rate
			corner := reveal.corner(time.Duration(at * float64(time.Second)))
			mid := f.luma(float64(corner.X+120)/640, float64(corner.Y+100)/480)
			away := f.luma(.96, .04)
			if mid < 40 {
				t.Errorf("%s at %.2f s: the revealed part is dark (%d)", rung, at, mid)
			}
			switch {
			case at > 1.3 && at < 1.9 && away < 40:
				t.Errorf("%s at %.2f s: the open shot is dark (%d)", rung, at, away)
			case (at < 1.15 || at > 2.05) && away > 30:
				t.Errorf("%s at %.2f s: open where it is covered (%d)", rung, at, away)
			}
		}
	}
	black := renderFilm(t, file, Plan{Covered: true})
	for _, f := range decoded(t, black["144p"])[0] {
		if !f.filled(image.Rectangle{Max: f.size}) {
			t.Fatal("a covered film without a reveal shows something")
		}
	}
	// A hole in one rung is found among whole ones.
	var checkers []checker
	var files []string
	for i, r := range []Rendition{black["144p"], made["240p"], black["480p"]} {
		checkers = append(checkers, checker{step: step{rung{name: r.Rung, rate: []int{12, 15, 30}[i]}, image.Pt(r.Width, r.Height)}, plan: Plan{Covered: true},
			shown: image.Pt(640, 480), length: 3 * time.Second, progress: func(time.Duration) {}})
		files = append(files, r.Path)
	}
	err := checkFilms(t.Context(), checkers, files)
	wantFault(t, err, "media.cover_leak")
	if !strings.Contains(fmt.Sprint(err), "240p") {
		t.Errorf("got %v, want the rung that leaks", err)
	}
	files[1] = filepath.Join(t.TempDir(), "none.mp4")
	if err := checkFilms(t.Context(), checkers, files); err == nil {
		t.Error("a rung that is not there passes")
	}
}

// TestBehindTheEnd renders a film that goes on for three seconds behind the two
// that its container claims, where nobody could mark anything: with a plan that
// hides or mutes something nothing is seen or heard there.
func TestBehindTheEnd(t *testing.T) {
	file := sample(t, "short.mkv", "-f", "lavfi", "-i", "color=gray:s=320x240:r=10:d=5", "-f", "lavfi", "-i", "sine=440:d=5", "-preset", "ultrafast")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, []byte{0x44, 0x89, 0x88}) // Duration, as 8 bytes
	if at < 0 {
		t.Fatal("no length to change")
	}
	binary.BigEndian.PutUint64(b[at+3:], math.Float64bits(2000))
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	made := renderFilm(t, file, Plan{Covers: []Cover{{W: 100, H: 100, To: 2 * time.Second, Points: []At{{0, 20, 20}}}}, Mutes: []Mute{{From: time.Second, To: 2 * time.Second}}})
	open := renderFilm(t, file, Plan{})
	films := decoded(t, made["240p"], open["240p"])
	frames, last := films[0], films[1][len(films[1])-1].luma(.5, .5)
	if len(frames) < 70 {
		t.Fatalf("%d frames of 5 seconds", len(frames))
	}
	for n, f := range frames {
		under, beside := f.luma(70./320, 70./240), f.luma(.9, .9)
		if under > 30 || n < 29 && beside < 60 || n > 31 && beside > 30 {
			t.Errorf("at %.2f s: %d under the cover, %d beside it", float64(n)/15, under, beside)
		}
	}
	quiet(t, "audio", sounds(t, made["audio"])["audio"], 1, 5)
	if last < 60 {
		t.Errorf("a film of which nothing is hidden ends dark (%d)", last)
	}
}

// TestCoveredPhoto begins a picture of noise covered, reveals a triangle and
// covers another inside it, and looks at every pixel.
func TestCoveredPhoto(t *testing.T) {
	shown := image.Pt(2000, 1400)
	img := image.NewRGBA(image.Rectangle{Max: shown})
	for i := range img.Pix {
		img.Pix[i] = byte(i*i>>5) | 0x60
	}
	big := []image.Point{{100, 100}, {1900, 300}, {600, 1300}}
	small := []image.Point{{700, 500}, {900, 520}, {760, 800}}
	plan := Plan{Covered: true, Shapes: []Shape{
		{Box: image.Rect(100, 100, 1900, 1300), Corners: big, Reveal: true}, {Box: image.Rect(700, 500, 900, 800), Corners: small}}}
	file := writePhoto(t, "noise.png", img)
	for rung, r := range renderPhoto(t, file, plan) {
		out := picture(t, r)
		open := 0
		for y := range r.Height {
			for x := range r.Width {
				p := [2]float64{(float64(x) + .5) * 2000 / float64(r.Width), (float64(y) + .5) * 1400 / float64(r.Height)}
				c := color.GrayModel.Convert(out.At(x, y)).(color.Gray)
				near := 3.0 * 2000 / float64(r.Width)
				hidden := insideBy(p, big) < -near || insideBy(p, small) > near
				if hidden && c.Y > 40 {
					t.Fatalf("%s: %d at %d,%d", rung, c.Y, x, y)
				}
				if c.Y > 60 {
					open++
				}
			}
		}
		if open < r.Width*r.Height/5 {
			t.Errorf("%s: only %d pixels are open", rung, open)
		}
		size := out.Bounds().Size()
		if where, ok := blackIn(out, plan.hidden(shown, size, 0, true).erode(photoInset), photoOff, photoTile); !ok {
			t.Errorf("%s: the check finds a leak at %v", rung, where)
		}
		if _, ok := blackIn(out, (Plan{Covered: true}).hidden(shown, size, 0, true), photoOff, photoTile); ok {
			t.Errorf("%s: the check sees no hole", rung)
		}
	}
}

// insideBy is how deep a point lies in a triangle whose corners go clockwise
// on the screen; negative outside.
func insideBy(p [2]float64, at []image.Point) float64 {
	deep := 1e9
	for i := range at {
		a, b := at[i], at[(i+1)%len(at)]
		dx, dy := float64(b.X-a.X), float64(b.Y-a.Y)
		d := (dx*(p[1]-float64(a.Y)) - dy*(p[0]-float64(a.X))) / math.Hypot(dx, dy)
		deep = min(deep, d)
	}
	return deep
}

// TestShapeTouchesAndHolds compares free shapes with boxes, which can be told
// exactly, and shows that what is wholly inside never exceeds what is touched.
func TestShapeTouchesAndHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		from, to := image.Pt(20+r.IntN(400), 20+r.IntN(300)), image.Pt(20+r.IntN(200), 20+r.IntN(150))
		b := image.Rect(r.IntN(from.X*2)-from.X/2, r.IntN(from.Y*2)-from.Y/2, r.IntN(from.X*2)-from.X/2, r.IntN(from.Y*2)-from.Y/2)
		if b.Empty() {
			continue
		}
		touched, whole := Shape{Box: b}.cast(from, to, false), Shape{Box: b}.cast(from, to, true)
		for y := range to.Y {
			for x := range to.X {
				// In units of 1/(from*to) of the picture, so that nothing is rounded.
				px := image.Rect(x*from.X, y*from.Y, (x+1)*from.X, (y+1)*from.Y)
				in := image.Rect(b.Min.X*to.X, b.Min.Y*to.Y, b.Max.X*to.X, b.Max.Y*to.Y)
				if got, want := touched.on[y*to.X+x], px.Overlaps(in); got != want {
					t.Fatalf("%v of %v in %v: touches %d,%d: got %v", b, from, to, x, y, got)
				}
				if got, want := whole.on[y*to.X+x], px.In(in); got != want {
					t.Fatalf("%v of %v in %v: holds %d,%d: got %v", b, from, to, x, y, got)
				}
			}
		}
		var corners []image.Point
		for range 3 + r.IntN(6) {
			corners = append(corners, image.Pt(r.IntN(from.X), r.IntN(from.Y)))
		}
		touched, whole = Shape{Corners: corners}.cast(from, to, false), Shape{Corners: corners}.cast(from, to, true)
		for i := range whole.on {
			if whole.on[i] && !touched.on[i] {
				t.Fatalf("%v holds what it does not touch", corners)
			}
		}
	}
}

func TestShotsRefused(t *testing.T) {
	for i, p := range []Plan{
		{Shots: []Shot{{From: 2, To: 1}}},
		{Shots: []Shot{{From: 0, To: 5}, {From: 4, To: 9}}},
		{Reveals: []Cover{{W: 1, H: 1}}},
		{Shapes: []Shape{{Box: image.Rect(0, 0, 5, 5), Corners: []image.Point{{}, {X: 1}}}}},
	} {
		if err := p.validate(); !errors.Is(err, fault.Invalid("media.plan")) {
			t.Errorf("plan %d: %v", i, err)
		}
	}
}

// TestRevealVectors reads what the marking page may show of a reveal.
func TestRevealVectors(t *testing.T) {
	raw, err := os.ReadFile("../../spec/vectors/covers.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Reveals []struct {
			Name  string
			Track struct {
				W, H     int
				From, To int64
				Points   []struct {
					At   int64
					X, Y int
				}
			}
			Frames []struct {
				From, To   int64
				X, Y, W, H int
			}
		}
	}
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors.Reveals) == 0 {
		t.Fatalf("vectors: %v", err)
	}
	for _, v := range vectors.Reveals {
		c := Cover{W: v.Track.W, H: v.Track.H, From: time.Duration(v.Track.From) * ms, To: time.Duration(v.Track.To) * ms}
		for _, p := range v.Track.Points {
			c.Points = append(c.Points, At{time.Duration(p.At) * ms, p.X, p.Y})
		}
		for _, f := range v.Frames {
			got, want := c.Hold(time.Duration(f.From)*ms, time.Duration(f.To)*ms), image.Rect(f.X, f.Y, f.X+f.W, f.Y+f.H)
			if got != want && !(got.Empty() && want.Empty()) {
				t.Errorf("%s, %d to %d: got %v, want %v", v.Name, f.From, f.To, got, want)
			}
		}
	}
}
