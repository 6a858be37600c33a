package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// one is one of what a budget counts.
const one = 1_000_000

// maxAhead is how many minutes the clock of one machine is believed to be ahead of
// another's. A budget that was filled up to later was so by a clock that was wrong.
const maxAhead = 60

// Draw takes at most want of what a budget has left, and at least one of it or
// nothing. It holds most, fills evenly with perHour in an hour, and is full at
// first. When nothing was taken, next says when there is one again.
func (db *DB) Draw(ctx context.Context, name string, most, perHour, want int64, now time.Time) (taken int64, next time.Time, err error) {
	minute := now.Unix() / 60
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		taken, next = 0, time.Time{}
		room, at, wrong, err := budgetRoom(ctx, tx, name, most, perHour, minute)
		if err != nil {
			return err
		}
		if taken = min(want, room/one); taken == 0 {
			minutes := ((one-room)*60 + perHour*one - 1) / (perHour * one)
			next = time.Unix((at+minutes)*60, 0)
			if !wrong {
				return nil
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO budget (name, room, minute) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET room = excluded.room, minute = excluded.minute`, name, room-taken*one, at)
		return err
	})
	if err != nil {
		return 0, next, fmt.Errorf("draw on the budget %s: %w", name, err)
	}
	return taken, next, nil
}

// ForgetBudgets forgets the budgets that are full again.
func (db *DB) ForgetBudgets(ctx context.Context, now time.Time) error {
	_, err := db.db.ExecContext(ctx, `DELETE FROM budget WHERE minute <= $1`, now.Unix()/60-60)
	if err != nil {
		return fmt.Errorf("forget full budgets: %w", err)
	}
	return nil
}

// budgetRoom gives what a budget has left in a minute, in parts of one; wrong says
// that it was filled by a clock that was wrong.
func budgetRoom(ctx context.Context, q interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}, name string, most, perHour, minute int64) (room, at int64, wrong bool, err error) {
	room, at = most*one, minute
	err = q.QueryRowContext(ctx, `SELECT room, minute FROM budget WHERE name = $1`, name).Scan(&room, &at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, 0, false, err
	}
	if wrong = at > minute+maxAhead; wrong {
		at = minute
	}
	passed := min(max(0, minute-at), 60) // the clocks of machines differ
	return min(most*one, room+passed*perHour*one/60), max(at, minute), wrong, nil
}

// BudgetLeft gives how much of what a budget counts is left, and draws nothing.
func (db *DB) BudgetLeft(ctx context.Context, name string, most, perHour int64, now time.Time) (int64, error) {
	room, _, _, err := budgetRoom(ctx, db.db.byKey(), name, most, perHour, now.Unix()/60)
	if err != nil {
		return 0, fmt.Errorf("look at the budget %s: %w", name, err)
	}
	return room / one, nil
}
