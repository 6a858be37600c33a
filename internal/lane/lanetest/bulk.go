package lanetest

import (
	"context"
	"database/sql"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Bulk brings rows into an empty lane by the database's own loader: the import of
// SQLite's shell in one transaction, or PostgreSQL's COPY.
type Bulk struct {
	dir, url      string
	schema        []string // of SQLite
	tables, files []string
}

// NewBulk begins with an empty lane in the PostgreSQL database at url or, when it is
// "", with an empty SQLite file that gets the tables and indexes of like.
func NewBulk(t testing.TB, url string, like Reader) *Bulk {
	t.Helper()
	b := &Bulk{dir: t.TempDir(), url: url}
	if url != "" {
		return b
	}
	rows, err := like.QueryContext(t.Context(), `SELECT sql FROM sqlite_schema WHERE tbl_name IN ('request', 'event', 'imported', 'request_words', 'request_box') AND sql IS NOT NULL
		ORDER BY type DESC, name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		b.schema = append(b.schema, strings.ReplaceAll(text, ", contentless_delete=1", "")) // Debian's shell is older than that
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return b
}

// Reader is where the rows come from.
type Reader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Add gives a table the rows of a query.
func (b *Bulk) Add(t testing.TB, table string, from Reader, query string) {
	t.Helper()
	b.add(t, table, from, query, func(s string) string { return s })
}

// AddText gives a table of one column the texts of a query, as made of them.
func (b *Bulk) AddText(t testing.TB, table string, from Reader, query string, made func(string) string) {
	t.Helper()
	b.add(t, table, from, query, made)
}

func (b *Bulk) add(t testing.TB, table string, from Reader, query string, made func(string) string) {
	t.Helper()
	file := filepath.Join(b.dir, fmt.Sprint(len(b.files), ".csv"))
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := from.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	w, values, fields := csv.NewWriter(f), make([]any, len(names)), make([]string, len(names))
	for i := range values {
		values[i] = new(sql.NullString)
	}
	for rows.Next() {
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			text := v.(*sql.NullString)
			if fields[i] = made(text.String); !text.Valid && b.url != "" {
				fields[i] = null
			}
		}
		if err := w.Write(fields); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	if err := rows.Err(); err != nil || w.Error() != nil {
		t.Fatal(err, w.Error())
	}
	b.tables, b.files = append(b.tables, table), append(b.files, file)
}

// null is how COPY is told of what is nothing; the shell of SQLite cannot be.
const null = `\N`

// Load brings all in, each row, and gives how long it took. A table is named with
// its columns where it has more of its own: the shell of SQLite then takes them
// over from another table, since it counts those that a table works out itself.
func (b *Bulk) Load(t testing.TB) time.Duration {
	t.Helper()
	var said strings.Builder
	program := exec.CommandContext(t.Context(), "sqlite3", "-bail", filepath.Join(b.dir, "bulk.db"))
	if b.url != "" {
		program = exec.CommandContext(t.Context(), "psql", "-q", "-v", "ON_ERROR_STOP=1", "-1", b.url)
	} else {
		said.WriteString(strings.Join(b.schema, ";\n") + ";\nPRAGMA synchronous = full;\nBEGIN;\n")
	}
	for i, table := range b.tables {
		if b.url != "" {
			fmt.Fprintf(&said, "\\copy %s FROM '%s' WITH (FORMAT csv, NULL '%s')\n", table, b.files[i], null)
			continue
		}
		name, columns, some := strings.Cut(table, " ")
		if !some {
			fmt.Fprintf(&said, ".import --csv %s %s\n", b.files[i], name)
			continue
		}
		columns = strings.Trim(columns, "()")
		fmt.Fprintf(&said, "CREATE TEMP TABLE taken (%s);\n.import --csv --schema temp %s taken\nINSERT INTO %s SELECT * FROM taken;\nDROP TABLE taken;\n", columns, b.files[i], table)
	}
	if b.url == "" {
		said.WriteString("COMMIT;\n")
	}
	program.Stdin = strings.NewReader(said.String())
	began := time.Now()
	if out, err := program.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%s: %v\n%s", program.Path, err, out)
	}
	return time.Since(began)
}
