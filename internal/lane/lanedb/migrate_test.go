package lanedb

import (
	"io/fs"
	"path/filepath"
	"testing"
	"testing/fstest"

	"kua/internal/sqldb"
)

// TestOldReportsAreTold: what was routed before there was an outbox is in it after
// the steps, and what waits to be checked is not.
func TestOldReportsAreTold(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "lane.db")
	old := fstest.MapFS{}
	for _, name := range []string{"0001_directory.sql", "0002_request.sql", "0003_telling.sql", "0004_search.sql"} {
		text, err := fs.ReadFile(migrations, "migrations/"+name)
		if err != nil {
			t.Fatal(err)
		}
		old[name] = &fstest.MapFile{Data: text}
	}
	before, err := sqldb.Open(ctx, sqldb.Config{Path: path, Migrations: old})
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		`INSERT INTO directory VALUES (1, 'ulgi', 'x', '2026-11-01')`,
		`INSERT INTO request (id, directory, category, language, words, answers, area, visibility, open, day) VALUES (7, 1, 'water', 'ru', 'x', '{}', 'south', 'public', 1, '2026-11-02')`,
		`INSERT INTO assignment VALUES (1, 7, 'water', 'routed', '2026-11-03', 0), (2, 7, 'roads', 'awaiting_check', '2026-11-03', 0)`,
		`INSERT INTO event VALUES (7, 1, '{}', 'a'), (7, 2, '{}', 'b')`,
	} {
		if _, err := before.ExecContext(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := Open(ctx, path, "", Rules{Tells: func(string, []Assignment) ([]Tell, error) { return nil, nil }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all, err := db.Deliveries(ctx, 7)
	if err != nil || len(all) != 1 || all[0].Assignment != 1 || all[0].Event != 2 || !all[0].Opening || all[0].State != Waiting || all[0].Day != "2026-11-03" {
		t.Errorf("Deliveries = %+v, %v", all, err)
	}
}
