package media

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// TestView makes pictures for marking: of photos of several types as they are
// shown, of any one page of a document, and puts nothing on the disk.
func TestView(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	wide := image.NewRGBA(image.Rect(0, 0, 1800, 900))
	for y := range 900 {
		for x := range 1800 {
			wide.Set(x, y, color.RGBA{uint8(x / 8), uint8(y / 4), 200, 255})
		}
	}
	var asPNG, asJPEG bytes.Buffer
	if err := png.Encode(&asPNG, wide); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&asJPEG, wide, nil); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	asWebP := filepath.Join(dir, "a.webp")
	if err := writeWebPs(ctx, 80, webPTo{wide, asWebP}); err != nil {
		t.Fatal(err)
	}
	webP, err := os.ReadFile(asWebP)
	if err != nil {
		t.Fatal(err)
	}
	turned := append([]byte("\xff\xd8\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"), asJPEG.Bytes()[2:]...)
	doc := pdfOfSizes([2]string{"[0 0 595 842]", "1 0 0 rg 0 0 595 842 re f"}, [2]string{"[0 0 842 400]", "0 0 1 rg 0 0 842 400 re f"})
	scratch := t.TempDir()
	m := *runner(t)
	m.Scratch = scratch
	for _, tt := range []struct {
		name string
		file []byte
		page int
		size image.Point
		at   image.Point
		want color.RGBA
	}{
		{"png", asPNG.Bytes(), 0, image.Pt(1600, 800), image.Pt(800, 400), color.RGBA{112, 112, 200, 255}},
		{"jpeg", asJPEG.Bytes(), 0, image.Pt(1600, 800), image.Pt(1500, 400), color.RGBA{210, 112, 200, 255}},
		{"webp", webP, 0, image.Pt(1600, 800), image.Pt(1500, 400), color.RGBA{210, 112, 200, 255}},
		{"turned", turned, 0, image.Pt(800, 1600), image.Pt(400, 100), color.RGBA{14, 112, 200, 255}},
		{"first page", doc, 1, image.Pt(1140, 1600), image.Pt(500, 500), color.RGBA{254, 0, 0, 255}},
		{"second page", doc, 2, image.Pt(1600, 760), image.Pt(500, 500), color.RGBA{0, 0, 254, 255}},
	} {
		v, err := m.View(ctx, bytes.NewReader(tt.file), tt.page)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		img, err := jpeg.Decode(bytes.NewReader(v.JPEG))
		if err != nil || img.Bounds().Size() != tt.size || tt.size != image.Pt(v.Width, v.Height) {
			t.Errorf("%s: got %v, %d × %d, want %v; %v", tt.name, img.Bounds(), v.Width, v.Height, tt.size, err)
			continue
		}
		r, g, b, _ := img.At(tt.at.X, tt.at.Y).RGBA()
		for i, c := range [][2]int{{int(r >> 8), int(tt.want.R)}, {int(g >> 8), int(tt.want.G)}, {int(b >> 8), int(tt.want.B)}} {
			if c[0]-c[1] > 12 || c[1]-c[0] > 12 {
				t.Errorf("%s: colour %d is %d, want %d", tt.name, i, c[0], c[1])
			}
		}
	}
	for _, tt := range []struct {
		file []byte
		page int
		want string
	}{
		{doc, 0, "media.no_page"}, {doc, 3, "media.no_page"}, {doc, -1, "media.no_page"}, {doc, maxPages + 1, "media.no_page"}, {asPNG.Bytes(), 1, "media.no_page"},
		{asPNG.Bytes()[:300], 0, "media.broken"}, {[]byte("\x00\x01garbage"), 0, "media.nothing_to_look_at"}, {[]byte("%PDF-1.4 garbage"), 1, "media.document_broken"},
	} {
		_, err := m.View(ctx, bytes.NewReader(tt.file), tt.page)
		wantFault(t, err, tt.want)
	}
	_, err = m.Pages(ctx, bytes.NewReader(asPNG.Bytes()))
	wantFault(t, err, "media.other_type")
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Errorf("left on the disk: %v, %v", left, err)
	}
}

// TestPostersAreChecked writes posters of a hard picture, whose upper half is
// covered or seems to be.
func TestPostersAreChecked(t *testing.T) {
	t.Parallel()
	img := image.NewRGBA(image.Rect(0, 0, 320, 180))
	seed := uint32(7)
	for y := range 180 {
		for x := range 320 {
			seed = seed*1664525 + 1013904223
			v := uint8(150)
			if x > 240 {
				v = uint8(seed >> 24)
			}
			img.Set(x, y, color.Gray{v})
		}
	}
	upper := func(size image.Point) mask {
		m := newMask(size)
		m.mark(image.Rect(0, 0, size.X, size.Y/2))
		return m
	}
	s := &stage{out: t.TempDir()}
	_, err := s.writePosters(context.Background(), img, upper)
	wantFault(t, err, "media.cover_leak")
	for y := range 90 {
		for x := range 320 {
			img.Set(x, y, color.Black)
		}
	}
	if _, err := s.writePosters(context.Background(), img, upper); err != nil {
		t.Errorf("what is covered: %v", err)
	}
	for y := 20; y < 50; y++ { // a face is seen
		for x := 150; x < 180; x++ {
			img.Set(x, y, color.Gray{140})
		}
	}
	_, err = s.writePosters(context.Background(), img, upper)
	wantFault(t, err, "media.cover_leak")
}
