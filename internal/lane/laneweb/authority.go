package laneweb

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/page"
)

// linkPage is a report as the authority sees it that its link was sent to: what
// there is to mend, and the answers that can be given.
type linkPage struct {
	base
	Token         string
	Action        string // where its forms go
	Desk          desk   // of whoever came with an account
	Own           *ownPart
	Inserted      string // a template's words, for the answer
	Formal        *formalPart
	Authority     string
	Case          casePage
	State         string
	Correct       *correcting // of what the authority said itself
	Exact         string      // the place, where everybody else sees it only roughly
	Step          int64
	Photo         bool   // one can be added
	NeedsPhoto    bool   // that it is mended must be shown
	Kept          []shot // the photo of an answer that was not taken
	Owners        []named
	Today         string
	Done          bool
	Expired       bool // a new link can be asked for, nothing else
	Renewed       bool
	Trouble, Hint string
	Typed         string // the words of an answer that was not taken
	Tried         string // and what it was
	Day, Number   string // typed with it

	can   []lane.State
	state lane.State
}

// Over is the sentence for a part to which no answer can be given any more.
func (p linkPage) Over() string {
	switch p.state {
	case lane.Mended, lane.Refused:
		return "laneweb.link.closed"
	case lane.Redirected:
		return "laneweb.link.passed"
	}
	return "laneweb.link.over"
}

// Can reports whether an answer is possible now.
func (p linkPage) Can(state string) bool { return slices.Contains(p.can, lane.State(state)) }

// Said gives the words that stand in the field of an answer already: those that
// were typed and not taken, or a template's.
func (p linkPage) Said(state string) string {
	if p.Tried == state {
		return p.Typed
	}
	return p.Inserted
}

// NoPhoto reports that one is needed and cannot be taken.
func (p linkPage) NoPhoto() bool { return p.NeedsPhoto && !p.Photo }

// Asked reports a question, whose answer is words.
func (p linkPage) Asked() bool { return p.Case.Matter == lane.Question }

// MostMB is the most that a photo may have.
func (linkPage) MostMB() int { return lane.MaxPictureBytes >> 20 }

// Others reports whether there is any answer but that it is mended.
func (p linkPage) Others() bool { return len(p.can) > 0 }

// Both gives the page and what is told to the template that shows it.
func (p linkPage) Both() sheet { return sheet{p.base, p.Case.Told} }

// link opens a report for its authority. Looking changes nothing: mail servers
// follow links too.
func (w *Web) link(v *visit) error { return w.showLink(v, nil, false) }

// showLink shows the page of a link, and why an answer was not taken.
func (w *Web) showLink(v *visit, trouble error, done bool) error {
	v.rw.Header().Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	token := v.PathValue("token")
	a, r, err := w.lane.Opened(v.Context(), token)
	if errors.Is(err, fault.Forbidden("lane.expired_link")) {
		return w.showExpired(v, token, err)
	}
	if err != nil {
		return err
	}
	p := linkPage{base: w.base(v, "/at/"+token, "laneweb.link.title", r.ID), Token: token, Action: "/at/" + token, Done: done}
	return w.showPart(v, p, a, r, trouble)
}

