package lane_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"kua/internal/lane"
	"kua/internal/sqldb"
	"kua/internal/sqldb/pgtest"
)

// keyed gives a lane's database many keys of other systems: rows that cost little.
func keyed(t testing.TB, dir string, n int) *sqldb.DB {
	t.Helper()
	raw := openRaw(t, sqldb.Config{Path: filepath.Join(dir, "lane.db")})
	err := raw.Tx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO api_key (id, hash, name, submit, authority, per_hour, day, revoked)
			WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < $1) SELECT n, 'h' || n, 'made up', 1, '', 60, '2026-01-01', '' FROM c`, n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestStopLooksAtLittle: while nobody can write, a move compares what was written
// since it last looked, and everything only where it cannot know what that is.
func TestStopLooksAtLittle(t *testing.T) {
	const rows = 7_000
	for name, c := range map[string]struct {
		meanwhile []string // while the last pass before the stop runs
		least     int64    // rows that are compared in the stop
		most      int64
	}{
		"nothing":                {nil, 0, 0},
		"a row is changed":       {[]string{`UPDATE api_key SET revoked = '2026-02-02' WHERE id = 1`}, 251, 251},
		"rows come and go":       {[]string{`DELETE FROM api_key WHERE id = 6999`, `INSERT INTO api_key SELECT 9000, 'new', name, submit, authority, per_hour, day, '' FROM api_key WHERE id = 1`}, 223, 223},
		"a key becomes another":  {[]string{`UPDATE api_key SET id = 9000 WHERE id = 1`}, 474, 474},
		"a unique text moves on": {[]string{`UPDATE api_key SET hash = 'x' WHERE id = 6999`, `UPDATE api_key SET hash = 'h6999' WHERE id = 1`}, 474, 474},
		"the ledger is gone":     {[]string{`UPDATE api_key SET revoked = '2026-02-02' WHERE id = 6000`, `DELETE FROM moving_head`}, rows, rows + 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, url := t.TempDir(), pgtest.Database(t)
			withCity(t, opened(t, lane.Config{Dir: dir}))
			raw := keyed(t, dir, rows)
			done := false
			moved, err := lane.MoveTo(t.Context(), lane.MoveConfig{Dir: dir, URL: url, Progress: func(p lane.Progress) {
				if p.Stage != lane.Copying || p.Pass != 3 || done {
					return
				}
				done = true
				for _, s := range c.meanwhile {
					if _, err := raw.ExecContext(t.Context(), s); err != nil {
						t.Errorf("%s: %v", s, err)
					}
				}
			}})
			if err != nil || !done {
				t.Fatalf("MoveTo = %+v, %v", moved, err)
			}
			if moved.Rows < c.least || moved.Rows > c.most {
				t.Errorf("%d rows were compared while nobody could write, want %d to %d", moved.Rows, c.least, c.most)
			}
			const all = `SELECT id || ':' || hash || revoked FROM api_key`
			source, target := column(t, raw, all), column(t, openRaw(t, sqldb.Config{URL: url}), all)
			if len(source) != len(target) || fmt.Sprint(source) != fmt.Sprint(target) {
				t.Errorf("%d rows became %d", len(source), len(target))
			}
		})
	}
}

// TestLedgerOfADeadMove: what a move that was killed has the source write down is
// taken away by the node, once the move was not heard of for long, and never before.
func TestLedgerOfADeadMove(t *testing.T) {
	dir := t.TempDir()
	l := opened(t, lane.Config{Dir: dir})
	withCity(t, l)
	raw := openRaw(t, sqldb.Config{Path: filepath.Join(dir, "lane.db")})
	left := func() []string {
		return column(t, raw, `SELECT name FROM sqlite_schema WHERE name LIKE 'moving%' AND type <> 'index'`)
	}
	ctx, stop := context.WithCancel(t.Context())
	_, err := lane.MoveTo(ctx, lane.MoveConfig{Dir: dir, URL: pgtest.Database(t), Progress: func(lane.Progress) {
		if len(left()) == 0 {
			t.Error("a move keeps no ledger")
		}
		if err := l.SweepMove(t.Context()); err != nil || len(left()) == 0 {
			t.Errorf("a living move's ledger is swept: %v", err)
		}
		submit(t, l, manhole())
		stop()
	}})
	if err == nil || len(left()) != 0 {
		t.Fatalf("a move that gave up: %v leaves %v", err, left())
	}
	for _, s := range []string{`CREATE TABLE moving_head (owner TEXT NOT NULL PRIMARY KEY, lease INTEGER NOT NULL) STRICT`,
		`CREATE TABLE moving_ledger (seq INTEGER PRIMARY KEY, name TEXT NOT NULL, key ANY NOT NULL) STRICT`,
		`CREATE TRIGGER moving_request_insert AFTER INSERT ON request BEGIN INSERT INTO moving_ledger (name, key) VALUES ('request', NEW.id); END`,
		`INSERT INTO moving_head VALUES ('dead', ` + strconv.FormatInt(time.Now().Add(-time.Second).UnixMicro(), 10) + `)`} {
		if _, err := raw.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	submit(t, l, manhole())
	if err := l.SweepMove(t.Context()); err != nil || len(left()) != 0 {
		t.Errorf("SweepMove = %v leaves %v", err, left())
	}
	submit(t, l, manhole())
}

// BenchmarkMoveStop prints how long nobody could write at the end of a move, and how
// many rows were compared in that time, for a lane and for one ten times as large
// (KUA_BENCH_ROWS rows, 200,000 by default).
func BenchmarkMoveStop(b *testing.B) {
	rows := 200_000
	if n, err := strconv.Atoi(os.Getenv("KUA_BENCH_ROWS")); err == nil {
		rows = n
	}
	stop := func(n int) lane.Moving {
		dir := b.TempDir()
		l, err := lane.Open(b.Context(), lane.Config{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		raw := keyed(b, dir, n)
		at := 0
		moved, err := lane.MoveTo(b.Context(), lane.MoveConfig{Dir: dir, URL: pgtest.Database(b), Progress: func(p lane.Progress) {
			if p.Stage != lane.Copying || p.Pass != 3 || at == 100 {
				return
			}
			for ; at < 100; at++ { // what is written while the last pass runs
				if _, err := raw.ExecContext(b.Context(), `UPDATE api_key SET revoked = '2026-02-02' WHERE id = $1`, 1+at*n/100); err != nil {
					b.Fatal(err)
				}
			}
		}})
		if err != nil {
			b.Fatal(err)
		}
		return moved
	}
	for b.Loop() {
		small, large := stop(rows/10), stop(rows)
		b.ReportMetric(large.Stopped.Seconds(), "s-stopped")
		b.ReportMetric(float64(large.Rows), "rows-compared")
		b.ReportMetric(large.Stopped.Seconds()/small.Stopped.Seconds(), "stop/stop-of-a-tenth")
	}
}
