package laneweb

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/page"
)

// onDesk is how many assignments a page of an inbox has: as many as can be
// answered together.
const onDesk = lane.MaxBulk

// inboxPage is what is assigned to an authority, narrowed as its address asks.
type inboxPage struct {
	base
	Desk        desk
	Query       string
	States      []named
	Categories  []named
	Areas       []named
	People      []named
	Tracks      []named
	Orders      []named
	Late        bool
	Pledges     []dueRow // whose day comes soon or is over
	Narrowed    bool     // by more than the state
	Parts       []assignedRow
	More, Again string // the next page; the first one
	Further     bool   // few were found among those that were looked at: the next page looks on
	Table       string // the same as CSV
	Trouble     string
	Hint        string
}

type assignedRow struct {
	Href, Words, In, Category, Area, Since, State string
	Report, Number, Step                          int64
	Marks                                         []string // planned for, due, overdue, who sees to it
	Late                                          bool
}

// sifted is what an inbox's address asks for; what is unknown there is left out.
type sifted struct {
	filter lane.InboxFilter
	values url.Values // the same, for another address
}

// The states by which an inbox is narrowed, besides open, closed and all.
var listedStates = []lane.State{lane.Routed, lane.Delivered, lane.Registered, lane.InWork, lane.Planned, lane.InfoNeeded, lane.Mended, lane.Refused, lane.Redirected, lane.Withdrawn, lane.Merged}

func (w *Web) sifted(v *visit, me lane.Account) sifted {
	q := v.URL.Query()
	s := sifted{lane.InboxFilter{Words: cut(q.Get("q")), Limit: onDesk, After: q.Get("after")}, url.Values{}}
	keep := func(name, value string) { s.values.Set(name, value) }
	switch state := q.Get("state"); {
	case state == "all":
		keep("state", state)
	case state == "closed":
		open := false
		s.filter.Open = &open
		keep("state", state)
	case slices.Contains(listedStates, lane.State(state)):
		s.filter.State = lane.State(state)
		keep("state", state)
	default:
		open := true
		s.filter.Open = &open
	}
	if s.filter.Words != "" {
		keep("q", s.filter.Words)
	}
	if id := q.Get("what"); id != "" {
		if _, err := v.router.Category(id); err == nil {
			s.filter.Category = id
			keep("what", id)
		}
	}
	if id := q.Get("area"); id != "" {
		if _, err := v.router.Area(id); err == nil {
			s.filter.Areas = v.router.Directory().Inside(id)
			keep("area", id)
		}
	}
	if who := q.Get("who"); who == "me" {
		s.filter.Person = &me.Number
		keep("who", who)
	} else if number, err := strconv.ParseInt(who, 10, 64); err == nil && number >= 0 {
		s.filter.Person = &number
		keep("who", strconv.FormatInt(number, 10))
	}
	if track := q.Get("track"); track == "appeal" || track == "report" {
		formal := track == "appeal"
		s.filter.Formal = &formal
		keep("track", track)
	}
	if q.Get("late") == "1" {
		s.filter.Late = true
		keep("late", "1")
	}
	if order := q.Get("order"); order == lane.NewestFirst || order == lane.LastAct {
		s.filter.Order = order
		keep("order", order)
	}
	return s
}

func (w *Web) inbox(v *visit, me lane.Account) error { return w.showInbox(v, me, nil) }

// showInbox shows the inbox, and why something that was asked of it was not done.
func (w *Web) showInbox(v *visit, me lane.Account, trouble error) error {
	s := w.sifted(v, me)
	found, err := w.lane.Inbox(v.Context(), me, s.filter)
	if err != nil {
		return err
	}
	all, err := w.lane.Accounts(v.Context(), me.Authority)
	if err != nil {
		return err
	}
	p := inboxPage{base: w.base(v, "/office/", "office.inbox"), Query: s.filter.Words, Late: s.filter.Late, Further: found.Next != "" && len(found.Rows) < onDesk}
	p.Desk = w.desk(v, p.base, me)
	if trouble != nil {
		p.Trouble, p.Hint = p.Fault(trouble)
	}
	dues, err := w.lane.PledgesDue(v.Context(), me)
	if err != nil {
		return err
	}
	for _, d := range dues[:min(len(dues), onDesk)] {
		p.Pledges = append(p.Pledges, w.dueRow(p.base, d))
	}
	p.choices(v, s, me, all)
	names := w.names(p.base, all)
	for _, a := range found.Rows {
		p.Parts = append(p.Parts, w.assignedRow(v, p.base, a, names))
	}
	p.Narrowed = len(s.values) > 1 || len(s.values) == 1 && !s.values.Has("state")
	p.Table = p.At("/office/inbox.csv?" + s.values.Encode())
	if v.URL.Query().Has("after") {
		p.Again = p.At("/office/?" + s.values.Encode())
	}
	if found.Next != "" {
		s.values.Set("after", found.Next)
		p.More = p.At("/office/?" + s.values.Encode())
	}
	return w.show(v, "office", p.Base, p, trouble)
}

