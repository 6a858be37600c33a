package lane

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kua/internal/appeal"
	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/lane/lanedb"
	"kua/internal/locale"
	"kua/internal/pledge"
)

// How many rows of an inbox are looked at for one page, whatever the archive
// holds: of such that only need to be compared, and of such whose clocks are worked out.
const (
	inboxWindow = 2000
	clockWindow = 200
)

// filed is what an inbox takes from an event.
func filed(body string) (lanedb.Act, error) {
	var e Event
	if err := canon.Unmarshal([]byte(body), &e); err != nil {
		return lanedb.Act{}, fmt.Errorf("read the event: %w", err)
	}
	a := lanedb.Act{Authority: e.Authority, Day: string(e.Day)}
	if e.To == Planned {
		a.Planned = string(e.On)
	}
	return a, nil
}

// The orders of an inbox.
const (
	OldestFirst = lanedb.OldestFirst
	NewestFirst = lanedb.NewestFirst
	LastAct     = lanedb.LastAct
)

// InboxFilter narrows an inbox; its zero value has all, oldest first.
type InboxFilter struct {
	Open     *bool
	State    State
	Category string
	Areas    []string
	Person   *int64 // an account that sees to it; 0: nobody does
	Formal   *bool  // with a formal appeal, or without
	Late     bool   // planned for a day that is over, or past the law's time
	Words    string // each begins a word of the report; digits alone are a report's number
	Order    string // such a list of words is ordered by reports, the oldest or the newest first
	After    string // where the page before ended
	Limit    int    // at least 1
}

// Assigned is an assignment as an inbox lists it.
type Assigned struct {
	Assignment
	About   Request    // without its assignments
	Acted   appeal.Day // of the last act on it
	Planned appeal.Day // for which the authority planned it; "" for none
	Person  int64      // the account that sees to it; 0: none
	Formal  bool       // there is a formal appeal
	Missed  bool       // what was planned is not done, and its day is over
	Overdue int        // days past the law's time of the formal appeal that lies with this authority
	Due     appeal.Day // until when that is to be answered; "" when no clock runs
}

// Late reports whether the desk's own day or the law's is over.
func (a Assigned) Late() bool { return a.Missed || a.Overdue > 0 }

// InboxPage is one page of an inbox.
type InboxPage struct {
	Rows []Assigned
	Next string // After of the next page; "" at the end
}

// Inbox gives a page of what is assigned to the account's authority. Nothing is
// there that it was never to hear of, or that is hidden. A page costs the same whatever
// the archive holds: when few rows of many fit the filter it may have fewer than
// Limit, or none, and lead on.
func (l *Lane) Inbox(ctx context.Context, me Account, f InboxFilter) (InboxPage, error) {
	ask := lanedb.InboxFilter{Authority: me.Authority, Open: f.Open, State: string(f.State), Category: f.Category, Areas: f.Areas, Person: f.Person, Formal: f.Formal,
		Order: f.Order, After: readKey(f.After), Limit: f.Limit, Window: inboxWindow}
	if f.State != "" && f.Open == nil {
		open := f.State.Open()
		ask.Open = &open
	}
	words := strings.TrimLeft(strings.TrimSpace(f.Words), "№#")
	if number, err := strconv.ParseInt(strings.TrimSpace(words), 10, 64); err == nil && number > 0 {
		ask.Request = number
	} else {
		all := locale.Words(words)
		ask.Words = all[:min(len(all), maxSearched)]
	}
	if f.Late {
		ask.Late, ask.Window = string(l.today()), clockWindow
	}
	return l.inboxPage(ctx, ask, f.Late)
}

// inboxPage reads a page; late leaves out what is not.
func (l *Lane) inboxPage(ctx context.Context, ask lanedb.InboxFilter, late bool) (p InboxPage, err error) {
	kept, next, err := l.db.Inbox(ctx, ask)
	if err != nil {
		return p, err
	}
	if p.Rows, err = l.assigned(ctx, ask.Authority, kept); err != nil {
		return p, err
	}
	if late {
		p.Rows = slices.DeleteFunc(p.Rows, func(a Assigned) bool { return !a.Late() })
	}
	if next != nil {
		p.Next = next.Day + "." + strconv.FormatInt(next.Number, 10)
	}
	return p, nil
}

// readKey reads where a page ended; what is none is the beginning.
func readKey(s string) (k lanedb.InboxKey) {
	day, number, ok := strings.Cut(s, ".")
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || n <= 0 || len(day) > len("2006-01-02") || !plain(day, 10) {
		return k
	}
	return lanedb.InboxKey{Day: day, Number: n}
}

