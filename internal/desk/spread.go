package desk

import (
	"context"
	"errors"
	"time"

	"kua/internal/desk/deskdb"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/spread"
)

// Spreaded is what one round of sending did.
type Spreaded struct {
	Sent   int         // posts that stand at their channels, or were put in place of one
	Gone   int         // posts that were taken away
	Failed int         // calls that did not end well
	Told   int         // servers that were told something of an account of ours
	Untold int         // calls to such servers that did not end well
	Away   []NodeFault // nodes at which an account stands and that could not be asked
	Halted bool        // everything is stopped
	Next   time.Time   // when the next post may go; zero when none waits for its time
	Counts deskdb.PostCounts

	placed bool // takePlace was called
}

// PostCounts counts what of spreading waits for somebody.
func (d *Desk) PostCounts(ctx context.Context) (deskdb.PostCounts, error) {
	return d.db.CountPosts(ctx)
}

// PostsDue reports whether Spread would call somebody now.
func (d *Desk) PostsDue(ctx context.Context) (bool, error) { return d.db.PostsDue(ctx) }

// Spread carries on what happened to records, and makes every call whose time has
// come, one after the other: what is to be taken away goes first. After each call
// it looks anew at what is due, and whether spreading was stopped. A platform's
// failure is kept with its post and is no error.
func (d *Desk) Spread(ctx context.Context, progress func(done, total int64)) (Spreaded, error) {
	return d.round(ctx, false, progress)
}

// TakeAway is Spread for what is to be taken away, and for nothing else.
func (d *Desk) TakeAway(ctx context.Context, progress func(done, total int64)) (Spreaded, error) {
	return d.round(ctx, true, progress)
}

func (d *Desk) round(ctx context.Context, away bool, progress func(done, total int64)) (Spreaded, error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	var out Spreaded
	if err := d.carryOnAll(ctx); err != nil { // before the lock: it ends the upload of an earlier version
		return out, err
	}
	d.spreading.Lock()
	defer d.spreading.Unlock()
	if err := d.sayCopied(ctx); err != nil {
		return out, err
	}
	d.slow.forget()
	if err := d.carryOnAll(ctx); err != nil { // on what that upload has come to
		return out, err
	}
	tried := make(map[try]bool)
	if err := d.callDue(ctx, &out, tried, true, progress); err != nil {
		return out, err
	}
	if !away {
		if err := d.hearAll(ctx, &out); err != nil {
			return out, err
		}
		if err := d.askUncertain(ctx); err != nil {
			return out, err
		}
		if err := d.callDue(ctx, &out, tried, false, progress); err != nil {
			return out, err
		}
		if err := d.tellAll(ctx, &out); err != nil {
			return out, err
		}
		if err := d.callDue(ctx, &out, tried, true, progress); err != nil { // what ended the telling
			return out, err
		}
	}
	if !away || out.Gone+out.Failed > 0 {
		if err := d.showAll(ctx, &out); err != nil {
			return out, err
		}
	}
	by, _, err1 := d.db.Halted(ctx)
	next, err2 := d.db.NextPost(ctx)
	counts, err3 := d.db.CountPosts(ctx)
	out.Halted, out.Next, out.Counts = by != "", next, counts
	return out, errors.Join(err1, err2, err3)
}

// try is what a round does with a post once: one that is taken back meanwhile is
// taken away in the same round.
type try struct {
	post int64
	act  spread.Act
}

// callDue makes the calls that are due and were not tried, until none is left. What is
// to be taken away from accounts of ours comes behind what is from other channels: it
// waits for servers that strangers chose.
func (d *Desk) callDue(ctx context.Context, out *Spreaded, tried map[try]bool, away bool, progress func(done, total int64)) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		all, err := d.db.DuePosts(ctx)
		if err != nil {
			return err
		}
		var due []spread.Post
		for _, p := range all {
			if (p.Act == spread.Delete || !away) && !tried[try{p.ID, p.Act}] && !p.Goes(d.cfg.Now()).After(d.cfg.Now()) {
				due = append(due, p)
			}
		}
		progress(int64(len(tried)), int64(len(tried)+len(due)))
		if len(due) == 0 {
			return nil
		}
		p, err := d.first(ctx, due)
		if err != nil {
			return err
		}
		tried[try{p.ID, p.Act}] = true
		ended, called, err := d.spreadOne(ctx, p)
		if err != nil {
			return err
		}
		switch {
		case !called:
			continue
		case ended.State == spread.Sent, ended.Act != p.Act: // taken back meanwhile it stands there, until it is taken away
			out.Sent++
		case ended.State == spread.Withdrawn && p.Act == spread.Delete:
			out.Gone++
		default:
			out.Failed++
		}
		if err := d.carryOn(ctx, p.Record); err != nil { // a version may have come meanwhile
			return err
		}
	}
}

