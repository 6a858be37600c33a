package sqldb_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"kua/internal/fault"
	"kua/internal/sqldb"
)

const canary = "куә: канарейка в базе 7f3c9d"

func steps(texts ...string) fs.FS {
	m := fstest.MapFS{}
	for i, text := range texts {
		m[fmt.Sprintf("%04d_step.sql", i+1)] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

var notes = steps(`CREATE TABLE notes (id INTEGER PRIMARY KEY, words TEXT NOT NULL)`)

func open(t *testing.T, path string, key []byte, migrations fs.FS) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Config{Path: path, Key: key, Migrations: migrations})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func newKey(t *testing.T) []byte {
	t.Helper()
	key := make([]byte, sqldb.KeySize)
	if _, err := rand.Read(key); err != nil {
		t.Fatal(err)
	}
	return key
}

func write(t *testing.T, db *sqldb.DB, words string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), `INSERT INTO notes (words) VALUES ($1)`, words); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, db *sqldb.DB) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM notes`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSettings(t *testing.T) {
	for name, key := range map[string][]byte{"plain": nil, "encrypted": newKey(t)} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "with space?&#%41.db")
			db := open(t, path, key, notes)
			for pragma, want := range map[string]string{
				"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "temp_store": "2",
				"busy_timeout": "60000", "secure_delete": "1",
			} {
				var got string
				if err := db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
					t.Errorf("PRAGMA %s = %q, %v, want %q", pragma, got, err, want)
				}
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != 0o600 {
				t.Errorf("mode = %o, want 600", got)
			}
		})
	}
}

// TestEncrypted looks for the plaintext in every file while the database is
// open, with the newest pages in the journal alone, and after it is closed.
func TestEncrypted(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "desk.db")
	key := newKey(t)
	db := open(t, path, key, notes)
	for range 50 {
		write(t, db, canary)
	}
	search := func(when string) {
		t.Helper()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			for _, word := range []string{canary, "CREATE TABLE", "SQLite format"} {
				if bytes.Contains(b, []byte(word)) {
					t.Errorf("%s: %s holds %q", when, e.Name(), word)
				}
			}
		}
	}
	search("open")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	search("closed")
	if got := count(t, open(t, path, key, notes)); got != 50 {
		t.Errorf("rows after reopening = %d, want 50", got)
	}
}

// TestMain lets the test binary be its own victim: a process that commits and
// dies without closing, so that its rows lie in the journal alone.
func TestMain(m *testing.M) {
	if path := os.Getenv("SQLDB_VICTIM"); path != "" {
		db, err := sqldb.Open(context.Background(), sqldb.Config{Path: path, Key: victimKey, Migrations: notes})
		if err != nil {
			panic(err)
		}
		if _, err := db.Exec(`INSERT INTO notes (words) VALUES ($1)`, canary); err != nil {
			panic(err)
		}
		p, _ := os.FindProcess(os.Getpid())
		p.Kill()
		select {}
	}
	os.Exit(m.Run())
}

var victimKey = bytes.Repeat([]byte{7}, sqldb.KeySize)

// TestWrongKey also shows that a wrong key does not throw away what a killed
// process had committed into the journal.
func TestWrongKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "desk.db")
	victim := exec.Command(os.Args[0])
	victim.Env = append(os.Environ(), "SQLDB_VICTIM="+path)
	if err := victim.Run(); err == nil {
		t.Fatal("the victim survived")
	}
	before, err := os.ReadFile(path + "-wal")
	if err != nil || len(before) == 0 {
		t.Fatalf("the victim left no journal: %d bytes, %v", len(before), err)
	}
	for name, key := range map[string][]byte{"other key": newKey(t), "no key": nil} {
		want := fault.Forbidden("sqldb.wrong_key")
		if key == nil {
			want = fault.Corrupt("sqldb.not_a_database")
		}
		db, err := sqldb.Open(t.Context(), sqldb.Config{Path: path, Key: key, Migrations: notes})
		if !errors.Is(err, want) {
			t.Errorf("%s: Open = %v, %v, want %s", name, db, err, want.Key)
		}
	}
	after, err := os.ReadFile(path + "-wal")
	if err != nil || !bytes.Equal(before, after) {
		t.Fatalf("the journal was touched: %d bytes before, %d after, %v", len(before), len(after), err)
	}
	if got := count(t, open(t, path, victimKey, notes)); got != 1 {
		t.Errorf("rows = %d, want 1", got)
	}
}

func TestMigrate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	two := steps(`CREATE TABLE notes (id INTEGER PRIMARY KEY, words TEXT NOT NULL)`,
		`ALTER TABLE notes ADD COLUMN day TEXT; UPDATE notes SET day = '2026-11-21';`)
	db := open(t, path, nil, notes)
	write(t, db, "before")
	db.Close()

	db = open(t, path, nil, two)
	var day string
	if err := db.QueryRow(`SELECT day FROM notes`).Scan(&day); err != nil || day != "2026-11-21" {
		t.Errorf("day = %q, %v", day, err)
	}
	if v, err := db.Version(t.Context()); err != nil || v != 2 {
		t.Errorf("Version = %d, %v, want 2", v, err)
	}
	db.Close()

	if _, err := sqldb.Open(t.Context(), sqldb.Config{Path: path, Migrations: notes}); !errors.Is(err, fault.Conflict("sqldb.too_new")) {
		t.Errorf("older program: %v, want sqldb.too_new", err)
	}
	if got := count(t, open(t, path, nil, two)); got != 1 {
		t.Errorf("rows = %d, want 1", got)
	}
}

// TestMigrateWhole shows that a step that breaks half-way leaves nothing behind.
func TestMigrateWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	broken := steps(`CREATE TABLE notes (id INTEGER PRIMARY KEY, words TEXT NOT NULL)`, `CREATE TABLE half (id INTEGER); CREATE TABLE notes (id INTEGER);`)
	if _, err := sqldb.Open(t.Context(), sqldb.Config{Path: path, Migrations: broken}); err == nil {
		t.Fatal("a broken step passed")
	}
	db := open(t, path, nil, notes)
	var n int
	if err := db.QueryRow(`SELECT count(*) FROM sqlite_schema WHERE name = 'half'`).Scan(&n); err != nil || n != 0 {
		t.Errorf("tables of the broken step = %d, %v", n, err)
	}
}

func TestMigrateNames(t *testing.T) {
	gap := fstest.MapFS{"0001.sql": {Data: []byte(`SELECT 1`)}, "0003.sql": {Data: []byte(`SELECT 1`)}}
	if _, err := sqldb.Open(t.Context(), sqldb.Config{Path: filepath.Join(t.TempDir(), "a.db"), Migrations: gap}); err == nil {
		t.Error("a gap between the migrations passed")
	}
}

// TestNeverBusy writes from many goroutines through two pools, as two processes
// would, while others read.
func TestNeverBusy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	pools := []*sqldb.DB{open(t, path, nil, notes), open(t, path, nil, notes)}
	var wg sync.WaitGroup
	for i := range 8 {
		db := pools[i%2]
		wg.Go(func() {
			for range 10 {
				err := db.Tx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
					var n int
					if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM notes`).Scan(&n); err != nil {
						return err
					}
					_, err := tx.ExecContext(ctx, `INSERT INTO notes (words) VALUES ($1)`, n)
					return err
				})
				if err != nil {
					t.Error(err)
				}
				count(t, db)
			}
		})
	}
	wg.Wait()
	var n, distinct int
	if err := pools[0].QueryRow(`SELECT count(*), count(DISTINCT words) FROM notes`).Scan(&n, &distinct); err != nil {
		t.Fatal(err)
	}
	if n != 80 || distinct != 80 {
		t.Errorf("rows = %d, of these distinct %d, want 80: a transaction read what another was changing", n, distinct)
	}
}

func TestTxRollsBack(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.db"), nil, notes)
	stop := errors.New("stop")
	err := db.Tx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO notes (words) VALUES ('x')`); err != nil {
			t.Error(err)
		}
		if _, err := db.ExecContext(ctx, `INSERT INTO notes (words) VALUES ('y')`); err == nil {
			t.Error("a write beside its own transaction passed")
		}
		return stop
	})
	if !errors.Is(err, stop) || count(t, db) != 0 {
		t.Errorf("Tx = %v, rows = %d, want stop and none", err, count(t, db))
	}
}
