package lane_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"kua/internal/lane"
	"kua/internal/sqldb"
	"kua/internal/sqldb/pgtest"
)

// stepsBefore gives the steps before the one of a name, on either engine.
func stepsBefore(t *testing.T, name string) fstest.MapFS {
	t.Helper()
	begins, err := filepath.Glob("lanedb/migrations/*_" + name + ".sql")
	if err != nil || len(begins) != 1 {
		t.Fatalf("the step is %v, %v", begins, err)
	}
	all, err := filepath.Glob("lanedb/migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	before := fstest.MapFS{}
	for _, step := range all {
		if filepath.Base(step)[:4] >= filepath.Base(begins[0])[:4] {
			continue
		}
		text, err := os.ReadFile(step)
		if err != nil {
			t.Fatal(err)
		}
		before[filepath.Base(step)] = &fstest.MapFile{Data: text}
	}
	return before
}

// TestOldAnswersAreFound: of a lane that was upgraded when verdicts began, each part has
// its own answer again, but where people have judged what it had instead.
func TestOldAnswersAreFound(t *testing.T) {
	onBothFrom(t, pgtest.Database, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		raw.Migrations = stepsBefore(t, "answers")
		old, err := sqldb.Open(t.Context(), raw)
		if err != nil {
			t.Fatal(err)
		}
		event := func(authority, to, more string) string {
			return `{"authority":"` + authority + `","day":"2026-07-01","from":"delivered","to":"` + to + `"` + more + `}`
		}
		err = old.Tx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			for id, events := range [][]string{
				{event("", "", ""), event("water", "answered_mended", ""), event("", "", `,"words":"x"`)},                                                                                // words behind its answer
				{event("", "", ""), event("water", "answered_refused", ""), event("water", "in_work", ""), event("water", "answered_mended", ""), event("roads", "answered_mended", "")}, // another's answer
				{event("", "", ""), event("water", "answered_mended", "")},                                                                                                               // as it should be
				{event("", "", ""), event("water", "answered_mended", ""), event("", "", `,"words":"x"`)},                                                                                // judged
				{event("", "", ""), event("", "", `,"words":"x"`)},                                                                                                                       // damaged: nothing in it answers
			} {
				request := int64(id + 1)
				for _, statement := range []string{
					`INSERT INTO directory (version, place, digest, day) VALUES (1, 'ulgi', 'ab', '2026-06-01') ON CONFLICT DO NOTHING`,
					fmt.Sprintf(`INSERT INTO request (id, directory, category, language, words, answers, area, visibility, open, day) VALUES (%d, 1, 'water', 'ru', 'x', '{}', 'south', 'public', 0, '2026-06-01')`, request),
					fmt.Sprintf(`INSERT INTO assignment (number, request, authority, state, day, step, answer, answered, standing) VALUES (%d, %d, 'water', 'answered_mended', '2026-07-01', 1, %d, 'answered_mended', 'claimed')`,
						request, request, len(events)),
				} {
					if _, err := tx.ExecContext(ctx, statement); err != nil {
						return err
					}
				}
				for i, body := range events {
					if _, err := tx.ExecContext(ctx, `INSERT INTO event (request, number, body, hash) VALUES ($1, $2, $3, 'ab')`, request, i+1, body); err != nil {
						return err
					}
				}
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO verdict (assignment, answer, person, request, holder, says, event, day) VALUES (4, 3, 'p', 4, 1, 'mended', 3, '2026-07-02')`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
		l := open()
		for id, want := range []int64{2, 4, 2, 3, 2} {
			if got := request(t, l, int64(id+1)).Assignments[0].Answer; got != want {
				t.Errorf("the answer of request %d is event %d, want %d", id+1, got, want)
			}
		}
	})
}

// TestOldAppealsAreCountedEverywhere: formal appeals that were counted for their authorities
// alone are in the numbers of areas and categories after the upgrade, but those that were counted nowhere.
func TestOldAppealsAreCountedEverywhere(t *testing.T) {
	onBothFrom(t, pgtest.Database, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		raw.Migrations = stepsBefore(t, "appeals")
		old, err := sqldb.Open(t.Context(), raw)
		check(t, err)
		check(t, old.Tx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			for _, statement := range []string{
				`INSERT INTO directory (version, place, digest, day) VALUES (1, 'ulgi', 'ab', '2026-06-01')`,
				`INSERT INTO request (id, directory, category, language, words, answers, area, visibility, open, day) VALUES (1, 1, 'water', 'ru', 'x', '{}', 'south', 'public', 1, '2026-06-01'),
					(2, 1, 'heating', 'ru', 'x', '{}', 'south', 'public', 1, '2026-06-01'), (3, 1, 'water', 'ru', 'x', '{}', 'north', 'held', 1, '2026-06-01')`,
				`INSERT INTO appeal_with (request, authority, open, counted) VALUES (1, 'roads', 1, 1), (2, 'water', 1, 1), (3, 'water', 1, 0)`,
				`INSERT INTO appeal_leg (request, leg, authority, month, standing, due) VALUES (1, 1, 'water', '2026-06', 'passed', ''), (1, 2, 'roads', '2026-07', 'running', '2026-07-20'),
					(2, 1, 'water', '2026-06', 'passed', ''), (3, 1, 'water', '2026-06', 'late', '')`,
			} {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return err
				}
			}
			return nil
		}))
		check(t, old.Close())
		check(t, open().Close())
		raw.Migrations = nil
		now, err := sqldb.Open(t.Context(), raw)
		check(t, err)
		defer now.Close()
		rows, err := now.QueryContext(t.Context(), `SELECT kind, month, id, standing, sum(n) FROM tally WHERE track = 'appeal' GROUP BY kind, month, id, standing ORDER BY kind, month, id`)
		check(t, err)
		defer rows.Close()
		var got []string
		for rows.Next() {
			var kind, month, id, standing string
			var n int64
			check(t, rows.Scan(&kind, &month, &id, &standing, &n))
			got = append(got, fmt.Sprint(kind, " ", month, " ", id, " ", standing, " ", n))
		}
		check(t, rows.Err())
		want := []string{"area 2026-06 south passed 2", "area 2026-07 south running 2026-07-20 1",
			"category 2026-06 heating passed 1", "category 2026-06 water passed 1", "category 2026-07 water running 2026-07-20 1"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// TestOldLaneIsCounted: a lane that was kept before anything was counted is
// counted by the step that begins it.
func TestOldLaneIsCounted(t *testing.T) {
	onBothFrom(t, pgtest.Database, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		raw.Migrations = stepsBefore(t, "verdict")
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

// TestOldWordsWaitForTheirHolder: words that waited before it was kept who wrote them
// are their holder's, and nobody else's.
func TestOldWordsWaitForTheirHolder(t *testing.T) {
	onBothFrom(t, pgtest.Database, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		raw.Migrations = stepsBefore(t, "offi")
		old, err := sqldb.Open(t.Context(), raw)
		check(t, err)
		holder := lane.NewCode()
		hash, err := lane.Ticket(holder)
		check(t, err)
		check(t, old.Tx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			for _, statement := range []string{
				`INSERT INTO directory (version, place, digest, day) VALUES (1, 'ulgi', 'ab', '2026-06-01')`,
				`INSERT INTO request (id, directory, category, language, words, answers, area, visibility, open, day)
					VALUES (1, 1, 'water', 'ru', 'x', '{}', 'south', 'public', 1, '2026-06-01'), (2, 1, 'water', 'ru', 'x', '{}', 'south', 'public', 1, '2026-06-01')`,
				`INSERT INTO holder (hash, request) VALUES ('` + hash + `', 1)`,
				`INSERT INTO addition (request, digest, words, causes, day) VALUES (1, 'ab', '8 701 123 45 67', '[]', '2026-06-02'), (2, 'ab', '8 701 123 45 67', '[]', '2026-06-02')`,
			} {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return err
				}
			}
			return nil
		}))
		check(t, old.Close())
		waits, err := open().Additions(t.Context(), 0, 9)
		if err != nil || len(waits) != 2 {
			t.Fatalf("%+v, %v wait, want 2", waits, err)
		}
		if !waits[0].Theirs(holder) || waits[1].Theirs(holder) {
			t.Errorf("the holder's are %v and %v, want the first alone", waits[0].Theirs(holder), waits[1].Theirs(holder))
		}
		for _, w := range waits {
			if w.Theirs(lane.NewCode()) {
				t.Errorf("words of request %d are anybody's", w.Request)
			}
		}
	})
}

// TestOldReportsAreInTheIndexes: of a lane that was upgraded when what is hidden left the
// indexes, everybody finds what they may see, by words and by numbers, and nothing else.
func TestOldReportsAreInTheIndexes(t *testing.T) {
	onBothFrom(t, pgtest.Database, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		raw.Migrations = stepsBefore(t, "hidden")
		pictures := []string{strings.Repeat("a", 64), strings.Repeat("b", 64)} // of words that wait, whatever else shows them
		old, err := sqldb.Open(t.Context(), raw)
		check(t, err)
		check(t, old.Tx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			statements := []string{`INSERT INTO directory (version, place, digest, day) VALUES (1, 'ulgi', 'ab', '2026-06-01')`}
			for i, one := range []struct{ visibility, state string }{{"public", "delivered"}, {"held", "awaiting_check"}, {"held", "delivered"}, {"held", "withdrawn"}, {"public", "awaiting_check"}, {"coarse", "delivered"}} {
				words := fmt.Sprintf("'люк köçesi журавль%d'", i+1)
				said := words
				if i == 5 {
					said = "'x'" // its words are found by nobody
				}
				if raw.URL != "" {
					words = "to_tsvector('simple', " + words + ")"
				}
				statements = append(statements,
					fmt.Sprintf(`INSERT INTO request (id, directory, category, language, words, answers, area, visibility, open, day) VALUES (%d, 1, 'water', 'ru', %s, '{}', 'south', '%s', 1, '2026-06-01')`, i+1, said, one.visibility),
					fmt.Sprintf(`INSERT INTO assignment (request, authority, state, day, step, standing) VALUES (%d, 'water', '%s', '2026-06-01', 1, 'silent')`, i+1, one.state),
					fmt.Sprintf(`INSERT INTO request_words (rowid, words) VALUES (%d, %s)`, i+1, words))
			}
			statements = append(statements, fmt.Sprintf(`INSERT INTO addition (number, request, digest, words, causes, day, pictures) VALUES (7, 5, 'd', 'w', '[]', '2026-06-01', '%s  %s')`, pictures[0], pictures[1]))
			for _, statement := range append(statements, `DELETE FROM request_words WHERE rowid = 6`) {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return fmt.Errorf("%s: %w", statement, err)
				}
			}
			return nil
		}))
		check(t, old.Close())
		l := open()
		for _, when := range []string{"at once", "once the search is written over"} {
			if when != "at once" {
				check(t, l.SweepWords(t.Context()))
			}
			for words, want := range map[string][]int64{"": {6, 5, 3, 1}, "люк": {5, 3, 1}, "л": {5, 3, 1}, "жура": {5, 3, 1}, "журавль3": {3}, "журавль2": nil, "журавль6": nil, "köç": {5, 3, 1}} {
				found, err := l.List(t.Context(), lane.Filter{Words: words, Limit: 9})
				var got []int64
				for _, r := range found {
					got = append(got, r.ID)
				}
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Errorf("%s %q finds: %s %v", when, words, diff, err)
				}
			}
		}
		raw.Migrations = nil
		if held := column(t, openRaw(t, raw), `SELECT hash FROM addition_picture WHERE addition = 7 ORDER BY hash`); !slices.Equal(held, pictures) {
			t.Errorf("words that wait hold on to %v", held)
		}
		silent := lane.Silent
		for name, chosen := range map[string]lane.Chosen{"area": {Filter: lane.Filter{Areas: []string{"south"}}, Standing: &silent}, "category": {Filter: lane.Filter{Category: "water"}, Standing: &silent}} {
			n := 0
			check(t, l.Walk(t.Context(), chosen, func(all []lane.Whole) error { n += len(all); return nil }))
			if n != 4 {
				t.Errorf("behind the number of the %s are %d rows, want 4", name, n)
			}
		}
	})
}
