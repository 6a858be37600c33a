package laneweb

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/page"
)

// minePage is where a holder comes back with the code: first it asks for it, then
// it shows their report and what they can do.
type minePage struct {
	base
	Code          string
	Case          *casePage
	Withdraw      bool // it can be withdrawn
	Trouble, Hint string
	Danger        string // words in Adding that can mean danger
	Adding        string // what was typed to be added
	Seen          int    // events
	Questions     []inquiry
	Answering     bool   // what was typed was an answer to one, and no addition
	Seals         bool   // a contact can be left
	ContactSince  string // when one was left
	Contact       string // what was typed and not taken
	Holding       holding
	Held          []heldWords // that they wrote and that wait
	Supporter     bool        // the code is of somebody with the same trouble
	Asked         []asking
	TakesPhotos   bool
	Results       []named // outcomes to choose from
	Telling       bool    // an outcome was not taken
	On, Link      string  // of it
}

func (w *Web) mine(v *visit) error {
	if v.form == nil {
		return w.askCode(v, nil)
	}
	return w.showMine(v, nil)
}

// add appends words, for everybody to read; words of danger are steered first.
func (w *Web) add(v *visit) error {
	after, err := strconv.ParseInt(v.form.Get("seen"), 10, 64)
	if err != nil {
		return fault.Invalid("laneweb.bad_form")
	}
	if err := w.knownAndFew(v); err != nil {
		return w.mistyped(v, err)
	}
	err = w.lane.Add(v.Context(), lane.Addition{Code: v.form.Get(codeField), Words: oneLineEnd(v.form.Get(wordsField)), After: after,
		Aware: v.form.Get(awareField) == "yes"})
	if f, ok := fault.Of(err); ok && (f.Kind == fault.KindInvalid || f.Kind == fault.KindConflict) {
		return w.showMine(v, err)
	}
	if err != nil {
		return w.mistyped(v, err)
	}
	return w.showMine(v, nil)
}

// askCode asks for the code; the address never holds it.
func (w *Web) askCode(v *visit, trouble error) error {
	p := minePage{base: w.base(v, "/mine", "laneweb.mine")}
	if trouble != nil {
		p.Trouble, p.Hint = p.Fault(trouble)
		p.Title = p.Trouble
		v.rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		v.rw.WriteHeader(page.Status(trouble))
	}
	w.set.Show(v.rw, "mine", p.Base, p)
	return nil
}

// mistyped asks anew for a code that brought nothing.
func (w *Web) mistyped(v *visit, err error) error {
	if f, ok := fault.Of(err); ok && (f.Kind == fault.KindInvalid || f.Kind == fault.KindNotFound) {
		return w.askCode(v, err)
	}
	return err
}

// showMine shows a holder their report, and why something was not taken.
func (w *Web) showMine(v *visit, trouble error) error {
	who, err := w.lane.Who(v.Context(), v.form.Get(codeField))
	if err != nil {
		return w.mistyped(v, err)
	}
	c, err := w.casePage(v, who.Request, who.Holder)
	if err != nil {
		return err
	}
	c.Ask = false // it is asked above
	open, err := w.withdrawable(v, who.Request)
	if err != nil {
		return err
	}
	p := minePage{base: w.base(v, "/mine", "laneweb.mine"), Code: v.form.Get(codeField), Case: &c, Withdraw: len(open) > 0,
		Seen: len(c.History), Supporter: !who.Holder, Results: w.results(v), Seals: w.lane.Seals(), TakesPhotos: w.lane.TakesPictures()}
	if p.Asked, err = w.asking(v, who, &c); err != nil {
		return err
	}
	if who.Holder {
		if p.Questions, err = w.questions(v, who.Request); err != nil {
			return err
		}
		if p.Holding, err = w.holding(v, who.Request); err != nil {
			return err
		}
		if p.ContactSince, err = w.keptContact(v, who.Request); err != nil {
			return err
		}
	}
	if p.Held, err = w.heldWords(v, who.Request, p.Code); err != nil {
		return err
	}
	if trouble != nil {
		p.Adding, p.Contact, p.Answering = clean(v.form.Get(wordsField)), clean(v.form.Get(contactField)), v.form.Has("part")
		p.Trouble, p.Hint = p.Fault(trouble)
		if f, ok := fault.Of(trouble); ok && f.Key == "lane.danger" && len(f.Args) > 0 {
			p.Danger = fmt.Sprint(f.Args[0])
		}
		p.returned(v.form)
	}
	if v.photoTaken && trouble == nil {
		p.returned(v.form)
	}
	if p.Shrinks() {
		w.showUnder(v, photoPolicy, "mine", p.Base, p, statusOf(trouble))
		return nil
	}
	return w.show(v, "mine", p.Base, p, trouble)
}

// MostMB is the most megabytes of one photo.
func (minePage) MostMB() int { return lane.MaxPictureBytes >> 20 }

// withdrawable gives the assignments of a request that its holder can withdraw.
func (w *Web) withdrawable(v *visit, id int64) (all []lane.Assignment, err error) {
	r, err := w.lane.Request(v.Context(), id)
	for _, a := range r.Assignments {
		if slices.Contains(lane.Next(a.State, lane.ByHolder), lane.Withdrawn) {
			all = append(all, a)
		}
	}
	return all, err
}

// withdraw takes a report back from every authority that has it, with the reason
// for everybody to read. It stays readable, and its history with it.
func (w *Web) withdraw(v *visit) error {
	id, err := w.lane.Held(v.Context(), v.form.Get(codeField))
	if err != nil {
		return w.mistyped(v, err)
	}
	reason := oneLineEnd(v.form.Get("reason"))
	if reason == "" {
		return fault.Invalid("laneweb.reason")
	}
	if found, err := lane.Danger(reason, v.lang); err != nil || len(found) > 0 {
		return cmp.Or(err, error(fault.Conflict("lane.danger", strings.Join(found, ", "))))
	}
	open, err := w.withdrawable(v, id)
	if err != nil {
		return err
	}
	for _, a := range open {
		if err := w.lane.Move(v.Context(), a.Number, a.Step, lane.Move{To: lane.Withdrawn, By: lane.ByHolder, Reason: reason}); err != nil {
			return err
		}
	}
	return w.showMine(v, nil)
}
