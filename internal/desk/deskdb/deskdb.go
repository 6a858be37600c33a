// Package deskdb is the desk's storage: every SQL statement of the desk is
// here, over one encrypted SQLite database.
//
// Custody events are written by this package, in the same transaction as the
// act they tell of: an act that has an event cannot be done without it. The
// package opens no parcel and touches no file but the database. Only package
// desk uses it.
package deskdb

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"sync"
	"time"

	"kua/internal/canon"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/sqldb"
)

//go:embed migrations
var migrations embed.FS

// DB is the desk's database. It is safe for use by several goroutines.
type DB struct {
	db  *sqldb.DB
	now func() time.Time

	mu sync.Mutex // one act at a time, so that the custody chain has no fork
}

// Open opens or makes the database at path under a 32-byte key. now gives the
// time of the custody events.
func Open(ctx context.Context, path string, key []byte, now func() time.Time) (*DB, error) {
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqldb.Open(ctx, sqldb.Config{Path: path, Key: key, Migrations: steps})
	if err != nil {
		return nil, fmt.Errorf("open the desk's database: %w", err)
	}
	return &DB{db: db, now: now}, nil
}

// SQL gives the database for the queue of jobs, which has its own table in it.
func (db *DB) SQL() *sqldb.DB { return db.db }

// Close closes the database.
func (db *DB) Close() error { return db.db.Close() }

// act runs do in a transaction and appends the custody events it gives, so that
// both are there or neither.
func (db *DB) act(ctx context.Context, by evidence.Actor, do func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error)) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		events, err := do(ctx, tx)
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := db.link(ctx, tx, by, e); err != nil {
				return fmt.Errorf("write custody of %s: %w", e.Subject, err)
			}
		}
		return nil
	})
}

// write is act for what needs no event.
func (db *DB) write(ctx context.Context, do func(ctx context.Context, tx *sql.Tx) error) error {
	return db.act(ctx, evidence.Actor{}, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		return nil, do(ctx, tx)
	})
}

func (db *DB) link(ctx context.Context, tx *sql.Tx, by evidence.Actor, e evidence.Event) error {
	var last evidence.Head
	err := tx.QueryRowContext(ctx, `SELECT sequence, hash FROM custody ORDER BY sequence DESC LIMIT 1`).Scan(&last.Sequence, &last.Hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	at := db.now()
	e, b, err := e.Link(last.Sequence, last.Hash, by, at)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO custody (sequence, hash, case_id, verb, subject, by_key, at, event)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,
		e.Sequence, canon.Hash(b), e.Case, string(e.Verb), e.Subject, e.Key, at.UnixMicro(), b)
	return err
}

// Custody gives the events of a case, the oldest first, with what was done to
// its reports before they came into it; of everything for 0.
func (db *DB) Custody(ctx context.Context, caseID int64) ([]evidence.Event, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT event FROM custody WHERE ?1 = 0 OR case_id = ?1 OR case_id = 0 AND subject IN (
			SELECT 'parcel ' || p.id FROM parcels p WHERE p.case_id = ?1
			UNION SELECT 'original ' || o.id FROM originals o JOIN parcels p ON p.number = o.parcel WHERE p.case_id = ?1)
		ORDER BY sequence`, caseID)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (evidence.Event, error) {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return evidence.Event{}, err
		}
		return evidence.ParseEvent(b)
	})
}

// VerifyCustody walks the whole chain.
func (db *DB) VerifyCustody(ctx context.Context) (evidence.Head, error) {
	return evidence.VerifyChain(db.events(ctx))
}

func (db *DB) events(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		rows, err := db.db.QueryContext(ctx, `SELECT event FROM custody ORDER BY sequence`)
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var b []byte
			if err := rows.Scan(&b); err != nil {
				yield(nil, err)
				return
			}
			if !yield(b, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// collect reads all rows and closes them.
func collect[T any](rows *sql.Rows, scan func(*sql.Rows) (T, error)) ([]T, error) {
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// one gives sql.ErrNoRows the message of what was not found.
func one(err error, key string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.NotFound(key, args...)
	}
	return err
}

// changedOne makes the fault of what was not found of a statement that changed nothing.
func changedOne(res sql.Result, err error, key string, args ...any) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		return fault.NotFound(key, args...)
	}
	return err
}

func instant(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// faultOf gives what is kept of an error: its key and arguments, never its words.
func faultOf(err error) (key, args string) {
	if err == nil {
		return "", "[]"
	}
	f, ok := fault.Of(err)
	if !ok {
		return "page.internal", "[]"
	}
	b, err := json.Marshal(f.Args)
	if err != nil || len(f.Args) == 0 {
		return f.Key, "[]"
	}
	return f.Key, string(b)
}

func argsOf(text string) []any {
	var args []any
	_ = json.Unmarshal([]byte(text), &args) // it was written by faultOf
	return args
}
