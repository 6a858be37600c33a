package lane

import (
	"context"
	"slices"
	"strings"

	"kua/internal/appeal"
	"kua/internal/lane/lanedb"
)

// Due is a day by which an authority has something to do.
type Due struct {
	Day     appeal.Day
	Request int64
	Part    int64 // the assignment
	Formal  bool  // by the law, for a formal appeal; otherwise the authority planned it itself
	Over    bool
}

// maxDues is how many days a calendar shows at most.
const maxDues = 500

// everyDay is behind every day that can be planned.
const everyDay = "9999-99-99"

// Dues gives the days by which the account's authority has something to do, in
// their order: what it planned and did not do yet, and the formal appeals that it has to answer. cut
// reports that there are more than are shown.
func (l *Lane) Dues(ctx context.Context, me Account) (all []Due, cut bool, err error) {
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
			if r.Planned != "" {
				all = append(all, Due{r.Planned, r.About.ID, r.Number, false, r.Missed})
			}
			if r.Due != "" {
				all = append(all, Due{r.Due, r.About.ID, r.Number, true, r.Overdue > 0})
			}
		}
		if next == nil || len(all) >= maxDues {
			slices.SortStableFunc(all, func(a, b Due) int { return strings.Compare(string(a.Day), string(b.Day)) })
			return all, next != nil, nil
		}
		ask.After = *next
	}
}
