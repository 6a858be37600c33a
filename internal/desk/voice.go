package desk

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"kua/internal/actor"
	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/onion"
	"kua/internal/spread"
)

// voice is an account of ours in a network of servers, with the node that shows it: the
// connector of such a channel. What it says is in the database with whom is to be told
// of it; only what is taken away is told at once.
type voice struct {
	spread.Account
	d    *Desk
	c    spread.Channel
	node *nodeClient // nil where the charter names no such node any more
}

// voice gives the account of a channel. It calls nobody yet.
func (d *Desk) voice(ctx context.Context, social spread.Social, c spread.Channel) (*voice, error) {
	secret, err := d.db.ChannelSecret(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	host, err := social.Host(c.Place)
	if err != nil {
		return nil, err
	}
	v := &voice{d: d, c: c}
	base := "https://" + host
	if n, ok := d.nodeAt(host); ok {
		base = n.URL
		if v.node, err = d.client(n); err != nil {
			return nil, err
		}
	}
	v.Account, err = social.Account(c, secret, base)
	return v, err
}

// nodeAt gives the charter's node at a host of the open net, at whose root others look
// for accounts.
func (d *Desk) nodeAt(host string) (charter.Node, bool) {
	for _, n := range d.Charter().Nodes {
		u, err := url.Parse(n.URL)
		if err == nil && u.Host == host && strings.Trim(u.Path, "/") == "" && (u.Scheme == "https" || onion.Loopback(u.Hostname())) {
			return n, true
		}
	}
	return charter.Node{}, false
}

// accountSecret makes the key of a new account, unless a person brought one. An account
// stands at one node of the charter for ever, and no two channels are one account, at this
// desk or another.
func (d *Desk) accountSecret(ctx context.Context, social spread.Social, c spread.Channel, brought []byte) ([]byte, error) {
	host, err := social.Host(c.Place)
	if err != nil {
		return nil, err
	}
	n, ok := d.nodeAt(host)
	if !ok {
		return nil, fault.Conflict("spread.activitypub.no_node", host)
	}
	all, err := d.db.Channels(ctx)
	if err != nil {
		return nil, err
	}
	vanished, err := d.db.Vanished(ctx)
	if err != nil {
		return nil, err
	}
	was := false
	for _, other := range all {
		if other.Kind == c.Kind && other.Place == c.Place {
			if !other.Removed {
				return nil, fault.Conflict("spread.channel_there", c.Place)
			}
			was = was || !vanished[other.ID]
		}
	}
	if len(brought) > 0 {
		return brought, nil
	}
	if !was {
		if err := d.nameFree(ctx, n, c.Place); err != nil {
			return nil, err
		}
	}
	return social.NewSecret()
}

// nameFree refuses a name under which the node shows an account already: it is another
// desk's, or was this one's, and has followers who know its key.
func (d *Desk) nameFree(ctx context.Context, n charter.Node, place string) error {
	name, _, err := actor.ParsePlace(place)
	if err != nil {
		return err
	}
	client, err := d.client(n)
	if err != nil {
		return err
	}
	have, err := client.ActorFiles(ctx)
	if err != nil {
		return err
	}
	for file := range have {
		if actor.Of(file) == name {
			return fault.Conflict("spread.activitypub.name_taken", place)
		}
	}
	return nil
}

func refusedHere(err error) error { return &spread.Failure{Outcome: spread.Refused, Err: err} }

// notDone is the failure of a call to our own node, which can always be made again.
func notDone(err error) error { return &spread.Failure{Outcome: spread.NotDone, Err: err} }

// Send implements spread.Connector.
func (v *voice) Send(ctx context.Context, m spread.Message) (spread.Remote, error) {
	return v.say(ctx, spread.Remote{}, m)
}

// Edit implements spread.Connector.
func (v *voice) Edit(ctx context.Context, at spread.Remote, m spread.Message) (spread.Remote, error) {
	return v.say(ctx, at, m)
}

// say has the node show the words, whose films lie there too, and then keeps who is to
// be told: whoever hears of it finds it.
func (v *voice) say(ctx context.Context, at spread.Remote, m spread.Message) (spread.Remote, error) {
	if v.node == nil {
		return at, refusedHere(fault.Conflict("spread.activitypub.no_node", v.c.Place))
	}
	if err := v.d.reachedAt(ctx, v.node.url, m.Record, m.Version); err != nil {
		return at, notDone(err)
	}
	now := v.d.cfg.Now()
	s, err := v.Say(at, m, now, now)
	if err != nil {
		return at, refusedHere(err)
	}
	if first, ok, err := v.d.db.SaidFirst(ctx, v.c.ID, s.File); err != nil {
		return at, notDone(err)
	} else if ok {
		if s, err = v.Say(at, m, first, now); err != nil {
			return at, refusedHere(err)
		}
	}
	if err := v.node.PutActorFile(ctx, s.File, s.Document); err != nil {
		return at, notDone(err)
	}
	return s.At, v.d.db.Say(ctx, v.c.ID, s)
}

// Find implements spread.Finder: what is said is in the database.
func (v *voice) Find(ctx context.Context, key string) (spread.Remote, bool, error) {
	all, err := v.d.db.Said(ctx, v.c.ID)
	at := v.Remote(key)
	for _, s := range all {
		if !s.Gone && strings.HasSuffix(at.ID, "/"+s.File) {
			return at, true, err
		}
	}
	return spread.Remote{}, false, err
}

// Delete implements spread.Connector. It is done when every server that may have the
// words was told; it goes on without our own node, which may be the one that is gone.
// Whom its time did not suffice for is told at the next try.
func (v *voice) Delete(ctx context.Context, at spread.Remote, _ spread.Message) error {
	s, err := v.Unsay(at)
	if err != nil {
		return refusedHere(err)
	}
	if err := v.d.db.Say(ctx, v.c.ID, s); err != nil {
		return err
	}
	var shown error
	if v.node != nil {
		shown = v.node.PutActorFile(ctx, s.File, s.Document)
	}
	away, err := v.d.db.AwayDeliveries(ctx, v.c.ID, s.File)
	if err != nil {
		return err
	}
	until := time.Now().Add(v.d.awayTime)
	told, _, err := v.d.tellThese(ctx, away, map[int64]*voice{v.c.ID: v}, func() (bool, error) { return time.Now().After(until), nil })
	if err != nil {
		return err
	}
	switch left := len(away) - told; {
	case left > 0:
		return notDone(fault.Later("spread.activitypub.untold", left))
	case shown != nil:
		return notDone(shown)
	}
	return v.d.db.ForgetDeliveries(ctx, v.c.ID, s.File)
}

// voices gives the accounts of all channels that were not removed, by the channel.
func (d *Desk) voices(ctx context.Context) (map[int64]*voice, error) {
	all, err := d.db.Channels(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]*voice)
	for _, c := range all {
		social, ok := d.cfg.Kinds[c.Kind].(spread.Social)
		if !ok || c.Removed {
			continue
		}
		if out[c.ID], err = d.voice(ctx, social, c); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// silent reports whether nobody is to be called now.
func (d *Desk) silent(ctx context.Context) (bool, error) {
	by, _, err := d.db.Halted(ctx)
	return by != "", errors.Join(err, ctx.Err())
}