// first gives which of the due posts goes now.
func (d *Desk) first(ctx context.Context, due []spread.Post) (spread.Post, error) {
	for _, p := range due {
		if p.Act != spread.Delete {
			break // those come first
		}
		c, err := d.db.Channel(ctx, p.Channel)
		if err != nil {
			return p, err
		}
		if _, social := d.cfg.Kinds[c.Kind].(spread.Social); !social {
			return p, nil
		}
	}
	return due[0], nil
}

// spreadOne takes one queued post through one call. That it is being sent is in
// the database before the platform hears of it, and what became of it after: a
// kill between the two leaves a post that is known to be uncertain.
func (d *Desk) spreadOne(ctx context.Context, p spread.Post) (ended spread.Post, called bool, err error) {
	c, err := d.db.Channel(ctx, p.Channel)
	if err != nil {
		return p, false, err
	}
	if !c.On && !c.Removed {
		return p, false, nil
	}
	if p.Act == spread.Send && d.gathers(c) {
		return p, false, d.turn(ctx, p, "", func(p spread.Post) spread.Post { p.State = spread.Gathered; return p })
	}
	if p, err = d.unlessBaseless(ctx, p); err != nil {
		return p, false, err
	}
	if p.State != spread.Queued {
		return p, false, nil
	}
	var m spread.Message
	connector, err := d.connector(ctx, c)
	if err == nil {
		m, err = d.gatePost(ctx, c, p)
	}
	if err != nil {
		return p, false, d.holdBack(ctx, p, err)
	}
	if by, _, err := d.db.Halted(ctx); err != nil || by != "" {
		return p, false, err // as BeginPost would say, but without a new place
	}
	if err := d.takePlace(ctx); err != nil {
		return p, false, err
	}
	during, over := d.underWay.begin(ctx, p)
	defer over()
	p, began, err := d.db.BeginPost(ctx, p.ID, m.Sums())
	if err != nil || !began {
		return p, false, err
	}
	d.crash("spread: begun")
	at, failed := call(during, connector, p, m)
	d.crash("spread: answered")
	// What is known now must be kept, whoever waits no more.
	p, err = d.db.EndPost(context.WithoutCancel(ctx), evidence.Machine(), p.ID, func(p spread.Post) spread.Post {
		return d.leftBy(during, p, at, failed)
	})
	if p.Fault != nil {
		d.cfg.Diary.Warn("post not done", "post", p.ID, "state", p.State, "cause", faultKey(p.Fault))
	}
	return p, true, err
}

