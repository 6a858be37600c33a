package deliver_test

import (
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"kua/internal/datafile"
	"kua/internal/fault"
	"kua/internal/lane"
)

// deskCity is the real city whose water works have people with accounts and a mailbox.
func deskCity() fs.FS {
	m := fstest.MapFS{}
	var problems datafile.Problems
	for name, text := range datafile.Folder(realCity(), &problems) {
		m[name] = &fstest.MapFile{Data: []byte(strings.Replace(string(text), `{kind: open311, address: "https://water.example/open311/v2/", jurisdiction: ulgi.example}`,
			`{kind: account, address: desk@water.example, language: ru}`, 1))}
	}
	return m
}

// hire sets an account up.
func (h house) hire(body string) lane.Account {
	h.t.Helper()
	a, token, err := h.lane.AddAccount(h.t.Context(), nil, body, "Head of "+body, true)
	check(h.t, err)
	secret := lane.NewSecret()
	code, err := secret.Code(h.lane.Now())
	check(h.t, err)
	_, _, err = h.lane.SetUpPassword(h.t.Context(), token, "four words of no poem", secret, code)
	check(h.t, err)
	return a
}

func manhole(words string) lane.Draft {
	return lane.Draft{Code: lane.NewCode(), Category: "manhole", Language: "ru", Words: words, Area: "south", Answers: map[string][]string{"cover": {"gone"}}}
}

// TestDigest: an authority with a mailbox gets one letter a day, from seven in the
// morning by its country's clock, when something waits; with numbers and nothing of a report, under one
// name at every try and by whichever worker; none when it is switched off.
func TestDigest(t *testing.T) {
	onEngines(t, func(t *testing.T, at string) {
		h := newHouse(t, at, deskCity())
		ctx, box := t.Context(), &post{}
		digest := func(later time.Duration) {
			t.Helper()
			w := h.worker(later, box.send)
			for {
				did, err := w.Digest(ctx)
				check(t, err)
				if !did {
					return
				}
			}
		}
		const day = 24 * time.Hour
		id := submit(t, h.lane, manhole("Люк на улице Тайной, выдумано"))
		if digest(0); len(box.sent) != 0 {
			t.Fatal("it is written to people who are not there")
		}
		head := h.hire("water")
		h.drain(h.worker(0, box.send))
		night := 14*time.Hour - time.Minute // 01:59 UTC is 06:59 in Kazakhstan
		if digest(night - day); len(box.sent) != 0 {
			t.Fatal("it was written before seven")
		}
		box.err = fault.Later("mail.later")
		digest(14 * time.Hour)
		if s, err := h.lane.DigestOf(ctx, head); err != nil || s.Mailbox != "desk@water.example" || s.Off || s.Last != "2026-11-29" || s.Why == nil {
			t.Errorf("DigestOf = %+v, %v", s, err)
		}
		box.err = nil
		var wg sync.WaitGroup
		for range 3 {
			w := h.worker(14*time.Hour+2*time.Minute, box.send)
			wg.Go(func() {
				for did, err := true, error(nil); did; {
					if did, err = w.Digest(ctx); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		digest(18 * time.Hour)
		if len(box.sent) != 1 {
			t.Fatalf("%d letters in a day", len(box.sent))
		}
		m := box.sent[0]
		if m.To != "desk@water.example" || m.ID != "day-ulgi-water-2026-11-29@kua.example" || !strings.Contains(m.Text, "С ними пока ничего не сделано: 1") || !strings.Contains(m.Text, "/ru/open/office/") ||
			strings.Contains(m.Text+m.Subject, "Тайной") || strings.Contains(m.Text, "Просрочено") || strings.Contains(m.Text, "Head of") || strings.Contains(m.Text, "/at/") {
			t.Errorf("the letter is %+v", m)
		}
		if s, err := h.lane.DigestOf(ctx, head); err != nil || s.Why != nil || s.Last != "2026-11-29" {
			t.Errorf("DigestOf = %+v, %v", s, err)
		}
		// Planned: soon, then over; done: nothing.
		r, err := h.lane.Request(ctx, id)
		check(t, err)
		a := r.Assignments[0]
		check(t, h.lane.Answer(ctx, a, a.Step, lane.Move{To: lane.Planned, By: lane.ByOfficial, On: "2026-12-01"}))
		digest(2 * day)
		digest(4 * day)
		if len(box.sent) != 3 || !strings.Contains(box.sent[1].Text, "Срок в ближайшие три дня: 1") || !strings.Contains(box.sent[2].Text, "Просрочено: 1") || box.sent[1].ID == box.sent[2].ID {
			t.Fatalf("the letters are %+v", box.sent)
		}
		// Off, by an admin alone.
		if err := h.lane.SwitchDigest(ctx, lane.Account{Authority: "water"}, true); !errors.Is(err, fault.Forbidden("lane.not_admin")) {
			t.Errorf("switched off by anybody: %v", err)
		}
		check(t, h.lane.SwitchDigest(ctx, head, true))
		digest(5 * day)
		check(t, h.lane.SwitchDigest(ctx, head, false))
		if digest(5 * day); len(box.sent) != 3 {
			t.Errorf("written though it was off that morning: %+v", box.sent[3:])
		}
		digest(6 * day)
		r, err = h.lane.Request(ctx, id)
		check(t, err)
		check(t, h.lane.Move(ctx, a.Number, r.Assignments[0].Step, lane.Move{To: lane.Refused, By: lane.ByOfficial, Reason: "Made up"}))
		if digest(7 * day); len(box.sent) != 4 {
			t.Errorf("%d letters; nothing waits any more", len(box.sent))
		}
		traces, err := h.lane.AccountTraces(ctx, "water", 2)
		if err != nil || traces[0].What != "digest_on" || traces[1].What != "digest_off" {
			t.Errorf("AccountTraces = %+v, %v", traces, err)
		}
	})
	made := newHouse(t, t.TempDir(), madeUp(deskCity()))
	made.hire("water")
	submit(t, made.lane, manhole("Люк, выдумано"))
	box := &post{}
	if did, err := made.worker(20*time.Hour, box.send).Digest(t.Context()); did || err != nil || len(box.sent) > 0 {
		t.Errorf("a made-up authority is written to: %v, %v", did, err)
	}
}

// madeUp says of a city that it is made up.
func madeUp(city fs.FS) fs.FS {
	m := fstest.MapFS{}
	var problems datafile.Problems
	for name, text := range datafile.Folder(city, &problems) {
		m[name] = &fstest.MapFile{Data: []byte(strings.Replace(string(text), "made_up: false", "made_up: true", 1))}
	}
	return m
}
