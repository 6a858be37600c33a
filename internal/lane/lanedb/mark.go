package lanedb

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"time"

	"kua/internal/fault"
	"kua/internal/sqldb"
)

// The states of a database, in its mark.
const (
	draining = "draining"
	stopped  = "stopped"
	moved    = "moved"
	arriving = "arriving"
)

// mark is the one row that says what may be written.
type mark struct {
	id, state, other, place, owner string
	lease                          int64
}

type rower interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

func readMark(ctx context.Context, q rower) (m mark, err error) {
	err = q.QueryRowContext(ctx, `SELECT id, state, other, place, owner, lease FROM mark`).Scan(&m.id, &m.state, &m.other, &m.place, &m.owner, &m.lease)
	return m, err
}

// fault says why a database in this state takes nothing; nil while it does.
func (m mark) fault() error {
	switch m.state {
	case stopped:
		return fault.Later("lane.moving")
	case moved:
		return fault.Later("lane.moved_away", m.other)
	case arriving:
		return fault.Conflict("lane.arriving")
	}
	return nil
}

// guarded is a database into which every write first looks at the mark, in its
// own transaction. Whoever finds a stop whose lease is over takes it away before
// writing: a move that died keeps nobody out, and one that only slept finds that
// its stop is gone.
type guarded struct {
	*sqldb.DB
	writes *atomic.Int64                  // that ended; tests of a move have none
	asked  func(query string, args []any) // of tests, which look how a read finds its way
}

// QueryContext is sqldb's QueryAnew: one plan for every word or box would be wrong for most.
func (g guarded) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if g.asked != nil {
		g.asked(query, args)
	}
	return g.DB.QueryAnew(ctx, query, args...)
}

// QueryRowContext is sqldb's QueryRowAnew.
func (g guarded) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if g.asked != nil {
		g.asked(query, args)
	}
	return g.DB.QueryRowAnew(ctx, query, args...)
}

// byKey is for reads that find their few rows by a key, whatever it is: they are planned once.
// Of most pages, planning would be the larger part.
func (g guarded) byKey() keyed { return keyed{g} }

type keyed struct{ guarded }

// QueryContext is sqldb's.
func (k keyed) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if k.asked != nil {
		k.asked(query, args)
	}
	return k.DB.QueryContext(ctx, query, args...)
}

// QueryRowContext is sqldb's.
func (k keyed) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if k.asked != nil {
		k.asked(query, args)
	}
	return k.DB.QueryRowContext(ctx, query, args...)
}

// Tx is sqldb's, behind the mark. The faults are lane.moving, lane.moved and
// lane.arriving.
func (g guarded) Tx(ctx context.Context, do func(context.Context, *sql.Tx) error) error {
	if g.writes != nil { // before its writer hears of it, whoever has read something older knows
		defer g.writes.Add(1)
	}
	return g.DB.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := passMark(ctx, tx); err != nil {
			return err
		}
		return do(ctx, tx)
	})
}

// ExecContext is sqldb's, behind the mark.
func (g guarded) ExecContext(ctx context.Context, query string, args ...any) (done sql.Result, err error) {
	err = g.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err = tx.ExecContext(ctx, query, args...)
		return err
	})
	return done, err
}

// passMark lets a write pass or gives the fault that keeps it out; drains says
// that nothing should begin that ends with another write.
func passMark(ctx context.Context, tx *sql.Tx) (drains bool, err error) {
	m, err := readMark(ctx, tx)
	if err != nil {
		return false, fmt.Errorf("read the mark: %w", err)
	}
	if (m.state == draining || m.state == stopped) && m.lease <= time.Now().UnixMicro() {
		_, err := tx.ExecContext(ctx, `UPDATE mark SET state = '', owner = '', lease = 0`)
		return false, err
	}
	return m.state == draining, m.fault()
}
