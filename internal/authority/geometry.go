package authority

import (
	"cmp"
	"slices"
)

// Micro is a coordinate in millionths of a degree of WGS 84, which is at most
// 11 cm. All geometry is done in whole numbers, so that the same point lies in
// the same area on every machine.
type Micro int32

// Point is a place.
type Point struct{ Lat, Lon Micro }

// Ring is a closed line; the last point joins the first and is not repeated.
type Ring []Point

// Polygon is an outer ring, then the holes in it.
type Polygon []Ring

// Shape is the ground of an area: one or more polygons.
type Shape []Polygon

// box is the least rectangle around a shape.
type box struct{ minLat, minLon, maxLat, maxLon Micro }

func (b box) holds(p Point) bool {
	return p.Lat >= b.minLat && p.Lat <= b.maxLat && p.Lon >= b.minLon && p.Lon <= b.maxLon
}

func (b box) meets(o box) bool {
	return b.minLat <= o.maxLat && o.minLat <= b.maxLat && b.minLon <= o.maxLon && o.minLon <= b.maxLon
}

func (s Shape) box() box {
	b := box{1 << 30, 1 << 30, -1 << 30, -1 << 30}
	for _, polygon := range s {
		for _, p := range polygon[0] {
			b = box{min(b.minLat, p.Lat), min(b.minLon, p.Lon), max(b.maxLat, p.Lat), max(b.maxLon, p.Lon)}
		}
	}
	return b
}

// Holds reports whether a point lies in the shape. A point on a border that two
// areas share lies in exactly one of them, always the same: the crossings of a
// line from the point to the east are counted, and an edge holds its southern
// end but not its northern.
func (s Shape) Holds(p Point) bool {
	for _, polygon := range s {
		in := false
		for _, ring := range polygon {
			in = in != ring.odd(p)
		}
		if in {
			return true
		}
	}
	return false
}

// odd reports whether the ring crosses the line east of p an odd number of times.
func (r Ring) odd(p Point) (in bool) {
	a := r[len(r)-1]
	for _, b := range r {
		if (a.Lat > p.Lat) != (b.Lat > p.Lat) {
			south, north := a, b
			if south.Lat > north.Lat {
				south, north = north, south
			}
			if turn(south, north, p) > 0 {
				in = !in
			}
		}
		a = b
	}
	return in
}

// turn is positive when p lies to the west of the line from a north to b,
// negative to the east, 0 on it. It cannot overflow: even in a shape twice as
// large the factors are below 2^31 and 2^30.
func turn(a, b, p Point) int64 {
	return int64(b.Lon-a.Lon)*int64(p.Lat-a.Lat) - int64(p.Lon-a.Lon)*int64(b.Lat-a.Lat)
}

// doubled is twice the area of the ring, in square millionths of a degree.
func (r Ring) doubled() (sum int64) {
	for i, a := range r {
		b := r[(i+1)%len(r)]
		// Measured from the first point, so that the numbers stay small.
		sum += int64(a.Lon-r[0].Lon)*int64(b.Lat-r[0].Lat) - int64(b.Lon-r[0].Lon)*int64(a.Lat-r[0].Lat)
	}
	return max(sum, -sum)
}

func (s Shape) size() (sum int64) {
	for _, polygon := range s {
		for i, ring := range polygon {
			if i == 0 {
				sum += ring.doubled()
			} else {
				sum -= ring.doubled()
			}
		}
	}
	return sum
}

// points gives all corners.
func (s Shape) points() (all []Point) {
	for _, polygon := range s {
		for _, ring := range polygon {
			all = append(all, ring...)
		}
	}
	return all
}

// doubledUp gives the shape twice as large.
func (s Shape) doubledUp() Shape {
	out := make(Shape, len(s))
	for i, polygon := range s {
		for _, ring := range polygon {
			twice := make(Ring, len(ring))
			for k, p := range ring {
				twice[k] = Point{p.Lat * 2, p.Lon * 2}
			}
			out[i] = append(out[i], twice)
		}
	}
	return out
}

// onBorder reports whether a point lies on a line of the shape.
func (s Shape) onBorder(p Point) bool {
	for _, polygon := range s {
		for _, ring := range polygon {
			for i, a := range ring {
				if on(p, a, ring[(i+1)%len(ring)]) {
					return true
				}
			}
		}
	}
	return false
}

func on(p, a, b Point) bool {
	return turn(a, b, p) == 0 && p.Lat >= min(a.Lat, b.Lat) && p.Lat <= max(a.Lat, b.Lat) &&
		p.Lon >= min(a.Lon, b.Lon) && p.Lon <= max(a.Lon, b.Lon)
}

// edge is one line of a ring, and whose it is.
type edge struct {
	a, b        Point
	owner, ring int
	at, of      int // its number in the ring, and how many the ring has
}

func edgesOf(s Shape, owner int) (all []edge) {
	n := 0
	for _, polygon := range s {
		for _, ring := range polygon {
			for i, a := range ring {
				all = append(all, edge{a, ring[(i+1)%len(ring)], owner, n, i, len(ring)})
			}
			n++
		}
	}
	return all
}

func (e edge) west() Micro { return min(e.a.Lon, e.b.Lon) }
func (e edge) east() Micro { return max(e.a.Lon, e.b.Lon) }

// meetings calls found for pairs of edges that have a point in common, from
// west to east, until found gives false.
func meetings(edges []edge, found func(e, f edge) bool) {
	slices.SortFunc(edges, func(e, f edge) int { return cmp.Compare(e.west(), f.west()) })
	var live []edge
	for _, e := range edges {
		kept := live[:0]
		for _, f := range live {
			if f.east() < e.west() {
				continue
			}
			kept = append(kept, f)
			if max(e.a.Lat, e.b.Lat) >= min(f.a.Lat, f.b.Lat) && max(f.a.Lat, f.b.Lat) >= min(e.a.Lat, e.b.Lat) && e.meets(f) && !found(e, f) {
				return
			}
		}
		live = append(kept, e)
	}
}

func (e edge) meets(f edge) bool {
	return e.crosses(f) || on(e.a, f.a, f.b) || on(e.b, f.a, f.b) || on(f.a, e.a, e.b) || on(f.b, e.a, e.b)
}

// crosses reports whether the edges go through each other, not only touch.
func (e edge) crosses(f edge) bool {
	return opposite(turn(e.a, e.b, f.a), turn(e.a, e.b, f.b)) && opposite(turn(f.a, f.b, e.a), turn(f.a, f.b, e.b))
}

func opposite(a, b int64) bool { return a > 0 && b < 0 || a < 0 && b > 0 }

// neighbours reports edges that follow each other in one ring and meet in the
// point they share alone.
func (e edge) neighbours(f edge) bool {
	if e.ring != f.ring {
		return false
	}
	if (f.at+1)%f.of == e.at {
		e, f = f, e
	}
	return (e.at+1)%e.of == f.at && !on(f.b, e.a, e.b) && !on(e.a, f.a, f.b)
}

// tangled gives a point where the shape's rings cross or a ring touches itself.
func (s Shape) tangled() (at Point, yes bool) {
	meetings(edgesOf(s, 0), func(e, f edge) bool {
		if e.ring == f.ring && !e.neighbours(f) || e.ring != f.ring && e.crosses(f) {
			at, yes = e.a, true
		}
		return !yes
	})
	return at, yes
}
