package media

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"testing"
)

var ratios = []struct {
	image.YCbCrSubsampleRatio
	across, down int
}{
	{image.YCbCrSubsampleRatio420, 2, 2}, {image.YCbCrSubsampleRatio422, 2, 1},
	{image.YCbCrSubsampleRatio440, 1, 2}, {image.YCbCrSubsampleRatio444, 1, 1},
}

// sampledJPEG codes planes of any of the ratios, with markers of restarting after so
// many MCUs, of which the library's encoder does neither.
func sampledJPEG(t testing.TB, p *image.YCbCr, across, down, restart, quality int) []byte {
	t.Helper()
	e, err := newPlaneEncoder(quality)
	if err != nil {
		t.Fatal(err)
	}
	e.out = bytes.Clone(e.head)
	binary.BigEndian.PutUint16(e.out[e.sizeAt:], uint16(p.Rect.Dy()))
	binary.BigEndian.PutUint16(e.out[e.sizeAt+2:], uint16(p.Rect.Dx()))
	e.out[e.sizeAt+6] = byte(across<<4 | down)
	if restart > 0 {
		const scan = 14 // bytes of its head
		at := len(e.out) - scan
		e.out = append(append(bytes.Clone(e.out[:at]), 0xff, 0xdd, 0, 4, byte(restart>>8), byte(restart)), e.out[at:]...)
	}
	flush := func() {
		e.put(0x7f, 7)
		for ; e.held >= 8; e.held -= 8 {
			e.byte(byte(e.bits >> (e.held - 8)))
		}
		e.bits, e.held = 0, 0
	}
	all := planesOf(p)
	var last [3]int
	n := 0
	for y := 0; y < p.Rect.Dy(); y += 8 * down {
		for x := 0; x < p.Rect.Dx(); x += 8 * across {
			if restart > 0 && n > 0 && n%restart == 0 {
				flush()
				e.out = append(e.out, 0xff, byte(0xd0+(n/restart-1)&7))
				last = [3]int{}
			}
			n++
			for i := range across * down {
				last[0] = e.block(all[0], x+i%across*8, y+i/across*8, 0, last[0])
			}
			for c := 1; c < 3; c++ {
				last[c] = e.block(all[c], x/across, y/down, 1, last[c])
			}
		}
	}
	flush()
	return append(e.out, 0xff, 0xd9)
}

// TestDecodePlanes holds the decoder to the standard library's, sample by
// sample, and half a picture to the average of the whole one.
func TestDecodePlanes(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {7, 9}, {16, 16}, {17, 33}, {200, 150}} {
		for _, r := range ratios {
			for _, restart := range []int{0, 5} {
				for _, noise := range []int{3, 120} {
					p := image.NewYCbCr(image.Rectangle{Max: size}, r.YCbCrSubsampleRatio)
					from := planesOf(speckled(size.Mul(2), noise))
					for i, to := range planesOf(p) {
						for y := range to.size.Y {
							copy(to.pix[y*to.stride:][:to.size.X], from[i].pix[y*from[i].stride:])
						}
					}
					file := sampledJPEG(t, p, r.across, r.down, restart, 40+noise/2)
					img, err := jpeg.Decode(bytes.NewReader(file))
					if err != nil {
						t.Fatal(err)
					}
					want := img.(*image.YCbCr)
					got, ok := decodePlanes(file, false)
					if !ok || got.Rect != want.Rect || got.SubsampleRatio != want.SubsampleRatio {
						t.Fatalf("%v, %v, restart %d, noise %d: not decoded", size, r, restart, noise)
					}
					if off := furthest(got, want); off > 2 {
						t.Errorf("%v, %v, restart %d, noise %d: up to %d from the library", size, r, restart, noise, off)
					}
					small, ok := decodePlanes(file, true)
					half := image.Pt((size.X+1)/2, (size.Y+1)/2)
					if !ok || small.Rect != (image.Rectangle{Max: half}) {
						t.Fatalf("%v, %v: half is %v", size, r, small.Rect)
					}
					if off := apart(t, shrinkPlanes(got, half, r.YCbCrSubsampleRatio), small); noise < 100 && size.X > 100 && off > 12 {
						t.Errorf("%v, %v, restart %d, noise %d: half is off by %.2f", size, r, restart, noise, off)
					}
				}
			}
		}
	}
}

// furthest is the most by which samples of two pictures differ.
func furthest(a, b *image.YCbCr) (off int) {
	other := planesOf(b)
	for i, p := range planesOf(a) {
		for y := range p.size.Y {
			for x := range p.size.X {
				d := int(p.pix[y*p.stride+x]) - int(other[i].pix[y*other[i].stride+x])
				off = max(off, d, -d)
			}
		}
	}
	return off
}

// TestDecodePlanesLeavesTheRest: what is not of the plain kind, or broken, is the
// library's to judge.
func TestDecodePlanesLeavesTheRest(t *testing.T) {
	p := speckled(image.Pt(64, 48), 20)
	good := sampledJPEG(t, p, 2, 2, 2, 80)
	if _, ok := decodePlanes(good, false); !ok {
		t.Fatal("the good one is not decoded")
	}
	for cut := range good {
		if _, ok := decodePlanes(good[:cut], false); ok {
			t.Fatalf("decoded from %d of %d bytes", cut, len(good))
		}
	}
	changed := func(find []byte, to ...byte) []byte {
		b := bytes.Clone(good)
		at := bytes.Index(b, find)
		copy(b[at:], to)
		return b
	}
	var grayFile bytes.Buffer
	if err := jpeg.Encode(&grayFile, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"gray":                    grayFile.Bytes(),
		"progressive":             changed([]byte{0xff, 0xc0}, 0xff, 0xc2),
		"restarts in wrong order": changed([]byte{0xff, 0xd1}, 0xff, 0xd3),
		"an interval too short":   changed([]byte{0xff, 0xdd, 0, 4, 0, 2}, 0xff, 0xdd, 0, 4, 0, 1),
		"Adobe's RGB":             append([]byte("\xff\xd8\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"), good[2:]...),
		"no picture":              []byte("\xff\xd8\xff\xd9"),
	} {
		if _, ok := decodePlanes(b, false); ok {
			t.Errorf("%s is decoded", name)
		}
	}
}

// FuzzDecodePlanes feeds the decoder anything: what it decodes has the size that
// the head says.
func FuzzDecodePlanes(f *testing.F) {
	for _, r := range ratios {
		p := image.NewYCbCr(image.Rect(0, 0, 40, 24), r.YCbCrSubsampleRatio)
		f.Add(sampledJPEG(f, p, r.across, r.down, 3, 75))
	}
	f.Add(sampledJPEG(f, speckled(image.Pt(33, 17), 90), 2, 2, 0, 95))
	f.Fuzz(func(t *testing.T, b []byte) {
		cfg, err := jpeg.DecodeConfig(bytes.NewReader(b))
		if err != nil || cfg.Width*cfg.Height > 1<<22 {
			return // before, as the caller sees to it
		}
		for _, half := range []bool{false, true} {
			p, ok := decodePlanes(b, half)
			if !ok {
				continue
			}
			size := image.Pt(cfg.Width, cfg.Height)
			if half {
				size = image.Pt((cfg.Width+1)/2, (cfg.Height+1)/2)
			}
			if p.Rect.Size() != size {
				t.Errorf("decoded to %v where the library sees %v", p.Rect, size)
			}
		}
	})
}
