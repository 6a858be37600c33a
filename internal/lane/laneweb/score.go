package laneweb

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"kua/internal/appeal"
	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/page"
)

// nobody is the address of what no authority is named for.
const nobody = "-"

// scoresOnPage bounds a page of a scoreboard.
const scoresOnPage = 15

// scorePage is a scoreboard: those of one kind, in the directory's order and
// never ranked; or one alone, with its months and all that is counted.
type scorePage struct {
	base
	Kind         string
	Kinds        []door
	From, Until  string // months
	MinSample    int
	RipeDays     int
	Scores       []score
	Older, More  string
	One          bool
	All          []standingRow
	Total, Young int64
	Months       []monthRow
	Rows         string // address of all rows
}

type door struct {
	Href, Name string
	Current    bool
}

// score is one authority, area or category.
type score struct {
	ID, Name, Href string
	Four           []number
	Bar            bar
	Few            bool
}

// number is one of the four numbers.
type number struct {
	Name, Text       string
	N, Of            int64
	Enough           bool
	Share, Low, High string // percent
}

// bar is a picture of how the told ones stand, a hundred wide.
type bar struct {
	Title string
	Parts []barPart
}

type barPart struct {
	Class    string
	X, Width string
}

type standingRow struct {
	Name, Text, Href string
	N                int64
}

type monthRow struct {
	Month                                       string
	Told, Answered, Confirmed, Disputed, Silent int64
	Bar                                         bar
}

// scoredOf is what a scoreboard's address asks for.
type scoredOf struct {
	kind lane.Kind
	span lane.Span
}

func (w *Web) scored(v *visit) (s scoredOf, err error) {
	s.kind = lane.Kind(v.PathValue("kind"))
	if s.kind == "" {
		s.kind = lane.PerAuthority
	}
	if !slices.Contains(lane.Kinds, s.kind) {
		return s, page.ErrNotFound()
	}
	s.span = lane.RipeSpan(w.lane.Today(), v.URL.Query().Get("until"))
	return s, nil
}

func appealDay(month, rest string) appeal.Day { return appeal.Day(month + rest) }

// item is one thing of a kind: its id, its name, and the ids that are counted in it.
type item struct {
	id, name string
	counted  []string
}

// items are those of a kind in the directory's order; what is counted and no
// longer in it comes last, by its id.
func (w *Web) items(v *visit, kind lane.Kind, counts []lane.Count) (all []item) {
	d := v.router.Directory()
	known := map[string]bool{}
	add := func(id, name string, counted []string) {
		known[id] = true
		all = append(all, item{id, name, counted})
	}
	switch kind {
	case lane.PerAuthority:
		for _, a := range d.Authorities {
			add(a.ID, a.Names.In(v.lang), []string{a.ID})
		}
	case lane.PerArea:
		tree := areas(d, v.lang, "")
		ids := make([]string, len(tree))
		for i, a := range tree {
			ids[i] = a.ID
		}
		for i, a := range tree {
			end := i + 1
			for end < len(tree) && tree[end].Depth > a.Depth { // what follows it and is deeper lies in it
				end++
			}
			in := ids[i:end:end]
			for _, former := range d.Former.Areas {
				if slices.Contains(in, former.Parent) {
					in = append(in, former.ID)
				}
			}
			add(a.ID, a.Name, in)
		}
	case lane.PerCategory:
		for _, k := range d.Categories {
			if !k.Sealed {
				add(k.ID, k.Names.In(v.lang), []string{k.ID})
			}
		}
	}
	var gone []string
	for _, c := range counts {
		if !known[c.ID] {
			known[c.ID] = true
			gone = append(gone, c.ID)
		}
	}
	slices.Sort(gone)
	names := map[lane.Kind]func(string) locale.Texts{lane.PerAuthority: v.router.AuthorityNames, lane.PerArea: v.router.AreaNames, lane.PerCategory: v.router.CategoryNames}[kind]
	for _, id := range gone {
		name := cmp.Or(names(id).In(v.lang), id, w.cat.T(v.lang, "laneweb.score.nobody"))
		if id == lane.Elsewhere {
			name = w.cat.T(v.lang, "official.elsewhere")
		}
		all = append(all, item{id, name, []string{id}})
	}
	return all
}

