package laneweb

import (
	"net/url"
	"slices"
	"strconv"

	"kua/internal/authority"
	"kua/internal/lane"
)

const (
	// onMapMost is the most reports that a map is made of: the newest in its box.
	onMapMost = 500
	// mapCells is into how many cells a side of the map is divided; the reports of a
	// cell are one mark.
	mapCells = 7
	// mapListed is how many reports of one place are listed.
	mapListed = 40
)

// mapPage is the map of reports, and all that it shows as a list.
type mapPage struct {
	base
	chart
	Query      string
	Where      chooser
	Categories []named
	State      string
	Filtered   bool
	View       string // for the form of the filter
	List       string // address of the list with the same filter
}

// chart is a map on a page.
type chart struct {
	Ground string // address of the picture below
	Side   int
	Moves  []shift
	Marks  []mark
	Shown  int  // reports that the marks are of
	Capped bool // there are more of them in the box
	Most   int
}

// mark is one report, or several that lie together.
type mark struct {
	X, Y   int
	Count  int
	Href   string // of the report, or of the map closer by
	Name   string
	In     string // the language of the name, where it is not the page's
	Rough  bool   // its place is shown only roughly
	Detail string
	Open   bool
	Inside []mark // the reports of one that comes apart no more, and
	Rest   int    // how many of them are not listed
}

// Several reports a mark of more than one report.
func (m mark) Several() bool { return m.Count > 1 }

func (w *Web) showMap(v *visit) error {
	a := w.asked(v)
	at, ok := readView(v.URL.Query().Get(viewField))
	if !ok {
		at = w.firstView(v, a.area)
	}
	d := v.router.Directory()
	p := mapPage{base: w.base(v, "/map", "laneweb.map"), Query: a.query, State: a.state, View: at.String()}
	p.Where = w.chooser(v, p.base, a.typed, chooser{ID: "area", Empty: "laneweb.all"})
	p.Filtered = a.area+a.category+a.state+a.query+p.Where.Find != ""
	for _, k := range d.Categories {
		if !k.Sealed {
			p.Categories = append(p.Categories, named{ID: k.ID, Name: k.Names.In(v.lang), Chosen: k.ID == a.category})
		}
	}
	p.List = p.At("/?" + a.values.Encode())
	var err error
	if p.chart, err = w.chart(v, p.base, a, at, "/map"); err != nil {
		return err
	}
	w.set.Show(v.rw, "map", p.Base, p)
	return nil
}

// chart gathers a map of what a list asks for; its buttons lead to path.
func (w *Web) chart(v *visit, b base, a asked, at view, path string) (chart, error) {
	a.filter.Box, a.filter.Limit, a.filter.Before = at.box(), onMapMost+1, 0
	found, err := w.lane.List(v.Context(), a.filter)
	if err != nil {
		return chart{}, err
	}
	to := func(at view) string {
		q := url.Values{}
		for name, values := range a.values {
			q[name] = values
		}
		q.Set(viewField, at.String())
		return b.At(path + "?" + q.Encode())
	}
	c := chart{Ground: b.At("/ground.svg?" + url.Values{viewField: {at.String()}}.Encode()), Side: mapSide, Most: onMapMost}
	if c.Capped = len(found) > onMapMost; c.Capped {
		found = found[:onMapMost]
	}
	c.Shown = len(found)
	for _, m := range moves {
		c.Moves = append(c.Moves, shift{Move: m, Name: b.T("laneweb.map." + m), Href: to(at.move(m))})
	}
	for _, cell := range cells(at, found) {
		c.Marks = append(c.Marks, w.mark(v, b, at, cell, to))
	}
	return c, nil
}

// cells puts reports together that lie in one cell of the map, in the order of
// their newest.
func cells(at view, found []lane.Request) (all [][]lane.Request) {
	place := map[[2]int]int{}
	for _, r := range found {
		if r.Place == nil {
			continue
		}
		x, y := at.on(*r.Place, mapCells)
		cell := [2]int{min(mapCells-1, max(0, int(x))), min(mapCells-1, max(0, int(y)))}
		i, ok := place[cell]
		if !ok {
			i, place[cell] = len(all), len(all)
			all = append(all, nil)
		}
		all[i] = append(all[i], r)
	}
	return all
}

func (w *Web) mark(v *visit, b base, at view, together []lane.Request, to func(view) string) mark {
	newest := together[0]
	m := mark{Count: len(together), Rough: true}
	var lat, lon int64
	for _, r := range together {
		lat, lon = lat+int64(r.Place.Lat), lon+int64(r.Place.Lon)
		m.Rough = m.Rough && r.Visibility != authority.Public
		m.Open = m.Open || r.Open
	}
	n := int64(len(together))
	middle := authority.Point{Lat: authority.Micro(lat / n), Lon: authority.Micro(lon / n)}
	x, y := at.on(middle, mapSide)
	m.X, m.Y = int(x+0.5), int(y+0.5)
	t := w.told(v.lang, v.router, newest)
	if !m.Several() {
		m.Href, m.Name, m.In = b.At("/case/"+strconv.FormatInt(newest.ID, 10)), short(newest.Words), t.In
		state := "laneweb.is_closed"
		if newest.Open {
			state = "laneweb.is_open"
		}
		m.Detail = t.Category + " · " + t.Area + " · " + b.Date(string(newest.Day)) + " · " + b.T(state)
		if newest.Source != "" {
			m.Detail += " · " + b.T("laneweb.imported", newest.Source)
		}
		return m
	}
	m.Detail = t.Area
	if at.Zoom < maxZoom && slices.ContainsFunc(together, func(r lane.Request) bool { return *r.Place != *newest.Place }) {
		m.Name, m.Href = b.T("laneweb.map.several", m.Count), to(view{middle, min(maxZoom, at.Zoom+2)}.kept())
		return m
	}
	m.Name, m.Href = b.T("laneweb.map.together", m.Count), "#list"
	for i := range together[:min(len(together), mapListed)] {
		m.Inside = append(m.Inside, w.mark(v, b, at, together[i:i+1], to))
	}
	m.Rest = len(together) - len(m.Inside)
	return m
}
