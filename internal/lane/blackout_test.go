package lane_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/locale"
	"kua/internal/sqldb"
	"kua/internal/sqldb/pgtest"
)

// planted is in all that is to be erased, in letters that the search folds.
const planted = "Zhasyrynsoz"

// everything gives all that a lane's database keeps: the bytes of its files, or all
// rows of all tables as text.
func everything(t *testing.T, raw sqldb.Config) []byte {
	t.Helper()
	var all bytes.Buffer
	if raw.URL == "" {
		err := filepath.WalkDir(filepath.Dir(raw.Path), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasPrefix(d.Name(), "lane.db") {
				return err
			}
			b, err := os.ReadFile(path)
			all.Write(b)
			return err
		})
		if err != nil || all.Len() == 0 {
			t.Fatalf("%d bytes of database, %v", all.Len(), err)
		}
		return bytes.ToLower(all.Bytes())
	}
	db, err := sqldb.Open(t.Context(), sqldb.Config{URL: raw.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var tables []string
	read := func(query string, each func(string)) {
		rows, err := db.QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				t.Fatal(err)
			}
			each(s)
		}
		if rows.Err() != nil {
			t.Fatal(rows.Err())
		}
	}
	read(`SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`, func(s string) { tables = append(tables, s) })
	for _, table := range tables {
		read(`SELECT t::text FROM "`+table+`" t`, func(s string) { all.WriteString(s) })
	}
	return bytes.ToLower(all.Bytes())
}

var salted = regexp.MustCompile(`"salt":"[A-Z2-7]{26}",?`)

