package media

import (
	"encoding/binary"
	"image"
	"math"
)

// cicp names colours by the numbers of ITU-T H.273; zero says nothing.
type cicp struct{ primaries, transfer int }

// The numbers that are told from others.
const (
	primaries2020 = 9
	primariesP3   = 12
	transferPQ    = 16
	transferHLG   = 18
)

// colours turns a picture's numbers into those of sRGB, which is what a file
// without a profile is taken for: a curve for each colour to linear light, a
// matrix, and sRGB's own curve.
type colours struct {
	curves [3]func(float64) float64
	matrix [9]float64 // to linear sRGB, row by row
	bright bool       // light may be brighter than paper white and is bent down
}

// colours gives the way to sRGB, nil where the numbers are sRGB's already or
// where nobody can say what they are.
//
// Profiles by matrix and curves are followed (ICC.1:2010 F.3): those of phones,
// cameras and screens. A profile that is only a table, or one of CMYK or Lab,
// is not: the numbers are left as they are, the picture may look duller or
// brighter, and what it shows is the same.
func (n notes) colours() *colours {
	var c *colours
	switch {
	case n.code != (cicp{}):
		c = codedColours(n.code)
	case n.profile != nil:
		c = profileColours(n.profile)
	}
	if c == nil || c.identity() {
		return nil
	}
	return c
}

var (
	identity3  = [9]float64{1, 0, 0, 0, 1, 0, 0, 0, 1}
	fromP3     = [9]float64{1.2249402, -0.2249402, 0, -0.0420570, 1.0420570, 0, -0.0196376, -0.0786361, 1.0982736}
	from2020   = [9]float64{1.6604910, -0.5876411, -0.0728499, -0.1245505, 1.1328999, -0.0083494, -0.0181508, -0.1005789, 1.1187297}
	fromXYZD50 = [9]float64{3.1338561, -1.6168667, -0.4906146, -0.9787684, 1.9161415, 0.0334540, 0.0719453, -0.2289914, 1.4052427}
)

func codedColours(code cicp) *colours {
	c := &colours{matrix: identity3}
	switch code.primaries {
	case primariesP3:
		c.matrix = fromP3
	case primaries2020:
		c.matrix = from2020
	}
	curve := srgbToLinear
	switch code.transfer {
	case transferPQ:
		curve, c.bright = pqToLinear, true
	case transferHLG:
		curve, c.bright = hlgToLinear, true
	}
	c.curves = [3]func(float64) float64{curve, curve, curve}
	return c
}

// profileColours reads an ICC profile; nil where it is of no use.
func profileColours(b []byte) *colours {
	if len(b) < 132 || string(b[36:40]) != "acsp" {
		return nil
	}
	space := string(b[16:20])
	if space == "GRAY" {
		k := iccCurve(iccTag(b, "kTRC"))
		if k == nil {
			return nil
		}
		return &colours{curves: [3]func(float64) float64{k, k, k}, matrix: identity3}
	}
	if space != "RGB " || string(b[20:24]) != "XYZ " {
		return nil
	}
	c := &colours{}
	var toXYZ [9]float64
	for i, name := range []string{"r", "g", "b"} {
		c.curves[i] = iccCurve(iccTag(b, name+"TRC"))
		xyz := iccTag(b, name+"XYZ")
		if c.curves[i] == nil || len(xyz) < 20 || string(xyz[:4]) != "XYZ " {
			return nil
		}
		for row := range 3 {
			toXYZ[3*row+i] = fixed(xyz[8+4*row:])
		}
	}
	for row := range 3 {
		for col := range 3 {
			for k := range 3 {
				c.matrix[3*row+col] += fromXYZD50[3*row+k] * toXYZ[3*k+col]
			}
		}
	}
	return c
}

// iccTag finds a tag's data.
func iccTag(b []byte, name string) []byte {
	count := min(200, int(binary.BigEndian.Uint32(b[128:])))
	for i := range count {
		e := 132 + 12*i
		if e+12 > len(b) {
			return nil
		}
		if string(b[e:e+4]) != name {
			continue
		}
		at, n := uint64(binary.BigEndian.Uint32(b[e+4:])), uint64(binary.BigEndian.Uint32(b[e+8:]))
		if at+n > uint64(len(b)) {
			return nil
		}
		return b[at : at+n]
	}
	return nil
}

func fixed(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) / 65536 }

// iccCurve reads "curv" or "para" (ICC.1:2010 10.5, 10.16).
func iccCurve(t []byte) func(float64) float64 {
	if len(t) < 12 {
		return nil
	}
	switch string(t[:4]) {
	case "curv":
		return sampledCurve(binary.BigEndian.Uint32(t[8:]), t[12:])
	case "para":
		kind := int(binary.BigEndian.Uint16(t[8:]))
		counts := []int{1, 3, 4, 5, 7}
		if kind >= len(counts) || len(t) < 12+4*counts[kind] {
			return nil
		}
		var p [7]float64
		for i := range counts[kind] {
			p[i] = fixed(t[12+4*i:])
		}
		return formulaCurve(kind, p)
	}
	return nil
}

