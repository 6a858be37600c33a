package lanedb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Import is a case of another system.
type Import struct {
	Request        // with its source
	Number  string // what that system calls it
	Taken   string // the day on which it is taken over
}

// importRows is how many cases one statement brings: PostgreSQL takes 65,535 arguments.
const importRows = 500

// AddImports keeps cases of one other system, each with its first event, which
// write makes. One whose number is there already changes nothing; fresh counts the
// others. It is one transaction.
func (db *DB) AddImports(ctx context.Context, all []Import, write func(Import) Write) (fresh int, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		fresh = 0
		for len(all) > 0 {
			some := all[:min(importRows, len(all))]
			n, err := db.addImports(ctx, tx, some, write)
			if err != nil {
				return err
			}
			fresh, all = fresh+n, all[len(some):]
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("take cases over: %w", err)
	}
	return fresh, nil
}

func (db *DB) addImports(ctx context.Context, tx *sql.Tx, all []Import, write func(Import) Write) (fresh int, err error) {
	left, err := unknown(ctx, tx, all)
	if err != nil || len(left) == 0 {
		return 0, err
	}
	ids, err := db.newIDs(ctx, tx, len(left))
	if err != nil {
		return 0, err
	}
	requests, places, words, events, numbers := &inserted{}, &inserted{}, &inserted{}, &inserted{}, &inserted{}
	if db.postgres {
		words.last = "to_tsvector('simple', %s)"
	}
	known := map[string]bool{}
	for i, c := range left {
		id := ids[i]
		var lat, lon any
		if c.Public != nil {
			lat, lon = c.Public.Lat, c.Public.Lon
			places.add(id, lat, lat, lon, lon)
		}
		requests.add(id, c.Directory, c.Category, c.Language, c.Words, c.Landmark, c.Answers, c.Area, lat, lon, c.Visibility, bit(c.Open), bit(c.Visibility == held), c.Day, "", "", "", c.Source)
		words.add(id, db.shelved(id, c.Search))
		body, hash, err := write(c)(id, 1, "")
		if err != nil {
			return 0, err
		}
		events.add(id, int64(1), body, hash)
		numbers.add(c.Source, c.Number, id, c.Taken)
		for _, w := range strings.Fields(c.Search) {
			known[w] = true
		}
	}
	for _, one := range []struct {
		table string
		rows  *inserted
		both  bool // also on PostgreSQL
	}{
		{`request (` + columns + `)`, requests, true},
		{`event (request, number, body, hash)`, events, true},
		{`imported (source, number, request, day)`, numbers, true},
		{`request_words (rowid, words)`, words, true},
		{`request_box (id, min_lat, max_lat, min_lon, max_lon)`, places, false},
		{`request_words_known (word)`, &inserted{rows: vocabulary(known), end: " ON CONFLICT (word) DO NOTHING"}, false},
	} {
		switch {
		case db.postgres && one.both:
			err = one.rows.atOnce(ctx, tx, one.table)
		case !db.postgres:
			err = one.rows.oneByOne(ctx, tx, one.table)
		}
		if err != nil {
			return 0, err
		}
	}
	return len(left), nil
}

// vocabulary gives words as rows.
func vocabulary(known map[string]bool) (all [][]any) {
	for w := range known {
		all = append(all, []any{w})
	}
	return all
}

// unknown leaves out what is there already, and what stands in all twice.
func unknown(ctx context.Context, tx *sql.Tx, all []Import) (left []Import, err error) {
	var p placeholders
	var numbers []string
	for _, c := range all {
		numbers = append(numbers, c.Number)
	}
	text := `SELECT number FROM imported WHERE source = ` + p.one(all[0].Source) + ` AND number IN (` + many(&p, numbers) + `)`
	found, err := tx.QueryContext(ctx, text, p.args...)
	there, err := collect(found, err, func(rows *sql.Rows, s *string) error { return rows.Scan(s) })
	seen := map[string]bool{}
	for _, number := range there {
		seen[number] = true
	}
	for _, c := range all {
		if !seen[c.Number] {
			seen[c.Number], left = true, append(left, c)
		}
	}
	return left, err
}

// newIDs gives as many ids as are wanted, above all that are there.
func (db *DB) newIDs(ctx context.Context, tx *sql.Tx, n int) ([]int64, error) {
	text := `WITH RECURSIVE next (id) AS (SELECT COALESCE(max(id), 0) + 1 FROM request UNION ALL SELECT id + 1 FROM next) SELECT id FROM next LIMIT $1`
	if db.postgres {
		text = `SELECT nextval(pg_get_serial_sequence('request', 'id')) FROM generate_series(1, $1)`
	}
	found, err := tx.QueryContext(ctx, text, int64(n))
	return collect(found, err, func(rows *sql.Rows, id *int64) error { return rows.Scan(id) })
}

// inserted are the rows of a table.
type inserted struct {
	rows [][]any
	last string // how the last value of each is written; default as it is
	end  string // of the statement
}

func (r *inserted) add(values ...any) { r.rows = append(r.rows, values) }

func (r *inserted) row(p *placeholders, values []any) string {
	var places []string
	for i, v := range values {
		place := p.one(v)
		if r.last != "" && i == len(values)-1 {
			place = fmt.Sprintf(r.last, place)
		}
		places = append(places, place)
	}
	return "(" + strings.Join(places, ", ") + ")"
}

// atOnce inserts the rows by one statement: to a server it is one journey.
func (r *inserted) atOnce(ctx context.Context, tx *sql.Tx, table string) error {
	if len(r.rows) == 0 {
		return nil
	}
	var p placeholders
	var all []string
	for _, values := range r.rows {
		all = append(all, r.row(&p, values))
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO `+table+` VALUES `+strings.Join(all, ", ")+r.end, p.args...)
	return err
}

// oneByOne inserts each row by the same statement: SQLite reads a long one slowly,
// as it looks for the name of every argument among all of them.
func (r *inserted) oneByOne(ctx context.Context, tx *sql.Tx, table string) error {
	if len(r.rows) == 0 {
		return nil
	}
	statement, err := tx.PrepareContext(ctx, `INSERT INTO `+table+` VALUES `+r.row(&placeholders{}, r.rows[0])+r.end)
	if err != nil {
		return err
	}
	defer statement.Close()
	for _, values := range r.rows {
		if _, err := statement.ExecContext(ctx, values...); err != nil {
			return err
		}
	}
	return nil
}