// showPart completes the page of an assignment as its authority sees it, by a
// link or with an account, and shows it.
func (w *Web) showPart(v *visit, p linkPage, a lane.Assignment, r lane.Request, trouble error) error {
	router, err := w.lane.RouterOf(v.Context(), r)
	if err != nil {
		return err
	}
	p.Authority, p.Step, p.Today = v.authority(router, a.Authority), a.Step, string(w.lane.Today())
	p.state, p.State = a.State, w.of(v.lang, r.Matter, "state."+string(a.State))
	if p.Case, err = w.casePage(v, r.ID, false); err != nil {
		return err
	}
	if r.Matter != lane.Report {
		p.Title = p.Case.Title
	}
	if p.Case.Hidden {
		return w.show(v, "link", p.Base, p, trouble)
	}
	exact, err := w.lane.ExactFor(v.Context(), a, r)
	if err != nil {
		return err
	}
	if exact != nil && (r.Place == nil || *exact != *r.Place) {
		p.Exact = exact.String()
	}
	p.can = r.Matter.Next(a.State, lane.ByOfficial)
	if a.State == lane.Routed { // it was reached, and the house has not written it down yet
		p.can = r.Matter.Next(lane.Delivered, lane.ByOfficial)
	}
	p.Correct = w.correcting(v, r, a)
	if category, err := router.Category(r.Category); err == nil && r.Matter == lane.Report && category.Proof != authority.NoProof {
		p.NeedsPhoto = true
	}
	p.Photo = w.lane.TakesPictures()
	for _, other := range v.router.Directory().Authorities {
		if other.ID != a.Authority {
			p.Owners = append(p.Owners, named{ID: other.ID, Name: other.Names.In(v.lang)})
		}
	}
	if p.Formal, err = w.formalPart(v, p.base, router, a, r); err != nil {
		return err
	}
	if trouble != nil {
		p.Trouble, p.Hint = p.Fault(trouble)
		p.Typed, p.Tried, p.Day = clean(v.form.Get("reason")), v.form.Get("to"), v.form.Get("on")
		if p.Tried == string(lane.Registered) {
			p.Number = clean(v.form.Get("number"))
		}
		for i, o := range p.Owners {
			p.Owners[i].Chosen = p.Tried == string(lane.Redirected) && o.ID == v.form.Get("owner")
		}
		if p.Formal != nil && v.form.Has("act") {
			p.Formal.Typed = entryTyped(v.form, "note")
		}
		if p.Kept, err = w.drafted(v, p.base, chosen(v.form)); err != nil {
			return err
		}
	}
	if p.Shrinks() {
		w.showUnder(v, photoPolicy, "link", p.Base, p, statusOf(trouble))
		return nil
	}
	return w.show(v, "link", p.Base, p, trouble)
}

// show answers with a page, under the status of what was wrong, if anything was.
func (w *Web) show(v *visit, name string, b page.Base, data any, trouble error) error {
	if trouble != nil {
		writeStatus(v.rw, page.Status(trouble))
	}
	w.set.Show(v.rw, name, b, data)
	return nil
}

func (w *Web) showExpired(v *visit, token string, err error) error {
	if f, ok := fault.Of(err); ok && len(f.Args) > 0 {
		if day, ok := f.Args[0].(appeal.Day); ok {
			err = fault.Forbidden(f.Key, v.lang.Date(string(day)))
		}
	}
	p := linkPage{base: w.base(v, "/at/"+token, "laneweb.link.renew"), Token: token, Expired: true, Typed: clean(cmp.Or(v.form.Get("reason"), v.form.Get("note")))}
	p.Trouble, _ = p.Fault(err)
	return w.show(v, "link", p.Base, p, err)
}

// renew sends a new link to the address that the authority is known by, for one
// that has expired. Whoever asks sees nothing of it.
func (w *Web) renew(v *visit) error {
	v.rw.Header().Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	token := v.PathValue("token")
	a, of, err := w.lane.Opened(v.Context(), token)
	if err == nil {
		return w.showLink(v, nil, false) // it opens still
	}
	if !errors.Is(err, fault.Forbidden("lane.expired_link")) {
		return err
	}
	if err := w.takeAct(v, of.ID, lane.ByOfficial); err != nil {
		return err
	}
	if err := w.lane.Renew(v.Context(), a.Number, false); err != nil {
		return err
	}
	p := linkPage{base: w.base(v, "/at/"+token, "laneweb.link.renew"), Token: token, Expired: true, Renewed: true}
	return w.show(v, "link", p.Base, p, nil)
}

// takeOne takes one of the hour's budget of reports, or says when to come back.
func (w *Web) takeOne(v *visit) error { return w.takeFrom(v, w.budget) }

func (w *Web) takeFrom(v *visit, b *budget) error {
	wait, err := b.take()
	if err != nil {
		v.rw.Header().Set("Retry-After", strconv.Itoa(wait))
	}
	return err
}

// answer takes an authority's answer.
func (w *Web) answer(v *visit) error {
	a, r, err := w.lane.Opened(v.Context(), v.PathValue("token"))
	if errors.Is(err, fault.Forbidden("lane.expired_link")) {
		return w.showLink(v, nil, false)
	}
	if err != nil {
		return err
	}
	return w.takeAnswer(v, a, r, 0, func(trouble error, done bool) error { return w.showLink(v, trouble, done) })
}

