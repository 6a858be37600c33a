package cascade

import (
	"bytes"
	"image"
	_ "image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const installed = "/usr/share/opencv4"

func load(t testing.TB, name string) *Cascade {
	t.Helper()
	f, err := os.Open(filepath.Join(installed, name))
	if err != nil {
		t.Fatalf("%v: install opencv-data (tools/install.sh test)", err)
	}
	defer f.Close()
	c, err := Read(f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return c
}

// portrait is NASA's picture of an astronaut (public domain), which
// tools/install.sh takes out of Debian's python3-skimage: gray, 512 × 512, with
// one face at about 170–270, 70–190.
func portrait(t testing.TB) ([]byte, int, int) {
	t.Helper()
	f, err := os.Open("/usr/local/share/kua-test/astronaut.png")
	if err != nil {
		t.Fatalf("%v: run tools/install.sh test", err)
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	pix := make([]byte, w*h)
	for y := range h {
		for x := range w {
			r, g, b, _ := img.At(x, y).RGBA()
			pix[y*w+x] = byte((299*r + 587*g + 114*b) / 1000 >> 8)
		}
	}
	return pix, w, h
}

// TestFindsAFace has every frontal cascade find the one face of a portrait, at
// its place, upright and mirrored, and in a smaller picture.
func TestFindsAFace(t *testing.T) {
	pix, w, h := portrait(t)
	face := image.Pt(222, 118) // its middle, about the nose
	for _, name := range []string{
		"haarcascades/haarcascade_frontalface_alt2.xml", "haarcascades/haarcascade_frontalface_default.xml",
		"haarcascades/haarcascade_frontalface_alt.xml", "lbpcascades/lbpcascade_frontalface_improved.xml", "lbpcascades/lbpcascade_frontalface.xml",
	} {
		c := load(t, name)
		half := resize(pix, w, h, w/2, h/2)
		for _, p := range []struct {
			pix  []byte
			w, h int
		}{{pix, w, h}, {half, w / 2, h / 2}} {
			hits := c.Find(p.pix, p.w, p.h, Search{})
			scale := w / p.w
			found := false
			for _, hit := range hits {
				box := image.Rect(hit.X*scale, hit.Y*scale, (hit.X+hit.W)*scale, (hit.Y+hit.H)*scale)
				found = found || face.In(box.Inset(box.Dx()/5)) && box.Dx() > 60 && box.Dx() < 220
			}
			if !found {
				t.Errorf("%s at %d: no face among %+v", name, p.w, hits)
			}
			if len(hits) > 12 {
				t.Errorf("%s at %d: %d hits in one portrait", name, p.w, len(hits))
			}
		}
		if hits := c.Find(make([]byte, 300*300), 300, 300, Search{}); len(hits) > 0 {
			t.Errorf("%s sees %d faces in black", name, len(hits))
		}
	}
}

// TestMirror: what is found in a picture is found in its mirror, mirrored.
func TestMirror(t *testing.T) {
	pix, w, h := portrait(t)
	c := load(t, "lbpcascades/lbpcascade_frontalface_improved.xml")
	if a, b := c.Find(pix, w, h, Search{}), c.Find(pix, w, h, Search{Mirror: true}); len(b) == 0 || b[0].Agree < a[0].Agree {
		t.Errorf("with the mirror %+v, without %+v", b, a)
	}
}

// TestReadsAll reads every cascade that the detectors use.
func TestReadsAll(t *testing.T) {
	for _, name := range []string{"haarcascades/haarcascade_profileface.xml", "haarcascades/haarcascade_russian_plate_number.xml", "haarcascades/haarcascade_licence_plate_rus_16stages.xml", "lbpcascades/lbpcascade_profileface.xml"} {
		load(t, name)
	}
	if c := load(t, "haarcascades/haarcascade_russian_plate_number.xml"); !c.tilted {
		t.Error("tilted features were not read")
	}
}

// TestSums compares the sums, the tilted ones too, with adding up by hand.
func TestSums(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const w, h = 23, 17
	pix := make([]byte, w*h)
	for i := range pix {
		pix[i] = byte(r.IntN(256))
	}
	f := newField(pix, w, h, true)
	for y := range h + 1 {
		for x := range w + 1 {
			var want int32
			for j := range y {
				for i := range w {
					if d := i - x + 1; max(d, -d) <= y-j-1 {
						want += int32(pix[j*w+i])
					}
				}
			}
			if got := f.tilted[y*f.stride+x]; got != want {
				t.Fatalf("cone at %d,%d: got %d want %d", x, y, got, want)
			}
		}
	}
	for range 200 {
		x, y := r.IntN(w), r.IntN(h)
		bw, bh := 1+r.IntN(w-x), 1+r.IntN(h-y)
		var want int32
		for j := y; j < y+bh; j++ {
			for i := x; i < x+bw; i++ {
				want += int32(pix[j*w+i])
			}
		}
		if got := f.sum(x, y, bw, bh); got != want {
			t.Fatalf("sum: got %d want %d", got, want)
		}
	}
}

const tiny = `<?xml version="1.0"?><opencv_storage><cascade type_id="opencv-cascade-classifier"><stageType>BOOST</stageType><featureType>HAAR</featureType>
<height>8</height><width>8</width><featureParams><maxCatCount>0</maxCatCount></featureParams><stages><_><stageThreshold>0.5</stageThreshold>
<weakClassifiers><_><internalNodes>0 -1 0 0.</internalNodes><leafValues>1. 0.</leafValues></_></weakClassifiers></_></stages>
<features><_><rects><_>0 0 8 8 -1.</_><_>0 0 4 8 2.</_></rects><tilted>0</tilted></_></features></cascade></opencv_storage>`

// TestReadRefuses gives cascades that would not end or would look outside.
func TestReadRefuses(t *testing.T) {
	if _, err := Read(strings.NewReader(tiny)); err != nil {
		t.Fatal(err)
	}
	for name, swap := range map[string][2]string{
		"a loop":          {"0 -1 0 0.", "0 0 0 0. 1 -1 0 0."},
		"a missing leaf":  {"0 -1 0 0.", "0 -2 0 0."},
		"no such feature": {"0 -1 0 0.", "0 -1 1 0."},
		"outside":         {"0 0 8 8 -1.", "1 0 8 8 -1."},
		"a tilted one":    {"<tilted>0", "<tilted>1"},
		"a tiny window":   {"<height>8", "<height>2"},
		"words":           {"0.5", "half"},
		"no end":          {"</cascade>", ""},
		"another kind":    {"HAAR", "HOG"},
		"no kind":         {"<stageType>BOOST</stageType>", ""},
	} {
		if _, err := Read(strings.NewReader(strings.Replace(tiny, swap[0], swap[1], 1))); err == nil || !strings.HasPrefix(err.Error(), "cascade.unreadable") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const tinyOld = `<?xml version="1.0"?><opencv_storage><made_up type_id="opencv-haar-classifier"><size>
8 8</size><stages><_><trees><_><_><feature><rects><_>0 0 8 8 -1.</_><_>0 0 4 8 2.</_></rects><tilted>0</tilted></feature>
<threshold>0.</threshold><left_val>1.</left_val><right_val>0.</right_val></_></_></trees>
<stage_threshold>0.5</stage_threshold><parent>-1</parent><next>-1</next></_></stages></made_up></opencv_storage>`

// TestReadOld holds that both formats of one cascade find the same, and that the
// old one is refused where it says more than is understood.
func TestReadOld(t *testing.T) {
	old, err := Read(strings.NewReader(tinyOld))
	if err != nil {
		t.Fatal(err)
	}
	now, err := Read(strings.NewReader(tiny))
	if err != nil {
		t.Fatal(err)
	}
	pix := make([]byte, 64*64)
	for i := range pix {
		pix[i] = byte(i * i)
	}
	if a, b := old.Find(pix, 64, 64, Search{}), now.Find(pix, 64, 64, Search{}); len(a) == 0 || !slices.Equal(a, b) {
		t.Errorf("old %+v, new %+v", a, b)
	}
	for name, swap := range map[string][2]string{
		"a tree of stages": {"<parent>-1", "<parent>0"}, "an alternative": {"<next>-1", "<next>0"}, "no values": {"<left_val>1.</left_val>", ""},
		"outside": {"0 0 8 8 -1.", "1 0 8 8 -1."}, "a window of one": {"8 8</size>", "8</size>"}, "a large window": {"8 8</size>", "8 8000</size>"}, "no stages": {"stages", "stage"},
		"no threshold": {"<threshold>0.", "<threshold>"}, "a stage without": {"<stage_threshold>0.5", "<stage_threshold>"},
	} {
		if _, err := Read(strings.NewReader(strings.ReplaceAll(tinyOld, swap[0], swap[1]))); err == nil || !strings.HasPrefix(err.Error(), "cascade.unreadable") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(tiny))
	f.Add([]byte(tinyOld))
	if b, err := os.ReadFile(filepath.Join(installed, "lbpcascades/lbpcascade_profileface.xml")); err == nil {
		f.Add(b)
	}
	pix := make([]byte, 64*64)
	for i := range pix {
		pix[i] = byte(i * i)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		c.Find(pix, 64, 64, Search{Mirror: true, Step: 1.5})
	})
}

// BenchmarkFind looks through one picture of 640 × 640, with the union of what
// suggests faces.
func BenchmarkFind(b *testing.B) {
	pix, w, h := portrait(b)
	all := []*Cascade{load(b, "haarcascades/haarcascade_frontalface_alt2.xml"), load(b, "haarcascades/haarcascade_profileface.xml"), load(b, "lbpcascades/lbpcascade_frontalface_improved.xml")}
	for b.Loop() {
		for _, c := range all {
			c.Find(pix, w, h, Search{Mirror: true})
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pictures/s")
}
