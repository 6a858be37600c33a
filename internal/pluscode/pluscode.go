// Package pluscode reads Plus Codes, which name a place by letters and digits
// where streets have no names: Open Location Code, as its specification defines it
// (github.com/google/open-location-code, specification.md). It is arithmetic alone.
package pluscode

import (
	"strings"

	"kua/internal/authority"
)

const (
	alphabet  = "23456789CFGHJMPQRVWX"
	separator = '+'
	filler    = '0'
	before    = 8  // digits before the separator
	pairs     = 10 // digits that come in pairs, one of latitude and one of longitude
	most      = 15 // digits; more are of no matter
	rows      = 5  // into which, with columns, each digit after the pairs divides
	columns   = 4
)

// The smallest steps of fifteen digits, to a degree.
const (
	latSteps = 8000 * 3125
	lonSteps = 8000 * 1024
)

// Point gives the middle of the place that a code names. A short code, whose
// first digits are left out, is the nearest to near; what is no code, or a short
// one without near, gives false. What stands around a code, as maps write the
// town behind it, is not read; nor does the case matter.
func Point(typed string, near *authority.Point) (p authority.Point, ok bool) {
	code, ok := find(typed)
	if !ok {
		return p, false
	}
	left := before - strings.IndexRune(code, separator)
	if left == 0 {
		c := decode(code)
		return c.point(), c.lat < 90*latSteps && c.lon < 180*lonSteps
	}
	if near == nil {
		return p, false
	}
	lat, lon := steps(*near)
	c := decode(prefix(lat, lon)[:left] + code)
	// The place may lie on the other side of the border of what was left out.
	latWhole, lonWhole := whole(left)
	switch d := c.lat + c.high/2 - lat; {
	case d > latWhole/2 && c.lat-latWhole >= -90*latSteps:
		c.lat -= latWhole
	case d < -latWhole/2 && c.lat+latWhole < 90*latSteps:
		c.lat += latWhole
	}
	switch d := c.lon + c.wide/2 - lon; {
	case d > lonWhole/2:
		c.lon -= lonWhole
	case d < -lonWhole/2:
		c.lon += lonWhole
	}
	return c.point(), true
}

// lookAlike takes Cyrillic letters for the Latin ones that are meant.
var lookAlike = strings.NewReplacer("С", "C", "Н", "H", "М", "M", "Р", "P", "Х", "X")

// find gives the first word that is a code, in capitals.
func find(typed string) (string, bool) {
	for _, word := range strings.FieldsFunc(typed, func(r rune) bool { return r == ' ' || r == ',' || r == ';' }) {
		if code := lookAlike.Replace(strings.ToUpper(word)); valid(code) {
			return code, true
		}
	}
	return "", false
}

// valid follows the specification's rules of a valid code, full or short.
func valid(code string) bool {
	at := strings.IndexByte(code, separator)
	if at < 0 || at > before || at%2 == 1 || strings.Count(code, "+") != 1 || len(code) == 1 {
		return false
	}
	head, tail := code[:at], code[at+1:]
	if fill := strings.IndexByte(head, filler); fill >= 0 {
		if at != before || fill == 0 || fill%2 == 1 || strings.Trim(head[fill:], "0") != "" || tail != "" {
			return false
		}
		head = head[:fill]
	}
	if len(tail) == 1 || strings.Trim(head+tail, alphabet) != "" {
		return false
	}
	// The first digits of a full code are of 180 and 360 degrees, in steps of 20.
	return at < before || strings.IndexByte(alphabet, head[0]) < 9 && strings.IndexByte(alphabet, head[1]) < 18
}

// cell is a place: its south-western corner and its sides, in steps.
type cell struct{ lat, lon, high, wide int64 }

func (c cell) point() authority.Point {
	lon := (c.lon + c.wide/2) % (360 * lonSteps)
	switch {
	case lon >= 180*lonSteps:
		lon -= 360 * lonSteps
	case lon < -180*lonSteps:
		lon += 360 * lonSteps
	}
	// A millionth of a degree is 25 steps of latitude, and 8.192 of longitude.
	return authority.Point{Lat: authority.Micro((c.lat + c.high/2) / 25), Lon: authority.Micro(lon * 125 / 1024)}
}

func decode(code string) cell {
	digits := strings.NewReplacer("+", "", "0", "").Replace(code)
	digits = digits[:min(len(digits), most)]
	c := cell{lat: -90 * latSteps, lon: -180 * lonSteps, high: 400 * latSteps, wide: 400 * lonSteps}
	for i := 0; i < len(digits); {
		d := int64(strings.IndexByte(alphabet, digits[i]))
		if i < pairs {
			c.high, c.wide = c.high/20, c.wide/20
			c.lat += d * c.high
			c.lon += int64(strings.IndexByte(alphabet, digits[i+1])) * c.wide
			i += 2
			continue
		}
		c.high, c.wide = c.high/rows, c.wide/columns
		c.lat += d / columns * c.high
		c.lon += d % columns * c.wide
		i++
	}
	return c
}

// steps gives a point in steps; the pole lies in the last cell below it.
func steps(p authority.Point) (lat, lon int64) {
	return min(int64(p.Lat)*25, 90*latSteps-1), int64(p.Lon) * 1024 / 125
}

// prefix gives the first eight digits of the code of a point.
func prefix(lat, lon int64) string {
	lat, lon = lat+90*latSteps, (lon+180*lonSteps)%(360*lonSteps)
	b := make([]byte, 0, before)
	high, wide := int64(20*latSteps), int64(20*lonSteps)
	for range before / 2 {
		b = append(b, alphabet[lat/high], alphabet[lon/wide])
		lat, lon = lat%high, lon%wide
		high, wide = high/20, wide/20
	}
	return string(b)
}

// whole gives the sides of the place that so many digits name.
func whole(digits int) (lat, lon int64) {
	lat, lon = 400*latSteps, 400*lonSteps
	for range digits / 2 {
		lat, lon = lat/20, lon/20
	}
	return lat, lon
}
