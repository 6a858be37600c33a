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
