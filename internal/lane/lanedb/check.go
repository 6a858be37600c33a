package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"kua/internal/fault"
)

// Hold is that a report waits, or waited, to be looked at.
type Hold struct {
	Request    int64
	Visibility string // which it gets when it is let through
	Again      bool   // its holder asked for another look
	Since      string
	Causes     []Cause
}

// Cause is one reason why a report waits.
type Cause struct{ Rule, Found string }

// hold keeps with a new request why it waits, and by what its words are found again.
func (db *DB) hold(ctx context.Context, tx *sql.Tx, id int64, r Request) error {
	for _, mark := range r.Marks {
		if _, err := tx.ExecContext(ctx, `INSERT INTO words_print (mark, request, day) VALUES ($1, $2, $3) ON CONFLICT (mark, request) DO NOTHING`, mark, id, r.Day); err != nil {
			return err
		}
	}
	if r.Hold == nil {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO hold (request, visibility, again, since) VALUES ($1, $2, 0, $3)`, id, r.Hold.Visibility, r.Hold.Since); err != nil {
		return err
	}
	for _, c := range r.Hold.Causes {
		if _, err := tx.ExecContext(ctx, `INSERT INTO hold_cause (request, rule, found) VALUES ($1, $2, $3)`, id, c.Rule, c.Found); err != nil {
			return err
		}
	}
	return nil
}

const holdColumns = `h.request, h.visibility, h.again, h.since`

func scanHold(row interface{ Scan(...any) error }, h *Hold) error {
	var again int64
	err := row.Scan(&h.Request, &h.Visibility, &again, &h.Since)
	h.Again = again == 1
	return err
}

// HoldOf gives that a request waits or waited, with its causes; ok is false for
// one that was never held.
func (db *DB) HoldOf(ctx context.Context, request int64) (h Hold, ok bool, err error) {
	err = scanHold(db.db.QueryRowContext(ctx, `SELECT `+holdColumns+` FROM hold h WHERE h.request = $1`, request), &h)
	if errors.Is(err, sql.ErrNoRows) {
		return h, false, nil
	}
	if err != nil {
		return h, false, fmt.Errorf("read why request %d waits: %w", request, err)
	}
	rows, err := db.db.QueryContext(ctx, `SELECT rule, found FROM hold_cause WHERE request = $1 ORDER BY rule`, request)
	if h.Causes, err = collect(rows, err, func(rows *sql.Rows, c *Cause) error { return rows.Scan(&c.Rule, &c.Found) }); err != nil {
		return h, false, fmt.Errorf("read why request %d waits: %w", request, err)
	}
	return h, true, nil
}

// Queue gives the requests that wait, oldest first, those above after and at most
// limit: for a first look, or for another one. Causes are not read.
func (db *DB) Queue(ctx context.Context, again bool, after int64, limit int) ([]Hold, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+holdColumns+` FROM assignment a JOIN hold h ON h.request = a.request
		WHERE a.state = 'awaiting_check' AND h.again = $1 AND a.request > $2 ORDER BY a.request LIMIT $3`, bit(again), after, limit)
	all, err := collect(rows, err, func(rows *sql.Rows, h *Hold) error { return scanHold(rows, h) })
	if err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	return all, nil
}

// QueueLength counts the requests that wait for a first and for another look.
func (db *DB) QueueLength(ctx context.Context) (first, again int64, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT count(*), COALESCE(sum(h.again), 0) FROM assignment a JOIN hold h ON h.request = a.request
		WHERE a.state = 'awaiting_check'`).Scan(&first, &again)
	if err != nil {
		return 0, 0, fmt.Errorf("count the queue: %w", err)
	}
	return first - again, again, nil
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Decision is what a checker decided on a request.
type Decision struct {
	Request, Checker int64
	What, Ground     string
	Held, Again      bool
	Day              string
	Waited           int64 // days
	Seen             int64 // events that the checker saw; otherwise the fault is lane.moved
	Into             int64 // of merged: must be open still; otherwise the fault is lane.merge_into
	Release          *Release
	Owner            string // "": the first assignment that moves has an authority; else it gets this one
}

// Release is what a report that is let through shows from then on.
type Release struct {
	Visibility string
	Public     *Place
}

// Decide moves assignments of one request, each with its event, lets it be seen
// where Release says how, and keeps who decided; all of it or nothing. The fault
// is lane.moved when something else happened meanwhile, and lane.merge_into when what
// it is merged into was closed.
func (db *DB) Decide(ctx context.Context, d Decision, moves []Assignment, open func(state string) bool, write func(Assignment) Write) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		newest := int64(0)
		count := func() error {
			return tx.QueryRowContext(ctx, `SELECT COALESCE(max(number), 0) FROM event WHERE request = $1`, d.Request).Scan(&newest)
		}
		if err := count(); err != nil {
			return err
		}
		if newest != d.Seen {
			return fault.Conflict("lane.moved", d.Request)
		}
		if d.Into != 0 {
			var open int64
			if err := tx.QueryRowContext(ctx, `SELECT open FROM request WHERE id = $1`, d.Into).Scan(&open); err != nil {
				return err
			}
			if open != 1 { // somebody else merged it meanwhile, maybe into this one
				return fault.Conflict("lane.merge_into", d.Into)
			}
		}
		if r := d.Release; r != nil {
			if err := db.release(ctx, tx, d.Request, *r); err != nil {
				return err
			}
		}
		if d.Owner != "" {
			if err := db.give(ctx, tx, moves[0].Number, d.Owner); err != nil {
				return err
			}
		}
		for _, a := range moves {
			if err := db.move(ctx, tx, a, nil, open, write(a)); err != nil {
				return err
			}
		}
		if err := count(); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO decision (request, event, checker, what, ground, held, again, day, waited) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			d.Request, newest, d.Checker, d.What, d.Ground, bit(d.Held), bit(d.Again), d.Day, d.Waited)
		return err
	})
	if err != nil {
		return fmt.Errorf("decide on request %d: %w", d.Request, err)
	}
	return nil
}

