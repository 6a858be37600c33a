package lane

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/blob"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
	"kua/internal/locale"
)

// Ground is why a report is not let through; the words beside it say more.
type Ground string

// Grounds are those that there are.
var Grounds = []Ground{"persons", "insult", "advert", "elsewhere", "unclear", "other"}

// Queued is a report that waits to be looked at.
type Queued struct {
	Request Request
	Hold    Hold
}

// Queue gives reports that wait, oldest first, those above after and at most
// limit: for a first look, or for another one that their holders asked for.
func (l *Lane) Queue(ctx context.Context, again bool, after int64, limit int) (all []Queued, err error) {
	kept, err := l.db.Queue(ctx, again, after, limit)
	for _, k := range kept {
		r, err := l.Request(ctx, k.Request)
		if err != nil {
			return nil, err
		}
		h, _, err := l.Hold(ctx, k.Request)
		if err != nil {
			return nil, err
		}
		all = append(all, Queued{r, h})
	}
	return all, err
}

// QueueLength counts what waits for a first and for another look.
func (l *Lane) QueueLength(ctx context.Context) (first, again int64, err error) {
	return l.db.QueueLength(ctx)
}

// ExactForCheck gives the exact place of a report to a checker; nil for none.
func (l *Lane) ExactForCheck(ctx context.Context, request int64) (*authority.Point, error) {
	p, err := l.db.ExactPlace(ctx, request)
	return shownPlace(p), err
}

// OpenForCheck opens a picture of a report, or the small one of it, for a
// checker: those that wait are shown to nobody else. The fault is lane.no_picture.
func (l *Lane) OpenForCheck(ctx context.Context, request int64, hash string) (io.ReadSeekCloser, error) {
	all, err := l.Pictures(ctx, request)
	if err != nil {
		return nil, err
	}
	if !blob.IsHash(hash) || !slices.ContainsFunc(all[request], func(p Picture) bool { return hash == p.Hash || hash == p.Small }) {
		return nil, fault.NotFound("lane.no_picture", "")
	}
	store, err := l.pic.store()
	if err != nil {
		return nil, err
	}
	f, _, err := store.Open(ctx, hash)
	return f, err
}

// CheckedBy gives the names of those who decided on a report, by the number of
// the event. They are for checkers alone.
func (l *Lane) CheckedBy(ctx context.Context, request int64) (map[int64]string, error) {
	return l.db.Decided(ctx, request)
}

// Check is what a checker decides on a report.
type Check struct {
	Checker int64
	Request int64
	Seen    int64  // the number of events that the checker saw
	To      State  // Routed: it is let through; Withdrawn, Merged
	Ground  Ground // of Withdrawn
	Reason  string // of Withdrawn: public, needed; of the others public, not needed
	Into    int64  // of Merged: an open report that everybody may see
	Owner   string // of Routed, where nobody is bound: the authority to which the collective gives it
}

// Decide lets a report that waits through, withdraws it, or merges a report, also
// one that is under way, into another one. What it shows follows in the same
// transaction. The faults are lane.transition, lane.needs, lane.text,
// lane.check_reason (a link or a number in public words), lane.ground, lane.merge_into, lane.check_nobody,
// lane.no_request and lane.moved (something else happened since the checker looked).
func (l *Lane) Decide(ctx context.Context, c Check) error {
	r, err := l.Request(ctx, c.Request)
	if err != nil {
		return err
	}
	if err := c.fits(); err != nil {
		return err
	}
	if len(r.Assignments) == 0 {
		return fault.Conflict("lane.import.elsewhere", r.ID, r.Source)
	}
	if err := l.mergeable(ctx, r, c); err != nil {
		return err
	}
	h, _, err := l.Hold(ctx, c.Request)
	if err != nil {
		return err
	}
	today := l.today()
	d := lanedb.Decision{Request: c.Request, Checker: c.Checker, What: string(c.To), Ground: string(c.Ground), Day: string(today), Seen: c.Seen, Into: c.Into}
	var moves []lanedb.Assignment
	from := map[int64]State{}
	for _, a := range r.Assignments {
		waits := a.State == AwaitingCheck
		if !waits && c.To != Merged || !slices.Contains(r.Matter.Next(a.State, ByHouse), c.To) {
			continue
		}
		if waits {
			d.Held, d.Again, d.Waited = true, h.Again, daysBetween(h.Since, today)
		}
		from[a.Number] = a.State
		moves = append(moves, lanedb.Assignment{Number: a.Number, Request: c.Request, Authority: a.Authority, State: string(c.To), Day: string(today), Step: a.Step})
	}
	if len(moves) == 0 {
		return fault.Conflict("lane.transition", string(r.Assignments[0].State), string(c.To), string(ByHouse))
	}
	if c.To == Routed {
		if d.Owner, err = l.given(ctx, c, moves[0]); err != nil {
			return err
		}
		if d.Owner != "" {
			moves[0].Authority = d.Owner
		}
		if d.Release, err = l.release(ctx, r, h); err != nil {
			return err
		}
	}
	return l.db.Decide(ctx, d, moves, open, func(a lanedb.Assignment) lanedb.Write {
		return Event{Day: today, By: ByHouse, Authority: a.Authority, From: from[a.Number], To: c.To, Reason: c.Reason, Ground: c.Ground, Into: c.Into}.write
	})
}

