package laneweb

import (
	"slices"

	"kua/internal/authority"
	"kua/internal/lane"
)

// areaPage is what is known of one area: its map, who is bound to mend what in it,
// and its newest reports.
type areaPage struct {
	base
	chart
	ID       string
	Around   *link // the area that it lies in
	Inside   []link
	Said     []post // by authorities, to everybody
	Bound    []bound
	Nobody   []string // categories for which nobody is named
	Reports  []entry
	More     string
	Feed     string
	MapHref  string
	TellHref string
}

type link struct{ Href, Name string }

// bound is an authority and what it is bound to mend.
type bound struct {
	Authority, Href string
	What            []string
}

func (w *Web) area(v *visit) error {
	d := v.router.Directory()
	a, err := v.router.Area(d.Now(v.PathValue("id")))
	if err != nil {
		return err
	}
	p := areaPage{base: w.base(v, "/area/"+a.ID, "laneweb.area", a.Names.In(v.lang)), ID: a.ID}
	p.Title = a.Names.In(v.lang)
	for _, other := range d.Areas {
		switch l := (link{p.At("/area/" + other.ID), other.Names.In(v.lang)}); {
		case other.ID == a.Parent:
			p.Around = &l
		case other.Parent == a.ID:
			p.Inside = append(p.Inside, l)
		}
	}
	p.bind(w, v, d)
	if p.Said, err = w.announced(v, p.base, a.ID); err != nil {
		return err
	}
	asked := w.askedOf(v, a.ID)
	p.MapHref, p.Feed, p.TellHref = p.At("/map?"+asked.values.Encode()), p.At("/feed?"+asked.values.Encode()), p.At("/tell?"+asked.values.Encode())
	if p.Reports, p.More, err = w.entries(v, p.base, asked); err != nil {
		return err
	}
	if p.chart, err = w.chart(v, p.base, asked, w.firstView(v, a.ID), "/map"); err != nil {
		return err
	}
	w.set.Show(v.rw, "area", p.Base, p)
	return nil
}

// bind asks the directory of each category who would get a report of today.
func (p *areaPage) bind(w *Web, v *visit, d authority.Directory) {
	for _, k := range d.Categories {
		if k.Sealed {
			continue
		}
		name := k.Names.In(v.lang)
		to := v.router.Route(authority.Query{Category: k.ID, Area: p.ID, On: w.lane.Today()}).Authority
		if to == "" {
			p.Nobody = append(p.Nobody, name)
			continue
		}
		who := authorityName(v.router, to, v.lang)
		i := slices.IndexFunc(p.Bound, func(b bound) bool { return b.Authority == who })
		if i < 0 {
			i, p.Bound = len(p.Bound), append(p.Bound, bound{Authority: who, Href: p.authorityAt(v.router, to)})
		}
		p.Bound[i].What = append(p.Bound[i].What, name)
	}
}

// askedOf is what a list of one area asks for.
func (w *Web) askedOf(v *visit, area string) asked {
	a := asked{area: area, filter: lane.Filter{Limit: onPage + 1, Matters: lane.Matters, Areas: within(v.router.Directory(), area)}, values: map[string][]string{"area": {area}}}
	return a
}
