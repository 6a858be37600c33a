package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Forward is a part of a request that was handed on to an Open311 endpoint.
type Forward struct {
	Assignment                 int64
	Endpoint, Token, Reference string
	Owner                      string
}

// never is when a part is asked for that is closed, and when an alert is due that
// waits for something else than time.
const never = 1 << 62

func addForward(ctx context.Context, tx *sql.Tx, f Forward) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO forward (assignment, endpoint, token, reference, due, lease, owner) VALUES ($1, $2, $3, $4, 0, 0, '')
		ON CONFLICT (assignment) DO UPDATE SET endpoint = $2, token = $3, reference = $4, due = 0`, f.Assignment, f.Endpoint, f.Token, f.Reference)
	return err
}

// Forwarded gives what an assignment was handed on as; ok is false for none.
func (db *DB) Forwarded(ctx context.Context, assignment int64) (f Forward, ok bool, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT assignment, endpoint, token, reference, owner FROM forward WHERE assignment = $1`, assignment).
		Scan(&f.Assignment, &f.Endpoint, &f.Token, &f.Reference, &f.Owner)
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, nil
	}
	if err != nil {
		return f, false, fmt.Errorf("read what assignment %d was handed on as: %w", assignment, err)
	}
	return f, true, nil
}

// TakeForward gives owner the part that is to be asked for next, if any is due.
func (db *DB) TakeForward(ctx context.Context, owner string, now time.Time, lease time.Duration) (f Forward, ok bool, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		f, ok = Forward{}, false
		if drains, err := passMark(ctx, tx); drains || err != nil {
			return err
		}
		err := tx.QueryRowContext(ctx, `UPDATE forward SET owner = $1, lease = $2 WHERE assignment = (
			SELECT assignment FROM forward WHERE due <= $3 AND lease <= $3 ORDER BY due, assignment LIMIT 1)
			RETURNING assignment, endpoint, token, reference, owner`, owner, now.Add(lease).UnixMicro(), now.UnixMicro()).
			Scan(&f.Assignment, &f.Endpoint, &f.Token, &f.Reference, &f.Owner)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		ok = err == nil
		return err
	})
	if err != nil {
		return Forward{}, false, fmt.Errorf("take a part that was handed on: %w", err)
	}
	return f, ok, nil
}

// KeepForward gives a part back with what its endpoint calls it now, to be asked
// for again at due; the zero time is never.
func (db *DB) KeepForward(ctx context.Context, f Forward, due time.Time) error {
	next := int64(never)
	if !due.IsZero() {
		next = due.UnixMicro()
	}
	_, err := db.db.ExecContext(ctx, `UPDATE forward SET reference = $1, due = $2, lease = 0, owner = '' WHERE assignment = $3 AND owner = $4`,
		f.Reference, next, f.Assignment, f.Owner)
	if err != nil {
		return fmt.Errorf("keep what assignment %d was handed on as: %w", f.Assignment, err)
	}
	return nil
}
