package media

import (
	"context"
	"fmt"
	"image"
	"math"
	"testing"
	"time"
)

const portrait = "/usr/local/share/kua-test/astronaut.png" // see internal/cascade's tests

func look(t *testing.T, file string) Found {
	t.Helper()
	found, err := runner(t).Look(context.Background(), input(t, file), nil)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestLookFindsCuts joins generated scenes and wants every cut at its frame,
// and none in noise and movement.
func TestLookFindsCuts(t *testing.T) {
	const scenes = "testsrc2=s=320x180:r=25:d=2[a];mandelbrot=s=320x180:r=25:start_scale=1[m];[m]trim=duration=2,setpts=PTS-STARTPTS[b];" +
		"life=s=320x180:r=25:mold=10:ratio=0.3:death_color=#C83232:life_color=#00ff00[l];[l]trim=start=1:duration=2,setpts=PTS-STARTPTS[c];smptebars=s=320x180:r=25:d=2[d];" +
		"color=gray:s=320x180:r=25:d=2,noise=alls=80:allf=t[e]"
	files := manySamples(t, []string{"-f", "lavfi", "-i", "color=gray:s=320x180:r=25:d=4,noise=alls=100:allf=t", "-f", "lavfi", "-i", "testsrc=s=1280x360:r=25:d=4,crop=320:180:x=t*120:y=40",
		"-filter_complex", scenes + ";[a][b][c][d][e]concat=n=5,format=yuv420p[v]"}, fixture{"cuts.mp4", []string{"-map", "[v]", "-preset", "ultrafast"}},
		fixture{"noise.mp4", []string{"-map", "0", "-preset", "ultrafast"}}, fixture{"a pan.mp4", []string{"-map", "1", "-preset", "ultrafast"}})
	cuts := look(t, files["cuts.mp4"]).Cuts
	want := []float64{2, 4, 6, 8}
	ok := len(cuts) == len(want)
	for i := range want {
		ok = ok && math.Abs(cuts[i].Seconds()-want[i]) < 0.021
	}
	if !ok {
		t.Errorf("cuts at %v, want %v", cuts, want)
	}
	for _, name := range []string{"noise.mp4", "a pan.mp4"} {
		if cuts := look(t, files[name]).Cuts; len(cuts) > 0 {
			t.Errorf("%s has cuts at %v", name, cuts)
		}
	}
}

// TestEveryPageAsks: where more is seen than can be listed, no page is without a
// question on which anything was seen.
func TestEveryPageAsks(t *testing.T) {
	const pages = 40
	size := image.Pt(1140, 1600)
	var all []Hit
	want := 0
	for page := 1; page <= pages; page++ {
		seen := make([]Hit, 30)
		if page%5 == 0 {
			seen = nil
		} else {
			want++
		}
		for i := range seen {
			seen[i] = Hit{What: "face", Cover: Cover{W: 9, H: 9, Points: []At{{X: i}}}}
		}
		all = addPage(all, seen, page, pages, size)
	}
	asked, whole := map[int]bool{}, 0
	for _, h := range all {
		asked[h.Page] = true
		if h.Detector == manyMore {
			whole++
			if h.W != size.X || h.H != size.Y {
				t.Errorf("page %d is asked about as %d × %d", h.Page, h.W, h.H)
			}
		}
	}
	if len(asked) != want || whole == 0 || whole >= want {
		t.Errorf("%d of %d pages ask, %d as a whole", len(asked), want, whole)
	}
	if _, err := (Found{Hits: all}).checked(); err != nil {
		t.Errorf("%d questions: %v", len(all), err)
	}
}

// overlay makes a film of a part of a picture moving over a ground; x and y are
// ffmpeg's words for where it is at t.
func overlay(t testing.TB, ground, thing, x, y string, seconds int) string {
	return sample(t, "moving.mp4", "-f", "lavfi", "-i", fmt.Sprintf("%s,trim=duration=%d", ground, seconds), "-loop", "1", "-framerate", "25", "-i", portrait,
		"-filter_complex", fmt.Sprintf("[1]%s[o];[0][o]overlay=x='%s':y='%s':shortest=1,format=yuv420p[v]", thing, x, y), "-map", "[v]", "-preset", "ultrafast", "-g", "50")
}

// TestFollowFilm follows a patch over moving grounds, from a moment in the
// middle in both directions: at least 95 in 100 of it is covered in every frame
// until it leaves, and the cover goes to the ends of the film.
func TestFollowFilm(t *testing.T) {
	for name, ground := range map[string]string{
		"mandelbrot": "mandelbrot=s=640x360:r=25",
		"noise":      "color=gray:s=640x360:r=25,noise=alls=40:allf=t",
	} {
		t.Run(name, func(t *testing.T) {
			file := overlay(t, ground, "crop=130:150:155:45,scale=78:90", "60+40*t", "120+60*sin(1.3*t)", 9)
			at := func(s float64) image.Rectangle {
				x, y := int(60+40*s), int(120+60*math.Sin(1.3*s))
				return image.Rect(x, y, x+78, y+90)
			}
			got, err := runner(t).Follow(context.Background(), input(t, file), Seed{Box: at(7), At: 7 * time.Second, To: 9 * time.Second}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got.StartLost || got.EndLost || got.From != 0 || got.To != 9*time.Second-ms {
				t.Errorf("followed from %v to %v, lost %v %v", got.From, got.To, got.StartLost, got.EndLost)
			}
			for n := range 225 {
				thing, corner := at(float64(n)/25), got.corner(time.Duration(n)*40*ms)
				in := thing.Intersect(boxAt(corner, got.Cover))
				if share := float64(in.Dx()*in.Dy()) / float64(thing.Dx()*thing.Dy()); share < 0.95 {
					t.Fatalf("frame %d: %.2f of it is covered", n, share)
				}
			}
			if len(got.Points) > 112 {
				t.Errorf("%d points", len(got.Points))
			}
			if name == "noise" {
				return
			}
			shown, err := runner(t).Follow(context.Background(), input(t, file), Seed{Box: at(7), At: 7 * time.Second, From: 5 * time.Second, To: 9 * time.Second, Reveal: true}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for n := 125; n < 225; n++ {
				when := time.Duration(n) * 40 * ms
				if when < shown.From || when > shown.To {
					continue
				}
				box := boxAt(shown.corner(when), shown.Cover)
				in := at(float64(n) / 25).Intersect(box)
				if share := float64(in.Dx()*in.Dy()) / float64(box.Dx()*box.Dy()); share < 0.95 {
					t.Fatalf("frame %d: %.2f of what is shown is what was to be shown", n, share)
				}
			}
			if shown.To-shown.From < time.Second || shown.W > 78 || shown.H > 90 {
				t.Errorf("shown from %v to %v, %d × %d", shown.From, shown.To, shown.W, shown.H)
			}
		})
	}
	flat := sample(t, "flat.mp4", "-f", "lavfi", "-i", "color=gray:s=320x180:r=25:d=2", "-preset", "ultrafast")
	_, err := runner(t).Follow(context.Background(), input(t, flat), Seed{Box: image.Rect(50, 50, 90, 90), At: time.Second, To: 2 * time.Second}, nil)
	wantFault(t, err, "media.nothing_to_follow")
}

// TestLookSuggestsAFace: a face that moves through a film and one on a photo
// are suggested where they are, and the other detectors see them in what would
// be published; behind a cover they see nothing.
func TestLookSuggestsAFace(t *testing.T) {
	file := overlay(t, "color=gray:s=320x180:r=25,noise=alls=10", "crop=260:300:90:0,scale=130:150", "20+40*t", "15", 2)
	middle := func(s float64) image.Point { return image.Pt(int(20+40*s)+66, 15+59) }
	found := look(t, file)
	covered := 0
	for n := range 50 {
		at := time.Duration(n) * 40 * ms
		for _, h := range found.Hits {
			corner, on := h.Place(at)
			if on && h.What == "face" && middle(at.Seconds()).In(boxAt(corner, h.Cover)) {
				covered++
				break
			}
		}
	}
	if covered < 48 {
		t.Errorf("the face is suggested on %d of 50 frames: %+v", covered, found.Hits)
	}
	if len(found.Hits) > 10 || len(found.Tools) != len(suggesters) {
		t.Errorf("%d suggestions by %v", len(found.Hits), found.Tools)
	}

	review := func(p Plan) Found {
		t.Helper()
		r := runner(t)
		r.Preset = "veryfast"
		made, err := r.Film(context.Background(), input(t, file), p, t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Review(context.Background(), input(t, byRung(made)["240p"].Path), nil)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := review(Plan{}); len(got.Hits) == 0 {
		t.Error("an open face is not seen in what would be published")
	}
	cover := Cover{W: 130, H: 150, To: 2 * time.Second, Points: []At{{0, 20, 15}, {2 * time.Second, 100, 15}}}
	if got := review(Plan{Covers: []Cover{cover}}); len(got.Hits) > 0 {
		t.Errorf("behind a cover is seen %+v", got.Hits)
	}
	photo := look(t, portrait)
	seen := false
	for _, h := range photo.Hits {
		seen = seen || image.Pt(222, 118).In(boxAt(h.corner(0), h.Cover))
	}
	if !seen {
		t.Errorf("no face on the portrait: %+v", photo.Hits)
	}
}
