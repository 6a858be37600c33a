package desk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kua/internal/actor"
	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/nodeapi"
	"kua/internal/spread"
)

// What one round does for accounts: strangers decide how many letters wait, and how
// long a server takes.
const (
	lettersInRound = 300
	hearingTime    = 3 * time.Minute
	deafDays       = 3 // a letter whose writer's server does not answer, or that another of us must open, waits so long at the node
	tellingTime    = 5 * time.Minute
	awayTime       = time.Minute
	tellers        = 4 // calls at a time
	tellBatch      = 200
)

// home is a node at which accounts stand, or stood. Accounts of other desks may stand
// there too: what is theirs is left to them.
type home struct {
	node    *nodeClient
	voices  []*voice        // of channels that were not removed, on or off
	names   map[string]bool // of our accounts, and of those that were removed and may still be shown
	removed []int64         // channels of the latter
}

// homes gives the nodes at which accounts of ours stand or stood, by their addresses.
func (d *Desk) homes(ctx context.Context) (map[string]*home, error) {
	voices, err := d.voices(ctx)
	if err != nil {
		return nil, err
	}
	channels, err := d.db.Channels(ctx)
	if err != nil {
		return nil, err
	}
	vanished, err := d.db.Vanished(ctx)
	if err != nil {
		return nil, err
	}
	all := make(map[string]*home)
	for _, c := range channels {
		if _, ok := d.cfg.Kinds[c.Kind].(spread.Social); !ok {
			continue
		}
		name, host, err := actor.ParsePlace(c.Place)
		if err != nil {
			return nil, err
		}
		n, ok := d.nodeAt(host)
		if !ok {
			continue
		}
		if all[n.URL] == nil {
			client, err := d.client(n)
			if err != nil {
				return nil, err
			}
			all[n.URL] = &home{node: client, names: make(map[string]bool)}
		}
		h := all[n.URL]
		switch v := voices[c.ID]; {
		case v != nil:
			h.names[name] = true
			h.voices = append(h.voices, v)
		case !vanished[c.ID]:
			h.names[name] = true
			h.removed = append(h.removed, c.ID)
		}
	}
	return all, nil
}

// eachHome does something at every node at which accounts stand, unless spreading is
// stopped. A node's failure holds up no other, and it is left alone for the rest of the
// round.
func (d *Desk) eachHome(ctx context.Context, out *Spreaded, do func(*home) error) error {
	if silent, err := d.silent(ctx); err != nil || silent {
		return err
	}
	homes, err := d.homes(ctx)
	if err != nil {
		return err
	}
	for at, h := range homes {
		if slices.ContainsFunc(out.Away, func(n NodeFault) bool { return n.URL == at }) {
			continue
		}
		if err := do(h); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			d.cfg.Diary.Warn("account not looked after", "node", at, "cause", faultKey(err))
			out.Away = append(out.Away, NodeFault{at, err})
		}
	}
	return nil
}

