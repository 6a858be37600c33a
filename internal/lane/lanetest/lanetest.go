// Package lanetest is what the tests of the open lane share: a PostgreSQL server,
// the box in which photos are cleaned, and a made-up photo. Only tests use it.
package lanetest

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"testing"

	"kua/internal/lane"
	"kua/internal/lane/darkroom"
	"kua/internal/media"
	"kua/internal/sqldb/pgtest"
)

// Main runs the tests of a package as pgtest.Main does. It is also the inside of
// the box, which starts the test's own program.
func Main(m *testing.M) int {
	if len(os.Args) > 1 && os.Args[1] == media.BoxCommand {
		return media.RunBoxed(os.Args[2:])
	}
	return pgtest.Main(m)
}

// Cleaner gives the real one, in a folder of the test's own.
func Cleaner(t testing.TB) lane.Cleaner {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d, err := darkroom.New(self, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Photo gives a made-up photo as a JPEG: slopes of colour, different for each seed.
func Photo(t testing.TB, width, height int, seed byte) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.Set(x, y, color.RGBA{uint8(x * 255 / width), uint8(y * 255 / height), seed, 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
