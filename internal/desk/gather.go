package desk

import (
	"context"

	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/spread"
)

// maxGathered is how many posts one message tells of at most; the others go with
// the next.
const maxGathered = 50

// gathers reports whether a channel's posts go in one message that a person sends.
func (d *Desk) gathers(c spread.Channel) bool {
	_, ok := d.cfg.Kinds[c.Kind].(spread.Gatherer)
	return ok
}

func (d *Desk) postGathers(ctx context.Context, post int64) (bool, error) {
	p, err := d.db.Post(ctx, post)
	if err != nil {
		return false, err
	}
	c, err := d.db.Channel(ctx, p.Channel)
	return err == nil && d.gathers(c), err
}

// ready is the state of a post that may go: what tells of a withdrawal goes by
// itself everywhere.
func ready(p spread.Post, gathers bool) spread.State {
	if gathers && p.Act == spread.Send {
		return spread.Gathered
	}
	return spread.Queued
}

// Gathered gives the message that would go to a channel now, and how many posts it
// tells of. What of them may not go any more waits for a person again, with the
// reason. When none is left the fault is spread.gather_none, where a channel takes
// each post by itself spread.gather_not, while something is being sent
// spread.gather_busy.
func (d *Desk) Gathered(ctx context.Context, channel int64) (spread.Message, int, error) {
	if !d.spreading.TryLock() {
		return spread.Message{}, 0, fault.Later("spread.gather_busy")
	}
	defer d.spreading.Unlock()
	g, err := d.gather(ctx, channel)
	return g.message, len(g.posts), err
}

// gathering is what one message tells of.
type gathering struct {
	channel spread.Channel
	message spread.Message
	posts   []spread.Post
}

func (d *Desk) gather(ctx context.Context, channel int64) (g gathering, err error) {
	if g.channel, err = d.db.Channel(ctx, channel); err != nil {
		return g, err
	}
	kind, ok := d.cfg.Kinds[g.channel.Kind].(spread.Gatherer)
	if !ok {
		return g, fault.Invalid("spread.gather_not", g.channel.Name)
	}
	if err := d.carryOnAll(ctx); err != nil {
		return g, err
	}
	posts, err := d.db.GatheredPosts(ctx, channel)
	if err != nil {
		return g, err
	}
	var messages []spread.Message
	for _, p := range posts {
		if p, err = d.unlessBaseless(ctx, p); err != nil {
			return g, err
		}
		if p.State == spread.Waiting || len(messages) == maxGathered {
			continue
		}
		m, err := d.gatePost(ctx, g.channel, p)
		if err != nil {
			if err := d.holdBack(ctx, p, err); err != nil {
				return g, err
			}
			continue
		}
		messages, g.posts = append(messages, m), append(g.posts, p)
	}
	if len(messages) == 0 {
		return g, fault.NotFound("spread.gather_none", g.channel.Name)
	}
	g.message, err = kind.Gather(g.channel, messages)
	return g, err
}

// SendGathered sends a channel's gathered posts as the one message that a person
// has looked at, after what is to be taken away: digest is Message.Digest of what
// Gathered gave. Whatever changed since is the fault spread.gather_changed; while
// spreading is stopped or the channel is off it is spread.gather_held. As with every post, what is cut off is
// not sent again before a person has looked.
func (s *Seat) SendGathered(ctx context.Context, channel int64, digest string) (Spreaded, error) {
	d := s.d
	if err := s.current(); err != nil {
		return Spreaded{}, err
	}
	out, err := d.TakeAway(ctx, nil)
	if err != nil {
		return out, err
	}
	d.spreading.Lock()
	defer d.spreading.Unlock()
	g, err := d.gather(ctx, channel)
	if err != nil {
		return out, err
	}
	if g.message.Digest() != digest {
		return out, fault.Conflict("spread.gather_changed")
	}
	connector, err := d.connector(ctx, g.channel)
	if err != nil {
		return out, err
	}
	if by, _, err := d.db.Halted(ctx); err != nil {
		return out, err
	} else if by != "" {
		return out, fault.Conflict("spread.gather_held", g.channel.Name)
	}
	if err := d.takePlace(ctx); err != nil {
		return out, err
	}
	var ids []int64
	for _, p := range g.posts {
		ids = append(ids, p.ID)
	}
	during, over := d.underWay.begin(ctx, g.posts...)
	defer over()
	if _, began, err := d.db.BeginGathered(ctx, ids); err != nil {
		return out, err
	} else if !began {
		return out, fault.Conflict("spread.gather_held", g.channel.Name)
	}
	d.crash("spread: begun")
	at, failed := connector.Send(during, g.message)
	d.crash("spread: answered")
	// What is known now must be kept, whoever waits no more.
	ended, err := d.db.EndPosts(context.WithoutCancel(ctx), evidence.Machine(), ids, func(p spread.Post) spread.Post {
		p = d.leftBy(during, p, at, failed)
		if p.State == spread.Queued { // it goes when a person sends again
			p.State = spread.Gathered
		}
		return p
	})
	if err != nil {
		return out, err
	}
	for _, p := range ended {
		if p.State == spread.Sent || p.Act == spread.Delete { // taken back meanwhile it stands there all the same
			out.Sent++
		} else {
			out.Failed++
		}
	}
	if err := d.carryOnAll(context.WithoutCancel(ctx)); err != nil { // a version may have come meanwhile
		return out, err
	}
	if failed != nil {
		d.cfg.Diary.Warn("gathered posts not done", "channel", channel, "cause", faultKey(ended[0].Fault))
	}
	out.Counts, err = d.db.CountPosts(ctx)
	return out, err
}
