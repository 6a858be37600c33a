package lanedb

import (
	"context"
	"database/sql"
	"fmt"

	"kua/internal/fault"
)

// Outcome is what came of a request in the end.
type Outcome struct {
	Request, Event  int64
	What, Link, Day string
	Attests         string
	Struck          int64 // number of the event that took it back; 0: it stands
}

// maxOutcomes is the most outcomes of a request, those taken back included.
const maxOutcomes = 50

// AddOutcome keeps an outcome with its event; one that stands already changes
// nothing. The fault is lane.outcomes when there are too many.
func (db *DB) AddOutcome(ctx context.Context, o Outcome, write Write) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var same, all int64
		err := tx.QueryRowContext(ctx, `SELECT count(*), COALESCE(sum(CASE WHEN what = $1 AND link = $2 AND day = $3 AND attests = $4 AND struck = 0 THEN 1 ELSE 0 END), 0)
			FROM outcome WHERE request = $5`, o.What, o.Link, o.Day, o.Attests, o.Request).Scan(&all, &same)
		switch {
		case err != nil || same > 0:
			return err
		case all >= maxOutcomes:
			return fault.Conflict("lane.outcomes", maxOutcomes)
		}
		if err := db.appendEvent(ctx, tx, o.Request, func(request, number int64, before string) (string, string, error) {
			o.Event = number
			return write(request, number, before)
		}); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO outcome (request, event, what, link, day, attests) VALUES ($1, $2, $3, $4, $5, $6)`,
			o.Request, o.Event, o.What, o.Link, o.Day, o.Attests)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep an outcome of request %d: %w", o.Request, err)
	}
	return nil
}

// StrikeOutcome takes an outcome back that stands; it stays readable with the
// event that says so. The fault is lane.no_outcome.
func (db *DB) StrikeOutcome(ctx context.Context, request, event int64, write Write) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var by int64
		if err := db.appendEvent(ctx, tx, request, func(request, number int64, before string) (string, string, error) {
			by = number
			return write(request, number, before)
		}); err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, `UPDATE outcome SET struck = $1 WHERE request = $2 AND event = $3 AND struck = 0`, by, request, event)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			return fault.NotFound("lane.no_outcome", event, request).Because(err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("take back outcome %d of request %d: %w", event, request, err)
	}
	return nil
}

// Outcomes gives the outcomes of requests in the order in which they were told.
func (db *DB) Outcomes(ctx context.Context, requests ...int64) ([]Outcome, error) {
	if len(requests) == 0 {
		return nil, nil
	}
	where, args := among("request", requests)
	rows, err := db.db.QueryContext(ctx, `SELECT request, event, what, link, day, attests, struck FROM outcome WHERE `+where+` ORDER BY request, event`, args...)
	all, err := collect(rows, err, func(rows *sql.Rows, o *Outcome) error {
		return rows.Scan(&o.Request, &o.Event, &o.What, &o.Link, &o.Day, &o.Attests, &o.Struck)
	})
	if err != nil {
		return nil, fmt.Errorf("read outcomes: %w", err)
	}
	return all, nil
}
