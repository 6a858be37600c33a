package lane

import (
	"context"
	"time"

	"kua/internal/appeal"
	"kua/internal/lane/lanedb"
)

// moderationMonths is how far back the numbers of moderation go.
const moderationMonths = 12

// Moderation is what everybody may know of reports that were held: numbers, no
// report and no checker.
type Moderation struct {
	Since        appeal.Day
	Held         int64          // came to wait, for a first or another look
	Causes       map[Rule]int64 // a report can have several
	Decided      map[State]int64
	Grounds      map[Ground]int64
	Again        map[State]int64 // what followed another look
	First, Later int64           // wait now: for a first look, for another one
	Words        AddedWords      // that holders added
	Days         float64         // the median of how long a decision took; -1 without one
}

// AddedWords is how often words that were added wait, were let through, and were not.
type AddedWords struct{ Wait, Passed, Refused int64 }

// Moderation gives the numbers of the last twelve months.
func (l *Lane) Moderation(ctx context.Context) (m Moderation, err error) {
	m.Since = appeal.Day(l.now().UTC().AddDate(0, -moderationMonths, 0).Format(time.DateOnly))
	kept, err := l.db.Moderation(ctx, string(m.Since))
	if err != nil {
		return m, err
	}
	m.Held, m.Days = kept.Held, median(kept.Waited)
	m.Causes, m.Decided, m.Grounds, m.Again = named[Rule](kept.Causes), named[State](kept.What), named[Ground](kept.Grounds), named[State](kept.Again)
	if m.First, m.Later, err = l.db.QueueLength(ctx); err != nil {
		return m, err
	}
	m.Words.Wait, m.Words.Passed, m.Words.Refused, err = l.db.AdditionNumbers(ctx, string(m.Since))
	return m, err
}

func named[T ~string](all []lanedb.Tallied) map[T]int64 {
	out := map[T]int64{}
	for _, t := range all {
		out[T(t.Name)] = t.N
	}
	return out
}

// median gives the middle of counted days, the mean of both middles of an even
// number, and -1 of none.
func median(all []lanedb.Days) float64 {
	var n int64
	for _, d := range all {
		n += d.N
	}
	if n == 0 {
		return -1
	}
	at := func(place int64) int64 {
		for _, d := range all {
			if place -= d.N; place < 0 {
				return d.Days
			}
		}
		return 0
	}
	return float64(at((n-1)/2)+at(n/2)) / 2
}
