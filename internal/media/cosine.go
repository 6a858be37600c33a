package media

import "math"

// The cosine transform of blocks of 8 × 8 and back, by rows and by columns, with
// five multiplications each (Arai, Agui and Nakajima 1988). It leaves factors of
// rows and columns out, which steps of quantisation take in.

// aan is the factor of a row or column.
func aan(k int) float64 {
	if k == 0 {
		return 1
	}
	return math.Cos(float64(k)*math.Pi/16) * math.Sqrt2
}

// transform is the way there.
func transform(f *[64]float32) {
	for i := 0; i < 64; i += 8 {
		r := f[i : i+8 : i+8]
		r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7] = cosines(r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7])
	}
	for i := range 8 {
		f[i], f[i+8], f[i+16], f[i+24], f[i+32], f[i+40], f[i+48], f[i+56] =
			cosines(f[i], f[i+8], f[i+16], f[i+24], f[i+32], f[i+40], f[i+48], f[i+56])
	}
}

func cosines(a, b, c, d, e, f, g, h float32) (_, _, _, _, _, _, _, _ float32) {
	const c2, c4, c6 = 0.92387953, 0.70710678, 0.38268343 // of k/16 of a half turn
	a, h = a+h, a-h
	b, g = b+g, b-g
	c, f = c+f, c-f
	d, e = d+e, d-e
	a, d = a+d, a-d
	b, c = b+c, b-c
	turned := (c + d) * c4
	// The odd ones. (c is b less c by now.)
	p, q, r := e+f, f+g, g+h
	even := q * c4
	both := (p - r) * c6
	p, r = (c2-c6)*p+both, (c2+c6)*r+both
	s, t := h+even, h-even
	return a + b, s + r, d + turned, t - p, a - b, t + p, d - turned, s - r
}

// inverse is the way back, to samples of a plane.
func inverse(f *[64]float32, out []byte, stride int) {
	for i := range 8 {
		f[i], f[i+8], f[i+16], f[i+24], f[i+32], f[i+40], f[i+48], f[i+56] =
			samples(f[i], f[i+8], f[i+16], f[i+24], f[i+32], f[i+40], f[i+48], f[i+56])
	}
	for y := range 8 {
		r, o := f[8*y:8*y+8:8*y+8], out[y*stride:y*stride+8]
		a, b, c, d, e, f, g, h := samples(r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7])
		o[0], o[1], o[2], o[3], o[4], o[5], o[6], o[7] = sampled(a), sampled(b), sampled(c), sampled(d), sampled(e), sampled(f), sampled(g), sampled(h)
	}
}

func samples(a, b, c, d, e, f, g, h float32) (_, _, _, _, _, _, _, _ float32) {
	const c2, c4, s2, s6 = 1.8477591, 1.4142135, 1.0823922, 2.6131260
	p, q := a+e, a-e
	r := c + g
	s := (c-g)*c4 - r
	a, e, c, g = p+r, q+s, q-s, p-r
	// The odd ones.
	u, v, w, x := f+d, f-d, b+h, b-h
	seventh := w + u
	both := (v + x) * c2
	sixth := both - v*s6 - seventh
	fifth := (w-u)*c4 - sixth
	fourth := both - x*s2 - fifth
	return a + seventh, e + sixth, c + fifth, g + fourth, g - fourth, c - fifth, e - sixth, a - seventh
}

// inverseHalf makes 4 × 4 samples of the 4 × 4 lowest frequencies, without
// factors left out: half a picture, in each direction.
func inverseHalf(f *[64]float32, out []byte, stride int) {
	for i := range 4 {
		f[i], f[i+8], f[i+16], f[i+24] = fewSamples(f[i], f[i+8], f[i+16], f[i+24])
	}
	for y := range 4 {
		r, o := f[8*y:8*y+4:8*y+4], out[y*stride:y*stride+4]
		a, b, c, d := fewSamples(r[0], r[1], r[2], r[3])
		o[0], o[1], o[2], o[3] = sampled(a), sampled(b), sampled(c), sampled(d)
	}
}

func fewSamples(a, b, c, d float32) (_, _, _, _ float32) {
	const c1, c3 = 0.65328148, 0.27059805 // cosines of 1/8 and 3/8 of a half turn, by √2
	p, q := (a+c)/2, (a-c)/2
	r, s := c1*b+c3*d, c3*b-c1*d
	return p + r, q + s, q - s, p - r
}

// sampled makes a sample of a value around zero.
func sampled(v float32) byte {
	i := int32(v + 128.5)
	if uint32(i) > 0xff {
		return byte(^(i >> 31))
	}
	return byte(i)
}
