package media

import (
	"bytes"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"
)

// TestCleanSmall: even of noise the small picture keeps to its bytes, it has the
// size that is said, lies upright like the large one, and whatever is no photo is
// refused by its first bytes.
func TestCleanSmall(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "noise.jpg")
	if err := writeJPEG(rgbNoise(900, 1200), 90, file); err != nil {
		t.Fatal(err)
	}
	const most = 15 << 10
	got, err := runner(t).Clean(t.Context(), input(t, file), Cleaning{Side: 2048, Small: 320, SmallBytes: most, PhotoAlone: true}, dir, nil)
	made := got.Made
	if err != nil || len(made) != 2 || got.Sheet.Format != "jpeg" {
		t.Fatalf("Clean made %v of a %q, %v", made, got.Sheet.Format, err)
	}
	gated(t, made, needlesOfPlaces(nil))
	got, err = runner(t).Clean(t.Context(), input(t, file), Cleaning{Side: 2048, Small: 320, SmallBytes: most, PhotoAlone: true}, t.TempDir(), nil)
	again := got.Made
	if err != nil || len(again) != 2 {
		t.Fatalf("Clean made %v, %v", again, err)
	}
	for i := range made { // pictures are kept by the hash of their bytes
		first, err1 := os.ReadFile(made[i].Path)
		second, err2 := os.ReadFile(again[i].Path)
		if err1 != nil || err2 != nil || !bytes.Equal(first, second) {
			t.Errorf("%s is another the second time: %v, %v", made[i].Rung, err1, err2)
		}
	}
	for _, m := range made {
		b, err := os.ReadFile(m.Path)
		if err != nil {
			t.Fatal(err)
		}
		size, err := jpeg.DecodeConfig(bytes.NewReader(b))
		if err != nil || size.Width != m.Width || size.Height != m.Height || 3*size.Height != 4*size.Width {
			t.Errorf("%s has %dx%d, is said to have %dx%d: %v", m.Rung, size.Width, size.Height, m.Width, m.Height, err)
		}
		if m.Rung == smallRung && (len(b) > most || m.Height > 320) {
			t.Errorf("the small one has %d bytes and %d lines", len(b), m.Height)
		}
	}
	for _, no := range []string{"GIF89a\x01\x00\x01\x00", "%PDF-1.7\n", "\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42", "words"} {
		_, err := runner(t).Clean(t.Context(), bytes.NewReader([]byte(no)), Cleaning{PhotoAlone: true}, dir, nil)
		wantFault(t, err, "media.no_photo")
	}
}
