package lane

import (
	"context"
	"errors"
	"slices"
	"time"

	"kua/internal/fault"
	"kua/internal/locale"
)

// Now is the lane's clock.
func (l *Lane) Now() time.Time { return l.now() }

// Answer moves an assignment for its authority, which stands at a step. That the
// authority answers shows that it was reached, even where the house did not come
// to write it down. The faults are those of Move.
func (l *Lane) Answer(ctx context.Context, a Assignment, step int64, m Move) error {
	if a.State == Routed && a.Step == step && slices.Contains(Next(Delivered, ByOfficial), m.To) {
		if err := l.Reached(ctx, a.Number); err != nil {
			return err
		}
		step++
	}
	return l.Move(ctx, a.Number, step, m)
}

// Reply is what the holder of a request answers to the question of an authority;
// the part goes back to work. Words that the rules of holding stop wait for a checker
// first (Additions), and the part with them. Pictures are as of Add. The faults are lane.bad_code, lane.unknown_code,
// lane.no_assignment, lane.text, lane.danger, lane.adding_waits and those of Move.
func (l *Lane) Reply(ctx context.Context, code string, assignment, step int64, words string, lang locale.Tag, aware bool, pictures ...string) error {
	request, err := l.Held(ctx, code)
	if err != nil {
		return err
	}
	r, err := l.Request(ctx, request)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(r.Assignments, func(a Assignment) bool { return a.Number == assignment })
	if i < 0 {
		return fault.NotFound("lane.no_assignment", assignment)
	}
	if err := ownWords(words, lang, aware); err != nil {
		return err
	}
	if err := l.check(ctx, pictures); err != nil {
		return err
	}
	if r.Assignments[i].State == InfoNeeded && !r.Hidden() {
		causes, err := l.addingCauses(ctx, r, words)
		if err != nil {
			return err
		}
		if len(causes) > 0 {
			waits, err := l.waiting(request, ByHolder, code, words, causes, pictures...)
			if err != nil {
				return err
			}
			waits.Assignment = assignment
			return l.db.HoldAddition(ctx, waits, additionsMost)
		}
	}
	m := Move{To: InWork, By: ByHolder, Reason: words, Pictures: pictures}
	err = l.Move(ctx, assignment, step, m)
	if errors.Is(err, fault.Conflict("lane.moved")) {
		if same, broken := l.Stands(ctx, request, assignment, m); same || broken != nil {
			return broken // it was sent twice
		}
	}
	return err
}
