package lane_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/sqldb"
)

// TestVerdictWords: what people say with a verdict is found by the search, and waits
// when a rule of holding stops it, though the verdict counts at once; let through it is
// its writer's, refused it is gone, and no letter has it.
func TestVerdictWords(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		d, other := manhole(), lane.NewCode()
		id := submit(t, l, d)
		check(t, l.Support(ctx, id, other))
		a := must(t, l, id, delivered, mended)
		tells, err := l.Deliveries(ctx, id)
		check(t, err)
		says := func(code string, word lane.Word, words string) error {
			return l.Judge(ctx, lane.Verdict{Code: code, Assignment: a.Number, Answer: a.Answer, Says: word, Words: words})
		}
		const held = "Звоните zhasyrynsoz, выдумано: 8.700.123.45.67"
		check(t, says(other, lane.SaysPartly, held))
		check(t, says(other, lane.SaysPartly, held)) // sent twice
		if said, err := l.Verdicts(ctx, id); err != nil || said[a.Number].Others[lane.SaysPartly] != 1 {
			t.Errorf("the verdict does not count: %+v, %v", said, err)
		}
		history, err := l.History(ctx, id)
		check(t, err)
		if last := history[len(history)-1]; last.Verdict != lane.SaysPartly || last.Words != "" || len(foundBy(t, l, "zhasyrynsoz")) != 0 {
			t.Errorf("what waits stands in the history or is found: %+v", last)
		}
		waits, err := l.Additions(ctx, id, 9)
		if err != nil || len(waits) != 1 || waits[0].By != lane.BySupporter || waits[0].Answer != a.Answer || waits[0].Causes[0].Rule != lane.ByNumber || !waits[0].Theirs(other) || waits[0].Theirs(d.Code) {
			t.Fatalf("waits: %+v, %v", waits, err)
		}
		c := checker(t, l)
		check(t, l.DecideAddition(ctx, lane.AdditionCheck{Checker: c.Number, Number: waits[0].Number, Request: id, Seen: int64(len(history)), Pass: true}))
		history, err = l.History(ctx, id)
		check(t, err)
		if last := history[len(history)-1]; last.Words != held || last.By != lane.BySupporter || last.Answer != a.Answer || last.Verdict != "" {
			t.Errorf("let through: %+v", last)
		}
		check(t, says(d.Code, lane.SaysNot, "Яма krater осталась, выдумано"))
		for _, words := range []string{"zhasyrynsoz", "krater", "krater zhasyrynsoz", d.Words} {
			if ids := foundBy(t, l, words); !slices.Equal(ids, []int64{id}) {
				t.Errorf("%q finds %v, want %d", words, ids, id)
			}
		}
		now, err := l.Deliveries(ctx, id)
		check(t, err)
		for _, n := range now[len(tells):] {
			if e := mustHistory(t, l, id)[n.Event-1]; e.By == lane.BySupporter {
				t.Errorf("an authority is told of a supporter's words: %+v", e)
			}
		}
		whole(t, l)

		check(t, l.BlackOut(ctx, lane.Blackout{Request: id, Line: int64(len(history)), Ground: "persons"}))
		if ids := foundBy(t, l, "zhasyrynsoz"); len(ids) != 0 {
			t.Errorf("erased words find %v", ids)
		}
		if ids := foundBy(t, l, "krater"); len(ids) != 1 {
			t.Errorf("the other words find %v", ids)
		}
		if bytes.Contains(everything(t, raw), []byte("zhasyrynsoz")) {
			t.Error("the database keeps the erased words")
		}
		whole(t, l)
	})
}

func mustHistory(t *testing.T, l *lane.Lane, id int64) []lane.Event {
	t.Helper()
	history, err := l.History(t.Context(), id)
	check(t, err)
	return history
}

// TestReplyWaits: an answer to an authority's question that a rule stops waits, and
// the part with it; let through it is answered. Five words of supporters wait at most,
// beside five of the holder; a sixth one's verdict counts without its words.
func TestReplyWaits(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		d := manhole()
		id := submit(t, l, d)
		a := must(t, l, id, delivered, lane.Move{To: lane.InfoNeeded, By: lane.ByOfficial, Reason: "Какой подъезд, выдумано?"})
		const words = "Пишите reklama точка кз, podjezd выдумано"
		check(t, l.Reply(ctx, d.Code, a.Number, a.Step, words, locale.Russian, false))
		if now := request(t, l, id).Assignments[0]; now.State != lane.InfoNeeded {
			t.Errorf("the part is %s while the answer waits", now.State)
		}
		waits, err := l.Additions(ctx, id, 9)
		if err != nil || len(waits) != 1 || waits[0].Assignment != a.Number || waits[0].Causes[0].Rule != lane.ByLink {
			t.Fatalf("waits: %+v, %v", waits, err)
		}
		c := checker(t, l)
		check(t, l.DecideAddition(ctx, lane.AdditionCheck{Checker: c.Number, Number: waits[0].Number, Request: id, Seen: int64(len(mustHistory(t, l, id))), Pass: true}))
		history := mustHistory(t, l, id)
		last := history[len(history)-1]
		if now := request(t, l, id).Assignments[0]; now.State != lane.InWork || last.Reason != words || last.By != lane.ByHolder || last.From != lane.InfoNeeded {
			t.Errorf("let through, the part is %s by %+v", now.State, last)
		}
		for _, words := range []string{"podjezd", "подъезд"} { // the answer, and the question
			if ids := foundBy(t, l, words); len(ids) != 1 {
				t.Errorf("%q finds %v", words, ids)
			}
		}
		var codes []string
		for range 6 {
			codes = append(codes, lane.NewCode())
			check(t, l.Support(ctx, id, codes[len(codes)-1]))
		}
		a = must(t, l, id, mended)
		for i, code := range codes {
			err := l.Judge(ctx, lane.Verdict{Code: code, Assignment: a.Number, Answer: a.Answer, Says: lane.SaysMended, Words: "Выдумано, @account" + strings.Repeat("x", i)})
			if full := errors.Is(err, fault.Conflict("lane.verdict_wordless")); full != (i == 5) || !full && err != nil {
				t.Errorf("supporter %d: %v", i, err)
			}
		}
		if said, err := l.Verdicts(ctx, id); err != nil || said[a.Number].Others[lane.SaysMended] != 6 {
			t.Errorf("%+v, %v", said, err)
		}
		if waits, err := l.Additions(ctx, id, 9); err != nil || len(waits) != 5 {
			t.Errorf("%d wait, %v; want 5", len(waits), err)
		}
		check(t, judge(l, ctx, codes[5], a, lane.SaysMended)) // it counts already
		check(t, added(t, l, id, d.Code, "Выдумано, @holder", false))
	})
}

