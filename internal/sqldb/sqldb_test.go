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
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"kua/internal/fault"
	"kua/internal/sqldb"
	"kua/internal/sqldb/pgtest"
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
	return openAs(t, sqldb.Config{Path: path, Key: key}, migrations)
}

func openAs(t *testing.T, cfg sqldb.Config, migrations fs.FS) *sqldb.DB {
	t.Helper()
	cfg.Migrations = migrations
	db, err := sqldb.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// onBoth runs a test with an empty database of either engine.
func onBoth(t *testing.T, test func(t *testing.T, cfg sqldb.Config)) {
	t.Run("sqlite", func(t *testing.T) { test(t, sqldb.Config{Path: filepath.Join(t.TempDir(), "a.db")}) })
	t.Run("postgres", func(t *testing.T) { test(t, sqldb.Config{URL: pgtest.Database(t)}) })
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
	os.Exit(pgtest.Main(m))
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

func TestMigrate(t *testing.T) { onBoth(t, testMigrate) }

func testMigrate(t *testing.T, cfg sqldb.Config) {
	two := steps(`CREATE TABLE notes (id INTEGER PRIMARY KEY, words TEXT NOT NULL)`,
		`ALTER TABLE notes ADD COLUMN day TEXT; UPDATE notes SET day = '2026-11-21';`)
	db := openAs(t, cfg, notes)
	write(t, db, "before")
	db.Close()

	var told []string
	cfg.Upgrading = func(step, of int) { told = append(told, fmt.Sprint(step, " of ", of)) }
	db = openAs(t, cfg, two)
	if !slices.Equal(told, []string{"2 of 2"}) {
		t.Errorf("steps that were told of are %v", told)
	}
	var day string
	if err := db.QueryRow(`SELECT day FROM notes`).Scan(&day); err != nil || day != "2026-11-21" {
		t.Errorf("day = %q, %v", day, err)
	}
	if v, err := db.Version(t.Context()); err != nil || v != 2 {
		t.Errorf("Version = %d, %v, want 2", v, err)
	}
	db.Close()

	older := cfg
	older.Migrations = notes
	if _, err := sqldb.Open(t.Context(), older); !errors.Is(err, fault.Conflict("sqldb.too_new")) {
		t.Errorf("older program: %v, want sqldb.too_new", err)
	}
	if got := count(t, openAs(t, cfg, two)); got != 1 {
		t.Errorf("rows = %d, want 1", got)
	}
}

// TestMigrateTogether starts several processes' worth of pools at once: each
// step is taken once.
func TestMigrateTogether(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg sqldb.Config) {
		cfg.Migrations = steps(`CREATE TABLE notes (id INTEGER PRIMARY KEY, words TEXT NOT NULL)`, `INSERT INTO notes (words) VALUES ('once')`)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				db, err := sqldb.Open(t.Context(), cfg)
				if err != nil {
					t.Error(err)
					return
				}
				db.Close()
			})
		}
		wg.Wait()
		if got := count(t, openAs(t, cfg, cfg.Migrations)); got != 1 {
			t.Errorf("rows = %d, want 1", got)
		}
	})
}

// TestMigrateWhole shows that a step that breaks half-way leaves nothing behind.
func TestMigrateWhole(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg sqldb.Config) {
		broken := cfg
		broken.Migrations = steps(`CREATE TABLE notes (id INTEGER PRIMARY KEY, words TEXT NOT NULL)`, `CREATE TABLE half (id INTEGER); CREATE TABLE notes (id INTEGER);`)
		if _, err := sqldb.Open(t.Context(), broken); err == nil {
			t.Fatal("a broken step passed")
		}
		db := openAs(t, cfg, notes)
		if _, err := db.ExecContext(t.Context(), `INSERT INTO half (id) VALUES (1)`); err == nil {
			t.Error("a table of the broken step is there")
		}
		if v, err := db.Version(t.Context()); err != nil || v != 1 {
			t.Errorf("Version = %d, %v, want 1", v, err)
		}
	})
}

