package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Digest is one day's letter to an authority.
type Digest struct {
	Authority, Day, State string
	Tries                 int64
	Fault, FaultArgs      string
	Owner                 string
}

const digestColumns = `authority, day, state, tries, fault, fault_args, owner`

func scanDigest(row interface{ Scan(...any) error }, d *Digest) error {
	return row.Scan(&d.Authority, &d.Day, &d.State, &d.Tries, &d.Fault, &d.FaultArgs, &d.Owner)
}

// Digested gives the authorities for which a day's letter was decided on.
func (db *DB) Digested(ctx context.Context, day string) (map[string]bool, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT authority FROM digest WHERE day = $1`, day)
	all, err := collect(rows, err, func(rows *sql.Rows, a *string) error { return rows.Scan(a) })
	if err != nil {
		return nil, fmt.Errorf("read the daily letters of %s: %w", day, err)
	}
	found := map[string]bool{}
	for _, a := range all {
		found[a] = true
	}
	return found, nil
}

// AddDigest decides on an authority's letter of a day, once: it waits, or it is
// dropped since there is nothing to tell. Those of earlier days are dropped with it.
func (db *DB) AddDigest(ctx context.Context, authority, day string, waits bool) error {
	state := Dropped
	if waits {
		state = Waiting
	}
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE digest SET state = 'dropped'`+over+` WHERE authority = $1 AND day < $2 AND state = 'waiting'`, authority, day); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO digest (authority, day, state, tries, due, lease, owner, fault, fault_args)
			VALUES ($1, $2, $3, 0, 0, 0, '', '', '[]') ON CONFLICT (authority, day) DO NOTHING`, authority, day, state)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep the daily letter to %s: %w", authority, err)
	}
	return nil
}

// TakeDigest gives owner the letter that is due first and counts the try; until
// the lease ends nobody else gets it. ok is false when none is.
func (db *DB) TakeDigest(ctx context.Context, owner string, now time.Time, lease time.Duration) (d Digest, ok bool, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		d, ok = Digest{}, false
		if drains, err := passMark(ctx, tx); drains || err != nil {
			return err
		}
		var authority, day string
		err := tx.QueryRowContext(ctx, `SELECT authority, day FROM digest WHERE state = 'waiting' AND due <= $1 AND lease <= $1 ORDER BY due, authority, day LIMIT 1`, now.UnixMicro()).Scan(&authority, &day)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		ok = true
		return scanDigest(tx.QueryRowContext(ctx, `UPDATE digest SET owner = $1, lease = $2, tries = tries + 1 WHERE authority = $3 AND day = $4 RETURNING `+digestColumns,
			owner, now.Add(lease).UnixMicro(), authority, day), &d)
	})
	if err != nil {
		return Digest{}, false, fmt.Errorf("take a daily letter: %w", err)
	}
	return d, ok, nil
}

// EndDigest marks a letter that waits as sent, or as dropped.
func (db *DB) EndDigest(ctx context.Context, d Digest, state string) error {
	_, err := db.db.ExecContext(ctx, `UPDATE digest SET state = $1`+over+` WHERE authority = $2 AND day = $3 AND state = 'waiting'`, state, d.Authority, d.Day)
	if err != nil {
		return fmt.Errorf("end the daily letter to %s: %w", d.Authority, err)
	}
	return nil
}

// FailDigest gives a letter back that owner still has, until it is due again.
func (db *DB) FailDigest(ctx context.Context, d Digest, due time.Time) error {
	_, err := db.db.ExecContext(ctx, `UPDATE digest SET due = $1, lease = 0, owner = '', fault = $2, fault_args = $3
		WHERE authority = $4 AND day = $5 AND owner = $6 AND state = 'waiting'`, due.UnixMicro(), d.Fault, d.FaultArgs, d.Authority, d.Day, d.Owner)
	if err != nil {
		return fmt.Errorf("keep that the daily letter to %s failed: %w", d.Authority, err)
	}
	return nil
}

// LastDigest gives the newest letter of an authority that was more than nothing
// to tell; ok is false for none.
func (db *DB) LastDigest(ctx context.Context, authority string) (d Digest, ok bool, err error) {
	err = scanDigest(db.db.QueryRowContext(ctx, `SELECT `+digestColumns+` FROM digest WHERE authority = $1 AND state <> 'dropped' ORDER BY day DESC LIMIT 1`, authority), &d)
	if errors.Is(err, sql.ErrNoRows) {
		return d, false, nil
	}
	if err != nil {
		return d, false, fmt.Errorf("read the daily letters to %s: %w", authority, err)
	}
	return d, true, nil
}

// DigestOff reports whether an authority wants no daily letter.
func (db *DB) DigestOff(ctx context.Context, authority string) (bool, error) {
	var n int64
	if err := db.db.QueryRowContext(ctx, `SELECT count(*) FROM digest_off WHERE authority = $1`, authority).Scan(&n); err != nil {
		return false, fmt.Errorf("read whether %s wants a daily letter: %w", authority, err)
	}
	return n > 0, nil
}

// SwitchDigest keeps whether an authority wants no daily letter, with a trace of
// who said so; what waits is dropped when it wants none.
func (db *DB) SwitchDigest(ctx context.Context, authority, day string, off bool, account int64) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		change, what := `DELETE FROM digest_off WHERE authority = $1`, "digest_on"
		args := []any{authority}
		if off {
			change, what, args = `INSERT INTO digest_off (authority, day) VALUES ($1, $2) ON CONFLICT (authority) DO NOTHING`, "digest_off", append(args, day)
		}
		done, err := tx.ExecContext(ctx, change, args...)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err // it stands so already
		}
		if off {
			if _, err := tx.ExecContext(ctx, `UPDATE digest SET state = 'dropped'`+over+` WHERE authority = $1 AND state = 'waiting'`, authority); err != nil {
				return err
			}
		}
		return trace(ctx, tx, account, day, what, account)
	})
	if err != nil {
		return fmt.Errorf("switch the daily letter to %s: %w", authority, err)
	}
	return nil
}

// Untouched counts the assignments of an authority to which it did nothing yet, up to most.
func (db *DB) Untouched(ctx context.Context, authority string, most int) (n int, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 AS one FROM inbox WHERE authority = $1 AND open = 1 AND state IN ('routed', 'delivered') LIMIT $2) t`, authority, int64(most)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count what waits for %s: %w", authority, err)
	}
	return n, nil
}
