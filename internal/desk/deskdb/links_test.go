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
	ok(t, db.Prints(ctx, b, func(int64, []byte) error { n++; return nil }))
	if n != 1 {
		t.Errorf("%d prints are kept, want that of the first", n)
	}
}
