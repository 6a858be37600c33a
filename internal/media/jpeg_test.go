package media

import (
	"bytes"
	"image"
	"image/jpeg"
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// speckled is a picture of waves with noise, so that every size of coefficient occurs.
func speckled(size image.Point, noise int) *image.YCbCr {
	r := rand.New(rand.NewPCG(1, uint64(noise)))
	p := image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio420)
	for i, pl := range planesOf(p) {
		for y := range pl.size.Y {
			for x := range pl.size.X {
				v := 128 + 100*math.Sin(float64(x*(i+1))/9)*math.Cos(float64(y)/13) + float64(r.IntN(2*noise+1)-noise)
				pl.pix[y*pl.stride+x] = clip(v)
			}
		}
	}
	return p
}

// apart is the mean square by which two pictures' planes differ.
func apart(t *testing.T, a, b *image.YCbCr) float64 {
	t.Helper()
	sum, n := 0.0, 0
	other := planesOf(b)
	for i, p := range planesOf(a) {
		if p.size != other[i].size {
			t.Fatalf("plane %d is of %v, not %v", i, other[i].size, p.size)
		}
		for y := range p.size.Y {
			for x := range p.size.X {
				d := float64(p.pix[y*p.stride+x]) - float64(other[i].pix[y*other[i].stride+x])
				sum, n = sum+d*d, n+1
			}
		}
	}
	return sum / float64(n)
}

// TestEncodePlanes holds the encoder to the standard library's: the same head
// but for the data, a file that decodes to the size, and pixels as near to the
// picture as the library's own.
func TestEncodePlanes(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {7, 9}, {16, 16}, {17, 33}, {200, 150}, {641, 479}} {
		for _, noise := range []int{0, 3, 120} {
			for _, quality := range []int{1, 50, 80, 88, 100} {
				p := speckled(size, noise)
				ours, err := encodePlanes(p, quality)
				if err != nil {
					t.Fatal(err)
				}
				var theirs bytes.Buffer
				if err := jpeg.Encode(&theirs, p, &jpeg.Options{Quality: quality}); err != nil {
					t.Fatal(err)
				}
				head := bytes.Index(ours, []byte{0xff, 0xda}) + 14
				if !bytes.Equal(ours[:head], theirs.Bytes()[:head]) {
					t.Fatalf("%v at %d: another head than the library's", size, quality)
				}
				got, err := jpeg.Decode(bytes.NewReader(ours))
				if err != nil {
					t.Fatalf("%v, noise %d, quality %d: %v", size, noise, quality, err)
				}
				want, err := jpeg.Decode(&theirs)
				if err != nil {
					t.Fatal(err)
				}
				mine, library := apart(t, p, got.(*image.YCbCr)), apart(t, p, want.(*image.YCbCr))
				if mine > library*1.02+0.2 {
					t.Errorf("%v, noise %d, quality %d: off by %.2f, the library by %.2f", size, noise, quality, mine, library)
				}
			}
		}
	}
	if _, err := encodePlanes(image.NewYCbCr(image.Rect(0, 0, 8, 8), image.YCbCrSubsampleRatio444), 80); err == nil {
		t.Error("planes of 4:4:4 are taken")
	}
}

// TestPlanesShrinkAndTurn holds the way by planes to the way by RGB.
func TestPlanesShrinkAndTurn(t *testing.T) {
	p := speckled(image.Pt(120, 90), 20)
	for o := orientation(1); o <= 8; o++ {
		for _, to := range []image.Point{{120, 90}, {80, 60}, {37, 91}, {240, 90}} {
			got := rgba(o.applyPlanes(shrinkPlanes(p, to, image.YCbCrSubsampleRatio444)))
			wide := image.NewRGBA(p.Rect)
			for y := range 90 {
				for x := range 120 {
					wide.Set(x, y, p.At(x, y))
				}
			}
			want := o.apply(shrink(wide, to))
			if got.Rect != want.Rect {
				t.Fatalf("turn %d to %v: %v, want %v", o, to, got.Rect, want.Rect)
			}
			sum := 0
			for i, v := range got.Pix {
				sum += max(int(v)-int(want.Pix[i]), int(want.Pix[i])-int(v))
			}
			// Noise at the ends of the range is cut off before or after it is averaged.
			if mean := float64(sum) / float64(len(got.Pix)); mean > 3 {
				t.Errorf("turn %d to %v: %.2f from the way by RGB", o, to, mean)
			}
		}
	}
}

// BenchmarkPlanes decodes a picture whole and at half its size, makes it a little
// smaller, turns it and encodes it, and prints how many times as long the
// standard library and the way by RGB take for each.
func BenchmarkPlanes(b *testing.B) {
	p := speckled(image.Pt(2016, 1512), 6)
	file, err := encodePlanes(p, 92)
	if err != nil {
		b.Fatal(err)
	}
	names := []string{"decode", "decode-half", "shrink", "turn", "encode"}
	ours, theirs := make([]time.Duration, len(names)), make([]time.Duration, len(names))
	timed := func(into *time.Duration, do func()) {
		begun := time.Now()
		do()
		*into += time.Since(begun)
	}
	for b.Loop() {
		small, wide := p, (*image.RGBA)(nil)
		timed(&ours[0], func() { _, _ = decodePlanes(file, false) })
		timed(&theirs[0], func() { _, _ = jpeg.Decode(bytes.NewReader(file)) })
		timed(&ours[1], func() { _, _ = decodePlanes(file, true) })
		theirs[1] = theirs[0]
		timed(&ours[2], func() { small = shrinkPlanes(p, image.Pt(2000, 1500), image.YCbCrSubsampleRatio420) })
		timed(&theirs[2], func() { wide = shrink(rgba(p), image.Pt(2000, 1500)) })
		timed(&ours[3], func() { small = orientation(6).applyPlanes(small) })
		timed(&theirs[3], func() { wide = orientation(6).apply(wide) })
		timed(&ours[4], func() { _, _ = encodePlanes(small, cleanQuality) })
		timed(&theirs[4], func() { _ = jpeg.Encode(io.Discard, wide, &jpeg.Options{Quality: cleanQuality}) })
	}
	for i, name := range names {
		b.ReportMetric(theirs[i].Seconds()/ours[i].Seconds(), "×-"+name)
		b.ReportMetric(ours[i].Seconds()*1000/float64(b.N), "ms-"+name)
	}
}
