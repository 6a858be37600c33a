package deliver_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/deliver"
	"kua/internal/locale"
	"kua/internal/mail"
	"kua/internal/mail/mailtest"
)

// TestAlertsOfDeadMailboxes: what a real server says of a mailbox at RCPT for good ends all
// alerts of that address at once; what it says for now ends them after days; a letter that
// it refuses ends its own alert after some; and what it says of the sender, or that nobody
// answers, ends none. Of what ended a number is kept, and no diary has the address.
func TestAlertsOfDeadMailboxes(t *testing.T) {
	onBoth(t, func(t *testing.T, h house) {
		l := h.lane
		count := func(what string, want lane.AlertCount) {
			t.Helper()
			if got, err := l.CountAlerts(t.Context()); err != nil || got != want {
				t.Errorf("%s: there are %+v, %v, want %+v", what, got, err, want)
			}
		}
		var diary bytes.Buffer
		servers := map[mailtest.Manner]*mailtest.Server{}
		said := func(manner mailtest.Manner, later time.Duration) {
			t.Helper()
			address := "127.0.0.1:1"
			if manner != "" {
				if servers[manner] == nil {
					servers[manner] = mailtest.Start(t, manner, false)
				}
				address = servers[manner].Addr
			}
			h.later.Store(int64(later))
			w, err := deliver.New(deliver.Config{Lane: l, Catalogue: words(), Site: site, Mail: sender(address), Diary: slog.New(slog.NewTextHandler(&diary, nil))})
			check(t, err)
			for did := true; did; {
				did, err = w.Alert(t.Context())
				check(t, err)
			}
		}
		wishes := func() {
			t.Helper()
			h.later.Store(0)
			h.confirmed(lane.Wish{Area: "ulgi"})
			h.confirmed(lane.Wish{Area: "south"})
			submit(t, l, pothole())
		}
		wishes()
		for i := range 8 {
			said([]mailtest.Manner{"", mailtest.Sender}[i%2], day+time.Duration(i)*day)
		}
		count("the house's own trouble", lane.AlertCount{Areas: 2})
		said(mailtest.Refuse, 20*day)
		count("no such mailbox", lane.AlertCount{Ended: 2})

		h.later.Store(0)
		check(t, l.AskAlert(t.Context(), lane.Wish{Address: "nobody@mail.example", Language: locale.English, Area: "ulgi"}))
		said(mailtest.Refuse, 0)
		count("asked, and no such mailbox", lane.AlertCount{Ended: 3})
		if strings.Contains(diary.String(), "@mail.example") {
			t.Errorf("the diary has an address:\n%s", diary.String())
		}
	})
}

// TestAlertsGiveUp: a mailbox that takes nothing for now keeps its alerts for more than
// four days (RFC 5321, 4.5.4.1), and loses them then.
func TestAlertsGiveUp(t *testing.T) {
	onBoth(t, func(t *testing.T, h house) {
		h.confirmed(lane.Wish{Area: "ulgi"})
		submit(t, h.lane, pothole())
		ends := func(why error) (tries int, lasted time.Duration) {
			t.Helper()
			box := &post{err: why}
			for at := day; at < 20*day; at += time.Hour {
				h.alerts(at, box.send)
				if n, err := h.lane.CountAlerts(t.Context()); err != nil || n.Areas == 0 {
					check(t, err)
					return len(box.sent), at - day
				}
			}
			t.Fatalf("%v: it goes on for twenty days", why)
			return 0, 0
		}
		if _, lasted := ends(fault.Later("mail.mailbox_later", 450)); lasted < 4*day || lasted > 9*day {
			t.Errorf("a full mailbox loses its alert after %s", lasted)
		}
		h.later.Store(0)
		h.confirmed(lane.Wish{Area: "ulgi"})
		submit(t, h.lane, pothole())
		if _, lasted := ends(fault.Invalid("mail.refused", 554)); lasted > day {
			t.Errorf("letters that are refused for good are tried for %s", lasted)
		}
		if n, err := h.lane.CountAlerts(t.Context()); err != nil || n != (lane.AlertCount{Ended: 2}) {
			t.Errorf("there are %+v, %v", n, err)
		}
	})
}

