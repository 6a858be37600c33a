package deskdb

import (
	"context"
	"database/sql"
	"fmt"

	"kua/internal/evidence"
)

// Shown keeps that a page of a document (from 1), as it looks by its picture's
// hash, was before a person. Once is enough; a second time changes nothing.
func (db *DB) Shown(ctx context.Context, by evidence.Actor, original int64, page int, picture string) error {
	return db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		res, err := tx.ExecContext(ctx, `INSERT INTO shown (original, page, picture, by_name, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING`,
			original, page, picture, by.Name, db.now().UnixMicro())
		if err != nil {
			return nil, err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return nil, err
		}
		return originalEvent(ctx, tx, evidence.Shown, original, fmt.Sprintf("page %d", page))
	})
}

// ShownTo gives the pages of a document that were before the person of this name,
// each with the hash of the picture that it had then.
func (db *DB) ShownTo(ctx context.Context, original int64, name string) (map[int][]string, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT page, picture FROM shown WHERE original = ?1 AND by_name = ?2`, original, name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := make(map[int][]string)
	for rows.Next() {
		var page int
		var picture string
		if err := rows.Scan(&page, &picture); err != nil {
			return nil, err
		}
		all[page] = append(all[page], picture)
	}
	return all, rows.Err()
}