// sums are counts added up by id, once for all items of a scoreboard: those of a span by
// standing, and those that are younger than it.
type sums[S comparable] struct {
	last  string // month of the span
	in    map[string]map[S]int64
	young map[string]int64
}

func newSums[S comparable](span lane.Span) sums[S] {
	return sums[S]{span.Last, map[string]map[S]int64{}, map[string]int64{}}
}

func (a sums[S]) add(month, id string, standing S, n int64) {
	if month > a.last {
		a.young[id] += n
		return
	}
	if a.in[id] == nil {
		a.in[id] = map[S]int64{}
	}
	a.in[id][standing] += n
}

// of gives the sums of an item.
func (a sums[S]) of(i item) (in map[S]int64, young int64) {
	in = map[S]int64{}
	for _, id := range i.counted {
		young += a.young[id]
		for standing, n := range a.in[id] {
			in[standing] += n
		}
	}
	return in, young
}

func sumsOf(counts []lane.Count, span lane.Span) sums[lane.Standing] {
	all := newSums[lane.Standing](span)
	for _, c := range counts {
		all.add(c.Month, c.ID, c.Standing, c.N)
	}
	return all
}

// months adds up the counts of an item for each month of a span.
func (i item) months(counts []lane.Count, span lane.Span) map[string]lane.Tallied {
	mine, months := map[string]bool{}, map[string]lane.Tallied{}
	for _, id := range i.counted {
		mine[id] = true
	}
	for _, c := range counts {
		if !mine[c.ID] || c.Month > span.Last {
			continue
		}
		if months[c.Month] == nil {
			months[c.Month] = lane.Tallied{}
		}
		months[c.Month][c.Standing] += c.N
	}
	return months
}

// from is how many items of a scoreboard come before what is asked for, at most all.
func (v *visit) from(all []item) int {
	n, _ := strconv.Atoi(v.URL.Query().Get("from")) // rubbish is the first page
	return min(max(n, 0), len(all))
}

func (w *Web) score(v *visit) error {
	s, err := w.scored(v)
	if err != nil {
		return err
	}
	counts, err := w.lane.Tally(v.Context(), s.kind, lane.ReportTrack, s.span.First, string(w.lane.Today())[:7])
	if err != nil {
		return err
	}
	p := w.scorePage(v, s, "/score/"+string(s.kind), "laneweb.score")
	all, sums := w.items(v, s.kind, counts), sumsOf(counts, s.span)
	from := v.from(all)
	skip := from
	for _, i := range all {
		in, young := sums.of(i)
		if lane.Tallied(in).All()+young == 0 {
			continue
		}
		if skip--; skip >= 0 {
			continue
		}
		if len(p.Scores) == scoresOnPage {
			p.More = p.At(fmt.Sprintf("/score/%s?until=%s&from=%d", s.kind, s.span.Last, from+scoresOnPage))
			break
		}
		p.Scores = append(p.Scores, p.score(i, in, s))
	}
	w.set.Show(v.rw, "score", p.Base, p)
	return nil
}

