package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"strings"
	"testing"

	"kua/internal/fault"
	"kua/internal/likeness"
)

func prints(t testing.TB, file string) likeness.Prints {
	t.Helper()
	p, err := runner(t).Likeness(context.Background(), input(t, file))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return p
}

// street is ffmpeg's description of a made-up film of a moving scene: shapes of
// one seed glide over a ground of their own, so that two seeds make two places.
func street(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 1))
	graph := fmt.Sprintf("gradients=s=640x360:r=10:d=5:c0=0x%06x:c1=0x%06x:x0=%d:y0=%d:x1=%d:y1=%d:speed=0.00001",
		r.IntN(1<<24), r.IntN(1<<24), r.IntN(640), r.IntN(360), r.IntN(640), r.IntN(360))
	for range 14 {
		graph += fmt.Sprintf(",drawbox=x=%d:y=%d:w=%d:h=%d:color=0x%06x:t=fill", r.IntN(600), r.IntN(330), 20+r.IntN(160), 20+r.IntN(120), r.IntN(1<<24))
	}
	// The camera pans.
	return graph + fmt.Sprintf(",scroll=h=%.5f,drawbox=x=%d:y=%d:w=60:h=60:color=white:t=fill", 0.0012+0.002*r.Float64(), 100+r.IntN(300), 100+r.IntN(150))
}

func TestLikenessOfFilms(t *testing.T) {
	coded := []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"}
	streets := manySamples(t, []string{"-f", "lavfi", "-i", street(1), "-f", "lavfi", "-i", street(2), "-f", "lavfi", "-i", street(3)},
		fixture{"original.mp4", append(coded, "-map", "0")}, fixture{"other-2.mp4", append(coded, "-map", "1")}, fixture{"other-3.mp4", append(coded, "-map", "2")})
	original := streets["original.mp4"]
	mine := prints(t, original)
	if len(mine.Frames) < 8 || mine.Length < 4_900 || mine.Length > 5_000 || mine.Cut {
		t.Fatalf("%d frames of %d ms", len(mine.Frames), mine.Length)
	}
	copies := []struct {
		fixture
		turned bool
	}{
		{fixture{"small.mp4", []string{"-vf", "scale=240:136", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "36", "-pix_fmt", "yuv420p"}}, false},
		{fixture{"other.webm", []string{"-c:v", "libvpx", "-b:v", "200k", "-r", "8", "-deadline", "realtime"}}, false},
		{fixture{"trimmed.mp4", []string{"-ss", "1.37", "-t", "2.6", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "30"}}, false},
		{fixture{"brighter.mp4", []string{"-vf", "eq=brightness=0.1:contrast=1.2", "-c:v", "libx264", "-preset", "ultrafast"}}, false},
		{fixture{"mirrored.mp4", []string{"-vf", "hflip", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "30"}}, true},
	}
	fixtures := []fixture{{"still.jpg", []string{"-ss", "3.1", "-frames:v", "1", "-q:v", "9"}}}
	for _, c := range copies {
		fixtures = append(fixtures, c.fixture)
	}
	files := manySamples(t, []string{"-i", original}, fixtures...)
	for _, c := range copies {
		theirs := prints(t, files[c.name])
		m, ok := likeness.Compare(mine, theirs)
		t.Logf("%s: %+v", c.name, m)
		if !ok || m.Strength != likeness.Same || m.Turned != c.turned {
			t.Errorf("%s is not tied to its original: %+v", c.name, m)
		}
		if back, ok := likeness.Compare(theirs, mine); !ok || back.Strength != likeness.Same {
			t.Errorf("the original is not tied to %s: %+v", c.name, back)
		}
		var archive likeness.Archive
		archive.Put(1, theirs.Plain())
		if len(archive.Find(mine)) != 1 {
			t.Errorf("%s is not found among others", c.name)
		}
	}
	for seed := uint64(2); seed < 4; seed++ {
		theirs := prints(t, streets[fmt.Sprintf("other-%d.mp4", seed)])
		if m, ok := likeness.Compare(mine, theirs); ok {
			t.Errorf("film %d is another, and tied: %+v", seed, m)
		}
	}
	// A still of it is a photo that leads to the film.
	still := prints(t, files["still.jpg"])
	if m, ok := likeness.Compare(still, mine); !ok || m.Strength != likeness.Like {
		t.Errorf("a still is not tied to its film: %+v", m)
	}
	if still.Tables == "" {
		t.Error("a JPEG has no tables")
	}
}

func TestLikenessOfPhotos(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	img := image.NewRGBA(image.Rect(0, 0, 900, 600))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for range 60 {
		x, y, c := r.IntN(900), r.IntN(600), color.RGBA{uint8(r.IntN(256)), uint8(r.IntN(256)), uint8(r.IntN(256)), 255}
		box := image.Rect(x, y, x+30+r.IntN(250), y+30+r.IntN(200)).Intersect(img.Rect)
		for v := box.Min.Y; v < box.Max.Y; v++ {
			for u := box.Min.X; u < box.Max.X; u++ {
				img.SetRGBA(u, v, c)
			}
		}
	}
	file := writePhoto(t, "photo.png", img)
	mine := prints(t, file)
	if len(mine.Frames) != 1 || mine.Length != 0 || mine.Tables != "" {
		t.Fatalf("a photo has %d frames of %d ms, tables %q", len(mine.Frames), mine.Length, mine.Tables)
	}
	for name, file := range manySamples(t, []string{"-i", file}, fixture{"small.jpg", []string{"-vf", "scale=300:-1", "-q:v", "12"}},
		fixture{"rotated.webp", []string{"-vf", "transpose=1", "-c:v", "libwebp", "-quality", "40"}}) {
		if m, ok := likeness.Compare(mine, prints(t, file)); !ok || m.Strength != likeness.Same {
			t.Errorf("%s is not tied to its photo", name)
		}
	}
}

func TestLikenessRefuses(t *testing.T) {
	_, err := runner(t).Likeness(context.Background(), input(t, sample(t, "sound.wav", "-f", "lavfi", "-i", "sine=d=1")))
	wantFault(t, err, "media.no_picture")
	for name, answer := range map[string]printed{
		"nothing":     {},
		"not hex":     {Plain: likeness.Prints{Frames: make([]likeness.Frame, 1)}.Plain(), Turned: make([]byte, 7*likeness.HashBytes), Tables: "<script>"},
		"no turned":   {Plain: likeness.Prints{Frames: make([]likeness.Frame, 1)}.Plain()},
		"film length": {Plain: likeness.Prints{Length: 5, Frames: make([]likeness.Frame, 1)}.Plain(), Turned: make([]byte, 7*likeness.HashBytes)},
	} {
		b, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readPrints(b, Photo); !errors.Is(err, fault.New(fault.KindInternal, "media.box_died")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTraceUnknown: a file whose kind nobody reads is said to be so.
func TestTraceUnknown(t *testing.T) {
	_, err := runner(t).Trace(context.Background(), strings.NewReader("\x00\x01no kind of file at all"))
	wantFault(t, err, "trace.unknown")
}
