package nodedb

import (
	"context"
	"database/sql"
	"fmt"

	"kua/internal/canon"
)

// Slots gives every slot under a prefix, in order.
func (db *DB) Slots(ctx context.Context, prefix string) ([][]byte, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT sealed FROM slot WHERE prefix = $1 ORDER BY position`, prefix)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var slots [][]byte
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return nil, err
		}
		slots = append(slots, b)
	}
	return slots, rows.Err()
}

// HasReply reports whether these very bytes are in a slot of the prefix.
func (db *DB) HasReply(ctx context.Context, prefix string, sealed []byte) (bool, error) {
	var n int
	err := db.db.QueryRowContext(ctx, `SELECT count(*) FROM slot WHERE prefix = $1 AND sha256 = $2`, prefix, canon.Hash(sealed)).Scan(&n)
	return n > 0, err
}

// PutSlots writes slots of a prefix at their positions, all or none.
func (db *DB) PutSlots(ctx context.Context, prefix, day string, slots map[int][]byte) error {
	return db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for position, sealed := range slots {
			_, err := tx.ExecContext(ctx, `
				INSERT INTO slot (prefix, position, sealed, sha256, day) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (prefix, position) DO UPDATE SET sealed = excluded.sealed, sha256 = excluded.sha256, day = excluded.day`,
				prefix, position, sealed, canon.Hash(sealed), day)
			if err != nil {
				return fmt.Errorf("write a slot: %w", err)
			}
		}
		return nil
	})
}

// Position is a slot's place.
type Position struct {
	Prefix   string
	Position int
}

// OldSlots gives the slots that were last written before the day.
func (db *DB) OldSlots(ctx context.Context, before string) ([]Position, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT prefix, position FROM slot WHERE day < $1`, before)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var old []Position
	for rows.Next() {
		var p Position
		if err := rows.Scan(&p.Prefix, &p.Position); err != nil {
			return nil, err
		}
		old = append(old, p)
	}
	return old, rows.Err()
}
