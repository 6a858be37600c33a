package lane

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// digestHour is from when on, by the clock of the country, a day's letter goes out.
const digestHour = 7

// soonDays is how near a day must be that is told of beforehand.
const soonDays = 3

// mostCounted is how far a letter counts.
const mostCounted = 1000

// Digest is one day's letter to an authority whose people have accounts: that
// something waits, in numbers alone.
type Digest struct {
	Authority       string
	Day             appeal.Day
	New, Soon, Over int  // nothing was done with them; due within three days; overdue
	Pledges, Broken int  // pledges whose day comes within three days; whose day is over
	More            bool // there are more than were counted

	kept lanedb.Digest
}

// Key names a letter for whoever gets it: the same at every try, and the same for nothing else.
func (d Digest) Key(place string) string {
	return fmt.Sprintf("day-%s-%s-%s", place, d.Authority, d.Day)
}

// None reports that there is nothing to tell.
func (d Digest) None() bool { return d.New+d.Soon+d.Over+d.Pledges+d.Broken == 0 }

// Mailbox gives the address to which an authority's daily letter goes: that of its
// channel of accounts. ok is false when it has none.
func Mailbox(a authority.Authority) (c authority.Channel, ok bool) {
	for _, c := range a.Channels {
		if c.Kind == authority.Account && c.Address != "" {
			return c, true
		}
	}
	return c, false
}

// DecideDigests decides on the letters of today, once for each authority that has
// accounts in use and a mailbox, from seven in the morning on: one is written where
// something waits and its people did not switch it off.
func (l *Lane) DecideDigests(ctx context.Context) error {
	_, router, err := l.Current(ctx)
	if err != nil {
		return err
	}
	d := router.Directory()
	zone := time.UTC
	if law, err := d.Book.Law(d.Info.Country); err == nil {
		if at, err := time.LoadLocation(law.Zone); err == nil {
			zone = at
		}
	}
	now := l.now().In(zone)
	if now.Hour() < digestHour {
		return nil
	}
	day := now.Format(time.DateOnly)
	decided, err := l.db.Digested(ctx, day)
	if err != nil {
		return err
	}
	for _, a := range d.Authorities {
		if _, ok := Mailbox(a); !ok || decided[a.ID] {
			continue
		}
		there, err := l.Reachable(ctx, a.ID)
		if err != nil {
			return err
		}
		off, err := l.db.DigestOff(ctx, a.ID)
		if err != nil {
			return err
		}
		counted := Digest{Authority: a.ID}
		if there && !off {
			if err := l.count(ctx, &counted); err != nil {
				return err
			}
		} else if !there {
			continue // an account that is set up later in the day is told of
		}
		if err := l.db.AddDigest(ctx, a.ID, day, !counted.None()); err != nil {
			return err
		}
	}
	return nil
}

// count counts what waits for an authority now.
func (l *Lane) count(ctx context.Context, d *Digest) (err error) {
	if d.New, err = l.db.Untouched(ctx, d.Authority, mostCounted); err != nil {
		return err
	}
	dues, cut, err := l.Dues(ctx, Account{Authority: d.Authority})
	d.Soon, d.Over, d.Pledges, d.Broken, d.More = 0, 0, 0, 0, cut || d.New >= mostCounted
	soon := l.today().Plus(soonDays)
	for _, due := range dues {
		switch {
		case due.Pledge && due.Over:
			d.Broken++
		case due.Pledge && due.Day <= soon:
			d.Pledges++
		case due.Pledge:
		case due.Over:
			d.Over++
		case due.Day <= soon:
			d.Soon++
		}
	}
	return err
}

// TakeDigest gives owner the letter that is due first, as it counts now, for as
// long as the lease; ok is false when there is none.
func (l *Lane) TakeDigest(ctx context.Context, owner string, lease time.Duration) (d Digest, ok bool, err error) {
	kept, ok, err := l.db.TakeDigest(ctx, owner, l.now(), lease)
	if err != nil || !ok {
		return d, ok, err
	}
	d = Digest{Authority: kept.Authority, Day: appeal.Day(kept.Day), kept: kept}
	return d, true, l.count(ctx, &d)
}

// SentDigest keeps that a letter was sent; DropDigest that nothing is left to tell.
func (l *Lane) SentDigest(ctx context.Context, d Digest) error {
	return l.db.EndDigest(ctx, d.kept, lanedb.Sent)
}

// DropDigest: see SentDigest.
func (l *Lane) DropDigest(ctx context.Context, d Digest) error {
	return l.db.EndDigest(ctx, d.kept, lanedb.Dropped)
}

// FailedDigest keeps why a letter could not be sent and gives it back, to be tried
// again after a pause that grows, until the next day's takes its place.
func (l *Lane) FailedDigest(ctx context.Context, d Digest, why error) error {
	d.kept.Fault, d.kept.FaultArgs = "lane.undelivered", "[]"
	if f, ok := fault.Of(why); ok {
		d.kept.Fault = f.Key
		if args, err := json.Marshal(f.Args); err == nil && len(f.Args) > 0 {
			d.kept.FaultArgs = string(args)
		}
	}
	return l.db.FailDigest(ctx, d.kept, l.now().Add(pause(d.kept.Tries)))
}

// DigestState is what an authority's accounts see of their daily letter.
type DigestState struct {
	Mailbox string // where it goes; "": there is no such address
	Off     bool
	Last    appeal.Day   // of the newest one; "" for none
	Why     *fault.Fault // why that one has not gone out yet; nil when it has
}

// DigestOf gives what there is of an authority's daily letter.
func (l *Lane) DigestOf(ctx context.Context, me Account) (s DigestState, err error) {
	a, err := l.authorityNow(ctx, me.Authority)
	if f, ok := fault.Of(err); ok && f.Key == "authority.unknown" {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	if c, ok := Mailbox(a); ok {
		s.Mailbox = c.Address
	}
	if s.Off, err = l.db.DigestOff(ctx, me.Authority); err != nil {
		return s, err
	}
	last, ok, err := l.db.LastDigest(ctx, me.Authority)
	if s.Last = appeal.Day(last.Day); ok && last.Fault != "" {
		s.Why = fault.New(fault.KindInternal, last.Fault)
		_ = json.Unmarshal([]byte(last.FaultArgs), &s.Why.Args) // written by FailedDigest; without them the sentence shows its places
	}
	return s, err
}

// SwitchDigest has an authority get its daily letter, or not. The fault is lane.not_admin.
func (l *Lane) SwitchDigest(ctx context.Context, me Account, off bool) error {
	if err := mayManage(&me, me.Authority); err != nil {
		return err
	}
	return l.db.SwitchDigest(ctx, me.Authority, string(l.today()), off, me.Number)
}
