package media

import (
	"bufio"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"

	"golang.org/x/image/webp"

	"kua/internal/fault"
)

// mask says of every pixel of a picture whether it is marked.
type mask struct {
	size image.Point
	on   []bool
}

func newMask(size image.Point) mask { return mask{size, make([]bool, size.X*size.Y)} }

// mark marks a rectangle.
func (m mask) mark(r image.Rectangle) {
	r = r.Intersect(image.Rectangle{Max: m.size})
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			m.on[y*m.size.X+x] = true
		}
	}
}

// corners gives the shape's outline.
func (s Shape) corners() []image.Point {
	if len(s.Corners) > 0 {
		return s.Corners
	}
	b := s.Box
	return []image.Point{b.Min, {X: b.Max.X, Y: b.Min.Y}, b.Max, {X: b.Min.X, Y: b.Max.Y}}
}

// cast marks a shape in a picture of another size: whole says that only pixels
// that lie wholly inside count, else every one that it touches. Where an
// outline crosses itself what is doubtful is touched and not inside.
func (s Shape) cast(from, to image.Point, whole bool) mask {
	m := newMask(to)
	edges := newMask(to)
	at := s.corners()
	x := make([]float64, len(at))
	y := make([]float64, len(at))
	for i, c := range at {
		x[i] = float64(c.X) * float64(to.X) / float64(from.X)
		y[i] = float64(c.Y) * float64(to.Y) / float64(from.Y)
	}
	winding := make([]int, to.X+1)
	for row := range to.Y {
		clear(winding)
		for i := range at {
			j := (i + 1) % len(at)
			edges.touch(row, x[i], y[i], x[j], y[j])
			crossing(winding, float64(row)+0.5, x[i], y[i], x[j], y[j])
		}
		turns := 0
		for col := range to.X {
			turns += winding[col]
			inside := turns != 0
			if whole {
				inside = turns%2 != 0
			}
			m.on[row*to.X+col] = inside
		}
	}
	for i, touched := range edges.on {
		if touched {
			m.on[i] = !whole
		}
	}
	return m
}

// touch marks the pixels of one row that an edge runs through.
func (m mask) touch(row int, x0, y0, x1, y1 float64) {
	if y0 > y1 {
		x0, y0, x1, y1 = x1, y1, x0, y0
	}
	top, bottom := float64(row), float64(row+1)
	if y1 <= top || y0 >= bottom {
		return
	}
	cut := func(y float64) float64 { return x0 + (x1-x0)*(y-y0)/(y1-y0) }
	a, b := x0, x1
	if y0 < top {
		a = cut(top)
	}
	if y1 > bottom {
		b = cut(bottom)
	}
	// What floating numbers may round away, a thousandth of a pixel makes good
	// for; an edge that lies on a pixel's border runs through neither side.
	const slack = 1e-3
	first := int(math.Floor(min(a, b) + slack))
	last := int(math.Ceil(max(a, b)-slack)) - 1
	if first > last && math.Abs(a-math.Round(a)) > slack {
		first, last = int(math.Floor(min(a, b))), int(math.Floor(max(a, b)))
	}
	for col := max(0, first); col <= min(m.size.X-1, last); col++ {
		m.on[row*m.size.X+col] = true
	}
}

// crossing notes where the outline crosses a row's middle: behind it the number
// of turns around a pixel's middle is another.
func crossing(winding []int, y, x0, y0, x1, y1 float64) {
	turn := 1
	if y0 > y1 {
		x0, y0, x1, y1, turn = x1, y1, x0, y0, -1
	}
	if y < y0 || y >= y1 {
		return
	}
	col := math.Ceil(x0 + (x1-x0)*(y-y0)/(y1-y0) - 0.5)
	winding[int(max(0, min(float64(len(winding)-1), col)))] += turn
}

// grow marks whatever lies within n pixels of what is marked.
func (m mask) grow(n int) mask {
	return m.spread(n, true)
}

// erode takes away whatever lies within n pixels of what is not marked; the
// picture's own edge takes nothing away.
func (m mask) erode(n int) mask {
	return m.spread(n, false)
}

