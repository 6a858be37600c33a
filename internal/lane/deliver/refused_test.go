package deliver_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"kua/internal/fault"
	"kua/internal/lane"
)

// TestRefusedLetterStops: a letter that its receiver refuses is tried for five days and then
// no more, and what comes later to the same authority waits behind it; nothing says that it
// was delivered, the history says what became of it, and a person has it tried again or says
// that it was brought by hand. The house's own trouble ends no letter.
func TestRefusedLetterStops(t *testing.T) {
	onBoth(t, func(t *testing.T, h house) {
		l, ctx, box := h.lane, t.Context(), &post{}
		d := pothole()
		id, other := submit(t, l, d), submit(t, l, pothole())
		days := func(from, to int, why error) {
			t.Helper()
			box.err = why
			for at := from * 24; at < to*24; at += 12 {
				h.drain(h.worker(time.Duration(at)*time.Hour, box.send))
			}
		}
		stopped := func(what string, want int) []lane.Delivery {
			t.Helper()
			all, err := l.Stopped(ctx, 0, 10)
			if err != nil || len(all) != want {
				t.Fatalf("%s: stopped %+v, %v, want %d", what, all, err, want)
			}
			return all
		}
		fates := func(request int64) (all []lane.LetterFate) {
			t.Helper()
			history, err := l.History(ctx, request)
			check(t, err)
			for _, e := range history {
				if e.Letter != "" {
					all = append(all, e.Letter)
				}
			}
			return all
		}
		for _, own := range []error{fault.Later("mail.later"), errors.New("made up")} {
			days(0, 8, own)
			stopped("the house's own trouble", 0)
		}
		refusal := fault.Invalid("mail.no_mailbox", 550)
		days(8, 12, refusal)
		stopped("four days of refusals", 0)
		days(12, 15, refusal)
		all := stopped("seven days of refusals", 2)
		if why := all[0].Why; why == nil || why.Key != "mail.no_mailbox" || !all[0].Stopped || all[0].Waiting || all[0].Request != id {
			t.Errorf("Stopped = %+v", all[0])
		}
		check(t, l.Add(ctx, lane.Addition{Code: d.Code, Words: "Ещё одна, выдумано", After: 2}))
		days(15, 17, nil)
		if len(box.sent) != 0 || state(t, l, id) != lane.Routed || !slices.Equal(fates(id), []lane.LetterFate{lane.LetterStopped}) {
			t.Errorf("%d letters after it stopped, state %s, %v", len(box.sent), state(t, l, id), fates(id))
		}

		check(t, l.TryAgain(ctx, all[0].Number))
		days(17, 18, refusal)
		stopped("refused again, once more", 1)
		days(18, 19, nil)
		if len(box.sent) != 1 || state(t, l, id) != lane.Delivered || !slices.Equal(fates(id), []lane.LetterFate{lane.LetterStopped, lane.LetterAgain}) {
			t.Errorf("tried again: %d letters, state %s, %v", len(box.sent), state(t, l, id), fates(id))
		}
		check(t, l.SentByHand(ctx, all[1].Number))
		if state(t, l, other) != lane.Delivered || !slices.Equal(fates(other), []lane.LetterFate{lane.LetterStopped, lane.LetterByHand}) {
			t.Errorf("by hand: state %s, %v", state(t, l, other), fates(other))
		}
		stopped("all are taken up", 0)
		for _, again := range []error{l.TryAgain(ctx, all[0].Number), l.SentByHand(ctx, all[1].Number)} {
			if !errors.Is(again, fault.NotFound("lane.not_stopped")) {
				t.Errorf("what has not stopped: %v", again)
			}
		}
		if differ, err := l.Recount(ctx, false); err != nil || len(differ) != 0 {
			t.Errorf("Recount = %+v, %v", differ, err)
		}
	})
}

// TestLetterCameBack: a server that took a letter and reports later that it did not arrive makes
// the report routed again, once, with a line in its history; the letter stops, and a person has it
// tried anew under the same name. A report on a letter of nobody's, a forged one and one on an older letter change nothing.
func TestLetterCameBack(t *testing.T) {
	onBoth(t, func(t *testing.T, h house) {
		l, ctx, box := h.lane, t.Context(), &post{}
		d := pothole()
		id := submit(t, l, d)
		h.drain(h.worker(0, box.send))
		name, _, _ := strings.Cut(box.sent[0].ID, "@")
		for _, forged := range []string{"", "x", name[:len(name)-1] + "x", name[:strings.LastIndex(name, "-")], strings.Replace(name, "case-1", "case-2", 1)} {
			if _, err := l.CameBack(ctx, forged, "5.1.1"); !errors.Is(err, fault.NotFound("lane.not_sent")) {
				t.Errorf("CameBack(%q) = %v", forged, err)
			}
		}
		for i, want := range []bool{true, false} {
			if back, err := l.CameBack(ctx, name, "5.1.1"); err != nil || back.Stopped != want || back.Request != id || back.Authority != "roads" {
				t.Errorf("report %d: %+v, %v", i, back, err)
			}
		}
		history, err := l.History(ctx, id)
		check(t, err)
		last := history[len(history)-1]
		r, err := l.Request(ctx, id)
		check(t, err)
		if last.Letter != lane.LetterReturned || last.From != lane.Delivered || last.To != lane.Routed || len(history) != 3 || r.Assignments[0].Standing != lane.Undelivered {
			t.Errorf("%d lines, the last %+v; the part %+v", len(history), last, r.Assignments[0])
		}
		stopped, err := l.Stopped(ctx, 0, 9)
		if err != nil || len(stopped) != 1 || stopped[0].Why.Key != "lane.came_back" || stopped[0].Why.Args[0] != "5.1.1" {
			t.Fatalf("Stopped = %+v, %v", stopped, err)
		}
		if h.drain(h.worker(time.Hour, box.send)); len(box.sent) != 1 {
			t.Error("what came back goes again by itself")
		}
		check(t, l.TryAgain(ctx, stopped[0].Number))
		if h.drain(h.worker(2*time.Hour, box.send)); len(box.sent) != 2 || box.sent[1].ID != box.sent[0].ID || state(t, l, id) != lane.Delivered {
			t.Errorf("%d letters, state %s", len(box.sent), state(t, l, id))
		}
		check(t, l.Renew(ctx, r.Assignments[0].Number, true))
		if back, err := l.CameBack(ctx, name, "5.1.1"); err != nil || back.Stopped {
			t.Errorf("a newer letter is on its way: %+v, %v", back, err)
		}
		h.drain(h.worker(3*time.Hour, box.send))

		// News that come back stop, and move nothing.
		check(t, l.Add(ctx, lane.Addition{Code: d.Code, Words: "Ещё одна, выдумано", After: int64(len(mustHistory(t, l, id)))}))
		h.drain(h.worker(4*time.Hour, box.send))
		news, _, _ := strings.Cut(box.sent[len(box.sent)-1].ID, "@")
		if back, err := l.CameBack(ctx, news, ""); err != nil || !back.Stopped || state(t, l, id) != lane.Delivered {
			t.Errorf("news that came back: %+v, %v, state %s", back, err, state(t, l, id))
		}
		if differ, err := l.Recount(ctx, false); err != nil || len(differ) != 0 {
			t.Errorf("Recount = %+v, %v", differ, err)
		}
	})
}

func mustHistory(t *testing.T, l *lane.Lane, id int64) []lane.Event {
	t.Helper()
	all, err := l.History(t.Context(), id)
	check(t, err)
	return all
}
