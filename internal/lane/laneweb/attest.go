package laneweb

import (
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

// formalPart is the formal appeal that lies or lay with the authority whose page it is on.
type formalPart struct {
	base
	Track  track
	Acts   []string // that can be attested now
	Own    []entryLine
	Seen   int
	Sealed bool // its number and words can be sealed to the writer
	Today  string
	Typed  typedEntry // what was not taken
}

// Tracked gives the page and its track to the template that shows it.
func (p formalPart) Tracked() tracked { return tracked{p.base, p.Track} }

// DayField gives a field for the day of an act to the template that shows it.
func (p formalPart) DayField(act string) dayField {
	return dayField{p.base, "formal-day-" + act, "day", p.Today, p.Typed.day(act)}
}

func (w *Web) formalPart(v *visit, b base, router *authority.Router, a lane.Assignment, r lane.Request) (*formalPart, error) {
	with, ok, err := w.lane.AppealWith(v.Context(), a, r)
	if err != nil || !ok {
		return nil, err
	}
	routers := []*authority.Router{v.router, router}
	p := &formalPart{base: b, Track: w.trackOf(v, routers, with.Appeal, false), Seen: len(with.Appeal.Entries), Sealed: with.Sealed, Today: string(with.Appeal.Today)}
	for _, act := range with.Acts {
		p.Acts = append(p.Acts, string(act))
	}
	for _, e := range with.Own {
		p.Own = append(p.Own, w.entryLine(v, routers, e, false))
	}
	return p, nil
}

// attestLink takes what an authority attests of a formal appeal, on a link's page.
func (w *Web) attestLink(v *visit) error {
	a, r, err := w.lane.Opened(v.Context(), v.PathValue("token"))
	if errors.Is(err, fault.Forbidden("lane.expired_link")) {
		return w.showLink(v, nil, false)
	}
	if err != nil {
		return err
	}
	return w.attestOwn(v, a, r, 0, func(trouble error, done bool) error { return w.showLink(v, trouble, done) })
}

// attestPart takes the same with an account.
func (w *Web) attestPart(v *visit, me lane.Account) error {
	number, err := strconv.ParseInt(v.PathValue("number"), 10, 64)
	if err != nil {
		return page.ErrNotFound()
	}
	a, r, err := w.lane.AssignedTo(v.Context(), me, number)
	if err != nil {
		return err
	}
	return w.attestOwn(v, a, r, me.Number, func(trouble error, done bool) error { return w.showOwnPart(v, me, number, trouble, done) })
}

func (w *Web) attestOwn(v *visit, a lane.Assignment, r lane.Request, account int64, show func(trouble error, done bool) error) error {
	seen, err := strconv.ParseInt(v.form.Get("seen"), 10, 64)
	if err != nil {
		return fault.Invalid("laneweb.bad_form")
	}
	if r.Hidden() {
		return show(nil, false)
	}
	e := lane.Entry{Act: appeal.Act(v.form.Get("act")), Day: appeal.Day(v.form.Get("day")), Authority: v.form.Get("authority"), Until: appeal.Day(v.form.Get("until")),
		Note: lane.Note{Number: strings.TrimSpace(v.form.Get("number")), Reason: oneLineEnd(v.form.Get("note"))}}
	if voids := v.form.Get("voids"); voids != "" {
		if e.Voids, err = strconv.ParseInt(voids, 10, 64); err != nil || e.Voids <= 0 {
			return fault.Invalid("laneweb.bad_form")
		}
	} else if !slices.Contains(lane.OwnActs, e.Act) {
		return fault.Invalid("laneweb.bad_form")
	}
	err = w.lane.AttestOwn(v.Context(), a, r, account, seen, e)
	if err != nil && !mendable(err) {
		return err
	}
	return show(err, err == nil)
}