// assigned completes rows of an authority's inbox, in their order.
func (l *Lane) assigned(ctx context.Context, body string, rows []lanedb.InboxRow) (all []Assigned, err error) {
	var ids []int64
	for _, r := range rows {
		ids = append(ids, r.Request)
	}
	about, err := l.db.RequestsOf(ctx, ids...)
	if err != nil {
		return nil, err
	}
	parts, err := l.db.AssignmentsOf(ctx, ids...)
	if err != nil {
		return nil, err
	}
	today := l.today()
	for _, r := range rows {
		at := slices.IndexFunc(parts, func(a lanedb.Assignment) bool { return a.Number == r.Number })
		if at < 0 {
			continue
		}
		a := Assigned{Assignment: shownAssignment(parts[at]), Acted: appeal.Day(r.Acted), Planned: appeal.Day(r.Planned), Person: r.Person, Formal: r.Formal > 0}
		if a.About, err = shown(about[r.Request]); err != nil {
			return nil, err
		}
		if a.Missed = a.Planned != "" && a.Planned < today; a.Missed && a.About.Matter == Pledge {
			if a.Missed, err = l.pledgeOver(ctx, a); err != nil {
				return nil, err
			}
		}
		if r.Formal == lanedb.FormalOurs {
			if a.Due, a.Overdue, err = l.clockOf(ctx, body, r.Request); err != nil {
				return nil, err
			}
		}
		all = append(all, a)
	}
	return all, nil
}

// pledgeOver reports that the last day of a pledge that stands is over: a day off moves it.
func (l *Lane) pledgeOver(ctx context.Context, a Assigned) (bool, error) {
	_, router, err := l.Current(ctx)
	if err != nil {
		return false, err
	}
	r := a.About
	r.Assignments = []Assignment{a.Assignment}
	return l.pledgeStands(router, r, Said{}).Word == pledge.Overdue, nil
}

// clockOf gives until when an authority has to answer the formal appeal of a
// request, and how many days that is over; nothing where no clock runs for it.
func (l *Lane) clockOf(ctx context.Context, body string, request int64) (due appeal.Day, over int, err error) {
	a, err := l.Appeal(ctx, request, "")
	if errors.Is(err, fault.NotFound("appeal.no_law")) || errors.Is(err, fault.NotFound("appeal.no_road")) {
		return "", 0, nil
	}
	n := len(a.Standing.Legs)
	if err != nil || n == 0 {
		return "", 0, err
	}
	if last := a.Standing.Legs[n-1]; last.Authority == body && last.Closed == "" && last.Due != nil {
		return last.Due.Day, a.Standing.DaysOver, nil
	}
	return "", 0, nil
}

// AssignedTo gives an assignment of the account's authority that it may see, and
// its request. The fault is lane.no_assignment, for what is others' as for what is not there.
func (l *Lane) AssignedTo(ctx context.Context, me Account, number int64) (Assignment, Request, error) {
	none := fault.NotFound("lane.no_assignment", number)
	kept, err := l.db.Assignment(ctx, number)
	if err != nil {
		return Assignment{}, Request{}, err
	}
	if kept.Authority != me.Authority || State(kept.State) == AwaitingCheck {
		return Assignment{}, Request{}, none
	}
	r, err := l.Request(ctx, kept.Request)
	if err != nil {
		return Assignment{}, Request{}, err
	}
	if r.Matter.Post() {
		return shownAssignment(kept), r, nil
	}
	told, err := l.db.Deliveries(ctx, kept.Request)
	if err != nil {
		return Assignment{}, Request{}, err
	}
	if !slices.ContainsFunc(told, func(d lanedb.Delivery) bool { return d.Assignment == number }) {
		return Assignment{}, Request{}, none
	}
	return shownAssignment(kept), r, nil
}

// SeesTo gives the account that sees to an assignment, 0 for none. The fault is
// lane.no_assignment for one that stands in no inbox of the account's authority.
func (l *Lane) SeesTo(ctx context.Context, me Account, number int64) (int64, error) {
	row, err := l.db.InboxRowOf(ctx, me.Authority, number)
	return row.Person, err
}

// Assign has an account of the same authority see to an assignment, 0 nobody. It
// stands in no history and on no public page; the account's trace says who did it. The
// faults are lane.no_assignment and lane.no_account.
func (l *Lane) Assign(ctx context.Context, me Account, number, account int64) error {
	return l.db.Assign(ctx, me.Authority, number, account, string(l.today()), me.Number)
}