// release gives a request its visibility and its public place.
func (db *DB) release(ctx context.Context, tx *sql.Tx, request int64, r Release) error {
	var lat, lon any
	if r.Public != nil {
		lat, lon = r.Public.Lat, r.Public.Lon
	}
	if _, err := tx.ExecContext(ctx, `UPDATE request SET visibility = $1, lat = $2, lon = $3 WHERE id = $4`, r.Visibility, lat, lon, request); err != nil {
		return err
	}
	if db.postgres || r.Public == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO request_box (id, min_lat, max_lat, min_lon, max_lon) VALUES ($1, $2, $2, $3, $3)`, request, lat, lon)
	return err
}

// AskAgain moves an assignment back to be looked at, once for each request. The
// faults are lane.asked_again and lane.moved.
func (db *DB) AskAgain(ctx context.Context, a Assignment, h Hold, open func(state string) bool, write Write) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO hold (request, visibility, again, since) VALUES ($1, $2, 1, $3)
			ON CONFLICT (request) DO UPDATE SET again = 1, since = excluded.since WHERE hold.again = 0`, h.Request, h.Visibility, h.Since)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			return errors.Join(fault.Conflict("lane.asked_again"), err)
		}
		return db.move(ctx, tx, a, nil, open, write)
	})
	if err != nil {
		return fmt.Errorf("ask for another look at request %d: %w", h.Request, err)
	}
	return nil
}

// Decided gives who decided on a request: the checker's name by the event.
func (db *DB) Decided(ctx context.Context, request int64) (map[int64]string, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT d.event, c.name FROM decision d JOIN checker c ON c.number = d.checker WHERE d.request = $1`, request)
	if err != nil {
		return nil, fmt.Errorf("read who decided on request %d: %w", request, err)
	}
	defer rows.Close()
	all := map[int64]string{}
	for rows.Next() {
		var event int64
		var name string
		if err := rows.Scan(&event, &name); err != nil {
			return nil, err
		}
		all[event] = name
	}
	return all, rows.Err()
}

// Checker is somebody who may look at what waits.
type Checker struct {
	Number              int64
	Name, Last, Revoked string
}

// AddChecker keeps a checker and gives the number.
func (db *DB) AddChecker(ctx context.Context, c Checker) (number int64, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `INSERT INTO checker (name, last, revoked) VALUES ($1, $2, '') RETURNING number`, c.Name, c.Last).Scan(&number)
	})
	if err != nil {
		return 0, fmt.Errorf("keep a checker: %w", err)
	}
	return number, nil
}

// Checkers gives all checkers.
func (db *DB) Checkers(ctx context.Context) ([]Checker, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT number, name, last, revoked FROM checker ORDER BY number`)
	all, err := collect(rows, err, func(rows *sql.Rows, c *Checker) error { return rows.Scan(&c.Number, &c.Name, &c.Last, &c.Revoked) })
	if err != nil {
		return nil, fmt.Errorf("list the checkers: %w", err)
	}
	return all, nil
}

// Checker gives one, or the fault lane.no_checker.
func (db *DB) Checker(ctx context.Context, number int64) (c Checker, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT number, name, last, revoked FROM checker WHERE number = $1`, number).Scan(&c.Number, &c.Name, &c.Last, &c.Revoked)
	if errors.Is(err, sql.ErrNoRows) {
		return c, fault.NotFound("lane.no_checker", number)
	}
	if err != nil {
		return c, fmt.Errorf("read checker %d: %w", number, err)
	}
	return c, nil
}

// RevokeChecker makes the link of a checker void; the first day stands.
func (db *DB) RevokeChecker(ctx context.Context, number int64, day string) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE checker SET revoked = CASE revoked WHEN '' THEN $1 ELSE revoked END WHERE number = $2`, day, number)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			return errors.Join(fault.NotFound("lane.no_checker", number), err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("revoke checker %d: %w", number, err)
	}
	return nil
}

// Similar gives requests whose words have marks in common with others, those
// since a day: for each mark at most limit, newest first, each once.
func (db *DB) Similar(ctx context.Context, marks []int64, since string, limit int) ([]int64, error) {
	var all []int64
	seen := map[int64]bool{}
	for _, mark := range marks {
		rows, err := db.db.QueryContext(ctx, `SELECT request FROM words_print WHERE mark = $1 AND day >= $2 ORDER BY request DESC LIMIT $3`, mark, since, limit)
		found, err := collect(rows, err, func(rows *sql.Rows, id *int64) error { return rows.Scan(id) })
		if err != nil {
			return nil, fmt.Errorf("find texts that are alike: %w", err)
		}
		for _, id := range found {
			if !seen[id] {
				seen[id], all = true, append(all, id)
			}
		}
	}
	return all, nil
}

// ForgetMarks erases by what texts are found again that came before a day.
func (db *DB) ForgetMarks(ctx context.Context, before string) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM words_print WHERE day < $1`, before)
		return err
	})
	if err != nil {
		return fmt.Errorf("forget marks of texts: %w", err)
	}
	return nil
}
