package deliver_test

import (
	"context"
	"errors"
	"io"
	"mime/quotedprintable"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/mail"
	"kua/internal/mail/mailtest"
)

const (
	reader = "reader@mail.example"
	day    = 24 * time.Hour
)

// alerts sends letters until none is due.
func (h house) alerts(after time.Duration, send func(context.Context, mail.Message) error) {
	h.t.Helper()
	w := h.worker(after, send)
	for {
		did, err := w.Alert(h.t.Context())
		check(h.t, err)
		if !did {
			return
		}
	}
}

var alertLink = regexp.MustCompile(site + `/en/open/alert/([A-Z2-7]+)\b`)

// confirmed gives the mark of a wish that was asked for at noon and confirmed.
func (h house) confirmed(w lane.Wish) string {
	h.t.Helper()
	w.Address, w.Language = reader, locale.English
	check(h.t, h.lane.AskAlert(h.t.Context(), w))
	var p post
	h.alerts(0, p.send)
	if len(p.sent) != 1 || p.sent[0].To != reader || p.sent[0].Unsubscribe != "" {
		h.t.Fatalf("asked by %+v", p.sent)
	}
	mark := alertLink.FindStringSubmatch(p.sent[0].Text)
	if mark == nil {
		h.t.Fatalf("no link in\n%s", p.sent[0].Text)
	}
	h.alerts(0, func(context.Context, mail.Message) error {
		h.t.Error("a letter before it was confirmed")
		return nil
	})
	check(h.t, h.lane.ConfirmAlert(h.t.Context(), mark[1]))
	check(h.t, h.lane.ConfirmAlert(h.t.Context(), mark[1])) // pressed twice
	return mark[1]
}

// TestAlertOfAnArea: after it was confirmed an address is told once a day of what
// came to be seen the day before, in that area and of that kind alone, without a
// word of it; what waits, and what was taken back, is not told, and what a checker
// let through is told on the day after.
func TestAlertOfAnArea(t *testing.T) {
	server := mailtest.Start(t, mailtest.Take, false)
	onBoth(t, func(t *testing.T, h house) {
		l, before := h.lane, len(server.Letters())
		mark := h.confirmed(lane.Wish{Area: "ulgi", Category: "pothole"})
		id := submit(t, l, pothole())
		manhole := lane.Draft{Code: lane.NewCode(), Category: "manhole", Language: locale.Russian, Words: "Люк, выдумано", Area: "south", Answers: map[string][]string{"cover": {"gone"}}}
		submit(t, l, manhole)
		waits := pothole()
		waits.Words = "Яма, выдумано, https://advert.example"
		held := submit(t, l, waits)
		gone := submit(t, l, pothole())
		r, err := l.Request(t.Context(), gone)
		check(t, err)
		check(t, l.Move(t.Context(), r.Assignments[0].Number, r.Assignments[0].Step, lane.Move{To: lane.Withdrawn, By: lane.ByHolder, Reason: "выдумано"}))

		var none post
		h.alerts(11*time.Hour, none.send) // the day is not over
		if len(none.sent) != 0 {
			t.Fatalf("told on the same day: %+v", none.sent)
		}
		h.alerts(day, sender(server.Addr))
		letter := server.Wait(t, before+1)[before]
		_, body, _ := strings.Cut(letter.Text, "\r\n\r\n")
		text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
		check(t, err)
		links := regexp.MustCompile(`/open/case/(\d+)`).FindAllStringSubmatch(string(text), -1)
		if len(links) != 1 || links[0][1] != itoa(id) || strings.Contains(string(text), "Яма, выдумано") {
			t.Errorf("the letter tells of %v, want %d alone, without its words:\n%s", links, id, text)
		}
		end := "<" + site + "/en/open/alert/" + mark + "/end>"
		if got := letter.Header("List-Unsubscribe"); len(got) != 1 || got[0] != end {
			t.Errorf("List-Unsubscribe is %q, want %q", got, end)
		}
		if got := letter.Header("List-Unsubscribe-Post"); len(got) != 1 || got[0] != "List-Unsubscribe=One-Click" {
			t.Errorf("List-Unsubscribe-Post is %q", got)
		}
		if id := letter.Header("Message-ID"); len(id) != 1 || strings.Contains(id[0], mark) {
			t.Errorf("the secret of the links is in the Message-ID %q", id)
		}
		_, c, err := l.AddChecker(t.Context(), "A. M.", 7)
		check(t, err)
		history, err := l.History(t.Context(), held)
		check(t, err)
		check(t, l.Decide(t.Context(), lane.Check{Checker: c.Number, Request: held, Seen: int64(len(history)), To: lane.Routed}))
		h.alerts(day+time.Hour, none.send)
		if len(none.sent) != 0 {
			t.Errorf("told twice in a day: %+v", none.sent)
		}
		h.alerts(2*day, none.send)
		if len(none.sent) != 1 || strings.Count(none.sent[0].Text, "/open/case/") != 1 || !strings.Contains(none.sent[0].Text, "/open/case/"+itoa(held)+"\n") {
			t.Errorf("after it was let through: %+v", none.sent)
		}
		h.alerts(5*day, none.send)
		if len(none.sent) != 1 {
			t.Errorf("told of nothing: %+v", none.sent[1:])
		}
		check(t, l.EndAlert(t.Context(), mark))
		submit(t, l, pothole())
		h.alerts(7*day, none.send)
		if len(none.sent) != 1 {
			t.Errorf("told after its end: %+v", none.sent[1:])
		}
	})
}

