package desk

import (
	"context"
	"fmt"
	"slices"

	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/record"
	"kua/internal/spread"
)

// Posts gives the posts of a record, the newest first; of every record for "".
func (d *Desk) Posts(ctx context.Context, record string) ([]spread.Post, error) {
	return d.db.Posts(ctx, record)
}

// Post puts the newest published version of a record into the outbox of a
// channel. It waits there for Confirm; nothing is sent. A version that is in that
// channel's outbox already is given as it stands; one that was taken back before it
// ever stood there waits anew.
func (s *Seat) Post(ctx context.Context, record string, channel int64) (spread.Post, error) {
	if err := s.current(); err != nil {
		return spread.Post{}, err
	}
	c, err := s.d.db.Channel(ctx, channel)
	if err != nil {
		return spread.Post{}, err
	}
	if c.Removed {
		return spread.Post{}, fault.Conflict("spread.channel_removed", c.Name)
	}
	r, _, err := s.d.newest(ctx, record)
	if err != nil {
		return spread.Post{}, err
	}
	p := newPost(c, r)
	if _, err := s.d.message(ctx, c, p); err != nil {
		return p, err
	}
	if err := s.d.carryOn(ctx, record); err != nil { // a version before is taken care of first
		return p, err
	}
	p, err = s.d.db.AddPost(ctx, p)
	if err != nil || !p.NeverThere() {
		return p, err
	}
	return s.d.db.ChangePost(ctx, s.actor(), p.ID, "", func(p spread.Post) (spread.Post, error) { return p.Anew(), nil })
}

func newPost(c spread.Channel, r record.Record) spread.Post {
	language, _ := spread.Language(c, r)
	return spread.Post{Channel: c.ID, Record: r.ID, Version: r.Version, Language: language, Key: spread.Key(c.ID, r.ID, r.Version), Act: spread.Send, State: spread.Waiting}
}

// Message gives what a post would carry now, for a person to look at.
func (d *Desk) Message(ctx context.Context, post int64) (spread.Message, error) {
	p, err := d.db.Post(ctx, post)
	if err != nil {
		return spread.Message{}, err
	}
	c, err := d.db.Channel(ctx, p.Channel)
	if err != nil {
		return spread.Message{}, err
	}
	return d.message(ctx, c, p)
}

// Confirm keeps a person's word that they looked for this channel at exactly what
// is shown them: digest is Message.Digest of it. The post goes when the channel is
// on. What is not on the checklist keeps it waiting; so does anything that changed.
func (s *Seat) Confirm(ctx context.Context, post int64, digest string, ticked []string) (spread.Post, error) {
	if err := s.current(); err != nil {
		return spread.Post{}, err
	}
	if err := spread.CheckAll(ticked); err != nil {
		return spread.Post{}, err
	}
	m, err := s.d.Message(ctx, post)
	if err != nil {
		return spread.Post{}, err
	}
	if m.Digest() != digest {
		return spread.Post{}, fault.Conflict("spread.changed_since", post)
	}
	gathers, err := s.d.postGathers(ctx, post)
	if err != nil {
		return spread.Post{}, err
	}
	return s.d.db.ChangePost(ctx, s.actor(), post, evidence.Cleared, func(p spread.Post) (spread.Post, error) {
		if p.State != spread.Waiting {
			return p, wrongState(p)
		}
		p.State, p.Digest, p.Cleared, p.Fault, p.Language, p.Next = ready(p, gathers), digest, s.Name(), nil, m.Language, s.d.cfg.Now()
		return p, nil
	})
}

func wrongState(p spread.Post) error {
	return fault.Conflict("spread.post_state", p.ID, string(p.State))
}

// Retry lets a post that failed, or that was put off, go now.
func (s *Seat) Retry(ctx context.Context, post int64) (spread.Post, error) {
	if err := s.current(); err != nil {
		return spread.Post{}, err
	}
	gathers, err := s.d.postGathers(ctx, post)
	if err != nil {
		return spread.Post{}, err
	}
	return s.d.db.ChangePost(ctx, s.actor(), post, "", func(p spread.Post) (spread.Post, error) {
		if p.State != spread.Failed && p.State != spread.Queued {
			return p, wrongState(p)
		}
		p.State, p.Tries, p.Next = ready(p, gathers), 0, s.d.cfg.Now()
		return p, nil
	})
}

