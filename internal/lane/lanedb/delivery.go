package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"kua/internal/fault"
)

// Delivery is one message to an authority that was caused by an act.
type Delivery struct {
	Number, Request, Assignment int64
	Event                       int64 // the act that it tells of
	Opening                     bool  // the first that the authority hears of the request
	State                       string
	Day                         string // since when it waits
	Tries                       int64
	Round                       int64  // counts how often it was asked for anew
	Fault, FaultArgs            string // of the last try; a key and JSON
	Owner                       string
	Refused                     int64  // how often its receiver refused it, since a person last had it tried
	RefusedSince                string // the day of the first of these
}

// The states of a delivery.
const (
	Waiting = "waiting"
	Sent    = "sent"
	Covered = "covered" // what it would tell stood in one that was sent after it was written
	Dropped = "dropped" // there was nothing left to tell
	Stopped = "stopped" // its receiver refused it too often; a person has to say what becomes of it
)

// Tell names an assignment whose authority must hear of an event.
type Tell struct {
	Assignment int64
	Day        string
	Opening    bool // only if nothing was ever to be told to it
}

// Tells says from an event's body and the assignments as they stand after it who
// must hear of it. Every event that is appended is held against it, so that no
// act can forget.
type Tells func(body string, all []Assignment) ([]Tell, error)

// tell writes the deliveries of an event that was just appended.
func (db *DB) tell(ctx context.Context, tx *sql.Tx, request, event int64, body string) error {
	all, err := assignments(ctx, tx, request)
	if err != nil {
		return err
	}
	tells, err := db.rules.Tells(body, all)
	if err != nil {
		return err
	}
	for _, t := range tells {
		if err := addDelivery(ctx, tx, request, event, t); err != nil {
			return err
		}
	}
	return nil
}

func addDelivery(ctx context.Context, tx *sql.Tx, request, event int64, t Tell) error {
	var told int64
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM delivery WHERE assignment = $1`, t.Assignment).Scan(&told); err != nil {
		return err
	}
	if t.Opening && told > 0 {
		return nil
	}
	opening := int64(0)
	if told == 0 {
		opening = 1
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO delivery (request, assignment, event, opening, state, day, tries, due, lease, owner, fault, fault_args)
		VALUES ($1, $2, $3, $4, 'waiting', $5, 0, 0, 0, '', '', '[]')`, request, t.Assignment, event, opening, t.Day)
	return err
}

const deliveryColumns = `number, request, assignment, event, opening, state, day, tries, fault, fault_args, owner, round, refused, refused_since`

func scanDelivery(row interface{ Scan(...any) error }, d *Delivery) error {
	var opening int64
	err := row.Scan(&d.Number, &d.Request, &d.Assignment, &d.Event, &opening, &d.State, &d.Day, &d.Tries, &d.Fault, &d.FaultArgs, &d.Owner, &d.Round, &d.Refused, &d.RefusedSince)
	d.Opening = opening == 1
	return err
}

// TakeDelivery gives owner the delivery that is due first and counts the try;
// until the lease ends nobody else gets it. What was written later for the same
// assignment waits for it. ok is false when nothing is due.
func (db *DB) TakeDelivery(ctx context.Context, owner string, now time.Time, lease time.Duration) (d Delivery, ok bool, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		d, ok = Delivery{}, false
		if drains, err := passMark(ctx, tx); drains || err != nil {
			return err
		}
		err := scanDelivery(tx.QueryRowContext(ctx, `UPDATE delivery SET owner = $1, lease = $2, tries = tries + 1 WHERE number = (
			SELECT number FROM delivery d WHERE state = 'waiting' AND due <= $3 AND lease <= $3
				AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.assignment = d.assignment AND e.number < d.number AND e.state IN ('waiting', 'stopped'))
			ORDER BY due, number LIMIT 1) RETURNING `+deliveryColumns, owner, now.Add(lease).UnixMicro(), now.UnixMicro()), &d)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		ok = err == nil
		return err
	})
	if err != nil {
		return Delivery{}, false, fmt.Errorf("take a delivery: %w", err)
	}
	return d, ok, nil
}

