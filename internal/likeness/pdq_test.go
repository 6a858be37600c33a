package likeness

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// scene draws a made-up picture: a few large shapes and some small ones, each
// with a slope of its own. No two seeds give the same.
func scene(seed uint64, w, h int) *image.Gray {
	r := rand.New(rand.NewPCG(seed, 7))
	img := image.NewGray(image.Rect(0, 0, w, h))
	type shape struct{ x, y, rx, ry, base, slope float64 }
	var shapes []shape
	for range 40 {
		size := 0.03 + 0.3*r.Float64()*r.Float64()
		shapes = append(shapes, shape{r.Float64(), r.Float64(), size, size * (0.5 + r.Float64()), 255 * r.Float64(), 300 * (r.Float64() - 0.5)})
	}
	for y := range h {
		for x := range w {
			u, v := (float64(x)+0.5)/float64(w), (float64(y)+0.5)/float64(h)
			value := 60 + 120*v
			for _, s := range shapes {
				if dx, dy := (u-s.x)/s.rx, (v-s.y)/s.ry; dx*dx+dy*dy < 1 {
					value = s.base + s.slope*(u-s.x)
				}
			}
			img.SetGray(x, y, color.Gray{uint8(max(0, min(255, value)))})
		}
	}
	return img
}

// slowPrint is PDQ by its definition: every sum written out, every turn made of
// the samples themselves.
func slowPrint(img *image.Gray) Print {
	size := img.Bounds().Size()
	a := make([][]float64, size.Y)
	for y := range a {
		a[y] = make([]float64, size.X)
		for x := range a[y] {
			a[y][x] = float64(img.GrayAt(x, y).Y)
		}
	}
	mean := func(a [][]float64, window int, along func(y, x, d int) (int, int)) [][]float64 {
		out := make([][]float64, len(a))
		for y := range a {
			out[y] = make([]float64, len(a[y]))
			for x := range a[y] {
				n := 0.0
				for d := -(window - 1) / 2; d <= window/2; d++ {
					if v, u := along(y, x, d); v >= 0 && u >= 0 && v < size.Y && u < size.X {
						out[y][x] += a[v][u]
						n++
					}
				}
				out[y][x] /= n
			}
		}
		return out
	}
	for range 2 {
		a = mean(a, int(math.Ceil(float64(size.X)/128)), func(y, x, d int) (int, int) { return y, x + d })
		a = mean(a, int(math.Ceil(float64(size.Y)/128)), func(y, x, d int) (int, int) { return y + d, x })
	}
	var tiles [64][64]float64
	for i := range 64 {
		for j := range 64 {
			tiles[i][j] = a[int((float64(i)+0.5)*float64(size.Y)/64)][int((float64(j)+0.5)*float64(size.X)/64)]
		}
	}
	turns := []func(i, j int) (int, int){
		func(i, j int) (int, int) { return i, j },
		func(i, j int) (int, int) { return j, 63 - i }, // of the tile that comes to i, j
		func(i, j int) (int, int) { return 63 - i, 63 - j },
		func(i, j int) (int, int) { return 63 - j, i },
		func(i, j int) (int, int) { return 63 - i, j },
		func(i, j int) (int, int) { return i, 63 - j },
		func(i, j int) (int, int) { return j, i },
		func(i, j int) (int, int) { return 63 - j, 63 - i },
	}
	var p Print
	for t, from := range turns {
		var values []float64
		for u := 1; u <= 16; u++ {
			for v := 1; v <= 16; v++ {
				sum := 0.0
				for i := range 64 {
					for j := range 64 {
						y, x := from(i, j)
						sum += tiles[y][x] * math.Cos(math.Pi*float64(u)*(float64(i)+0.5)/64) * math.Cos(math.Pi*float64(v)*(float64(j)+0.5)/64)
					}
				}
				values = append(values, sum)
			}
		}
		sorted := slices.Sorted(slices.Values(values))
		for k, v := range values {
			if v > sorted[127] {
				p.Hashes[t][k/64] |= 1 << (k % 64)
			}
		}
	}
	sum := 0.0
	for i := range 64 {
		for j := range 64 {
			if i < 63 {
				sum += math.Floor(math.Abs(tiles[i][j]-tiles[i+1][j]) * 100 / 255)
			}
			if j < 63 {
				sum += math.Floor(math.Abs(tiles[i][j]-tiles[i][j+1]) * 100 / 255)
			}
		}
	}
	p.Quality = int(min(100, math.Floor(sum/90)))
	return p
}

