package likeness

import (
	"image"
	"math"
	"slices"
)

// PDQ as its authors describe it (ThreatExchange, hashing.pdf): blur with a
// tent, take 64 × 64 samples, keep the 16 × 16 lowest frequencies but the
// constant one, and note of each whether it lies above their median.
const (
	side     = 64
	low      = 16
	tentPass = 2   // two box filters make a tent
	boxShare = 128 // a box is this part of the picture, rounded up
	// scale is chosen by PDQ's authors so that an ordinary photo has quality 100.
	qualityScale = 90
)

// PrintOf computes the print of a gray picture of any size, up to some millions
// of pixels. An empty picture has quality 0.
func PrintOf(img *image.Gray) Print {
	size := img.Bounds().Size()
	if size.X <= 0 || size.Y <= 0 {
		return Print{}
	}
	small := sample(blurred(img), size)
	p := Print{Quality: quality(small)}
	waves := transform(small)
	for turn := range Turns {
		p.Hashes[turn] = threshold(turned(waves, turn))
	}
	return p
}

// blurred gives the rows of the picture after the tent filter.
func blurred(img *image.Gray) []float64 {
	size := img.Bounds().Size()
	a, b := make([]float64, size.X*size.Y), make([]float64, size.X*size.Y)
	for y := range size.Y {
		row := img.Pix[y*img.Stride:]
		for x := range size.X {
			a[y*size.X+x] = float64(row[x])
		}
	}
	wide, high := (size.X+boxShare-1)/boxShare, (size.Y+boxShare-1)/boxShare
	for range tentPass {
		for y := range size.Y {
			box(a[y*size.X:], b[y*size.X:], size.X, 1, wide)
		}
		for x := range size.X {
			box(b[x:], a[x:], size.Y, size.X, high)
		}
	}
	return a
}

// box averages each of n values, step apart, with its neighbours in a window,
// which is cut off at the ends. An even window reaches further on.
func box(in, out []float64, n, step, window int) {
	back, on := (window-1)/2, window/2
	sum, from, to := 0.0, 0, 0 // of the values from (included) to to (excluded)
	for i := range n {
		for ; to < min(n, i+on+1); to++ {
			sum += in[to*step]
		}
		for ; from < i-back; from++ {
			sum -= in[from*step]
		}
		out[i*step] = sum / float64(to-from)
	}
}

// sample takes the middles of 64 × 64 tiles.
func sample(a []float64, size image.Point) *[side][side]float64 {
	var out [side][side]float64
	for i := range side {
		y := (2*i + 1) * size.Y / (2 * side)
		for j := range side {
			out[i][j] = a[y*size.X+(2*j+1)*size.X/(2*side)]
		}
	}
	return &out
}

// quality counts the steps of more than a hundredth of the range between neighbours.
func quality(a *[side][side]float64) int {
	sum := 0
	step := func(u, v float64) {
		if d := int((u - v) * 100 / 255); d < 0 {
			sum -= d
		} else {
			sum += d
		}
	}
	for i := range side {
		for j := range side {
			if i+1 < side {
				step(a[i][j], a[i+1][j])
			}
			if j+1 < side {
				step(a[i][j], a[i][j+1])
			}
		}
	}
	return min(100, sum/qualityScale)
}

// cosines are rows 1 to 16 of the discrete cosine transform of 64 values.
var cosines = func() (d [low][side]float64) {
	for i := range low {
		for j := range side {
			d[i][j] = math.Sqrt(2.0/side) * math.Cos(math.Pi/2/side*float64(i+1)*float64(2*j+1))
		}
	}
	return d
}()

func transform(a *[side][side]float64) *[low][low]float64 {
	var half [low][side]float64
	for i := range low {
		for k := range side {
			c := cosines[i][k]
			for j := range side {
				half[i][j] += c * a[k][j]
			}
		}
	}
	var out [low][low]float64
	for i := range low {
		for j := range low {
			for k := range side {
				out[i][j] += half[i][k] * cosines[j][k]
			}
		}
	}
	return &out
}

// turned gives the transform of the turned picture. Mirroring a picture changes
// the sign of every other frequency, and a diagonal swaps rows and columns. Row
// 0 holds frequency 1, which mirroring negates.
func turned(a *[low][low]float64, turn int) *[low][low]float64 {
	var out [low][low]float64
	for i := range low {
		for j := range low {
			v := a[i][j]
			rows, columns := i%2 == 0, j%2 == 0
			switch turn {
			case 1, 5: // a quarter turn is a diagonal after mirroring left to right
				if columns {
					v = -v
				}
			case 2, 7:
				if rows != columns {
					v = -v
				}
			case 3, 4:
				if rows {
					v = -v
				}
			}
			if turn == 1 || turn == 3 || turn >= 6 {
				out[j][i] = v
			} else {
				out[i][j] = v
			}
		}
	}
	return &out
}

// threshold notes which frequencies lie above the median: the lower of the two
// in the middle.
func threshold(a *[low][low]float64) (h Hash) {
	var all [low * low]float64
	for i := range low {
		copy(all[i*low:], a[i][:])
	}
	sorted := all
	slices.Sort(sorted[:])
	median := sorted[low*low/2-1]
	for k, v := range all {
		if v > median {
			h[k/64] |= 1 << (k % 64)
		}
	}
	return h
}
