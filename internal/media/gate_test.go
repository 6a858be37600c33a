package media

import (
	"bytes"
	"context"
	"crypto/rand"
	"image"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kua/internal/gate"
)

// gated fails the test unless the gate lets every rendition through.
func gated(t testing.TB, made []Rendition, n gate.Needles) {
	t.Helper()
	for _, r := range made {
		b, err := os.ReadFile(r.Path)
		if err != nil {
			t.Fatal(err)
		}
		report, err := gate.Check(bytes.NewReader(b), int64(len(b)), r.Type, n)
		if err != nil || !report.Clean() {
			t.Errorf("%s: %+v, %v", r.Rung, report.Findings, err)
		}
	}
}

// TestGatePassesWhatIsMade renders films, sound and photos of every kind and
// puts all that comes out through the gate: it must refuse nothing that media makes.
func TestGatePassesWhatIsMade(t *testing.T) {
	t.Parallel()
	video := func(spec string) []string {
		return []string{"-f", "lavfi", "-i", spec, "-preset", "ultrafast", "-pix_fmt", "yuv420p"}
	}
	tone := []string{"-f", "lavfi", "-i", "sine=440:d=1"}
	both := func(spec string, more ...string) []string {
		return append(append(append([]string{}, tone...), video(spec)...), more...)
	}
	for _, tt := range []struct {
		name string
		args []string
		plan Plan

		preset string
	}{
		{"all-rungs.mp4", both("testsrc2=s=1280x720:r=30:d=0.4,noise=alls=20:allf=t"), Plan{}, ""},
		{"no-sound.mp4", video("testsrc2=s=640x360:r=25:d=1"), Plan{}, "veryfast"},
		{"muted.mp4", both("testsrc2=s=640x360:r=25:d=1"), Plan{MuteAll: true}, "ultrafast"},
		{"covered.mp4", both("testsrc2=s=640x360:r=25:d=1"), Plan{Covers: []Cover{{W: 100, H: 100, To: 3 * time.Second, Points: []At{{0, 10, 10}, {time.Second, 400, 200}}}}}, "veryfast"},
		{"upright.mp4", both("testsrc2=s=360x640:r=24:d=0.5"), Plan{}, ""},
		{"tiny.mp4", both("testsrc2=s=16x16:r=25:d=0.2"), Plan{}, ""},
		{"odd.mkv", both("testsrc2=s=321x243:r=50:d=1"), Plan{}, "ultrafast"},
		{"wide.mp4", video("testsrc2=s=2560x480:r=10:d=0.5"), Plan{}, "veryfast"},
		{"one-frame.mp4", append(video("testsrc2=s=320x240:r=25:d=1"), "-frames:v", "1"), Plan{}, ""},
		{"black.mp4", both("color=black:s=854x480:r=25:d=1"), Plan{}, ""},
		{"slow.mkv", video("testsrc2=s=320x240:r=1:d=8"), Plan{}, "veryfast"},
		{"long.mp4", both("testsrc2=s=160x120:r=2:d=75", "-filter_complex", "[0:a]aloop=-1:size=44100,atrim=0:75[a]", "-map", "[a]", "-map", "1:v"), Plan{}, "ultrafast"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := input(t, sample(t, tt.name, tt.args...))
			r := runner(t)
			r.Preset = tt.preset
			made, err := r.Film(context.Background(), in, tt.plan, t.TempDir(), nil)
			if err != nil {
				t.Fatal(err)
			}
			gated(t, made, gate.Needles{})
		})
	}
	t.Run("sound", func(t *testing.T) {
		t.Parallel()
		for _, seconds := range []string{"0.05", "7.77"} {
			file := sample(t, "a.wav", "-f", "lavfi", "-i", "anoisesrc=d="+seconds)
			made, err := runner(t).Sound(context.Background(), input(t, file), Plan{}, t.TempDir(), nil)
			if err != nil {
				t.Fatal(err)
			}
			gated(t, made, gate.Needles{})
		}
	})
	t.Run("photo", func(t *testing.T) {
		t.Parallel()
		for _, spec := range []string{"testsrc2=s=2000x1500", "color=white:s=2x2", "mandelbrot=s=33x901", "color=gray:s=640x640"} {
			file := sample(t, "a.png", "-f", "lavfi", "-i", spec, "-frames:v", "1")
			made, err := runner(t).Photo(context.Background(), input(t, file), Plan{}, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			gated(t, made, gate.Needles{})
		}
	})
}

// TestGateInTheBox: the same judgement through the box; a type that has no
// allow-list, and a file that is none of its kind, never pass.
func TestGateInTheBox(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.jpg")
	if err := writeJPEG(rgbNoise(64, 48), 80, file); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	needles := gate.Needles{Values: []gate.Needle{{From: "IFD0/Artist", Text: canary}}}
	ctx := context.Background()
	r, err := runner(t).Gate(ctx, bytes.NewReader(b), "image/jpeg", needles)
	if err != nil || !r.Clean() || r.Needles != 1 || len(r.Parts) == 0 {
		t.Errorf("a clean picture: %+v, %v", r, err)
	}
	r, err = runner(t).Gate(ctx, bytes.NewReader(append(b, canary...)), "image/jpeg", needles)
	if err != nil || r.Clean() || len(r.Findings) != 2 || r.Findings[0].What != "gate.beyond" || r.Findings[1].What != "gate.needle" {
		t.Errorf("a token behind it: %+v, %v", r, err)
	}
	if r, err := runner(t).Gate(ctx, bytes.NewReader(b), "application/pdf", needles); err == nil || r.Clean() {
		t.Errorf("an unknown type: %+v, %v", r, err)
	}
	if r, err := runner(t).Gate(ctx, bytes.NewReader(b), "video/mp4", needles); err != nil || r.Clean() {
		t.Errorf("another type: %+v, %v", r, err)
	}
}

// rgbNoise is a picture without any pattern.
func rgbNoise(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	rand.Read(m.Pix)
	return m
}
