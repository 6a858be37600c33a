// Package nodedb is the node's storage: every SQL statement of the node is
// here. It holds ciphertext's particulars and public records: nothing in it is
// secret, and nothing in it says who sent what, or when more exactly than a day.
// Only package node uses it.
package nodedb

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"kua/internal/fault"
	"kua/internal/parcel"
	"kua/internal/sqldb"
)

//go:embed migrations
var migrations embed.FS

// DB is the node's database. It is safe for use by several goroutines.
type DB struct{ db *sqldb.DB }

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
	return &DB{db}, nil
}

// Close closes the database.
func (db *DB) Close() error { return db.db.Close() }

// Piece is one piece of an upload that is not committed yet.
type Piece struct {
	Upload, Hash string
	Size         int64
	Day          string
}

// AddPieces notes pieces whose bytes are durable already, in one transaction.
func (db *DB) AddPieces(ctx context.Context, pieces []Piece) error {
	return db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, p := range pieces {
			_, err := tx.ExecContext(ctx, `
				INSERT INTO piece (upload, hash, size, day) VALUES ($1, $2, $3, $4)
				ON CONFLICT (upload, hash) DO UPDATE SET day = excluded.day`, p.Upload, p.Hash, p.Size, p.Day)
			if err != nil {
				return fmt.Errorf("add piece %s: %w", p.Hash, err)
			}
		}
		return nil
	})
}

// Pieces gives the hashes of an upload's pieces, sorted.
func (db *DB) Pieces(ctx context.Context, upload string) ([]string, error) {
	return db.hashes(ctx, `SELECT hash FROM piece WHERE upload = $1 ORDER BY hash`, upload)
}

// OpenUploads gives how many bytes each upload that is not committed holds.
func (db *DB) OpenUploads(ctx context.Context) (map[string]int64, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT upload, sum(size) FROM piece GROUP BY upload`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	open := map[string]int64{}
	for rows.Next() {
		var upload string
		var size int64
		if err := rows.Scan(&upload, &size); err != nil {
			return nil, err
		}
		open[upload] = size
	}
	return open, rows.Err()
}

// Commit keeps a whole parcel and ends its upload. It gives the day the parcel
// was first committed: a second commit changes nothing.
func (db *DB) Commit(ctx context.Context, upload string, index parcel.Index, day string) (first string, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		id := index.ID()
		err := tx.QueryRowContext(ctx, `SELECT day FROM parcel WHERE id = $1`, id).Scan(&first)
		if err == nil || !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		var number int64
		err = tx.QueryRowContext(ctx, `
			INSERT INTO parcel (id, size, pieces, idx, day) VALUES ($1, $2, $3, $4, $5) RETURNING number`,
			id, index.Size, len(index.Pieces), index.Text(), day).Scan(&number)
		if err != nil {
			return err
		}
		for _, hash := range index.Pieces {
			if _, err := tx.ExecContext(ctx, `INSERT INTO parcel_piece (hash, parcel) VALUES ($1, $2) ON CONFLICT DO NOTHING`, hash, number); err != nil {
				return err
			}
		}
		first = day
		_, err = tx.ExecContext(ctx, `DELETE FROM piece WHERE upload = $1 AND hash IN (SELECT hash FROM parcel_piece WHERE parcel = $2)`, upload, number)
		return err
	})
	return first, err
}

// Parcel is a whole parcel that waits for the desk.
type Parcel struct {
	ID     string
	Size   int64
	Pieces int
}

// Parcels lists what waits, in the order of arrival.
func (db *DB) Parcels(ctx context.Context) ([]Parcel, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT id, size, pieces FROM parcel ORDER BY number`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Parcel
	for rows.Next() {
		var p Parcel
		if err := rows.Scan(&p.ID, &p.Size, &p.Pieces); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, rows.Err()
}

// Index gives the index of a parcel as it came; fault node.no_parcel.
func (db *DB) Index(ctx context.Context, id string) ([]byte, error) {
	var idx []byte
	err := db.db.QueryRowContext(ctx, `SELECT idx FROM parcel WHERE id = $1`, id).Scan(&idx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.NotFound("node.no_parcel", id)
	}
	return idx, err
}

// Forget drops a parcel and gives the hashes of the pieces that nothing needs
// any more. A parcel that is not there gives none.
func (db *DB) Forget(ctx context.Context, id string) (free []string, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `
			SELECT pp.hash FROM parcel p JOIN parcel_piece pp ON pp.parcel = p.number
			WHERE p.id = $1
			  AND NOT EXISTS (SELECT 1 FROM parcel_piece o WHERE o.hash = pp.hash AND o.parcel <> p.number)
			  AND NOT EXISTS (SELECT 1 FROM piece q WHERE q.hash = pp.hash)`, id)
		if err != nil {
			return err
		}
		if free, err = scanHashes(rows); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM parcel WHERE id = $1`, id)
		return err
	})
	return free, err
}

// Expire drops the pieces of uploads of which nothing came since the day, and
// gives the hashes that nothing needs any more.
func (db *DB) Expire(ctx context.Context, before string) (free []string, err error) {
	err = db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		const idle = `SELECT upload FROM piece GROUP BY upload HAVING max(day) < $1`
		rows, err := tx.QueryContext(ctx, `
			SELECT DISTINCT p.hash FROM piece p WHERE p.upload IN (`+idle+`)
			  AND NOT EXISTS (SELECT 1 FROM parcel_piece o WHERE o.hash = p.hash)
			  AND NOT EXISTS (SELECT 1 FROM piece q WHERE q.hash = p.hash AND q.upload NOT IN (`+idle+`))`, before)
		if err != nil {
			return err
		}
		if free, err = scanHashes(rows); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM piece WHERE upload IN (`+idle+`)`, before)
		return err
	})
	return free, err
}

// Needed reports whether a parcel or an open upload holds the piece.
func (db *DB) Needed(ctx context.Context, hash string) (bool, error) {
	var n int
	err := db.db.QueryRowContext(ctx, `
		SELECT EXISTS (SELECT 1 FROM piece WHERE hash = $1) OR EXISTS (SELECT 1 FROM parcel_piece WHERE hash = $1)`, hash).Scan(&n)
	return n != 0, err
}

func (db *DB) hashes(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := db.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return scanHashes(rows)
}

func scanHashes(rows *sql.Rows) ([]string, error) {
	defer rows.Close()
	all := []string{}
	for rows.Next() {
		var h string
		if err := rows.Scan(&h); err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, rows.Err()
}
