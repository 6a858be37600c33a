package authority

import (
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"kua/internal/appeal"
	"kua/internal/datafile"
	"kua/internal/locale"
)

// name is how ids are written: they stand in addresses and in Open311.
var name = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

var countryCode = regexp.MustCompile(`^[a-z]{2}$`)

// maxDepth bounds how deep a tree of areas, authorities or categories is.
const maxDepth = 16

// checker looks over a directory whose files were all read.
type checker struct {
	d        *Directory
	on       appeal.Day
	problems *datafile.Problems

	areas, authorities, categories map[string]string // id to parent
}

func (d *Directory) check(on appeal.Day, problems *datafile.Problems) {
	c := &checker{d: d, on: on, problems: problems}
	c.info()
	c.areas = tree(c, areasFile, d.Areas, func(a Area) (string, string, int) { return a.ID, a.Parent, a.line })
	c.authorities = tree(c, authoritiesFile, d.Authorities, func(a Authority) (string, string, int) { return a.ID, a.Parent, a.line })
	c.categories = tree(c, categoriesFile, d.Categories, func(k Category) (string, string, int) { return k.ID, k.Parent, k.line })
	for _, a := range d.Areas {
		c.names(areasFile, a.line, a.ID, a.Names)
	}
	c.shapes()
	for _, a := range d.Authorities {
		c.authority(a)
	}
	for _, k := range d.Categories {
		c.category(k)
	}
	for i, m := range d.Mandates {
		c.mandate(m, d.Mandates[:i])
	}
	*problems = append(*problems, d.Book.CheckReferences()...)
	if problems.Errors() == 0 {
		c.gaps()
	}
}

func (c *checker) info() {
	i := c.d.Info
	if !name.MatchString(i.ID) {
		c.problems.Add(infoFile, 0, "datafile.bad_id", i.ID)
	}
	if !countryCode.MatchString(i.Country) {
		c.problems.Add(infoFile, 0, "appeal.bad_country", i.Country)
	} else if _, ok := c.d.Book.Laws[i.Country]; !ok {
		c.problems.Add(infoFile, 0, "appeal.no_law", i.Country)
	}
	if len(i.Languages) == 0 {
		c.problems.Add(infoFile, 0, "authority.no_language", i.ID)
	}
	c.languages(infoFile, 0, i.Languages...)
	c.names(infoFile, 0, i.ID, i.Names)
	c.texts(infoFile, 0, i.Note)
	for _, id := range slices.Sorted(maps.Keys(c.d.Book.Calendars)) {
		if k := c.d.Book.Calendars[id]; !slices.ContainsFunc(k.Years, func(y appeal.Year) bool { return y.Year == c.on.Plus(92).Year() }) {
			c.problems.Warn("calendars/"+id+".yaml", 0, "authority.calendar_ends", id, c.on.Plus(92).Year())
		}
	}
}

// tree checks ids and parents of one kind and gives them.
func tree[T any](c *checker, file string, all []T, of func(T) (id, parent string, line int)) map[string]string {
	parents := make(map[string]string, len(all))
	for _, one := range all {
		id, parent, line := of(one)
		if !name.MatchString(id) {
			c.problems.Add(file, line, "datafile.bad_id", id)
		}
		if _, twice := parents[id]; twice {
			c.problems.Add(file, line, "datafile.twice", id)
		}
		parents[id] = parent
	}
	for _, one := range all {
		id, parent, line := of(one)
		if parent == "" {
			continue
		}
		if _, ok := parents[parent]; !ok {
			c.problems.Add(file, line, "authority.no_parent", id, parent)
			continue
		}
		depth := 0
		for at := parent; at != ""; at = parents[at] {
			if depth++; at == id || depth > maxDepth {
				c.problems.Add(file, line, "authority.circle", id, maxDepth)
				break
			}
		}
	}
	return parents
}

func (c *checker) names(file string, line int, id string, names locale.Texts) {
	if len(names) == 0 {
		c.problems.Add(file, line, "authority.no_name", id)
	}
	c.texts(file, line, names)
}

func (c *checker) texts(file string, line int, texts locale.Texts) {
	for _, tag := range slices.Sorted(maps.Keys(texts)) {
		c.languages(file, line, locale.Tag(tag))
		if strings.TrimSpace(texts[tag]) == "" {
			c.problems.Add(file, line, "authority.empty_text", tag)
		}
	}
}

func (c *checker) languages(file string, line int, tags ...locale.Tag) {
	for _, tag := range tags {
		if !slices.Contains(locale.Tags(), tag) {
			c.problems.Add(file, line, "authority.unknown_language", string(tag), fmt.Sprint(locale.Tags()))
		}
	}
}

