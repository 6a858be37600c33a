package lanedb

import (
	"context"
	"database/sql"
	"fmt"
)

// Tallied is how often something was.
type Tallied struct {
	Name string
	N    int64
}

// Moderation is what became of reports that were held, since a day.
type Moderation struct {
	Held   int64     // reports
	Causes []Tallied // by rule; a report can have several
	What   []Tallied // by the state that followed
	Grounds,
	Again []Tallied // of withdrawals; and what followed another look
	Waited []Days // rising
}

// Days is how many decisions came after so many days.
type Days struct{ Days, N int64 }

// Moderation counts what came to be held and what was decided since a day. It
// reads what was held in that time, and nothing of the archive.
func (db *DB) Moderation(ctx context.Context, since string) (m Moderation, err error) {
	if err := db.db.QueryRowContext(ctx, `SELECT count(*) FROM hold WHERE since >= $1`, since).Scan(&m.Held); err != nil {
		return m, fmt.Errorf("count what was held: %w", err)
	}
	for query, into := range map[string]*[]Tallied{
		`SELECT c.rule, count(*) FROM hold h JOIN hold_cause c ON c.request = h.request WHERE h.since >= $1 GROUP BY c.rule ORDER BY c.rule`: &m.Causes,
		`SELECT what, count(*) FROM decision WHERE held = 1 AND day >= $1 GROUP BY what ORDER BY what`:                                       &m.What,
		`SELECT ground, count(*) FROM decision WHERE held = 1 AND day >= $1 AND ground <> '' GROUP BY ground ORDER BY ground`:                &m.Grounds,
		`SELECT what, count(*) FROM decision WHERE held = 1 AND again = 1 AND day >= $1 GROUP BY what ORDER BY what`:                         &m.Again,
	} {
		rows, err := db.db.QueryContext(ctx, query, since)
		if *into, err = collect(rows, err, func(rows *sql.Rows, t *Tallied) error { return rows.Scan(&t.Name, &t.N) }); err != nil {
			return m, fmt.Errorf("count what was decided: %w", err)
		}
	}
	rows, err := db.db.QueryContext(ctx, `SELECT waited, count(*) FROM decision WHERE held = 1 AND day >= $1 GROUP BY waited ORDER BY waited`, since)
	if m.Waited, err = collect(rows, err, func(rows *sql.Rows, d *Days) error { return rows.Scan(&d.Days, &d.N) }); err != nil {
		return m, fmt.Errorf("count how long it took: %w", err)
	}
	return m, nil
}
