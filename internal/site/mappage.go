package site

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"kua/internal/locale"
)

const (
	placesOnMap  = 60  // circles in the picture and places beside it
	placesOnPage = 100 // places on a page of the list of all places
	namedOnMap   = 12  // circles with their name beside them
	mapWidth     = 640 // units of the picture
)

// mapPage is the picture of where records lie, and the same as a list.
type mapPage struct {
	frame
	Width, Height int
	Lines         []gridLine
	Cities        []cityDot
	Places        []placeDot
	All           string // address of the list of all places, when there are more
}

type gridLine struct {
	X1, Y1, X2, Y2 int
	Label          string
	LX, LY         int
}

type cityDot struct {
	X, Y int
	Key  string
	Left bool // the name stands to the left of the dot
}

type placeDot struct {
	Number, X, Y, R, Size, Count int
	LX                           int  // where the name stands in the picture
	Left, Named                  bool // to the left; at all
	Words                        words
	Name, Address                string
}

// cities help the eye on a map without borders. Degrees, rounded.
var cities = []struct {
	key      string
	lat, lon float64
}{
	{"site.city.astana", 51.1, 71.4}, {"site.city.almaty", 43.2, 76.9}, {"site.city.bishkek", 42.9, 74.6},
	{"site.city.tashkent", 41.3, 69.2}, {"site.city.dushanbe", 38.6, 68.8}, {"site.city.ashgabat", 37.9, 58.4},
	{"site.city.aktau", 43.7, 51.2}, {"site.city.nukus", 42.5, 59.6}, {"site.city.khorugh", 37.5, 71.6},
	{"site.city.osh", 40.5, 72.8}, {"site.city.shymkent", 42.3, 69.6}, {"site.city.samarkand", 39.7, 67.0},
}

// view is a plain projection of a piece of the earth: degrees east shrunk by
// the cosine of the middle latitude.
type view struct {
	south, north, west, east float64
	scale, shrink            float64
}

// viewOf frames the cells with room around them, and never less than four degrees.
func viewOf(cells []cell) view {
	v := view{south: 37, north: 52, west: 52, east: 82} // the region, when there is nothing
	if len(cells) > 0 {
		v = view{south: 90, north: -90, west: 180, east: -180}
	}
	for _, c := range cells {
		v.south, v.north = min(v.south, float64(c.Lat)), max(v.north, float64(c.Lat+1))
		v.west, v.east = min(v.west, float64(c.Lon)), max(v.east, float64(c.Lon+1))
	}
	widen := func(lo, hi *float64) {
		add := max(1, (4-(*hi-*lo))/2)
		*lo, *hi = *lo-add, *hi+add
	}
	widen(&v.south, &v.north)
	widen(&v.west, &v.east)
	v.south, v.north = max(v.south, -85), min(v.north, 85)
	v.shrink = math.Cos((v.south + v.north) / 2 * math.Pi / 180)
	v.scale = mapWidth / ((v.east - v.west) * v.shrink)
	return v
}

func (v view) xy(lat, lon float64) (x, y int) {
	return int((lon-v.west)*v.shrink*v.scale + .5), int((v.north-lat)*v.scale + .5)
}

func (v view) height() int { _, y := v.xy(v.south, v.west); return y }

func (v view) has(lat, lon float64) bool {
	return lat > v.south && lat < v.north && lon > v.west && lon < v.east
}

// grid draws the meridians and parallels, some four to eight of each.
func (v view) grid() []gridLine {
	step := 1.0
	for _, s := range []float64{1, 2, 5, 10, 20, 45} {
		if step = s; (v.east-v.west)/s <= 8 {
			break
		}
	}
	var lines []gridLine
	h := v.height()
	for lon := math.Ceil(v.west/step) * step; lon < v.east; lon += step {
		x, _ := v.xy(v.north, lon)
		lines = append(lines, gridLine{x, 0, x, h, fmt.Sprintf("%g°", lon), x + 3, h - 5})
	}
	for lat := math.Ceil(v.south/step) * step; lat < v.north; lat += step {
		_, y := v.xy(lat, v.west)
		lines = append(lines, gridLine{0, y, mapWidth, y, fmt.Sprintf("%g°", lat), 3, y - 4})
	}
	return lines
}

