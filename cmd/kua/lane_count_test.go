package main

import (
	"context"
	"database/sql"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/sqldb"
)

// tells DIR tells a report to the open lane of a node's folder.
func tells(ts *testscript.TestScript, _ bool, args []string) {
	l, err := lane.Open(context.Background(), lane.Config{Dir: ts.MkAbs(args[0])})
	ts.Check(err)
	defer l.Close()
	_, err = l.Submit(context.Background(), lane.Draft{Code: lane.NewCode(), Category: "water", Language: locale.Russian, Words: "Нет воды, выдумано", Area: "south"})
	ts.Check(err)
}

// eventually FILE QUERY waits until a query of a database gives a number above 0.
func eventually(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sqldb.Open(context.Background(), sqldb.Config{Path: ts.MkAbs(args[0])})
	ts.Check(err)
	defer db.Close()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var n int64
		ts.Check(db.QueryRowContext(context.Background(), args[1]).Scan(&n))
		if n > 0 {
			return
		}
	}
	ts.Fatalf("%s stays 0", args[1])
}

// harms FILE STATEMENT changes a database behind the program's back.
func harms(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sqldb.Open(context.Background(), sqldb.Config{Path: ts.MkAbs(args[0])})
	ts.Check(err)
	defer db.Close()
	ts.Check(db.Tx(context.Background(), func(ctx context.Context, tx *sql.Tx) error { _, err := tx.ExecContext(ctx, args[1]); return err }))
}
