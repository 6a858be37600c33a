package lane_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/sqldb"
)

// legCounts gives the counts of an authority's formal appeals in this year.
func legCounts(t *testing.T, l *lane.Lane, of string) lane.LegTallied {
	t.Helper()
	return legCountsPer(t, l, lane.PerAuthority, of)
}

// legCountsPer gives those of an authority, an area or a category.
func legCountsPer(t *testing.T, l *lane.Lane, kind lane.Kind, of string) lane.LegTallied {
	t.Helper()
	all, err := l.TallyAppeals(t.Context(), kind, "2026-01", "2026-12")
	check(t, err)
	in := lane.LegTallied{}
	for _, c := range all {
		if c.ID == of {
			in[c.Standing] += c.N
		}
	}
	return in
}

// TestAppealsAreCounted: each stay of a formal appeal stands in one number of its
// authority, of its report's area and of its category, kept up by each entry and each correction;
// that it is overdue follows from
// the day and is stored nowhere; no public report is among them, and none of them among
// the public reports; a recount finds what was changed behind its back.
func TestAppealsAreCounted(t *testing.T) {
	onBothSealing(t, func(t *testing.T, l *lane.Lane, c *collective, raw sqldb.Config) {
		ctx := t.Context()
		c.now = time.Date(2026, 9, 30, 12, 0, 0, 0, time.UTC)
		told := func(d lane.Draft, entries ...lane.Entry) lane.Draft {
			submit(t, l, d)
			attest(t, l, d.Code, act(appeal.Submitted, "2026-09-01", to("water")))
			for _, e := range entries {
				attest(t, l, d.Code, e)
			}
			return d
		}
		begin := func(entries ...lane.Entry) lane.Draft { return told(manhole(), entries...) }
		registered := act(appeal.Registered, "2026-09-02", number("ЖТ-1"))
		begin()
		begin(registered)
		inTime := begin(registered, act(appeal.Answered, "2026-09-10"))
		begin(registered, act(appeal.Answered, "2026-09-29"))
		begin(act(appeal.Delivered, "2026-09-02"), act(appeal.Answered, "2026-09-10"))
		begin(registered, act(appeal.Forwarded, "2026-09-03", to("roads")))
		told(lane.Draft{Code: lane.NewCode(), Category: "pothole", Language: locale.Russian, Words: "Яма, выдумано", Area: "north"}, act(appeal.Withdrawn, "2026-09-03"))
		wants := func(of string, want lane.LegTallied) {
			t.Helper()
			if got := legCounts(t, l, of); !equalTally(got, want) {
				t.Errorf("%s on %s: %v, want %v", of, c.now.Format(time.DateOnly), got, want)
			}
		}
		reports := map[lane.Kind]map[lane.Standing]int64{}
		for _, kind := range lane.Kinds {
			reports[kind] = counts(t, l, kind)
		}
		wants("water", lane.LegTallied{lane.LegUnclocked: 1, lane.LegSilent: 1, lane.LegInTime: 1, lane.LegLate: 1, lane.LegAnswered: 1, lane.LegPassed: 1, lane.LegTakenBack: 1})
		wants("roads", lane.LegTallied{lane.LegUnclocked: 1})
		for of, want := range map[string]lane.LegTallied{
			"area south":       {lane.LegUnclocked: 2, lane.LegSilent: 1, lane.LegInTime: 1, lane.LegLate: 1, lane.LegAnswered: 1, lane.LegPassed: 1},
			"area north":       {lane.LegTakenBack: 1},
			"category manhole": {lane.LegUnclocked: 2, lane.LegSilent: 1, lane.LegInTime: 1, lane.LegLate: 1, lane.LegAnswered: 1, lane.LegPassed: 1},
			"category pothole": {lane.LegTakenBack: 1},
		} {
			kind, id, _ := strings.Cut(of, " ")
			if got := legCountsPer(t, l, lane.Kind(kind), id); !equalTally(got, want) {
				t.Errorf("%s: %v, want %v", of, got, want)
			}
		}
		c.now = time.Date(2026, 9, 10, 12, 0, 0, 0, time.UTC)
		wants("water", lane.LegTallied{lane.LegUnclocked: 1, lane.LegRunning: 1, lane.LegInTime: 1, lane.LegLate: 1, lane.LegAnswered: 1, lane.LegPassed: 1, lane.LegTakenBack: 1})
		c.now = time.Date(2026, 9, 30, 12, 0, 0, 0, time.UTC)
		attest(t, l, inTime.Code, lane.Entry{Voids: 3}) // the answer was a mistake
		wants("water", lane.LegTallied{lane.LegUnclocked: 1, lane.LegSilent: 2, lane.LegLate: 1, lane.LegAnswered: 1, lane.LegPassed: 1, lane.LegTakenBack: 1})
		for _, kind := range lane.Kinds {
			if now := counts(t, l, kind); !equalTally(now, reports[kind]) {
				t.Errorf("an appeal moved the numbers of the reports per %s: %v, were %v", kind, now, reports[kind])
			}
		}
		whole(t, l)

		for kind, ids := range map[lane.Kind][]string{lane.PerAuthority: {"water", "roads"}, lane.PerArea: {"south", "north"}, lane.PerCategory: {"manhole", "pothole"}} {
			for _, id := range ids {
				in := lane.LegTallied{}
				check(t, l.WalkLegs(ctx, kind, []string{id}, lane.Span{First: "2026-01", Last: "2026-12"}, func(batch []lane.LegRow) error {
					for _, r := range batch {
						if in[r.Standing]++; r.Leg.Number != "" && r.Leg.Number != "\u2026" {
							t.Errorf("a row has the authority's number: %+v", r.Leg)
						}
					}
					return nil
				}))
				if want := legCountsPer(t, l, kind, id); !equalTally(in, want) || len(in) == 0 {
					t.Errorf("the rows of the %s %s are %v, want %v", kind, id, in, want)
				}
			}
		}

		db, err := sqldb.Open(ctx, raw)
		check(t, err)
		defer db.Close()
		harm := func(statement string, args ...any) {
			t.Helper()
			check(t, db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, statement, args...)
				return err
			}))
		}
		right := legCounts(t, l, "water")
		harm(`UPDATE tally SET n = n + 5 WHERE track = 'appeal' AND standing = 'late'`)
		harm(`UPDATE appeal_leg SET standing = 'in_time', due = '' WHERE standing = 'unclocked' AND authority = 'roads'`)
		all, err := l.Recount(ctx, false)
		check(t, err)
		kinds, area := map[lane.DifferenceKind]int{}, 0
		for _, d := range all {
			kinds[d.What]++
			if d == (lane.Difference{What: lane.DiffersNumber, Track: lane.AppealTrack, Kind: "area", ID: "south", Month: "2026-09", Standing: "late", Kept: 6, Counted: 1}) {
				area++
			}
		}
		if area != 1 {
			t.Errorf("a recount does not tell of the area's number: %+v", all)
		}
		if kinds[lane.DiffersAppeal] != 1 || kinds[lane.DiffersNumber] == 0 || len(kinds) != 2 {
			t.Errorf("a recount tells of %+v", all)
		}
		_, err = l.Recount(ctx, true)
		check(t, err)
		whole(t, l)
		if got := legCounts(t, l, "water"); !equalTally(got, right) {
			t.Errorf("mended: %v, want %v", got, right)
		}
	})
}