func sampledCurve(count uint32, b []byte) func(float64) float64 {
	n := int(min(count, 1<<16))
	switch {
	case n == 0:
		return func(v float64) float64 { return v }
	case len(b) < 2*n:
		return nil
	case n == 1:
		gamma := float64(binary.BigEndian.Uint16(b)) / 256
		return func(v float64) float64 { return math.Pow(v, gamma) }
	}
	at := func(i int) float64 { return float64(binary.BigEndian.Uint16(b[2*i:])) / 65535 }
	return func(v float64) float64 {
		x := v * float64(n-1)
		i := min(int(x), n-2)
		return at(i) + (x-float64(i))*(at(i+1)-at(i))
	}
}

// formulaCurve is one of the five forms: (aX+b)^g and what lies below d.
func formulaCurve(kind int, p [7]float64) func(float64) float64 {
	g, a, b, c, d, e, f := p[0], p[1], p[2], p[3], p[4], p[5], p[6]
	switch kind {
	case 0:
		a, b, c, d, e, f = 1, 0, 0, -1, 0, 0
	case 1, 2:
		above := 0.0
		if kind == 2 {
			above = c
		}
		if a == 0 {
			return nil
		}
		c, d, e, f = 0, -b/a, above, above
	case 3:
		e, f = 0, 0
	}
	return func(v float64) float64 {
		if v >= d {
			return math.Pow(max(0, a*v+b), g) + e
		}
		return c*v + f
	}
}

func srgbToLinear(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func linearToSRGB(v float64) float64 {
	if v <= 0.0031308 {
		return 12.92 * v
	}
	return 1.055*math.Pow(v, 1/2.4) - 0.055
}

// paperWhite is the brightness in cd/m² that becomes white (ITU-R BT.2408).
const paperWhite = 203

// pqToLinear is SMPTE ST 2084's curve, 1 at paper white.
func pqToLinear(v float64) float64 {
	const m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
	p := math.Pow(v, 1/m2)
	return 10000 / paperWhite * math.Pow(max(0, p-c1)/(c2-c3*p), 1/m1)
}

// hlgToLinear is ITU-R BT.2100's curve for a screen of 1000 cd/m², 1 at paper white.
func hlgToLinear(v float64) float64 {
	const a, b, c = 0.17883277, 0.28466892, 0.55991073
	scene := v * v / 3
	if v > 0.5 {
		scene = (math.Exp((v-c)/a) + b) / 12
	}
	return 1000.0 / paperWhite * math.Pow(scene, 1.2)
}

// bend leaves dark and middle light and presses all above below 1.
func bend(v float64) float64 {
	const knee = 0.6
	if v <= knee {
		return v
	}
	return knee + (1-knee)*(1-math.Exp((knee-v)/(1-knee)))
}

// convert gives one colour.
func (c *colours) convert(lin [3]float64) (out [3]float64) {
	for row := range 3 {
		v := c.matrix[3*row]*lin[0] + c.matrix[3*row+1]*lin[1] + c.matrix[3*row+2]*lin[2]
		if c.bright {
			v = bend(v)
		}
		if !(v > 0) { // NaN of a mad curve too
			v = 0
		}
		out[row] = min(1, v)
	}
	return out
}

// identity reports whether nothing would change by more than rounding.
func (c *colours) identity() bool {
	for i := range 125 {
		in := [3]float64{float64(i%5) / 4, float64(i/5%5) / 4, float64(i/25) / 4}
		out := c.convert([3]float64{c.curves[0](in[0]), c.curves[1](in[1]), c.curves[2](in[2])})
		for k := range 3 {
			if d := math.Abs(linearToSRGB(out[k]) - in[k]); !(d < 1.5/255) {
				return false
			}
		}
	}
	return true
}

// apply converts a picture in place.
func (c *colours) apply(img *image.RGBA) {
	var linear [3][256]float64
	for k := range 3 {
		for v := range 256 {
			linear[k][v] = c.curves[k](float64(v) / 255)
		}
	}
	var encoded [4096]byte
	for i := range encoded {
		encoded[i] = byte(linearToSRGB(float64(i)/4095)*255 + 0.5)
	}
	// Near black a step of the table is more than one of the picture.
	encode := func(v float64) byte {
		if v < 0.01 {
			return byte(linearToSRGB(v)*255 + 0.5)
		}
		return encoded[int(v*4095+0.5)]
	}
	for i := 0; i+3 < len(img.Pix); i += 4 {
		p := img.Pix[i : i+3 : i+3]
		out := c.convert([3]float64{linear[0][p[0]], linear[1][p[1]], linear[2][p[2]]})
		p[0], p[1], p[2] = encode(out[0]), encode(out[1]), encode(out[2])
	}
}
