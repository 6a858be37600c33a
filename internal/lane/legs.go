package lane

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
)

// AppealTrack is the track of formal appeals, which are never added to public reports.
const AppealTrack = lanedb.AppealTrack

// LegStanding is as what the stay of a formal appeal with one authority is counted.
type LegStanding string

// The standings of a leg. Each leg has exactly one on a day.
const (
	LegInTime    LegStanding = "in_time"   // answered by its due day
	LegLate      LegStanding = "late"      // answered after it
	LegSilent    LegStanding = "silent"    // the due day is over and nothing was answered, whatever came then; stored once that is final
	LegRunning   LegStanding = "running"   // the due day is not over
	LegUnclocked LegStanding = "unclocked" // open, and no clock runs: nobody attests a registration, or no rule is known
	LegAnswered  LegStanding = "answered"  // answered without a clock
	LegPassed    LegStanding = "passed"    // passed on to another authority before the due day was over
	LegTakenBack LegStanding = "withdrawn" // by whoever made it, as early
)

// LegStandings are all, in the order in which they are told.
var LegStandings = []LegStanding{LegInTime, LegLate, LegSilent, LegRunning, LegUnclocked, LegAnswered, LegPassed, LegTakenBack}

// legStanding is as what a leg is kept; of one that is running with its day.
func legStanding(leg appeal.Leg) (s LegStanding, due appeal.Day) {
	over := leg.Due != nil && leg.Closed != "" && leg.Due.OverdueOn(leg.Counts)
	switch {
	case over && leg.Closed != appeal.Answered:
		return LegSilent, ""
	case leg.Closed == appeal.Forwarded:
		return LegPassed, ""
	case leg.Closed == appeal.Withdrawn:
		return LegTakenBack, ""
	case leg.Closed == appeal.Answered && leg.Due == nil:
		return LegAnswered, ""
	case over:
		return LegLate, ""
	case leg.Closed == appeal.Answered:
		return LegInTime, ""
	case leg.Due == nil:
		return LegUnclocked, ""
	}
	return LegRunning, leg.Due.Day
}

// on is a kept standing as it is on a day.
func (s LegStanding) on(due, today appeal.Day) LegStanding {
	if s == LegRunning && due < today {
		return LegSilent
	}
	return s
}

// LegCount is how many legs of one id stand one way; they came in one month.
type LegCount struct {
	Month, ID string
	Standing  LegStanding
	N         int64
}

// TallyAppeals counts the stays of formal appeals for the months (2006-01) from first
// to last, as they stand today in the directory's country. Its cost grows with those
// months and the days on which something is due in them, never with the archive.
func (l *Lane) TallyAppeals(ctx context.Context, kind Kind, first, last string) ([]LegCount, error) {
	kept, err := l.db.Tally(ctx, string(kind), AppealTrack, first, last)
	if err != nil {
		return nil, err
	}
	today, err := l.countryToday(ctx)
	if err != nil {
		return nil, err
	}
	var all []LegCount
	for _, c := range kept {
		standing, due, _ := strings.Cut(c.Standing, " ")
		all = append(all, LegCount{c.Month, c.ID, LegStanding(standing).on(appeal.Day(due), today), c.N})
	}
	return all, nil
}

// countryToday is today where the newest directory's law holds; without such a law it is the lane's.
func (l *Lane) countryToday(ctx context.Context) (appeal.Day, error) {
	_, router, err := l.Current(ctx)
	if err != nil {
		return "", err
	}
	law, err := router.Directory().Book.Law(router.Directory().Info.Country)
	if err != nil {
		return l.today(), nil
	}
	return l.dayIn(law.Zone), nil
}

// LegTallied is counts of legs by standing.
type LegTallied map[LegStanding]int64

// All is how many were sent.
func (t LegTallied) All() (n int64) {
	for _, one := range t {
		n += one
	}
	return n
}

// Three are the numbers with a denominator: answered in time, late, silent; each of
// those whose clock has ended.
func (t LegTallied) Three() (inTime, late, silent Share) {
	of := t[LegInTime] + t[LegLate] + t[LegSilent]
	return Share{t[LegInTime], of}, Share{t[LegLate], of}, Share{t[LegSilent], of}
}

// LegRow is one stay of a formal appeal as everybody may know of it.
type LegRow struct {
	Request  Request
	Number   int // of the stay, from 1
	Leg      appeal.Leg
	Standing LegStanding
}

// legsAtOnce is how many appeals are read in one batch.
const legsAtOnce = 200

