// Package nodedb is the node's storage: every SQL statement of the node is
// here. It holds what is said of ciphertext and of public records; nothing in it
// is secret, and nothing says who sent what, or when more exactly than a day.
//
// Only package node uses it.
package nodedb

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"kua/internal/sqldb"
)

//go:embed migrations
var migrations embed.FS

// DB is the node's database. It is safe for use by several goroutines.
type DB struct {
	db       *sqldb.DB
	arrivals arrivals
}

// Open opens or makes the database at path.
func Open(ctx context.Context, path string) (*DB, error) {
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqldb.Open(ctx, sqldb.Config{Path: path, Migrations: steps})
	if err != nil {
		return nil, fmt.Errorf("open the node's database: %w", err)
	}
	out := &DB{db: db}
	if err := out.arrivals.prepare(ctx, db.DB); err != nil {
		db.Close()
		return nil, err
	}
	return out, nil
}

// Close closes the database.
func (db *DB) Close() error { return db.db.Close() }

// Setting gives a small value that was kept, "" when there is none.
func (db *DB) Setting(ctx context.Context, name string) (value string, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT value FROM setting WHERE name = $1`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

func putSetting(ctx context.Context, tx *sql.Tx, name, value string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO setting (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}

// collect reads all rows and closes them.
func collect[T any](rows *sql.Rows, err error, scan func(*sql.Rows, *T) error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		var v T
		if err := scan(rows, &v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

func scanOne[T any](rows *sql.Rows, v *T) error { return rows.Scan(v) }
