package laneweb

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"kua/internal/fault"
	"kua/internal/lane"
)

const onPage = 20

// frontPage is the list of reports, newest first, and the doors to the rest.
type frontPage struct {
	base
	Place, Query    string
	Where           chooser
	Categories      []named
	State           string // "", open, closed
	Filtered        bool
	Said            []post // by authorities, to everybody
	Chosen          *link  // the area whose reports these are
	Alerts          string
	Numbered        *link // the report that was asked for by its number
	Reports         []entry
	More, Feed, Map string
	Data            string
}

type entry struct {
	Href, Words, In, Category, Area, Day string
	Open, Plain                          bool   // Plain: it is neither open nor closed
	Source                               string // of one that was taken over
	Photo                                *shot
}

// asked is what a list's address asks for; what is unknown there is left out.
type asked struct {
	filter                       lane.Filter
	query, area, category, state string
	values                       url.Values // the same, for another address
	typed                        url.Values // as it was asked, with the area that words found
}

func (w *Web) asked(v *visit) asked {
	q := v.URL.Query()
	_ = settle(q, v.router) // else its chooser says why
	a := asked{query: cut(q.Get("q")), area: v.router.Directory().Now(q.Get(areaField)), category: q.Get("what"), state: q.Get("state"), values: url.Values{}, typed: q}
	a.filter = lane.Filter{Limit: onPage + 1, Words: a.query, Matters: lane.Matters}
	if _, err := v.router.Area(a.area); err != nil {
		a.area = ""
	} else {
		a.filter.Areas = within(v.router.Directory(), a.area)
	}
	if _, err := v.router.Category(a.category); err != nil {
		a.category = ""
	}
	a.filter.Category = a.category
	if open := a.state == "open"; open || a.state == "closed" {
		a.filter.Open = &open
	} else {
		a.state = ""
	}
	for name, value := range map[string]string{"area": a.area, "what": a.category, "state": a.state, "q": a.query} {
		if value != "" {
			a.values.Set(name, value)
		}
	}
	return a
}

func (w *Web) front(v *visit) error {
	a := w.asked(v)
	if before, err := strconv.ParseInt(v.URL.Query().Get("before"), 10, 64); err == nil && before > 0 {
		a.filter.Before = before
	}
	d := v.router.Directory()
	news := url.Values{}
	for _, name := range []string{"area", "what"} {
		if value := a.values.Get(name); value != "" {
			news.Set(name, value)
		}
	}
	p := frontPage{base: w.base(v, "/", "laneweb.open"), Place: d.Info.Names.In(v.lang), State: a.state, Query: a.query}
	p.Where = w.chooser(v, p.base, a.typed, chooser{ID: "area", Empty: "laneweb.all"})
	p.Filtered = a.area+a.category+a.state+p.Where.Find != ""
	p.Feed, p.Map, p.Data = p.At("/feed?"+a.values.Encode()), p.At("/map?"+a.values.Encode()), p.At("/data?"+a.values.Encode())
	p.Alerts = p.At("/alerts?" + news.Encode())
	if in, err := v.router.Area(a.area); err == nil {
		p.Chosen = &link{p.At("/area/" + in.ID), in.Names.In(v.lang)}
	}
	for _, k := range d.Categories {
		if !k.Sealed {
			p.Categories = append(p.Categories, named{ID: k.ID, Name: k.Names.In(v.lang), Chosen: k.ID == a.category})
		}
	}
	var err error
	if !p.Filtered && a.query == "" && a.filter.Before == 0 {
		if p.Said, err = w.announced(v, p.base, ""); err != nil {
			return err
		}
	}
	if p.Numbered, err = w.numbered(v, p.base, a.query); err != nil {
		return err
	}
	if p.Reports, p.More, err = w.entries(v, p.base, a); err != nil {
		return err
	}
	w.set.Show(v.rw, "front", p.Base, p)
	return nil
}

// numbered gives the report whose number a query is, as "17" or "№ 17", if everybody may
// see it; nil for any other query.
func (w *Web) numbered(v *visit, b base, query string) (*link, error) {
	id, err := strconv.ParseInt(strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(query), "№#")), 10, 64)
	if err != nil || id < 1 {
		return nil, nil
	}
	r, err := w.lane.Request(v.Context(), id)
	if errors.Is(err, fault.NotFound("lane.no_request")) || err == nil && r.Hidden() {
		return nil, nil
	}
	return &link{b.At("/case/" + strconv.FormatInt(id, 10)), b.T("laneweb.case", id)}, err
}

// entries gives the reports that a list asks for, and the address of the older ones.
func (w *Web) entries(v *visit, b base, a asked) (all []entry, more string, err error) {
	found, err := w.lane.List(v.Context(), a.filter)
	if err != nil {
		return nil, "", err
	}
	if len(found) > onPage {
		found = found[:onPage]
		a.values.Set("before", strconv.FormatInt(found[onPage-1].ID, 10))
		more = b.At("/?" + a.values.Encode())
		a.values.Del("before")
	}
	photos, err := w.photoIn(v, b, found)
	if err != nil {
		return nil, "", err
	}
	for _, r := range found {
		t := w.told(v.lang, v.router, r)
		all = append(all, entry{Href: b.At("/case/" + strconv.FormatInt(r.ID, 10)), Words: short(r.Words), In: t.In, Category: t.Category, Area: t.Area,
			Day: b.Date(string(r.Day)), Open: r.Open, Plain: r.Matter.Post(), Source: r.Source, Photo: photos[r.ID]})
	}
	return all, more, nil
}
