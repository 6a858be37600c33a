package lane

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// LetterFate is what became of a letter to an authority that it refused.
type LetterFate string

// The fates. Each stands in the history, said by the house.
const (
	LetterStopped LetterFate = "stopped" // it is not tried any more
	LetterAgain   LetterFate = "again"   // a person had it tried anew
	LetterByHand  LetterFate = "by_hand" // a person brought it by another way

	LetterReturned LetterFate = "returned" // its server took it, and sent word later that it did not arrive
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

const letterContext = "kua open lane letter\n"

// LetterName gives a delivery's key with a seal over it, as a letter is called: a report that it
// did not arrive is believed of whoever has seen it, and keys can be guessed.
func (l *Lane) LetterName(ctx context.Context, key string) (string, error) {
	secret, err := l.linkKey(ctx)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(letterContext + key))
	return key + "-" + hex.EncodeToString(mac.Sum(nil)[:linkSeal]), nil
}

// Returned is what was made of a report that a letter did not arrive.
type Returned struct {
	Delivery, Request int64
	Authority         string
	Stopped           bool // false: the report was known, or a later letter has taken this one's place
}

// CameBack takes a server's report that a letter which it had taken did not arrive after all:
// the delivery stops with an event that says so, and a request of which its authority
// heard by that letter alone is routed again, as not delivered. Status is the server's (RFC 3463).
// The fault is lane.not_sent, of a name that no letter to an authority was given here.
func (l *Lane) CameBack(ctx context.Context, name, status string) (back Returned, err error) {
	none := fault.NotFound("lane.not_sent")
	key := name[:max(strings.LastIndex(name, "-"), 0)]
	made, err := l.LetterName(ctx, key)
	if err != nil {
		return back, err
	}
	if !hmac.Equal([]byte(made), []byte(name)) {
		return back, none
	}
	var d Delivery
	if _, err := fmt.Sscanf(key, "case-%d-%d-%d-%d-", &d.Request, &d.Assignment, &d.Event, &d.round); err != nil {
		return back, none.Because(err)
	}
	all, err := l.db.Deliveries(ctx, d.Request)
	if err != nil {
		return back, err
	}
	for _, k := range all {
		if k.Assignment != d.Assignment || k.Event != d.Event {
			continue
		}
		a, err := l.db.Assignment(ctx, k.Assignment)
		if err != nil {
			return back, err
		}
		back = Returned{Delivery: k.Number, Request: k.Request, Authority: a.Authority}
		k.Round, k.Fault = d.round, "lane.came_back"
		if args, err := json.Marshal([]string{cmp.Or(status, "5.0.0")}); err == nil {
			k.FaultArgs = string(args)
		}
		back.Stopped, err = l.db.CameBack(ctx, k, l.undelivered, open)
		return back, err
	}
	return back, none
}

// undelivered is what becomes of an assignment whose authority was to hear of it by a letter that came back.
func (l *Lane) undelivered(d lanedb.Delivery, a lanedb.Assignment) (*lanedb.Assignment, lanedb.Write) {
	e := l.fate(a.Authority, LetterReturned)
	if !d.Opening || State(a.State) != Delivered { // whoever answered has heard of it all the same
		return nil, e.write
	}
	e.From, e.To = Delivered, Routed
	a.State, a.Day = string(Routed), string(e.Day)
	return &a, e.write
}
