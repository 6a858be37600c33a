package laneweb

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"kua/internal/appeal"
	"kua/internal/lane"
	"kua/internal/page"
)

// legsRoot is where the scoreboards of formal appeals are.
const legsRoot = "/appeals/"

// legsPage is a scoreboard of formal appeals: that of all of a kind, in the
// directory's order, or of one with all that is counted.
type legsPage struct {
	base
	Kind                string
	Kinds               []door
	From, Until         string // months
	MinSample, RipeDays int
	Of                  []legsOf
	One                 bool
	All                 []standingRow
	Young               int64
	Rows, Older, More   string
}

// legsOf are the numbers of one authority, area or category.
type legsOf struct {
	Name, Href string
	Sent       int64
	Three      []number
}

// legs shows what became of formal appeals, for all of a kind.
func (w *Web) legs(v *visit) error {
	s, counts, err := w.legsScored(v)
	if err != nil {
		return err
	}
	path := legsRoot + string(s.kind)
	p := w.legsPage(v, s, path)
	all, sums := w.items(v, s.kind, legIDs(counts)), legSums(counts, s.span)
	from := v.from(all)
	skip := from
	for _, i := range all {
		in, young := sums.of(i)
		if lane.LegTallied(in).All()+young == 0 {
			continue
		}
		if skip--; skip >= 0 {
			continue
		}
		if len(p.Of) == scoresOnPage {
			p.More = p.At(fmt.Sprintf("%s?until=%s&from=%d", path, s.span.Last, from+scoresOnPage))
			break
		}
		p.Of = append(p.Of, p.of(i, in, s))
	}
	w.set.Show(v.rw, "legs", p.Base, p)
	return nil
}

// legsOne shows what became of the formal appeals of one authority, area or category.
func (w *Web) legsOne(v *visit) error {
	s, counts, err := w.legsScored(v)
	if err != nil {
		return err
	}
	all, id := w.items(v, s.kind, legIDs(counts)), v.PathValue("id")
	at := slices.IndexFunc(all, func(i item) bool { return cmp.Or(i.id, nobody) == id })
	if at < 0 {
		return page.ErrNotFound()
	}
	in, young := legSums(counts, s.span).of(all[at])
	p := w.legsPage(v, s, legsRoot+string(s.kind)+"/"+url.PathEscape(id))
	p.One, p.Young, p.Title = true, young, p.Title+": "+all[at].name
	one := p.of(all[at], in, s)
	p.Of, p.Rows = []legsOf{one}, one.Href+"/rows.csv?until="+s.span.Last
	for _, standing := range lane.LegStandings {
		p.All = append(p.All, standingRow{p.T("laneweb.legs." + string(standing)), p.T("laneweb.legs." + string(standing) + ".text"), p.Rows + "&standing=" + string(standing), in[standing]})
	}
	w.set.Show(v.rw, "legs", p.Base, p)
	return nil
}

// legsScored reads what a scoreboard of formal appeals is asked for, and its counts: of
// the months of its span, and of those that are not ripe yet.
func (w *Web) legsScored(v *visit) (s scoredOf, counts []lane.LegCount, err error) {
	if s, err = w.scored(v); err != nil {
		return s, nil, err
	}
	if counts, err = w.lane.TallyAppeals(v.Context(), s.kind, s.span.First, s.span.Last); err != nil {
		return s, nil, err
	}
	newest := lane.RipeSpan(w.lane.Today(), "").Last
	unripe, err := w.lane.TallyAppeals(v.Context(), s.kind, monthAfter(newest, 1), string(w.lane.Today())[:7])
	return s, append(counts, unripe...), err
}

// legIDs are counts as items takes them.
func legIDs(counts []lane.LegCount) (ids []lane.Count) {
	for _, c := range counts {
		ids = append(ids, lane.Count{ID: c.ID})
	}
	return ids
}

func legSums(counts []lane.LegCount, span lane.Span) sums[lane.LegStanding] {
	all := newSums[lane.LegStanding](span)
	for _, c := range counts {
		all.add(c.Month, c.ID, c.Standing, c.N)
	}
	return all
}