// Recall takes a post back: what was not sent goes nowhere, what stands there is
// taken away as soon as the channel lets it. An upload that is under way ends at
// once; what arrived of it all the same is taken away.
func (s *Seat) Recall(ctx context.Context, post int64) (spread.Post, error) {
	if err := s.current(); err != nil {
		return spread.Post{}, err
	}
	p, err := s.d.db.ChangePost(ctx, s.actor(), post, evidence.Recalled, func(p spread.Post) (spread.Post, error) {
		switch {
		case p.Act != spread.Delete && p.State == spread.Sending:
			p.Cleared = "" // Post.Back, once it is known where the call has left it
		case p.Idle():
			p.State, p.Fault = spread.Withdrawn, nil
		case p.State == spread.Sent:
			p = p.TakenAway(s.d.cfg.Now())
		default:
			return p, wrongState(p)
		}
		return p, nil
	})
	if err == nil {
		s.d.underWay.stop(func(u spread.Post) bool { return u.ID == post })
	}
	return p, err
}

// Judge keeps what a person found at the platform of a post whose call was cut
// off, or that the platform would not take away. With at, it stands there under
// that id; with at nil, it does not: then an uncertain post goes again, and one
// that was to be taken away is gone. One that was taken back meanwhile goes nowhere,
// and is taken away where it stands.
func (s *Seat) Judge(ctx context.Context, post int64, at *spread.Remote) (spread.Post, error) {
	if err := s.current(); err != nil {
		return spread.Post{}, err
	}
	if at != nil {
		there, err := s.d.at(ctx, post, *at)
		if err != nil {
			return spread.Post{}, err
		}
		at = &there
	}
	gathers, err := s.d.postGathers(ctx, post)
	if err != nil {
		return spread.Post{}, err
	}
	p, err := s.d.db.ChangePost(ctx, s.actor(), post, evidence.Judged, func(p spread.Post) (spread.Post, error) {
		gone := p.State == spread.Failed && p.Act == spread.Delete && at == nil
		if p.State != spread.Uncertain && !gone {
			return p, wrongState(p)
		}
		back := p.TakenBack()
		p.Fault, p.Tries, p.Next = nil, 0, s.d.cfg.Now()
		switch {
		case gone:
			p.State = spread.Withdrawn
		case at == nil:
			p.State = ready(p, gathers)
		default:
			p.State, p.Remote = spread.Sent, *at
		}
		if back {
			p = p.Back(s.d.cfg.Now())
		}
		return p, nil
	})
	if err != nil {
		return p, err
	}
	return p, s.d.carryOn(ctx, p.Record)
}

// at takes a person's word for where a post stands, if that can be so: what the
// platform could not name, or what another post stands under, is refused, since it
// would be taken away in the place of this one.
func (d *Desk) at(ctx context.Context, post int64, said spread.Remote) (spread.Remote, error) {
	p, err := d.db.Post(ctx, post)
	if err != nil {
		return said, err
	}
	c, err := d.db.Channel(ctx, p.Channel)
	if err != nil {
		return said, err
	}
	kind, err := d.kind(c)
	if err != nil {
		return said, err
	}
	at, err := kind.At(c, said.ID, said.URL)
	if err != nil || d.gathers(c) { // there several stand under one id
		return at, err
	}
	other, err := d.db.PostThere(ctx, c.ID, at.ID, p.ID)
	if err == nil && other.ID != 0 {
		err = fault.Conflict("spread.remote_taken", at.ID, other.ID)
	}
	return at, err
}

// carryOnAll carries every record's newest version on to where an earlier one went.
func (d *Desk) carryOnAll(ctx context.Context) error {
	all, err := d.db.Posts(ctx, "")
	if err != nil {
		return err
	}
	var done []string
	for _, p := range all {
		if !slices.Contains(done, p.Record) {
			done = append(done, p.Record)
			if err := d.carryOn(ctx, p.Record); err != nil {
				return fmt.Errorf("carry on what became of record %s: %w", p.Record, err)
			}
		}
	}
	return nil
}

