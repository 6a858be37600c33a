package lanedb

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"kua/internal/sqldb/pgtest"
)

// TestRecountKeepsNobodyWaiting: while all is counted anew others write, and what they
// write is not in what is counted.
func TestRecountKeepsNobodyWaiting(t *testing.T) {
	for name, url := range map[string]string{"sqlite": "", "postgres": pgtest.Database(t)} {
		t.Run(name, func(t *testing.T) {
			db, err := Open(t.Context(), filepath.Join(t.TempDir(), "lane.db"), url, Rules{Standing: func(f Facts) string { return f.State }}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			write := func(ctx context.Context, statement string) {
				t.Helper()
				if _, err := db.db.ExecContext(ctx, statement); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
			}
			write(t.Context(), `INSERT INTO directory VALUES (1, 'ulgi', 'x', '2026-01-01')`)
			write(t.Context(), `INSERT INTO request (id, directory, category, language, words, answers, area, visibility, open, day) VALUES (1, 1, 'water', 'ru', 'x', '{}', 'south', 'public', 1, '2026-01-01')`)
			write(t.Context(), `INSERT INTO assignment (request, authority, state, day, step, standing) VALUES (1, 'water', 'silent', '2026-01-01', 0, 'silent')`)
			looked := 0
			different, err := db.Recount(t.Context(), false, func() func(Counted) {
				return func(Counted) {
					soon, stop := context.WithTimeout(t.Context(), 5*time.Second)
					defer stop()
					write(soon, `INSERT INTO tally (kind, track, month, id, standing, slot, n) VALUES ('area', 'report', '2026-01', 'north', 'silent', 0, 7)`)
					looked++
				}
			})
			if err != nil || looked != 1 || len(different) != len(kinds) {
				t.Errorf("%d requests were looked at, %+v differs, %v; want 1 and its %d numbers", looked, different, err, len(kinds))
			}
		})
	}
}