// TestPolicyEndsNoAlert: a server's rules at RCPT end no alert, however long they last; when
// they are lifted its letter is sent.
func TestPolicyEndsNoAlert(t *testing.T) {
	onBoth(t, func(t *testing.T, h house) {
		h.confirmed(lane.Wish{Area: "ulgi"})
		submit(t, h.lane, pothole())
		server, box := mailtest.Start(t, mailtest.Says, false), &post{}
		for at := day; at < 20*day; at += 8 * time.Hour {
			h.alerts(at, func(ctx context.Context, m mail.Message) error {
				m.To = "554_5.7.1@mail.example"
				return sender(server.Addr)(ctx, m)
			})
		}
		h.alerts(21*day, box.send)
		if n, err := h.lane.CountAlerts(t.Context()); err != nil || n != (lane.AlertCount{Areas: 1}) || len(box.sent) != 1 {
			t.Errorf("there are %+v, %v; %d letters", n, err, len(box.sent))
		}
	})
}

// TestSilentServerTakesNoTurns: while no mail server answers, one alert is tried and the
// others rest with it, longer each time; the daily letters have their turn, and once a
// server answers all letters are sent.
func TestSilentServerTakesNoTurns(t *testing.T) {
	onEngines(t, func(t *testing.T, at string) {
		h := newHouse(t, at, deskCity())
		h.hire("water")
		_, err := h.lane.AddPost(t.Context(), lane.Post{Matter: lane.Pledge, By: lane.ByOfficial, Authority: "water", Language: locale.Russian, Words: "Починим водокачку, выдумано", Ends: "2026-12-01"})
		check(t, err)
		for _, area := range []string{"ulgi", "south", "north"} {
			h.confirmed(lane.Wish{Area: area})
		}
		submit(t, h.lane, manhole("Люк без крышки, выдумано"))
		tries, digests := 0, 0
		run := func(later time.Duration) {
			t.Helper()
			ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute) // who never has a turn is seen below
			defer stop()
			h.later.Store(int64(later))
			w, err := deliver.New(deliver.Config{Lane: h.lane, Catalogue: words(), Site: site, Rest: time.Nanosecond, Mail: func(_ context.Context, m mail.Message) error {
				if m.To == reader {
					tries++
				} else {
					digests++
				}
				if tries > 0 && digests > 0 || tries > 9 { // both had their turn, whichever was first
					stop()
				}
				if m.To == reader {
					return fault.Later("mail.later")
				}
				return nil
			}})
			check(t, err)
			w.Run(ctx)
		}
		run(4 * day)
		if tries != 1 || digests != 1 {
			t.Errorf("%d alerts were tried beside %d daily letters", tries, digests)
		}
		quiet := &post{err: fault.Later("mail.later")}
		silent := func(at time.Duration) (n int) {
			h.alerts(at, func(ctx context.Context, m mail.Message) error { n++; return quiet.send(ctx, m) })
			return n
		}
		for i, want := range []int{0, 1, 0, 1, 0, 0, 0, 1} { // after one, two and four minutes
			if n := silent(4*day + time.Duration(i)*time.Minute); n != want {
				t.Errorf("after %d minutes %d are tried, want %d", i, n, want)
			}
		}
		box := &post{}
		h.alerts(5*day, box.send)
		if n, err := h.lane.CountAlerts(t.Context()); err != nil || n.Areas != 3 || len(box.sent) == 0 {
			t.Errorf("there are %+v, %v; %d letters", n, err, len(box.sent))
		}
	})
}

