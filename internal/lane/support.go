package lane

import (
	"context"

	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// Support keeps that somebody has the same trouble as a request tells of; the
// code of their draft makes it count once. The faults are lane.bad_code,
// lane.no_request, lane.closed, lane.own (it is the holder's), lane.import.elsewhere and, for one that nobody may see yet, lane.no_request.
func (l *Lane) Support(ctx context.Context, id int64, code string) error {
	hash, err := hashCode(code)
	if err != nil {
		return err
	}
	r, err := l.Request(ctx, id)
	switch {
	case err != nil:
		return err
	case r.Hidden():
		return fault.NotFound("lane.no_request", id)
	case r.Source != "":
		return fault.Conflict("lane.import.elsewhere", id, r.Source)
	case !r.Open || r.Matter == Announcement:
		return fault.Conflict("lane.closed", id)
	}
	return l.db.AddSupport(ctx, id, hash)
}

// Beside is what there is of a request beside its parts and its history.
type Beside = lanedb.Beside

// Beside gives it by one look: most requests have nothing of it, and a page need not ask for it piece by piece.
func (l *Lane) Beside(ctx context.Context, id int64) (Beside, error) { return l.db.Beside(ctx, id) }