func itoa(id int64) string { return strconv.FormatInt(id, 10) }

// TestAlertOfACase: whoever follows a report is told of each act, at most once in
// an hour, without the words that people wrote.
func TestAlertOfACase(t *testing.T) {
	onBoth(t, func(t *testing.T, h house) {
		l, d := h.lane, pothole()
		id := submit(t, l, d)
		h.confirmed(lane.Wish{Request: id})
		var p post
		h.alerts(time.Minute, p.send)
		if len(p.sent) != 0 {
			t.Fatalf("told of nothing: %+v", p.sent)
		}
		add := func(words string) {
			t.Helper()
			history, err := l.History(t.Context(), id)
			check(t, err)
			check(t, l.Add(t.Context(), lane.Addition{Code: d.Code, Words: words, After: int64(len(history))}))
		}
		add("Яма растёт, выдумано")
		h.alerts(2*time.Minute, p.send)
		if len(p.sent) != 1 || !strings.Contains(p.sent[0].Text, "words were added") || strings.Contains(p.sent[0].Text, "растёт") {
			t.Fatalf("told %+v", p.sent)
		}
		add("Ещё больше, выдумано")
		r, err := l.Request(t.Context(), id)
		check(t, err)
		check(t, l.Move(t.Context(), r.Assignments[0].Number, r.Assignments[0].Step, lane.Move{To: lane.Delivered, By: lane.ByHouse}))
		h.alerts(30*time.Minute, p.send)
		if len(p.sent) != 1 {
			t.Fatalf("told twice in an hour: %+v", p.sent[1:])
		}
		h.alerts(63*time.Minute, p.send)
		if len(p.sent) != 2 || strings.Count(p.sent[1].Text, "28 November 2026: ") != 2 || p.sent[0].ID == p.sent[1].ID {
			t.Fatalf("told %+v", p.sent[1:])
		}
		h.alerts(3*time.Hour, p.send)
		if len(p.sent) != 2 {
			t.Errorf("told again: %+v", p.sent[2:])
		}
	})
}

// TestNoMailBomb: an address is asked three times a day whatever is wished for it
// and however it is written, has at most twenty alerts, is erased when it does not
// answer within a day, or is refused, and an alert ends after a year.
func TestNoMailBomb(t *testing.T) {
	onBoth(t, func(t *testing.T, h house) {
		l := h.lane
		ask := func(address, category string) {
			t.Helper()
			check(t, l.AskAlert(t.Context(), lane.Wish{Address: address, Language: locale.Kazakh, Area: "ulgi", Category: category}))
		}
		var p post
		for _, address := range []string{"victim@mail.example", "victim+1@mail.example", "Victim+2@MAIL.example", "victim+3@mail.example", "victim@mail.example"} {
			ask(address, "pothole")
			ask(address, "manhole")
		}
		h.alerts(0, p.send)
		if len(p.sent) != 3 {
			t.Errorf("%d letters ask one mailbox, want 3", len(p.sent))
		}
		for i, want := range []error{fault.Invalid("lane.alert_address"), fault.Invalid("lane.alert_of"), fault.NotFound("authority.unknown"), fault.NotFound("lane.no_request")} {
			w := []lane.Wish{{Address: "A B <x@y.example>\r\nBcc: z@y.example", Area: "ulgi"}, {Address: reader}, {Address: reader, Area: "atlantis"}, {Address: reader, Request: 99}}[i]
			w.Language = locale.English
			if err := l.AskAlert(t.Context(), w); !errors.Is(err, want) {
				t.Errorf("%+v: %v, want %v", w, err, want)
			}
		}
		count := func(want lane.AlertCount) {
			t.Helper()
			if got, err := l.CountAlerts(t.Context()); err != nil || got != want {
				t.Errorf("there are %+v, %v, want %+v", got, err, want)
			}
		}
		count(lane.AlertCount{Asked: 3})
		h.later.Store(int64(2 * day))
		check(t, l.SweepAlerts(t.Context()))
		count(lane.AlertCount{})

		h.later.Store(0)
		mark := h.confirmed(lane.Wish{Area: "ulgi"})
		count(lane.AlertCount{Areas: 1})
		if n, err := l.EndAlertsOf(t.Context(), "reader@MAIL.example"); err != nil || n != 1 {
			t.Errorf("the operator erased %d, %v", n, err)
		}
		if _, err := l.Alert(t.Context(), mark); !errors.Is(err, fault.NotFound("lane.no_alert")) {
			t.Errorf("after that: %v", err)
		}
		ask("nobody@mail.example", "")
		h.alerts(0, (&post{err: fault.Invalid("mail.refused", 550)}).send)
		count(lane.AlertCount{Ended: 1})

		h.confirmed(lane.Wish{Area: "ulgi"})
		h.later.Store(int64(365 * day))
		check(t, l.SweepAlerts(t.Context()))
		count(lane.AlertCount{Areas: 1})
		h.later.Store(int64(366 * day))
		check(t, l.SweepAlerts(t.Context()))
		count(lane.AlertCount{})
	})
}