func (w *Web) scoreOne(v *visit) error {
	s, err := w.scored(v)
	if err != nil {
		return err
	}
	counts, err := w.lane.Tally(v.Context(), s.kind, lane.ReportTrack, s.span.First, string(w.lane.Today())[:7])
	if err != nil {
		return err
	}
	all, id := w.items(v, s.kind, counts), v.PathValue("id")
	at := slices.IndexFunc(all, func(i item) bool { return cmp.Or(i.id, nobody) == id })
	if at < 0 {
		return page.ErrNotFound()
	}
	sum, young := sumsOf(counts, s.span).of(all[at])
	in, months := lane.Tallied(sum), all[at].months(counts, s.span)
	p := w.scorePage(v, s, "/score/"+string(s.kind)+"/"+url.PathEscape(id), "laneweb.score")
	p.Title = p.Title + ": " + all[at].name
	p.One, p.Young, p.Total = true, young, in.All()
	one := p.score(all[at], in, s)
	p.Scores = []score{one}
	p.Rows = one.Href + "/rows.csv?until=" + s.span.Last
	for _, standing := range lane.Standings {
		p.All = append(p.All, standingRow{p.T("laneweb.score." + string(standing)), p.T("laneweb.standing." + string(standing)), p.Rows + "&standing=" + string(standing), in[standing]})
	}
	for month := range months12(s.span) {
		t := months[month]
		p.Months = append(p.Months, monthRow{p.Month(month), t.Told(), t.Answered(), t[lane.Confirmed], t[lane.Disputed], t[lane.Silent], p.bar(p.Month(month), t)})
	}
	w.set.Show(v.rw, "score", p.Base, p)
	return nil
}

// months12 gives the months of a span in their order.
func months12(s lane.Span) func(func(string) bool) {
	return func(yield func(string) bool) {
		for at := s.First; at <= s.Last && yield(at); at = monthAfter(at, 1) {
		}
	}
}

func monthAfter(month string, n int) string {
	t, err := time.Parse("2006-01", month)
	if err != nil {
		return "9999-99"
	}
	return t.AddDate(0, n, 0).Format("2006-01")
}

func (w *Web) scorePage(v *visit, s scoredOf, path, title string) scorePage {
	p := scorePage{base: w.base(v, path, title), Kind: string(s.kind), MinSample: lane.MinSample, RipeDays: lane.RipeDays}
	p.From, p.Until = p.Month(s.span.First), p.Month(s.span.Last)
	for _, k := range lane.Kinds {
		p.Kinds = append(p.Kinds, door{p.At("/score/" + string(k) + "?until=" + s.span.Last), p.T("laneweb.score.per." + string(k)), k == s.kind})
	}
	p.Older = p.At(path + "?until=" + monthAfter(s.span.First, -1))
	return p
}

func (p scorePage) score(i item, in lane.Tallied, s scoredOf) score {
	one := score{ID: i.id, Name: i.name, Href: p.At("/score/" + string(s.kind) + "/" + url.PathEscape(cmp.Or(i.id, nobody))), Bar: p.bar(i.name, in)}
	answered, confirmed, disputed, silent := in.Four()
	for _, n := range []struct {
		key   string
		share lane.Share
	}{{"answered", answered}, {"confirmed", confirmed}, {"disputed", disputed}, {"silent", silent}} {
		one.Four = append(one.Four, p.number("laneweb.score.four."+n.key, "laneweb.score.of."+n.key, n.share))
		one.Few = one.Few || !n.share.Enough()
	}
	return one
}

// barOrder is how a bar stands, from its left.
var barOrder = []lane.Standing{lane.Confirmed, lane.Claimed, lane.Declined, lane.Disputed, lane.Silent}

// bar draws how the told ones stand; its title says the same in words.
func (p scorePage) bar(name string, in lane.Tallied) bar {
	b := bar{Title: p.T("laneweb.score.bar", name, in.Told(), in[lane.Confirmed], in[lane.Claimed], in[lane.Declined], in[lane.Disputed], in[lane.Silent])}
	told, x := float64(in.Told()), 0.0
	for _, s := range barOrder {
		if in[s] == 0 {
			continue
		}
		width := 100 * float64(in[s]) / told
		b.Parts = append(b.Parts, barPart{"bar-" + string(s), strconv.FormatFloat(x, 'f', 2, 64), strconv.FormatFloat(width, 'f', 2, 64)})
		x += width
	}
	return b
}

// scoreOf is a score on its page, for the template that shows it.
type scoreOf struct {
	P scorePage
	S score
}

// With gives a score together with the page.
func (p scorePage) With(s score) scoreOf { return scoreOf{p, s} }
