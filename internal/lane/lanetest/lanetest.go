// Package lanetest is what the tests of the open lane share: a PostgreSQL server,
// the box in which photos are cleaned, and a made-up photo. Only tests use it.
package lanetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"sync"
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

// Database makes a PostgreSQL database with an empty lane and gives its URL.
var Database = pgtest.Like(func(url string) error {
	l, err := lane.Open(context.Background(), lane.Config{URL: url})
	if err != nil {
		return err
	}
	return l.Close()
})

// Cleaner gives the real one, in a folder of the test's own. A photo that was
// cleaned before by the same program is not cleaned again.
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
	return remembering{d}
}

type remembering struct{ lane.Cleaner }

var remembered sync.Map // by the photo's hash

type cleaned struct{ large, small lane.Image }

// Clean implements lane.Cleaner.
func (r remembering) Clean(ctx context.Context, photo *bytes.Reader) (large, small lane.Image, err error) {
	h := sha256.New()
	if _, err := photo.WriteTo(h); err != nil {
		return large, small, err
	}
	key := [sha256.Size]byte(h.Sum(nil))
	if c, ok := remembered.Load(key); ok {
		return c.(cleaned).large, c.(cleaned).small, nil
	}
	if large, small, err = r.Cleaner.Clean(ctx, photo); err == nil {
		remembered.Store(key, cleaned{large, small})
	}
	return large, small, err
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

// Proof gives a picture that a lane with a cleaner keeps, for an authority to say
// by it that something is mended. Several requests may share it.
func Proof(t testing.TB, l *lane.Lane) string {
	t.Helper()
	if name, there := proofs.Load(l); there {
		return name.(string)
	}
	p, err := l.AddPicture(t.Context(), bytes.NewReader(Photo(t, 120, 90, 7)))
	if err != nil {
		t.Fatal(err)
	}
	proofs.Store(l, p.Hash)
	return p.Hash
}

var proofs sync.Map // by lane
