package authority

import (
	"cmp"
	"slices"
	"sync"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/locale"
)

// Query asks to whom a report goes.
type Query struct {
	Category string
	At       *Point // a point, or
	Area     string // an area chosen from the list
	On       appeal.Day
}

// Option is another authority that could be asked, and why.
type Option struct {
	Authority string          `json:"authority"`
	Why       locale.Sentence `json:"why"`
}

// Routing is the answer, with its reasons. It never guesses: without a mandate
// Authority is "" and Fallback is the one that the directory names for such
// reports, or "" as well.
type Routing struct {
	Category     string            `json:"category"`
	Areas        []string          `json:"areas"` // from the smallest to the whole
	Authority    string            `json:"authority,omitempty"`
	Mandate      *Mandate          `json:"mandate,omitempty"`
	Fallback     string            `json:"fallback,omitempty"`
	Sealed       bool              `json:"sealed,omitempty"` // belongs to the sealed lane, not here
	Why          []locale.Sentence `json:"why"`
	Alternatives []Option          `json:"alternatives,omitempty"`
	Doubts       []locale.Sentence `json:"doubts,omitempty"`
}

// Router answers questions on one directory. It is made once, never changes and
// is safe for use by many goroutines.
type Router struct {
	d           Directory
	areas       map[string]*Area
	authorities map[string]*Authority
	categories  map[string]*Category
	mandates    map[[2]string][]*Mandate // by category and area
	boxes       []box                    // of d.Areas, in their order
	names       func() map[*Area][]string
}

// NewRouter prepares a directory that was read without an error.
func NewRouter(d Directory) *Router {
	r := &Router{d: d, areas: map[string]*Area{}, authorities: map[string]*Authority{}, categories: map[string]*Category{},
		mandates: map[[2]string][]*Mandate{}, boxes: make([]box, len(d.Areas))}
	r.names = sync.OnceValue(r.folded) // when they are first asked for
	for i := range d.Areas {
		r.areas[d.Areas[i].ID] = &d.Areas[i]
		r.boxes[i] = d.Areas[i].Shape.box()
	}
	for i := range d.Authorities {
		r.authorities[d.Authorities[i].ID] = &d.Authorities[i]
	}
	for i := range d.Categories {
		r.categories[d.Categories[i].ID] = &d.Categories[i]
	}
	for i := range d.Mandates {
		m := &d.Mandates[i]
		key := [2]string{m.Category, m.Area}
		r.mandates[key] = append(r.mandates[key], m)
	}
	return r
}

// Authority gives an authority, or the fault authority.unknown.
func (r *Router) Authority(id string) (Authority, error) {
	a, ok := r.authorities[id]
	if !ok {
		return Authority{}, fault.NotFound("authority.unknown", id, authoritiesFile)
	}
	return *a, nil
}

// Category gives a category, or the fault authority.unknown.
func (r *Router) Category(id string) (Category, error) {
	k, ok := r.categories[id]
	if !ok {
		return Category{}, fault.NotFound("authority.unknown", id, categoriesFile)
	}
	return *k, nil
}

// Area gives an area, or the fault authority.unknown.
func (r *Router) Area(id string) (Area, error) {
	a, ok := r.areas[id]
	if !ok {
		return Area{}, fault.NotFound("authority.unknown", id, areasFile)
	}
	return *a, nil
}

// Directory gives what the router stands on; nobody may change it.
func (r *Router) Directory() Directory { return r.d }

// Family gives all categories that have the topmost ancestor of one, itself
// among them, in the order of the directory; or the fault authority.unknown.
func (r *Router) Family(id string) (all []string, err error) {
	if _, err := r.Category(id); err != nil {
		return nil, err
	}
	top := func(k *Category) *Category { up := r.upwards(k); return up[len(up)-1] }
	for i := range r.d.Categories {
		if k := &r.d.Categories[i]; top(k) == top(r.categories[id]) {
			all = append(all, k.ID)
		}
	}
	return all, nil
}

// Calendar gives the calendar of an authority: its own, or its country's.
func (r *Router) Calendar(authority string) appeal.Calendar {
	if a := r.authorities[authority]; a != nil && a.Calendar != "" {
		return r.d.Book.Calendars[a.Calendar]
	}
	return r.d.Book.Calendars[r.d.Book.Laws[r.d.Info.Country].Calendar]
}

// Locate gives the areas that a point lies in and in no smaller one, the least
// ground first. More than one means that areas overlap.
func (r *Router) Locate(p Point) []Area {
	var in []*Area
	for i, b := range r.boxes {
		if b.holds(p) && r.d.Areas[i].Shape.Holds(p) {
			in = append(in, &r.d.Areas[i])
		}
	}
	var least []Area
	for _, a := range in {
		if !slices.ContainsFunc(in, func(o *Area) bool { return r.lies(o, a.ID) }) {
			least = append(least, *a)
		}
	}
	slices.SortFunc(least, func(a, b Area) int {
		return cmp.Or(cmp.Compare(a.Shape.size(), b.Shape.size()), cmp.Compare(a.ID, b.ID))
	})
	return least
}

// lies reports whether an area lies somewhere below another in the tree.
func (r *Router) lies(a *Area, in string) bool {
	for depth := 0; a != nil && a.Parent != "" && depth <= maxDepth; depth++ {
		if a.Parent == in {
			return true
		}
		a = r.areas[a.Parent]
	}
	return false
}

