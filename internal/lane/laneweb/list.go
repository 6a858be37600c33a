package laneweb

import (
	"net/url"
	"slices"
	"strconv"

	"kua/internal/authority"
	"kua/internal/lane"
)

const onPage = 20

// frontPage is the list of reports, newest first, and the doors to the rest.
type frontPage struct {
	base
	Place             string
	Areas, Categories []named
	State             string // "", open, closed
	Filtered          bool
	Reports           []entry
	More              string
}

type entry struct {
	Href, Words, In, Category, Area, Day string
	Open                                 bool
}

func (w *Web) front(v *visit) error {
	asked := v.URL.Query()
	d := v.router.Directory()
	area, category, state := asked.Get("area"), asked.Get("what"), asked.Get("state")
	f := lane.Filter{Limit: onPage + 1}
	if _, err := v.router.Area(area); err == nil {
		f.Areas = inside(d, area)
	} else {
		area = ""
	}
	if _, err := v.router.Category(category); err == nil {
		f.Category = category
	} else {
		category = ""
	}
	if open := state == "open"; open || state == "closed" {
		f.Open = &open
	} else {
		state = ""
	}
	if before, err := strconv.ParseInt(asked.Get("before"), 10, 64); err == nil && before > 0 {
		f.Before = before
	}
	found, err := w.lane.List(v.Context(), f)
	if err != nil {
		return err
	}
	p := frontPage{base: w.base(v, "/", "laneweb.open"), Place: d.Info.Names.In(v.lang), Areas: areas(d, v.lang, area), State: state,
		Filtered: area+category+state != ""}
	for _, k := range d.Categories {
		if !k.Sealed {
			p.Categories = append(p.Categories, named{ID: k.ID, Name: k.Names.In(v.lang), Chosen: k.ID == category})
		}
	}
	if len(found) > onPage {
		found = found[:onPage]
		next := url.Values{"before": {strconv.FormatInt(found[onPage-1].ID, 10)}}
		for name, value := range map[string]string{"area": area, "what": category, "state": state} {
			if value != "" {
				next.Set(name, value)
			}
		}
		p.More = p.At("/?" + next.Encode())
	}
	for _, r := range found {
		t := w.told(v.lang, v.router, r)
		p.Reports = append(p.Reports, entry{Href: p.At("/case/" + strconv.FormatInt(r.ID, 10)), Words: short(r.Words), In: t.In, Category: t.Category, Area: t.Area,
			Day: p.Date(string(r.Day)), Open: r.Open})
	}
	w.set.Show(v.rw, "front", p.Base, p)
	return nil
}

// inside gives an area and all areas that lie in it.
func inside(d authority.Directory, area string) []string {
	all := []string{area}
	for i := 0; i < len(all); i++ { // grows as it walks down
		for _, a := range d.Areas {
			if a.Parent == all[i] && !slices.Contains(all, a.ID) {
				all = append(all, a.ID)
			}
		}
	}
	return all
}