// choices fills the fields by which an inbox is narrowed.
func (p *inboxPage) choices(v *visit, s sifted, me lane.Account, all []lane.Account) {
	chosen := func(name, value string) bool { return s.values.Get(name) == value }
	d := v.router.Directory()
	p.States = []named{{ID: "open", Name: p.T("office.open"), Chosen: !s.values.Has("state")}, {ID: "closed", Name: p.T("office.closed"), Chosen: chosen("state", "closed")},
		{ID: "all", Name: p.T("office.all"), Chosen: chosen("state", "all")}}
	for _, state := range listedStates {
		p.States = append(p.States, named{ID: string(state), Name: p.T("laneweb.state." + string(state)), Chosen: chosen("state", string(state))})
	}
	for _, k := range d.Categories {
		if !k.Sealed {
			p.Categories = append(p.Categories, named{ID: k.ID, Name: k.Names.In(v.lang), Chosen: k.ID == s.filter.Category})
		}
	}
	p.Areas = leading(d, v.lang, s.values.Get(areaField))
	p.People = []named{{ID: "me", Name: p.T("office.who.me"), Chosen: chosen("who", "me")}, {ID: "0", Name: p.T("office.who.nobody"), Chosen: chosen("who", "0")}}
	for _, a := range all {
		if number := strconv.FormatInt(a.Number, 10); a.State == lane.AccountLive && a.Number != me.Number || chosen("who", number) {
			p.People = append(p.People, named{ID: number, Name: a.Name, Chosen: chosen("who", number)})
		}
	}
	for _, track := range []string{"report", "appeal"} {
		p.Tracks = append(p.Tracks, named{ID: track, Name: p.T("office.track." + track), Chosen: chosen("track", track)})
	}
	for _, order := range []string{lane.OldestFirst, lane.NewestFirst, lane.LastAct} {
		p.Orders = append(p.Orders, named{ID: order, Name: p.T("office.order." + order), Chosen: chosen("order", order) || order == lane.OldestFirst && !s.values.Has("order")})
	}
}

// assignedRow is an assignment as lists of an account show it.
func (w *Web) assignedRow(v *visit, b base, a lane.Assigned, names map[int64]string) assignedRow {
	t := w.told(v.lang, v.router, a.About)
	row := assignedRow{Href: b.At("/office/part/" + strconv.FormatInt(a.Number, 10)), Words: short(a.About.Words), In: t.In, Category: t.Category, Area: t.Area,
		Since: b.Date(string(a.Since)), State: w.of(v.lang, a.About.Matter, "state."+string(a.State)), Report: a.About.ID, Number: a.Number, Step: a.Step, Late: a.Late()}
	mark := func(key string, args ...any) { row.Marks = append(row.Marks, b.T(key, args...)) }
	switch {
	case a.Missed:
		mark("office.mark.missed", b.Date(string(a.Planned)))
	case a.Planned != "":
		mark("office.mark.planned", b.Date(string(a.Planned)))
	}
	switch {
	case a.Overdue > 0:
		mark("office.mark.overdue", b.Date(string(a.Due)))
	case a.Due != "":
		mark("office.mark.due", b.Date(string(a.Due)))
	case a.Formal:
		mark("office.mark.formal")
	}
	if a.Person != 0 {
		mark("office.mark.person", names[a.Person])
	}
	return row
}

// names are those of an authority's accounts by their numbers, for its own accounts' eyes.
func (w *Web) names(b base, all []lane.Account) map[int64]string {
	names := map[int64]string{0: b.T("office.operator")}
	for _, a := range all {
		names[a.Number] = a.Name
	}
	return names
}

func traceLine(b base, names map[int64]string, t lane.AccountTrace) string {
	day, by := b.Date(string(t.Day)), names[t.By]
	switch {
	case t.Assignment == 0:
		return b.T("office.trace", day, names[t.Account], b.T("office.trace."+t.What), by)
	case t.What == "assigned":
		return b.T("office.trace.assigned", day, t.Request, names[t.Account], by)
	case t.What == "unassigned":
		return b.T("office.trace.unassigned", day, t.Request, names[t.Account], by)
	}
	if state, ok := strings.CutPrefix(t.What, "to_"); ok {
		return b.T("office.trace.moved", day, t.Request, b.T("laneweb.state."+state), by)
	}
	return b.T("office.trace.moved", day, t.Request, b.T("official.act."+strings.TrimPrefix(t.What, "attested_")), by)
}

// ownPart is what an authority's accounts alone see of an assignment.
type ownPart struct {
	People    []named // who can see to it
	Templates []named
	Traces    []string
}

// maxPartTraces is how much of what accounts did with an assignment its page shows.
const maxPartTraces = 20

// part is one assignment: the page that its link opens, with an account's forms.
func (w *Web) part(v *visit, me lane.Account) error {
	number, err := strconv.ParseInt(v.PathValue("number"), 10, 64)
	if err != nil {
		return page.ErrNotFound()
	}
	a, r, err := w.lane.AssignedTo(v.Context(), me, number)
	if err != nil {
		return err
	}
	show := func(trouble error, done bool) error { return w.showOwnPart(v, me, number, trouble, done) }
	if v.Method == http.MethodGet {
		return show(nil, false)
	}
	if v.form.Has("correct") {
		return w.correct(v, r, show)
	}
	return w.takeAnswer(v, a, r, me.Number, show)
}