// TestDialect writes and reads what the engines name differently.
func TestDialect(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg sqldb.Config) {
		m := steps(`CREATE TABLE piece (
			n     INTEGER PRIMARY KEY, -- grows by itself
			size  INTEGER NOT NULL,
			bytes BLOB    NOT NULL
		) STRICT;
		CREATE TABLE pair (a TEXT, b INTEGER, PRIMARY KEY (a, b)) STRICT, WITHOUT ROWID;`).(fstest.MapFS)
		m["0002_own.sql"] = &fstest.MapFile{Data: []byte(`CREATE VIRTUAL TABLE words USING fts5(text)`)}
		m["0002_own.postgres.sql"] = &fstest.MapFile{Data: []byte(`CREATE TABLE words (rowid BIGINT, text tsvector)`)}
		db := openAs(t, cfg, m)
		const big = int64(1) << 50
		want := []byte{0, 255, '\\', 0}
		for i := range int64(2) {
			var n int64
			if err := db.QueryRow(`INSERT INTO piece (size, bytes) VALUES ($1, $2) RETURNING n`, big, want).Scan(&n); err != nil || n != i+1 {
				t.Fatalf("n = %d, %v, want %d", n, err, i+1)
			}
		}
		var size int64
		var got []byte
		if err := db.QueryRow(`SELECT size, bytes FROM piece WHERE n = $1`, 2).Scan(&size, &got); err != nil || size != big || !bytes.Equal(got, want) {
			t.Errorf("size %d, bytes %v, %v; want %d, %v", size, got, err, big, want)
		}
		if v, err := db.Version(t.Context()); err != nil || v != 2 {
			t.Errorf("Version = %d, %v, want 2", v, err)
		}
	})
}

// TestServerFaults names what keeps a server's database from being opened, and
// never the password.
func TestServerFaults(t *testing.T) {
	there := pgtest.Database(t)
	for name, c := range map[string]struct {
		url  string
		want *fault.Fault
	}{
		"no server":   {"postgres://kua:Geheim123@127.0.0.1:1/kua?connect_timeout=2", fault.Later("sqldb.unreachable")},
		"no database": {strings.Replace(there, "/test", "/nothing", 1), fault.Forbidden("sqldb.refused")},
		"no URL":      {"postgres://kua:Geheim123@127.0.0.1:port/kua", fault.Invalid("sqldb.bad_url")},
	} {
		db, err := sqldb.Open(t.Context(), sqldb.Config{URL: c.url, Migrations: notes})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: Open = %v, %v, want %s", name, db, err, c.want.Key)
		}
		if err != nil && strings.Contains(err.Error(), "Geheim123") {
			t.Errorf("%s: the password is in the error: %v", name, err)
		}
	}
	if _, err := sqldb.Open(t.Context(), sqldb.Config{URL: there, Key: newKey(t)}); err == nil {
		t.Error("a server's database was opened with a key that it has no use for")
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
func TestNeverBusy(t *testing.T) { onBoth(t, testNeverBusy) }

func testNeverBusy(t *testing.T, cfg sqldb.Config) {
	pools := []*sqldb.DB{openAs(t, cfg, notes), openAs(t, cfg, notes)}
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
					_, err := tx.ExecContext(ctx, `INSERT INTO notes (words) VALUES ($1)`, strconv.Itoa(n))
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

// TestExecTogether: single statements that meet are done one after the other, and none is lost.
func TestExecTogether(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg sqldb.Config) {
		db := openAs(t, cfg, steps(`CREATE TABLE tally (n INTEGER NOT NULL); INSERT INTO tally (n) VALUES (0)`))
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				for range 4 {
					if _, err := db.ExecContext(t.Context(), `UPDATE tally SET n = n + $1`, 1); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		var n int
		if err := db.QueryRow(`SELECT n FROM tally`).Scan(&n); err != nil || n != 24 {
			t.Errorf("n = %d, %v, want 24", n, err)
		}
	})
}

func TestTxRollsBack(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg sqldb.Config) {
		db := openAs(t, cfg, notes)
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
	})
}