func (w *Web) legsPage(v *visit, s scoredOf, path string) legsPage {
	p := legsPage{base: w.base(v, path, "laneweb.legs"), MinSample: lane.MinSample, RipeDays: lane.RipeDays, Kind: string(s.kind)}
	p.From, p.Until, p.Older = p.Month(s.span.First), p.Month(s.span.Last), p.At(path+"?until="+monthAfter(s.span.First, -1))
	for _, k := range lane.Kinds {
		p.Kinds = append(p.Kinds, door{p.At(legsRoot + string(k) + "?until=" + s.span.Last), p.T("laneweb.score.per." + string(k)), k == s.kind})
	}
	return p
}

func (p legsPage) of(i item, in lane.LegTallied, s scoredOf) legsOf {
	one := legsOf{Name: i.name, Href: p.At(legsRoot + string(s.kind) + "/" + url.PathEscape(cmp.Or(i.id, nobody))), Sent: in.All()}
	inTime, late, silent := in.Three()
	for _, n := range []struct {
		key   string
		share lane.Share
	}{{"in_time", inTime}, {"late", late}, {"silent", silent}} {
		one.Three = append(one.Three, p.number("laneweb.legs."+n.key, "laneweb.legs."+n.key+".text", n.share))
	}
	return one
}

// number is a share on a page, with the words for it.
func (b base) number(name, text string, s lane.Share) number {
	share, low, high := s.Wilson()
	percent := func(x float64) string { return b.Lang.Decimal(100*x, 0) }
	return number{Name: b.T(name), Text: b.T(text), N: s.N, Of: s.Of, Enough: s.Enough(), Share: percent(share), Low: percent(low), High: percent(high)}
}

// legColumns are those of the rows behind the numbers of formal appeals.
var legColumns = []string{"id", "leg", "authority", "standing", "submitted", "submitted_by", "delivered", "delivered_by", "registered", "registered_by", "due", "ended", "ended_by", "entered", "address", "area", "category"}

// legRows gives the stays of formal appeals that a scoreboard counts, one row each.
func (w *Web) legRows(v *visit) error {
	s, err := w.scored(v)
	if err != nil {
		return err
	}
	id, standing := v.PathValue("id"), lane.LegStanding(v.URL.Query().Get("standing"))
	if standing != "" && !slices.Contains(lane.LegStandings, standing) || clean(id) != id {
		return page.ErrNotFound()
	}
	if id == nobody && s.kind == lane.PerAuthority {
		id = ""
	}
	ids := []string{id}
	if s.kind == lane.PerArea {
		ids = v.router.Directory().Inside(id)
	}
	done, err := w.lane.Download()
	if err != nil {
		return err
	}
	defer done()
	return pour(v, csvType, "appeals.csv", func(soon func() error) error {
		if err := table(v, legColumns)(v.rw); err != nil {
			return err
		}
		return w.lane.WalkLegs(v.Context(), s.kind, ids, s.span, func(batch []lane.LegRow) error {
			if err := soon(); err != nil {
				return err
			}
			return w.writeLegs(v, v.rw, batch, standing)
		})
	})
}

func (w *Web) writeLegs(v *visit, to io.Writer, batch []lane.LegRow, standing lane.LegStanding) error {
	var rows [][]string
	for _, r := range batch {
		if standing != "" && r.Standing != standing {
			continue
		}
		due := ""
		if r.Leg.Due != nil {
			due = string(r.Leg.Due.Day)
		}
		number := strconv.FormatInt(r.Request.ID, 10)
		row := []string{number, strconv.Itoa(r.Number), r.Leg.Authority, string(r.Standing)}
		for _, s := range []appeal.Stamp{r.Leg.Submitted, r.Leg.Delivered, r.Leg.Registered} {
			row = append(row, string(s.Day), string(s.By))
		}
		rows = append(rows, append(row, due, string(r.Leg.Ended.Day), string(r.Leg.Ended.By), string(r.Leg.Entered), "/"+v.lang.Path()+Root+"/case/"+number, r.Request.Area, r.Request.Category))
	}
	return writeRows(to, rows...)
}

// legsBefore leads from the addresses of the time when formal appeals were counted per
// authority alone.
func (w *Web) legsBefore(rest string) func(*visit) error {
	return func(v *visit) error {
		to := url.URL{Path: "/" + v.lang.Path() + Root + legsRoot + string(lane.PerAuthority), RawQuery: v.URL.RawQuery}
		if id := v.PathValue("id"); id != "" {
			to.Path += "/" + id + rest
		}
		http.Redirect(v.rw, v.Request, to.String(), http.StatusPermanentRedirect)
		return nil
	}
}