// Route says to whom a report goes, why, to whom else it could go, and what
// that leans on that is not confirmed. The area decides before the category: the
// mandate for the smallest area is taken, and in one area the one for the
// narrowest category.
func (r *Router) Route(q Query) Routing {
	out := Routing{Category: q.Category}
	category := r.categories[q.Category]
	if category == nil {
		out.why("authority.why.no_category", q.Category)
		return out
	}
	if category.Sealed {
		out.Sealed = true
		out.why("authority.why.sealed", category.Names)
		return out
	}
	areas := r.chain(q, &out)
	for _, a := range areas {
		out.Areas = append(out.Areas, a.ID)
	}
	for _, a := range areas {
		for _, k := range r.upwards(category) {
			r.take(&out, k.ID, a, q.On)
		}
	}
	for _, a := range areas {
		r.fallBack(&out, a, q.On)
	}
	if out.Authority == "" {
		out.why("authority.why.nobody", category.Names)
		if out.Fallback != "" {
			out.why("authority.why.fallback", r.authorities[out.Fallback].Names)
		}
		return out
	}
	r.superior(&out)
	return out
}

// Bound gives the authorities to which reports from an area go on a day, of any category, in
// the order of the directory.
func (r *Router) Bound(area string, on appeal.Day) (all []string) {
	to := map[string]bool{}
	for _, k := range r.d.Categories {
		to[r.Route(Query{Category: k.ID, Area: area, On: on}).Authority] = true
	}
	for _, a := range r.d.Authorities {
		if to[a.ID] {
			all = append(all, a.ID)
		}
	}
	return all
}

func (o *Routing) why(key string, args ...any) { o.Why = append(o.Why, locale.Say(key, args...)) }
func (o *Routing) doubt(key string, args ...any) {
	o.Doubts = append(o.Doubts, locale.Say(key, args...))
}

// alternative adds an authority that is not named yet.
func (o *Routing) alternative(id string, why locale.Sentence) {
	if id != o.Authority && !slices.ContainsFunc(o.Alternatives, func(a Option) bool { return a.Authority == id }) {
		o.Alternatives = append(o.Alternatives, Option{id, why})
	}
}

// chain gives the areas of the question, from the smallest to the whole.
func (r *Router) chain(q Query, out *Routing) (chain []*Area) {
	at := r.areas[q.Area]
	switch {
	case q.At != nil:
		in := r.Locate(*q.At)
		if len(in) == 0 {
			out.why("authority.why.nowhere", q.At.String())
			return nil
		}
		at = r.areas[in[0].ID]
		out.why("authority.why.point", q.At.String(), at.Names)
		for _, other := range in[1:] {
			out.doubt("authority.doubt.areas", at.Names, other.Names)
		}
	case at == nil:
		out.why("authority.why.no_area", q.Area)
		return nil
	default:
		out.why("authority.why.area", at.Names)
	}
	for depth := 0; at != nil && depth <= maxDepth; depth++ {
		chain = append(chain, at)
		if parent := r.areas[at.Parent]; parent != nil {
			out.why("authority.why.within", at.Names, parent.Names)
		}
		at = r.areas[at.Parent]
	}
	return chain
}

// upwards gives a category and what it belongs to, the narrowest first.
func (r *Router) upwards(k *Category) (chain []*Category) {
	for depth := 0; k != nil && depth <= maxDepth; depth++ {
		chain = append(chain, k)
		k = r.categories[k.Parent]
	}
	return chain
}

// take takes the mandate for a category in an area, if it is the first found;
// a later one, of a larger area or a wider category, is an alternative.
func (r *Router) take(out *Routing, category string, a *Area, on appeal.Day) {
	for _, m := range r.mandates[[2]string{category, a.ID}] {
		to := r.authorities[m.Authority]
		switch {
		case to == nil:
		case !m.Span.Holds(on):
			out.why("authority.why.not_in_force", to.Names, a.Names, m.Span.From, m.Span.To)
		case out.Authority == "":
			out.Authority, out.Mandate = m.Authority, m
			out.why("authority.why.mandate", to.Names, r.categories[category].Names, a.Names, m.Act, m.Article)
			r.doubtMandate(out, m, to)
		default:
			out.alternative(m.Authority, locale.Say("authority.why.wider", to.Names, r.categories[category].Names, a.Names, m.Act, m.Article))
		}
	}
}

func (r *Router) doubtMandate(out *Routing, m *Mandate, to *Authority) {
	if m.Confidence != appeal.Confirmed {
		out.doubt("authority.doubt.unconfirmed", m.Act)
	}
	if m.Checked.By == "" {
		out.doubt("authority.doubt.unchecked", m.Act)
	}
	if len(to.Channels) == 0 {
		out.doubt("authority.doubt.no_channel", to.Names)
	}
}

// fallBack finds who gets what no mandate names.
func (r *Router) fallBack(out *Routing, a *Area, on appeal.Day) {
	for _, m := range r.mandates[[2]string{Any, a.ID}] {
		to := r.authorities[m.Authority]
		if to == nil || !m.Span.Holds(on) {
			continue
		}
		if out.Authority == "" && out.Fallback == "" {
			out.Fallback = m.Authority
		}
		out.alternative(m.Authority, locale.Say("authority.why.general", to.Names, a.Names, m.Act, m.Article))
	}
}

// superior names the body above the one found.
func (r *Router) superior(out *Routing) {
	to := r.authorities[out.Authority]
	if above := r.authorities[to.Parent]; above != nil {
		out.alternative(above.ID, locale.Say("authority.why.superior", above.Names, to.Names))
	}
}