// connector gives what speaks to a channel.
func (d *Desk) connector(ctx context.Context, c spread.Channel) (spread.Connector, error) {
	if c.Removed {
		return nil, fault.Conflict("spread.by_hand", c.Name)
	}
	kind, err := d.kind(c)
	if err != nil {
		return nil, err
	}
	if social, ok := kind.(spread.Social); ok {
		return d.voice(ctx, social, c)
	}
	secret, err := d.db.ChannelSecret(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	return kind.Open(c, secret)
}

// gatePost gives the message of a post that may go now: of the newest version,
// exactly as a person confirmed it, out of an edition that a node holds. What is to
// be taken away passes.
func (d *Desk) gatePost(ctx context.Context, c spread.Channel, p spread.Post) (spread.Message, error) {
	if p.Act == spread.Delete {
		return d.farewell(ctx, c, p)
	}
	m, err := d.message(ctx, c, p)
	if err != nil {
		return m, err
	}
	if p.Cleared == "" || m.Digest() != p.Digest {
		return m, fault.Conflict("spread.changed_since", p.ID)
	}
	return m, d.reached(ctx, p.Record, p.Version)
}

// holdBack keeps why a queued post does not go. What was confirmed and has changed
// waits for another word; what a node will hold soon is tried again.
func (d *Desk) holdBack(ctx context.Context, was spread.Post, why error) error {
	return d.turn(ctx, was, "", func(p spread.Post) spread.Post {
		p.Fault = why
		switch {
		case errors.Is(why, fault.Conflict("spread.changed_since")):
			p.State, p.Cleared, p.Digest = spread.Waiting, "", ""
		case errors.Is(why, fault.Conflict("spread.only_copy")), errors.Is(why, fault.Invalid("spread.no_kind")):
			p.Next = d.cfg.Now().Add(time.Minute)
		default:
			p.State = spread.Failed
		}
		return p
	})
}

// unlessBaseless makes a correction a post of its own where the one that it was to
// correct stands there no more. Readers are told of it anew, so it waits for a
// person's word on that.
func (d *Desk) unlessBaseless(ctx context.Context, p spread.Post) (spread.Post, error) {
	if p.Replaces == 0 || p.Act == spread.Delete {
		return p, nil
	}
	base, err := d.db.Post(ctx, p.Replaces)
	if err != nil || base.State == spread.Sent {
		return p, err
	}
	if err := d.turn(ctx, p, "", func(p spread.Post) spread.Post {
		p.Act, p.Remote, p.Replaces = spread.Send, spread.Remote{}, 0
		return p.Anew()
	}); err != nil {
		return p, err
	}
	return d.db.Post(ctx, p.ID)
}

// askUncertain asks the platforms that can be asked what became of posts whose
// call was cut off. Of the others, and where no answer comes, a person is asked.
func (d *Desk) askUncertain(ctx context.Context) error {
	all, err := d.db.Posts(ctx, "")
	if err != nil {
		return err
	}
	if by, _, err := d.db.Halted(ctx); err != nil || by != "" {
		return err // nobody is called
	}
	for _, p := range all {
		if p.State != spread.Uncertain {
			continue
		}
		c, err := d.db.Channel(ctx, p.Channel)
		if err != nil {
			return err
		}
		if !c.On {
			continue
		}
		connector, err := d.connector(ctx, c)
		if err != nil {
			continue // it is told of with the posts that should go there
		}
		finder, ok := connector.(spread.Finder)
		if !ok {
			continue
		}
		at, found, err := finder.Find(ctx, p.Key)
		if err != nil {
			continue
		}
		_, err = d.db.EndPost(ctx, evidence.Machine(), p.ID, func(p spread.Post) spread.Post {
			if found {
				return p.After(at, nil, d.cfg.Now())
			}
			p.State, p.Next, p.Fault = spread.Queued, d.cfg.Now(), nil
			return p
		})
		if err != nil {
			return err
		}
	}
	return d.carryOnAll(ctx)
}

func call(ctx context.Context, to spread.Connector, p spread.Post, m spread.Message) (spread.Remote, error) {
	switch p.Act {
	case spread.Edit:
		return to.Edit(ctx, p.Remote, m)
	case spread.Delete:
		return p.Remote, to.Delete(ctx, p.Remote, m)
	}
	return to.Send(ctx, m)
}

// afterKill looks at what was being sent when the desk was last closed by force.
// Nothing of it is sent again unasked: taking away and putting words in place may
// be repeated; of a message the platform is asked when the desk next spreads, if
// it can be, else a person.
func (d *Desk) afterKill(ctx context.Context) error {
	cut, err := d.db.InterruptedPosts(ctx)
	if err != nil {
		return err
	}
	for _, p := range cut {
		_, err := d.db.EndPost(ctx, evidence.Machine(), p.ID, func(p spread.Post) spread.Post {
			return p.After(spread.Remote{}, fault.Later("spread.cut_off"), d.cfg.Now())
		})
		if err != nil {
			return err
		}
	}
	return nil
}
