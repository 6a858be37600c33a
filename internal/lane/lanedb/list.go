package lanedb

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"kua/internal/fault"
)

// Filter says which requests a list has.
type Filter struct {
	Areas    []string
	Category string
	Words    []string // folded, of letters and digits alone; each begins a word of the request
	Open     *bool
	Box      *Box // of a map; nil: everywhere
	Before   int64
	Limit    int

	Kinds []string // nil: reports alone; with "" among them everything
	Live  string   // a day: what ends before it is left out; "": nothing is

	// For whoever reads all: oldest first, those above After.
	Rising bool
	After  int64
	// Some assignment is of this authority and stands this way; "": any.
	Authority, Standing *string
	First, Last         string // days; "": any
}

// listed are the columns of a request where it stands beside its index.
var listed = "request." + strings.ReplaceAll(columns, ", ", ", request.")

// List gives requests newest first. A held one is among them only when an
// assignment of it has left the states in unseen.
func (db *DB) List(ctx context.Context, f Filter, unseen []string) ([]Request, error) {
	var p placeholders
	given := p.one
	if f.Before <= 0 {
		f.Before = 1 << 62
	}
	id := "request.id"
	if len(f.Words) > 0 && !db.postgres {
		id = "request_words.rowid" // the same, but FTS5 gives it in its order: nothing is sorted
	}
	from, where := "request", id+" < "+given(f.Before)
	if len(f.Words) > 0 {
		from += " JOIN request_words ON request_words.rowid = request.id"
		if db.postgres {
			where += " AND request_words.words @@ to_tsquery('simple', " + given("'"+strings.Join(f.Words, "':* & '")+"':*") + ")"
		} else {
			where += " AND request_words MATCH " + given(`"`+strings.Join(f.Words, `"* "`)+`"*`)
		}
	}
	if len(f.Areas) > 0 {
		where += " AND area IN (" + many(&p, f.Areas) + ")"
	}
	switch {
	case len(f.Kinds) == 0:
		where += " AND kind = ''"
	case !slices.Contains(f.Kinds, ""):
		where += " AND kind <> '' AND kind IN (" + many(&p, f.Kinds) + ")" // the first half is what the index says
	}
	if f.Live != "" {
		where += " AND ends >= " + given(f.Live)
	}
	if f.Category != "" {
		where += " AND category = " + given(f.Category)
	}
	if f.Open != nil {
		open := int64(0)
		if *f.Open {
			open = 1
		}
		where += " AND open = " + given(open)
	}
	if f.Box != nil {
		within, err := db.within(ctx, *f.Box, given)
		if err != nil {
			return nil, fmt.Errorf("find requests: %w", err)
		}
		where += " AND " + within
	}
	if f.Authority != nil || f.Standing != nil {
		where += " AND EXISTS (SELECT 1 FROM assignment b WHERE b.request = request.id"
		if f.Authority != nil {
			where += " AND b.authority = " + given(*f.Authority)
		}
		if f.Standing != nil {
			where += " AND b.standing = " + given(*f.Standing)
		}
		where += ")"
	}
	if f.First != "" {
		where += " AND day >= " + given(f.First)
	}
	if f.Last != "" {
		where += " AND day <= " + given(f.Last)
	}
	order := "DESC"
	if f.Rising {
		order = "ASC"
		where += " AND " + id + " > " + given(f.After)
	}
	where += " AND " + seen(&p, unseen)
	rows, err := db.db.QueryContext(ctx, `SELECT `+listed+` FROM `+from+` WHERE `+where+` ORDER BY `+id+` `+order+` LIMIT `+given(int64(f.Limit)), p.args...)
	return requests(rows, err)
}

// AddSupport keeps a supporter of a request; a hash that is there already changes
// nothing. The fault of one that is its holder's is lane.own.
func (db *DB) AddSupport(ctx context.Context, request int64, hash string) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		who, err := personOf(ctx, tx, hash)
		if err == nil && who.Holder && who.Request == request {
			return fault.Conflict("lane.own", request)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO support (hash, request, event)
			VALUES ($1, $2, (SELECT COALESCE(max(number), 0) FROM event WHERE request = $2)) ON CONFLICT (hash) DO NOTHING`, hash, request)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep a supporter of request %d: %w", request, err)
	}
	return nil
}

// Supporters counts the supporters of a request.
func (db *DB) Supporters(ctx context.Context, request int64) (n int64, err error) {
	if err := db.db.QueryRowContext(ctx, `SELECT count(*) FROM support WHERE request = $1`, request).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the supporters of request %d: %w", request, err)
	}
	return n, nil
}

// SupportersOf counts the supporters of requests; one that has none is not among them.
func (db *DB) SupportersOf(ctx context.Context, requests ...int64) (map[int64]int64, error) {
	all := map[int64]int64{}
	if len(requests) == 0 {
		return all, nil
	}
	where, args := among("request", requests)
	rows, err := db.db.QueryContext(ctx, `SELECT request, count(*) FROM support WHERE `+where+` GROUP BY request`, args...)
	if err != nil {
		return nil, fmt.Errorf("count supporters: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var request, n int64
		if err := rows.Scan(&request, &n); err != nil {
			return nil, err
		}
		all[request] = n
	}
	return all, rows.Err()
}

// AssignmentsOf gives the assignments of requests in the order in which they were made.
func (db *DB) AssignmentsOf(ctx context.Context, requests ...int64) ([]Assignment, error) {
	if len(requests) == 0 {
		return nil, nil
	}
	where, args := among("request", requests)
	rows, err := db.db.QueryContext(ctx, `SELECT `+assignmentColumns+` FROM assignment WHERE `+where+` ORDER BY number`, args...)
	all, err := collect(rows, err, func(rows *sql.Rows, a *Assignment) error { return scanAssignment(rows, a) })
	if err != nil {
		return nil, fmt.Errorf("read assignments: %w", err)
	}
	return all, nil
}
