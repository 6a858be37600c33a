package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// The jobs of the table reword, in the order in which they are done.
const (
	sayJob     = 1 // have requests found by what was said later, where an older program did not see to that
	reshapeJob = 2 // write the index of words over (reshape.go)
	discardJob = 3 // give up the one before
)

// Reword does the next piece of a job on the search, of at most limit requests in one
// transaction; more reports that it may have left some. A request whose words cannot be read is
// passed over; broken says which.
func (db *DB) Reword(ctx context.Context, limit int) (more bool, broken []int64, err error) {
	var left int64
	if err := db.db.QueryRowContext(ctx, `SELECT count(*) FROM reword`).Scan(&left); err != nil || left == 0 {
		return false, nil, err
	}
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		more, broken = false, nil
		var job, done, upto int64
		err := tx.QueryRowContext(ctx, `SELECT job, done, upto FROM reword ORDER BY job LIMIT 1`).Scan(&job, &done, &upto)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // another process was faster
		}
		if err != nil {
			return err
		}
		more = true
		do, end := db.reword, db.over
		switch {
		case job != sayJob && db.postgres: // it came with a move; this engine's index is none that is written over
			_, err := tx.ExecContext(ctx, `DELETE FROM reword WHERE job = $1`, job)
			return err
		case job == reshapeJob:
			do, end, upto = db.reshape, db.replace, 1<<62 // with what came meanwhile
		case job == discardJob:
			return db.discard(ctx, tx)
		}
		rows, err := tx.QueryContext(ctx, `SELECT id FROM request WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3`, done, upto, limit)
		ids, err := collect(rows, err, func(rows *sql.Rows, id *int64) error { return rows.Scan(id) })
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return end(ctx, tx)
		}
		for _, id := range ids {
			ok, err := do(ctx, tx, id)
			if err != nil {
				return err
			}
			if !ok {
				broken = append(broken, id)
			}
		}
		_, err = tx.ExecContext(ctx, `UPDATE reword SET done = $1 WHERE job = $2`, ids[len(ids)-1], job)
		return err
	})
	if err != nil {
		return false, nil, fmt.Errorf("work on the search: %w", err)
	}
	return more, broken, nil
}

// over ends the job sayJob.
func (db *DB) over(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM reword WHERE job = $1`, sayJob)
	return err
}

// reword has one request found by all that was said of it; one of which nothing was said
// later stays as it is. ok is false for one that cannot be read: it is found as it was.
func (db *DB) reword(ctx context.Context, tx *sql.Tx, request int64) (ok bool, err error) {
	events, err := chain(ctx, tx, "event", request)
	if err != nil {
		return false, err
	}
	later := false
	for _, e := range events {
		later = later || e.Number > 1 && db.rules.Says(e.Body)
	}
	if !later {
		return true, nil
	}
	r, err := requestOf(ctx, tx, request)
	if err != nil || r.Hidden {
		return err == nil, err
	}
	search, ok, err := db.said(ctx, tx, r, events)
	if ok {
		err = db.found(ctx, tx, request, search)
	}
	return ok, err
}

// said gives the words by which a request is found; ok is false for one that cannot be read.
func (db *DB) said(ctx context.Context, tx *sql.Tx, r Request, events []Event) (search string, ok bool, err error) {
	read := true // the database's own trouble is none of the request's
	search, err = db.rules.Search(r, events, func() (Version, []File, error) {
		v, files, err := directory(ctx, tx, r.Directory)
		read = err == nil
		return v, files, err
	})
	if err != nil && read {
		return "", false, nil
	}
	return search, err == nil, err
}
