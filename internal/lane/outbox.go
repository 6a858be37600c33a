package lane

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"kua/internal/appeal"
	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// tells is the rule of the outbox: who must hear of an event. An authority hears
// of a report once it is routed to it, and after that of every act of the holder
// and the collective on the whole of it or on its own part, until that is closed;
// of the closing too. What another authority's answer is worth is not its business,
// nor is that words were not let through; what supporters say it hears of by AddVerdict alone.
func tells(body string, all []lanedb.Assignment) ([]lanedb.Tell, error) {
	var e Event
	if err := canon.Unmarshal([]byte(body), &e); err != nil {
		return nil, fmt.Errorf("read the event: %w", err)
	}
	if e.KeptOut() {
		return nil, nil // words that nobody may read are no news
	}
	var out []lanedb.Tell
	for _, a := range all {
		s := State(a.State)
		news := e.By != ByOfficial && e.By != BySupporter && e.To != Delivered && e.Blacks == 0 && e.Letter == "" && (e.Authority == "" || e.Authority == a.Authority)
		closed := e.Authority == a.Authority && e.To == s && (s == Withdrawn || s == Merged) && e.From != AwaitingCheck
		switch {
		case s == Routed && e.To != Delivered:
			out = append(out, lanedb.Tell{Assignment: a.Number, Day: string(e.Day), Opening: !news})
		case news && (closed || s.Open() && s != AwaitingCheck && s != Routed):
			out = append(out, lanedb.Tell{Assignment: a.Number, Day: string(e.Day)})
		}
	}
	return out, nil
}

// Delivery is one message to an authority: what is to be told, since when, and how
// it went so far.
type Delivery struct {
	Number, Request, Assignment int64
	Event                       int64 // the act that it tells of
	Opening                     bool  // the first that the authority hears of the request
	Waiting                     bool  // false: sent, stopped, or nothing is left to tell
	Stopped                     bool  // it is not tried any more until a person says so
	Since                       appeal.Day
	Tries                       int64
	Why                         *fault.Fault // why the last try failed; nil for none

	owner string
	round int64

	refused      int64
	refusedSince string
}

// Key names a delivery for whoever gets it: the same at every try, and the same
// for nothing else: case, assignment, act, how often it was asked for anew, and a
// piece of the act's own hash, since another lane counts from one too.
func (d Delivery) Key(history []Event) string {
	hash := ""
	if d.Event >= 1 && d.Event <= int64(len(history)) {
		hash = history[d.Event-1].Hash
	}
	return fmt.Sprintf("case-%d-%d-%d-%d-%.16s", d.Request, d.Assignment, d.Event, d.round, hash)
}

func delivery(d lanedb.Delivery) Delivery {
	out := Delivery{Number: d.Number, Request: d.Request, Assignment: d.Assignment, Event: d.Event, Opening: d.Opening,
		Waiting: d.State == lanedb.Waiting, Stopped: d.State == lanedb.Stopped, refused: d.Refused, refusedSince: d.RefusedSince, Since: appeal.Day(d.Day), Tries: d.Tries, owner: d.Owner, round: d.Round}
	if d.Fault != "" {
		out.Why = fault.New(fault.KindInternal, d.Fault)
		_ = json.Unmarshal([]byte(d.FaultArgs), &out.Why.Args) // written by Failed; without them the sentence shows its places
	}
	return out
}

// Take gives owner the next delivery that is due, for as long as the lease; ok is
// false when there is none. Several processes may take side by side, and none
// gets what another one has. Whoever is killed loses it when the lease ends.
func (l *Lane) Take(ctx context.Context, owner string, lease time.Duration) (d Delivery, ok bool, err error) {
	kept, ok, err := l.db.TakeDelivery(ctx, owner, l.now(), lease)
	return delivery(kept), ok, err
}

