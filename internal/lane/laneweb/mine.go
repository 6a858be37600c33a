package laneweb

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kua/internal/fault"
	"kua/internal/lane"
)

// leavingField is the field of why a report is taken back.
const leavingField = "reason"

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
	Answering     string // the part to whose question what was typed is an answer; "": to none
	Snaps         snaps  // that come with words that are added
	Looked        string // where photos stand that are to be looked at before anything is said; "": none
	Done          bool   // something was just taken
	Seals         bool   // a contact can be left
	ContactSince  string // when one was left
	Contact       string // what was typed and not taken
	Holding       holding
	Held          []heldWords // that they wrote and that wait
	Leaving       string      // a reason to withdraw that was typed and not taken
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
		return w.notBegun(v, err)
	}
	if v.photoTaken || v.photoTrouble != nil {
		return w.showMine(v, v.photoTrouble)
	}
	return w.heard(v, w.lane.Add(v.Context(), lane.Addition{Code: v.form.Get(codeField), Words: oneLineEnd(v.form.Get(wordsField)), After: after,
		Aware: v.form.Get(awareField) == "yes", Pictures: chosen(v.form)}))
}

// taken shows the page anew after something was taken, and says so.
func (w *Web) taken(v *visit) error {
	delete(v.form, pictureField)
	v.done = true
	return w.showMine(v, nil)
}

// askCode asks for the code; the address never holds it.
func (w *Web) askCode(v *visit, trouble error) error {
	p := minePage{base: w.base(v, "/mine", "laneweb.mine")}
	if trouble != nil {
		p.Trouble, p.Hint = p.Fault(trouble)
		p.Title = p.Trouble
		p.Code = cut(v.form.Get(codeField)) // of sixteen signs one may be wrong
	}
	return w.show(v, "mine", p.Base, p, trouble)
}

// mistyped asks anew for a code that brought nothing.
func (w *Web) mistyped(v *visit, err error) error {
	f, ok := fault.Of(err)
	switch {
	case ok && f.Key == "lane.no_picture": // the code is right; a photo that waited too long is gone
		return w.showMine(v, err)
	case ok && (f.Kind == fault.KindInvalid || f.Kind == fault.KindNotFound):
		return w.askCode(v, err)
	}
	return err
}

// notBegun says why nothing of what somebody with a code asked for was done.
func (w *Web) notBegun(v *visit, err error) error {
	if tooMuch(err) {
		return w.showMine(v, err)
	}
	return w.mistyped(v, err)
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
	p := minePage{base: w.base(v, "/mine", "laneweb.mine"), Done: v.done, Code: v.form.Get(codeField), Case: &c, Withdraw: len(open) > 0,
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
	if err := w.snap(v, &p); err != nil {
		return err
	}
	if trouble != nil || v.photoTaken {
		p.Adding, p.Contact, p.Answering = clean(v.form.Get(wordsField)), clean(v.form.Get(contactField)), v.form.Get("part")
		p.Leaving = clean(v.form.Get(leavingField))
		if !slices.ContainsFunc(p.Questions, func(q inquiry) bool { return q.ID() == p.Answering }) {
			p.Answering = "" // it is asked no more: what was typed can be added
		}
	}
	if trouble != nil {
		p.Trouble, p.Hint = p.Fault(trouble)
		if f, ok := fault.Of(trouble); ok && f.Key == "lane.danger" && len(f.Args) > 0 {
			p.Danger = fmt.Sprint(f.Args[0])
		}
	}
	if trouble != nil || v.photoTaken {
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
// for everybody to read. It stays readable, and its history with it. A reason that is not
// taken stands in its field again; one with words of danger is not, since nobody looks at it first.
func (w *Web) withdraw(v *visit) error {
	id, err := w.lane.Held(v.Context(), v.form.Get(codeField))
	if err != nil {
		return w.mistyped(v, err)
	}
	reason := oneLineEnd(v.form.Get(leavingField))
	return w.holderAct(v, func() error {
		if reason == "" {
			return fault.Invalid("laneweb.reason")
		}
		found, err := lane.Danger(reason, v.lang)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return fault.Conflict("lane.danger", strings.Join(found, ", "))
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
		return nil
	})
}