func oneOf[T ~string](c *checker, file string, line int, field string, got T, known ...T) {
	if !slices.Contains(known, got) {
		c.problems.Add(file, line, "datafile.unknown_word", string(got), field, fmt.Sprint(known))
	}
}

func (c *checker) authority(a Authority) {
	c.names(authoritiesFile, a.line, a.ID, a.Names)
	c.languages(authoritiesFile, a.line, a.Languages...)
	if len(a.Languages) == 0 {
		c.problems.Add(authoritiesFile, a.line, "authority.no_language", a.ID)
	}
	if _, ok := c.d.Book.Calendars[a.Calendar]; a.Calendar != "" && !ok {
		c.problems.Add(authoritiesFile, a.line, "appeal.unknown_calendar", a.Calendar)
	}
	if len(a.Channels) == 0 {
		c.problems.Warn(authoritiesFile, a.line, "authority.no_channel", a.ID)
	}
	for _, ch := range a.Channels {
		oneOf(c, authoritiesFile, a.line, "kind", ch.Kind, Account, Link, Open311)
		if ch.Language != "" {
			c.languages(authoritiesFile, a.line, ch.Language)
		}
		if ch.Photos != "" {
			oneOf(c, authoritiesFile, a.line, "photos", ch.Photos, PhotoLinks, PhotoFiles, NoPhotos)
		}
		if ch.Photos != "" && ch.Kind != Open311 {
			c.problems.Add(authoritiesFile, a.line, "authority.no_photos", a.ID, string(ch.Kind))
		}
		if !ch.reachable() {
			c.problems.Add(authoritiesFile, a.line, "authority.bad_address", a.ID, string(ch.Kind), ch.Address)
		}
	}
}

// reachable reports an address that fits the kind of channel.
func (ch Channel) reachable() bool {
	switch ch.Kind {
	case Link, Account:
		m, err := mail.ParseAddress(ch.Address)
		return err == nil && m.Address == ch.Address || ch.Kind == Account && ch.Address == ""
	case Open311:
		u, err := url.Parse(ch.Address)
		return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.RawQuery == ""
	}
	return false
}

func (c *checker) category(k Category) {
	c.names(categoriesFile, k.line, k.ID, k.Names)
	oneOf(c, categoriesFile, k.line, "visibility", k.Visibility, Public, Coarse, Held)
	oneOf(c, categoriesFile, k.line, "proof", k.Proof, NoProof, Photo, Document)
	seen := map[string]bool{}
	for _, q := range k.Questions {
		if !name.MatchString(q.ID) || seen[q.ID] {
			c.problems.Add(categoriesFile, k.line, "datafile.bad_id", q.ID)
		}
		seen[q.ID] = true
		c.names(categoriesFile, k.line, q.ID, q.Names)
		oneOf(c, categoriesFile, k.line, "kind", q.Kind, Text, Number, Date, YesNo, One, Some)
		if choosing := q.Kind == One || q.Kind == Some; choosing != (len(q.Choices) > 1) {
			c.problems.Add(categoriesFile, k.line, "authority.choices", q.ID)
		}
		for i, choice := range q.Choices {
			c.names(categoriesFile, k.line, choice.ID, choice.Names)
			if !name.MatchString(choice.ID) || slices.ContainsFunc(q.Choices[:i], func(o Choice) bool { return o.ID == choice.ID }) {
				c.problems.Add(categoriesFile, k.line, "datafile.bad_id", choice.ID)
			}
		}
	}
}

func (c *checker) mandate(m Mandate, before []Mandate) {
	if _, ok := c.categories[m.Category]; !ok && m.Category != Any {
		c.problems.Add(mandatesFile, m.line, "authority.unknown", m.Category, categoriesFile)
	}
	if _, ok := c.areas[m.Area]; !ok {
		c.problems.Add(mandatesFile, m.line, "authority.unknown", m.Area, areasFile)
	}
	if _, ok := c.authorities[m.Authority]; !ok {
		c.problems.Add(mandatesFile, m.line, "authority.unknown", m.Authority, authoritiesFile)
	}
	oneOf(c, mandatesFile, m.line, "confidence", m.Confidence, appeal.Confirmed, appeal.Unconfirmed)
	if m.Act == "" {
		c.problems.Add(mandatesFile, m.line, "appeal.no_source")
	}
	if u, err := url.Parse(m.Address); m.Address != "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
		c.problems.Add(mandatesFile, m.line, "authority.bad_address", m.Authority, "act", m.Address)
	}
	switch {
	case m.Span.Backwards():
		c.problems.Add(mandatesFile, m.line, "datafile.backwards", string(m.Span.From), string(m.Span.To))
	case m.Span.To != "" && m.Span.To < c.on:
		c.problems.Warn(mandatesFile, m.line, "authority.expired", m.Category, m.Area, string(m.Span.To))
	}
	if (m.Checked.By == "") != (m.Checked.On == "") {
		c.problems.Add(mandatesFile, m.line, "authority.half_checked")
	}
	for _, o := range before {
		if o.Category == m.Category && o.Area == m.Area && o.Span.Meets(m.Span) {
			c.problems.Add(mandatesFile, m.line, "authority.overlap", m.Category, m.Area, o.line)
		}
	}
}

