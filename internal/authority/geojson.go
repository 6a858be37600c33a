package authority

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"kua/internal/datafile"
	"kua/internal/locale"
)

// The limits of a file of areas.
const (
	maxAreaBytes  = 64 << 20
	maxAreas      = 50_000
	maxRingPoints = 100_000
)

type featureCollection struct {
	Type     string            `json:"type"`
	CRS      json.RawMessage   `json:"crs"`
	Features []json.RawMessage `json:"features"`
}

type feature struct {
	Type       string          `json:"type"`
	Properties json.RawMessage `json:"properties"`
	Geometry   *struct {
		Type        string          `json:"type"`
		Coordinates json.RawMessage `json:"coordinates"`
	} `json:"geometry"`
}

type areaProperties struct {
	ID     string       `json:"id"`
	Parent string       `json:"parent,omitempty"`
	Kind   string       `json:"kind,omitempty"`
	Names  locale.Texts `json:"names"`
}

// ReadAreas reads a GeoJSON FeatureCollection (RFC 7946) of polygons. An area
// without a geometry can be chosen from a list, but no point lies in it. What is
// wrong is added to problems.
func ReadAreas(file string, b []byte, problems *datafile.Problems) []Area {
	if !datafile.PlainText(file, b, maxAreaBytes, problems) {
		return nil
	}
	var all featureCollection
	if err := json.Unmarshal(b, &all); err != nil {
		line := 0
		if at, ok := err.(*json.SyntaxError); ok {
			line = 1 + bytes.Count(b[:min(int(at.Offset), len(b))], []byte("\n"))
		}
		problems.Add(file, line, "authority.json", err.Error())
		return nil
	}
	if all.Type != "FeatureCollection" {
		problems.Add(file, 1, "authority.not_collection", all.Type)
		return nil
	}
	if len(all.CRS) > 0 && !bytes.Contains(all.CRS, []byte("CRS84")) {
		problems.Add(file, 1, "authority.crs")
		return nil
	}
	if len(all.Features) > maxAreas {
		problems.Add(file, 0, "authority.too_many_areas", len(all.Features), maxAreas)
		return nil
	}
	var areas []Area
	at, line := 0, 1
	for _, raw := range all.Features {
		if n := bytes.Index(b[at:], raw); n >= 0 {
			line += bytes.Count(b[at:at+n], []byte("\n"))
			at += n
		}
		if a, ok := readArea(file, line, raw, problems); ok {
			areas = append(areas, a)
		}
	}
	return areas
}

func readArea(file string, line int, raw []byte, problems *datafile.Problems) (Area, bool) {
	var f feature
	if err := json.Unmarshal(raw, &f); err != nil || f.Type != "Feature" {
		problems.Add(file, line, "authority.properties", f.Type)
		return Area{}, false
	}
	d := json.NewDecoder(bytes.NewReader(f.Properties))
	d.DisallowUnknownFields()
	var p areaProperties
	if err := d.Decode(&p); err != nil {
		problems.Add(file, line, "authority.properties", err.Error())
		return Area{}, false
	}
	a := Area{ID: p.ID, Parent: p.Parent, Kind: p.Kind, Names: p.Names, line: line}
	if f.Geometry == nil {
		return a, true
	}
	var polygons [][][][]float64
	var err error
	switch f.Geometry.Type {
	case "Polygon":
		polygons = make([][][][]float64, 1)
		err = json.Unmarshal(f.Geometry.Coordinates, &polygons[0])
	case "MultiPolygon":
		err = json.Unmarshal(f.Geometry.Coordinates, &polygons)
	default:
		problems.Add(file, line, "authority.not_polygon", p.ID, f.Geometry.Type)
		return Area{}, false
	}
	if err != nil || len(polygons) == 0 {
		problems.Add(file, line, "authority.position", p.ID, 0)
		return Area{}, false
	}
	for _, rings := range polygons {
		polygon, ok := readPolygon(file, line, p.ID, rings, problems)
		if !ok {
			return Area{}, false
		}
		a.Shape = append(a.Shape, polygon)
	}
	if at, tangled := a.Shape.tangled(); tangled {
		problems.Add(file, line, "authority.tangled", p.ID, at.String())
		return Area{}, false
	}
	return a, true
}

