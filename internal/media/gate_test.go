package media

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"testing"

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

// TestGatePassesWhatIsMade renders films, sound and photos at the ends of what
// there is and puts all that comes out through the gate, as renderFilm,
// renderSound and renderPhoto do in all other tests: it must refuse nothing that
// media makes.
func TestGatePassesWhatIsMade(t *testing.T) {
	t.Parallel()
	var read []string
	var files []fixture
	of := func(name string, args []string, specs ...string) {
		for _, spec := range specs {
			args = append(args, "-map", fmt.Sprint(len(read)/4))
			read = append(read, "-f", "lavfi", "-i", spec)
		}
		files = append(files, fixture{name, args})
	}
	quick := []string{"-preset", "ultrafast", "-pix_fmt", "yuv420p"}
	presets := map[string]string{"wide.mp4": "veryfast", "slow.mkv": "veryfast", "long.mp4": "ultrafast"} // else the product's own
	of("tiny.mp4", quick, "testsrc2=s=16x16:r=25:d=0.2", "sine=440:d=1")
	of("wide.mp4", quick, "testsrc2=s=2560x480:r=10:d=0.5")
	of("large.mp4", quick, "testsrc2=s=1280x720:r=30:d=0.4,noise=alls=20:allf=t", "sine=440:d=1")
	of("black.mp4", quick, "color=black:s=320x240:r=25:d=1", "sine=440:d=1")
	of("slow.mkv", quick, "testsrc2=s=320x240:r=1:d=8")
	of("long.mp4", quick, "testsrc2=s=160x120:r=2:d=75", "sine=440:d=75")
	of("short.wav", nil, "anoisesrc=d=0.05")
	of("noise.wav", nil, "anoisesrc=d=7.77")
	still := []string{"-frames:v", "1"}
	of("a.png", still, "testsrc2=s=2000x1500:r=1:d=1")
	of("smallest.png", still, "color=white:s=2x2:r=1:d=1")
	of("narrow.png", still, "mandelbrot=s=33x901,trim=end_frame=1")
	of("gray.png", still, "color=gray:s=640x640:r=1:d=1")
	for name, file := range manySamples(t, read, files...) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			switch filepath.Ext(name) {
			case ".wav":
				renderSound(t, file, Plan{})
			case ".png":
				renderPhoto(t, file, Plan{})
			default:
				renderFilmAs(t, presets[name], file, Plan{})
			}
		})
	}
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