// over ends a delivery or a daily letter; with it go the instants, from which one could
// tell when it began. willing forgets what a delivery's receiver refused.
const (
	over    = `, due = 0, lease = 0, owner = ''` + blank
	blank   = `, fault = '', fault_args = '[]'`
	willing = `, refused = 0, refused_since = ''`
)

// MarkSent marks a delivery as sent, whoever has it by now, and what was
// written up to the event seen for the same assignment as covered. move says what
// becomes of the assignment, if anything; open is as for MoveAssignment; forward, if
// not nil, is kept with it. A delivery that is over changes nothing.
func (db *DB) MarkSent(ctx context.Context, number, seen int64, forward *Forward, move func(Assignment) (to *Assignment, write Write), open func(string) bool) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var assignment int64
		err := tx.QueryRowContext(ctx, `UPDATE delivery SET state = 'sent'`+over+willing+` WHERE number = $1 AND state = 'waiting' RETURNING assignment`, number).Scan(&assignment)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE delivery SET state = 'covered'`+over+willing+` WHERE assignment = $1 AND event <= $2 AND state IN ('waiting', 'stopped')`, assignment, seen); err != nil {
			return err
		}
		if forward != nil {
			if err := addForward(ctx, tx, *forward); err != nil {
				return err
			}
		}
		a, err := readAssignment(ctx, tx, assignment)
		if err != nil {
			return err
		}
		to, write := move(a)
		if to == nil {
			return nil
		}
		return db.move(ctx, tx, *to, nil, open, write)
	})
	if err != nil {
		return fmt.Errorf("mark delivery %d as sent: %w", number, err)
	}
	return nil
}

// MarkFailed gives a delivery back that owner still has, until it is due again.
func (db *DB) MarkFailed(ctx context.Context, d Delivery, due time.Time) error {
	_, err := db.db.ExecContext(ctx, `UPDATE delivery SET due = $1, lease = 0, owner = '', tries = $2, refused = $3, refused_since = $4, fault = $5, fault_args = $6
		WHERE number = $7 AND owner = $8 AND state = 'waiting'`, due.UnixMicro(), d.Tries, d.Refused, d.RefusedSince, d.Fault, d.FaultArgs, d.Number, d.Owner)
	if err != nil {
		return fmt.Errorf("keep that delivery %d failed: %w", d.Number, err)
	}
	return nil
}

// DropDelivery ends a delivery that has nothing left to tell.
func (db *DB) DropDelivery(ctx context.Context, number int64) error {
	_, err := db.db.ExecContext(ctx, `UPDATE delivery SET state = 'dropped'`+over+willing+` WHERE number = $1 AND state = 'waiting'`, number)
	if err != nil {
		return fmt.Errorf("drop delivery %d: %w", number, err)
	}
	return nil
}

// HurryDeliveries makes all that wait, and that nobody has, due now.
func (db *DB) HurryDeliveries(ctx context.Context) error {
	_, err := db.db.ExecContext(ctx, `UPDATE delivery SET due = 0 WHERE state = 'waiting' AND due > 0`)
	return err
}

// Deliveries gives the deliveries of a request in the order in which they were written.
func (db *DB) Deliveries(ctx context.Context, request int64) ([]Delivery, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+deliveryColumns+` FROM delivery WHERE request = $1 ORDER BY number`, request)
	all, err := collect(rows, err, func(rows *sql.Rows, d *Delivery) error { return scanDelivery(rows, d) })
	if err != nil {
		return nil, fmt.Errorf("read the deliveries of request %d: %w", request, err)
	}
	return all, nil
}

// readAssignment gives one assignment, or the fault lane.no_assignment.
func readAssignment(ctx context.Context, q interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}, number int64) (a Assignment, err error) {
	err = scanAssignment(q.QueryRowContext(ctx, `SELECT `+assignmentColumns+` FROM assignment WHERE number = $1`, number), &a)
	if errors.Is(err, sql.ErrNoRows) {
		return a, fault.NotFound("lane.no_assignment", number)
	}
	return a, err
}
