package sqldb_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"kua/internal/fault"
	"kua/internal/sqldb"
)

const canary = "kanarejka-in-a-row"

var steps = fstest.MapFS{
	"0001_words.sql": {Data: []byte(`CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;`)},
}

func open(t *testing.T, path string, key []byte, migrations fstest.MapFS) (*sqldb.DB, error) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Config{Path: path, Key: key, Migrations: migrations})
	if err == nil {
		t.Cleanup(func() { db.Close() })
	}
	return db, err
}

func insert(ctx context.Context, db *sqldb.DB, text string) error {
	return db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO word (text) VALUES ($1)`, text)
		return err
	})
}

func TestEncryptedAtRest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "name with % and ?.db")
	key := bytes.Repeat([]byte{7}, 32)
	db, err := open(t, path, key, steps)
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if err := insert(t.Context(), db, canary); err != nil {
			t.Fatal(err)
		}
	}
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if len(files) == 0 {
		t.Fatal("no database file was written")
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(canary)) || bytes.Contains(b, []byte("SQLite format")) {
			t.Errorf("%s is readable without the key", filepath.Base(f))
		}
	}
	db.Close()
	if _, err := open(t, path, bytes.Repeat([]byte{8}, 32), steps); !errors.Is(err, fault.Corrupt("sqldb.cannot_read")) {
		t.Errorf("Open with another key = %v, want sqldb.cannot_read", err)
	}
	again, err := open(t, path, key, steps)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := again.QueryRow(`SELECT count(*) FROM word WHERE text = $1`, canary).Scan(&n); err != nil || n != 200 {
		t.Errorf("count = %d, %v, want 200", n, err)
	}
}

func TestWritersWaitForEachOther(t *testing.T) {
	db, err := open(t, filepath.Join(t.TempDir(), "x.db"), nil, steps)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs := make(chan error, 64)
	for range 16 {
		wg.Go(func() {
			for range 4 {
				errs <- insert(t.Context(), db, canary)
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Errorf("insert: %v", err)
		}
	}
}

func TestTxIsAllOrNothing(t *testing.T) {
	db, err := open(t, filepath.Join(t.TempDir(), "x.db"), nil, steps)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err = db.Tx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO word (text) VALUES ('x')`); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatalf("Tx = %v, want the error of what it ran", err)
	}
	var n int
	if err := db.QueryRow(`SELECT count(*) FROM word`).Scan(&n); err != nil || n != 0 {
		t.Errorf("count = %d, %v, want 0", n, err)
	}
}

func TestMigrations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := open(t, path, nil, steps)
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	two := fstest.MapFS{"0001_words.sql": steps["0001_words.sql"], "0002_more.sql": {Data: []byte(`ALTER TABLE word ADD COLUMN day TEXT; CREATE INDEX by_day ON word (day);`)}}
	db, err = open(t, path, nil, two)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO word (text, day) VALUES ('a', '2026-11-21')`); err != nil {
		t.Error(err)
	}
	db.Close()
	if _, err := open(t, path, nil, steps); !errors.Is(err, fault.Conflict("sqldb.newer")) {
		t.Errorf("Open by an older program = %v, want sqldb.newer", err)
	}
	half := fstest.MapFS{"0001_words.sql": {Data: []byte(`CREATE TABLE a (x INTEGER) STRICT; CREATE TABLE broken (`)}}
	fresh := filepath.Join(t.TempDir(), "y.db")
	if _, err := open(t, fresh, nil, half); err == nil {
		t.Fatal("a broken migration was accepted")
	}
	db, err = open(t, fresh, nil, steps)
	if err != nil {
		t.Fatalf("after a broken migration: %v", err)
	}
	if err := insert(t.Context(), db, "ok"); err != nil {
		t.Error(err)
	}
}
