package laneweb

import (
	"strconv"
	"strings"

	"kua/internal/authority"
	"kua/internal/lane"
	"kua/internal/locale"
)

// casePage is a report as everybody sees it.
type casePage struct {
	base
	ID         int64
	Matter     lane.Matter
	Told       told
	Hidden     bool   // it waits to be looked at
	Open       bool   // something is still to come from an authority
	Source     string // of one that was taken over: from where
	Day        string
	Supporters int64
	Same       string   // a code with which its reader can say that they have the same trouble
	Thanks     bool     // its reader has just said that they have the same trouble
	Code       []string // the code with which they did, in groups
	Ask        bool     // an answer stands that people are asked about
	Outcomes   []outcomeLine
	Parts      []part
	Why        []string
	Doubts     []string
	History    []line
	Track      track  // the formal appeal
	Hash       string // of the newest event: it covers all
	HeldPhotos int    // photos that wait with it
	Decided    []line // why the house did not let it through, of one that shows nothing else

	said func(key string, args ...any) string
}

// Said gives a sentence in the words for what the request is.
func (p casePage) Said(key string) string { return p.said(key) }

// Black says that what the request said was erased, "" where it stands.
func (p casePage) Black() string {
	if p.Told.Words != lane.Black || len(p.History) == 0 {
		return ""
	}
	return p.History[0].Black
}

// Supported says how many are behind it.
func (p casePage) Supported() string { return p.said("supporters", p.Supporters) }

// Both gives the page and what is told to the template that shows it.
func (p casePage) Both() sheet { return sheet{p.base, p.Told} }

// part is what one authority has of it.
type part struct {
	Authority, State, Since string
	Href                    string   // of the authority's page
	Waits                   string   // what it could not be told so far
	Lines                   []string // as what it is counted, and what people say of its answer
}

// line is one act in the history.
type line struct {
	Day, By, State, Authority, Reason, On, Owner, Number, Into, Words, Link string
	Black                                                                   string // that its words were erased, when and why
	Photos                                                                  []shot
}

func (w *Web) request(v *visit) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	return w.showCase(v, id, "")
}

// showCase shows a case; code is of somebody who has just supported it.
func (w *Web) showCase(v *visit, id int64, code string) error {
	p, err := w.casePage(v, id, false)
	if err != nil {
		return err
	}
	if p.Thanks = code != ""; p.Thanks {
		p.Code = strings.Split(code, "-")
	} else if p.Open {
		p.Same = lane.NewCode()
	}
	w.set.Show(v.rw, "case", p.Base, p)
	return nil
}

// casePage gathers a case. Its holder sees also what is held back from others.
func (w *Web) casePage(v *visit, id int64, holder bool) (casePage, error) {
	r, err := w.lane.Request(v.Context(), id)
	if err != nil {
		return casePage{}, err
	}
	router, err := w.lane.RouterOf(v.Context(), r)
	if err != nil {
		return casePage{}, err
	}
	p := casePage{base: w.base(v, "/case/"+strconv.FormatInt(id, 10), "laneweb.case", id), ID: id, Day: v.lang.Date(string(r.Day)), Hidden: r.Hidden(), Matter: r.Matter, Source: r.Source}
	p.said = func(key string, args ...any) string { return w.of(v.lang, r.Matter, key, args...) }
	p.Title = p.said("case", id)
	if p.Hidden && !holder {
		p.Decided, err = w.refusals(v, router, r.Matter, id)
		return p, err
	}
	p.Told, p.Open = w.told(v.lang, router, r), r.Open && !p.Hidden && r.Matter != lane.Announcement
	if _, err := v.router.Area(r.Area); err == nil { // today's directory has it too
		p.Told.AreaHref = p.At("/area/" + r.Area)
	}
	beside, err := w.lane.Beside(v.Context(), id)
	if err != nil {
		return p, err
	}
	p.Supporters = beside.Supporters
	for _, a := range r.Assignments {
		p.Parts = append(p.Parts, part{Authority: v.authority(router, a.Authority), Href: p.authorityAt(v.router, a.Authority), State: w.of(v.lang, r.Matter, "state."+string(a.State)), Since: v.lang.Date(string(a.Since))})
	}
	if beside.Troubles {
		if err := w.waits(v.Context(), p.base, r, p.Parts); err != nil {
			return p, err
		}
	}
	if err := w.judged(v, &p, r, beside); err != nil {
		return p, err
	}
	if r.Matter == lane.Report && r.Source == "" { // what was taken over went to nobody
		w.routed(v, &p, router, r)
	}
	if p.Track, err = w.publicTrack(v, router, id, beside.Entries); err != nil {
		return p, err
	}
	events, err := w.lane.History(v.Context(), id)
	if err != nil {
		return p, err
	}
	var pictures map[int64][]lane.Picture
	if beside.Pictures {
		if pictures, err = w.lane.Pictures(v.Context(), id); err != nil {
			return p, err
		}
	}
	shots := map[int64][]shot{}
	if p.Hidden {
		p.HeldPhotos = len(pictures[id]) // they are shown to nobody, not to their holder either
	} else {
		shots = w.byEvent(p.base, pictures[id])
	}
	p.Told.Photos = shots[1]
	for _, e := range events {
		l := w.line(v, router, r.Matter, e)
		if e.Blacked != 0 {
			l.Black = w.blackened(v.lang, events[e.Blacked-1])
		}
		if e.Number > 1 {
			l.Photos = shots[e.Number]
		}
		p.History, p.Hash = append(p.History, l), e.Hash
	}
	return p, nil
}

