package desk

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"kua/internal/fault"
	"kua/internal/spread"
)

// Kinds gives the names of the platforms to which this desk can carry records.
func (d *Desk) Kinds() []string { return slices.Sorted(maps.Keys(d.cfg.Kinds)) }

// Channels gives every channel, removed ones too, the oldest first.
func (d *Desk) Channels(ctx context.Context) ([]spread.Channel, error) { return d.db.Channels(ctx) }

// MakesSecret reports whether channels of a platform are accounts of our own: the desk
// makes their secret, and counts their audience.
func (d *Desk) MakesSecret(kind string) bool {
	_, ok := d.cfg.Kinds[kind].(spread.Social)
	return ok
}

// FindChannel gives the channel of a name.
func (d *Desk) FindChannel(ctx context.Context, name string) (spread.Channel, error) {
	all, err := d.db.Channels(ctx)
	for _, c := range all {
		if c.Name == name {
			return c, err
		}
	}
	if err == nil {
		err = fault.NotFound("spread.no_channel", name)
	}
	return spread.Channel{}, err
}

// AddChannel keeps a new channel with the secret that lets it be spoken to; an account
// of our own in a network of servers makes its own when there is none. It is off:
// nothing goes there before somebody turns it on.
func (s *Seat) AddChannel(ctx context.Context, c spread.Channel, secret []byte) (int64, error) {
	if err := s.current(); err != nil {
		return 0, err
	}
	c.Name, c.Place = strings.TrimSpace(c.Name), strings.TrimSpace(c.Place)
	if err := c.Validate(); err != nil {
		return 0, err
	}
	kind, err := s.d.kind(c)
	if err != nil {
		return 0, err
	}
	if social, ok := kind.(spread.Social); ok {
		if secret, err = s.d.accountSecret(ctx, social, c, secret); err != nil {
			return 0, err
		}
		defer clear(secret)
	}
	if err := kind.Check(c.Place, secret); err != nil {
		return 0, err
	}
	return s.d.db.AddChannel(ctx, s.actor(), c, secret)
}

// kind gives the platform of a channel.
func (d *Desk) kind(c spread.Channel) (spread.Kind, error) {
	kind, ok := d.cfg.Kinds[c.Kind]
	if !ok {
		return nil, fault.Invalid("spread.no_kind", c.Kind, d.Kinds())
	}
	return kind, nil
}

// speaks reports whether the platform of a channel can be spoken to on this road.
func (d *Desk) speaks(c spread.Channel) bool {
	_, ok := d.cfg.Kinds[c.Kind]
	return ok
}

// TurnChannel turns a channel on or off. Off stops everything at once, withdrawals
// and an upload that is under way there too.
func (s *Seat) TurnChannel(ctx context.Context, id int64, on bool) error {
	if err := s.current(); err != nil {
		return err
	}
	if err := s.d.db.TurnChannel(ctx, s.actor(), id, on); err != nil || on {
		return err
	}
	s.d.underWay.stop(func(p spread.Post) bool { return p.Channel == id })
	return nil
}

// Audience counts who follows a channel, and whom of them what it said has not reached.
func (d *Desk) Audience(ctx context.Context, channel int64) (spread.Audience, error) {
	return d.db.Audience(ctx, channel)
}

// RemoveChannel forgets a channel's secret and who followed it. What stands there
// stays there, and stays in the list.
func (s *Seat) RemoveChannel(ctx context.Context, id int64) error {
	if err := s.current(); err != nil {
		return err
	}
	if err := s.d.db.RemoveChannel(ctx, s.actor(), id); err != nil {
		return err
	}
	s.d.underWay.stop(func(p spread.Post) bool { return p.Channel == id })
	return nil
}

// HaltSpreading stops everything to every channel, until ReleaseSpreading, whoever
// opens the desk meanwhile. An upload that is under way ends at once; what a
// platform has whole by then may still stand there, and is kept as what it is.
func (s *Seat) HaltSpreading(ctx context.Context) error {
	if err := s.current(); err != nil {
		return err
	}
	if err := s.d.db.Halt(ctx, s.actor()); err != nil {
		return err
	}
	s.d.underWay.stop(func(spread.Post) bool { return true })
	return nil
}

// ReleaseSpreading ends HaltSpreading. A desk that was opened from a copy is, from
// then on, the desk.
func (s *Seat) ReleaseSpreading(ctx context.Context) error {
	if err := s.current(); err != nil {
		return err
	}
	if err := s.d.takePlace(ctx); err != nil {
		return err
	}
	return s.d.db.Release(ctx, s.actor())
}

// SpreadingHalted gives who stopped all spreading and when; by is "" while nobody
// has. HaltWords says it in words.
func (d *Desk) SpreadingHalted(ctx context.Context) (by string, at time.Time, err error) {
	return d.db.Halted(ctx)
}
