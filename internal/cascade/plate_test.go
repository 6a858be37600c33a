package cascade

import (
	"image"
	"image/color"
	"image/draw"
	"math/rand/v2"
	"testing"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// street draws a made-up number plate of a width on a dark car before noise.
func street(t testing.TB, text string, width int) (*image.Gray, image.Rectangle) {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 7))
	img := image.NewGray(image.Rect(0, 0, 640, 360))
	for y := range 360 {
		for x := range 640 {
			img.Pix[y*640+x] = uint8(90 + y/6 + r.IntN(14))
		}
	}
	draw.Draw(img, image.Rect(120, 100, 520, 330), image.NewUniform(color.Gray{48}), image.Point{}, draw.Src)
	plate := image.Rect(0, 0, width, width*112/520).Add(image.Pt(320-width/2, 220))
	draw.Draw(img, plate.Inset(-2), image.NewUniform(color.Gray{20}), image.Point{}, draw.Src)
	draw.Draw(img, plate, image.NewUniform(color.Gray{225}), image.Point{}, draw.Src)
	f, err := opentype.Parse(gobold.TTF)
	if err != nil {
		t.Fatal(err)
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: float64(width) * 0.185, DPI: 72})
	if err != nil {
		t.Fatal(err)
	}
	d := font.Drawer{Dst: img, Src: image.NewUniform(color.Gray{25}), Face: face}
	d.Dot = fixed.P(plate.Min.X, plate.Max.Y-plate.Dy()/5)
	d.Dot.X += (fixed.I(plate.Dx()) - d.MeasureString(text)) / 2
	d.DrawString(text)
	return img, plate
}

// TestFindsAPlate has each plate cascade find a drawn plate of the size it has
// in a dashcam's film a few cars away, and not see it any more when it is covered.
func TestFindsAPlate(t *testing.T) {
	for _, name := range []string{"haarcascades/haarcascade_russian_plate_number.xml", "haarcascades/haarcascade_licence_plate_rus_16stages.xml"} {
		c := load(t, name)
		for _, width := range []int{90, 130, 200} {
			img, plate := street(t, "A001AA 77", width)
			found := false
			hits := c.Find(img.Pix, 640, 360, Search{})
			for _, hit := range hits {
				both := image.Rect(hit.X, hit.Y, hit.X+hit.W, hit.Y+hit.H).Intersect(plate)
				found = found || both.Dx()*both.Dy() > plate.Dx()*plate.Dy()/2
			}
			if !found || len(hits) > 6 {
				t.Errorf("%s: a plate of %d pixels: %+v", name, width, hits)
			}
			draw.Draw(img, plate.Inset(-4), image.Black, image.Point{}, draw.Src)
			for _, hit := range c.Find(img.Pix, 640, 360, Search{}) {
				if !image.Rect(hit.X, hit.Y, hit.X+hit.W, hit.Y+hit.H).Intersect(plate).Empty() {
					t.Errorf("%s: a covered plate of %d pixels is seen at %+v", name, width, hit)
				}
			}
		}
	}
}