// given is the authority to which the collective gives what nobody is bound to, or an
// authority that is no more; "" for what has one.
func (l *Lane) given(ctx context.Context, c Check, a lanedb.Assignment) (string, error) {
	if _, err := l.authorityNow(ctx, a.Authority); !errors.Is(err, fault.NotFound("authority.unknown")) {
		return "", err
	}
	if c.Owner == "" {
		return "", fault.Conflict("lane.check_nobody", c.Request)
	}
	_, err := l.authorityNow(ctx, c.Owner)
	return c.Owner, err
}

// fits holds a decision against what it needs.
func (c Check) fits() error {
	if !plain(c.Reason, maxText) {
		return fault.Invalid("lane.text", maxText)
	}
	private := private(c.Reason)
	switch {
	case !slices.Contains([]State{Routed, Withdrawn, Merged}, c.To):
		return fault.Conflict("lane.transition", string(AwaitingCheck), string(c.To), string(ByHouse))
	case c.To == Withdrawn && !slices.Contains(Grounds, c.Ground):
		return fault.Invalid("lane.ground")
	case c.To != Withdrawn && c.Ground != "":
		return fault.Invalid("lane.ground")
	case c.To == Withdrawn && strings.TrimSpace(c.Reason) == "":
		return fault.Invalid("lane.needs", string(c.To), "reason")
	case len(private) > 0:
		return fault.Invalid("lane.check_reason", strings.Join(private, ", "))
	}
	return nil
}

// mergeable holds the report that another one is merged into against what it must be.
func (l *Lane) mergeable(ctx context.Context, r Request, c Check) error {
	if c.To != Merged {
		return nil
	}
	into, err := l.Request(ctx, c.Into)
	if err != nil {
		return err
	}
	if into.ID == c.Request || into.Matter != r.Matter || into.Hidden() || !into.Open || !slices.ContainsFunc(into.Assignments, func(a Assignment) bool { return a.State != AwaitingCheck && a.State.Open() }) {
		return fault.Conflict("lane.merge_into", c.Into)
	}
	return nil
}

// release is what a report shows once it is let through: as its category does.
func (l *Lane) release(ctx context.Context, r Request, h Hold) (*lanedb.Release, error) {
	if h.Visibility == "" {
		h.Visibility = r.Visibility
	}
	exact, err := l.db.ExactPlace(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	out := &lanedb.Release{Visibility: string(h.Visibility)}
	if exact != nil {
		out.Public = public(*shownPlace(exact), h.Visibility)
	}
	return out, nil
}

func daysBetween(from, to appeal.Day) int64 {
	a, err1 := time.Parse(time.DateOnly, string(from))
	b, err2 := time.Parse(time.DateOnly, string(to))
	if err1 != nil || err2 != nil {
		return 0
	}
	return max(0, int64(b.Sub(a)/(24*time.Hour)))
}

// MayAskAgain reports whether the holder of a report can ask for another look: the
// house withdrew it or merged it into another one, and this was not asked before. The assignment is the one that
// would wait again.
func (l *Lane) MayAskAgain(ctx context.Context, request int64) (a Assignment, may bool, err error) {
	r, err := l.Request(ctx, request)
	if err != nil {
		return a, false, err
	}
	history, err := l.History(ctx, request)
	if err != nil {
		return a, false, err
	}
	h, _, err := l.Hold(ctx, request)
	if err != nil || h.Again {
		return a, false, err
	}
	for _, one := range r.Assignments {
		for _, e := range slices.Backward(history) {
			if e.Authority == one.Authority && e.To != "" {
				if one.State == e.To && (e.To == Withdrawn || e.To == Merged) && e.By == ByHouse {
					return one, true, nil
				}
				break
			}
		}
	}
	return a, false, nil
}

// notRefused says why another look cannot be asked for.
func notRefused(ctx context.Context, l *Lane, request int64) error {
	if h, _, err := l.Hold(ctx, request); err != nil || h.Again {
		if err != nil {
			return err
		}
		return fault.Conflict("lane.asked_again")
	}
	return fault.Conflict("lane.not_refused", request)
}

// ownWords holds a citizen's words that everybody reads against what they may be.
func ownWords(words string, lang locale.Tag, aware bool) error {
	if strings.TrimSpace(words) == "" || !plain(words, maxText) {
		return fault.Invalid("lane.text", maxText)
	}
	found, err := Danger(words, lang)
	if err == nil && len(found) > 0 && !aware {
		err = fault.Conflict("lane.danger", strings.Join(found, ", "))
	}
	return err
}
