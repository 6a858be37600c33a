package lanedb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
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
}

// listed are the columns of a request where it stands beside its index.
var listed = "request." + strings.ReplaceAll(columns, ", ", ", request.")

// List gives requests newest first. A held one is among them only when an
// assignment of it has left the states in unseen.
func (db *DB) List(ctx context.Context, f Filter, unseen []string) ([]Request, error) {
	var args []any
	given := func(v any) string { args = append(args, v); return fmt.Sprintf("$%d", len(args)) }
	all := func(vs []string) string {
		var places []string
		for _, v := range vs {
			places = append(places, given(v))
		}
		return strings.Join(places, ", ")
	}
	if f.Before <= 0 {
		f.Before = 1 << 62
	}
	from, where := "request", "request.id < "+given(f.Before)
	if len(f.Words) > 0 {
		from += " JOIN request_words ON request_words.rowid = request.id"
		if db.postgres {
			where += " AND request_words.words @@ to_tsquery('simple', " + given("'"+strings.Join(f.Words, "':* & '")+"':*") + ")"
		} else {
			where += " AND request_words MATCH " + given(`"`+strings.Join(f.Words, `"* "`)+`"*`)
		}
	}
	if len(f.Areas) > 0 {
		where += " AND area IN (" + all(f.Areas) + ")"
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
	where += " AND (visibility <> 'held' OR EXISTS (SELECT 1 FROM assignment a WHERE a.request = request.id AND a.state NOT IN (" + all(unseen) + ")))"
	rows, err := db.db.QueryContext(ctx, `SELECT `+listed+` FROM `+from+` WHERE `+where+` ORDER BY request.id DESC LIMIT `+given(int64(f.Limit)), args...)
	return requests(rows, err)
}

// AddSupport keeps a supporter of a request; a hash that is there already changes nothing.
func (db *DB) AddSupport(ctx context.Context, request int64, hash string) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO support (hash, request) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`, hash, request)
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
