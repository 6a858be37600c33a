package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Reword has the next requests, at most limit in one transaction, found by what was said of
// them later, where an older program did not see to that; more reports that it may have
// left some. One whose words cannot be read stays found as it was and is passed over; broken says which.
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
		rows, err := tx.QueryContext(ctx, `SELECT id FROM request WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3`, done, upto, limit)
		ids, err := collect(rows, err, func(rows *sql.Rows, id *int64) error { return rows.Scan(id) })
		if err != nil {
			return err
		}
		more = true
		if len(ids) == 0 {
			_, err := tx.ExecContext(ctx, `DELETE FROM reword WHERE job = $1`, job)
			return err
		}
		for _, id := range ids {
			ok, err := db.reword(ctx, tx, id)
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
		return false, nil, fmt.Errorf("have requests found by later words: %w", err)
	}
	return more, broken, nil
}

// reword has one request found by all that was said of it; one of which nothing was said
// later stays as it is. ok is false for one that cannot be read.
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
	read := true // the database's own trouble is none of the request's
	search, err := db.rules.Search(r, events, func() (Version, []File, error) {
		v, files, err := directory(ctx, tx, r.Directory)
		read = err == nil
		return v, files, err
	})
	if err != nil && read {
		return false, nil
	}
	if err == nil {
		err = db.found(ctx, tx, request, search)
	}
	return err == nil, err
}