// showOwnPart shows an assignment to an account of its authority.
func (w *Web) showOwnPart(v *visit, me lane.Account, number int64, trouble error, done bool) error {
	a, r, err := w.lane.AssignedTo(v.Context(), me, number)
	if err != nil {
		return err
	}
	at := "/office/part/" + strconv.FormatInt(number, 10)
	p := linkPage{base: w.base(v, at, "laneweb.link.title", r.ID), Action: at, Done: done}
	p.Desk = w.desk(v, p.base, me)
	if p.Own, err = w.ownPart(v, p.base, me, number); err != nil {
		return err
	}
	if err := w.insert(v, &p, me, r); err != nil {
		return err
	}
	return w.showPart(v, p, a, r, trouble)
}

func (w *Web) ownPart(v *visit, b base, me lane.Account, number int64) (*ownPart, error) {
	person, err := w.lane.SeesTo(v.Context(), me, number)
	if f, ok := fault.Of(err); ok && f.Key == "lane.no_assignment" {
		return nil, nil // it is hidden: nobody sees to it
	}
	if err != nil {
		return nil, err
	}
	all, err := w.lane.Accounts(v.Context(), me.Authority)
	if err != nil {
		return nil, err
	}
	own := &ownPart{People: []named{{ID: "0", Name: b.T("office.who.nobody"), Chosen: person == 0}}}
	for _, a := range all {
		if a.State == lane.AccountLive || a.Number == person {
			own.People = append(own.People, named{ID: strconv.FormatInt(a.Number, 10), Name: a.Name, Chosen: a.Number == person})
		}
	}
	traces, err := w.lane.PartTraces(v.Context(), me, number, maxPartTraces)
	if err != nil {
		return nil, err
	}
	names := w.names(b, all)
	for _, t := range traces {
		own.Traces = append(own.Traces, traceLine(b, names, t))
	}
	return own, nil
}

// assign has somebody of the authority see to an assignment.
func (w *Web) assign(v *visit, me lane.Account) error {
	number, err := strconv.ParseInt(v.PathValue("number"), 10, 64)
	if err != nil {
		return page.ErrNotFound()
	}
	account, err := strconv.ParseInt(v.form.Get("person"), 10, 64)
	if err != nil {
		return fault.Invalid("laneweb.bad_form")
	}
	err = w.lane.Assign(v.Context(), me, number, account)
	if f, ok := fault.Of(err); ok && f.Key == "lane.no_account" {
		return w.showOwnPart(v, me, number, err, false)
	}
	if err != nil {
		return err
	}
	return w.showOwnPart(v, me, number, nil, true)
}

// inboxColumns are those of the table of an inbox: nothing of whoever wrote but
// their words, which are public, and nobody's name.
var inboxColumns = []string{"report", "day", "part", "state", "since", "last_act", "planned", "planned_missed", "track", "due", "days_overdue", "category", "category_name", "area", "area_name",
	"language", "words", "address"}

// inboxTable gives the inbox, narrowed as the page is, as CSV (RFC 4180), oldest first.
func (w *Web) inboxTable(v *visit, me lane.Account) error {
	s := w.sifted(v, me)
	s.filter.Limit, s.filter.Order = tableBatch, lane.OldestFirst // what is acted on meanwhile does not move in this order
	select {
	case w.streams <- struct{}{}:
	default:
		return fault.Later("laneweb.data.busy", maxStreams)
	}
	defer func() { <-w.streams }()
	return pour(v, csvType, "inbox.csv", func(soon func() error) error {
		err := table(v, inboxColumns)(v.rw)
		for err == nil {
			var found lane.InboxPage
			if found, err = w.lane.Inbox(v.Context(), me, s.filter); err != nil {
				break
			}
			var rows [][]string
			for _, a := range found.Rows {
				rows = append(rows, w.inboxCells(v, a))
			}
			if err = soon(); err == nil {
				err = writeRows(v.rw, rows...)
			}
			if s.filter.After = found.Next; found.Next == "" {
				break
			}
		}
		return err
	})
}

// tableBatch is how many rows of a table are held at a time.
const tableBatch = 200

func (w *Web) inboxCells(v *visit, a lane.Assigned) []string {
	t := w.told(v.lang, v.router, a.About)
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	missed, track, over := "no", "report", ""
	if a.Missed {
		missed = "yes"
	}
	if a.Formal {
		track = "appeal"
	}
	if a.Overdue > 0 {
		over = strconv.Itoa(a.Overdue)
	}
	return []string{number(a.About.ID), string(a.About.Day), number(a.Number), string(a.State), string(a.Since), string(a.Acted), string(a.Planned), missed, track, string(a.Due), over,
		a.About.Category, page.Cell(t.Category), a.About.Area, page.Cell(t.Area), string(a.About.Language), page.Cell(a.About.Words),
		"/" + v.lang.Path() + Root + "/case/" + number(a.About.ID)}
}
