package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"kua/internal/fault"
)

// Migrate brings the schema up to date. Every file NNNN.sql or NNNN_words.sql at
// the top of steps is one step; the numbers run from 1 without a gap. Each step
// not yet taken runs in a transaction of its own together with its mark in
// schema_version, so a killed process leaves whole steps only. A database with
// more steps than the program has gives the fault sqldb.too_new.
//
// Steps are written for SQLite. For PostgreSQL INTEGER PRIMARY KEY, INTEGER, BLOB,
// STRICT and WITHOUT ROWID become what it has instead; a step that differs more
// (full-text search) has a second file NNNN_words.postgres.sql, which is then taken
// instead.
func (db *DB) Migrate(ctx context.Context, steps fs.FS) error {
	names, err := stepNames(steps)
	if err != nil {
		return err
	}
	have, err := db.Version(ctx)
	if err != nil {
		return err
	}
	if have > len(names) {
		return fault.Conflict("sqldb.too_new", have, len(names))
	}
	for begun := have > 0; have < len(names); {
		if begun && db.upgrades != nil {
			db.upgrades(have+1, len(names))
		}
		text, err := db.stepText(steps, names[have])
		if err != nil {
			return fmt.Errorf("read migration: %w", err)
		}
		if have, err = db.step(ctx, have, text); err != nil {
			return fmt.Errorf("migrate to %s: %w", names[have], err)
		}
	}
	return nil
}

// stepText gives the text of a step for the engine.
func (db *DB) stepText(steps fs.FS, name string) (string, error) {
	if db.postgres {
		own, err := fs.ReadFile(steps, strings.TrimSuffix(name, ".sql")+postgresEnding)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return string(own), err
		}
	}
	text, err := fs.ReadFile(steps, name)
	if db.postgres {
		return translate(string(text)), err
	}
	return string(text), err
}

// Version gives the number of steps taken.
func (db *DB) Version(ctx context.Context) (int, error) {
	const table = `CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)`
	var err error
	if db.postgres { // where IF NOT EXISTS alone does not keep two apart
		err = db.lockedTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, table)
			return err
		})
	} else {
		_, err = db.ExecContext(ctx, table)
	}
	if err != nil {
		return 0, err
	}
	return version(ctx, db.DB)
}

func version(ctx context.Context, q interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}) (n int, err error) {
	err = q.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM schema_version`).Scan(&n)
	return n, err
}

// step takes the step after have, unless another process was faster.
func (db *DB) step(ctx context.Context, have int, text string) (now int, err error) {
	alone := db.Tx
	if db.postgres {
		alone = db.lockedTx
	}
	err = alone(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if now, err = version(ctx, tx); err != nil || now != have {
			return err
		}
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return err
		}
		now++
		_, err := tx.ExecContext(ctx, `INSERT INTO schema_version (version) VALUES ($1)`, now)
		return err
	})
	if err != nil {
		now = have
	}
	return now, err
}

// postgresEnding marks the second text of a step.
const postgresEnding = ".postgres.sql"

func stepNames(steps fs.FS) ([]string, error) {
	names, err := fs.Glob(steps, "*.sql")
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, postgresEnding) })
	slices.Sort(names)
	for i, name := range names {
		digits, _, _ := strings.Cut(strings.TrimSuffix(path.Base(name), ".sql"), "_")
		if n, err := strconv.Atoi(digits); err != nil || n != i+1 {
			return nil, fmt.Errorf("migration %s is not number %d", name, i+1)
		}
	}
	return names, nil
}
