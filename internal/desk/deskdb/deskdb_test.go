package deskdb_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/casefile"
	"kua/internal/desk/deskdb"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/parcel"
	"kua/internal/redact"
)

var aigul = evidence.Actor{Name: "Aigul", Key: "00112233"}

// clock is a time that tests move.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func open(t *testing.T) (*deskdb.DB, *clock) {
	t.Helper()
	c := &clock{time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
	db, err := deskdb.Open(t.Context(), filepath.Join(t.TempDir(), "desk.db"), make([]byte, 32), c.Now)
	ok(t, err)
	t.Cleanup(func() { db.Close() })
	return db, c
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// arrive puts a whole parcel with one attachment into the database.
func arrive(t *testing.T, db *deskdb.DB, name string) (id string, original int64) {
	t.Helper()
	x := parcel.Index{Size: 100, Pieces: []string{canon.Hash([]byte(name))}}
	p, fresh, err := db.Sight(t.Context(), "https://node.example", x)
	ok(t, err)
	if !fresh {
		t.Errorf("%s is not new", name)
	}
	ok(t, db.Held(t.Context(), p.Number, 0))
	report := parcel.Report{Kind: parcel.ReportKind, What: "bribe", Text: name, Language: "en", Written: "2026-11-20",
		Files: []parcel.ReportFile{{Path: "data/files/1.jpg", Name: "a.jpg", Type: "image/jpeg", Size: 9}}}
	ok(t, db.Complete(t.Context(), deskdb.Whole{Parcel: p, Words: name, HeaderSize: 5, Wrapped: 1, Salts: [][32]byte{{1}},
		Bag: &parcel.Bag{Report: report, Entries: []parcel.Entry{{Path: "data/report.json", Size: 7, SHA256: "r"},
			{Path: "data/files/1.jpg", Offset: 1024, Size: 9, SHA256: canon.Hash([]byte(name))}}}}))
	r, err := db.Received(t.Context(), x.ID())
	ok(t, err)
	return x.ID(), r.Originals[0].ID
}

// TestEveryActLeavesAnEvent does everything that a person or the desk can do
// here and holds that each leaves its event, and that the chain holds together.
func TestEveryActLeavesAnEvent(t *testing.T) {
	ctx := context.Background()
	db, now := open(t)
	ok(t, db.Found(ctx, map[string][]byte{"a": {1}}, "id"))
	id, original := arrive(t, db, "one")
	var caseID, proposal int64
	acts := []struct {
		verb evidence.Verb
		do   func() error
	}{
		{evidence.Read, func() error { _, err := db.Read(ctx, aigul, id); return err }},
		{evidence.Unread, func() error { return db.MarkUnread(ctx, aigul, id) }},
		{evidence.Read, func() error { _, err := db.Read(ctx, aigul, id); return err }},
		{evidence.Filed, func() (err error) { caseID, err = db.OpenCase(ctx, aigul, "one", "one", []string{id}); return err }},
		{evidence.Titled, func() error { return db.SetTitle(ctx, aigul, caseID, "two", "two") }},
		{evidence.Assigned, func() error { return db.Assign(ctx, aigul, caseID, "Timur") }},
		{evidence.Noted, func() error { return db.AddNote(ctx, aigul, caseID, "a note", "a note") }},
		{evidence.Found, func() error {
			return db.AddFinding(ctx, aigul, casefile.Finding{Case: caseID, Subject: "x", Grade: casefile.Plausible, Reasons: "y"}, "x y")
		}},
		{evidence.Replied, func() error {
			_, err := db.AddReply(ctx, aigul, casefile.Reply{Case: caseID, Parcel: id, Text: "z"}, "ab", []byte{1}, []string{"https://node.example"}, "z")
			return err
		}},
		{evidence.Opened, func() error { _, err := db.OpenOriginal(ctx, aigul, evidence.Opened, original); return err }},
		{evidence.Marked, func() error {
			_, err := db.SavePlan(ctx, aigul, original, redact.New("1", 10, 10, 0, false), 0)
			return err
		}},
		{evidence.LookedOver, func() error { // after one event for each derivative
			return db.Rendered(ctx, aigul, original, []evidence.Derivative{{Plan: 1, Rung: "jpeg", Type: "image/jpeg", SHA256: "d", Sealed: "s"}},
				deskdb.Rendering{Original: original, Version: 1, Plan: []byte("{}"), Marked: "Aigul", Hits: []deskdb.Hit{{Seen: redact.Suggestion{What: redact.Face}}}})
		}},
		{evidence.Answered, func() error {
			if err := db.AnswerHit(ctx, aigul, original, 99, "x"); !errors.Is(err, fault.NotFound("desk.no_hit")) {
				t.Errorf("a hit that is not there: %v", err)
			}
			if err := db.AnswerHit(ctx, aigul, original, 1, "a poster"); err != nil {
				return err
			}
			r, err := db.Rendering(ctx, original)
			if err == nil && (r.Marked != "Aigul" || len(r.Hits) != 1 || r.Hits[0].Why != "a poster" || r.Hits[0].By != aigul.Name) {
				t.Errorf("the rendering is kept as %+v", r)
			}
			return err
		}},
		{evidence.Viewed, func() error { _, err := db.OpenDerivative(ctx, aigul, 1); return err }},
		{evidence.Drafted, func() error { _, err := db.SaveDraft(ctx, aigul, caseID, casefile.Draft{}, 0, "w"); return err }},
		{evidence.Proposed, func() (err error) {
			proposal, err = db.Propose(ctx, aigul, deskdb.Proposal{Edition: 1, Manifest: []byte("m"),
				Records: []deskdb.Proposed{{Case: caseID, Record: "000001", Version: 1, Document: []byte("d")}}}, map[string][]byte{canon.Hash([]byte("m")): {1}}, false)
			return err
		}},
		{evidence.Previewed, func() error { _, err := db.Preview(ctx, aigul, proposal); return err }},
		{evidence.Approved, func() error {
			return db.Approve(ctx, evidence.Actor{Name: "Timur", Key: "ff"}, deskdb.Proposal{ID: proposal}, map[string][]byte{canon.Hash([]byte("m")): {2}}, true)
		}},
		{evidence.Published, func() error { return db.Publish(ctx, proposal) }},
		{evidence.Closed, func() error { return db.CloseCase(ctx, aigul, caseID, "done") }},
		{evidence.Reopened, func() error { return db.ReopenCase(ctx, aigul, caseID) }},
	}
	for _, a := range acts {
		now.now = now.now.Add(time.Minute)
		before, err := db.Custody(ctx, 0)
		ok(t, err)
		if err := a.do(); err != nil {
			t.Fatalf("%s: %v", a.verb, err)
		}
		after, err := db.Custody(ctx, 0)
		ok(t, err)
		want := 1
		if a.verb == evidence.LookedOver {
			want = 2
		}
		if len(after) != len(before)+want || after[len(after)-1].Verb != a.verb {
			t.Fatalf("%s left %d events, the last %s", a.verb, len(after)-len(before), after[len(after)-1].Verb)
		}
	}
	head, err := db.VerifyCustody(ctx)
	if err != nil || head.Sequence < int64(len(acts)) {
		t.Errorf("VerifyCustody = %+v, %v", head, err)
	}
	events, err := db.Custody(ctx, caseID)
	ok(t, err)
	if events[0].Verb != evidence.Collected {
		t.Errorf("a case's custody begins with %s, want the parcel's arrival", events[0].Verb)
	}
}

// TestRefusedActLeavesNothing: neither the act nor an event, when it is refused.
func TestRefusedActLeavesNothing(t *testing.T) {
	ctx := context.Background()
	db, _ := open(t)
	one, _ := arrive(t, db, "one")
	id, err := db.OpenCase(ctx, aigul, "one", "one", []string{one})
	ok(t, err)
	before, err := db.Custody(ctx, 0)
	ok(t, err)
	for name, do := range map[string]func() error{
		"desk.case_unread":     func() error { return db.CloseCase(ctx, aigul, id, "x") },
		"desk.not_in_inbox":    func() error { _, err := db.OpenCase(ctx, aigul, "t", "t", []string{one}); return err },
		"desk.no_case":         func() error { return db.AddNote(ctx, aigul, 77, "x", "x") },
		"desk.no_original":     func() error { _, err := db.OpenOriginal(ctx, aigul, evidence.Opened, 77); return err },
		"desk.draft_changed":   func() error { _, err := db.SaveDraft(ctx, aigul, id, casefile.Draft{}, 3, ""); return err },
		"desk.case_not_closed": func() error { return db.ReopenCase(ctx, aigul, id) },
		"desk.no_proposal":     func() error { return db.Decline(ctx, aigul, 5, deskdb.Declined, "x") },
		"desk.not_in_case": func() error {
			_, err := db.AddReply(ctx, aigul, casefile.Reply{Case: id, Parcel: "p"}, "ab", nil, nil, "")
			return err
		},
		"desk.no_parcel": func() error { return db.MarkUnread(ctx, aigul, "p") },
	} {
		if err := do(); !errors.Is(err, fault.Invalid(name)) {
			t.Errorf("got %v, want %s", err, name)
		}
	}
	after, err := db.Custody(ctx, 0)
	ok(t, err)
	if len(after) != len(before) {
		t.Errorf("refused acts left %d events", len(after)-len(before))
	}
	if c, err := db.Case(ctx, id); err != nil || c.State != casefile.New {
		t.Errorf("refused acts left the case %s, %v", c.State, err)
	}
}

// TestSitting: many openings in a row are one event; a later one, or another
// person's, is another.
func TestSitting(t *testing.T) {
	ctx := context.Background()
	db, now := open(t)
	_, original := arrive(t, db, "one")
	count := func() int {
		events, err := db.Custody(ctx, 0)
		ok(t, err)
		return len(slices.DeleteFunc(events, func(e evidence.Event) bool { return e.Verb != evidence.Opened }))
	}
	openIt := func(by evidence.Actor) {
		_, err := db.OpenOriginal(ctx, by, evidence.Opened, original)
		ok(t, err)
	}
	for range 20 {
		openIt(aigul)
		now.now = now.now.Add(10 * time.Second)
	}
	if n := count(); n != 1 {
		t.Errorf("20 openings within minutes left %d events", n)
	}
	openIt(evidence.Actor{Name: "Timur", Key: "ff"})
	now.now = now.now.Add(time.Hour)
	openIt(aigul)
	if n := count(); n != 3 {
		t.Errorf("with another person's and a later one there are %d events, want 3", n)
	}
}

// TestKept: the database itself refuses to change or drop custody, and to drop
// what nobody has read.
func TestKept(t *testing.T) {
	db, _ := open(t)
	arrive(t, db, "one")
	for _, statement := range []string{`DELETE FROM custody`, `UPDATE custody SET event = x'00'`, `DELETE FROM parcels`} {
		if _, err := db.SQL().ExecContext(t.Context(), statement); err == nil {
			t.Errorf("%s went through", statement)
		}
	}
}

// TestTampered: what somebody changes past the program is seen.
func TestTampered(t *testing.T) {
	ctx := context.Background()
	db, _ := open(t)
	arrive(t, db, "one")
	arrive(t, db, "two")
	for _, statement := range []string{`DROP TRIGGER custody_fixed`, `UPDATE custody SET event = CAST(replace(CAST(event AS TEXT), 'collected', 'published') AS BLOB) WHERE sequence = 1`} {
		_, err := db.SQL().ExecContext(ctx, statement)
		ok(t, err)
	}
	if _, err := db.VerifyCustody(ctx); !errors.Is(err, fault.Corrupt("evidence.broken_chain")) {
		t.Errorf("VerifyCustody = %v", err)
	}
}

func TestSearch(t *testing.T) {
	ctx := context.Background()
	db, _ := open(t)
	one, _ := arrive(t, db, "жаңа базар 100%")
	two, _ := arrive(t, db, "old_bazaar")
	first, err := db.OpenCase(ctx, aigul, "first", "first", []string{one})
	ok(t, err)
	_, err = db.OpenCase(ctx, aigul, "second", "second", []string{two})
	ok(t, err)
	ok(t, db.AddNote(ctx, aigul, first, "called the hospital", "called the hospital"))
	for _, c := range []struct {
		words string
		want  int
	}{{"базар", 1}, {"hospital жаңа", 1}, {"hospital old", 0}, {"%", 1}, {"_", 1}, {"s", 2}, {"", 2}} {
		cases, total, err := db.Cases(ctx, deskdb.Filter{Words: strings.Fields(c.words)}, 10, 0)
		if err != nil || total != c.want || len(cases) != c.want {
			t.Errorf("%q finds %d of %d cases, %v; want %d", c.words, len(cases), total, err, c.want)
		}
	}
	cases, total, err := db.Cases(ctx, deskdb.Filter{States: []casefile.State{casefile.Open}}, 10, 0)
	if err != nil || total != 1 || cases[0].ID != first {
		t.Errorf("open cases: %+v, %v", cases, err)
	}
}

// TestOneProposal: a second one is refused while the first is open, and one
// person's two signatures do not count twice.
func TestOneProposal(t *testing.T) {
	ctx := context.Background()
	db, _ := open(t)
	sigs := map[string][]byte{canon.Hash([]byte("m")): {1}}
	id, err := db.Propose(ctx, aigul, deskdb.Proposal{Edition: 1, Manifest: []byte("m")}, sigs, false)
	ok(t, err)
	if _, err := db.Propose(ctx, aigul, deskdb.Proposal{Edition: 1, Manifest: []byte("n")}, sigs, false); !errors.Is(err, fault.Conflict("desk.proposal_open")) {
		t.Errorf("a second proposal gives %v", err)
	}
	if err := db.Approve(ctx, aigul, deskdb.Proposal{ID: id}, sigs, true); !errors.Is(err, fault.Forbidden("desk.signed_already")) {
		t.Errorf("signing twice gives %v", err)
	}
	if err := db.Approve(ctx, evidence.Actor{Name: "Timur", Key: "ff"}, deskdb.Proposal{ID: id}, map[string][]byte{"other": {1}}, true); !errors.Is(err, fault.Forbidden("desk.signed_already")) {
		t.Errorf("signing something else gives %v", err)
	}
	if p, err := db.Proposal(ctx, id); err != nil || p.State != deskdb.Waiting {
		t.Errorf("the proposal is %s, %v", p.State, err)
	}
}