// TestAlertKilledBetweenSendAndMark: a worker that is killed after the server took
// its letter leaves the alert to the next one, which sends it under the same
// Message-ID.
func TestAlertKilledBetweenSendAndMark(t *testing.T) {
	server := mailtest.Start(t, mailtest.Take, false)
	onBoth(t, func(t *testing.T, h house) {
		before := len(server.Letters())
		check(t, h.lane.AskAlert(t.Context(), lane.Wish{Address: reader, Language: locale.Uzbek, Area: "south"}))
		victim := exec.CommandContext(t.Context(), os.Args[0])
		victim.Env = append(os.Environ(), victimLane+"="+h.at, victimMail+"="+server.Addr, victimAlert+"=1")
		victim.Stderr = os.Stderr
		exit, ok := errors.AsType[*exec.ExitError](victim.Run())
		if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the victim ended by itself: %v", exit)
		}
		server.Wait(t, before+1)
		h.alerts(time.Minute, func(context.Context, mail.Message) error {
			t.Error("sent while the lease of the victim goes on")
			return nil
		})
		h.alerts(time.Hour, sender(server.Addr))
		all := server.Wait(t, before+2)[before:]
		if a, b := all[0].Header("Message-ID")[0], all[1].Header("Message-ID")[0]; a != b || !strings.Contains(a, "alert-") {
			t.Errorf("the second has the Message-ID %s, the first %s", b, a)
		}
		h.alerts(2*time.Hour, func(context.Context, mail.Message) error {
			t.Error("sent a third time")
			return nil
		})
	})
}

// TestAlertOfWhatIsSaid: whoever is told of an area is told of what authorities announce and pledge in
// it, around it and, bound there, of no area; of nothing that they say elsewhere.
func TestAlertOfWhatIsSaid(t *testing.T) {
	onBoth(t, func(t *testing.T, h house) {
		h.confirmed(lane.Wish{Area: "south"})
		say := func(matter lane.Matter, authority, area string) string {
			t.Helper()
			p := lane.Post{Matter: matter, By: lane.ByOfficial, Authority: authority, Area: area, Language: locale.Russian, Words: "Воды не будет, выдумано", Ends: h.lane.Today().Plus(9)}
			if matter == lane.Announcement {
				p.Begins = h.lane.Today()
			}
			id, err := h.lane.AddPost(t.Context(), p)
			check(t, err)
			return site + "/en/open/case/" + itoa(id)
		}
		told := []string{say(lane.Announcement, "water", ""), say(lane.Pledge, "roads", ""), say(lane.Announcement, "city-hall", "ulgi"), say(lane.Pledge, "water", "south")}
		other := []string{say(lane.Announcement, "bazaar-office", ""), say(lane.Announcement, "water", "north")}
		var p post
		h.alerts(day, p.send)
		if len(p.sent) != 1 {
			t.Fatalf("%d letters, want one", len(p.sent))
		}
		for i, at := range append(told, other...) {
			if want := i < len(told); strings.Contains(p.sent[0].Text, at+"\n") != want {
				t.Errorf("told of %s: %v\n%s", at, !want, p.sent[0].Text)
			}
		}
	})
}
