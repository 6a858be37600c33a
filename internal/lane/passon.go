package lane

import (
	"context"
	"errors"
	"strings"

	"kua/internal/fault"
)

// passedAtOnce is how many parts are read in one batch.
const passedAtOnce = 200

// PassOn gives what is still open with an authority that the newest directory does not have any
// more to another one: each part by itself, in its history and with a reason that everybody
// reads; n is how many. What waits for a checker the checker gives away, and what the authority
// announced or pledged stays. The faults are lane.still_there, authority.unknown, lane.needs and lane.text.
func (l *Lane) PassOn(ctx context.Context, from, to, reason string) (n int, err error) {
	_, router, err := l.Current(ctx)
	if err != nil {
		return 0, err
	}
	if _, err := router.Authority(from); err == nil {
		return 0, fault.Conflict("lane.still_there", from)
	} else if router.AuthorityNames(from) == nil {
		return 0, err
	}
	if strings.TrimSpace(reason) == "" {
		return 0, fault.Invalid("lane.needs", string(Redirected), "reason")
	}
	m := Move{To: Redirected, By: ByHouse, Owner: to, Reason: reason}
	for _, state := range []State{Routed, Delivered, Registered, InWork, Planned, InfoNeeded} {
		for after := int64(0); ; {
			parts, err := l.db.InState(ctx, from, string(state), after, passedAtOnce)
			if err != nil {
				return n, err
			}
			if len(parts) == 0 {
				break
			}
			for _, a := range parts {
				after = a.Number
				switch err := l.Move(ctx, a.Number, a.Step, m); {
				case err == nil:
					n++
				case errors.Is(err, fault.Conflict("lane.moved")), errors.Is(err, fault.Conflict("lane.transition")): // it was answered meanwhile; it is no report and no question
				default:
					return n, err
				}
			}
		}
	}
	return n, nil
}
