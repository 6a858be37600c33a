package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
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
// buffer. They carry nothing over but pixels.
var photoDecoders = map[string]struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}{
	formatJPEG.Name: {jpegConfig, jpegDecode},
	formatPNG.Name:  {png.DecodeConfig, png.Decode},
	formatGIF.Name:  {gif.DecodeConfig, gif.Decode},
	formatWebP.Name: {webp.DecodeConfig, webp.Decode},
	formatTIFF.Name: {tiff.DecodeConfig, tiff.Decode},
	formatBMP.Name:  {bmp.DecodeConfig, bmp.Decode},
}

func jpegConfig(r io.Reader) (image.Config, error) { return jpeg.DecodeConfig(newJPEGFilter(r)) }
func jpegDecode(r io.Reader) (image.Image, error)  { return jpeg.Decode(newJPEGFilter(r)) }

func (s *stage) reader() io.Reader { return io.NewSectionReader(s.in, 0, s.in.size) }

// probePhoto reads the header, and the header alone.
func (s *stage) probePhoto() (Probe, error) {
	if s.Format == formatHEIC {
		w, h, pictures, err := s.heicShown()
		if err != nil {
			return Probe{}, err
		}
		return s.probed(image.Config{Width: w, Height: h}, notes{turn: 1, pictures: pictures})
	}
	cfg, err := s.config()
	if err != nil {
		return Probe{}, err
	}
	return s.probed(cfg, readNotes(s.Format.Name, s.in, s.in.size))
}

func (s *stage) config() (image.Config, error) {
	d, ok := photoDecoders[s.Format.Name]
	if !ok {
		return image.Config{}, fault.Invalid("media.photo_later", s.Format.Name)
	}
	cfg, err := d.config(s.reader())
	if err != nil {
		return image.Config{}, s.undecodable(err)
	}
	return cfg, nil
}

func (s *stage) probed(cfg image.Config, n notes) (Probe, error) {
	if cfg.Width <= 0 || cfg.Height <= 0 {
		return Probe{}, fault.Invalid("media.broken")
	}
	if cfg.Width > 1<<16 || cfg.Height > 1<<16 || cfg.Width*cfg.Height > s.Limits.PhotoPixels {
		return Probe{}, fault.TooLarge("media.too_many_pixels", cfg.Width, cfg.Height)
	}
	p := Probe{Type: Photo, Format: s.Format.Name, Width: cfg.Width, Height: cfg.Height, Rotation: n.turn.rotation(), Pictures: n.pictures}
	if n.turn.swaps() {
		p.Width, p.Height = p.Height, p.Width
	}
	return p, nil
}

// undecodable tells what Go's decoders do not know from what is broken.
func (s *stage) undecodable(err error) error {
	var jpegSays jpeg.UnsupportedError
	var pngSays png.UnsupportedError
	var tiffSays tiff.UnsupportedError
	if errors.As(err, &jpegSays) || errors.As(err, &pngSays) || errors.As(err, &tiffSays) || errors.Is(err, bmp.ErrUnsupported) {
		return fault.Invalid("media.photo_later", s.Format.Name).Because(err)
	}
	return decodeFailed(err)
}

// photo is the stage in the box: decode, make smaller, turn upright, give it
// the colours every screen knows, cover, write.
func (s *stage) photo() ([]made, error) {
	if _, err := s.probePhoto(); err != nil {
		return nil, err
	}
	img, n, err := s.decodePhoto()
	if err != nil {
		return nil, err
	}
	large := s.upright(img, n, published(photoSide))
	img = nil
	s.Plan.hideIn(large, s.Probe.shown())
	// The small size is made of the covered one.
	small := shrink(large, photoSize(large.Rect.Size(), photoSmall))
	return s.writeAll(context.Background(), []still{{"jpeg", large}, {"jpeg-640", small}, {"webp", large}, {"webp-640", small}}, photoQuality, s.Plan, s.Probe.shown())
}

// published is how large a photo becomes whose longer side may be this long.
func published(side int) func(image.Point) image.Point {
	return func(size image.Point) image.Point { return photoSize(size, side) }
}

// stored gives the size, before turning, of a picture of a stored size that is
// shown as large as fit says.
func (n notes) stored(size image.Point, fit func(image.Point) image.Point) image.Point {
	if !n.turn.swaps() {
		return fit(size)
	}
	size = fit(image.Pt(size.Y, size.X))
	return image.Pt(size.Y, size.X)
}

// upright makes the picture as it is shown, of the size that fit gives, before
// anything is covered.
func (s *stage) upright(img image.Image, n notes, fit func(image.Point) image.Point) *image.RGBA {
	out := shrink(img, n.stored(img.Bounds().Size(), fit))
	if c := n.colours(); c != nil {
		c.apply(out)
	}
	return n.turn.apply(out)
}

