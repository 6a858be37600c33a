package lanedb

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"kua/internal/locale"
	"kua/internal/sqldb"
)

// TestSearchIsWrittenOver: while SQLite's index of words is written over, everybody finds what they
// did, and what comes, changes or is taken away meanwhile is found as it is in either; a
// damaged history leaves its request its own words, and a damaged directory those that are no answer; afterwards nothing of the index before is left.
func TestSearchIsWrittenOver(t *testing.T) {
	const many = 7
	steps := fstest.MapFS{}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if text, err := fs.ReadFile(migrations, name); err == nil && filepath.Base(name) < "0035" {
			steps[filepath.Base(name)] = &fstest.MapFile{Data: text}
		}
	}
	path := filepath.Join(t.TempDir(), "lane.db")
	old, err := sqldb.Open(t.Context(), sqldb.Config{Path: path, Migrations: steps})
	if err != nil {
		t.Fatal(err)
	}
	said := func(id int64) string { return fmt.Sprint("люк журавль", id) }
	run := func(db interface {
		Tx(context.Context, func(context.Context, *sql.Tx) error) error
	}, do func(context.Context, *sql.Tx) error) {
		t.Helper()
		if err := db.Tx(t.Context(), do); err != nil {
			t.Fatal(err)
		}
	}
	insert := func(ctx context.Context, tx *sql.Tx, id int64) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO request (id, directory, category, language, words, answers, area, visibility, open, day) VALUES ($1, 1, 'water', 'ru', $2, '{}', 'south', 'public', 1, '2026-06-01')`, id, said(id))
		return err
	}
	run(old, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO directory (version, place, digest, day) VALUES (1, 'ulgi', 'ab', '2026-06-01')`); err != nil {
			return err
		}
		for id := int64(1); id <= many; id++ {
			if err := insert(ctx, tx, id); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO request_words (rowid, words) VALUES ($1, $2)`, id, said(id)); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO request_words_known (word) VALUES ($1)`, fmt.Sprint("журавль", id)); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `UPDATE request SET answers = '{"near":["school"]}' WHERE id = 4`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO event (request, number, body, hash) VALUES (3, 1, '{"broken":1}', 'x')`)
		return err
	})
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	rules := Rules{Says: func(string) bool { return false }, Search: func(r Request, history []Event, _ func() (Version, []File, error)) (string, error) {
		if len(history) > 0 || r.Answers != "{}" { // of 4 the directory is
			return "", fmt.Errorf("it is damaged")
		}
		return locale.SearchText(r.Words), nil
	}}
	db, err := Open(t.Context(), path, "", rules, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	finds := func(when, word string, want ...int64) {
		t.Helper()
		all, err := db.List(t.Context(), Filter{Words: []string{word}, Limit: 99}, []string{"awaiting_check"})
		var got []int64
		for _, r := range all {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, want) || err != nil {
			t.Errorf("%s %q finds %v, want %v; %v", when, word, got, want, err)
		}
	}
	var damaged []int64
	step := func() bool {
		t.Helper()
		more, broken, err := db.Reword(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		damaged = append(damaged, broken...)
		return more
	}
	finds("before", "люк", 7, 6, 5, 4, 3, 2, 1)
	for range 2 {
		step()
	}
	run(db.db, func(ctx context.Context, tx *sql.Tx) error { // 1 and 2 are past, 6 and 7 to come
		for id, words := range map[int64]string{1: "подвал", 6: "подвал"} {
			if err := db.found(ctx, tx, id, words); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `UPDATE request SET words = $1 WHERE id = $2`, words, id); err != nil {
				return err
			}
		}
		for _, id := range []int64{2, 7} {
			if err := db.hide(ctx, tx, id, true); err != nil {
				return err
			}
		}
		if err := insert(ctx, tx, many+1); err != nil {
			return err
		}
		return db.index(ctx, tx, many+1, said(many+1))
	})
	check := func(when string) {
		t.Helper()
		finds(when, "люк", 8, 5, 4, 3)
		finds(when, "жура", 8, 5, 4, 3)
		finds(when, "журавль8", 8)
		finds(when, "п", 6, 1)
		finds(when, "журавль2")
		finds(when, "журавль7")
	}
	check("meanwhile")
	if db.shaped.Load() {
		t.Error("it is taken to be over")
	}
	for step() {
	}
	check("afterwards")
	if !db.shaped.Load() {
		t.Error("it is taken to go on")
	}
	if !slices.Equal(damaged, []int64{3, 4}) {
		t.Errorf("damaged are %v, want 3 and 4", damaged)
	}
	var shape string
	var left int
	if err := db.db.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM sqlite_schema WHERE name LIKE 'request\_words\_old%' ESCAPE '\' OR name LIKE 'request\_words\_new%' ESCAPE '\') + (SELECT count(*) FROM reword)`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d things are left, %v", left, err)
	}
	if err := db.db.QueryRowContext(t.Context(), `SELECT sql FROM sqlite_schema WHERE name = 'request_words'`).Scan(&shape); err != nil || !strings.Contains(shape, "1 2 3 4") {
		t.Errorf("the index is %s, %v", shape, err)
	}
}
