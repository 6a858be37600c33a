package laneweb

import (
	"io"
	"net/url"
	"slices"
	"strconv"

	"kua/internal/appeal"
	"kua/internal/lane"
	"kua/internal/page"
)

// legsPage is the scoreboard of formal appeals: that of all authorities, in the
// directory's order, or of one with all that is counted.
type legsPage struct {
	base
	From, Until         string // months
	MinSample, RipeDays int
	Of                  []legsOf
	One                 bool
	All                 []standingRow
	Young               int64
	Rows, Older         string
}

// legsOf are the numbers of one authority.
type legsOf struct {
	Name, Href string
	Sent       int64
	Three      []number
}

// legs shows what became of formal appeals, per authority.
func (w *Web) legs(v *visit) error {
	span := lane.RipeSpan(w.lane.Today(), v.URL.Query().Get("until"))
	all, id := "/score/appeals", v.PathValue("id")
	path := all
	if id != "" {
		path += "/" + url.PathEscape(id)
	}
	p := legsPage{base: w.base(v, path, "laneweb.legs"), MinSample: lane.MinSample, RipeDays: lane.RipeDays, One: id != ""}
	p.From, p.Until, p.Older = p.Month(span.First), p.Month(span.Last), p.At(path+"?until="+monthAfter(span.First, -1))
	counts, err := w.lane.TallyAppeals(v.Context(), span.First, span.Last)
	if err != nil {
		return err
	}
	newest := lane.RipeSpan(w.lane.Today(), "").Last
	unripe, err := w.lane.TallyAppeals(v.Context(), monthAfter(newest, 1), string(w.lane.Today())[:7])
	if err != nil {
		return err
	}
	counts = append(counts, unripe...)
	var ids []lane.Count // as items takes them
	for _, c := range counts {
		ids = append(ids, lane.Count{ID: c.Authority})
	}
	for _, i := range w.items(v, lane.PerAuthority, ids) {
		in, young := lane.LegTallied{}, int64(0)
		for _, c := range counts {
			switch {
			case c.Authority != i.id:
			case c.Month > newest:
				young += c.N
			default:
				in[c.Standing] += c.N
			}
		}
		if p.One && i.id != id || !p.One && in.All()+young == 0 {
			continue
		}
		one := legsOf{Name: i.name, Href: p.At(all + "/" + url.PathEscape(i.id)), Sent: in.All()}
		inTime, late, silent := in.Three()
		for _, n := range []struct {
			key   string
			share lane.Share
		}{{"in_time", inTime}, {"late", late}, {"silent", silent}} {
			one.Three = append(one.Three, p.number("laneweb.legs."+n.key, "laneweb.legs."+n.key+".text", n.share))
		}
		p.Of = append(p.Of, one)
		if p.One {
			p.Title, p.Young, p.Rows = p.Title+": "+i.name, young, one.Href+"/rows.csv?until="+span.Last
			for _, s := range lane.LegStandings {
				p.All = append(p.All, standingRow{p.T("laneweb.legs." + string(s)), p.T("laneweb.legs." + string(s) + ".text"), p.Rows + "&standing=" + string(s), in[s]})
			}
		}
	}
	if p.One && len(p.Of) == 0 {
		return page.ErrNotFound()
	}
	w.set.Show(v.rw, "legs", p.Base, p)
	return nil
}

// number is a share on a page, with the words for it.
func (b base) number(name, text string, s lane.Share) number {
	share, low, high := s.Wilson()
	percent := func(x float64) string { return b.Lang.Decimal(100*x, 0) }
	return number{Name: b.T(name), Text: b.T(text), N: s.N, Of: s.Of, Enough: s.Enough(), Share: percent(share), Low: percent(low), High: percent(high)}
}

// legColumns are those of the rows behind the numbers of formal appeals.
var legColumns = []string{"id", "leg", "authority", "standing", "submitted", "submitted_by", "delivered", "delivered_by", "registered", "registered_by", "due", "ended", "ended_by", "entered", "address"}

// legRows gives the stays of formal appeals that a scoreboard counts, one row each.
func (w *Web) legRows(v *visit) error {
	id, standing := v.PathValue("id"), lane.LegStanding(v.URL.Query().Get("standing"))
	if standing != "" && !slices.Contains(lane.LegStandings, standing) || clean(id) != id {
		return page.ErrNotFound()
	}
	span := lane.RipeSpan(w.lane.Today(), v.URL.Query().Get("until"))
	done, err := w.lane.Download()
	if err != nil {
		return err
	}
	defer done()
	return pour(v, csvType, "appeals.csv", func(soon func() error) error {
		if err := table(v, legColumns)(v.rw); err != nil {
			return err
		}
		return w.lane.WalkLegs(v.Context(), id, span, func(batch []lane.LegRow) error {
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
		number := strconv.FormatInt(r.Request, 10)
		row := []string{number, strconv.Itoa(r.Number), r.Leg.Authority, string(r.Standing)}
		for _, s := range []appeal.Stamp{r.Leg.Submitted, r.Leg.Delivered, r.Leg.Registered} {
			row = append(row, string(s.Day), string(s.By))
		}
		rows = append(rows, append(row, due, string(r.Leg.Ended.Day), string(r.Leg.Ended.By), string(r.Leg.Entered), "/"+v.lang.Path()+Root+"/case/"+number))
	}
	return writeRows(to, rows...)
}
