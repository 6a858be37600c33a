package laneweb

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"kua/internal/authority"
	"kua/internal/lane"
)

// view is the stretch of the earth that a square picture shows: its middle, and
// how often the widest stretch was halved.
type view struct {
	Middle authority.Point
	Zoom   int
}

const (
	widest  = 64_000_000 // millionths of a degree from south to north, of zoom 0
	maxZoom = 15         // 200 metres
)

// String gives what readView reads: "45.05,65.15,9".
func (v view) String() string { return fmt.Sprintf("%s,%d", v.Middle, v.Zoom) }

func readView(s string) (v view, ok bool) {
	at, zoom, ok := cutLast(s, ",")
	if !ok {
		return v, false
	}
	p, there := readPoint(at)
	z, err := strconv.Atoi(zoom)
	if err != nil || !there || z < 0 || z > maxZoom || len(s) > 60 {
		return v, false
	}
	return view{p, z}.kept(), true
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// high and wide are the sides of the stretch in millionths of a degree: as long on
// the ground, so that nothing is drawn askew.
func (v view) high() float64 { return float64(int(widest) >> v.Zoom) }

func (v view) wide() float64 {
	return v.high() / max(math.Cos(float64(v.Middle.Lat)/1e6*math.Pi/180), 0.05)
}

// kept moves a view so that it shows nothing beyond the poles and the date line,
// as far as it can.
func (v view) kept() view {
	within := func(m authority.Micro, half, most float64) authority.Micro {
		room := max(0, most-half)
		return authority.Micro(min(room, max(-room, float64(m))))
	}
	v.Middle.Lat = within(v.Middle.Lat, v.high()/2, 90e6)
	v.Middle.Lon = within(v.Middle.Lon, v.wide()/2, 180e6)
	return v
}

// moves are what a button of the map does: a quarter of the picture, or half or
// twice its side.
var moves = []string{"north", "west", "east", "south", "in", "out"}

func (v view) move(where string) view {
	lat, lon := authority.Micro(v.high()/4), authority.Micro(v.wide()/4)
	switch where {
	case "north":
		v.Middle.Lat += lat
	case "south":
		v.Middle.Lat -= lat
	case "west":
		v.Middle.Lon -= lon
	case "east":
		v.Middle.Lon += lon
	case "in":
		v.Zoom = min(maxZoom, v.Zoom+1)
	case "out":
		v.Zoom = max(0, v.Zoom-1)
	}
	return v.kept()
}

// box is what the view shows.
func (v view) box() *lane.Box {
	lat, lon := v.high()/2, v.wide()/2
	clamp := func(m, most float64) authority.Micro { return authority.Micro(min(most, max(-most, m))) }
	return &lane.Box{
		SouthWest: authority.Point{Lat: clamp(float64(v.Middle.Lat)-lat, 90e6), Lon: clamp(float64(v.Middle.Lon)-lon, 180e6)},
		NorthEast: authority.Point{Lat: clamp(float64(v.Middle.Lat)+lat, 90e6), Lon: clamp(float64(v.Middle.Lon)+lon, 180e6)},
	}
}

// on gives where a point lies on a picture of so many units, from its upper left corner.
func (v view) on(p authority.Point, side float64) (x, y float64) {
	return (float64(p.Lon-v.Middle.Lon)/v.wide() + 0.5) * side, (0.5 - float64(p.Lat-v.Middle.Lat)/v.high()) * side
}

// at gives the point under a place on such a picture; false beyond it.
func (v view) at(x, y, side float64) (authority.Point, bool) {
	if !(x >= 0 && y >= 0 && x <= side && y <= side) {
		return authority.Point{}, false
	}
	return authority.At((float64(v.Middle.Lat)+(0.5-y/side)*v.high())/1e6, (float64(v.Middle.Lon)+(x/side-0.5)*v.wide())/1e6)
}

// fitted is the closest view that shows all of a shape.
func fitted(s authority.Shape) (view, bool) {
	low, high, ok := extent(s)
	if !ok {
		return view{}, false
	}
	v := view{Middle: authority.Point{Lat: low.Lat/2 + high.Lat/2, Lon: low.Lon/2 + high.Lon/2}, Zoom: maxZoom}
	for v.Zoom > 0 && (v.high() < float64(high.Lat-low.Lat) || v.wide() < float64(high.Lon-low.Lon)) {
		v.Zoom--
	}
	return v.kept(), true
}

// extent gives the south-western and the north-eastern corner of a shape.
func extent(s authority.Shape) (low, high authority.Point, ok bool) {
	for _, polygon := range s {
		for _, ring := range polygon {
			for _, p := range ring {
				if !ok {
					low, high, ok = p, p, true
				}
				low = authority.Point{Lat: min(low.Lat, p.Lat), Lon: min(low.Lon, p.Lon)}
				high = authority.Point{Lat: max(high.Lat, p.Lat), Lon: max(high.Lon, p.Lon)}
			}
		}
	}
	return low, high, ok
}

// ground is the shape of an area, or of the nearest around it that has one; of ""
// it is that of the whole place.
func ground(d authority.Directory, id string) (s authority.Shape) {
	for range d.Areas { // no longer way up than there are areas
		for _, a := range d.Areas {
			if a.ID == id && id != "" {
				if a.Shape != nil {
					return a.Shape
				}
				id = a.Parent
				break
			}
		}
	}
	for _, a := range d.Areas {
		if a.Parent == "" {
			s = append(s, a.Shape...)
		}
	}
	return s
}

// middle is where an area is, for a short code.
func middle(d authority.Directory, area string) *authority.Point {
	low, high, ok := extent(ground(d, area))
	if !ok {
		return nil
	}
	return &authority.Point{Lat: low.Lat/2 + high.Lat/2, Lon: low.Lon/2 + high.Lon/2}
}
