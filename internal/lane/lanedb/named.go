package lanedb

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// Named are the areas, authorities and categories that requests are of.
type Named struct{ Areas, Authorities, Categories []string }

// Named gives what requests are of, each once: one step along an index for each, however many
// requests there are. What was taken over has no assignment, and what is hidden is in no list of requests.
func (db *DB) Named(ctx context.Context) (n Named, err error) {
	for _, of := range []struct {
		into                *[]string
		column, table, some string
	}{
		{&n.Areas, "area", "request", "hidden = 0"}, {&n.Categories, "category", "request", "hidden = 0"},
		{&n.Areas, "area", "assignment", "area <> ''"}, {&n.Categories, "category", "assignment", "category <> ''"}, {&n.Authorities, "authority", "assignment", "authority <> ''"},
	} {
		least := `(SELECT min(` + of.column + `) FROM ` + of.table + ` WHERE ` + of.some
		rows, err := db.db.QueryContext(ctx, `WITH RECURSIVE found (id) AS (SELECT `+least+`) UNION ALL SELECT `+least+` AND `+of.column+` > found.id) FROM found WHERE found.id IS NOT NULL)
			SELECT id FROM found WHERE id IS NOT NULL`)
		ids, err := collect(rows, err, func(rows *sql.Rows, id *string) error { return rows.Scan(id) })
		if err != nil {
			return n, fmt.Errorf("read what requests are of: %w", err)
		}
		*of.into = append(*of.into, ids...)
		slices.Sort(*of.into)
		*of.into = slices.Compact(*of.into)
	}
	return n, nil
}

// VersionsOf gives the versions below one that were the last to have a text of some files, newest
// first: whatever ever stood in those files stands in one of them.
func (db *DB) VersionsOf(ctx context.Context, files []string, below int64) ([]int64, error) {
	var p placeholders
	rows, err := db.db.QueryContext(ctx, `SELECT DISTINCT newest FROM (SELECT max(version) AS newest FROM directory_file WHERE name IN (`+many(&p, files)+`) AND version < `+p.one(below)+
		` GROUP BY name, hash) AS texts ORDER BY newest DESC`, p.args...)
	all, err := collect(rows, err, func(rows *sql.Rows, number *int64) error { return rows.Scan(number) })
	if err != nil {
		return nil, fmt.Errorf("list the versions of the directory's files: %w", err)
	}
	return all, nil
}
