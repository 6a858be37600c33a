package deskdb

import (
	"context"
	"database/sql"
	"fmt"

	"kua/internal/evidence"
)

// Setting gives a named value; what was never set is the fault desk.no_setting.
func (db *DB) Setting(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := db.db.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = ?1`, name).Scan(&value)
	return value, one(err, "desk.no_setting", name)
}

// Found writes the settings a desk starts with and the first custody event.
func (db *DB) Found(ctx context.Context, settings map[string][]byte, charterID string) error {
	return db.act(ctx, evidence.Machine(), func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		for name, value := range settings {
			if err := set(ctx, tx, name, value); err != nil {
				return nil, err
			}
		}
		return []evidence.Event{{Verb: evidence.Introduced, Subject: "charter", SHA256: charterID}}, nil
	})
}

// Set changes one setting.
func (db *DB) Set(ctx context.Context, name string, value []byte) error {
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error { return set(ctx, tx, name, value) })
}

func set(ctx context.Context, tx *sql.Tx, name string, value []byte) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO settings (name, value) VALUES (?1, ?2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}

// Chartered keeps a new version of the charter and what changes with it.
func (db *DB) Chartered(ctx context.Context, by evidence.Actor, settings map[string][]byte, version int, id string) error {
	return db.act(ctx, by, func(ctx context.Context, tx *sql.Tx) ([]evidence.Event, error) {
		for name, value := range settings {
			if err := set(ctx, tx, name, value); err != nil {
				return nil, err
			}
		}
		return []evidence.Event{{Verb: evidence.Chartered, Subject: fmt.Sprintf("charter %d", version), SHA256: id}}, nil
	})
}
