package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"kua/internal/fault"
)

// Contact is how a holder can be reached, sealed to the people of the collective.
type Contact struct {
	Request int64
	Day     string
	Sealed  []byte
}

// PutContact keeps the contact of a request in place of the one before; one
// without bytes takes it away.
func (db *DB) PutContact(ctx context.Context, c Contact) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if len(c.Sealed) == 0 {
			_, err := tx.ExecContext(ctx, `DELETE FROM contact WHERE request = $1`, c.Request)
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO contact (request, day, sealed) VALUES ($1, $2, $3)
			ON CONFLICT (request) DO UPDATE SET day = excluded.day, sealed = excluded.sealed`, c.Request, c.Day, c.Sealed)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep the contact of request %d: %w", c.Request, err)
	}
	return nil
}

// HasContact gives the day on which a contact of a request was kept; "" for none.
func (db *DB) HasContact(ctx context.Context, request int64) (day string, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT day FROM contact WHERE request = $1`, request).Scan(&day)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("look for the contact of request %d: %w", request, err)
	}
	return day, nil
}

// Contacts gives the contacts of requests behind after, in their order, at most limit.
func (db *DB) Contacts(ctx context.Context, after int64, limit int) ([]Contact, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT request, day, sealed FROM contact WHERE request > $1 ORDER BY request LIMIT $2`, after, limit)
	all, err := collect(rows, err, func(rows *sql.Rows, c *Contact) error { return rows.Scan(&c.Request, &c.Day, &c.Sealed) })
	if err != nil {
		return nil, fmt.Errorf("read the contacts: %w", err)
	}
	return all, nil
}

// Entrusted is a letter that the collective is to send, sealed to its people.
type Entrusted struct {
	Number, Request int64
	Step, Body, Day string
	Sealed          []byte
}

// AddEntrusted keeps a letter, unless one of the same step waits for the same
// request already: then the fault is lane.entrusted.
func (db *DB) AddEntrusted(ctx context.Context, e Entrusted) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var there int64
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM entrusted WHERE request = $1 AND step = $2`, e.Request, e.Step).Scan(&there); err != nil {
			return err
		}
		if there > 0 {
			return fault.Conflict("lane.entrusted")
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO entrusted (request, step, body, day, sealed) VALUES ($1, $2, $3, $4, $5)`,
			e.Request, e.Step, e.Body, e.Day, e.Sealed)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep a letter of request %d: %w", e.Request, err)
	}
	return nil
}

const entrustedColumns = `number, request, step, body, day, sealed`

func scanEntrusted(rows *sql.Rows, e *Entrusted) error {
	return rows.Scan(&e.Number, &e.Request, &e.Step, &e.Body, &e.Day, &e.Sealed)
}

// Entrusted gives the letters that wait, behind the number after, at most limit.
func (db *DB) Entrusted(ctx context.Context, after int64, limit int) ([]Entrusted, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+entrustedColumns+` FROM entrusted WHERE number > $1 ORDER BY number LIMIT $2`, after, limit)
	all, err := collect(rows, err, scanEntrusted)
	if err != nil {
		return nil, fmt.Errorf("read the letters that wait: %w", err)
	}
	return all, nil
}

// EntrustedOf gives the letters of a request that wait.
func (db *DB) EntrustedOf(ctx context.Context, request int64) ([]Entrusted, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT `+entrustedColumns+` FROM entrusted WHERE request = $1 ORDER BY number`, request)
	all, err := collect(rows, err, scanEntrusted)
	if err != nil {
		return nil, fmt.Errorf("read the letters of request %d: %w", request, err)
	}
	return all, nil
}

// DropEntrusted takes a letter away; with a write it appends to the request's
// appeal in the same transaction. A letter that is not there gives the fault
// lane.no_letter.
func (db *DB) DropEntrusted(ctx context.Context, number, request int64, with With, write Write) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `DELETE FROM entrusted WHERE number = $1 AND request = $2`, number, request)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			return errors.Join(fault.NotFound("lane.no_letter", number), err)
		}
		if write == nil {
			return nil
		}
		return db.addAppealEvent(ctx, tx, request, with, write)
	})
	if err != nil {
		return fmt.Errorf("take away the letter %d: %w", number, err)
	}
	return nil
}

// With says with whom an appeal lies once an entry stands.
type With struct {
	Authority string
	Open      bool   // it was neither answered nor taken back
	Legs      []Leg  // its stays with authorities
	Directory int64  // the version by whose law they were worked out
	Trace     *Trace // whose account entered it; nil: none
}

// AddAppealEvent appends to the appeal of a request, and keeps with whom it lies then.
func (db *DB) AddAppealEvent(ctx context.Context, request int64, with With, write Write) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error { return db.addAppealEvent(ctx, tx, request, with, write) })
	if err != nil {
		return fmt.Errorf("add to the appeal of request %d: %w", request, err)
	}
	return nil
}

func (db *DB) addAppealEvent(ctx context.Context, tx *sql.Tx, request int64, with With, write Write) error {
	if _, _, err := appendTo(ctx, tx, "appeal_event", request, write); err != nil {
		return err
	}
	if err := db.keepWith(ctx, tx, request, with); err != nil {
		return err
	}
	if t := with.Trace; t != nil {
		if err := traceOn(ctx, tx, t.Account, t.Day, t.What, t.Actor, t.Assignment); err != nil {
			return err
		}
	}
	return nil
}

// keepWith keeps with whom an appeal lies and its legs, in the inboxes and the counts too.
func (db *DB) keepWith(ctx context.Context, tx *sql.Tx, request int64, with With) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO appeal_with (request, authority, open, directory) VALUES ($1, $2, $3, $4)
		ON CONFLICT (request) DO UPDATE SET authority = excluded.authority, open = excluded.open, directory = excluded.directory`,
		request, with.Authority, bit(with.Open), with.Directory); err != nil {
		return err
	}
	if err := db.relegs(ctx, tx, request, with.Legs); err != nil {
		return err
	}
	return db.file(ctx, tx, request, "")
}

// KeepAppealKey keeps the public key of a request's holder; the first one stays.
func (db *DB) KeepAppealKey(ctx context.Context, request int64, public []byte) error {
	_, err := db.db.ExecContext(ctx, `INSERT INTO appeal_key (request, public) VALUES ($1, $2) ON CONFLICT (request) DO NOTHING`, request, public)
	if err != nil {
		return fmt.Errorf("keep the key of request %d: %w", request, err)
	}
	return nil
}

// AppealKey gives the public key of a request's holder; nil for none.
func (db *DB) AppealKey(ctx context.Context, request int64) (public []byte, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT public FROM appeal_key WHERE request = $1`, request).Scan(&public)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read the key of request %d: %w", request, err)
	}
	return public, nil
}

// AppealEvents gives all that was entered for the appeal of a request.
func (db *DB) AppealEvents(ctx context.Context, request int64) ([]Event, error) {
	return chain(ctx, db.db, "appeal_event", request)
}
