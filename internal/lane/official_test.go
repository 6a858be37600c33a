package lane_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/keyring"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/nodeapi"
	"kua/internal/seal"
	"kua/internal/sqldb"
)

// collective is somebody to whom a lane seals, and a day that can be moved.
type collective struct {
	person *keyring.Person
	now    time.Time
	none   bool // there is no charter
}

func newCollective(t *testing.T) *collective {
	t.Helper()
	p, err := keyring.NewPersonOf(seal.X25519, "aigul")
	if err != nil {
		t.Fatal(err)
	}
	return &collective{person: p, now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
}

func (c *collective) on(day string) {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	c.now = at.Add(12 * time.Hour)
}

func (c *collective) sealer() lane.Seal {
	if c.none {
		return nil
	}
	return func(plain []byte) ([]byte, error) {
		var b bytes.Buffer
		w, err := seal.Writer(&b, []string{c.person.Recipient()})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(plain); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		return b.Bytes(), nil
	}
}

// onBothSealing is onBoth with a collective.
func onBothSealing(t *testing.T, test func(t *testing.T, l *lane.Lane, c *collective, raw sqldb.Config)) {
	dir, url := t.TempDir(), lanetest.Database(t)
	for name, raw := range map[string]sqldb.Config{"sqlite": {Path: filepath.Join(dir, "lane.db")}, "postgres": {URL: url}} {
		t.Run(name, func(t *testing.T) {
			c := newCollective(t)
			l, err := lane.Open(t.Context(), lane.Config{Dir: dir, URL: raw.URL, Now: func() time.Time { return c.now }, Sealer: c.sealer})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			test(t, withCity(t, l), c, raw)
		})
	}
}

func (c *collective) open(t *testing.T, sealed []byte) []byte {
	t.Helper()
	r, err := c.person.Open(bytes.NewReader(sealed))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestContactIsSealed keeps a contact as an age file that the collective alone
// opens, one for each request, and takes it away when asked.
func TestContactIsSealed(t *testing.T) {
	onBothSealing(t, func(t *testing.T, l *lane.Lane, c *collective, _ sqldb.Config) {
		ctx, d := t.Context(), manhole()
		id := submit(t, l, d)
		if err := l.Contact(ctx, d.Code, "  +7 700 000 00 00, выдумано "); err != nil {
			t.Fatal(err)
		}
		first, err := l.Contacts(ctx, 0, 10)
		if err != nil || len(first) != 1 || first[0].Request != id {
			t.Fatalf("Contacts = %+v, %v", first, err)
		}
		got, err := nodeapi.ReadContact(c.open(t, first[0].Sealed), id)
		if err != nil || got.Contact != "+7 700 000 00 00, выдумано" || got.Day != "2026-11-28" {
			t.Errorf("opened: %+v, %v", got, err)
		}
		if _, err := nodeapi.ReadContact(c.open(t, first[0].Sealed), id+1); !errors.Is(err, fault.Corrupt("nodeapi.lane_sealed")) {
			t.Errorf("another request's contact: %v", err)
		}
		other, err := keyring.NewPersonOf(seal.X25519, "timur")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Open(bytes.NewReader(first[0].Sealed)); err == nil {
			t.Error("somebody else opened it")
		}
		if err := l.Contact(ctx, d.Code, "a@b.example"); err != nil {
			t.Fatal(err)
		}
		second, err := l.Contacts(ctx, 0, 10)
		if err != nil || len(second) != 1 || len(second[0].Sealed) != len(first[0].Sealed) {
			t.Errorf("a shorter one shows its length: %d and %d bytes, %v", len(first[0].Sealed), len(second[0].Sealed), err)
		}
		for name, bad := range map[string]string{"two lines": "a\nb", "too long": strings.Repeat("я", 201), "a direction": "a\u202eb"} {
			if err := l.Contact(ctx, d.Code, bad); !errors.Is(err, fault.Invalid("lane.contact")) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := l.Contact(ctx, lane.NewCode(), "x"); !errors.Is(err, fault.NotFound("lane.unknown_code")) {
			t.Errorf("without the code: %v", err)
		}
		c.none = true
		if err := l.Contact(ctx, d.Code, "x"); !errors.Is(err, fault.Conflict("lane.no_charter")) || l.Seals() {
			t.Errorf("without a charter: %v", err)
		}
		if err := l.Contact(ctx, d.Code, ""); err != nil {
			t.Errorf("it cannot be taken away: %v", err)
		}
		if day, err := l.ContactSince(ctx, id); day != "" || err != nil {
			t.Errorf("it was taken away; there since %q, %v", day, err)
		}
	})
}

func act(a appeal.Act, day appeal.Day, change ...func(*lane.Entry)) lane.Entry {
	e := lane.Entry{Act: a, Day: day}
	for _, c := range change {
		c(&e)
	}
	return e
}

func to(authority string) func(*lane.Entry)  { return func(e *lane.Entry) { e.Authority = authority } }
func number(n string) func(*lane.Entry)      { return func(e *lane.Entry) { e.Note.Number = n } }
func until(day appeal.Day) func(*lane.Entry) { return func(e *lane.Entry) { e.Until = day } }

// attest enters what must be taken.
func attest(t *testing.T, l *lane.Lane, code string, e lane.Entry) lane.Appeal {
	t.Helper()
	id, err := l.Held(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	now, err := l.Appeal(t.Context(), id, code)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Attest(t.Context(), code, int64(len(now.Entries)), e); err != nil {
		t.Fatalf("Attest %+v: %v", e, err)
	}
	now, err = l.Appeal(t.Context(), id, code)
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// TestAttest keeps the times of an appeal: appended only, each once, in whatever
// order its holder learns of them, the number for the code alone.
func TestAttest(t *testing.T) {
	onBothSealing(t, func(t *testing.T, l *lane.Lane, c *collective, _ sqldb.Config) {
		ctx, d := t.Context(), manhole()
		id := submit(t, l, d)
		c.on("2026-12-10")
		attest(t, l, d.Code, act(appeal.Submitted, "2026-11-30", to("water")))
		attest(t, l, d.Code, act(appeal.Registered, "2026-12-02", number("А-17/выдумано")))
		a := attest(t, l, d.Code, act(appeal.Delivered, "2026-12-01")) // the slip came later
		leg := a.Standing.Legs[0]
		if leg.Submitted.Day != "2026-11-30" || leg.Delivered.Day != "2026-12-01" || leg.Registered.Day != "2026-12-02" || leg.Number != "А-17/выдумано" || leg.Due == nil {
			t.Fatalf("the leg is %+v", leg)
		}
		other := manhole()
		otherID := submit(t, l, other)
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				if err := l.Attest(ctx, other.Code, 0, act(appeal.Submitted, "2026-11-30", to("water"))); err != nil {
					t.Errorf("sent many times at once: %v", err)
				}
			})
		}
		wg.Wait()
		if once, err := l.Appeal(ctx, otherID, ""); err != nil || len(once.Entries) != 1 {
			t.Errorf("sent many times at once, it stands %d times, %v", len(once.Entries), err)
		}
		if err := l.Attest(ctx, d.Code, 2, act(appeal.Answered, "2026-12-09")); !errors.Is(err, fault.Conflict("lane.entered")) {
			t.Errorf("behind what is there: %v", err)
		}
		everybody, err := l.Appeal(ctx, id, "")
		if err != nil || len(everybody.Entries) != 3 || everybody.Standing.Legs[0].Due == nil || everybody.Standing.Legs[0].Due.Day != leg.Due.Day {
			t.Errorf("for everybody: %+v, %v", everybody.Standing, err)
		}
		if got := everybody.Standing.Legs[0].Number; strings.Contains(got, "17") {
			t.Errorf("everybody reads the number %q", got)
		}
		if _, err := l.Appeal(ctx, id, lane.NewCode()); err == nil {
			t.Error("another code opens the notes")
		}
		for name, c := range map[string]struct {
			e    lane.Entry
			want error
		}{
			"tomorrow":                {act(appeal.Answered, "2026-12-11"), fault.Invalid("lane.entry")},
			"no day":                  {act(appeal.Answered, ""), fault.Invalid("lane.entry")},
			"no such day":             {act(appeal.Answered, "2026-02-30"), fault.Invalid("appeal.bad_day")},
			"submitted again":         {act(appeal.Submitted, "2026-12-05", to("water")), fault.Conflict("appeal.out_of_order")},
			"nobody's":                {act(appeal.Forwarded, "2026-12-05", to("nobody")), fault.NotFound("authority.unknown")},
			"to nobody":               {act(appeal.Forwarded, "2026-12-05"), fault.Invalid("appeal.attester")},
			"extended to its own day": {act(appeal.Extended, "2026-12-05", until("2026-12-05")), fault.Invalid("lane.entry")},
			"two at once":             {lane.Entry{Act: appeal.Answered, Day: "2026-12-05", Says: appeal.Mended}, fault.Invalid("lane.entry")},
			"nothing":                 {lane.Entry{Day: "2026-12-05"}, fault.Invalid("lane.entry")},
			"an unknown act":          {act("burnt", "2026-12-05"), fault.Conflict("appeal.out_of_order")},
			"control signs":           {act(appeal.Answered, "2026-12-05", number("1\n2")), fault.Invalid("lane.text")},
			"a number without an act": {lane.Entry{Sent: appeal.Reminder, Day: "2026-12-05", Note: lane.Note{Number: "1"}}, fault.Invalid("lane.entry")},
			"a letter before":         {lane.Entry{Sent: appeal.Reminder, Day: "2026-11-29"}, fault.Invalid("lane.entry")},
			"voids what is not there": {lane.Entry{Voids: 9}, fault.Invalid("lane.entry")},
			"voids what others need":  {lane.Entry{Voids: 1}, fault.Conflict("appeal.out_of_order")},
		} {
			if err := l.Attest(ctx, d.Code, 3, c.e); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
		a = attest(t, l, d.Code, lane.Entry{Voids: 2}) // the number was misread
		if a.Standing.Legs[0].Registered.Day != "" || !a.Entries[1].Voided || len(a.Entries) != 4 {
			t.Errorf("after the correction: %+v", a.Entries)
		}
		a = attest(t, l, d.Code, act(appeal.Registered, "2026-12-03", number("А-18/выдумано")))
		if a.Standing.Legs[0].Number != "А-18/выдумано" || len(a.Entries) != 5 {
			t.Errorf("corrected: %+v", a.Standing.Legs[0])
		}
	})
}

// TestAppealIsChained: an entry that was changed in the database is found.
func TestAppealIsChained(t *testing.T) {
	onBothSealing(t, func(t *testing.T, l *lane.Lane, c *collective, raw sqldb.Config) {
		d := manhole()
		id := submit(t, l, d)
		attest(t, l, d.Code, act(appeal.Submitted, "2026-11-27", to("water")))
		attest(t, l, d.Code, act(appeal.Delivered, "2026-11-28"))
		db, err := sqldb.Open(t.Context(), raw)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), `UPDATE appeal_event SET body = replace(body, '2026-11-27', '2026-11-20') WHERE number = 1`); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Appeal(t.Context(), id, ""); !errors.Is(err, fault.Corrupt("lane.broken_history")) {
			t.Errorf("a changed entry: %v", err)
		}
	})
}

// TestEntrust gives a letter to the collective, which opens it, sends it and
// says so: then it is gone, and its day is in the appeal.
func TestEntrust(t *testing.T) {
	onBothSealing(t, func(t *testing.T, l *lane.Lane, c *collective, _ sqldb.Config) {
		ctx, d := t.Context(), manhole()
		id := submit(t, l, d)
		t1 := lane.Letter{Step: appeal.First, Body: "water", To: "Водоканал", Language: "ru", Text: "Прошу починить. Айгуль Выдуманова", PDF: []byte("%PDF-выдумано"), Contact: "a@b.example"}
		if err := l.Entrust(ctx, d.Code, t1); err != nil {
			t.Fatal(err)
		}
		if err := l.Entrust(ctx, d.Code, t1); !errors.Is(err, fault.Conflict("lane.entrusted")) {
			t.Errorf("a second one: %v", err)
		}
		nowhere := t1
		nowhere.Body = ""
		if err := l.Entrust(ctx, d.Code, nowhere); !errors.Is(err, fault.NotFound("authority.unknown")) {
			t.Errorf("to nobody: %v", err)
		}
		all, err := l.Letters(ctx, 0, 9)
		if err != nil || len(all) != 1 {
			t.Fatalf("Letters = %+v, %v", all, err)
		}
		got, err := nodeapi.ReadLetter(c.open(t, all[0].Sealed), id)
		if err != nil || got.Text != t1.Text || string(got.PDF) != string(t1.PDF) || got.To != t1.To || got.Contact != t1.Contact || got.Step != "first" {
			t.Errorf("opened: %+v, %v", got, err)
		}
		other := manhole()
		submit(t, l, other)
		if err := l.TakeBack(ctx, other.Code, all[0].Number); !errors.Is(err, fault.NotFound("lane.no_letter")) {
			t.Errorf("another holder takes it back: %v", err)
		}
		if err := l.AttestSending(ctx, lane.Sending{Request: id, Letter: all[0].Number, Day: "2026-11-29"}); !errors.Is(err, fault.Invalid("lane.entry")) {
			t.Errorf("sent tomorrow: %v", err)
		}
		for range 2 { // the answer to the first was lost
			if err := l.AttestSending(ctx, lane.Sending{Request: id, Letter: all[0].Number, Day: "2026-11-28"}); err != nil {
				t.Fatal(err)
			}
			if err := l.AttestSending(ctx, lane.Sending{Request: id, Day: "2026-11-28"}); err != nil {
				t.Fatal(err)
			}
		}
		a, err := l.Appeal(ctx, id, d.Code)
		if err != nil || len(a.Entries) != 2 || a.Standing.Legs[0].Submitted.By != appeal.ByHouse || a.Standing.Legs[0].Delivered.By != appeal.ByHouse {
			t.Fatalf("Appeal = %+v, %v", a.Entries, err)
		}
		if left, err := l.Letters(ctx, 0, 9); err != nil || len(left) != 0 {
			t.Errorf("left: %+v, %v", left, err)
		}
		if err := l.Attest(ctx, d.Code, 2, lane.Entry{Voids: 1}); !errors.Is(err, fault.Invalid("lane.entry")) {
			t.Errorf("the citizen takes back the collective's word: %v", err)
		}
		reminder := lane.Letter{Step: appeal.Reminder, Body: "water", To: "Водоканал", Language: "ru", Text: "Напоминаю"}
		if err := l.Entrust(ctx, d.Code, reminder); err != nil {
			t.Fatal(err)
		}
		all, err = l.Waiting(ctx, id)
		if err != nil || len(all) != 1 {
			t.Fatalf("Waiting = %+v, %v", all, err)
		}
		if err := l.TakeBack(ctx, d.Code, all[0].Number); err != nil {
			t.Error(err)
		}
		if err := l.AttestSending(ctx, lane.Sending{Request: id, Letter: all[0].Number, Day: "2026-11-28"}); err != nil {
			t.Error(err)
		}
		if a, err = l.Appeal(ctx, id, ""); err != nil || len(a.Sent) != 0 {
			t.Errorf("what was taken back counts as sent: %+v, %v", a.Sent, err)
		}
	})
}
