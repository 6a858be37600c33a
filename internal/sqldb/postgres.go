package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"kua/internal/fault"
)

// maxPostgresConns bounds the connections of one process to a server.
const maxPostgresConns = 16

// retries bounds how often a transaction is done again because another one,
// done at the same time, changed what it had read.
const retries = 50

// openPostgres opens the database that a URL names. What libpq takes from the
// environment (PGPASSWORD, .pgpass) holds here too.
func openPostgres(ctx context.Context, cfg Config) (*DB, error) {
	name := serverName(cfg.URL)
	if cfg.Key != nil || cfg.Path != "" {
		return nil, fmt.Errorf("open database %s: a server takes neither a path nor a key", name)
	}
	conn, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fault.Invalid("sqldb.bad_url", name) // the cause may hold the password
	}
	for param, value := range map[string]string{
		"application_name":   "kua",
		"synchronous_commit": "on",
		"timezone":           "UTC",
		"lock_timeout":       "60s",
		"jit":                "off", // compiling takes longer than any statement here runs
	} {
		conn.RuntimeParams[param] = value
	}
	pool := stdlib.OpenDB(*conn)
	pool.SetMaxOpenConns(maxPostgresConns)
	pool.SetMaxIdleConns(maxPostgresConns)
	db := &DB{DB: pool, postgres: true, upgrades: cfg.Upgrading}
	err = db.PingContext(ctx)
	if err == nil && cfg.Migrations != nil {
		err = db.Migrate(ctx, cfg.Migrations)
	}
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open database %s: %w", name, reaching(err, name))
	}
	return db, nil
}

// QueryAnew is QueryContext for a statement whose best way hangs on what is asked for:
// PostgreSQL plans it for these very values each time, where it else takes one plan for
// all once it has seen a statement a few times. That costs more than reading a row by its key.
func (db *DB) QueryAnew(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return db.DB.QueryContext(ctx, query, db.anew(args)...)
}

// QueryRowAnew is QueryRowContext as QueryAnew is QueryContext.
func (db *DB) QueryRowAnew(ctx context.Context, query string, args ...any) *sql.Row {
	return db.DB.QueryRowContext(ctx, query, db.anew(args)...)
}

func (db *DB) anew(args []any) []any {
	if !db.postgres {
		return args
	}
	return append([]any{pgx.QueryExecModeCacheDescribe}, args...) // a statement without a name has no plan that is kept
}

// serverName is a URL without the password and the parameters, for errors.
func serverName(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" {
		return "(not a URL)"
	}
	u.RawQuery, u.Fragment = "", ""
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	return u.String()
}

// reaching gives the errors of a first connection their faults.
func reaching(err error, name string) error {
	var server *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &server) && (strings.HasPrefix(server.Code, "28") || server.Code == "3D000" || server.Code == "42501"):
		// Who asks is not known, the database is not there, or he may not use it.
		return fault.Forbidden("sqldb.refused", name, server.Message).Because(err)
	case errors.As(err, &server):
		return err
	case errors.As(err, &connect):
		return fault.Later("sqldb.unreachable", name).Because(err)
	}
	return err
}

// inSerializable runs do in a transaction that sees and leaves the database as
// if it had been alone, again and again until no other one was in its way.
func (db *DB) inSerializable(ctx context.Context, do func(context.Context, *sql.Tx) error) error {
	for try := 1; ; try++ {
		err := db.once(ctx, sql.TxOptions{Isolation: sql.LevelSerializable}, do)
		if !inTheWay(err) || try == retries {
			return err
		}
		select {
		case <-time.After(rand.N(time.Duration(min(try, 10)) * 5 * time.Millisecond)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// inTheWay reports that another transaction stood in this one's way: the same
// may well pass when done again (SQLSTATE 40001 and 40P01).
func inTheWay(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && (server.Code == "40001" || server.Code == "40P01")
}

// migrationLock is held while a step is taken, so that processes that start
// together take each step once.
const migrationLock = 0x6b7561 // "kua"

// lockedTx runs do alone among all processes that migrate this database. It
// sees what they committed while it waited, as a serializable one would not.
func (db *DB) lockedTx(ctx context.Context, do func(context.Context, *sql.Tx) error) error {
	return db.once(ctx, sql.TxOptions{Isolation: sql.LevelReadCommitted}, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, migrationLock); err != nil {
			return err
		}
		return do(ctx, tx)
	})
}

// The words of SQLite that PostgreSQL has others for.
var dialect = []struct {
	sqlite   *regexp.Regexp
	postgres string
}{
	{regexp.MustCompile(`\bINTEGER PRIMARY KEY\b`), "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"},
	{regexp.MustCompile(`\bINTEGER\b`), "BIGINT"},
	{regexp.MustCompile(`\bBLOB\b`), "BYTEA"},
	{regexp.MustCompile(`\)\s*STRICT\b(?:\s*,\s*WITHOUT ROWID\b)?`), ")"},
}

// translate makes a migration written for SQLite one for PostgreSQL: the types
// and the marks of a table, nothing else. What differs more has a file of its own.
func translate(step string) string {
	for _, d := range dialect {
		step = d.sqlite.ReplaceAllString(step, d.postgres)
	}
	return step
}