// TestBlackout: what was erased stands nowhere, in no file, no row, no search; the
// chain holds, also one that was begun before events had salt; what was done is
// visible; and nobody takes words out without that trace.
func TestBlackout(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l := withCity(t, open())
		harm := func(statement string, args ...any) {
			t.Helper()
			db, err := sqldb.Open(t.Context(), sqldb.Config{Path: raw.Path, URL: raw.URL})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := db.Tx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, statement, args...)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		picture, err := l.AddPicture(t.Context(), bytes.NewReader(lanetest.Photo(t, 120, 90, 77)))
		if err != nil {
			t.Fatal(err)
		}
		d := lane.Draft{Code: lane.NewCode(), Category: "water", Language: locale.Russian, Words: "Нет воды у " + planted + ", выдумано", Landmark: "дом " + planted, Area: "south",
			Pictures: []string{picture.Hash}}
		sent, err := l.Submit(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		id := sent.ID
		old := func(number int64) { // as an event was kept before there was salt
			history, err := l.History(t.Context(), id)
			if err != nil || int64(len(history)) != number {
				t.Fatalf("%d lines, %v", len(history), err)
			}
			var body string
			db, err := sqldb.Open(t.Context(), sqldb.Config{Path: raw.Path, URL: raw.URL})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if err := db.QueryRowContext(t.Context(), `SELECT body FROM event WHERE request = $1 AND number = $2`, id, number).Scan(&body); err != nil {
				t.Fatal(err)
			}
			without := strings.Replace(salted.ReplaceAllString(body, ""), ",}", "}", 1)
			if without == body {
				t.Fatalf("no salt in %s", body)
			}
			sum := sha256.Sum256([]byte(without))
			harm(`UPDATE event SET body = $1, hash = $2 WHERE request = $3 AND number = $4`, without, hex.EncodeToString(sum[:]), id, number)
		}
		old(1)
		for i := range int64(2) {
			if err := l.Add(t.Context(), lane.Addition{Code: d.Code, Words: "Меня зовут " + planted + strings.Repeat("!", int(i)), After: 1 + i}); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				old(2)
			}
		}
		if err := l.AddHolderOutcome(t.Context(), d.Code, lane.Outcome{What: lane.ResultNothing, Link: "https://news.example/" + planted, On: l.Today()}); err != nil {
			t.Fatal(err)
		}
		before, err := l.History(t.Context(), id)
		if err != nil || !bytes.Contains(everything(t, raw), []byte(strings.ToLower(planted))) {
			t.Fatalf("nothing was planted: %v", err)
		}
		black := lane.Blackout{Request: id, Line: 2, Ground: "persons", Reason: "a name, made up"}
		for _, bad := range []struct {
			change func(*lane.Blackout)
			want   error
		}{
			{func(b *lane.Blackout) { b.Line = 9 }, fault.NotFound("lane.no_line")},
			{func(b *lane.Blackout) { b.Line = 0 }, fault.NotFound("lane.no_line")},
			{func(b *lane.Blackout) { b.Request = 99 }, fault.NotFound("lane.no_request")},
			{func(b *lane.Blackout) { b.Ground = "advert" }, fault.Invalid("lane.ground")},
			{func(b *lane.Blackout) { b.Reason = "call +7 701 123 45 67" }, fault.Invalid("lane.check_reason")},
		} {
			b := black
			bad.change(&b)
			if err := l.BlackOut(t.Context(), b); !errors.Is(err, bad.want) {
				t.Errorf("%+v: %v, want %v", b, err, bad.want)
			}
		}
		for _, line := range []int64{1, 2, 3, 4} {
			black.Line, black.Pictures = line, line == 1
			if err := l.BlackOut(t.Context(), black); err != nil {
				t.Fatal(err)
			}
			black.Pictures = false
			if err := l.BlackOut(t.Context(), black); !errors.Is(err, fault.Conflict("lane.blacked")) {
				t.Errorf("a second time: %v", err)
			}
		}
		if kept := everything(t, raw); bytes.Contains(kept, []byte(strings.ToLower(planted))) || bytes.Contains(kept, []byte("меня зовут")) {
			t.Error("the words are still in the database")
		}
		after, err := l.History(t.Context(), id)
		if err != nil || len(after) != len(before)+4 {
			t.Fatalf("the history has %d lines, %v", len(after), err)
		}
		for i, e := range before {
			if after[i].Hash != e.Hash || after[i].Blacked == 0 || after[i].Day != e.Day || after[i].By != e.By || e.Words != "" && after[i].Words != lane.Black || after[i].Salt != "" {
				t.Errorf("line %d became %+v", i+1, after[i])
			}
		}
		last := after[len(after)-1]
		if last.By != lane.ByHouse || last.Blacks != 4 || last.Ground != "persons" || last.Reason != "a name, made up" {
			t.Errorf("the trace is %+v", last)
		}
		if found, err := l.List(t.Context(), lane.Filter{Words: planted, Limit: 9}); err != nil || len(found) > 0 {
			t.Errorf("the search finds %+v, %v", found, err)
		}
		r := request(t, l, id)
		if r.Words != lane.Black || r.Landmark != "" || r.Area != "south" {
			t.Errorf("the report reads %+v", r)
		}
		if _, _, err := l.OpenPicture(t.Context(), picture.Hash); !errors.Is(err, fault.NotFound("lane.no_picture")) {
			t.Errorf("its photo: %v", err)
		}
		if different, err := l.Recount(t.Context(), false); err != nil || len(different) > 0 {
			t.Errorf("counted anew: %+v, %v", different, err)
		}
		if changes, err := l.Changes(t.Context(), "2026-01-01", "2027-01-01", lane.Mark{}, 99); err != nil || len(changes) != len(after)-1 {
			t.Errorf("%d changes, %v", len(changes), err)
		}
		// It goes on, and whoever changes what is left, or erases without saying so, is found.
		if err := l.Add(t.Context(), lane.Addition{Code: d.Code, Words: "Всё ещё нет воды", After: int64(len(after))}); err != nil {
			t.Fatal(err)
		}
		broken := fault.Corrupt("lane.broken_history")
		harm(`UPDATE event SET body = replace(body, '"by":"holder"', '"by":"house"') WHERE request = $1 AND number = 2`, id)
		if _, err := l.History(t.Context(), id); !errors.Is(err, broken) {
			t.Errorf("what is left was changed: %v", err)
		}
		harm(`UPDATE event SET body = replace(body, '"by":"house"', '"by":"holder"') WHERE request = $1 AND number = 2`, id)
		harm(`UPDATE event SET body = replace(body, 'Всё', '`+lane.Black+`') WHERE request = $1 AND number = 9`, id)
		if _, err := l.History(t.Context(), id); !errors.Is(err, broken) {
			t.Errorf("erased without a trace: %v", err)
		}
	})
}

// TestErasedMarksAreNotKnown: a word that is erased stays known to no search when somebody else wrote
// it without its marks, which FTS5 takes for the same.
func TestErasedMarksAreNotKnown(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l := withCity(t, open())
		d, other := manhole(), manhole()
		d.Words, other.Words = "Açýkgözöw, выдумано", "Acykgozow, выдумано"
		id := submit(t, l, d)
		submit(t, l, other)
		if err := l.BlackOut(t.Context(), lane.Blackout{Request: id, Line: 1, Ground: "persons"}); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(everything(t, raw), []byte("açýkgözöw")) {
			t.Error("the word is still in the database")
		}
		if ids := foundBy(t, l, "acykgozow"); len(ids) != 1 {
			t.Errorf("the other one is found as %v", ids)
		}
	})
}

