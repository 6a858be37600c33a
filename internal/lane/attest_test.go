package lane_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/sqldb"
)

// TestAuthorityAttests: the authority with which an appeal lies enters what it did
// with it, which starts and ends the clock; its number is in no database in the clear and is read with
// the holder's code alone; no other authority enters anything, and the holder can contradict.
func TestAuthorityAttests(t *testing.T) {
	onBothSealing(t, func(t *testing.T, l *lane.Lane, c *collective, raw sqldb.Config) {
		ctx, d := t.Context(), manhole()
		id := submit(t, l, d)
		r := request(t, l, id)
		mine := r.Assignments[0]
		c.on("2026-12-10")
		own := func(a lane.Assignment, seen int64, e lane.Entry) error { return l.AttestOwn(ctx, a, r, 0, seen, e) }
		if err := own(mine, 0, act(appeal.Registered, "2026-12-02")); !errors.Is(err, fault.NotFound("lane.appeal_elsewhere")) {
			t.Errorf("where no appeal was made: %v", err)
		}
		attest(t, l, d.Code, act(appeal.Submitted, "2026-11-30", to("water")))
		if with, ok, err := l.AppealWith(ctx, mine, r); err != nil || !ok || len(with.Acts) != 1 || with.Acts[0] != appeal.Registered || !with.Sealed {
			t.Fatalf("AppealWith = %+v, %v, %v", with, ok, err)
		}
		roads := lane.Assignment{Number: 99, Authority: "roads"}
		if err := own(roads, 1, act(appeal.Registered, "2026-12-02")); !errors.Is(err, fault.NotFound("lane.appeal_elsewhere")) {
			t.Errorf("by another authority: %v", err)
		}
		const secret = "К-4711/выдумано"
		for range 2 {
			if err := own(mine, 1, act(appeal.Registered, "2026-12-02", number(secret))); err != nil {
				t.Fatal(err)
			}
		}
		everybody, err := l.Appeal(ctx, id, "")
		leg := everybody.Standing.Legs[0]
		if err != nil || len(everybody.Entries) != 2 || leg.Registered.By != appeal.ByAuthority || leg.Registered.Day != "2026-12-02" || leg.Due == nil || strings.Contains(leg.Number, "4711") {
			t.Fatalf("for everybody: %+v, %v", leg, err)
		}
		holder, err := l.Appeal(ctx, id, d.Code)
		if err != nil || holder.Standing.Legs[0].Number != secret || holder.Entries[1].Lost {
			t.Errorf("for the holder: %+v, %v", holder.Standing.Legs[0], err)
		}
		behind(t, raw, func(ctx context.Context, tx *sql.Tx) error {
			var n int64
			err := tx.QueryRowContext(ctx, `SELECT count(*) FROM appeal_event WHERE body LIKE '%4711%'`).Scan(&n)
			if n != 0 {
				t.Error("the number is in the database")
			}
			return err
		})
		for name, e := range map[string]struct {
			by   lane.Assignment
			seen int64
			e    lane.Entry
			want error
		}{
			"behind what is there": {mine, 1, act(appeal.Answered, "2026-12-05"), fault.Conflict("lane.entered")},
			"tomorrow":             {mine, 2, act(appeal.Answered, "2026-12-11"), fault.Invalid("lane.entry")},
			"before":               {mine, 2, act(appeal.Answered, "2026-11-29"), fault.Conflict("appeal.out_of_order")},
			"submitted":            {mine, 2, act(appeal.Submitted, "2026-12-03", to("water")), fault.Invalid("lane.entry")},
			"withdrawn":            {mine, 2, act(appeal.Withdrawn, "2026-12-03"), fault.Invalid("lane.entry")},
			"a verdict":            {mine, 2, lane.Entry{Says: appeal.Mended, Day: "2026-12-03"}, fault.Invalid("lane.entry")},
			"to itself":            {mine, 2, act(appeal.Forwarded, "2026-12-03", to("water")), fault.Invalid("lane.entry")},
			"past the directory":   {mine, 2, act(appeal.Forwarded, "2026-12-03", to(lane.Elsewhere)), fault.NotFound("authority.unknown")},
			"to nobody":            {mine, 2, act(appeal.Forwarded, "2026-12-03"), fault.Invalid("appeal.attester")},
			"the holder's entry":   {mine, 2, lane.Entry{Voids: 1}, fault.Invalid("lane.entry")},
			"by others":            {roads, 2, act(appeal.Answered, "2026-12-05"), fault.NotFound("lane.appeal_elsewhere")},
		} {
			if err := own(e.by, e.seen, e.e); !errors.Is(err, e.want) {
				t.Errorf("%s: %v, want %v", name, err, e.want)
			}
		}
		// It says that it answered. Its word alone does not hold against the holder's.
		if err := own(mine, 2, act(appeal.Answered, "2026-12-09")); err != nil {
			t.Fatal(err)
		}
		a := attest(t, l, d.Code, lane.Entry{Voids: 3})
		if leg := a.Standing.Legs[0]; leg.Closed != "" || !a.Contests(a.Entries[3]) {
			t.Errorf("contradicted, it stands as %+v", leg)
		}
		// It corrects its own registration, and passes the appeal on, which only the new owner goes on with.
		if err := own(mine, 4, lane.Entry{Voids: 2}); err != nil {
			t.Fatal(err)
		}
		if err := own(mine, 5, act(appeal.Registered, "2026-12-03")); err != nil { // without telling a number
			t.Fatal(err)
		}
		if err := own(mine, 6, act(appeal.Forwarded, "2026-12-04", to("roads"), func(e *lane.Entry) { e.Note.Reason = "Not our <well> & made up" })); err != nil {
			t.Fatal(err)
		}
		if err := own(mine, 7, act(appeal.Answered, "2026-12-09")); !errors.Is(err, fault.NotFound("lane.appeal_elsewhere")) {
			t.Errorf("after passing on: %v", err)
		}
		if err := own(roads, 7, lane.Entry{Voids: 7}); !errors.Is(err, fault.Invalid("lane.entry")) {
			t.Errorf("another's entry is corrected: %v", err)
		}
		if err := own(roads, 7, act(appeal.Registered, "2026-12-05")); err != nil {
			t.Fatal(err)
		}
		if a, err = l.Appeal(ctx, id, d.Code); err != nil || len(a.Standing.Legs) != 2 || a.Entries[6].Note.Reason != "Not our <well> & made up" || a.Standing.Legs[1].Registered.By != appeal.ByAuthority {
			t.Errorf("passed on: %+v, %v", a.Standing, err)
		}
		// Where another key lies in the holder's place, the entry stands and its number is lost.
		other := manhole()
		attestedWith(t, l, other)
		behind(t, raw, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE appeal_key SET public = (SELECT public FROM appeal_key WHERE request = $1) WHERE request <> $1`, id)
			return err
		})
		q := request(t, l, id+1)
		if err := l.AttestOwn(ctx, q.Assignments[0], q, 0, 1, act(appeal.Registered, "2026-12-02", number(secret))); err != nil {
			t.Fatal(err)
		}
		if a, err := l.Appeal(ctx, q.ID, other.Code); err != nil || !a.Entries[1].Lost || a.Entries[1].Note.Number != "" || a.Standing.Legs[0].Due == nil {
			t.Errorf("with another key: %+v, %v", a.Entries, err)
		}
		// And where none was kept, nothing of it is.
		behind(t, raw, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `DELETE FROM appeal_key`)
			return err
		})
		if err := l.AttestOwn(ctx, q.Assignments[0], q, 0, 2, lane.Entry{Voids: 2}); err != nil {
			t.Fatal(err)
		}
		if err := l.AttestOwn(ctx, q.Assignments[0], q, 0, 3, act(appeal.Registered, "2026-12-02", number(secret))); err != nil {
			t.Fatal(err)
		}
		if a, err := l.Appeal(ctx, q.ID, other.Code); err != nil || !a.Entries[3].Numbered || a.Entries[3].SealedTo != "" || a.Entries[3].Note.Number != "" {
			t.Errorf("without a key: %+v, %v", a.Entries[3], err)
		}
	})
}

// attestedWith makes the report of a draft official.
func attestedWith(t *testing.T, l *lane.Lane, d lane.Draft) {
	t.Helper()
	submit(t, l, d)
	attest(t, l, d.Code, act(appeal.Submitted, "2026-11-30", to("water")))
}