// takeAnswer takes what an authority says of its assignment, by a link or with an
// account (0: by a link), and shows the page anew.
func (w *Web) takeAnswer(v *visit, a lane.Assignment, r lane.Request, account int64, show func(trouble error, done bool) error) error {
	step, err := strconv.ParseInt(v.form.Get("step"), 10, 64)
	if err != nil {
		return fault.Invalid("laneweb.bad_form")
	}
	m := lane.Move{To: lane.State(v.form.Get("to")), By: lane.ByOfficial, Account: account, Reason: oneLineEnd(v.form.Get("reason"))}
	switch m.To {
	case lane.Mended:
		if v.photoTrouble != nil {
			return show(v.photoTrouble, false)
		}
		if all := chosen(v.form); len(all) > 0 {
			m.Picture = all[len(all)-1] // the newest: a photo chosen anew takes the place of the one before
		}
	case lane.Planned:
		m.On = appeal.Day(v.form.Get("on"))
	case lane.Redirected:
		m.Owner = v.form.Get("owner")
	case lane.Registered:
		m.Number = strings.TrimSpace(v.form.Get("number"))
	}
	err = w.lane.Answer(v.Context(), a, step, m)
	f, known := fault.Of(err)
	switch {
	case err == nil:
		return show(nil, true)
	case errors.Is(err, fault.Conflict("lane.moved")):
		if same, broken := w.lane.Stands(v.Context(), r.ID, a.Number, m); same && broken == nil {
			return show(nil, true) // it was sent twice
		}
		return show(err, false)
	case errors.Is(err, fault.Invalid("lane.needs")):
		return show(fault.Invalid("laneweb.link.missing").Because(err), false)
	case known && (f.Kind == fault.KindInvalid || f.Kind == fault.KindConflict || f.Kind == fault.KindNotFound):
		return show(err, false)
	}
	return err
}

// holderAnswers takes the answer of a holder to the question of an authority; the
// authority is told.
func (w *Web) holderAnswers(v *visit) error {
	id, err := w.lane.Held(v.Context(), v.form.Get(codeField))
	if err != nil {
		return w.mistyped(v, err)
	}
	number, err1 := strconv.ParseInt(v.form.Get("part"), 10, 64)
	step, err2 := strconv.ParseInt(v.form.Get("step"), 10, 64)
	if err1 != nil || err2 != nil {
		return fault.Invalid("laneweb.bad_form")
	}
	if err := w.takeAct(v, id, lane.ByHolder); err != nil {
		return w.notBegun(v, err)
	}
	if v.photoTaken || v.photoTrouble != nil {
		return w.showMine(v, v.photoTrouble)
	}
	return w.heard(v, w.lane.Reply(v.Context(), v.form.Get(codeField), number, step, oneLineEnd(v.form.Get(wordsField)), v.lang, v.form.Get(awareField) == "yes", chosen(v.form)...))
}

// inquiry is a question of an authority that waits for the holder's answer.
type inquiry struct {
	Authority, Question string
	Part, Step          int64
	Snaps               snaps
}

// ID is its part, as a form has it.
func (q inquiry) ID() string { return strconv.FormatInt(q.Part, 10) }

// questions gives the questions that wait for a holder.
func (w *Web) questions(v *visit, id int64) (all []inquiry, err error) {
	r, err := w.lane.Request(v.Context(), id)
	if err != nil {
		return nil, err
	}
	history, err := w.lane.History(v.Context(), id)
	if err != nil {
		return nil, err
	}
	router, err := w.lane.RouterOf(v.Context(), r)
	if err != nil {
		return nil, err
	}
	for _, a := range r.Assignments {
		if a.State != lane.InfoNeeded {
			continue
		}
		q := inquiry{Authority: v.authority(router, a.Authority), Part: a.Number, Step: a.Step}
		for _, e := range history {
			if e.Authority == a.Authority && e.To == lane.InfoNeeded {
				q.Question = e.Reason
			}
		}
		all = append(all, q)
	}
	return all, nil
}
