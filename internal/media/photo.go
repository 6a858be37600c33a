package media

import (
	"context"
	"fmt"
	"image"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"path/filepath"

	"golang.org/x/image/webp"

	"kua/internal/fault"
)

// The published sizes of a photo: the longer side, and the quality.
const (
	photoSide    = 1600
	photoSmall   = 640
	photoQuality = 80
	// photoMargin widens a cover and narrows a reveal: colour lies at half resolution in most photos,
	// and a JPEG smears within its blocks.
	photoMargin = 2
)

// photoDecoders are Go's own, which no hostile picture can make write past a
// buffer. They carry nothing over but pixels. A GIF gives its first picture.
var photoDecoders = map[string]struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}{
	formatJPEG.Name: {jpeg.DecodeConfig, jpeg.Decode},
	formatPNG.Name:  {png.DecodeConfig, png.Decode},
	formatGIF.Name:  {gif.DecodeConfig, gif.Decode},
	formatWebP.Name: {webp.DecodeConfig, webp.Decode},
}

func (s *stage) reader() io.Reader { return io.NewSectionReader(s.in, 0, s.in.size) }

// probePhoto reads the header, and the header alone.
func (s *stage) probePhoto() (Probe, error) {
	d, ok := photoDecoders[s.Format.Name]
	if !ok {
		return Probe{}, fault.Invalid("media.photo_later", s.Format.Name)
	}
	cfg, err := d.config(s.reader())
	if err != nil {
		return Probe{}, decodeFailed(err)
	}
	if cfg.Width <= 0 || cfg.Height <= 0 {
		return Probe{}, fault.Invalid("media.broken")
	}
	if cfg.Width > 1<<16 || cfg.Height > 1<<16 || cfg.Width*cfg.Height > s.Limits.PhotoPixels {
		return Probe{}, fault.TooLarge("media.too_many_pixels", cfg.Width, cfg.Height)
	}
	p := Probe{Type: Photo, Format: s.Format.Name, Width: cfg.Width, Height: cfg.Height}
	turn := s.turn()
	p.Rotation = turn.rotation()
	if turn.swaps() {
		p.Width, p.Height = p.Height, p.Width
	}
	return p, nil
}

// turn is how the camera was held. Browsers follow it in JPEG; in the other
// formats it is not customary.
func (s *stage) turn() orientation {
	if s.Format.Name != formatJPEG.Name {
		return 1
	}
	return readOrientation(s.reader())
}

// photo is the stage in the box: decode, make smaller, turn upright, cover, write.
func (s *stage) photo() ([]made, error) {
	large, err := s.upright(photoSide)
	if err != nil {
		return nil, err
	}
	size := large.Bounds().Size()
	s.Plan.hideIn(large, s.Probe.shown())
	// The small size is made of the covered one.
	small := shrink(large, within(size, photoSmall))
	var out []made
	for _, p := range []struct {
		rung string
		img  *image.RGBA
	}{{"jpeg", large}, {"jpeg-640", small}, {"webp", large}, {"webp-640", small}} {
		file := filepath.Join(s.out, products[p.rung].file)
		if products[p.rung].kind == "image/jpeg" {
			err = writeJPEG(p.img, photoQuality, file)
		} else {
			err = writeWebP(context.Background(), p.img, photoQuality, file)
		}
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", p.rung, err)
		}
		b := p.img.Bounds()
		out = append(out, made{Rung: p.rung, Width: b.Dx(), Height: b.Dy()})
	}
	if err := s.checkPhotos(out); err != nil {
		return nil, err
	}
	return out, nil
}

// upright decodes the photo, at most side pixels long, as it is shown.
func (s *stage) upright(side int) (*image.RGBA, error) {
	if _, err := s.probePhoto(); err != nil {
		return nil, err
	}
	d := photoDecoders[s.Format.Name]
	cfg, err := d.config(s.reader())
	if err != nil {
		return nil, decodeFailed(err)
	}
	img, err := d.decode(s.reader())
	if err != nil {
		return nil, decodeFailed(err)
	}
	full := image.Pt(cfg.Width, cfg.Height)
	if img.Bounds() != (image.Rectangle{Max: full}) {
		img = onCanvas(img, full)
	}
	return s.turn().apply(shrink(img, within(full, side))), nil
}

// onCanvas puts a picture where it lies on its canvas: the first of a GIF may
// be smaller than the whole.
func onCanvas(img image.Image, size image.Point) image.Image {
	canvas := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(canvas, canvas.Bounds(), image.White, image.Point{}, draw.Src)
	draw.Draw(canvas, img.Bounds(), img, img.Bounds().Min, draw.Over)
	return canvas
}
