// Package sqldb opens databases the one way that Kuä uses them. SQLite: WAL,
// every commit synced to disk, foreign keys on, encrypted when there is a key.
// PostgreSQL: writes serializable, every commit synced. Both are migrated to the
// program's schema, and one SQL text serves both: parameters $1, $2, …, ON
// CONFLICT, RETURNING, integer microseconds.
//
// It knows no table but its own schema_version. The packages that hold SQL
// (nodedb, deskdb, lanedb, jobs) stand on it; nothing else does. It is the only
// door to the libraries of both.
package sqldb

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/ext/fts5"
	"github.com/ncruces/go-sqlite3/ext/rtree"
	_ "github.com/ncruces/go-sqlite3/vfs/adiantum" // registers the encrypting VFS

	"kua/internal/fault"
)

// KeySize is the length of a database key in bytes.
const KeySize = 32

// maxConns bounds the readers at one time; each holds about 3 MiB.
const maxConns = 8

// Config says which database to open.
type Config struct {
	Path       string // of a SQLite file, made with mode 0600 when it is not there
	URL        string // postgres://user@host/name instead of Path: a PostgreSQL database that is there
	Key        []byte // KeySize bytes encrypt the file and its journal; nil leaves them plain
	Migrations fs.FS  // see Migrate; nil for a database without migrations

	// Upgrading is told before each step that is taken of a database that has some
	// already, which can take minutes; nil tells nobody.
	Upgrading func(step, of int)
}

// DB is an open database, safe for use by several goroutines. Reads go side by
// side. Writes to SQLite (Tx, ExecContext) wait for each other in line, and for
// other processes up to a minute, so that "busy" does not surface; PostgreSQL
// takes them side by side, and Tx does again what another one stood in the way of.
type DB struct {
	*sql.DB
	postgres bool
	upgrades func(step, of int)
	line     chan struct{} // holds one token; whoever has it writes; nil with PostgreSQL
}

// Open opens or makes the database and brings it to the newest schema. The
// faults are sqldb.wrong_key (the key does not open the file, or the file is
// damaged), sqldb.not_a_database and sqldb.too_new (written by a newer program).
// A wrong key leaves file and journal as they are. With a URL they are
// sqldb.bad_url, sqldb.unreachable (no server answers), sqldb.refused (it does
// not let this user in, or has no such database) and sqldb.too_new; no error
// holds the password.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.URL != "" {
		return openPostgres(ctx, cfg)
	}
	if cfg.Key != nil && len(cfg.Key) != KeySize {
		return nil, fmt.Errorf("open database %s: key of %d bytes, want %d", cfg.Path, len(cfg.Key), KeySize)
	}
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", cfg.Path, err)
	}
	if err := touch(path); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	pool, err := driver.Open(source(path, cfg.Key != nil), prepare(cfg.Key))
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	pool.SetMaxOpenConns(maxConns)
	pool.SetMaxIdleConns(maxConns)
	db := &DB{DB: pool, upgrades: cfg.Upgrading, line: make(chan struct{}, 1)}
	db.line <- struct{}{}
	err = db.PingContext(ctx)
	if err == nil && cfg.Migrations != nil {
		err = db.Migrate(ctx, cfg.Migrations)
	}
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open database %s: %w", path, opening(err, cfg.Key != nil))
	}
	return db, nil
}

