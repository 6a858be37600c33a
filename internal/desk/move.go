package desk

import (
	"context"
	"errors"

	"kua/internal/fault"
)

// MoveFollowers asks those who follow one account of ours to follow another: for when
// the node whose name the first has is lost, or soon will be. It needs that node no
// more, since the key is here. The other account must be on, and its node must show
// that it stands for both before anybody is told; their servers then do it by
// themselves, or do not. It may be called again.
func (s *Seat) MoveFollowers(ctx context.Context, from, to int64) error {
	if err := s.current(); err != nil {
		return err
	}
	voices, err := s.d.voices(ctx)
	if err != nil {
		return err
	}
	old, next := voices[from], voices[to]
	if from == to || old == nil || next == nil || next.node == nil || !old.c.On || !next.c.On {
		return fault.Conflict("spread.activitypub.no_move")
	}
	if silent, err := s.d.silent(ctx); err != nil || silent {
		return errors.Join(err, fault.Conflict("spread.activitypub.no_move"))
	}
	if err := s.d.takePlace(ctx); err != nil {
		return err
	}
	moves, err := s.d.db.Moves(ctx)
	if err != nil {
		return err
	}
	moves[from] = to
	homes, err := s.d.homes(ctx)
	if err != nil {
		return err
	}
	if err := homes[next.node.url].show(ctx, voices, moves); err != nil {
		return err
	}
	said, err := old.Move(next.ID())
	if err != nil {
		return err
	}
	return s.d.db.Move(ctx, s.actor(), from, to, said)
}
