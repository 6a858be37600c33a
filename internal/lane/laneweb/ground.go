package laneweb

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"math"
	"slices"

	"kua/internal/authority"
	"kua/internal/locale"
)

// mapSide is the side of the map's picture, in its own units and, in the form, in
// pixels: it fits a phone of 360.
const mapSide = 320

// drawn is how far beyond the picture a border is drawn, so that its line is not
// seen to turn there.
const drawn = 8

// vertex is a corner on the picture.
type vertex struct{ x, y float64 }

// drawGround draws the areas of a directory as an SVG picture: borders, names, a
// scale, and a cross at a point. Where a collective has a picture of streets it
// goes between the ground and the borders.
func drawGround(d authority.Directory, lang locale.Tag, v view, mark *authority.Point) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`, mapSide, mapSide, mapSide, mapSide)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#e9e6da"/>`, mapSide, mapSide)
	var names []label
	areas := slices.Clone(d.Areas)
	slices.SortStableFunc(areas, func(a, b authority.Area) int { return cmp.Compare(len(a.Parent), 0) - cmp.Compare(len(b.Parent), 0) }) // what is filled lies below
	for _, a := range areas {
		path := outline(v, a.Shape)
		if path == "" {
			continue
		}
		fill, width := "none", 1.0
		if a.Parent == "" {
			fill, width = "#fffef9", 2
		}
		fmt.Fprintf(&b, `<path d="%s" fill="%s" fill-rule="evenodd" stroke="#5d5a4e" stroke-width="%g" stroke-linejoin="round"/>`, path, fill, width)
		if l, ok := nameOn(v, a, lang); ok {
			names = append(names, l)
		}
	}
	for i, l := range names {
		if !slices.ContainsFunc(names[:i], l.near) {
			fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" text-anchor="middle" fill="#33312b" stroke="#fffef9" stroke-width="3" paint-order="stroke">`, l.x, l.y)
			_ = xml.EscapeText(&b, []byte(l.name)) // a buffer takes everything
			b.WriteString(`</text>`)
		}
	}
	scale(&b, v)
	if mark != nil {
		x, y := v.on(*mark, mapSide)
		if x >= 0 && y >= 0 && x <= mapSide && y <= mapSide {
			fmt.Fprintf(&b, `<path d="M%.1f %.1fh18m-9-9v18" fill="none" stroke="#fffef9" stroke-width="6"/><path d="M%.1f %.1fh18m-9-9v18" fill="none" stroke="#b3261e" stroke-width="3"/>`, x-9, y, x-9, y)
		}
	}
	b.WriteString(`</svg>`)
	return b.Bytes()
}

// outline gives the path of a shape as far as the picture shows it, "" for nothing.
// Corners closer than a unit are one.
func outline(v view, s authority.Shape) string {
	var b bytes.Buffer
	for _, polygon := range s {
		for _, ring := range polygon {
			var corners []vertex
			for _, p := range ring {
				x, y := v.on(p, mapSide)
				corners = append(corners, vertex{x, y})
			}
			corners = thin(clip(thin(corners)))
			if len(corners) < 3 {
				continue
			}
			for i, c := range corners {
				if i == 0 {
					fmt.Fprintf(&b, "M%.0f %.0f", c.x, c.y)
				} else {
					fmt.Fprintf(&b, "L%.0f %.0f", c.x, c.y)
				}
			}
			b.WriteByte('z')
		}
	}
	return b.String()
}

func thin(corners []vertex) (out []vertex) {
	for _, c := range corners {
		if n := len(out); n == 0 || math.Abs(out[n-1].x-c.x) >= 1 || math.Abs(out[n-1].y-c.y) >= 1 {
			out = append(out, c)
		}
	}
	return out
}