// Stale reports a delivery that has nothing left to tell: its request was taken
// back before its authority could have heard of it, or its authority has answered
// already, since an earlier try had reached it.
func (l *Lane) Stale(ctx context.Context, d Delivery) (bool, error) {
	a, err := l.db.Assignment(ctx, d.Assignment)
	if err != nil {
		return false, err
	}
	if d.Opening {
		return slices.Contains([]State{Withdrawn, Merged}, State(a.State)) || d.round == 0 && State(a.State) != Routed, nil
	}
	all, err := l.db.Deliveries(ctx, d.Request)
	for _, other := range all {
		if other.Assignment == d.Assignment && other.Opening {
			return other.State == lanedb.Dropped && other.Tries <= 1, err // its only try was the one that dropped it
		}
	}
	return false, err
}

// Sent keeps that a delivery was sent, and that with it its authority has seen the
// history up to the event seen. The first that an authority hears of a request
// makes it delivered; both are kept together.
func (l *Lane) Sent(ctx context.Context, d Delivery, seen int64) error {
	return l.sent(ctx, d, seen, nil)
}

func (l *Lane) sent(ctx context.Context, d Delivery, seen int64, forward *lanedb.Forward) error {
	return l.db.MarkSent(ctx, d.Number, seen, forward, func(a lanedb.Assignment) (*lanedb.Assignment, lanedb.Write) {
		if State(a.State) != Routed {
			return nil, nil
		}
		return l.delivered(a)
	}, open)
}

// delivered is the move of an assignment that its authority has heard of.
func (l *Lane) delivered(a lanedb.Assignment) (*lanedb.Assignment, lanedb.Write) {
	e := Event{Day: l.today(), By: ByHouse, Authority: a.Authority, From: Routed, To: Delivered}
	a.State, a.Day = string(Delivered), string(e.Day)
	return &a, e.write
}

func open(s string) bool { return State(s).Open() }

// The times between tries double up to the longest.
const (
	firstPause   = time.Minute
	longestPause = 6 * time.Hour
	idlePause    = time.Hour // of what nothing was tried with: the operator has something to do first
)

// pause is how long a delivery waits after so many tries.
func pause(tries int64) time.Duration {
	return min(firstPause<<min(max(tries-1, 0), 20), longestPause)
}

// Failed keeps why a delivery could not be sent and gives it back, to be tried
// again after a pause that grows. One that its receiver refused ten times, and for five days,
// stops with an event that says so; any other is never given up, and whoever waits for either sees it.
func (l *Lane) Failed(ctx context.Context, d Delivery, why error, ended Try) error {
	wait := pause(d.Tries)
	if ended == TryNone {
		d.Tries--
		wait = idlePause
	}
	kept := lanedb.Delivery{Number: d.Number, Owner: d.owner, Request: d.Request, Tries: d.Tries, Fault: "lane.undelivered", FaultArgs: "[]", Refused: d.refused, RefusedSince: d.refusedSince}
	if f, ok := fault.Of(why); ok {
		kept.Fault = f.Key
		if args, err := json.Marshal(f.Args); err == nil && len(f.Args) > 0 {
			kept.FaultArgs = string(args)
		}
	}
	if ended == TryRefused && l.refuse(&kept) {
		a, err := l.db.Assignment(ctx, d.Assignment)
		if err != nil {
			return err
		}
		return l.db.Stop(ctx, kept, l.fate(a.Authority, LetterStopped).write)
	}
	return l.db.MarkFailed(ctx, kept, l.now().Add(wait))
}

// Drop ends a delivery that is stale.
func (l *Lane) Drop(ctx context.Context, d Delivery) error {
	return l.db.DropDelivery(ctx, d.Number)
}

// Hurry makes everything that waits due now: for when the reason may be gone.
func (l *Lane) Hurry(ctx context.Context) error { return l.db.HurryDeliveries(ctx) }

// Deliveries gives what its authorities were to be told of a request, in the
// order in which it came to be.
func (l *Lane) Deliveries(ctx context.Context, request int64) ([]Delivery, error) {
	kept, err := l.db.Deliveries(ctx, request)
	var all []Delivery
	for _, d := range kept {
		all = append(all, delivery(d))
	}
	return all, err
}