func readPolygon(file string, line int, id string, rings [][][]float64, problems *datafile.Problems) (Polygon, bool) {
	if len(rings) == 0 {
		problems.Add(file, line, "authority.position", id, 0)
		return nil, false
	}
	var polygon Polygon
	for i, positions := range rings {
		ring, key := readRing(positions)
		if key != "" {
			problems.Add(file, line, key, id, i)
			return nil, false
		}
		if i > 0 && !within(ring, polygon[0]) {
			problems.Add(file, line, "authority.hole_outside", id, i)
			return nil, false
		}
		polygon = append(polygon, ring)
	}
	return polygon, true
}

// within reports whether some point of a ring lies inside another, and not on
// its line; whether they cross is asked elsewhere.
func within(ring, outer Ring) bool {
	s := Shape{{outer}}
	for _, p := range ring {
		if !s.onBorder(p) {
			return s.Holds(p)
		}
	}
	return false
}

// readRing gives a ring, or the key of what is wrong with it.
func readRing(positions [][]float64) (Ring, string) {
	if len(positions) < 4 {
		return nil, "authority.ring_short"
	}
	if len(positions) > maxRingPoints {
		return nil, "authority.ring_long"
	}
	var ring Ring
	for _, p := range positions {
		if len(p) < 2 || len(p) > 3 || math.Abs(p[0]) > 180 || math.Abs(p[1]) > 90 {
			return nil, "authority.position"
		}
		at := Point{Lat: micro(p[1]), Lon: micro(p[0])}
		if n := len(ring); n > 0 && at == ring[n-1] {
			continue // the same to 11 cm
		}
		ring = append(ring, at)
	}
	first, last := positions[0], positions[len(positions)-1]
	if first[0] != last[0] || first[1] != last[1] {
		return nil, "authority.ring_open"
	}
	if len(ring) > 1 && ring[0] == ring[len(ring)-1] {
		ring = ring[:len(ring)-1]
	}
	if len(ring) < 3 || ring.doubled() == 0 {
		return nil, "authority.ring_flat"
	}
	for i, a := range ring {
		if b := ring[(i+1)%len(ring)]; a.Lon-b.Lon > 180e6 || b.Lon-a.Lon > 180e6 {
			return nil, "authority.antimeridian"
		}
	}
	return ring, ""
}

func micro(degrees float64) Micro { return Micro(math.Round(degrees * 1e6)) }

// At makes a point of degrees; ok is false for what is no place on the earth.
func At(lat, lon float64) (p Point, ok bool) {
	if !(math.Abs(lat) <= 90 && math.Abs(lon) <= 180) {
		return Point{}, false
	}
	return Point{micro(lat), micro(lon)}, true
}

// String gives "43.238949,76.889709": latitude, then longitude.
func (p Point) String() string { return p.Lat.String() + "," + p.Lon.String() }

// String gives degrees, with no more digits than it needs.
func (m Micro) String() string { return strconv.FormatFloat(float64(m)/1e6, 'f', -1, 64) }

// writeAreas gives GeoJSON with one area on a line, so that a change of one
// shows as a change of one line.
func writeAreas(areas []Area) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("{\"type\":\"FeatureCollection\",\"features\":[")
	for i, a := range areas {
		if i > 0 {
			b.WriteByte(',')
		}
		properties, err := json.Marshal(areaProperties{a.ID, a.Parent, a.Kind, a.Names})
		if err != nil {
			return nil, fmt.Errorf("write area %s: %w", a.ID, err)
		}
		fmt.Fprintf(&b, "\n{\"type\":\"Feature\",\"properties\":%s,\"geometry\":%s}", properties, a.Shape.geoJSON())
	}
	b.WriteString("\n]}\n")
	return b.Bytes(), nil
}

func (s Shape) geoJSON() string {
	if len(s) == 0 {
		return "null"
	}
	polygons := make([]string, len(s))
	for i, polygon := range s {
		rings := make([]string, len(polygon))
		for j, ring := range polygon {
			points := make([]string, 0, len(ring)+1)
			for _, p := range append(ring[:len(ring):len(ring)], ring[0]) {
				points = append(points, "["+p.Lon.String()+","+p.Lat.String()+"]")
			}
			rings[j] = "[" + strings.Join(points, ",") + "]"
		}
		polygons[i] = "[" + strings.Join(rings, ",") + "]"
	}
	if len(s) == 1 {
		return `{"type":"Polygon","coordinates":` + polygons[0] + "}"
	}
	return `{"type":"MultiPolygon","coordinates":[` + strings.Join(polygons, ",") + "]}"
}
