package lanedb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"kua/internal/fault"
)

// Addition is words of a citizen that wait to be looked at.
type Addition struct {
	Number, Request int64
	Digest, Words   string
	Causes          string // JSON
	Day             string
	Actor           string
	Person          string // hash of their code
	Assignment      int64  // to whose question they answer, or whose answer they judge; 0: neither
	Answer          int64  // of a verdict: the number of the event that it judges
	Pictures        string // hashes, with a space between
}

// HoldAddition keeps words that wait; those that wait already change nothing. The
// faults are lane.adding_waits when most of such an actor wait at the request, and lane.no_picture.
func (db *DB) HoldAddition(ctx context.Context, a Addition, most int64) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error { return holdAddition(ctx, tx, a, most) })
	if err != nil {
		return fmt.Errorf("hold words that were added to request %d: %w", a.Request, err)
	}
	return nil
}

func holdAddition(ctx context.Context, tx *sql.Tx, a Addition, most int64) error {
	var same, wait int64
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(sum(CASE digest WHEN $1 THEN 1 ELSE 0 END), 0), COALESCE(sum(CASE actor WHEN $2 THEN 1 ELSE 0 END), 0)
		FROM addition WHERE request = $3`, a.Digest, a.Actor, a.Request).Scan(&same, &wait); err != nil {
		return err
	}
	if same > 0 {
		return nil
	}
	if wait >= most {
		return fault.Conflict("lane.adding_waits", most)
	}
	for _, hash := range strings.Fields(a.Pictures) { // one that was let go meanwhile would keep the words from ever being let through
		all, err := pictures(ctx, tx, `p.hash = $1`, hash)
		if err != nil {
			return err
		}
		if len(all) == 0 || !all[0].whole {
			return fault.NotFound("lane.no_picture", hash)
		}
	}
	var number int64
	if err := tx.QueryRowContext(ctx, `INSERT INTO addition (request, digest, words, causes, day, actor, person, assignment, answer, pictures) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING number`,
		a.Request, a.Digest, a.Words, a.Causes, a.Day, a.Actor, a.Person, a.Assignment, a.Answer, a.Pictures).Scan(&number); err != nil {
		return err
	}
	for _, hash := range strings.Fields(a.Pictures) {
		if _, err := tx.ExecContext(ctx, `INSERT INTO addition_picture (hash, addition) VALUES ($1, $2) ON CONFLICT (hash, addition) DO NOTHING`, hash, number); err != nil {
			return err
		}
	}
	return nil
}

// Additions gives words that wait, oldest first and at most limit; request 0 is of
// every request.
func (db *DB) Additions(ctx context.Context, request int64, limit int) ([]Addition, error) {
	var p placeholders
	where := "1 = 1"
	if request != 0 {
		where = "request = " + p.one(request)
	}
	rows, err := db.db.QueryContext(ctx, `SELECT number, request, digest, words, causes, day, actor, person, assignment, answer, pictures FROM addition WHERE `+where+` ORDER BY number LIMIT `+p.one(limit), p.args...)
	all, err := collect(rows, err, func(rows *sql.Rows, a *Addition) error {
		return rows.Scan(&a.Number, &a.Request, &a.Digest, &a.Words, &a.Causes, &a.Day, &a.Actor, &a.Person, &a.Assignment, &a.Answer, &a.Pictures)
	})
	if err != nil {
		return nil, fmt.Errorf("read words that wait: %w", err)
	}
	return all, nil
}

// DecideAddition takes words out of those that wait, appends the event that write
// makes with its pictures, moving an assignment with it where moved is not nil, and keeps who decided.
// The fault is lane.moved when something else happened since d.Seen events, or they
// wait no more.
func (db *DB) DecideAddition(ctx context.Context, number int64, d Decision, moved *Assignment, open func(state string) bool, write Write, pictures ...Use) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `DELETE FROM addition WHERE number = $1 AND request = $2`, number, d.Request)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			if err == nil {
				err = fault.Conflict("lane.moved", d.Request)
			}
			return err
		}
		if moved != nil {
			err = db.move(ctx, tx, *moved, nil, open, write.after(d.Seen))
		} else {
			err = db.appendEvent(ctx, tx, d.Request, write.after(d.Seen))
		}
		if err == nil {
			err = usePictures(ctx, tx, d.Request, pictures)
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO decision (request, event, checker, what, ground, held, again, day, waited) VALUES ($1, $2, $3, $4, $5, 0, 0, $6, $7)`,
			d.Request, d.Seen+1, d.Checker, d.What, d.Ground, d.Day, d.Waited)
		return err
	})
	if err != nil {
		return fmt.Errorf("decide on words that were added to request %d: %w", d.Request, err)
	}
	return nil
}

// AdditionNumbers counts words that wait, and what was decided since a day.
func (db *DB) AdditionNumbers(ctx context.Context, since string) (wait, passed, refused int64, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM addition), COALESCE(sum(CASE what WHEN 'words' THEN 1 ELSE 0 END), 0),
		COALESCE(sum(CASE what WHEN 'words_refused' THEN 1 ELSE 0 END), 0) FROM decision WHERE held = 0 AND day >= $1`, since).Scan(&wait, &passed, &refused)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("count words that wait: %w", err)
	}
	return wait, passed, refused, nil
}
