package deliver_test

import (
	"errors"
	"slices"
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
