package lane

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// Forward is a part of a request that was handed on to an Open311 endpoint.
type Forward = lanedb.Forward

// Forwarded keeps that a delivery was handed on to an endpoint and what it is
// called there, together with what Sent keeps.
func (l *Lane) Forwarded(ctx context.Context, d Delivery, seen int64, f Forward) error {
	f.Assignment = d.Assignment
	return l.sent(ctx, d, seen, &f)
}

// ForwardOf gives what an assignment was handed on as; ok is false for none.
func (l *Lane) ForwardOf(ctx context.Context, assignment int64) (f Forward, ok bool, err error) {
	return l.db.Forwarded(ctx, assignment)
}

// TakeForward gives owner, for as long as the lease, the part whose endpoint is to
// be asked next.
func (l *Lane) TakeForward(ctx context.Context, owner string, lease time.Duration) (f Forward, ok bool, err error) {
	return l.db.TakeForward(ctx, owner, l.now(), lease)
}

// KeepForward gives a part back, to be asked for again after a pause, or never
// again once the part is closed.
func (l *Lane) KeepForward(ctx context.Context, f Forward, pause time.Duration) error {
	a, err := l.db.Assignment(ctx, f.Assignment)
	if err != nil {
		return err
	}
	if !State(a.State).Open() {
		return l.db.KeepForward(ctx, f, time.Time{})
	}
	return l.db.KeepForward(ctx, f, l.now().Add(pause))
}

// Message is what the server of an authority says of a part that was handed on to it.
type Message struct {
	Update string // what it calls what it says; "" is refused: it could be taken twice
	To     State  // what it means, if anything: registered, in_work, answered_mended or answered_refused
	Number string // of registered
	Words  string
}

// Heard takes what the server of an authority says, once, however often it says
// it. What the table, or the proof that the category asks for, does not let be a
// move stands in the history as words of the authority: a server's "fixed" is no
// photo. fresh is false for what was taken before.
func (l *Lane) Heard(ctx context.Context, assignment int64, s Message) (fresh bool, err error) {
	if s.Update == "" {
		return false, fault.Invalid("lane.text", maxText)
	}
	for range 5 { // somebody may move it meanwhile
		if fresh, err = l.hear(ctx, assignment, s); !errors.Is(err, fault.Conflict("lane.moved")) {
			return fresh, err
		}
	}
	return fresh, err
}

func (l *Lane) hear(ctx context.Context, assignment int64, s Message) (fresh bool, err error) {
	a, err := l.db.Assignment(ctx, assignment)
	if err != nil {
		return false, err
	}
	history, err := l.History(ctx, a.Request)
	if err != nil {
		return false, err
	}
	for _, e := range history {
		if e.Authority == a.Authority && e.Update == s.Update {
			return false, nil
		}
	}
	words := Masked(shorten(s.Words))
	if s.To == Refused {
		words = cmp.Or(words, string(s.To)) // it needs a reason; signs that nobody can see are none
	}
	if !oneLine(s.Number, maxNumber) {
		s.To = ""
	}
	m := Move{To: s.To, By: ByOfficial, Reason: words, Number: MaskedNumber(s.Number), Update: s.Update}
	if slices.Contains(Next(State(a.State), ByOfficial), s.To) && m.To != Planned && m.To != InfoNeeded && m.To != Redirected {
		r, err := l.db.Request(ctx, a.Request)
		if err != nil {
			return false, err
		}
		_, router, err := l.Router(ctx, r.Directory)
		if err != nil {
			return false, err
		}
		category, err := router.Category(r.Category)
		if err != nil {
			return false, err
		}
		if m.To != Mended || category.Proof == authority.NoProof {
			return true, l.Move(ctx, assignment, a.Step, m)
		}
	}
	if words = cmp.Or(words, string(s.To)); words == "" || !State(a.State).Open() {
		return false, nil
	}
	e := Event{Day: l.today(), By: ByOfficial, Authority: a.Authority, Words: words, Update: s.Update}
	return true, l.db.AddEvent(ctx, a.Request, int64(len(history)), e.write)
}

// shorten makes a stranger's words fit to be kept: no signs that cannot be shown,
// and no more than a text may have.
func shorten(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !plain(string(r), 1) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
	if r := []rune(s); len(r) > maxText {
		s = string(r[:maxText-1]) + "…"
	}
	return s
}
