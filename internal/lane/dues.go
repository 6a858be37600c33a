package lane

import (
	"context"
	"slices"
	"strings"

	"kua/internal/appeal"
	"kua/internal/lane/lanedb"
	"kua/internal/pledge"
)

// Due is a day by which an authority has something to do.
type Due struct {
	Day     appeal.Day
	Request int64
	Part    int64 // the assignment
	Formal  bool  // by the law, for a formal appeal; otherwise the authority planned or pledged it itself
	Pledge  bool  // it gave this day to everybody
	Over    bool
}

// maxDues is how many days a calendar shows at most.
const maxDues = 500

// everyDay is behind every day that can be planned.
const everyDay = "9999-99-99"

// Dues gives the days by which the account's authority has something to do, in
// their order: what it planned and did not do yet, the formal appeals that it has to answer, and what it
// pledged and neither kept nor took back. cut
// reports that there are more than are shown.
func (l *Lane) Dues(ctx context.Context, me Account) (all []Due, cut bool, err error) {
	if all, cut, err = l.pledged(ctx, me.Authority); err != nil {
		return nil, false, err
	}
	ask := lanedb.InboxFilter{Authority: me.Authority, Late: everyDay, Limit: clockWindow, Window: clockWindow}
	for {
		p, next, err := l.db.Inbox(ctx, ask)
		if err != nil {
			return nil, false, err
		}
		rows, err := l.assigned(ctx, me.Authority, p)
		if err != nil {
			return nil, false, err
		}
		for _, r := range rows {
			if r.Planned != "" && r.About.Matter != Pledge { // whose day is among the pledged, moved to a worked one
				all = append(all, Due{Day: r.Planned, Request: r.About.ID, Part: r.Number, Over: r.Missed})
			}
			if r.Due != "" {
				all = append(all, Due{Day: r.Due, Request: r.About.ID, Part: r.Number, Formal: true, Over: r.Overdue > 0})
			}
		}
		if next == nil || len(all) >= maxDues {
			slices.SortStableFunc(all, func(a, b Due) int { return strings.Compare(string(a.Day), string(b.Day)) })
			return all, cut || next != nil, nil
		}
		ask.After = *next
	}
}

// PledgesDue gives an authority's pledges whose last day comes within three days or is
// over, in the order of those days.
func (l *Lane) PledgesDue(ctx context.Context, me Account) ([]Due, error) {
	all, _, err := l.pledged(ctx, me.Authority)
	soon := l.today().Plus(soonDays)
	all = slices.DeleteFunc(all, func(d Due) bool { return !d.Over && d.Day > soon })
	slices.SortStableFunc(all, func(a, b Due) int { return strings.Compare(string(a.Day), string(b.Day)) })
	return all, err
}

// pledged gives the last days of an authority's pledges that stand, moved as pledge.Stand
// moves them; whether one is over is worked out each time.
func (l *Lane) pledged(ctx context.Context, authority string) (all []Due, cut bool, err error) {
	open, err := l.List(ctx, Filter{Of: authority, Matters: []Matter{Pledge}, Open: new(true), Limit: maxDues + 1})
	if err != nil {
		return nil, false, err
	}
	shown := open[:min(len(open), maxDues)]
	var ids []int64
	for _, r := range shown {
		ids = append(ids, r.ID)
	}
	kept, err := l.db.AssignmentsOf(ctx, ids...)
	if err != nil {
		return nil, false, err
	}
	_, router, err := l.Current(ctx)
	if err != nil {
		return nil, false, err
	}
	parts := map[int64][]Assignment{}
	for _, a := range kept {
		parts[a.Request] = append(parts[a.Request], shownAssignment(a))
	}
	for _, r := range shown {
		r.Assignments = parts[r.ID]
		s := l.pledgeStands(router, r, Said{})
		all = append(all, Due{Day: s.Until, Request: r.ID, Part: r.Assignments[0].Number, Pledge: true, Over: s.Word == pledge.Overdue})
	}
	return all, len(open) > maxDues, nil
}