func (m mask) spread(n int, on bool) mask {
	for range n {
		wide := mask{m.size, append([]bool(nil), m.on...)}
		for y := range m.size.Y {
			for x := range m.size.X {
				if m.on[y*m.size.X+x] != on {
					continue
				}
				for j := max(0, y-1); j <= min(m.size.Y-1, y+1); j++ {
					for i := max(0, x-1); i <= min(m.size.X-1, x+1); i++ {
						wide.on[j*m.size.X+i] = on
					}
				}
			}
		}
		m = wide
	}
	return m
}

// hidden gives the pixels of a photo of another size that the plan hides. margin
// widens covers and narrows reveals; strict is for the check: covers count only
// where they lie wholly, reveals wherever they touch.
func (p Plan) hidden(shown, size image.Point, margin int, strict bool) mask {
	out := newMask(size)
	for i := range out.on {
		out.on[i] = p.Covered
	}
	for _, reveal := range []bool{true, false} {
		for _, s := range p.Shapes {
			if s.Reveal != reveal {
				continue
			}
			m := s.cast(shown, size, reveal != strict)
			switch {
			case reveal == strict:
				m = m.grow(margin)
			default:
				m = m.erode(margin)
			}
			for i, on := range m.on {
				if on {
					out.on[i] = !reveal
				}
			}
		}
	}
	return out
}

// hideIn paints black whatever the plan hides.
func (p Plan) hideIn(img *image.RGBA, shown image.Point) {
	size := img.Bounds().Size()
	for i, on := range p.hidden(shown, size, photoMargin, false).on {
		if on {
			o := img.PixOffset(i%size.X, i/size.X)
			img.Pix[o], img.Pix[o+1], img.Pix[o+2], img.Pix[o+3] = 0, 0, 0, 0xff
		}
	}
}

// What a published photo may differ from black where it is hidden, at
// photoInset pixels from what may be seen. See docs/design/media.md.
const (
	photoInset = 2
	photoOff   = 96 // one pixel
	photoTile  = 24 // on average over a tile
)

// checkPhotos decodes every finished picture and looks, by the plan alone, which
// was made on a picture of the size shown.
func (s *stage) checkPhotos(all []made, plan Plan, shown image.Point) error {
	if !plan.Covered && len(plan.Shapes) == 0 {
		return nil
	}
	for _, a := range all {
		img, err := s.readMade(a.Rung)
		if err != nil {
			return err
		}
		hidden := plan.hidden(shown, img.Bounds().Size(), 0, true).erode(photoInset)
		if at, ok := blackIn(img, hidden, photoOff, photoTile); !ok {
			at = image.Pt(at.X*shown.X/hidden.size.X, at.Y*shown.Y/hidden.size.Y)
			return fmt.Errorf("check %s: %w", a.Rung, fault.Corrupt("media.cover_leak", "0.00", at.X, at.Y))
		}
	}
	return nil
}

// readMade decodes a picture that was written.
func (s *stage) readMade(rung string) (image.Image, error) {
	p, _ := productOf(rung)
	img, err := readPhoto(filepath.Join(s.out, p.file), p.kind)
	if err != nil {
		return nil, fault.New(fault.KindInternal, "media.check_failed").Because(err)
	}
	return img, nil
}

func readPhoto(file, kind string) (image.Image, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if kind == "image/jpeg" {
		return jpeg.Decode(bufio.NewReader(f))
	}
	return webp.Decode(bufio.NewReader(f))
}

// blackIn reports whether a published picture is black wherever it is hidden, and
// else where it is not. No pixel may be brighter than most, no tile on average
// than mostTile.
func blackIn(img image.Image, hidden mask, most, mostTile int) (image.Point, bool) {
	origin, size := img.Bounds().Min, img.Bounds().Size()
	for ty := 0; ty < size.Y; ty += tileSide {
		for tx := 0; tx < size.X; tx += tileSide {
			sum, n := 0, 0
			for y := ty; y < min(size.Y, ty+tileSide); y++ {
				for x := tx; x < min(size.X, tx+tileSide); x++ {
					if !hidden.on[y*size.X+x] {
						continue
					}
					r, g, b, _ := img.At(origin.X+x, origin.Y+y).RGBA()
					off := int(max(r, g, b) >> 8)
					if off > most {
						return image.Pt(x, y), false
					}
					sum, n = sum+off, n+1
				}
			}
			if n >= tileSide*tileSide/4 && sum > mostTile*n {
				return image.Pt(tx, ty), false
			}
		}
	}
	return image.Point{}, true
}