// TestOfficialWords: what an authority says at once to everybody holds no telephone and
// no link, however written, and is found by the search; what its system says is masked.
func TestOfficialWords(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		d := manhole()
		id := submit(t, l, d)
		a := must(t, l, id, delivered)
		stopped := fault.Invalid("lane.public_words")
		for _, words := range []string{"Пишите Мурату: 8.700.123.45.67", "Смотрите gorod точка кз", "https://gorod.example"} {
			if err := l.Move(ctx, a.Number, a.Step, lane.Move{To: lane.Refused, By: lane.ByOfficial, Reason: words}); !errors.Is(err, stopped) {
				t.Errorf("refused with %q: %v", words, err)
			}
			if err := l.Remark(ctx, id, int64(len(mustHistory(t, l, id))), a.Authority, words, "", "u1"); !errors.Is(err, stopped) {
				t.Errorf("a remark %q: %v", words, err)
			}
			for _, m := range []lane.Matter{lane.Pledge, lane.Announcement} {
				if _, err := l.AddPost(ctx, lane.Post{Matter: m, By: lane.ByOfficial, Authority: "water", Language: locale.Russian, Words: words, Begins: l.Today(), Ends: l.Today().Plus(9)}); !errors.Is(err, stopped) {
					t.Errorf("%s %q: %v", m, words, err)
				}
			}
			if err := l.KeepTemplate(ctx, lane.Account{Authority: "water"}, lane.Template{Language: locale.Russian, Title: "T", Words: words}); !errors.Is(err, stopped) {
				t.Errorf("a template %q: %v", words, err)
			}
			if err := l.Move(ctx, a.Number, a.Step, lane.Move{To: lane.Withdrawn, By: lane.ByHolder, Reason: words}); !errors.Is(err, stopped) {
				t.Errorf("taken back with %q: %v", words, err)
			}
		}
		if got := len(mustHistory(t, l, id)); got != 2 {
			t.Errorf("%d lines, want 2: nothing was kept", got)
		}
		if fresh, err := l.Heard(ctx, a.Number, lane.Message{Update: "m1", To: lane.InWork, Words: "Brigada выехала, тел. 8.700.123.45.67, gorod точка кз, 109"}); err != nil || !fresh {
			t.Fatalf("Heard = %v, %v", fresh, err)
		}
		history := mustHistory(t, l, id)
		if got, want := history[len(history)-1].Reason, "Brigada выехала, тел. ███, ███, 109"; got != want {
			t.Errorf("its system's words are %q, want %q", got, want)
		}
		must(t, l, id, lane.Move{To: lane.Refused, By: lane.ByOfficial, Reason: "Люк " + planted + " чужой, 28.11.2026 18.00, звоните 109"})
		for _, words := range []string{"brigada", planted, "brigada " + planted} {
			if ids := foundBy(t, l, words); !slices.Equal(ids, []int64{id}) {
				t.Errorf("%q finds %v, want %d", words, ids, id)
			}
		}
		check(t, l.BlackOut(ctx, lane.Blackout{Request: id, Line: int64(len(history) + 1), Ground: "persons"}))
		if ids := foundBy(t, l, planted); len(ids) != 0 || bytes.Contains(everything(t, raw), []byte(strings.ToLower(planted))) {
			t.Errorf("erased words find %v, or are kept", ids)
		}

		q, err := l.SubmitQuestion(ctx, lane.Asking{Code: lane.NewCode(), Authority: "water", Language: locale.Russian, Words: "Когда дадут воду? Выдумано"})
		check(t, err)
		must(t, l, q.ID, delivered)
		all := request(t, l, q.ID).Assignments
		check(t, l.Move(ctx, all[0].Number, all[0].Step, lane.Move{To: lane.Mended, By: lane.ByOfficial, Reason: "Во вторник nasosnaya, выдумано"}))
		p, err := l.AddPost(ctx, lane.Post{Matter: lane.Pledge, By: lane.ByOfficial, Authority: "water", Language: locale.Russian, Words: "Починим vodokachka", Ends: l.Today().Plus(9)})
		check(t, err)
		r := request(t, l, p)
		check(t, l.Correct(ctx, lane.Correction{Request: p, Step: r.Assignments[0].Step, By: lane.ByOfficial, Words: "Починим bashnya", Reason: "opechatka"}))
		for words, want := range map[string]int64{"nasosnaya": q.ID, "bashnya": p, "opechatka": p, "vodokachka": 0} {
			found, err := l.List(ctx, lane.Filter{Words: words, Limit: 9, Matters: lane.Matters})
			check(t, err)
			if want == 0 && len(found) != 0 || want != 0 && (len(found) != 1 || found[0].ID != want) {
				t.Errorf("%q finds %+v, want %d", words, found, want)
			}
		}
	})
}
