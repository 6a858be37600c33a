package lanedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"kua/internal/fault"
)

// LinkKey gives the key that links are signed with; the first that is offered to
// the database becomes it.
func (db *DB) LinkKey(ctx context.Context, offer []byte) (key []byte, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT bytes FROM link_key WHERE one = 1`).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, `INSERT INTO link_key (one, bytes) VALUES (1, $1) ON CONFLICT (one) DO NOTHING`, offer); err != nil {
				return err
			}
			return tx.QueryRowContext(ctx, `SELECT bytes FROM link_key WHERE one = 1`).Scan(&key)
		})
	}
	if err != nil {
		return nil, fmt.Errorf("read the key of the links: %w", err)
	}
	return key, nil
}

// LinkGeneration gives the generation whose links open an assignment.
func (db *DB) LinkGeneration(ctx context.Context, assignment int64) (generation int64, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT generation FROM link WHERE assignment = $1`, assignment).Scan(&generation)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read the generation of assignment %d: %w", assignment, err)
	}
	return generation, nil
}

func voidLinks(ctx context.Context, tx *sql.Tx, assignment int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO link (assignment, generation) VALUES ($1, 1)
		ON CONFLICT (assignment) DO UPDATE SET generation = link.generation + 1`, assignment)
	return err
}

// VoidLinks makes the links of an assignment void that were made until now.
func (db *DB) VoidLinks(ctx context.Context, assignment int64) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error { return voidLinks(ctx, tx, assignment) })
	if err != nil {
		return fmt.Errorf("make the links of assignment %d void: %w", assignment, err)
	}
	return nil
}

// Renew has an assignment's authority told of its request anew, with a new link,
// and where void is set makes its older links void. It is written with its day;
// one that waits already or has stopped stays as it is, and without void so does one of that day:
// nobody can have an authority's mailbox filled. The fault is lane.no_assignment for one
// of which no authority was ever to hear.
func (db *DB) Renew(ctx context.Context, assignment int64, day string, void bool) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if void {
			if err := voidLinks(ctx, tx, assignment); err != nil {
				return err
			}
		}
		always := int64(0)
		if void {
			always = 1
		}
		var there int64
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM delivery WHERE assignment = $1 AND opening = 1`, assignment).Scan(&there); err != nil {
			return err
		}
		if there == 0 {
			return fault.NotFound("lane.no_assignment", assignment)
		}
		_, err := tx.ExecContext(ctx, `UPDATE delivery SET state = 'waiting', day = $1, tries = 0, round = round + 1
			WHERE assignment = $2 AND opening = 1 AND state NOT IN ('waiting', 'stopped') AND (day <> $1 OR $3 = 1)`, day, assignment, always)
		return err
	})
	if err != nil {
		return fmt.Errorf("renew the link of assignment %d: %w", assignment, err)
	}
	return nil
}
