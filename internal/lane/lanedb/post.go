package lanedb

import (
	"context"
	"database/sql"
	"fmt"

	"kua/internal/fault"
)

// Post is what is said to everybody, as it reads from now on.
type Post struct {
	Request, Step       int64 // of its only assignment
	Assignment          int64
	Words, Begins, Ends string
}

// CorrectPost gives a post other words or days and appends the event that says so,
// if nothing happened to it since its assignment stood at the step; otherwise the
// fault is lane.moved.
func (db *DB) CorrectPost(ctx context.Context, p Post, write Write) error {
	err := db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE assignment SET step = step + 1 WHERE number = $1 AND step = $2`, p.Assignment, p.Step)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			return fault.Conflict("lane.moved", p.Assignment).Because(err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE request SET words = $1, begins = $2, ends = $3 WHERE id = $4`, p.Words, p.Begins, p.Ends, p.Request); err != nil {
			return err
		}
		return db.appendEvent(ctx, tx, p.Request, write)
	})
	if err != nil {
		return fmt.Errorf("correct %d: %w", p.Request, err)
	}
	return nil
}

// reindex finds a request by what it and its history say now; a hidden one by nothing.
func (db *DB) reindex(ctx context.Context, tx *sql.Tx, request int64) error {
	r, err := requestOf(ctx, tx, request)
	if err != nil || r.Hidden {
		return err
	}
	events, err := chain(ctx, tx, "event", request)
	if err != nil {
		return err
	}
	search, err := db.rules.Search(r, events, func() (Version, []File, error) { return directory(ctx, tx, r.Directory) })
	if err != nil {
		return err
	}
	return db.found(ctx, tx, request, search)
}

// found has a request found by these words, and by those before no more.
func (db *DB) found(ctx context.Context, tx *sql.Tx, request int64, search string) error {
	if err := db.unfound(ctx, tx, request); err != nil {
		return err
	}
	return db.index(ctx, tx, request, search)
}

// unfound has no words lead to a request.
func (db *DB) unfound(ctx context.Context, tx *sql.Tx, request int64) error {
	return db.inWords(ctx, tx, request, func(index string) string { return `DELETE FROM ` + index + ` WHERE rowid = $1` }, request)
}

// index finds a request by words, as locale.SearchText gives them.
func (db *DB) index(ctx context.Context, tx *sql.Tx, request int64, search string) error {
	if err := db.know(ctx, tx, search); err != nil {
		return err
	}
	words := `$2`
	if db.postgres {
		words = `to_tsvector('simple', $2)`
	}
	return db.inWords(ctx, tx, request, func(index string) string {
		return `INSERT INTO ` + index + ` (rowid, words) VALUES ($1, ` + words + `)`
	}, request, db.shelved(request, search))
}
