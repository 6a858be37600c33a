package deskdb_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kua/internal/casefile"
	"kua/internal/desk/deskdb"
)

func mark(b byte, kind, weight string) deskdb.Mark {
	return deskdb.Mark{Sealed: [32]byte{b}, Kind: kind, Weight: weight}
}

// TestLinks: strong marks, receipts and likenesses tie to every other report;
// weak marks only to what is public; nothing ties to itself.
func TestLinks(t *testing.T) {
	ctx := context.Background()
	db, _ := open(t)
	_, a := arrive(t, db, "one")
	second, b := arrive(t, db, "two")
	_, other := arrive(t, db, "three")
	strong, weak, receipt := mark(1, "serial", "strong"), mark(2, "software", "weak"), mark(3, "receipt", "strong")
	ok(t, db.Compare(ctx, a, deskdb.Comparing{Plain: []byte("p"), Turned: []byte("t"), Marks: []deskdb.Mark{strong, weak, receipt}}))
	ok(t, db.Compare(ctx, b, deskdb.Comparing{Marks: []deskdb.Mark{strong, weak, receipt}, Likenesses: []deskdb.Likeness{{Other: a, Strength: "part", Turned: true}}}))
	ok(t, db.Compare(ctx, other, deskdb.Comparing{Marks: []deskdb.Mark{mark(4, "serial", "strong")}}))

	kinds := func(original int64) map[string]bool {
		links, err := db.Links(ctx, original)
		ok(t, err)
		got := make(map[string]bool)
		for _, l := range links {
			if l.Original != original || l.Other == original {
				t.Errorf("original %d leads to itself: %+v", original, l)
			}
			got[l.Kind] = l.Public
		}
		return got
	}
	want := map[string]bool{casefile.SameDevice: false, casefile.SameWitness: false, casefile.LooksLike: false}
	for _, o := range []int64{a, b} {
		if diff := cmp.Diff(kinds(o), want); diff != "" {
			t.Errorf("original %d: got, want:\n%s", o, diff)
		}
	}
	if got := kinds(other); len(got) != 0 {
		t.Errorf("an original that shares nothing leads to %v", got)
	}

	// The second becomes public: now the weak mark counts too.
	id, err := db.OpenCase(ctx, aigul, "two", "two", []string{second})
	ok(t, err)
	record, err := db.ReserveRecord(ctx, id)
	ok(t, err)
	_, err = db.SQL().ExecContext(ctx, `INSERT INTO published (record, version, case_id, document) VALUES (?1, 1, ?2, x'00')`, record, id)
	ok(t, err)
	want = map[string]bool{casefile.SameDevice: true, casefile.SameWitness: true, casefile.LooksLike: true, casefile.SameEncoder: true}
	if diff := cmp.Diff(kinds(a), want); diff != "" {
		t.Errorf("against what is public: got, want:\n%s", diff)
	}
	if _, there := kinds(b)[casefile.SameEncoder]; there {
		t.Error("a weak mark ties to what is not public")
	}
	links, err := db.Links(ctx, a)
	ok(t, err)
	if l := links[0]; l.Case != id || l.Record != record || l.Parcel != second || l.Day == "" || l.Report == 0 {
		t.Errorf("it leads to %+v", l)
	}

	// Comparing again replaces what was found.
	ok(t, db.Compare(ctx, b, deskdb.Comparing{}))
	if got := kinds(a); len(got) != 0 {
		t.Errorf("after nothing was found it leads to %v", got)
	}
	n := 0
	ok(t, db.Prints(ctx, func(int64, []byte) error { n++; return nil }))
	if n != 1 {
		t.Errorf("%d prints are kept, want that of the first", n)
	}
	if plain, err := db.PrintsOf(ctx, a); err != nil || string(plain) != "p" {
		t.Errorf("the first has %q, %v", plain, err)
	}
	if plain, err := db.PrintsOf(ctx, b); err != nil || plain != nil {
		t.Errorf("the second has %q, %v", plain, err)
	}
}

// TestLinksNameEachReportOnce: a report with many files that share many weak
// marks takes one place of the list and hides no other; the one that shares the
// most comes first, and of several likenesses the strongest is told.
func TestLinksNameEachReportOnce(t *testing.T) {
	ctx := context.Background()
	db, _ := open(t)
	_, mine := arrive(t, db, "mine")
	var weak []deskdb.Mark
	for i := range 40 {
		weak = append(weak, mark(byte(100+i), "encoding", "weak"))
	}
	ok(t, db.Compare(ctx, mine, deskdb.Comparing{Marks: weak}))
	crowd, first := arrive(t, db, "crowd")
	for i := range 40 {
		_, err := db.SQL().ExecContext(ctx, `INSERT INTO originals (parcel, path, name, type, size, start, sha256, salt, medium)
			SELECT parcel, 'file ' || ?2, name, type, size, start, sha256, salt, medium FROM originals WHERE id = ?1`, first, i)
		ok(t, err)
	}
	rows, err := db.SQL().QueryContext(ctx, `SELECT id FROM originals WHERE parcel = (SELECT parcel FROM originals WHERE id = ?1)`, first)
	ok(t, err)
	var files []int64
	for rows.Next() {
		var id int64
		ok(t, rows.Scan(&id))
		files = append(files, id)
	}
	ok(t, rows.Err())
	for _, id := range files {
		ok(t, db.Compare(ctx, id, deskdb.Comparing{Marks: weak[:20]}))
	}
	ok(t, db.Compare(ctx, files[3], deskdb.Comparing{Marks: weak[:20], Likenesses: []deskdb.Likeness{{Other: mine, Strength: "like"}}}))
	ok(t, db.Compare(ctx, files[7], deskdb.Comparing{Marks: weak[:20], Likenesses: []deskdb.Likeness{{Other: mine, Strength: "same", Turned: true}}}))
	alone, last := arrive(t, db, "alone")
	ok(t, db.Compare(ctx, last, deskdb.Comparing{Marks: weak[:30]}))
	_, hidden := arrive(t, db, "not published")
	ok(t, db.Compare(ctx, hidden, deskdb.Comparing{Marks: weak}))
	for _, report := range []string{crowd, alone} {
		id, err := db.OpenCase(ctx, aigul, report, report, []string{report})
		ok(t, err)
		record, err := db.ReserveRecord(ctx, id)
		ok(t, err)
		for version := 1; version < 3; version++ {
			_, err = db.SQL().ExecContext(ctx, `INSERT INTO published (record, version, case_id, document) VALUES (?1, ?2, ?3, x'00')`, record, version, id)
			ok(t, err)
		}
	}
	links, err := db.Links(ctx, mine)
	ok(t, err)
	type told struct {
		Kind, Parcel, Strength string
		Other                  int64
	}
	var got []told
	for _, l := range links {
		if l.Kind == casefile.SameEncoder {
			l.Other = 0 // any of those that share the most
		}
		got = append(got, told{l.Kind, l.Parcel, l.Strength, l.Other})
	}
	want := []told{{casefile.LooksLike, crowd, "same", files[7]}, {casefile.SameEncoder, alone, "", 0}, {casefile.SameEncoder, crowd, "", 0}}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got, want:\n%s", diff)
	}
}