// TestNobodysIsGiven: what waits and has no authority is let through to the one
// that the collective names, who is told of it; the counts follow.
func TestNobodysIsGiven(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l := withCity(t, open())
		id := submit(t, l, lane.Draft{Code: lane.NewCode(), Category: "heating", Language: locale.Russian, Words: "Холодно, выдумано", Area: "north"})
		db, err := sqldb.Open(t.Context(), sqldb.Config{Path: raw.Path, URL: raw.URL})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.Tx(t.Context(), func(ctx context.Context, tx *sql.Tx) error { // as in a directory that names no fallback
			_, err := tx.ExecContext(ctx, `UPDATE assignment SET authority = ''`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Recount(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		c := lane.Check{Checker: checker(t, l).Number, Request: id, Seen: 1, To: lane.Routed}
		if err := l.Decide(t.Context(), c); !errors.Is(err, fault.Conflict("lane.check_nobody")) {
			t.Errorf("without a name: %v", err)
		}
		c.Owner = "nobody"
		if err := l.Decide(t.Context(), c); !errors.Is(err, fault.NotFound("authority.unknown")) {
			t.Errorf("an unknown one: %v", err)
		}
		c.Owner = "roads"
		if err := l.Decide(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if a := request(t, l, id).Assignments[0]; a.Authority != "roads" || a.State != lane.Routed {
			t.Errorf("it stands as %+v", a)
		}
		if told, err := l.Deliveries(t.Context(), id); err != nil || len(told) != 1 {
			t.Errorf("told: %+v, %v", told, err)
		}
		if different, err := l.Recount(t.Context(), false); err != nil || len(different) > 0 {
			t.Errorf("counted anew: %+v, %v", different, err)
		}
	})
}

// TestMoveTakesEveryMatter: what is no report moves too, and is found by its words
// afterwards; what was blacked out is found by none.
func TestMoveTakesEveryMatter(t *testing.T) {
	dir := t.TempDir()
	l, err := lane.Open(t.Context(), lane.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	withCity(t, l)
	code := lane.NewCode()
	q, err := l.SubmitQuestion(t.Context(), lane.Asking{Code: code, Authority: "water", Language: locale.Russian, Words: "Когда починят водокачку? Выдумано"})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Attest(t.Context(), code, 0, lane.Entry{}); !errors.Is(err, fault.Conflict("lane.no_appeal")) {
		t.Errorf("a question as a formal appeal: %v, want lane.no_appeal", err)
	}
	if _, err := l.AddPost(t.Context(), lane.Post{Matter: lane.Pledge, By: lane.ByHouse, Authority: "water", Language: locale.Russian, Words: "Починим водокачку, выдумано", Ends: l.Today().Plus(9)}); err != nil {
		t.Fatal(err)
	}
	erased, err := l.AddPost(t.Context(), lane.Post{Matter: lane.Announcement, By: lane.ByHouse, Authority: "water", Language: locale.Russian, Words: "Про водокачку звоните " + planted, Begins: l.Today(), Ends: l.Today().Plus(9)})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.BlackOut(t.Context(), lane.Blackout{Request: erased, Line: 1, Ground: "persons"}); err != nil {
		t.Fatal(err)
	}
	url := pgtest.Database(t)
	if _, err := lane.MoveTo(t.Context(), lane.MoveConfig{Dir: dir, URL: url, Progress: func(lane.Progress) {}}); err != nil {
		t.Fatal(err)
	}
	l.Close()
	moved, err := lane.Open(t.Context(), lane.Config{Dir: dir, URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer moved.Close()
	found, err := moved.List(t.Context(), lane.Filter{Words: "водокачку", Matters: lane.Matters, Limit: 9})
	if err != nil || len(found) != 2 || found[1].ID != q.ID || found[0].Matter != lane.Pledge {
		t.Errorf("found are %+v, %v", found, err)
	}
	if r := request(t, moved, erased); r.Words != lane.Black || r.Matter != lane.Announcement {
		t.Errorf("what was blacked out reads %+v", r)
	}
	if _, err := moved.History(t.Context(), erased); err != nil {
		t.Error(err)
	}
	if bytes.Contains(everything(t, sqldb.Config{URL: url}), []byte(strings.ToLower(planted))) {
		t.Error("the erased words moved along")
	}
}
