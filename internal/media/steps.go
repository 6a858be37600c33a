package media

import (
	"image"
	"math"
)

// Published pictures have one of few sizes: an exact one, of a crop or of a
// rare camera, would tell which original it comes from. Longer sides go in
// steps, and proportions in eightieths, which 4:3, 16:9, 3:2 and a phone's long
// screen come within half a percent of. The picture is stretched by that little.
const (
	proportions = 80
	sideStep    = 80
)

// proportion gives the shorter side in eightieths of the longer.
func proportion(size image.Point) int {
	short, long := min(size.X, size.Y), max(size.X, size.Y)
	return min(proportions, max(1, (short*proportions+long/2)/long))
}

// photoSize is the size at which a photo is published: the longer side is the
// largest step that neither the photo nor most is smaller than.
func photoSize(size image.Point, most int) image.Point {
	long := min(max(size.X, size.Y), most) / sideStep * sideStep
	long = max(sideStep, long)
	return oriented(size, long, long/proportions*proportion(size))
}

// oriented lays the longer side where it is in size.
func oriented(size image.Point, long, short int) image.Point {
	if size.X >= size.Y {
		return image.Pt(long, short)
	}
	return image.Pt(short, long)
}

// fit gives the size of a film whose shorter side is at most short, on even
// pixels. It is that of the nearest proportion, and below the ladder of the
// nearest lower step of 16 lines.
func fit(shown image.Point, short int) image.Point {
	if own := min(shown.X, shown.Y); own < short {
		short = max(16, own&^15)
	}
	k := float64(proportion(shown))
	lines := float64(short)
	if most := lines * maxAspect; lines*proportions/k > most {
		lines = most * k / proportions
	}
	even := func(v float64) int { return max(16, int(math.Round(v/2))*2) }
	long := even(lines * proportions / k)
	if long > max(shown.X, shown.Y) && long > 16 { // by rounding
		long -= 2
	}
	return oriented(shown, long, even(lines))
}
