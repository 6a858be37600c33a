package lanedb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"kua/internal/sqldb"
)

// The ledger is what a move has its source write down: the first key of every row
// that is written, by triggers, from before the first pass on. So a later pass looks
// at the chunks that were written alone, and nobody waits for a comparison of all.
//
// It belongs to one move for as long as that renews its lease. Whatever happens to
// it, a move that does not find its own ledger compares everything.
const (
	ledgerHead  = "moving_head"
	ledgerTable = "moving_ledger"
	// ledgerLease is how long a ledger outlives its move, and ledgerRenew how often a
	// move says that it is there.
	ledgerLease = 30 * time.Minute
	ledgerRenew = time.Minute
)

// ledgerOwn reports a table of the ledger.
func ledgerOwn(name string) bool { return name == ledgerHead || name == ledgerTable }

// openLedger begins a ledger of this move's own, which takes the place of another's.
func (m *Move) openLedger(ctx context.Context) error {
	if m.over {
		return nil
	}
	err := m.from.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := dropLedger(ctx, tx); err != nil {
			return err
		}
		statements := []string{
			`CREATE TABLE ` + ledgerHead + ` (owner TEXT NOT NULL PRIMARY KEY, lease INTEGER NOT NULL) STRICT`,
			`CREATE TABLE ` + ledgerTable + ` (seq INTEGER PRIMARY KEY, name TEXT NOT NULL, key ANY NOT NULL) STRICT`,
		}
		for _, t := range m.tables {
			for act, keys := range map[string]string{"INSERT": "NEW." + t.key[0] + " AS k", "DELETE": "OLD." + t.key[0] + " AS k", "UPDATE": "OLD." + t.key[0] + " AS k UNION SELECT NEW." + t.key[0]} {
				statements = append(statements, fmt.Sprintf(`CREATE TRIGGER moving_%s_%s AFTER %s ON %s BEGIN INSERT INTO %s (name, key) SELECT '%s', k FROM (SELECT %s`, t.name, strings.ToLower(act), act, t.name, ledgerTable, t.name, keys)+`); END`)
			}
		}
		for _, s := range statements {
			if _, err := tx.ExecContext(ctx, s); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO `+ledgerHead+` VALUES ($1, $2)`, m.owner, time.Now().Add(ledgerLease).UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("begin the ledger of a move: %w", err)
	}
	m.kept, m.renewed = nil, time.Now()
	return nil
}

// Anew has the next pass look at everything, in smaller chunks: what is written later
// then has less read with it.
func (m *Move) Anew() { m.kept, m.atOnce = nil, fewRows }

// Keep says from time to time that the move goes on.
func (m *Move) Keep(ctx context.Context) error {
	if m.over || time.Since(m.renewed) < ledgerRenew {
		return nil
	}
	m.renewed = time.Now()
	if there, err := hasLedger(ctx, m.from); err != nil || !there {
		return err
	}
	_, err := m.from.ExecContext(ctx, `UPDATE `+ledgerHead+` SET lease = $1 WHERE owner = $2`, m.renewed.Add(ledgerLease).UnixMicro(), m.owner)
	return err
}

// written gives the first keys of all that was written behind a place in the
// ledger, by tables, and the place where it ends now. ok is false where the ledger
// is not this move's any more.
func (m *Move) written(ctx context.Context, at *sql.Tx, behind int64) (keys map[string][]any, end int64, ok bool, err error) {
	if m.over {
		return nil, 0, false, nil
	}
	if there, err := hasLedger(ctx, at); err != nil || !there {
		return nil, 0, false, err
	}
	if err := at.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM `+ledgerHead+` WHERE owner = $1), (SELECT COALESCE(max(seq), 0) FROM `+ledgerTable+`)`, m.owner).Scan(&ok, &end); err != nil || !ok {
		return nil, 0, false, err
	}
	if m.kept == nil { // all will be looked at
		return nil, end, true, nil
	}
	type one struct {
		name string
		key  any
	}
	rows, err := at.QueryContext(ctx, `SELECT DISTINCT name, key FROM `+ledgerTable+` WHERE seq > $1`, behind)
	all, err := collect(rows, err, func(rows *sql.Rows, o *one) error { return rows.Scan(&o.name, &o.key) })
	if err != nil {
		return nil, 0, false, err
	}
	keys = map[string][]any{}
	for _, o := range all {
		keys[o.name] = append(keys[o.name], o.key)
	}
	return keys, end, true, nil
}

// closeLedger ends this move's ledger.
func (m *Move) closeLedger(ctx context.Context) error {
	if m.from == nil || m.over {
		return nil
	}
	return m.from.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if there, err := hasLedger(ctx, tx); err != nil || !there {
			return err
		}
		var mine bool
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM `+ledgerHead+` WHERE owner = $1)`, m.owner).Scan(&mine)
		if err != nil || !mine {
			return err
		}
		return dropLedger(ctx, tx)
	})
}

func hasLedger(ctx context.Context, q rower) (there bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1)`, ledgerHead).Scan(&there)
	return there, err
}

// dropLedger takes away whatever is there of any ledger.
func dropLedger(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, `SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'moving\_%' ESCAPE '\'`)
	triggers, err := collect(rows, err, func(rows *sql.Rows, s *string) error { return rows.Scan(s) })
	if err != nil {
		return err
	}
	for _, name := range triggers {
		if _, err := tx.ExecContext(ctx, `DROP TRIGGER `+name); err != nil {
			return err
		}
	}
	for _, name := range []string{ledgerTable, ledgerHead} {
		if _, err := tx.ExecContext(ctx, `DROP TABLE IF EXISTS `+name); err != nil {
			return err
		}
	}
	return nil
}

// SweepLedger takes the ledger of a move away that has died, so that nothing more is
// written down for nobody. Only SQLite has one.
func (db *DB) SweepLedger(ctx context.Context, now time.Time) error {
	if db.postgres {
		return nil
	}
	if there, err := hasLedger(ctx, db.db.DB); err != nil || !there {
		return err
	}
	return sweepLedger(ctx, db.db.DB, now)
}

func sweepLedger(ctx context.Context, db *sqldb.DB, now time.Time) error {
	return db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if there, err := hasLedger(ctx, tx); err != nil || !there {
			return err
		}
		var alive bool
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM `+ledgerHead+` WHERE lease > $1)`, now.UnixMicro()).Scan(&alive)
		if err != nil || alive {
			return err
		}
		return dropLedger(ctx, tx)
	})
}
