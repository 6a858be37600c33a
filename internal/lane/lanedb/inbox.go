package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"kua/internal/fault"
)

// Act is what an inbox takes from an event.
type Act struct {
	Authority string // whose part it was; "": the whole request
	Day       string
	Planned   string // for which day it was planned, where it was
}

// Filed reads an event's body. It is a pure function.
type Filed func(body string) (Act, error)

// InboxRow is an assignment as an inbox keeps it.
type InboxRow struct {
	Number, Request       int64
	Category, Area, State string
	Open                  bool
	Formal                int64 // 0: no formal appeal; 1: there is one; 2: it may lie with this authority, unanswered
	Planned               string
	Acted                 string // day of the last act
	Person                int64  // an account; 0: nobody
}

// The values of InboxRow.Formal.
const (
	NotFormal  = 0
	Formal     = 1
	FormalOurs = 2
)

// file writes the rows of a request anew: who may see it, and what of it a list is
// narrowed by. Body is that of the event that was appended; without one only the
// request's appeal changed.
func (db *DB) file(ctx context.Context, tx *sql.Tx, request int64, body string) error {
	var act Act
	if body != "" {
		var err error
		if act, err = db.rules.Filed(body); err != nil {
			return err
		}
	}
	type kept struct {
		InboxRow
		authority, visibility, day string
		hidden, told               int64
	}
	rows, err := tx.QueryContext(ctx, `SELECT b.number, b.authority, b.state, b.day, r.category, r.area, r.visibility, r.hidden,
			(SELECT count(*) FROM delivery d WHERE d.assignment = b.number), COALESCE(p.account, 0), COALESCE(i.planned, ''), COALESCE(i.acted, ''),
			CASE WHEN w.request IS NULL THEN (CASE WHEN EXISTS (SELECT 1 FROM appeal_event e WHERE e.request = b.request) THEN 2 ELSE 0 END) WHEN w.open = 1 AND w.authority IN (b.authority, '') THEN 2 ELSE 1 END
		FROM assignment b JOIN request r ON r.id = b.request LEFT JOIN assigned p ON p.assignment = b.number LEFT JOIN appeal_with w ON w.request = b.request
			LEFT JOIN inbox i ON i.authority = b.authority AND i.assignment = b.number
		WHERE b.request = $1`, request)
	all, err := collect(rows, err, func(rows *sql.Rows, k *kept) error {
		return rows.Scan(&k.Number, &k.authority, &k.State, &k.day, &k.Category, &k.Area, &k.visibility, &k.hidden, &k.told, &k.Person, &k.Planned, &k.Acted, &k.Formal)
	})
	if err != nil {
		return err
	}
	shown := slices.ContainsFunc(all, func(k kept) bool { return k.visibility != held || !slices.Contains(db.rules.Unseen, k.State) })
	if err := seeAppeal(ctx, tx, request, shown); err != nil {
		return err
	}
	if len(all) > 0 && all[0].hidden == bit(shown) {
		if err := db.hide(ctx, tx, request, !shown); err != nil {
			return err
		}
	}
	for _, k := range all {
		if k.authority == "" {
			continue
		}
		if !shown || k.told == 0 || k.State == "awaiting_check" {
			if _, err := tx.ExecContext(ctx, `DELETE FROM inbox WHERE authority = $1 AND assignment = $2`, k.authority, k.Number); err != nil {
				return err
			}
			continue
		}
		if act.Day != "" && (act.Authority == "" || act.Authority == k.authority) {
			k.Acted = act.Day
		}
		if k.Acted == "" {
			k.Acted = k.day
		}
		if act.Planned != "" && act.Authority == k.authority {
			k.Planned = act.Planned
		}
		if k.State != "planned" {
			k.Planned = ""
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO inbox (authority, assignment, request, category, area, state, open, formal, planned, acted, person)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (authority, assignment) DO UPDATE SET state = excluded.state, open = excluded.open,
			formal = excluded.formal, planned = excluded.planned, acted = excluded.acted, person = excluded.person`,
			k.authority, k.Number, request, k.Category, k.Area, k.State, bit(db.rules.Open(k.State)), k.Formal, k.Planned, k.Acted, k.Person); err != nil {
			return err
		}
	}
	return nil
}

// hide takes a request out of lists and the search, or puts it in.
func (db *DB) hide(ctx context.Context, tx *sql.Tx, request int64, hidden bool) error {
	if _, err := tx.ExecContext(ctx, `UPDATE request SET hidden = $1 WHERE id = $2`, bit(hidden), request); err != nil {
		return err
	}
	if !hidden {
		return db.reindex(ctx, tx, request)
	}
	return db.unfound(ctx, tx, request)
}

// InboxKey is where a page of an inbox ended; its zero value is before the first.
type InboxKey struct {
	Day    string // of the last act, where the list is ordered by it
	Number int64  // of the assignment, or of the request where words are searched for
}

// The orders of an inbox.
const (
	OldestFirst = "old"
	NewestFirst = "new"
	LastAct     = "act" // what was acted on last comes first
)

// InboxFilter narrows an inbox. Its zero value but for Authority, Limit and Window is all of it.
type InboxFilter struct {
	Authority string
	Open      *bool
	State     string
	Category  string
	Areas     []string
	Person    *int64 // 0: nobody sees to it
	Formal    *bool  // on the second track, or not
	Late      string // today: what may be late, since it was planned for a day that is over or has a formal appeal to answer; "": all
	Request   int64
	Words     []string // as in Filter; such a list is ordered by requests
	Order     string
	After     InboxKey
	Limit     int
	Window    int // the most rows that are looked at for one page

	match string // Words as the engine's search is asked for them
}

const inboxColumns = `i.assignment, i.request, i.category, i.area, i.state, i.open, i.formal, i.planned, i.acted, i.person`

// Statement is what Inbox asks: one walk along one index, which ends by itself.
func (f InboxFilter) Statement(postgres bool) (text string, args []any) {
	var p placeholders
	rising := f.Order != NewestFirst && f.Order != LastAct
	limit := func() string { return " LIMIT " + p.one(int64(f.Window)) }
	if len(f.Words) > 0 {
		match := ""
		if postgres {
			match = "words @@ to_tsquery('simple', " + p.one(f.match) + ")"
		} else {
			match = "request_words MATCH " + p.one(f.match)
		}
		order := " ORDER BY rowid DESC"
		if rising {
			order = " ORDER BY rowid"
		}
		if f.After.Number != 0 {
			match += " AND rowid " + map[bool]string{true: ">", false: "<"}[rising] + " " + p.one(f.After.Number)
		}
		return `SELECT w.request, COALESCE(i.assignment, 0), COALESCE(i.category, ''), COALESCE(i.area, ''), COALESCE(i.state, ''), COALESCE(i.open, 0), COALESCE(i.formal, 0),
			COALESCE(i.planned, ''), COALESCE(i.acted, ''), COALESCE(i.person, 0)
			FROM (SELECT rowid AS request FROM request_words WHERE ` + match + order + limit() + `) w
			LEFT JOIN assignment b ON b.request = w.request LEFT JOIN inbox i ON i.authority = ` + p.one(f.Authority) + ` AND i.assignment = b.number`, p.args
	}
	where, from := "i.authority = "+p.one(f.Authority), "inbox i"
	along := func(index string) {
		if !postgres { // which has no statistics of its own accord; PostgreSQL knows how rare each value is
			from += " INDEXED BY " + index
		}
	}
	switch {
	case f.Request != 0:
		where += " AND i.assignment IN (SELECT number FROM assignment WHERE request = " + p.one(f.Request) + ")"
	case f.Order == LastAct:
		if f.After.Number != 0 {
			day := p.one(f.After.Day)
			where += " AND i.acted <= " + day + " AND (i.acted < " + day + " OR i.assignment < " + p.one(f.After.Number) + ")"
		}
		along("inbox_acted")
		return `SELECT ` + inboxColumns + ` FROM ` + from + ` WHERE ` + where + ` ORDER BY i.acted DESC, i.assignment DESC` + limit(), p.args
	case f.Late != "":
		along("inbox_late")
		where += " AND (i.planned <> '' OR i.formal = 2)"
	case f.Person != nil && *f.Person != 0:
		along("inbox_person")
		where += " AND i.person <> 0 AND i.person = " + p.one(*f.Person)
	case f.Formal != nil && *f.Formal:
		along("inbox_formal")
		where += " AND i.formal > 0"
	case len(f.Areas) == 1:
		along("inbox_area")
		where += " AND i.area = " + p.one(f.Areas[0])
	case f.Category != "":
		along("inbox_category")
		where += " AND i.category = " + p.one(f.Category)
	case f.Open != nil:
		along("inbox_open")
		where += " AND i.open = " + p.one(bit(*f.Open))
	}
	order := " ORDER BY i.assignment"
	if f.After.Number != 0 {
		where += " AND i.assignment " + map[bool]string{true: ">", false: "<"}[rising] + " " + p.one(f.After.Number)
	}
	if !rising {
		order += " DESC"
	}
	return `SELECT ` + inboxColumns + ` FROM ` + from + ` WHERE ` + where + order + limit(), p.args
}

// has reports whether a row is one of those that are asked for.
func (f InboxFilter) has(r InboxRow) bool {
	return (f.Open == nil || *f.Open == r.Open) && (f.State == "" || f.State == r.State) && (f.Category == "" || f.Category == r.Category) &&
		(len(f.Areas) == 0 || slices.Contains(f.Areas, r.Area)) && (f.Person == nil || *f.Person == r.Person) && (f.Formal == nil || *f.Formal == (r.Formal > 0)) &&
		(f.Late == "" || r.Planned != "" && r.Planned < f.Late || r.Formal == FormalOurs)
}

// key is where a page ends whose last row is r.
func (f InboxFilter) key(r InboxRow) InboxKey {
	switch {
	case len(f.Words) > 0:
		return InboxKey{"", r.Request}
	case f.Order == LastAct:
		return InboxKey{r.Acted, r.Number}
	}
	return InboxKey{"", r.Number}
}

// Inbox gives a page of what an authority may see, at most Limit rows, and where
// the next one begins. It looks at no more rows than Window, whatever the archive
// holds: then there may be fewer, or none, and still a next page. next is nil at the end.
func (db *DB) Inbox(ctx context.Context, f InboxFilter) (page []InboxRow, next *InboxKey, err error) {
	if len(f.Words) > 0 {
		if f.match, err = db.match(ctx, f.Words); err != nil {
			return nil, nil, fmt.Errorf("read the inbox of %s: %w", f.Authority, err)
		}
	}
	text, args := f.Statement(db.postgres)
	rows, err := db.db.QueryContext(ctx, text, args...)
	all, err := collect(rows, err, func(rows *sql.Rows, r *InboxRow) error {
		var open int64
		first, second := &r.Number, &r.Request
		if len(f.Words) > 0 {
			first, second = second, first
		}
		err := rows.Scan(first, second, &r.Category, &r.Area, &r.State, &open, &r.Formal, &r.Planned, &r.Acted, &r.Person)
		r.Open = open == 1
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the inbox of %s: %w", f.Authority, err)
	}
	whole := len(all) < f.Window
	if len(f.Words) > 0 {
		slices.SortStableFunc(all, func(a, b InboxRow) int {
			if f.Order == NewestFirst || f.Order == LastAct {
				a, b = b, a
			}
			if a.Request != b.Request {
				return int(max(min(a.Request-b.Request, 1), -1))
			}
			return int(max(min(a.Number-b.Number, 1), -1))
		})
		whole = requestsIn(all) < f.Window
	}
	for i, r := range all {
		if len(page) >= f.Limit && (len(f.Words) == 0 || r.Request != page[len(page)-1].Request) { // a request is not torn apart where the next page begins behind it
			key := f.key(all[i-1])
			return page, &key, nil
		}
		if r.Number != 0 && f.has(r) {
			page = append(page, r)
		}
	}
	if whole || len(all) == 0 {
		return page, nil, nil
	}
	key := f.key(all[len(all)-1])
	return page, &key, nil
}

func requestsIn(all []InboxRow) (n int) {
	for i, r := range all {
		if i == 0 || r.Request != all[i-1].Request {
			n++
		}
	}
	return n
}

// InboxRowOf gives the row of one assignment of an authority, or the fault
// lane.no_assignment for what that authority may not see.
func (db *DB) InboxRowOf(ctx context.Context, authority string, number int64) (r InboxRow, err error) {
	var open int64
	err = db.db.QueryRowContext(ctx, `SELECT `+inboxColumns+` FROM inbox i WHERE i.authority = $1 AND i.assignment = $2`, authority, number).
		Scan(&r.Number, &r.Request, &r.Category, &r.Area, &r.State, &open, &r.Formal, &r.Planned, &r.Acted, &r.Person)
	if errors.Is(err, sql.ErrNoRows) {
		return r, fault.NotFound("lane.no_assignment", number)
	}
	if err != nil {
		return r, fmt.Errorf("read assignment %d in the inbox of %s: %w", number, authority, err)
	}
	r.Open = open == 1
	return r, nil
}

// RequestsOf gives requests by their ids.
func (db *DB) RequestsOf(ctx context.Context, ids ...int64) (map[int64]Request, error) {
	found := map[int64]Request{}
	if len(ids) == 0 {
		return found, nil
	}
	where, args := among("id", ids)
	all, err := requests(db.db.QueryContext(ctx, `SELECT `+columns+` FROM request WHERE `+where, args...))
	for _, r := range all {
		found[r.ID] = r
	}
	return found, err
}

// Assign gives an assignment to an account (0: to nobody) and leaves a trace of
// who did; what stands so already changes nothing. The faults are lane.no_assignment,
// for what the authority may not see, and lane.no_account for one that is not live or another's.
func (db *DB) Assign(ctx context.Context, authority string, number, account int64, day string, actor int64) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var person int64
		err := tx.QueryRowContext(ctx, `SELECT person FROM inbox WHERE authority = $1 AND assignment = $2`, authority, number).Scan(&person)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.NotFound("lane.no_assignment", number)
		}
		if err != nil || person == account {
			return err
		}
		what, whose := "unassigned", person
		if account == 0 {
			_, err = tx.ExecContext(ctx, `DELETE FROM assigned WHERE assignment = $1`, number)
		} else {
			var live int64
			if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM account WHERE number = $1 AND authority = $2 AND state = 'live'`, account, authority).Scan(&live); err != nil {
				return err
			}
			if live != 1 {
				return fault.NotFound("lane.no_account")
			}
			what, whose = "assigned", account
			_, err = tx.ExecContext(ctx, `INSERT INTO assigned (assignment, account, day) VALUES ($1, $2, $3)
				ON CONFLICT (assignment) DO UPDATE SET account = excluded.account, day = excluded.day`, number, account, day)
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE inbox SET person = $1 WHERE authority = $2 AND assignment = $3`, account, authority, number); err != nil {
			return err
		}
		return traceOn(ctx, tx, whose, day, what, actor, number)
	})
	if err != nil {
		return fmt.Errorf("assign %d to an account: %w", number, err)
	}
	return nil
}

// MoveByAccount is MoveAssignment by somebody with an account, which is kept in the
// account's trace, in the same transaction.
func (db *DB) MoveByAccount(ctx context.Context, account int64, day string, a Assignment, next *Assignment, open func(state string) bool, write Write, pictures ...Use) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := db.move(ctx, tx, a, next, open, write); err != nil {
			return err
		}
		if err := usePictures(ctx, tx, a.Request, pictures); err != nil {
			return err
		}
		return traceOn(ctx, tx, account, day, "to_"+a.State, account, a.Number)
	})
	if err != nil {
		return fmt.Errorf("move assignment %d: %w", a.Number, err)
	}
	return nil
}
