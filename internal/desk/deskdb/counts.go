package deskdb

import (
	"context"
	"database/sql"
	"time"

	"kua/internal/casefile"
)

// Counts is how much waits, counted now.
type Counts struct {
	Unread, Arriving, Refused, Cases, Unsent, Proposals, Unwrapped int
}

// Counts counts what waits; version is the charter's from which on its people are those of now.
func (db *DB) Counts(ctx context.Context, version int) (c Counts, err error) {
	err = db.db.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM parcels WHERE unread = 1),
		(SELECT count(*) FROM parcels WHERE stage = ?1),
		(SELECT count(*) FROM parcels WHERE stage = ?2 AND unread = 1),
		(SELECT count(*) FROM cases WHERE state <> ?3),
		(SELECT count(*) FROM replies r WHERE NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.reply = r.id AND d.sent = 1)),
		(SELECT count(*) FROM proposals WHERE state = ?4),
		(SELECT count(*) FROM parcels WHERE stage = ?5 AND wrapped < ?6)`,
		casefile.Arriving, casefile.Refused, casefile.Closed, Waiting, casefile.Whole, version).
		Scan(&c.Unread, &c.Arriving, &c.Refused, &c.Cases, &c.Unsent, &c.Proposals, &c.Unwrapped)
	return c, err
}

// Node is what is known of one node.
type Node struct {
	URL       string
	Collected time.Time
	Edition   int
	Manifest  string // SHA-256 of the manifest it holds
	Fault     string
	FaultArgs []any
	FaultAt   time.Time
}

// Nodes gives what is known of every node that was ever called.
func (db *DB) Nodes(ctx context.Context) (map[string]Node, error) {
	rows, err := db.db.QueryContext(ctx, `SELECT url, collected, edition, manifest, fault, fault_args, fault_at FROM nodes`)
	if err != nil {
		return nil, err
	}
	all, err := collect(rows, func(rows *sql.Rows) (n Node, err error) {
		var collected, at int64
		var args string
		err = rows.Scan(&n.URL, &collected, &n.Edition, &n.Manifest, &n.Fault, &args, &at)
		n.Collected, n.FaultAt, n.FaultArgs = instant(collected), instant(at), argsOf(args)
		return n, err
	})
	byURL := make(map[string]Node)
	for _, n := range all {
		byURL[n.URL] = n
	}
	return byURL, err
}

// NodeCollected notes a collection from a node, or why it failed.
func (db *DB) NodeCollected(ctx context.Context, url string, why error) error {
	now := db.now().UnixMicro()
	return db.nodeState(ctx, url, why, `UPDATE nodes SET collected = ?2 WHERE url = ?1`, url, now)
}

// NodeMet notes the day on which a courier's folder was at a node, unless a later
// collection is known, or the day is still to come.
func (db *DB) NodeMet(ctx context.Context, url string, day time.Time) error {
	at := min(day.UnixMicro(), db.now().UnixMicro())
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO nodes (url, collected) VALUES (?1, ?2)
			ON CONFLICT (url) DO UPDATE SET collected = max(collected, excluded.collected)`, url, at)
		return err
	})
}

// NodeHolds notes which edition a node holds, or why that is not known.
func (db *DB) NodeHolds(ctx context.Context, url string, number int, manifest string, why error) error {
	return db.nodeState(ctx, url, why, `UPDATE nodes SET edition = ?2, manifest = ?3 WHERE url = ?1`, url, number, manifest)
}

func (db *DB) nodeState(ctx context.Context, url string, why error, success string, args ...any) error {
	key, faultArgs := faultOf(why)
	at := int64(0)
	if why != nil {
		at = db.now().UnixMicro()
	}
	return db.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO nodes (url, fault, fault_args, fault_at) VALUES (?1, ?2, ?3, ?4)
			ON CONFLICT (url) DO UPDATE SET fault = excluded.fault, fault_args = excluded.fault_args, fault_at = excluded.fault_at`, url, key, faultArgs, at)
		if err != nil || why != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, success, args...)
		return err
	})
}
