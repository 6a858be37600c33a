package lanedb

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
)

// Judged is a verdict as it is kept.
type Judged struct {
	Assignment, Answer, Event int64
	Holder                    bool
	Says                      string
}

// Counted is a request with all that its standings hang on.
type Counted struct {
	Request     int64
	Assignments []CountedAssignment
	Verdicts    []Judged
	Outcomes    []Outcome
	Events      []Event
}

// CountedAssignment is an assignment with its facts.
type CountedAssignment struct {
	Number, Answer int64
	Authority      string
	Facts          Facts
}

// Cell is one number of the tally.
type Cell struct{ Kind, Month, ID, Standing string }

// Difference is a number that was kept and another one that was counted. Of an
// assignment that is kept under a wrong standing it has its number.
type Difference struct {
	Cell          Cell
	Kept, Counted int64
	Assignment    int64
	Was           string // the assignment's kept standing
}

// recountBatch is how many requests are held in memory at once.
const recountBatch = 500

// Recount counts everything anew from the assignments and verdicts, and gives
// what differs from what is kept, by its cells; with mend it keeps what was counted.
// begin gives what sees each request as well; it is asked again when the
// transaction is done again. It is one transaction: nothing moves meanwhile. To look
// it reads one moment, for which nobody waits; to mend, whoever writes waits.
// Memory is that of the tally and some requests.
func (db *DB) Recount(ctx context.Context, mend bool, begin func() (look func(Counted))) (differences []Difference, err error) {
	err = db.recounting(mend)(ctx, func(ctx context.Context, tx *sql.Tx) error {
		look := begin()
		differences = nil
		counted := counting{}
		for after := int64(0); ; {
			batch, parts, last, err := db.batch(ctx, tx, after)
			if err != nil {
				return err
			}
			if last == 0 {
				break
			}
			for _, p := range parts {
				now := db.rules.Standing(p.facts)
				for i, kind := range kinds {
					if p.of != "" {
						break
					}
					counted.add(Cell{kind, p.month, p.ids[i], now}, p.request)
				}
				if now != p.kept {
					differences = append(differences, Difference{Cell: Cell{Standing: now}, Assignment: p.number, Was: p.kept})
					if mend {
						if _, err := tx.ExecContext(ctx, `UPDATE assignment SET standing = $1 WHERE number = $2`, now, p.number); err != nil {
							return err
						}
					}
				}
			}
			for _, c := range batch {
				look(c)
			}
			after = last
		}
		kept, err := tallied(ctx, tx, ReportTrack)
		if err != nil {
			return err
		}
		differences = append(differences, counted.against(kept)...)
		if !mend || len(differences) == 0 {
			return nil
		}
		return counted.keep(ctx, tx, ReportTrack)
	})
	if err != nil {
		return nil, fmt.Errorf("count anew: %w", err)
	}
	return differences, nil
}

// recounting is the transaction of a recount.
func (db *DB) recounting(mend bool) func(context.Context, func(context.Context, *sql.Tx) error) error {
	if mend {
		return db.db.Tx
	}
	return db.db.Moment
}

// counting is what a recount counts of one track, by number and slot.
type counting map[Cell][slots]int64

func (c counting) add(cell Cell, request int64) {
	bySlot := c[cell]
	bySlot[request%slots]++
	c[cell] = bySlot
}

// against gives the numbers that are kept otherwise.
func (c counting) against(kept map[Cell]int64) (differences []Difference) {
	for cell, bySlot := range c {
		counted := int64(0)
		for _, n := range bySlot {
			counted += n
		}
		if kept[cell] != counted {
			differences = append(differences, Difference{Cell: cell, Kept: kept[cell], Counted: counted})
		}
	}
	for cell, n := range kept {
		if _, there := c[cell]; !there {
			differences = append(differences, Difference{Cell: cell, Kept: n})
		}
	}
	return differences
}

