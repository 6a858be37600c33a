package mirror

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/verify"
)

// Round is one pull of a long watch.
type Round struct {
	Result Result
	Err    error // why nothing came; the watch goes on
	Was    edition.Freshness
	Is     edition.Freshness // "" for a mirror that is still empty
	Next   time.Duration     // until the next round
}

// Watch pulls into dir again and again until ctx ends, which is no error: every
// so often, give or take a quarter, so that no two mirrors call at a known time.
// options is called for each round. A round that fails is told and tried again; a
// mirror that is not there, or a mistake in what was asked for, ends the watch.
func Watch(ctx context.Context, dir string, every time.Duration, options func(context.Context) (Options, error), tell func(Round)) error {
	var label edition.Freshness
	for {
		round := Round{Was: label, Next: jitter(every)}
		round.Result, round.Err = once(ctx, dir, options)
		if ctx.Err() != nil {
			return nil
		}
		if f, ok := fault.Of(round.Err); ok && f.Kind == fault.KindInvalid {
			return round.Err
		}
		s, err := look(dir)
		if err != nil {
			return errors.Join(round.Err, err)
		}
		label, round.Is = s.Freshness, s.Freshness
		tell(round)
		if wait(ctx, round.Next) != nil {
			return nil
		}
	}
}

func once(ctx context.Context, dir string, options func(context.Context) (Options, error)) (Result, error) {
	opts, err := options(ctx)
	if err != nil {
		return Result{}, err
	}
	m, err := Open(dir, true)
	if err != nil {
		return Result{}, err
	}
	r, err := m.Pull(ctx, opts)
	return r, errors.Join(err, m.Close())
}

func look(dir string) (Status, error) {
	m, err := Look(dir)
	if err != nil {
		return Status{}, err
	}
	s, err := m.Status(verify.Options{Now: time.Now()})
	return s, errors.Join(err, m.Close())
}

// jitter gives a time within a quarter of d.
func jitter(d time.Duration) time.Duration {
	return d - d/4 + rand.N(d/2+1)
}
