package lane_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"kua/internal/lane"
	"kua/internal/sqldb"
)

// TestOldLaneIsCounted: a lane that was kept before anything was counted is
// counted by the step that begins it.
func TestOldLaneIsCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		begins, err := filepath.Glob("lanedb/migrations/*_verdict.sql")
		if err != nil || len(begins) != 1 {
			t.Fatalf("the step is %v, %v", begins, err)
		}
		all, err := filepath.Glob("lanedb/migrations/*.sql")
		if err != nil {
			t.Fatal(err)
		}
		before := fstest.MapFS{}
		for _, name := range all {
			if name >= begins[0] {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			before[filepath.Base(name)] = &fstest.MapFile{Data: text}
		}
		raw.Migrations = before
		old, err := sqldb.Open(t.Context(), raw)
		if err != nil {
			t.Fatal(err)
		}
		err = old.Tx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			for _, statement := range []string{
				`INSERT INTO directory (version, place, digest, day) VALUES (1, 'ulgi', 'ab', '2026-06-01')`,
				`INSERT INTO request (id, directory, category, language, words, answers, area, visibility, open, day)
					VALUES (1, 1, 'water', 'ru', 'x', '{}', 'south', 'public', 1, '2026-06-01'), (2, 1, 'heating', 'ru', 'x', '{}', 'north', 'coarse', 1, '2026-07-01')`,
				`INSERT INTO assignment (request, authority, state, day, step) VALUES (1, 'water', 'delivered', '2026-06-01', 1), (2, 'city-hall', 'answered_refused', '2026-07-02', 2)`,
				`INSERT INTO event (request, number, body, hash) VALUES (1, 1, '{}', 'ab'), (2, 1, '{}', 'ab'), (2, 2, '{}', 'cd')`,
			} {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
		l := open()
		for _, kind := range lane.Kinds {
			if diff := cmp.Diff(map[lane.Standing]int64{lane.Silent: 1, lane.Declined: 1}, counts(t, l, kind)); diff != "" {
				t.Errorf("%s: %s", kind, diff)
			}
		}
		different, err := l.Recount(t.Context(), false)
		for _, d := range different {
			if d.What == lane.DiffersNumber || d.What == lane.DiffersStanding {
				t.Errorf("counted anew: %+v", d)
			}
		}
		if err != nil || request(t, l, 2).Assignments[0].Answer != 2 {
			t.Errorf("the answer is event %d, want 2; %v", request(t, l, 2).Assignments[0].Answer, err)
		}
	})
}
