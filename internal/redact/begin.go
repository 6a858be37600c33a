package redact

import "slices"

// Begin gives the plan with another beginning: hidden, or shown. Shots about
// which nobody has decided go with it, and what was looked through was another
// plan: somebody looks again.
func Begin(p Plan, covered bool) Plan {
	if p.Covered == covered {
		return p
	}
	p.Covered, p.Reviewed = covered, false
	p.Shots = slices.Clone(p.Shots)
	for i := range p.Shots {
		if p.Shots[i].By == "" {
			p.Shots[i].Covered = covered
		}
	}
	return p
}

// OnPages gives a document's plan for the pages as they are now. What was marked
// on other pictures of the same sizes stays and nobody has gone through it any
// more; pages of other sizes begin anew, hidden.
func (p Plan) OnPages(pages []Page) Plan {
	if slices.Equal(p.Pages, pages) {
		return p
	}
	if !slices.EqualFunc(p.Pages, pages, func(a, b Page) bool { return a.W == b.W && a.H == b.H }) {
		return NewDocument(p.Original, pages)
	}
	p.Pages, p.Reviewed = pages, false
	return p
}
