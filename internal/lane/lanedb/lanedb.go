// Package lanedb is the open lane's storage: every SQL statement of the lane is
// here, one text for SQLite and PostgreSQL. It is a database of its own, apart
// from the sealed lane's.
//
// Only package lane uses it.
package lanedb

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"

	"kua/internal/fault"
	"kua/internal/sqldb"
)

//go:embed migrations
var migrations embed.FS

// DB is the open lane's database. It is safe for use by several goroutines.
type DB struct {
	db       guarded
	postgres bool // for full-text search, which has no words in common
	rules    Rules
	gather   int // up to how many requests are gathered and sorted to find the newest
	full     fullBoxes
	shaped   atomic.Bool // the index of words is not being written over, as far as this process has seen
}

// gathered is up to how many requests are gathered and sorted. Where there may be
// more, as many lie densely enough among the newest to be walked to.
const gathered = 5_000

// Open opens or makes the SQLite file at path or, when url is not "", the
// PostgreSQL database there; rules are the lane's, and upgrading is sqldb's. The faults
// are sqldb's, lane.moved_away and lane.arriving.
func Open(ctx context.Context, path, url string, rules Rules, upgrading func(step, of int)) (*DB, error) {
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	cfg := sqldb.Config{Path: path, URL: url, Migrations: steps, Upgrading: upgrading}
	if url != "" {
		cfg.Path = ""
	}
	db, err := sqldb.Open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open the open lane's database: %w", err)
	}
	m, err := readMark(ctx, db)
	if err == nil && m.state != stopped { // a stop ends by itself
		err = m.fault()
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("open the open lane's database: %w", err)
	}
	opened := &DB{db: guarded{DB: db, writes: new(atomic.Int64)}, postgres: url != "", rules: rules, gather: gathered}
	if m.state == "" {
		err = opened.rewordEmpty(ctx)
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("open the open lane's database: %w", err)
	}
	return opened, nil
}

// Writes is a number that is another one whenever this process has written since.
func (db *DB) Writes() int64 { return db.db.writes.Load() }

// Close closes the database.
func (db *DB) Close() error { return db.db.Close() }

// Version is one version of the directory.
type Version struct {
	Number int64  `json:"version"`
	Place  string `json:"place"`
	Digest string `json:"digest"` // hex SHA-256 over its files
	Day    string `json:"day"`    // of the import
}

// File is one file of a version, with the hex SHA-256 of its text.
type File struct {
	Name string
	Hash string
	Text []byte
}

// AddDirectory keeps a version whole, unless the newest one has the same digest:
// then that one is given and fresh is false. Number is given by the database.
func (db *DB) AddDirectory(ctx context.Context, v Version, files []File) (kept Version, fresh bool, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		newest, err := version(tx.QueryRowContext(ctx, newestVersion))
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if kept, fresh = newest, false; newest.Digest == v.Digest {
			return nil
		}
		kept, fresh = v, true
		kept.Number = newest.Number + 1
		if _, err := tx.ExecContext(ctx, `INSERT INTO directory (version, place, digest, day) VALUES ($1, $2, $3, $4)`,
			kept.Number, v.Place, v.Digest, v.Day); err != nil {
			return err
		}
		for _, f := range files {
			if _, err := tx.ExecContext(ctx, `INSERT INTO directory_text (hash, bytes) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`, f.Hash, f.Text); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO directory_file (version, name, hash) VALUES ($1, $2, $3)`, kept.Number, f.Name, f.Hash); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Version{}, false, fmt.Errorf("keep the directory: %w", err)
	}
	return kept, fresh, nil
}

const newestVersion = `SELECT version, place, digest, day FROM directory ORDER BY version DESC LIMIT 1`

func version(row *sql.Row) (v Version, err error) {
	err = row.Scan(&v.Number, &v.Place, &v.Digest, &v.Day)
	return v, err
}

// Directory gives a version and its files in the order of their names; 0 is the
// newest. The faults are lane.no_directory and lane.no_version.
func (db *DB) Directory(ctx context.Context, number int64) (v Version, files []File, err error) {
	return directory(ctx, db.db, number)
}

func directory(ctx context.Context, q interface {
	querier
	rowQuerier
}, number int64) (v Version, files []File, err error) {
	if number == 0 {
		v, err = version(q.QueryRowContext(ctx, newestVersion))
	} else {
		v, err = version(q.QueryRowContext(ctx, `SELECT version, place, digest, day FROM directory WHERE version = $1`, number))
	}
	switch {
	case errors.Is(err, sql.ErrNoRows) && number == 0:
		return Version{}, nil, fault.NotFound("lane.no_directory")
	case errors.Is(err, sql.ErrNoRows):
		return Version{}, nil, fault.NotFound("lane.no_version", number)
	case err != nil:
		return Version{}, nil, fmt.Errorf("read the directory: %w", err)
	}
	rows, err := q.QueryContext(ctx, `SELECT f.name, f.hash, t.bytes FROM directory_file f JOIN directory_text t ON t.hash = f.hash
		WHERE f.version = $1 ORDER BY f.name`, v.Number)
	files, err = collect(rows, err, func(rows *sql.Rows, f *File) error { return rows.Scan(&f.Name, &f.Hash, &f.Text) })
	if err != nil {
		return Version{}, nil, fmt.Errorf("read the directory's files: %w", err)
	}
	return v, files, nil
}

// Versions gives the newest versions, newest first, those below before (0: all),
// and at most limit of them.
func (db *DB) Versions(ctx context.Context, before int64, limit int) ([]Version, error) {
	if before <= 0 {
		before = 1 << 62
	}
	rows, err := db.db.byKey().QueryContext(ctx, `SELECT version, place, digest, day FROM directory WHERE version < $1 ORDER BY version DESC LIMIT $2`, before, limit)
	all, err := collect(rows, err, func(rows *sql.Rows, v *Version) error { return rows.Scan(&v.Number, &v.Place, &v.Digest, &v.Day) })
	if err != nil {
		return nil, fmt.Errorf("list the directory's versions: %w", err)
	}
	return all, nil
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
