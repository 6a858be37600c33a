package lanedb

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
)

// TestListsAreWalked holds that a list of a long time is read along its ids and
// never sorted whole: each chunk of the bulk file would sort the archive.
func TestListsAreWalked(t *testing.T) {
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "lane.db"), "", Rules{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	open := true
	unseen := []string{"awaiting_check"}
	for name, q := range map[string]Asked{
		"all":     {Limit: 500, Unseen: unseen},
		"a time":  {Limit: 500, From: "2026-08-01", To: "2026-11-28", Unseen: unseen},
		"changed": {Limit: 21, From: "2026-08-01", To: "2026-11-28", ChangedFrom: "2026-11-27", Unseen: unseen},
		"open":    {Limit: 21, From: "2026-08-01", To: "2026-11-28", Open: &open, Before: 7, Unseen: unseen},
	} {
		text, args := q.statement()
		rows, err := db.db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
		plan, err := collect(rows, err, func(rows *sql.Rows, line *string) error {
			var a, b, c int64
			return rows.Scan(&a, &b, &c, line)
		})
		if err != nil {
			t.Fatal(err)
		}
		if all := strings.Join(plan, "; "); strings.Contains(all, "TEMP B-TREE") || !strings.Contains(all, "PRIMARY KEY") {
			t.Errorf("%s: %s", name, all)
		}
	}
}
