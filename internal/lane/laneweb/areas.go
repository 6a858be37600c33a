package laneweb

import (
	"net/url"
	"slices"
	"strings"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/locale"
)

// The fields by which an area is come to in a directory that has more than a list can
// hold: words of its name, and a button that shows the form again, whole.
const (
	findField   = "find"
	closerField = "closer" // what lies in the chosen one ("in"), or what the words find ("find")
)

// allAreas is up to how many areas a list offers, all of a directory that has no more.
// A page of so many is within its 8 kB.
const allAreas = 100

// areas lists the areas as a tree, each below its parent.
func areas(d authority.Directory, lang locale.Tag, chosen string) (all []named) {
	in := map[string][]authority.Area{}
	for _, a := range d.Areas {
		in[a.Parent] = append(in[a.Parent], a)
	}
	var below func(parent string, depth int)
	below = func(parent string, depth int) {
		for _, a := range in[parent] {
			if len(all) < len(d.Areas) {
				all = append(all, named{a.ID, a.Names.In(lang), depth, a.ID == chosen})
				below(a.ID, depth+1)
			}
		}
	}
	below("", 0)
	return all
}

// leading are the areas that a list offers. All of a whole country's would weigh more
// than the page: of so many there are those on the way to the chosen one and what lies
// right in it, so that whoever chooses again comes closer. What even that list cannot
// hold is found by its name.
func leading(d authority.Directory, lang locale.Tag, chosen string) []named {
	all := areas(d, lang, chosen)
	if len(all) <= allAreas {
		return all
	}
	parent, open := map[string]string{}, map[string]bool{"": true}
	for _, a := range d.Areas {
		if parent[a.ID] = a.Parent; a.Parent == "" {
			open[a.ID] = true
		}
	}
	for at := chosen; !open[at]; at = parent[at] {
		open[at] = true
	}
	all = slices.DeleteFunc(all, func(n named) bool { return !open[parent[n.ID]] })
	for over, i := len(all)-allAreas, len(all)-1; over > 0 && i >= 0; i-- { // those that nothing lies open in
		if !open[all[i].ID] {
			all, over = slices.Delete(all, i, i+1), over-1
		}
	}
	return all
}

// within are the areas whose reports a list of one has; nil for all. A list goes along
// each of them, so a whole country is not asked for by its thousand areas.
func within(d authority.Directory, area string) []string {
	const most = 200
	all := d.Inside(area)
	if len(all) > most && len(all) == len(d.Areas)+len(d.Former.Areas) {
		return nil
	}
	return all
}

// Indent sets a name in from the left, in a list that knows no other way.
func (n named) Indent() string { return strings.Repeat("\u2003", n.Depth) + n.Name }

// settle puts into a form the area that its words found, so that it goes along to the
// next page: whoever typed a name and chose nothing means the only one that has it. The
// faults are laneweb.area.none and laneweb.area.several.
func settle(form url.Values, r *authority.Router) error {
	query, chosen := cut(form.Get(findField)), form.Get(areaField)
	if query == "" || len(r.Directory().Areas) <= allAreas {
		return nil
	}
	all := r.Named(query)
	switch {
	case chosen != "" && slices.ContainsFunc(all, func(a authority.Area) bool { return a.ID == chosen }):
	case len(all) == 0:
		return fault.Invalid("laneweb.area.none", query)
	case len(all) > 1:
		return fault.Invalid("laneweb.area.several", len(all))
	default:
		form.Set(areaField, all[0].ID)
	}
	form.Del(findField)
	return nil
}

// chooser is the part of a form in which an area is chosen.
type chooser struct {
	base
	ID, Empty string // of its field, and the key of what stands there while nothing is chosen
	Required  bool
	Post      string // where its buttons show the form again; "": the form itself does
	Areas     []named
	Closer    bool   // there are more than the list holds
	Find      string // what was looked for
	Trouble   string // why the list does not have it
}

// chooser gives what a form offers in which some area is chosen or looked for.
func (w *Web) chooser(v *visit, b base, form url.Values, c chooser) chooser {
	d, chosen := v.router.Directory(), form.Get(areaField)
	c.base, c.Closer = b, len(d.Areas) > allAreas
	if c.Find = cut(form.Get(findField)); c.Find == "" || !c.Closer || form.Get(closerField) == "in" {
		c.Find, c.Areas = "", leading(d, v.lang, chosen)
		return c
	}
	all := v.router.Named(c.Find)
	for _, a := range all[:min(len(all), allAreas)] {
		c.Areas = append(c.Areas, named{ID: a.ID, Name: wayTo(v.router, v.lang, a), Chosen: a.ID == chosen || len(all) == 1})
	}
	switch {
	case len(all) == 0:
		c.Trouble, c.Areas = b.T("laneweb.area.none", c.Find), leading(d, v.lang, chosen)
	case len(all) > 1:
		c.Trouble = b.T("laneweb.area.several", len(all))
	}
	return c
}

// wayTo is the name of an area with those of what it lies in, but for the whole: many
// places are called the same.
func wayTo(r *authority.Router, lang locale.Tag, a authority.Area) string {
	name := a.Names.In(lang)
	for range r.Directory().Areas { // no longer way up than there are areas
		around, err := r.Area(a.Parent)
		if err != nil || around.Parent == "" {
			break
		}
		name, a = name+" · "+around.Names.In(lang), around
	}
	return name
}
