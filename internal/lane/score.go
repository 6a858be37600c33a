package lane

import (
	"context"
	"math"
	"time"

	"kua/internal/appeal"
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

// MinSample is how many an authority, area or category must have before a share
// of them is told: below it chance says more than they do.
const MinSample = 20

// RipeDays is how old the last report of a month must be before the month is in
// the shares: until then silence may be haste.
const RipeDays = 30

// scoreMonths is how many months a scoreboard has.
const scoreMonths = 12

// Span is the months of a scoreboard, from the first to the last.
type Span struct{ First, Last string }

// RipeSpan gives the newest span whose months are all ripe on a day, or the one
// that ends with the month until, where that is ripe as well.
func RipeSpan(today appeal.Day, until string) Span {
	now, err := time.Parse(time.DateOnly, string(today))
	if err != nil {
		return Span{}
	}
	// The month before the one in which the day lies that is RipeDays ago is over
	// since RipeDays at least, and that one itself if it ended on that very day.
	ripe := now.AddDate(0, 0, 1-RipeDays)
	last := time.Date(ripe.Year(), ripe.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, -1, 0)
	if asked, err := time.Parse("2006-01", until); err == nil && asked.Before(last) && asked.Year() > 2000 {
		last = asked
	}
	return Span{last.AddDate(0, 1-scoreMonths, 0).Format("2006-01"), last.Format("2006-01")}
}

// Tallied is counts by standing.
type Tallied map[Standing]int64

// Told is how many the authority was told of and that are its own: all in which
// something could be answered.
func (t Tallied) Told() int64 { return t.Answered() + t[Silent] }

// Answered is how many were ever answered, refusals included.
func (t Tallied) Answered() int64 {
	return t[Confirmed] + t[Claimed] + t[Disputed] + t[Declined]
}

// All is how many there are in whatever standing.
func (t Tallied) All() (n int64) {
	for _, one := range t {
		n += one
	}
	return n
}

// Share is a number and what it is a part of.
type Share struct{ N, Of int64 }

// Enough reports that there are enough to tell the share.
func (s Share) Enough() bool { return s.Of >= MinSample }

// Wilson gives the share with the bounds of its 95 % interval, each from 0 to 1:
// E. B. Wilson, Probable Inference, the Law of Succession, and Statistical
// Inference, JASA 22 (1927). The share of nothing is 0, from 0 to 1.
func (s Share) Wilson() (share, low, high float64) {
	if s.Of <= 0 {
		return 0, 0, 1
	}
	const z = 1.959963984540054
	n, p := float64(s.Of), float64(s.N)/float64(s.Of)
	centre := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return p, max(centre-half, 0), min(centre+half, 1)
}

// Four are the four numbers of a scoreboard. Confirmed, disputed and what is
// neither are parts of the answered; a refusal is among those alone.
func (t Tallied) Four() (answered, confirmed, disputed, silent Share) {
	return Share{t.Answered(), t.Told()}, Share{t[Confirmed], t.Answered()}, Share{t[Disputed], t.Answered()}, Share{t[Silent], t.Told()}
}
