package nodedb

import (
	"context"
	"database/sql"
	"fmt"

	"kua/internal/canon"
)

// Position is a slot's place among all slots of a mailbox prefix.
type Position struct {
	Prefix   string
	Position int
}

// Sealed is what lies in a slot until a day.
type Sealed struct {
	Position
	Bytes []byte
	Until string
}

// SlotCount gives how many slots a prefix has.
func (db *DB) SlotCount(ctx context.Context, prefix string) (n int, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT count(*) FROM reply_slot WHERE prefix = $1`, prefix).Scan(&n)
	return n, err
}

// Replies gives up to limit slots of a prefix from a position on, in order.
func (db *DB) Replies(ctx context.Context, prefix string, from, limit int) ([][]byte, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT sealed FROM reply_slot WHERE prefix = $1 AND position >= $2 ORDER BY position LIMIT $3`,
		prefix, from, limit)
	return collect(rows, err, scanOne[[]byte])
}

// HasReply reports whether these very bytes lie in a slot of the prefix.
func (db *DB) HasReply(ctx context.Context, prefix string, sealed []byte) (bool, error) {
	var n int
	err := db.db.QueryRowContext(ctx, `SELECT count(*) FROM reply_slot WHERE prefix = $1 AND hash = $2`, prefix, canon.Hash(sealed)).Scan(&n)
	return n > 0, err
}

// PutReplies fills slots, all of them or none.
func (db *DB) PutReplies(ctx context.Context, slots []Sealed) error {
	return db.db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, s := range slots {
			_, err := tx.ExecContext(ctx, `INSERT INTO reply_slot (prefix, position, sealed, hash, until) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (prefix, position) DO UPDATE SET sealed = excluded.sealed, hash = excluded.hash, until = excluded.until`,
				s.Prefix, s.Position.Position, s.Bytes, canon.Hash(s.Bytes), s.Until)
			if err != nil {
				return fmt.Errorf("fill a slot: %w", err)
			}
		}
		return nil
	})
}

// DropReplies takes away the slots of a prefix from a position on.
func (db *DB) DropReplies(ctx context.Context, prefix string, from int) error {
	_, err := db.db.ExecContext(ctx, `DELETE FROM reply_slot WHERE prefix = $1 AND position >= $2`, prefix, from)
	return err
}

// DueReplies gives the slots whose day has come.
func (db *DB) DueReplies(ctx context.Context, day string) ([]Sealed, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT prefix, position, until FROM reply_slot WHERE until <= $1 ORDER BY prefix, position`, day)
	return collect(rows, err, func(rows *sql.Rows, s *Sealed) error {
		return rows.Scan(&s.Prefix, &s.Position.Position, &s.Until)
	})
}