// clip cuts a ring off a little beyond each side of the picture
// (Sutherland and Hodgman, 1974).
func clip(ring []vertex) []vertex {
	low, high := float64(-drawn), float64(mapSide+drawn)
	for _, side := range []struct {
		inside func(vertex) bool
		cross  func(a, b vertex) vertex
	}{
		{func(c vertex) bool { return c.x >= low }, func(a, b vertex) vertex { return vertex{low, a.y + (b.y-a.y)*(low-a.x)/(b.x-a.x)} }},
		{func(c vertex) bool { return c.x <= high }, func(a, b vertex) vertex { return vertex{high, a.y + (b.y-a.y)*(high-a.x)/(b.x-a.x)} }},
		{func(c vertex) bool { return c.y >= low }, func(a, b vertex) vertex { return vertex{a.x + (b.x-a.x)*(low-a.y)/(b.y-a.y), low} }},
		{func(c vertex) bool { return c.y <= high }, func(a, b vertex) vertex { return vertex{a.x + (b.x-a.x)*(high-a.y)/(b.y-a.y), high} }},
	} {
		var kept []vertex
		for i, b := range ring {
			a := ring[(i+len(ring)-1)%len(ring)]
			if side.inside(a) != side.inside(b) {
				kept = append(kept, side.cross(a, b))
			}
			if side.inside(b) {
				kept = append(kept, b)
			}
		}
		ring = kept
	}
	return ring
}

// label is an area's name on the picture.
type label struct {
	x, y float64
	name string
}

func (l label) near(o label) bool {
	return math.Abs(l.y-o.y) < 14 && math.Abs(l.x-o.x) < 3.5*float64(len([]rune(l.name))+len([]rune(o.name)))
}

// nameOn puts a name below the northern end of what is seen of an area that is
// wide enough for it: its middle may be another's ground. The whole place's own name is the page's title.
func nameOn(v view, a authority.Area, lang locale.Tag) (label, bool) {
	low, high, ok := extent(a.Shape)
	if !ok || a.Parent == "" {
		return label{}, false
	}
	left, bottom := v.on(low, mapSide)
	right, top := v.on(high, mapSide)
	left, right, top, bottom = max(0, left), min(mapSide, right), max(0, top), min(mapSide, bottom)
	l := label{(left + right) / 2, top + 13, a.Names.In(lang)}
	return l, bottom-top > 16 && right-left > 6*float64(len([]rune(l.name)))
}

// scale draws a bar as long as one, two or five of a power of ten of metres.
func scale(b *bytes.Buffer, v view) {
	perUnit := v.high() * 0.111195 / mapSide // metres; a degree of a meridian on the mean sphere
	metres := math.Pow(10, math.Floor(math.Log10(90*perUnit)))
	for _, k := range []float64{5, 2} {
		if k*metres <= 90*perUnit {
			metres *= k
			break
		}
	}
	text := fmt.Sprintf("%g m", metres)
	if metres >= 1000 {
		text = fmt.Sprintf("%g km", metres/1000)
	}
	fmt.Fprintf(b, `<path d="M8 %d v6h%.1fv-6" fill="none" stroke="#33312b" stroke-width="2"/><text x="12" y="%d" fill="#33312b">%s</text>`, mapSide-14, metres/perUnit, mapSide-12, text)
}

// ground sends the picture that lies below the points of a map.
func (w *Web) ground(v *visit) error {
	q := v.URL.Query()
	at, ok := readView(q.Get(viewField))
	if !ok {
		at = w.firstView(v, "")
	}
	var mark *authority.Point
	if p, there := readPoint(q.Get("mark")); there {
		mark = &p
	}
	v.rw.Header().Set("Content-Type", "image/svg+xml; charset=utf-8")
	_, _ = v.rw.Write(drawGround(v.router.Directory(), v.lang, at, mark)) // the reader may have gone
	return nil
}

// firstView shows an area whole, or all of the place.
func (w *Web) firstView(v *visit, area string) view {
	d := v.router.Directory()
	if at, ok := fitted(ground(d, area)); ok {
		return at
	}
	return view{}
}
