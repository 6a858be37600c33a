package media

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kua/internal/gate"
)

func renderPhoto(t testing.TB, file string, plan Plan) map[string]Rendition {
	t.Helper()
	made, err := runner(t).Photo(context.Background(), input(t, file), plan, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	gated(t, made, gate.Needles{})
	return byRung(made)
}

// picture reads a rendition, WebP by way of ffmpeg.
func picture(t testing.TB, r Rendition) image.Image {
	t.Helper()
	file := r.Path
	if r.Type == "image/webp" {
		file = filepath.Join(t.TempDir(), "x.png")
		run(t, "ffmpeg", "-v", "error", "-i", r.Path, file)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if img.Bounds().Size() != image.Pt(r.Width, r.Height) {
		t.Errorf("%s is %v, said to be %dx%d", r.Rung, img.Bounds(), r.Width, r.Height)
	}
	return img
}

func gray(img image.Image, x, y float64) int {
	b := img.Bounds()
	c := color.GrayModel.Convert(img.At(b.Min.X+int(x*float64(b.Dx())), b.Min.Y+int(y*float64(b.Dy())))).(color.Gray)
	return int(c.Y)
}

// quarters is a picture whose upper left corner is dark and the rest light.
func quarters(w, h int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{200, 180, 220, 255}
			if x < w/2 && y < h/2 {
				c = color.RGBA{90, 60, 30, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

func writePhoto(t testing.TB, name string, img image.Image) string {
	t.Helper()
	var b bytes.Buffer
	var err error
	if strings.HasSuffix(name, ".png") {
		err = png.Encode(&b, img)
	} else {
		err = jpeg.Encode(&b, img, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestPhotoCarriesNothing plants words and places and looks for them.
func TestPhotoCarriesNothing(t *testing.T) {
	jpg := writePhoto(t, "a.jpg", quarters(2000, 1000))
	run(t, "exiftool", "-q", "-overwrite_original", "-Artist="+canary, "-UserComment="+canary, "-GPSLatitude=43.2220", "-GPSLatitudeRef=N",
		"-GPSLongitude=76.8512", "-GPSLongitudeRef=E", "-XMP:Creator="+canary, "-IPTC:Keywords="+canary, "-Comment="+canary, "-XPAuthor="+canary, "-SerialNumber="+canary, jpg)
	pngFile := writePhoto(t, "a.png", quarters(300, 200))
	run(t, "exiftool", "-q", "-overwrite_original", "-PNG:Author="+canary, "-XMP:Creator="+canary, "-EXIF:Artist="+canary, pngFile)
	webpFile := sample(t, "a.webp", "-i", jpg, "-frames:v", "1")
	var paths []string
	for _, file := range []string{jpg, pngFile, webpFile} {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(f, "MotionPhoto"+canary)
		f.Close()
		made := renderPhoto(t, file, Plan{})
		if len(made) != 4 {
			t.Errorf("%s: made %d files", file, len(made))
		}
		for _, r := range made {
			picture(t, r)
			b, err := os.ReadFile(r.Path)
			if err != nil {
				t.Fatal(err)
			}
			if found := carries(b, canary, "Exif", "http://", "ICC_PROFILE", "43.22"); found != "" {
				t.Errorf("%s of %s carries %s", r.Rung, filepath.Base(file), found)
			}
			paths = append(paths, r.Path)
		}
		if large, small := made["jpeg"], made["webp-640"]; file == jpg && (large.Width != 1600 || large.Height != 800 || small.Width != 640 || small.Height != 320) {
			t.Errorf("large is %dx%d, small %dx%d", large.Width, large.Height, small.Width, small.Height)
		}
		if r := made["jpeg"]; file == pngFile && (r.Width != 240 || r.Height != 159) {
			t.Errorf("a small photo became %dx%d", r.Width, r.Height)
		}
	}
	read := 0
	for line := range strings.Lines(run(t, "exiftool", append([]string{"-a", "-G1", "-s"}, paths...)...)) {
		group, _, _ := strings.Cut(line, "]")
		switch strings.TrimPrefix(group, "[") {
		case "ExifTool", "System", "File", "Composite", "RIFF": // sizes and the like
		default:
			switch {
			case strings.HasPrefix(line, "======== "):
				read++
			case strings.TrimSpace(line) != fmt.Sprintf("%d image files read", len(paths)):
				t.Errorf("among what was made of %s, %s and %s exiftool sees %s", jpg, pngFile, webpFile, line)
			}
		}
	}
	if read != len(paths) || read != 12 {
		t.Errorf("exiftool read %d of %d files", read, len(paths))
	}
}

// TestPhotoOrientation wants the dark quarter where exiftool's tag puts it, and
// a box where the shown picture has it.
func TestPhotoOrientation(t *testing.T) {
	// Where the upper left quarter of the stored picture is shown.
	shown := map[int][2]float64{1: {.25, .25}, 2: {.75, .25}, 3: {.75, .75}, 4: {.25, .75}, 5: {.25, .25}, 6: {.75, .25}, 7: {.75, .75}, 8: {.25, .75}}
	files := map[int]string{}
	var tagging []string // in one start of exiftool
	for o := range shown {
		files[o] = writePhoto(t, "a.jpg", quarters(400, 200))
		tagging = append(tagging, "-q", "-overwrite_original", "-n", fmt.Sprintf("-Orientation=%d", o), files[o], "-execute")
	}
	run(t, "exiftool", tagging...)
	for o, dark := range shown {
		file := files[o]
		p, err := runner(t).Probe(context.Background(), input(t, file))
		if err != nil {
			t.Fatal(err)
		}
		want := image.Pt(400, 200)
		if o >= 5 {
			want = image.Pt(200, 400)
		}
		if p.shown() != want {
			t.Errorf("orientation %d: shown as %v", o, p.shown())
		}
		box := image.Rect(want.X/2-10, want.Y/2-10, want.X/2+10, want.Y/2+10).Add(image.Pt(want.X/4, -want.Y/8))
		img := picture(t, renderPhoto(t, file, Plan{Shapes: shapesOf(box)})["jpeg"])
		for _, at := range [][2]float64{{.25, .25}, {.75, .25}, {.25, .75}, {.75, .75}} {
			if got := gray(img, at[0], at[1]); (got < 120) != (at == dark) {
				t.Errorf("orientation %d: brightness %d at %v, dark should be %v", o, got, at, dark)
			}
		}
		if got := gray(img, .75, .375); got > 5 {
			t.Errorf("orientation %d: the box is not at its place (%d)", o, got)
		}
	}
}

// TestPhotoBoxesCover draws boxes on a picture of noise and looks at every pixel.
func TestPhotoBoxesCover(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 3333, 2221))
	for i := range img.Pix {
		img.Pix[i] = byte(i*i>>5) | 0x60
	}
	file := writePhoto(t, "noise.png", img)
	boxes := []image.Rectangle{image.Rect(100, 100, 701, 503), image.Rect(-50, 2000, 333, 9999), image.Rect(3300, 0, 3333, 40)}
	made := renderPhoto(t, file, Plan{Shapes: shapesOf(boxes...)})
	for rung, r := range made {
		out := picture(t, r)
		for _, b := range boxes {
			in := scaled(b, image.Pt(3333, 2221), image.Pt(r.Width, r.Height), 0).Inset(2)
			if rung == "jpeg-640" || rung == "webp-640" {
				in = in.Inset(1)
			}
			for y := in.Min.Y; y < in.Max.Y; y++ {
				for x := in.Min.X; x < in.Max.X; x++ {
					if c := color.GrayModel.Convert(out.At(x, y)).(color.Gray); c.Y > 40 {
						t.Fatalf("%s: %d at %d,%d in %v", rung, c.Y, x, y, in)
					}
				}
			}
		}
		if got := gray(out, .5, .5); got < 60 {
			t.Errorf("%s: covered where nobody asked (%d)", rung, got)
		}
	}
}

// TestShrinkKeepsBrightness compares with the mean, also where pixels do not
// fit into each other.
func TestShrinkKeepsBrightness(t *testing.T) {
	for _, tt := range []struct{ w, h, tw, th int }{{100, 80, 33, 27}, {101, 7, 50, 3}, {64, 64, 64, 1}, {5, 5, 1, 1}, {30, 20, 30, 20}, {7, 3, 3, 3}} {
		src := image.NewNRGBA(image.Rect(3, 5, 3+tt.w, 5+tt.h))
		var want float64
		for y := range tt.h {
			for x := range tt.w {
				v := uint8((x*37 + y*91) % 256)
				src.SetNRGBA(3+x, 5+y, color.NRGBA{v, v, v, 255})
				want += float64(v)
			}
		}
		out := shrink(src, image.Pt(tt.tw, tt.th))
		var got float64
		for i := 0; i < len(out.Pix); i += 4 {
			got += float64(out.Pix[i])
		}
		got, want = got/float64(tt.tw*tt.th), want/float64(tt.w*tt.h)
		if got-want > 1 || want-got > 1 {
			t.Errorf("%v: mean %.1f, want %.1f", tt, got, want)
		}
	}
	clear := shrink(image.NewNRGBA(image.Rect(0, 0, 9, 9)), image.Pt(3, 3))
	if clear.Pix[0] != 255 || clear.Pix[3] != 255 {
		t.Errorf("what is transparent became %v, want white", clear.Pix[:4])
	}
}

// TestPhotoLimit decodes a photo near the limit within the box's memory.
func TestPhotoLimit(t *testing.T) {
	img := image.NewPaletted(image.Rect(0, 0, 10_000, 7_900), color.Palette{color.White, color.Black})
	made := renderPhoto(t, writePhoto(t, "large.png", img), Plan{})
	if r := made["jpeg"]; r.Width != 1600 || r.Height != 1260 {
		t.Errorf("large is %dx%d", r.Width, r.Height)
	}
}
