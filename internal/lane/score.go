package lane

import (
	"context"

	"kua/internal/lane/lanedb"
)

// Kind is what numbers are told for.
type Kind string

// The kinds.
const (
	PerAuthority Kind = "authority"
	PerArea      Kind = "area"
	PerCategory  Kind = "category"
)

// Kinds are all.
var Kinds = []Kind{PerAuthority, PerArea, PerCategory}

// ReportTrack is the track of public reports. Tracks are never added up.
const ReportTrack = lanedb.ReportTrack

// Count is how many assignments of one id stand one way; it is of the requests
// of one month.
type Count struct {
	Month, ID string
	Standing  Standing
	N         int64
}

// Tally gives the counts of a kind on one track for the months (2006-01) from
// first to last. Its cost grows with those months, never with the archive.
func (l *Lane) Tally(ctx context.Context, kind Kind, track, first, last string) ([]Count, error) {
	kept, err := l.db.Tally(ctx, string(kind), track, first, last)
	var all []Count
	for _, c := range kept {
		all = append(all, Count{c.Month, c.ID, Standing(c.Standing), c.N})
	}
	return all, err
}
