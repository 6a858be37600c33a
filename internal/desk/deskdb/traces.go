package deskdb

import (
	"context"
	"database/sql"
	"time"

	"kua/internal/fault"
)

// Untraced gives the originals whose traces nobody has read yet.
func (db *DB) Untraced(ctx context.Context) ([]int64, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT id FROM originals WHERE id NOT IN (SELECT original FROM sheets) ORDER BY id`)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) })
}

// Traced keeps the sheet of an original, as JSON, or why there is none. One
// that was kept before is replaced.
func (db *DB) Traced(ctx context.Context, original int64, sheet []byte, why error) error {
	if sheet == nil {
		sheet = []byte("{}")
	}
	key, args := faultOf(why)
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO sheets (original, sheet, fault, fault_args, at) VALUES (?1, ?2, ?3, ?4, ?5)
			ON CONFLICT (original) DO UPDATE SET sheet = excluded.sheet, fault = excluded.fault, fault_args = excluded.fault_args, at = excluded.at`,
			original, sheet, key, args, db.now().UnixMicro())
		return err
	})
}

// Traces gives the sheet of an original, as JSON, when it was read, and the
// fault for which it could not be. One that was not read yet is the fault
// desk.not_traced.
func (db *DB) Traces(ctx context.Context, original int64) (sheet []byte, at time.Time, why error, err error) {
	var key, args string
	var micro int64
	err = db.db.QueryRowContext(ctx, `SELECT sheet, fault, fault_args, at FROM sheets WHERE original = ?1`, original).Scan(&sheet, &key, &args, &micro)
	if err != nil {
		return nil, at, nil, one(err, "desk.not_traced", original)
	}
	if key != "" {
		why = fault.Corrupt(key, argsOf(args)...)
	}
	return sheet, instant(micro), why, nil
}
