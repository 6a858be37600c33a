package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"kua/internal/fault"
)

// Stop keeps that a delivery which owner still has is not tried any more, with the event
// that says so.
func (db *DB) Stop(ctx context.Context, d Delivery, write Write) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE delivery SET state = 'stopped', due = 0, lease = 0, owner = '', tries = $1, refused = $2, refused_since = $3, fault = $4, fault_args = $5
			WHERE number = $6 AND owner = $7 AND state = 'waiting'`, d.Tries, d.Refused, d.RefusedSince, d.Fault, d.FaultArgs, d.Number, d.Owner)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); n == 0 || err != nil {
			return err // another worker has it, or it is over
		}
		return db.appendEvent(ctx, tx, d.Request, write)
	})
	if err != nil {
		return fmt.Errorf("stop delivery %d: %w", d.Number, err)
	}
	return nil
}

// Stopped gives deliveries that stopped, those above after, in their order and at most limit.
func (db *DB) Stopped(ctx context.Context, after int64, limit int) ([]Delivery, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+deliveryColumns+` FROM delivery WHERE state = 'stopped' AND due = 0 AND number > $1 ORDER BY number LIMIT $2`, after, limit)
	all, err := collect(rows, err, func(rows *sql.Rows, d *Delivery) error { return scanDelivery(rows, d) })
	if err != nil {
		return nil, fmt.Errorf("find deliveries that stopped: %w", err)
	}
	return all, nil
}

// CameBack keeps that a delivery which was sent, in its round, did not arrive: it stops for its fault,
// with the event that moved makes, and what becomes of its assignment, nil for nothing. done is false
// for one that does not stand as sent so.
func (db *DB) CameBack(ctx context.Context, d Delivery, moved func(Delivery, Assignment) (*Assignment, Write), open func(string) bool) (done bool, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		changed, err := tx.ExecContext(ctx, `UPDATE delivery SET state = 'stopped', fault = $1, fault_args = $2 WHERE number = $3 AND round = $4 AND state = 'sent'`,
			d.Fault, d.FaultArgs, d.Number, d.Round)
		if err != nil {
			return err
		}
		n, err := changed.RowsAffected()
		if done = n == 1; !done || err != nil {
			return err
		}
		a, err := readAssignment(ctx, tx, d.Assignment)
		if err != nil {
			return err
		}
		to, write := moved(d, a)
		if to == nil {
			return db.appendEvent(ctx, tx, d.Request, write)
		}
		return db.move(ctx, tx, *to, nil, open, write)
	})
	if err != nil {
		return false, fmt.Errorf("keep that delivery %d came back: %w", d.Number, err)
	}
	return done, nil
}

// Restart makes a delivery that stopped wait again, due now; what its receiver refused
// before is not counted any more. The fault is lane.not_stopped.
func (db *DB) Restart(ctx context.Context, number int64, write func(Assignment) Write) error {
	return db.unstop(ctx, number, `state = 'waiting', tries = 0`+willing+blank, func(ctx context.Context, tx *sql.Tx, d Delivery, a Assignment) error {
		return db.appendEvent(ctx, tx, d.Request, write(a))
	})
}

// ByHand makes a delivery that stopped sent. moved says what becomes of its assignment,
// nil for nothing; open is as for MoveAssignment. The fault is lane.not_stopped.
func (db *DB) ByHand(ctx context.Context, number int64, moved func(Assignment) (*Assignment, Write), open func(string) bool) error {
	return db.unstop(ctx, number, `state = 'sent'`+over+willing, func(ctx context.Context, tx *sql.Tx, d Delivery, a Assignment) error {
		to, write := moved(a)
		if to == nil {
			return db.appendEvent(ctx, tx, d.Request, write)
		}
		return db.move(ctx, tx, *to, nil, open, write)
	})
}

// unstop changes a delivery that stopped, and does what goes with it.
func (db *DB) unstop(ctx context.Context, number int64, set string, do func(context.Context, *sql.Tx, Delivery, Assignment) error) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var d Delivery
		err := scanDelivery(tx.QueryRowContext(ctx, `UPDATE delivery SET `+set+` WHERE number = $1 AND state = 'stopped' RETURNING `+deliveryColumns, number), &d)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.NotFound("lane.not_stopped", number)
		}
		if err != nil {
			return err
		}
		a, err := readAssignment(ctx, tx, d.Assignment)
		if err != nil {
			return err
		}
		return do(ctx, tx, d, a)
	})
	if err != nil {
		return fmt.Errorf("take up delivery %d: %w", number, err)
	}
	return nil
}
