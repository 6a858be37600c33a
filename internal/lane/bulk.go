package lane

import (
	"context"
	"errors"
	"slices"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// MaxBulk is how many assignments can be answered together.
const MaxBulk = 50

// Chose names an assignment and the step at which whoever chose it saw it.
type Chose struct{ Number, Step int64 }

// Could says of one of several assignments whether it can be, or was, answered.
// Of one that stands in no inbox of the account's authority only the number is known.
type Could struct {
	Assigned
	Seen int64 // the step at which it was chosen
	Why  error // why it cannot be, or was not; nil when it can or was
	Same bool  // it stands so already, by the same answer: it is not given again
}

// Picked gives the assignments that were chosen, in their order.
func (l *Lane) Picked(ctx context.Context, me Account, chosen []Chose) ([]Could, error) {
	var rows []lanedb.InboxRow
	for _, c := range chosen {
		row, err := l.db.InboxRowOf(ctx, me.Authority, c.Number)
		if errors.Is(err, fault.NotFound("lane.no_assignment")) {
			continue
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	found, err := l.assigned(ctx, me.Authority, rows)
	if err != nil {
		return nil, err
	}
	var all []Could
	for _, c := range chosen {
		one := Could{Seen: c.Step}
		if at := slices.IndexFunc(found, func(a Assigned) bool { return a.Number == c.Number }); at >= 0 {
			one.Assigned = found[at]
		} else {
			one.Number, one.Why = c.Number, fault.NotFound("lane.no_assignment", c.Number)
		}
		all = append(all, one)
	}
	return all, nil
}

// CouldBulk says which of several assignments of the account's authority one
// answer can be given to, and why the others cannot have it; nothing is changed. Places
// of a template in its words are filled for each.
func (l *Lane) CouldBulk(ctx context.Context, me Account, chosen []Chose, m Move) ([]Could, error) {
	all, err := l.Picked(ctx, me, chosen)
	if err != nil {
		return nil, err
	}
	for i := range all {
		c := &all[i]
		if c.Why != nil {
			continue
		}
		if c.Why = l.could(ctx, c.Assigned, c.Seen, m.filled(l, c.About.ID)); c.Why != nil {
			c.Same, err = l.Stands(ctx, c.About.ID, c.Number, m.filled(l, c.About.ID))
			if err != nil {
				return nil, err
			}
			if c.Same {
				c.Why = nil
			} else if f, ok := fault.Of(c.Why); !ok || f.Kind == fault.KindInternal {
				return nil, c.Why
			}
		}
	}
	return all, nil
}

// could holds the answer to one of several assignments against all that Answer
// does. Each proof is a picture of one place, so what needs one is answered by itself.
func (l *Lane) could(ctx context.Context, a Assigned, step int64, m Move) error {
	r, err := l.RouterOf(ctx, a.About)
	if err != nil {
		return err
	}
	if category, err := r.Category(a.About.Category); err != nil && a.About.Matter == Report {
		return err
	} else if err == nil && m.To == Mended && category.Proof != authority.NoProof {
		return fault.Conflict("lane.bulk_photo")
	}
	kept, err := l.db.Assignment(ctx, a.Number)
	if err != nil {
		return err
	}
	if kept.Step != step {
		return fault.Conflict("lane.moved", a.Number)
	}
	from := State(kept.State)
	if from == Routed { // whoever answers was reached, as in Answer
		from = Delivered
	}
	_, _, _, err = l.triedFrom(ctx, kept, from, m)
	return err
}

// Bulk gives one answer to several assignments of the account's authority: each
// by itself, with its own event, in its own transaction. What cannot have it is left as
// it is, and Why says why; what was answered so before is not answered again.
func (l *Lane) Bulk(ctx context.Context, me Account, chosen []Chose, m Move) ([]Could, error) {
	all, err := l.CouldBulk(ctx, me, chosen, m)
	if err != nil {
		return nil, err
	}
	for i := range all {
		c := &all[i]
		if c.Why != nil || c.Same {
			continue
		}
		one := m.filled(l, c.About.ID)
		one.By, one.Account = ByOfficial, me.Number
		err := l.Answer(ctx, c.Assignment, c.Seen, one)
		if errors.Is(err, fault.Conflict("lane.moved")) { // the same form, sent twice at once
			if c.Same, err = l.Stands(ctx, c.About.ID, c.Number, one); err == nil && !c.Same {
				err = fault.Conflict("lane.moved", c.Number)
			}
		}
		if f, ok := fault.Of(err); err != nil && (!ok || f.Kind == fault.KindInternal) {
			return nil, err
		}
		if c.Why = err; err == nil {
			c.State = m.To
		}
	}
	return all, nil
}

// Stands reports whether the newest act of an actor on an assignment is this move, and it stands.
func (l *Lane) Stands(ctx context.Context, request, assignment int64, m Move) (bool, error) {
	r, err := l.Request(ctx, request)
	if err != nil {
		return false, err
	}
	history, err := l.History(ctx, request)
	if err != nil {
		return false, err
	}
	for _, a := range r.Assignments {
		if a.Number != assignment {
			continue
		}
		for _, e := range slices.Backward(history) {
			if e.Authority == a.Authority && e.By == m.By {
				return e.To == m.To && e.Reason == m.Reason && e.On == m.On && e.Owner == m.Owner && e.Reference == m.Number && e.Picture == m.Picture && slices.Equal(e.Pictures, m.Pictures) && a.State == m.To, nil
			}
		}
	}
	return false, nil
}
