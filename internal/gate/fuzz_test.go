package gate

import (
	"bytes"
	"path/filepath"
	"testing"
)

// fuzzReader runs one allow-list over anything. It must not panic, must come to
// an end, and must find a finding for whatever it refuses.
func fuzzReader(f *testing.F, kind string) {
	for name, b := range samples(f) {
		if typeOf[filepath.Ext(name)] == kind {
			f.Add(b)
		}
	}
	n := NeedlesOf(sheet())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Check(bytes.NewReader(b), int64(len(b)), kind, n)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Done {
			t.Error("not done, and no error")
		}
		for _, x := range r.Findings {
			if x.Offset < 0 || x.Offset > int64(len(b)) && x.What == "gate.needle" {
				t.Errorf("found beyond the file: %+v", x)
			}
		}
	})
}

func FuzzFilm(f *testing.F)  { fuzzReader(f, "video/mp4") }
func FuzzSound(f *testing.F) { fuzzReader(f, "audio/mp4") }
func FuzzWebM(f *testing.F)  { fuzzReader(f, "audio/webm") }
func FuzzJPEG(f *testing.F)  { fuzzReader(f, "image/jpeg") }
func FuzzWebP(f *testing.F)  { fuzzReader(f, "image/webp") }
func FuzzPNG(f *testing.F)   { fuzzReader(f, "image/png") }
func FuzzVTT(f *testing.F)   { fuzzReader(f, "text/vtt") }

// FuzzSearch plants whatever counts as telling and wants it found.
func FuzzSearch(f *testing.F) {
	f.Add("Canon EOS 90D", []byte("raw bytes"), 43.2, 76.9, 100)
	f.Add("Айгүл", []byte{0, 0, 1, 2}, -33.8, 151.2, 7)
	f.Fuzz(func(t *testing.T, text string, raw []byte, lat, lon float64, at int) {
		c := &collector{seen: map[string]bool{}, places: map[[2]int32]bool{}}
		c.text("text", text)
		c.raw("raw", raw)
		c.place(text)
		c.moment("text", text)
		c.at(lat, lon)
		at = max(0, min(at, 4096))
		for _, v := range c.out.Values {
			planted := string(v.Raw) + v.Text
			b := append(append(noiseOf(9, at), planted...), noiseOf(10, 64)...)
			if finds(t, b, c.out) == nil {
				t.Errorf("%q at %d is not found", planted, at)
			}
		}
	})
}
