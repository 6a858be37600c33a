package laneweb

import (
	"context"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/page"
)

// The fields of the work that a form is asked for under load.
const (
	proofField = "proof" // the challenge
	workField  = "work"  // the numbers, which a script finds
)

// spareShare is which part of an hour's budget is taken without work while there
// is load; the rest is kept for what comes with it.
const spareShare = 4

// workPolicy lets the script of the work run, and its worker.
var workPolicy = page.Policy{Forms: true, Scripts: true, Workers: true}

// work is what a report is asked for before it is sent.
type work struct {
	lane.Challenge
	Parts int
}

// asks gives the work that the form with a code is asked for; nil while the load is ordinary.
func (w *Web) asks(v *visit, code string) (*work, error) {
	load, err := w.load(v)
	if err != nil || load == 0 {
		return nil, err
	}
	c, err := w.lane.Challenge(v.Context(), code, load)
	return &work{c, lane.WorkParts}, err
}

func (w *Web) load(v *visit) (lane.Load, error) {
	ctx, stop := context.WithTimeout(v.Context(), budgetPatience)
	defer stop()
	return w.budget.Load(ctx, w.budget.now())
}

// worked takes one report of the budget that is its own: without load the common
// one, under load the common one for work that is done, else what is spared for
// whoever cannot do it. trouble is why the report is to be shown and sent once
// more: its page was made before there was load, or the work is not what was asked for.
func (w *Web) worked(v *visit, code string) (unworked bool, trouble, err error) {
	load, err := w.load(v)
	if err != nil || load == 0 {
		if err == nil {
			err = w.takeOne(v)
		}
		return false, nil, err
	}
	challenge, done := v.form.Get(proofField), v.form.Get(workField)
	switch {
	case challenge == "":
		return false, fault.Conflict("laneweb.work"), nil
	case done == "":
		return true, nil, w.takeFrom(v, w.spare)
	}
	err = w.lane.Worked(v.Context(), code, challenge, done)
	if f, ok := fault.Of(err); ok && f.Key == "lane.work" {
		return false, err, nil
	}
	if err != nil {
		return false, nil, err
	}
	return false, nil, w.takeOne(v)
}

// showReview shows the page before sending, with the headers that the script of
// the work needs where there is work.
func (w *Web) showReview(v *visit, p reviewPage, trouble error) error {
	policy := draftPolicy
	if p.Work != nil {
		policy = workPolicy
	}
	w.showUnder(v, policy, "review", p.Base, p, statusOf(trouble))
	return nil
}
