package lane

import (
	"context"
	"errors"
	"strings"

	"kua/internal/fault"
)

// Addition is what the holder of a request says later.
type Addition struct {
	Code  string
	Words string
	After int64 // the events that the holder has seen; the same addition after the same event is one
	Aware bool  // was shown the sealed lane and wants to tell it in public
}

// Add appends a holder's words to the history of their request. The faults are
// lane.bad_code, lane.unknown_code, lane.text, lane.danger and lane.moved
// (something else happened meanwhile).
func (l *Lane) Add(ctx context.Context, a Addition) error {
	id, err := l.Held(ctx, a.Code)
	if err != nil {
		return err
	}
	r, err := l.Request(ctx, id)
	if err != nil {
		return err
	}
	if strings.TrimSpace(a.Words) == "" || !plain(a.Words, maxText) {
		return fault.Invalid("lane.text", maxText)
	}
	found, err := Danger(a.Words, r.Language)
	if err != nil {
		return err
	}
	if len(found) > 0 && !a.Aware {
		return fault.Conflict("lane.danger", strings.Join(found, ", "))
	}
	e := Event{Day: l.today(), By: ByHolder, Words: a.Words}
	err = l.db.AddEvent(ctx, id, a.After, e.write)
	if errors.Is(err, fault.Conflict("lane.moved")) {
		history, broken := l.History(ctx, id)
		if broken != nil {
			return broken
		}
		if a.After >= 0 && a.After < int64(len(history)) && history[a.After].Words == a.Words {
			return nil // it was sent twice
		}
	}
	return err
}
