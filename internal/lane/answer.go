package lane

import (
	"context"
	"slices"
	"strings"
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
// the part goes back to work. The faults are lane.no_assignment, lane.text,
// lane.danger and those of Move.
func (l *Lane) Reply(ctx context.Context, request, assignment, step int64, words string, lang locale.Tag, aware bool) error {
	r, err := l.Request(ctx, request)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(r.Assignments, func(a Assignment) bool { return a.Number == assignment }) {
		return fault.NotFound("lane.no_assignment", assignment)
	}
	if strings.TrimSpace(words) == "" || !plain(words, maxText) {
		return fault.Invalid("lane.text", maxText)
	}
	found, err := Danger(words, lang)
	if err != nil {
		return err
	}
	if len(found) > 0 && !aware {
		return fault.Conflict("lane.danger", strings.Join(found, ", "))
	}
	return l.Move(ctx, assignment, step, Move{To: InWork, By: ByHolder, Reason: words})
}