// TestPledgesRemind: the daily letter of an authority has a pledge from three days before
// its last day on, and says when that is over, which is worked out and stored nowhere; the
// inbox and the calendar have it too; kept or taken back it is over.
func TestPledgesRemind(t *testing.T) {
	onEngines(t, func(t *testing.T, at string) {
		h := newHouse(t, at, deskCity())
		ctx, box := t.Context(), &post{}
		head := h.hire("water")
		id, err := h.lane.AddPost(ctx, lane.Post{Matter: lane.Pledge, By: lane.ByOfficial, Authority: "water", Language: locale.Russian, Words: "Починим водокачку, выдумано", Ends: "2026-12-08"})
		check(t, err)
		digest := func(later time.Duration) string {
			t.Helper()
			box.sent = nil
			w := h.worker(later, box.send)
			for did := true; did; {
				did, err = w.Digest(ctx)
				check(t, err)
			}
			if len(box.sent) == 0 {
				return ""
			}
			return box.sent[0].Text
		}
		if text := digest(day); text != "" {
			t.Errorf("ten days before: %s", text)
		}
		if text := digest(8 * day); !strings.Contains(text, "Обещания, последний день которых в ближайшие три дня: 1") || strings.Contains(text, "водокачку") {
			t.Errorf("two days before: %q", text)
		}
		dues, _, err := h.lane.Dues(ctx, head)
		if err != nil || len(dues) != 1 || !dues[0].Pledge || dues[0].Over || dues[0].Day != "2026-12-08" || dues[0].Request != id {
			t.Errorf("Dues = %+v, %v", dues, err)
		}
		if text := digest(12 * day); !strings.Contains(text, "Просроченные обещания, это видно всем: 1") {
			t.Errorf("two days after: %q", text)
		}
		if due, err := h.lane.PledgesDue(ctx, head); err != nil || len(due) != 1 || !due[0].Over {
			t.Errorf("PledgesDue = %+v, %v", due, err)
		}
		r, err := h.lane.Request(ctx, id)
		check(t, err)
		check(t, h.lane.Move(ctx, r.Assignments[0].Number, r.Assignments[0].Step, lane.Move{To: lane.Mended, By: lane.ByOfficial}))
		if text := digest(13 * day); text != "" {
			t.Errorf("kept, and still: %q", text)
		}
		if due, err := h.lane.PledgesDue(ctx, head); err != nil || len(due) != 0 {
			t.Errorf("kept, and still: %+v, %v", due, err)
		}
	})
}

// TestAlertCameBack: a report that a reader's letter did not arrive ends its alert, and all of its address
// when there is no such mailbox; a name that was guessed ends none.
func TestAlertCameBack(t *testing.T) {
	onBoth(t, func(t *testing.T, h house) {
		for _, area := range []string{"ulgi", "south", "north"} {
			h.confirmed(lane.Wish{Area: area})
		}
		submit(t, h.lane, pothole())
		var p post
		h.alerts(day, p.send)
		name, _, _ := strings.Cut(p.sent[0].ID, "@")
		for i, c := range []struct {
			name string
			why  lane.Trouble
			ok   bool
			left int64
		}{{"alert-0123456789abcdef-1", lane.NoMailbox, false, 3}, {"alert-", lane.NoMailbox, false, 3}, {name, lane.LetterRefused, true, 2}, {name, lane.NoMailbox, false, 2}} {
			ok, err := h.lane.AlertCameBack(t.Context(), c.name, c.why)
			if n, broken := h.lane.CountAlerts(t.Context()); err != nil || broken != nil || ok != c.ok || n.Areas != c.left {
				t.Errorf("%d: %v, %v, and there are %+v, %v", i, ok, err, n, broken)
			}
		}
		other, _, _ := strings.Cut(p.sent[1].ID, "@")
		if ok, err := h.lane.AlertCameBack(t.Context(), other, lane.NoMailbox); !ok || err != nil {
			t.Error(ok, err)
		}
		if n, err := h.lane.CountAlerts(t.Context()); err != nil || n != (lane.AlertCount{Ended: 3}) {
			t.Errorf("there are %+v, %v", n, err)
		}
	})
}