// cities gives those in the picture that no circle covers.
func (v view) cities(places []placeDot) []cityDot {
	var dots []cityDot
	for _, c := range cities {
		x, y := v.xy(c.lat, c.lon)
		near := func(d placeDot) bool { return (d.X-x)*(d.X-x) < 60*60 && (d.Y-y)*(d.Y-y) < 24*24 }
		if v.has(c.lat, c.lon) && !slices.ContainsFunc(places, near) {
			dots = append(dots, cityDot{x, y, c.key, x > mapWidth*3/4})
		}
	}
	return dots
}

// shownPlaces gives the places with records, those with most first.
func (r *render) shownPlaces() []cell {
	var cells []cell
	for _, c := range r.places.Cells {
		if c.Count > 0 {
			cells = append(cells, c)
		}
	}
	slices.SortStableFunc(cells, func(a, b cell) int { return b.Count - a.Count })
	return cells
}

func (r *render) mapPage(lang locale.Tag) error {
	cells := r.shownPlaces()
	all := len(cells)
	cells = cells[:min(all, placesOnMap)]
	v := viewOf(cells)
	p := mapPage{Width: mapWidth, Height: v.height(), Lines: v.grid()}
	for i, c := range cells {
		d := placeDot{Number: i + 1, Count: c.Count, Words: pick(lang, c.Words), Name: c.Name, Address: placeAddress(c)}
		d.Words.Text = short(d.Words.Text, 60)
		d.X, d.Y = v.xy(float64(c.Lat)+.5, float64(c.Lon)+.5)
		d.R = min(8+int(2*math.Log2(float64(c.Count))), 24)
		d.Size = max(11, d.R)
		d.Named = i < namedOnMap && d.Words.Text != "" && len(d.Words.Text) < 40
		if d.Left = d.X > mapWidth*3/4; d.Left {
			d.LX = d.X - d.R - 4
		} else {
			d.LX = d.X + d.R + 4
		}
		p.Places = append(p.Places, d)
	}
	p.Cities = v.cities(p.Places)
	if len(r.places.Cells) > placesOnMap {
		p.All = placeIndex(1)
	}
	const address = "/map.html"
	p.frame = r.frame(lang, "map", r.site.cat.T(lang, "site.map.title"), in(lang, address), address)
	return r.show("map", in(lang, address), false, p)
}

// placesPage is one page of the list of all places, in the order in which they
// came to be, so that a new one changes the last page alone.
type placesPage struct {
	frame
	Places       []placeDot
	Older, Newer string
}

func (r *render) placePages(lang locale.Tag) error {
	for from := 0; from < len(r.places.Cells); from += placesOnPage {
		n := from/placesOnPage + 1
		p := placesPage{}
		for _, c := range r.places.Cells[from:min(from+placesOnPage, len(r.places.Cells))] {
			if c.Count > 0 {
				w := pick(lang, c.Words)
				w.Text = cmp.Or(short(w.Text, 40), c.Name)
				p.Places = append(p.Places, placeDot{Count: c.Count, Words: w, Name: c.Name, Address: placeAddress(c)})
			}
		}
		if n > 1 {
			p.Older = placeIndex(n - 1)
		}
		if from+placesOnPage < len(r.places.Cells) {
			p.Newer = placeIndex(n + 1)
		}
		path := in(lang, placeIndex(n))
		p.frame = r.frame(lang, "map", r.site.cat.T(lang, "site.places.title"), path, placeIndex(n))
		if err := r.show("places", path, false, p); err != nil {
			return err
		}
	}
	return nil
}

// placeAddress is the newest page of a place.
func placeAddress(c cell) string { return shelf{"place", c.Name}.address(max(c.Pages, 1)) }

func placeIndex(n int) string {
	if n == 1 {
		return "/place/index.html"
	}
	return fmt.Sprintf("/place/index-%d.html", n)
}