// TestNoAuthorityClearsItsSilence: once the due day is over, neither passing on nor a past
// day that the authority names makes an appeal anything but silent or late; what the holder
// attests counts by its day, and the rows tell when it was entered.
func TestNoAuthorityClearsItsSilence(t *testing.T) {
	onBothSealing(t, func(t *testing.T, l *lane.Lane, c *collective, _ sqldb.Config) {
		c.now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
		begin := func() (lane.Draft, func(lane.Entry) error) {
			d := manhole()
			id := submit(t, l, d)
			attest(t, l, d.Code, act(appeal.Submitted, "2026-09-01", to("water")))
			attest(t, l, d.Code, act(appeal.Registered, "2026-09-02", number("ЖТ-1")))
			r := request(t, l, id)
			seen := int64(2)
			return d, func(e lane.Entry) error {
				err := l.AttestOwn(t.Context(), r.Assignments[0], r, 0, seen, e)
				seen++
				return err
			}
		}
		_, passes := begin()
		check(t, passes(act(appeal.Forwarded, "2026-09-03", to("roads"))))
		_, answers := begin()
		check(t, answers(act(appeal.Answered, "2026-09-04")))
		_, extends := begin()
		check(t, extends(act(appeal.Extended, "2026-09-04", until("2026-12-20"))))
		undone := manhole()
		r := request(t, l, submit(t, l, undone))
		attest(t, l, undone.Code, act(appeal.Submitted, "2026-09-01", to("water")))
		check(t, l.AttestOwn(t.Context(), r.Assignments[0], r, 0, 1, act(appeal.Registered, "2026-09-02")))
		if err := l.AttestOwn(t.Context(), r.Assignments[0], r, 0, 2, lane.Entry{Voids: 2}); !errors.Is(err, fault.Invalid("lane.entry")) {
			t.Errorf("its registration is taken back when its day is over: %v", err)
		}
		back, _ := begin()
		attest(t, l, back.Code, act(appeal.Withdrawn, "2026-11-29"))
		paper, _ := begin()
		attest(t, l, paper.Code, act(appeal.Answered, "2026-09-04"))
		if got, want := legCounts(t, l, "water"), (lane.LegTallied{lane.LegSilent: 4, lane.LegLate: 1, lane.LegInTime: 1}); !equalTally(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		check(t, l.WalkLegs(t.Context(), lane.PerAuthority, []string{"water"}, lane.Span{First: "2026-09", Last: "2026-09"}, func(batch []lane.LegRow) error {
			for _, r := range batch {
				if r.Leg.Closed != "" && r.Leg.Entered != "2026-11-30" {
					t.Errorf("entered on %q: %+v", r.Leg.Entered, r.Leg)
				}
			}
			return nil
		}))
		whole(t, l)
	})
}

// TestHiddenAppealsAreNotCounted: an appeal of a report that nobody may see is in no number,
// and a recount agrees; let through, it is. Nothing is entered while the report waits.
func TestHiddenAppealsAreNotCounted(t *testing.T) {
	onBothSealing(t, func(t *testing.T, l *lane.Lane, c *collective, raw sqldb.Config) {
		ctx, who := t.Context(), checker(t, l)
		d := manhole(func(d *lane.Draft) { d.Words = "Люк открыт, звоните 8 701 123 45 67" })
		id := submit(t, l, d)
		submitted := act(appeal.Submitted, "2026-09-01", to("water"))
		if err := l.Attest(ctx, d.Code, 0, submitted); !errors.Is(err, fault.Conflict("lane.appeal_waits")) {
			t.Errorf("while it waits: %v", err)
		}
		behind(t, raw, func(ctx context.Context, tx *sql.Tx) error { // as what was entered before such was refused
			_, err := tx.ExecContext(ctx, `UPDATE assignment SET state = 'withdrawn' WHERE request = $1`, id)
			return err
		})
		attest(t, l, d.Code, submitted)
		attest(t, l, d.Code, act(appeal.Registered, "2026-09-02", number("1")))
		counted := func(what string, want lane.LegTallied) {
			t.Helper()
			if got := legCounts(t, l, "water"); !equalTally(got, want) {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
			all, err := l.Recount(ctx, false)
			check(t, err)
			for _, d := range all {
				if d.What == lane.DiffersAppeal || d.Track == lane.AppealTrack {
					t.Errorf("%s: a recount tells of %+v", what, d)
				}
			}
		}
		counted("refused", lane.LegTallied{})
		behind(t, raw, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE assignment SET state = 'awaiting_check' WHERE request = $1`, id)
			return err
		})
		check(t, l.Decide(ctx, lane.Check{Checker: who.Number, Request: id, Seen: 1, To: lane.Routed}))
		counted("let through", lane.LegTallied{lane.LegSilent: 1})
	})
}

func equalTally[S ~string](a, b map[S]int64) bool {
	for s, n := range a {
		if b[s] != n {
			return false
		}
	}
	for s, n := range b {
		if a[s] != n {
			return false
		}
	}
	return true
}

// TestAppealsFollowTheDirectory: a calendar that is put right changes what is late, once
// the sweep has gone over the appeals; entries that were never counted, as those from
// before there was a count, are counted by it too.
func TestAppealsFollowTheDirectory(t *testing.T) {
	onBothSealing(t, func(t *testing.T, l *lane.Lane, c *collective, raw sqldb.Config) {
		ctx := t.Context()
		c.now = time.Date(2026, 9, 30, 12, 0, 0, 0, time.UTC)
		d := manhole()
		id := submit(t, l, d)
		attest(t, l, d.Code, act(appeal.Submitted, "2026-09-01", to("water")))
		attest(t, l, d.Code, act(appeal.Registered, "2026-09-02", number("1")))
		now, err := l.Appeal(ctx, id, "")
		check(t, err)
		due := now.Standing.Legs[0].Due.Day
		attest(t, l, d.Code, act(appeal.Answered, due.Plus(1)))
		if got := legCounts(t, l, "water"); !equalTally(got, lane.LegTallied{lane.LegLate: 1}) {
			t.Fatalf("before: %v", got)
		}
		_, files, err := l.Export(ctx, 0)
		check(t, err)
		fsys := fstest.MapFS{}
		for name, text := range files {
			fsys[name] = &fstest.MapFile{Data: text}
		}
		longer(t, fsys, due)
		_, fresh, problems, err := l.Import(ctx, fsys)
		if err != nil || !fresh {
			t.Fatalf("Import: %v, %v, %v", fresh, problems, err)
		}
		check(t, l.SweepAppeals(ctx))
		if got := legCounts(t, l, "water"); !equalTally(got, lane.LegTallied{lane.LegInTime: 1}) {
			t.Errorf("with one more day off: %v", got)
		}
		whole(t, l)

		db, err := sqldb.Open(ctx, raw)
		check(t, err)
		defer db.Close()
		check(t, db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error { // as step 0028 finds an older lane
			for _, statement := range []string{`DELETE FROM appeal_leg`, `DELETE FROM tally WHERE track = 'appeal'`, `UPDATE appeal_with SET directory = 0`} {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return err
				}
			}
			return nil
		}))
		check(t, l.SweepAppeals(ctx))
		if got := legCounts(t, l, "water"); !equalTally(got, lane.LegTallied{lane.LegInTime: 1}) {
			t.Errorf("counted for the first time: %v", got)
		}
		whole(t, l)
	})
}

// longer makes a day one off in every calendar of a directory.
func longer(t *testing.T, fsys fstest.MapFS, day appeal.Day) {
	t.Helper()
	n := 0
	for name, f := range fsys {
		if text := string(f.Data); strings.Contains(name, "calendars/") {
			with := strings.Replace(text, "\nholidays:\n", "\nholidays:\n  - {date: \""+string(day)[5:]+"\", name: {en: \"Made-up day\"}}\n", 1)
			if with != text {
				f.Data, n = []byte(with), n+1
			}
		}
	}
	if n == 0 {
		t.Fatalf("no calendar in %d files", len(fsys))
	}
}
