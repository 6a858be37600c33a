package media

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"

	"kua/internal/fault"
)

// A poster is a still of the covered film that a reader on a slow phone pays
// for before having chosen to see anything.
const (
	posterSide  = 320
	posterBytes = 6000
)

// What a poster may differ from black where it is hidden. It is coded so coarsely
// that a cover's edge rings through a whole block; a face that shines through
// lights whole tiles.
const (
	posterInset = 4
	posterTile  = 48
)

// makePosters writes the poster of a film as JPEG and WebP, of a frame that was
// covered, and looks at what it wrote.
func (s *stage) makePosters(ctx context.Context, f *shot) ([]made, error) {
	return s.writePosters(ctx, f.rgb(), func(size image.Point) mask {
		c := checker{step: step{size: size}, plan: s.Plan, shown: s.Probe.shown(), length: s.Probe.Duration}
		m := newMask(size)
		for _, r := range c.hidden(f.at) {
			m.mark(r)
		}
		return m
	})
}

// writePosters writes a covered picture at the best quality that fits. hidden
// says what must be black in a picture of its size.
func (s *stage) writePosters(ctx context.Context, full *image.RGBA, hidden func(image.Point) mask) ([]made, error) {
	small := shrink(full, within(full.Bounds().Size(), posterSide))
	jpegSize, err := s.fitPoster(small, "poster-jpeg", func(img *image.RGBA, quality int, file string) error {
		return writeJPEG(img, quality, file)
	})
	if err != nil {
		return nil, err
	}
	webpSize, err := s.fitPoster(small, "poster-webp", func(img *image.RGBA, quality int, file string) error {
		return writeWebPs(ctx, quality, webPTo{img, file})
	})
	if err != nil {
		return nil, err
	}
	all := []made{
		{Rung: "poster-jpeg", Width: jpegSize.X, Height: jpegSize.Y},
		{Rung: "poster-webp", Width: webpSize.X, Height: webpSize.Y},
	}
	for _, a := range all {
		img, err := s.readMade(a.Rung)
		if err != nil {
			return nil, err
		}
		if at, ok := blackIn(img, hidden(img.Bounds().Size()).erode(posterInset), 0xff, posterTile); !ok {
			return nil, fmt.Errorf("check %s: %w", a.Rung, fault.Corrupt("media.cover_leak", "0.00", at.X*full.Rect.Dx()/a.Width, at.Y*full.Rect.Dy()/a.Height))
		}
	}
	return all, nil
}

// fitPoster lowers the quality, and then the size, until the file is small enough.
func (s *stage) fitPoster(img *image.RGBA, rung string, write func(*image.RGBA, int, string) error) (image.Point, error) {
	file := filepath.Join(s.out, products[rung].file)
	for {
		for _, quality := range []int{75, 60, 45, 35, 25, 15} {
			if err := write(img, quality, file); err != nil {
				return image.Point{}, err
			}
			info, err := os.Stat(file)
			if err != nil {
				return image.Point{}, err
			}
			if info.Size() <= posterBytes {
				return img.Bounds().Size(), nil
			}
		}
		size := img.Bounds().Size()
		img = shrink(img, image.Pt(max(1, size.X*3/4), max(1, size.Y*3/4)))
	}
}

// writeJPEG writes pixels and nothing else.
func writeJPEG(img *image.RGBA, quality int, file string) error {
	b, err := jpegOf(img, quality)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

func jpegOf(img *image.RGBA, quality int) ([]byte, error) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("encode picture: %w", err)
	}
	return b.Bytes(), nil
}

// decodeFailed is a picture that Go's decoders refuse.
func decodeFailed(err error) error { return fault.Invalid("media.broken").Because(err) }