// still is a picture that is written in one form.
type still struct {
	rung string
	img  *image.RGBA
}

// writeAll writes pictures that plan, made on a picture of the size shown, has
// covered, and looks at what it wrote.
func (s *stage) writeAll(ctx context.Context, all []still, quality int, plan Plan, shown image.Point) ([]made, error) {
	var out []made
	var webps []webPTo
	for _, p := range all {
		to, ok := productOf(p.rung)
		if !ok {
			return nil, fmt.Errorf("no such rung: %q", p.rung)
		}
		file := filepath.Join(s.out, to.file)
		if to.kind == "image/webp" {
			webps = append(webps, webPTo{p.img, file})
		} else if err := writeJPEG(p.img, quality, file); err != nil {
			return nil, fmt.Errorf("write %s: %w", p.rung, err)
		}
		out = append(out, made{Rung: p.rung, Width: p.img.Rect.Dx(), Height: p.img.Rect.Dy()})
	}
	if len(webps) > 0 {
		if err := writeWebPs(ctx, quality, webps...); err != nil {
			return nil, fmt.Errorf("write pictures as WebP: %w", err)
		}
	}
	if err := s.checkPhotos(out, plan, shown); err != nil {
		return nil, err
	}
	return out, nil
}

// decodePhoto gives the picture as it is stored, on its canvas, and how it is
// to be shown.
func (s *stage) decodePhoto() (image.Image, notes, error) {
	if s.Format == formatHEIC {
		return s.decodeHEIC()
	}
	n := readNotes(s.Format.Name, s.in, s.in.size)
	if s.Format == formatWebP && n.pictures > 1 {
		img, err := s.decodeMoving()
		return img, n, err
	}
	cfg, err := s.config()
	if err != nil {
		return nil, n, err
	}
	img, err := photoDecoders[s.Format.Name].decode(s.reader())
	if err != nil {
		return nil, n, s.undecodable(err)
	}
	fullRange(img, s.Format)
	if full := image.Pt(cfg.Width, cfg.Height); img.Bounds() != (image.Rectangle{Max: full}) {
		img = onCanvas(img, img.Bounds().Min, full)
	}
	return img, n, nil
}

func (s *stage) decodeHEIC() (image.Image, notes, error) {
	file, n, err := s.heicPicture()
	if err != nil {
		return nil, n, err
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, n, decodeFailed(err)
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		return nil, n, decodeFailed(err)
	}
	return img, n, nil
}

// decodeMoving gives the first picture of an animated WebP.
func (s *stage) decodeMoving() (image.Image, error) {
	file, corner, canvas, err := firstOfWebP(s.in, s.in.size)
	if err != nil {
		return nil, decodeFailed(err)
	}
	cfg, err := webp.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return nil, decodeFailed(err)
	}
	if cfg.Width*cfg.Height > s.Limits.PhotoPixels || canvas[0]*canvas[1] > s.Limits.PhotoPixels {
		return nil, fault.TooLarge("media.too_many_pixels", cfg.Width, cfg.Height)
	}
	img, err := webp.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, decodeFailed(err)
	}
	fullRange(img, s.Format)
	return onCanvas(img, image.Pt(corner[0], corner[1]), image.Pt(canvas[0], canvas[1])), nil
}

// onCanvas puts a picture where it lies on its canvas: the first of an
// animation may be smaller than the whole.
func onCanvas(img image.Image, corner, size image.Point) image.Image {
	canvas := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(canvas, canvas.Bounds(), image.White, image.Point{}, draw.Src)
	at := image.Rectangle{Min: corner, Max: corner.Add(img.Bounds().Size())}
	draw.Draw(canvas, at, img, img.Bounds().Min, draw.Over)
	return canvas
}

// fullRange stretches the planes of a lossy WebP. They are of limited range
// (RFC 6386 9.2, BT.601), and Go hands them out as if they were a JPEG's, which
// are not: black would be gray.
func fullRange(img image.Image, f format) {
	var p *image.YCbCr
	switch v := img.(type) {
	case *image.YCbCr:
		p = v
	case *image.NYCbCrA:
		p = &v.YCbCr
	}
	if f != formatWebP || p == nil {
		return
	}
	var light, colour [256]byte
	for v := range 256 {
		light[v] = clip(float64(v-16) * 255 / 219)
		colour[v] = clip(float64(v-128)*255/224 + 128)
	}
	for _, plane := range []struct {
		pix   []byte
		table *[256]byte
	}{{p.Y, &light}, {p.Cb, &colour}, {p.Cr, &colour}} {
		for i, v := range plane.pix {
			plane.pix[i] = plane.table[v]
		}
	}
}