func TestPrintByDefinition(t *testing.T) {
	for i, size := range []image.Point{{64, 64}, {640, 480}, {333, 517}, {130, 65}, {20, 9}, {1, 1}} {
		img := scene(uint64(i), size.X, size.Y)
		got, want := PrintOf(img), slowPrint(img)
		if d := got.Quality - want.Quality; d < -1 || d > 1 {
			t.Errorf("%v: quality %d, want %d", size, got.Quality, want.Quality)
		}
		if size.X < 20 {
			continue // one value: all frequencies are nothing but rounding
		}
		for turn := range Turns {
			// Two frequencies as good as equal to the median may fall either way.
			if d := got.Hashes[turn].Distance(want.Hashes[turn]); d > 2 {
				t.Errorf("%v, turn %d: %d bits from the definition", size, turn, d)
			}
		}
	}
}

func TestHashSpelling(t *testing.T) {
	// The reference program's spelling: its first digit holds bit 255.
	const text = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
	var b []byte
	fmt.Sscanf(text, "%x", &b)
	h := hashOf(b)
	if h.String() != text {
		t.Errorf("read and written: %s", h)
	}
	if h[3]>>63 != 1 || h[0]&0xff != 0x22 {
		t.Errorf("bits lie elsewhere: %x", h)
	}
	if got := h.Distance(Hash{}); got != 128 {
		t.Errorf("%d bits are set, want half", got)
	}
	if readHash(b) != h {
		t.Error("the finder reads another hash")
	}
}

// change is something that happens to a picture on its way through the net.
var changes = map[string]func(*image.Gray) *image.Gray{
	"jpeg": func(img *image.Gray) *image.Gray {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 30}); err != nil {
			panic(err)
		}
		out, err := jpeg.Decode(&b)
		if err != nil {
			panic(err)
		}
		return out.(*image.Gray)
	},
	"half": func(img *image.Gray) *image.Gray {
		out := image.NewGray(image.Rect(0, 0, img.Rect.Dx()/2, img.Rect.Dy()/2))
		for y := range out.Rect.Dy() {
			for x := range out.Rect.Dx() {
				sum := 0
				for k := range 4 {
					sum += int(img.GrayAt(2*x+k%2, 2*y+k/2).Y)
				}
				out.SetGray(x, y, color.Gray{uint8(sum / 4)})
			}
		}
		return out
	},
	"brighter": func(img *image.Gray) *image.Gray {
		out := image.NewGray(img.Rect)
		for i, v := range img.Pix {
			out.Pix[i] = uint8(min(255, int(v)*5/4+10))
		}
		return out
	},
	"noise": func(img *image.Gray) *image.Gray {
		r := rand.New(rand.NewPCG(3, 4))
		out := image.NewGray(img.Rect)
		for i, v := range img.Pix {
			out.Pix[i] = uint8(max(0, min(255, int(v)+r.IntN(41)-20)))
		}
		return out
	},
	"mirrored": func(img *image.Gray) *image.Gray {
		out := image.NewGray(img.Rect)
		for y := range img.Rect.Dy() {
			for x := range img.Rect.Dx() {
				out.SetGray(img.Rect.Dx()-1-x, y, img.GrayAt(x, y))
			}
		}
		return out
	},
}

func TestChangedPicturesAreAlike(t *testing.T) {
	for seed := range uint64(20) {
		img := scene(seed, 480, 360)
		p := PrintOf(img)
		if !p.Clear() {
			t.Fatalf("scene %d has quality %d", seed, p.Quality)
		}
		for name, change := range changes {
			if q := PrintOf(change(img)); !p.Alike(q) {
				t.Errorf("scene %d, %s: %d bits apart", seed, name, p.Hashes[0].Distance(q.Hashes[0]))
			}
		}
	}
}

func TestOtherPicturesAreNot(t *testing.T) {
	const scenes = 60
	var prints []Print
	for seed := range uint64(scenes) {
		prints = append(prints, PrintOf(scene(100+seed, 320, 240)))
	}
	least, sum, n := 256, 0, 0
	for i, p := range prints {
		for _, o := range prints[:i] {
			for _, h := range p.Hashes {
				d := h.Distance(o.Hashes[0])
				least, sum, n = min(least, d), sum+d, n+1
			}
		}
	}
	t.Logf("%d pairs: nearest %d bits, on average %d", n, least, sum/n)
	if least <= MaxDistance {
		t.Errorf("two different pictures are %d bits apart", least)
	}
	if mean := sum / n; mean < 110 || mean > 146 {
		t.Errorf("different pictures are %d bits apart on average, want about half of 256", mean)
	}
}

func TestPlainPicturesSayNothing(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 200, 100))
	for i := range img.Pix {
		img.Pix[i] = uint8(100 + i%3)
	}
	p := PrintOf(img)
	if p.Clear() || p.Alike(p) {
		t.Errorf("a plain picture has quality %d and is like itself", p.Quality)
	}
	if q := PrintOf(image.NewGray(image.Rectangle{})).Quality; q != 0 {
		t.Errorf("no picture has quality %d", q)
	}
}