// WalkLegs gives the stays that began in the months of a span, with an authority or of
// reports from some areas or of a category (kind), month by
// month and in the order of their reports, a batch at a time. Appeals of reports that nobody may see
// are left out. The authority's numbers and reasons are in none.
func (l *Lane) WalkLegs(ctx context.Context, kind Kind, ids []string, span Span, yield func([]LegRow) error) error {
	for month, err := time.Parse("2006-01", span.First); ; month = month.AddDate(0, 1, 0) {
		if err != nil {
			return fmt.Errorf("read the first month of a span: %w", err)
		}
		if month.Format("2006-01") > span.Last {
			return nil
		}
		if err := l.walkLegs(ctx, kind, ids, month.Format("2006-01"), yield); err != nil {
			return err
		}
	}
}

func (l *Lane) walkLegs(ctx context.Context, kind Kind, ids []string, month string, yield func([]LegRow) error) error {
	for after := int64(0); ; {
		requests, err := l.db.AppealsOf(ctx, string(kind), ids, month, after, legsAtOnce)
		if err != nil || len(requests) == 0 {
			return err
		}
		var rows []LegRow
		for _, id := range requests {
			r, err := l.Request(ctx, id)
			if err != nil {
				return err
			}
			if r.Hidden() {
				continue
			}
			a, err := l.Appeal(ctx, id, "")
			if err != nil {
				return err
			}
			for i, leg := range a.Standing.Legs {
				if string(leg.Submitted.Day)[:7] == month && (kind != PerAuthority || slices.Contains(ids, leg.Authority)) {
					standing, due := legStanding(leg)
					rows = append(rows, LegRow{r, i + 1, leg, standing.on(due, a.Today)})
				}
			}
		}
		if err := yield(rows); err != nil {
			return err
		}
		after = requests[len(requests)-1]
	}
}

// SweepAppeals counts those formal appeals anew that were worked out by an older
// directory than the newest: a calendar that was put right changes what is late.
func (l *Lane) SweepAppeals(ctx context.Context) error {
	v, _, err := l.Current(ctx)
	if errors.Is(err, fault.NotFound("lane.no_directory")) {
		return nil
	}
	for err == nil {
		var ids []int64
		if ids, err = l.db.StaleAppeals(ctx, v.Number, legsAtOnce); err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if err = l.restand(ctx, id); err != nil {
				return err
			}
		}
	}
	return err
}

func (l *Lane) restand(ctx context.Context, id int64) error {
	a, err := l.Appeal(ctx, id, "")
	if noAppeals(err) || errors.Is(err, fault.Corrupt("lane.broken_history")) {
		return l.passOver(ctx, id) // Recount tells of what is damaged
	}
	if err != nil {
		return err
	}
	err = l.db.KeepLegs(ctx, id, int64(len(a.Entries)), a.with())
	if errors.Is(err, fault.Conflict("lane.entered")) {
		return nil // it was worked out with what was entered
	}
	return err
}

// noAppeals reports that a directory knows no appeals, or none such as was entered: then
// what is kept of them stays.
func noAppeals(err error) bool {
	return errors.Is(err, fault.NotFound("appeal.no_law")) || errors.Is(err, fault.NotFound("appeal.no_road")) || errors.Is(err, fault.Conflict("appeal.out_of_order")) || errors.Is(err, fault.Invalid("appeal.attester"))
}

// passOver keeps that an appeal cannot be worked out by the newest directory; what is
// kept of it stays.
func (l *Lane) passOver(ctx context.Context, id int64) error {
	v, _, err := l.Current(ctx)
	if err != nil {
		return err
	}
	return l.db.PassOver(ctx, id, v.Number)
}

// recountAppeals holds what is kept of formal appeals against their entries.
func (l *Lane) recountAppeals(ctx context.Context, mend bool) (all []Difference, err error) {
	var v Version
	var router *authority.Router // read once there is an appeal: without one no law is needed
	legs, cells, err := l.db.RecountAppeals(ctx, mend, func(request int64, all []lanedb.Event, kept []lanedb.Leg) (lanedb.With, bool, error) {
		entries, err := readEntries(request, all, "")
		if errors.Is(err, fault.Corrupt("lane.broken_history")) {
			return lanedb.With{}, false, nil
		}
		if err != nil {
			return lanedb.With{}, false, err
		}
		if router == nil {
			if v, router, err = l.Current(ctx); err != nil {
				return lanedb.With{}, false, err
			}
		}
		a, err := l.standBy(v, router, entries)
		if noAppeals(err) {
			return lanedb.With{Legs: kept}, true, nil
		}
		return a.with(), err == nil, err
	})
	for _, u := range legs {
		d := Difference{What: DiffersAppeal, Request: u.Request}
		if u.Damaged {
			d.What = DiffersHistory
		}
		all = append(all, d)
	}
	for _, c := range cells {
		all = append(all, differs(AppealTrack, c))
	}
	return all, err
}