// touch makes the file before SQLite does, so that nobody else may read it.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// source is the URI of a database. The key is never in it: a URI can be seen by
// anything that handles the connection.
func source(path string, encrypted bool) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path)}
	q := url.Values{"_txlock": {"immediate"}}
	if encrypted {
		q.Set("vfs", "adiantum")
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// prepare sets up each new connection, full-text search (FTS5) included. Until a first read has shown that the key
// is right, closing must not tidy up the journal: with a wrong key it looks like
// garbage, and what was committed last may be in it alone.
func prepare(key []byte) func(*sqlite3.Conn) error {
	return func(c *sqlite3.Conn) error {
		if key != nil {
			if err := c.Exec(`PRAGMA hexkey='` + hex.EncodeToString(key) + `'`); err != nil {
				return err
			}
		}
		if err := c.BusyTimeout(time.Minute); err != nil {
			return err
		}
		if _, err := c.Config(sqlite3.DBCONFIG_NO_CKPT_ON_CLOSE, true); err != nil {
			return err
		}
		if err := c.Exec(`SELECT count(*) FROM sqlite_schema`); err != nil {
			return err
		}
		if _, err := c.Config(sqlite3.DBCONFIG_NO_CKPT_ON_CLOSE, false); err != nil {
			return err
		}
		if err := errors.Join(fts5.Register(c), rtree.Register(c)); err != nil {
			return err
		}
		return c.Exec(`
			PRAGMA journal_mode = wal;
			PRAGMA synchronous = full;
			PRAGMA foreign_keys = on;
			PRAGMA temp_store = memory;
			PRAGMA secure_delete = on;
			PRAGMA journal_size_limit = 4194304;
			PRAGMA trusted_schema = off`)
	}
}

// opening gives the errors of a first read their faults.
func opening(err error, encrypted bool) error {
	switch {
	case !errors.Is(err, sqlite3.NOTADB) && !errors.Is(err, sqlite3.CORRUPT):
		return err
	case encrypted:
		return fault.Forbidden("sqldb.wrong_key").Because(err)
	default:
		return fault.Corrupt("sqldb.not_a_database").Because(err)
	}
}

// inTx marks the context of a transaction, to catch a write beside it.
type inTx struct{}

// Tx runs do in a transaction and commits it when do returns nil. It is as if no
// other ran meanwhile: on SQLite it holds the write lock from its start, on
// PostgreSQL it is serializable, and do may run again when another transaction
// was in the way; so do must begin afresh each time and touch nothing but tx and
// what it gives back. Statements inside must use tx; writing through the DB with
// do's context is refused, as it would wait for itself.
func (db *DB) Tx(ctx context.Context, do func(ctx context.Context, tx *sql.Tx) error) error {
	leave, err := db.wait(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if db.postgres {
		return db.inSerializable(ctx, do)
	}
	return db.once(ctx, sql.TxOptions{}, do)
}

// Moment runs do in a transaction that reads one moment of the database and can write
// nothing. Nobody waits for it, and it waits for nobody, however long it takes.
func (db *DB) Moment(ctx context.Context, do func(ctx context.Context, tx *sql.Tx) error) error {
	options := sql.TxOptions{ReadOnly: true}
	if db.postgres {
		options.Isolation = sql.LevelRepeatableRead
	}
	return db.once(ctx, options, do)
}

func (db *DB) once(ctx context.Context, options sql.TxOptions, do func(ctx context.Context, tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, &options)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() // does nothing after a commit
	if err := do(context.WithValue(ctx, inTx{}, true), tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// ExecContext runs one statement in a transaction of its own.
func (db *DB) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	leave, err := db.wait(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if !db.postgres {
		return db.DB.ExecContext(ctx, query, args...)
	}
	var done sql.Result
	err = db.inSerializable(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		done, err = tx.ExecContext(ctx, query, args...)
		return err
	})
	return done, err
}

// Exec is ExecContext without a context.
func (db *DB) Exec(query string, args ...any) (sql.Result, error) {
	return db.ExecContext(context.Background(), query, args...)
}

// wait stands in line to write.
func (db *DB) wait(ctx context.Context) (leave func(), err error) {
	if ctx.Value(inTx{}) != nil {
		return nil, errors.New("sqldb: a write beside the transaction it is made in")
	}
	if db.postgres {
		return func() {}, nil
	}
	select {
	case <-db.line:
		return func() { db.line <- struct{}{} }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