// showAll has each node show what our accounts there say, and nothing of them that they
// do not: what it lost it gets again. An account that is off stays as it is.
func (d *Desk) showAll(ctx context.Context, out *Spreaded) error {
	voices, err := d.voices(ctx)
	if err != nil {
		return err
	}
	moves, err := d.db.Moves(ctx)
	if err != nil {
		return err
	}
	return d.eachHome(ctx, out, func(h *home) error {
		if err := h.show(ctx, voices, moves); err != nil {
			return err
		}
		for _, id := range h.removed {
			if err := d.db.SetVanished(ctx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *home) show(ctx context.Context, voices map[int64]*voice, moves map[int64]int64) error {
	have, err := h.node.ActorFiles(ctx)
	if err != nil {
		return err
	}
	want := make(map[string][]byte)
	for _, v := range h.voices {
		if v.c.On {
			if err := v.shows(ctx, voices, moves, want); err != nil {
				return err
			}
		}
	}
	for file, document := range want {
		if have[file] != canon.Hash(document) {
			if err := h.node.PutActorFile(ctx, file, document); err != nil {
				return err
			}
		}
	}
	for file := range have {
		if _, ok := want[file]; !ok && h.ours(file, have) && !h.leaves(file) {
			if err := h.node.DropActorFile(ctx, file); err != nil {
				return err
			}
		}
	}
	return nil
}

// ours reports whether a file is of an account of this desk; what the node says of itself
// is, where no other desk has an account.
func (h *home) ours(file string, have map[string]string) bool {
	if name := actor.Of(file); name != "" {
		return h.names[name]
	}
	for other := range have {
		if name := actor.Of(other); name != "" && !h.names[name] {
			return false
		}
	}
	return true
}

// leaves reports whether a file is one of an account that is off.
func (h *home) leaves(file string) bool {
	for _, v := range h.voices {
		if !v.c.On && v.Owns(file) {
			return true
		}
	}
	return false
}

// shows adds all that a node shows for an account.
func (v *voice) shows(ctx context.Context, voices map[int64]*voice, moves map[int64]int64, want map[string][]byte) error {
	said, err := v.d.db.Said(ctx, v.c.ID)
	if err != nil {
		return err
	}
	audience, err := v.d.db.Audience(ctx, v.c.ID)
	if err != nil {
		return err
	}
	ours, tag := v.d.Charter(), locale.Tag(v.c.Languages[0])
	p := spread.Profile{Page: strings.TrimRight(v.node.url, "/") + "/" + tag.Path() + "/", Followers: audience.Followers}
	for from, to := range moves {
		if other := voices[from]; to == v.c.ID && other != nil {
			p.Before = append(p.Before, other.ID())
		}
	}
	slices.Sort(p.Before)
	if other := voices[moves[v.c.ID]]; other != nil {
		p.Moved = other.ID()
	}
	p.Title, _ = tag.Text(ours.Name)
	p.About, _ = tag.Text(ours.About)
	for _, s := range said {
		want[s.File] = s.Document
		if !s.Gone {
			p.Total++
			if len(p.Notes) < actor.Outbox {
				p.Notes = append(p.Notes, s.Document)
			}
		}
	}
	documents, err := v.Documents(p)
	for file, document := range documents {
		want[file] = document
	}
	return err
}

// hearAll reads what was posted to the accounts, and lets those follow who ask.
func (d *Desk) hearAll(ctx context.Context, out *Spreaded) error {
	return d.eachHome(ctx, out, func(h *home) error { return d.hearAt(ctx, h, lettersInRound, out) })
}

// hearAt reads the letters at a node, and calls the writers of so many at most. It goes
// on behind the last one that was looked at before, so that no letters that stay keep it
// from others, and comes to the first ones at the end.
func (d *Desk) hearAt(ctx context.Context, h *home, calls int, out *Spreaded) error {
	if !slices.ContainsFunc(h.voices, func(v *voice) bool { return v.c.On }) {
		return nil
	}
	before, err := d.db.HeardUpTo(ctx, h.node.url)
	if err != nil {
		return err
	}
	e := ear{d: d, home: h, out: out, deaf: make(map[string]bool), calls: calls, until: time.Now().Add(hearingTime), at: before}
	err = e.listen(ctx, before, math.MaxInt64)
	if err == nil && !e.over {
		e.at = 0
		err = e.listen(ctx, 0, before)
	}
	if e.at == before {
		return err
	}
	// Where it got to must be kept, whoever waits no more.
	return errors.Join(err, d.db.SetHeardUpTo(context.WithoutCancel(ctx), h.node.url, e.at))
}

// ear reads the letters of one node in one round.
type ear struct {
	d     *Desk
	home  *home
	out   *Spreaded
	deaf  map[string]bool // hosts that did not answer
	calls int             // that are still made
	until time.Time
	at    int64 // the letter that was looked at last
	over  bool  // the round is
}

// listen reads the letters behind a number, up to another.
func (e *ear) listen(ctx context.Context, after, last int64) error {
	for after < last {
		page, err := e.home.node.ActorLetters(ctx, after)
		if err != nil {
			return err
		}
		forget, err := e.read(ctx, after, last, page)
		if len(forget) > 0 {
			err = errors.Join(err, e.home.node.ForgetActorLetters(ctx, forget))
		}
		if err != nil || e.over || len(page) < nodeapi.ActorPage {
			return err
		}
		after = page[len(page)-1].Number
	}
	return nil
}

// read acts upon letters behind a number, up to another, and gives which of them the
// node may forget.
func (e *ear) read(ctx context.Context, after, last int64, page []nodeapi.ActorLetter) (forget []int64, err error) {
	for _, l := range page {
		if l.Number <= after {
			return forget, fault.Corrupt("nodeapi.not_understood") // a node that turns in circles
		}
		if l.Number > last {
			return forget, nil
		}
		after = l.Number
		pressed, err := e.d.pressed(ctx)
		if err != nil {
			return forget, err
		}
		if pressed || e.calls == 0 || time.Now().After(e.until) {
			e.over = true
			return forget, nil
		}
		e.at = l.Number
		done, err := e.hear(ctx, l)
		if err != nil {
			return forget, err
		}
		if done {
			forget = append(forget, l.Number)
		}
	}
	return forget, nil
}

// hear acts upon a letter; done is false for one that is left at the node. What is no
// letter to us, is not signed by whoever it names, or was brought before says nothing.
func (e *ear) hear(ctx context.Context, l nodeapi.ActorLetter) (done bool, err error) {
	late := l.Day < e.d.cfg.Now().UTC().AddDate(0, 0, -deafDays).Format(time.DateOnly)
	letter, err := e.d.openLetter(l.Sealed)
	if errors.Is(err, fault.Forbidden("keyring.not_for_you")) {
		return late, nil // another of us may open it
	}
	if err != nil {
		return true, nil
	}
	said, err := letter.Read()
	if err != nil {
		return true, nil
	}
	v := e.to(letter)
	if v == nil { // to an account that was removed, or to one of another desk, which reads it there
		return e.home.names[letter.To()], nil
	}
	if !v.c.On {
		return false, nil
	}
	wanted, err := v.wants(ctx, said, letter.Mark())
	if err != nil || !wanted {
		return true, err
	}
	writer, err := url.Parse(said.Actor)
	if err != nil {
		return true, nil
	}
	if e.deaf[writer.Host] {
		return late, nil
	}
	if err := e.d.placeOnce(ctx, e.out); err != nil {
		return false, err
	}
	e.calls--
	from, err := v.Hear(ctx, letter)
	var f *spread.Failure
	switch {
	case errors.As(err, &f) && f.Outcome == spread.NotDone:
		e.deaf[writer.Host] = true
		return late, ctx.Err()
	case err != nil:
		e.d.cfg.Diary.Warn("letter not believed", "letter", l.Number, "cause", faultKey(err))
		return true, ctx.Err()
	case said.Kind == actor.Follow:
		accept, err := v.Accept(said)
		if err == nil {
			err = e.d.db.AddFollower(ctx, v.c.ID, from, said.ID, letter.Mark(), accept)
		}
		if errors.Is(err, fault.Later("actor.full")) {
			return late, nil
		}
		return true, err
	}
	return true, e.d.db.DropFollower(ctx, v.c.ID, from.ID, letter.Mark())
}

func (d *Desk) openLetter(sealed []byte) (actor.Letter, error) {
	r, err := d.person.Open(bytes.NewReader(sealed))
	if err != nil {
		return actor.Letter{}, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, 2*actor.MaxLetter))
	if err != nil {
		return actor.Letter{}, err
	}
	return nodeapi.ReadActorLetter(plain)
}

func (e *ear) to(l actor.Letter) *voice {
	for _, v := range e.home.voices {
		if v.Owns("ap/" + l.To()) {
			return v
		}
	}
	return nil
}

// wants reports whether a letter, if it is true, changes anything: nobody's server is
// asked for anything else.
func (v *voice) wants(ctx context.Context, said actor.Heard, mark string) (bool, error) {
	if heard, err := v.d.db.Heard(ctx, v.c.ID, mark); err != nil || heard {
		return false, err
	}
	if said.Kind == actor.Follow {
		return said.Object == v.ID(), nil
	}
	asked, follows, err := v.d.db.Asked(ctx, v.c.ID, said.Actor)
	if err != nil || !follows {
		return false, err
	}
	switch said.Kind {
	case actor.Undo:
		return said.Undoes == actor.Follow && said.Whose == v.ID() || said.Undoes == "" && said.Object == asked && asked != "", nil
	case actor.Delete:
		return said.Object == said.Actor, nil
	}
	return false, nil
}

// slowHosts are those that let a call of this round run out of its time. They are not
// told anything else in it.
type slowHosts struct {
	mu  sync.Mutex
	all map[string]bool
}

// forget begins a round.
func (s *slowHosts) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = make(map[string]bool)
}

func (s *slowHosts) has(address string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[hostOf(address)]
}

// learn keeps the host of an address if why says that time ran out.
func (s *slowHosts) learn(address string, why error) {
	var n net.Error
	if !errors.As(why, &n) || !n.Timeout() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[hostOf(address)] = true
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// pressed reports whether calls to strangers end now: spreading was stopped, or
// something is to be taken away somewhere.
func (d *Desk) pressed(ctx context.Context) (bool, error) {
	if silent, err := d.silent(ctx); err != nil || silent {
		return silent, err
	}
	return d.db.AwayDue(ctx)
}

// tellAll brings what accounts say to the servers of those who follow them, as long as
// a round's time lasts and nothing is to be taken away. What takes something away goes
// with its post.
func (d *Desk) tellAll(ctx context.Context, out *Spreaded) error {
	voices, err := d.voices(ctx)
	if err != nil || len(voices) == 0 {
		return err
	}
	until := time.Now().Add(tellingTime)
	over := func() (bool, error) {
		if time.Now().After(until) {
			return true, nil
		}
		return d.pressed(ctx)
	}
	for after, told := int64(0), 0; ; {
		due, err := d.db.DueDeliveries(ctx, after, tellBatch)
		if err == nil && len(due) == 0 && told > 0 { // what had to wait for one of these may go now
			after, told = 0, 0
			due, err = d.db.DueDeliveries(ctx, after, tellBatch)
		}
		if err != nil || len(due) == 0 {
			return err
		}
		after = due[len(due)-1].ID
		if ended, err := over(); err != nil || ended {
			return err
		}
		if err := d.placeOnce(ctx, out); err != nil {
			return err
		}
		done, failed, err := d.tellThese(ctx, due, voices, over)
		told += done
		out.Told, out.Untold = out.Told+done, out.Untold+failed
		if err != nil {
			return err
		}
	}
}

// tellThese makes one try for each delivery, some at a time, until it is over, and
// gives how many ended well and how many did not. A slow host is tried once.
func (d *Desk) tellThese(ctx context.Context, all []spread.Delivery, voices map[int64]*voice, over func() (bool, error)) (told, failed int, err error) {
	var count sync.Mutex
	var group errgroup.Group
	group.SetLimit(tellers)
	for _, delivery := range all {
		v := voices[delivery.Channel]
		if v == nil {
			continue
		}
		group.Go(func() error {
			if d.slow.has(delivery.Inbox) {
				return nil
			}
			if ended, err := over(); err != nil || ended {
				return err
			}
			began, err := d.db.BeginDelivery(ctx, delivery.ID)
			if err != nil || !began {
				return err
			}
			why := v.Tell(ctx, delivery.Inbox, delivery.Activity)
			d.slow.learn(delivery.Inbox, why)
			var f *spread.Failure
			count.Lock()
			if why == nil || errors.As(why, &f) && f.Outcome == spread.Gone {
				told++
			} else {
				failed++
			}
			count.Unlock()
			// What is known now must be kept, whoever waits no more.
			return d.db.EndDelivery(context.WithoutCancel(ctx), delivery, why)
		})
	}
	err = group.Wait()
	return told, failed, errors.Join(err, ctx.Err())
}