// carryOn looks at every post of a record against its newest version. Of a
// withdrawn record nothing more goes out, and what stands somewhere is taken away.
// A correction takes the place of what stands there, once a person confirmed it;
// where its films or pictures are known to be others, the old ones are taken away at
// once; on a road that leads to no platform it waits for another. An
// upload of an earlier version that is under way is ended. It may be called as
// often as one likes.
func (d *Desk) carryOn(ctx context.Context, id string) error {
	posts, err := d.db.Posts(ctx, id)
	if err != nil || len(posts) == 0 {
		return err
	}
	r, _, err := d.newest(ctx, id)
	if err != nil {
		return err
	}
	for _, p := range posts {
		if p.Version >= r.Version {
			continue
		}
		if err := d.carryOnOne(ctx, p, r); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) carryOnOne(ctx context.Context, p spread.Post, r record.Record) error {
	c, err := d.db.Channel(ctx, p.Channel)
	if err != nil {
		return err
	}
	withdrawn := r.Status == record.Withdrawn
	switch {
	case p.Idle():
		state, verb := spread.Corrected, evidence.Verb("")
		if withdrawn {
			state, verb = spread.Withdrawn, evidence.Recalled
		}
		if err := d.turn(ctx, p, verb, func(p spread.Post) spread.Post { p.State, p.Fault = state, nil; return p }); err != nil || withdrawn || p.Replaces != 0 {
			return err
		}
		_, err := d.succeed(ctx, c, newPost(c, r))
		return err
	case p.State == spread.Sending && p.Act != spread.Delete:
		d.underWay.stop(func(u spread.Post) bool { return u.ID == p.ID }) // whoever made that call looks at it anew
	case withdrawn && (p.State == spread.Sent || p.State == spread.Uncertain && d.gathers(c)): // who may have the letter is told
		return d.turn(ctx, p, evidence.Recalled, func(p spread.Post) spread.Post { return p.TakenAway(d.cfg.Now()) })
	case p.State == spread.Sent && !d.speaks(c): // whether it can be corrected there is known where the platform is
		return nil
	case p.State == spread.Sent && d.gathers(c):
		next := newPost(c, r)
		next.Replaces = p.ID
		after, err := d.succeed(ctx, c, next)
		if err != nil || after.State != spread.Sent {
			return err
		} // people were told of the newest
		return d.turn(ctx, p, "", func(p spread.Post) spread.Post { p.State = spread.Corrected; return p })
	case p.State == spread.Sent:
		next := newPost(c, r)
		if m, err := d.message(ctx, c, next); err != nil || p.SameFiles(m) { // what cannot be said now a person sees, and it is looked at again
			next.Act, next.Remote, next.Replaces = spread.Edit, p.Remote, p.ID
			after, err := d.succeed(ctx, c, next)
			if err != nil || after.State != spread.Sent || after.Replaces == p.ID {
				return err
			} // the newest stands there by itself: this one is too much
		}
		if err := d.turn(ctx, p, evidence.Recalled, func(p spread.Post) spread.Post { return p.TakenAway(d.cfg.Now()) }); err != nil {
			return err
		}
		_, err := d.succeed(ctx, c, next)
		return err
	}
	return nil
}

// turn changes a post by itself, unless it has moved since it was read.
func (d *Desk) turn(ctx context.Context, was spread.Post, verb evidence.Verb, change func(spread.Post) spread.Post) error {
	moved := wrongState(was)
	_, err := d.db.ChangePost(ctx, evidence.Machine(), was.ID, verb, func(p spread.Post) (spread.Post, error) {
		if p.State != was.State || p.Act != was.Act {
			return p, moved
		}
		return change(p), nil
	})
	if err == moved {
		return nil // the next look sees it as it is now
	}
	return err
}

// succeed puts the newest version where an earlier one was, to wait for a person,
// and gives it as it stands.
func (d *Desk) succeed(ctx context.Context, c spread.Channel, p spread.Post) (spread.Post, error) {
	if c.Removed {
		return p, nil
	}
	return d.db.AddPost(ctx, p)
}