// keep puts what was counted in place of the numbers of a track.
func (c counting) keep(ctx context.Context, tx *sql.Tx, track string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM tally WHERE track = $1`, track); err != nil {
		return err
	}
	for cell, bySlot := range c {
		for slot, n := range bySlot {
			if n == 0 {
				continue
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO tally (kind, track, month, id, standing, slot, n) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
				cell.Kind, track, cell.Month, cell.ID, cell.Standing, slot, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// tallied gives the numbers of a track.
func tallied(ctx context.Context, tx *sql.Tx, track string) (map[Cell]int64, error) {
	rows, err := tx.QueryContext(ctx, `SELECT kind, month, id, standing, sum(n) FROM tally WHERE track = $1 GROUP BY kind, month, id, standing HAVING sum(n) <> 0`, track)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[Cell]int64{}
	for rows.Next() {
		var c Cell
		var n int64
		if err := rows.Scan(&c.Kind, &c.Month, &c.ID, &c.Standing, &n); err != nil {
			return nil, err
		}
		all[c] = n
	}
	return all, rows.Err()
}

// batch reads the requests that follow one; last is 0 behind the end.
func (db *DB) batch(ctx context.Context, tx *sql.Tx, after int64) (batch []Counted, parts []part, last int64, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT id FROM request WHERE id > $1 ORDER BY id LIMIT $2`, after, recountBatch)
	ids, err := collect(rows, err, func(rows *sql.Rows, id *int64) error { return rows.Scan(id) })
	if err != nil || len(ids) == 0 {
		return nil, nil, 0, err
	}
	first, last := ids[0], ids[len(ids)-1]
	at := make(map[int64]*Counted, len(ids))
	for _, id := range ids {
		at[id] = &Counted{Request: id}
	}
	said, err := saidOf(ctx, tx, `request BETWEEN $1 AND $2 AND answer = (SELECT a.answer FROM assignment a WHERE a.number = verdict.assignment)`, first, last)
	if err != nil {
		return nil, nil, 0, err
	}
	rows, err = tx.QueryContext(ctx, `SELECT `+partColumns+` FROM assignment a JOIN request r ON r.id = a.request WHERE a.request BETWEEN $1 AND $2 ORDER BY a.number`, first, last)
	parts, err = collect(rows, err, scanRow(scanPart))
	if err != nil {
		return nil, nil, 0, err
	}
	for i := range parts {
		p := &parts[i]
		p.facts.Said = said[p.number]
		at[p.request].Assignments = append(at[p.request].Assignments, CountedAssignment{p.number, p.answer, p.ids[0], p.facts})
	}
	if err := fillBatch(ctx, tx, at, first, last); err != nil {
		return nil, nil, 0, err
	}
	for _, id := range slices.Sorted(maps.Keys(at)) {
		batch = append(batch, *at[id])
	}
	return batch, parts, last, nil
}

func scanRow[T any](scan func(interface{ Scan(...any) error }, *T) error) func(*sql.Rows, *T) error {
	return func(rows *sql.Rows, v *T) error { return scan(rows, v) }
}

// fillBatch reads verdicts, outcomes and histories of the requests in a range of ids.
func fillBatch(ctx context.Context, tx *sql.Tx, at map[int64]*Counted, first, last int64) error {
	for _, one := range []struct {
		query string
		scan  func(*sql.Rows) error
	}{
		{`SELECT request, assignment, answer, event, holder, says FROM verdict WHERE request BETWEEN $1 AND $2 ORDER BY request, event`, func(rows *sql.Rows) error {
			var request, holder int64
			var v Judged
			err := rows.Scan(&request, &v.Assignment, &v.Answer, &v.Event, &holder, &v.Says)
			v.Holder = holder == 1
			at[request].Verdicts = append(at[request].Verdicts, v)
			return err
		}},
		{`SELECT request, event, what, link, day, attests, struck FROM outcome WHERE request BETWEEN $1 AND $2 ORDER BY request, event`, func(rows *sql.Rows) error {
			var o Outcome
			err := rows.Scan(&o.Request, &o.Event, &o.What, &o.Link, &o.Day, &o.Attests, &o.Struck)
			at[o.Request].Outcomes = append(at[o.Request].Outcomes, o)
			return err
		}},
		{`SELECT request, number, body, hash FROM event WHERE request BETWEEN $1 AND $2 ORDER BY request, number`, func(rows *sql.Rows) error {
			var request int64
			var e Event
			err := rows.Scan(&request, &e.Number, &e.Body, &e.Hash)
			at[request].Events = append(at[request].Events, e)
			return err
		}},
	} {
		rows, err := tx.QueryContext(ctx, one.query, first, last)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := one.scan(rows); err != nil {
				return err
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		rows.Close()
	}
	return nil
}