// routed says why a report went where it went.
func (w *Web) routed(v *visit, p *casePage, router *authority.Router, r lane.Request) {
	q := authority.Query{Category: r.Category, Area: r.Area, On: r.Day}
	if r.Visibility == authority.Public && r.Place != nil {
		q.At, q.Area = r.Place, ""
	}
	routing := router.Route(q)
	p.Why, p.Doubts = w.say(v.lang, routing.Why), w.say(v.lang, routing.Doubts)
}

// blackened says that words were erased, by the event that erased them.
func (w *Web) blackened(lang locale.Tag, by lane.Event) string {
	return w.cat.T(lang, "blackout.said", lang.Date(string(by.Day)), w.cat.T(lang, "check.ground."+string(by.Ground)))
}

func (w *Web) line(v *visit, router *authority.Router, m lane.Matter, e lane.Event) line {
	l := line{Day: v.lang.Date(string(e.Day)), By: w.cat.T(v.lang, "laneweb.by."+string(e.By)), State: w.of(v.lang, m, "state."+string(e.To)),
		Authority: v.authority(router, e.Authority), Reason: e.Reason, Number: e.Reference}
	switch {
	case m.Post() && e.Words != "":
		l.Words = e.Words
		if e.Corrects {
			l.State = w.cat.T(v.lang, "voice.corrected")
		}
	case e.Blacks != 0:
		l.State = w.cat.T(v.lang, "blackout.line", e.Blacks)
	case e.Words != "":
		l.State, l.Words = w.cat.T(v.lang, "laneweb.added"), e.Words
	}
	if e.Letter != "" {
		l.State = w.cat.T(v.lang, "stopped.line."+string(e.Letter))
	}
	if e.KeptOut() {
		l.State = w.cat.T(v.lang, "check.words.refused")
	}
	if e.Ground != "" {
		l.Reason = strings.TrimSpace(w.cat.T(v.lang, "check.ground."+string(e.Ground)) + "\n" + e.Reason)
	}
	w.act(v.lang, m, e, &l)
	if e.On != "" {
		l.On = v.lang.Date(string(e.On))
	}
	if e.Owner != "" {
		l.Owner = v.authority(router, e.Owner)
	}
	if e.Into != 0 {
		l.Into = strconv.FormatInt(e.Into, 10)
	}
	return l
}

// refusals gives what the house decided on a report that is not shown: the
// reasons are public.
func (w *Web) refusals(v *visit, router *authority.Router, m lane.Matter, id int64) (all []line, err error) {
	events, err := w.lane.History(v.Context(), id)
	for _, e := range events {
		if e.By == lane.ByHouse && (e.To == lane.Withdrawn || e.To == lane.Merged) {
			all = append(all, w.line(v, router, m, e))
		}
	}
	return all, err
}
