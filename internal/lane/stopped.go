package lane

import (
	"context"

	"kua/internal/appeal"
	"kua/internal/lane/lanedb"
)

// LetterFate is what became of a letter to an authority that it refused.
type LetterFate string

// The fates. Each stands in the history, said by the house.
const (
	LetterStopped LetterFate = "stopped" // it is not tried any more
	LetterAgain   LetterFate = "again"   // a person had it tried anew
	LetterByHand  LetterFate = "by_hand" // a person brought it by another way
)

// A delivery stops when its receiver refused it so often and for so many days. RFC 5321
// (4.5.4.1) asks for four or five days of a mailbox that takes nothing for now; the count keeps
// a clock that was set wrong from ending a delivery at its second try.
const (
	maxRefused     = 10
	maxRefusedDays = 5
)

// Try is how a try to deliver ended that did not deliver.
type Try int

// The ends of a try.
const (
	TryNone    Try = iota // nothing was tried: the operator has something to do first
	TryFailed             // by nobody's word: no server answered, or it asks to come back
	TryRefused            // the receiver refused it
)

// refuse counts a refusal and reports whether the delivery stops with it.
func (l *Lane) refuse(kept *lanedb.Delivery) (stops bool) {
	today := l.today()
	if kept.Refused++; kept.RefusedSince == "" {
		kept.RefusedSince = string(today)
	}
	return kept.Refused >= maxRefused && daysBetween(appeal.Day(kept.RefusedSince), today) >= maxRefusedDays
}

// fate makes the event of a letter's fate.
func (l *Lane) fate(authority string, f LetterFate) Event {
	return Event{Day: l.today(), By: ByHouse, Authority: authority, Letter: f}
}

// Stopped gives deliveries that are not tried any more, since whoever was to have them
// refused them: those above after, in their order and at most limit. What was to be told to the same authority
// later waits behind them.
func (l *Lane) Stopped(ctx context.Context, after int64, limit int) ([]Delivery, error) {
	kept, err := l.db.Stopped(ctx, after, limit)
	var all []Delivery
	for _, d := range kept {
		all = append(all, delivery(d))
	}
	return all, err
}

// TryAgain has a delivery that stopped tried anew, from now on and as often as a new one; its
// key stays, so that what arrived all the same arrives once. The fault is lane.not_stopped.
func (l *Lane) TryAgain(ctx context.Context, number int64) error {
	return l.db.Restart(ctx, number, func(a lanedb.Assignment) lanedb.Write { return l.fate(a.Authority, LetterAgain).write })
}

// SentByHand keeps that a person brought a delivery that stopped by another way. The first that an
// authority hears of a request makes it delivered, in the history by hand. It starts no clock of a formal
// appeal: these have entries of their own. The fault is lane.not_stopped.
func (l *Lane) SentByHand(ctx context.Context, number int64) error {
	return l.db.ByHand(ctx, number, func(a lanedb.Assignment) (*lanedb.Assignment, lanedb.Write) {
		e := l.fate(a.Authority, LetterByHand)
		if State(a.State) != Routed {
			return nil, e.write
		}
		e.From, e.To = Routed, Delivered
		a.State, a.Day = string(Delivered), string(e.Day)
		return &a, e.write
	}, open)
}