// gaps says where nobody is bound to a category, once for each category.
func (c *checker) gaps() {
	r := NewRouter(*c.d)
	isParent := map[string]bool{}
	for _, parent := range c.areas {
		isParent[parent] = true
	}
	for _, k := range c.d.Categories {
		if k.Sealed {
			continue
		}
		first, n, fallback := "", 0, 0
		for _, a := range c.d.Areas {
			if isParent[a.ID] {
				continue // what lies in it is asked for
			}
			if to := r.Route(Query{Category: k.ID, Area: a.ID, On: c.on}); to.Authority == "" {
				if n++; first == "" {
					first = a.ID
				}
				if to.Fallback != "" {
					fallback++
				}
			}
		}
		if n > 0 {
			c.problems.Warn(mandatesFile, 0, "authority.gap", k.ID, n, first, fallback)
		}
	}
}

// shapes compares areas with their parents and with each other.
func (c *checker) shapes() {
	byID := map[string]*Area{}
	siblings := map[string][]*Area{}
	for i := range c.d.Areas {
		a := &c.d.Areas[i]
		byID[a.ID] = a
		if a.Shape != nil {
			siblings[a.Parent] = append(siblings[a.Parent], a)
		}
	}
	for _, a := range c.d.Areas {
		if parent := byID[a.Parent]; parent != nil && a.Shape != nil && parent.Shape != nil {
			if out, of, first := outside(a.Shape, parent.Shape); out == of {
				c.problems.Add(areasFile, a.line, "authority.area_elsewhere", a.ID, a.Parent)
			} else if out > 0 {
				c.problems.Warn(areasFile, a.line, "authority.area_outside", a.ID, a.Parent, out, of, first.String())
			}
		}
	}
	for _, parent := range slices.Sorted(maps.Keys(siblings)) {
		c.overlaps(siblings[parent])
	}
}

// maxCompared bounds how many pairs of a point and a line are looked at for two
// areas. Beyond it only every n-th point is: these are warnings.
const maxCompared = 20_000_000

func stride(points, edges int) int { return 1 + points*edges/maxCompared }

// outside counts the points of a shape that lie neither in another nor on its line.
func outside(s, in Shape) (out, of int, first Point) {
	points := s.points()
	for i := 0; i < len(points); i += stride(len(points), len(in.points())) {
		p := points[i]
		if of++; !in.Holds(p) && !in.onBorder(p) {
			if out++; out == 1 {
				first = p
			}
		}
	}
	return out, of, first
}

// overlaps finds areas beside each other that share ground: their lines cross,
// or one lies in the other.
func (c *checker) overlaps(areas []*Area) {
	var edges []edge
	boxes := make([]box, len(areas))
	for i, a := range areas {
		edges = append(edges, edgesOf(a.Shape, i)...)
		boxes[i] = a.Shape.box()
	}
	said := map[[2]int]bool{}
	say := func(i, j int) {
		if pair := [2]int{min(i, j), max(i, j)}; !said[pair] {
			said[pair] = true
			c.problems.Warn(areasFile, areas[pair[1]].line, "authority.areas_overlap", areas[pair[0]].ID, areas[pair[1]].ID)
		}
	}
	meetings(edges, func(e, f edge) bool {
		if e.owner != f.owner && e.crosses(f) {
			say(e.owner, f.owner)
		}
		return true
	})
	for i, a := range areas {
		for j, b := range areas {
			same := boxes[i] == boxes[j] && a.Shape.size() == b.Shape.size()
			if i != j && boxes[i].meets(boxes[j]) && (same || inside(a.Shape, b.Shape)) {
				say(i, j)
			}
		}
	}
}

// inside reports whether a corner of a, or the middle of one of its lines, lies
// truly in b and not on its line. All is doubled, so that a middle is a whole number.
func inside(a, b Shape) bool {
	b = b.doubledUp()
	around, n := b.box(), len(b.points())
	edges := edgesOf(a, 0)
	for i := 0; i < len(edges); i += stride(len(edges), n) {
		e := edges[i]
		for _, p := range []Point{{e.a.Lat * 2, e.a.Lon * 2}, {e.a.Lat + e.b.Lat, e.a.Lon + e.b.Lon}} {
			if around.holds(p) && b.Holds(p) && !b.onBorder(p) {
				return true
			}
		}
	}
	return false
}
