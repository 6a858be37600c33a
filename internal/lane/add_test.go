package lane_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/locale"
	"kua/internal/sqldb"
)

// added adds words to the report of a code, after all that it has.
func added(t *testing.T, l *lane.Lane, id int64, code, words string, aware bool) error {
	t.Helper()
	history, err := l.History(t.Context(), id)
	check(t, err)
	return l.Add(t.Context(), lane.Addition{Code: code, Words: words, After: int64(len(history)), Aware: aware})
}

func foundBy(t *testing.T, l *lane.Lane, words string) (ids []int64) {
	t.Helper()
	all, err := l.List(t.Context(), lane.Filter{Words: words, Limit: 9})
	check(t, err)
	for _, r := range all {
		ids = append(ids, r.ID)
	}
	return ids
}

// TestLongHistoryIsFound: a report is found by its own words and the newest of what was
// added, however much that is; the oldest gives way, so that no act ever fails for it.
func TestLongHistoryIsFound(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l := withCity(t, open())
		d := manhole()
		id := submit(t, l, d)
		letters := []rune("абвгдежзиклмнопр")
		word := func(n int) string {
			w := []rune("словечко")
			for ; n > 0; n /= len(letters) {
				w = append(w, letters[n%len(letters)])
			}
			return string(w)
		}
		const additions, each = 10, 320
		for i := range additions {
			var words []string
			for n := range each {
				words = append(words, word((i+1)*each+n))
			}
			check(t, added(t, l, id, d.Code, strings.Join(words, " "), false))
		}
		for words, want := range map[string]int{d.Words: 1, word((additions+1)*each - 1): 1, word(each): 0} {
			if ids := foundBy(t, l, words); len(ids) != want {
				t.Errorf("%q finds %v, want %d", words, ids, want)
			}
		}
	})
}

// TestAddedWords: words that are added are found by the search beside what the
// report said; those that a rule of holding stops are in no history, found by
// nobody and told to no authority, until a checker lets them through; refused,
// they are erased, and the history has the reason.
func TestAddedWords(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l := withCity(t, open())
		d := manhole()
		id := submit(t, l, d)
		check(t, added(t, l, id, d.Code, "Крышку унесли, выдумано", false))
		for _, words := range []string{"крышку унесли", d.Words, "крышку " + strings.Fields(d.Words)[0]} {
			if ids := foundBy(t, l, words); len(ids) != 1 || ids[0] != id {
				t.Errorf("%q finds %v, want %d", words, ids, id)
			}
		}
		if err := added(t, l, id, d.Code, "Полицейский избил, выдумано", false); !errors.Is(err, fault.Conflict("lane.danger")) {
			t.Errorf("words of danger: %v", err)
		}
		before, err := l.History(t.Context(), id)
		check(t, err)
		tells, err := l.Deliveries(t.Context(), id)
		check(t, err)
		const advert, telephone = "Ремонтируем люки: https://advert.example", "Звоните Мурату, выдумано: 8 700 123 45 67"
		check(t, added(t, l, id, d.Code, advert, false))
		check(t, added(t, l, id, d.Code, advert, false)) // sent twice
		check(t, added(t, l, id, d.Code, telephone, false))
		check(t, added(t, l, id, d.Code, "Полицейский избил, выдумано", true))
		history, err := l.History(t.Context(), id)
		check(t, err)
		waits, err := l.Additions(t.Context(), id, 9)
		if err != nil || len(waits) != 3 || len(history) != len(before) {
			t.Fatalf("%+v, %v wait, and the history has %d events, want %d", waits, err, len(history), len(before))
		}
		for i, rule := range []lane.Rule{lane.ByLink, lane.ByNumber, lane.ByDanger} {
			if c := waits[i].Causes; len(c) != 1 || c[0].Rule != rule || c[0].Found == "" {
				t.Errorf("%q waits for %+v, want %s", waits[i].Words, c, rule)
			}
		}
		if ids := foundBy(t, l, "Мурату"); len(ids) != 0 {
			t.Errorf("what waits is found: %v", ids)
		}

		c := checker(t, l)
		decide := func(w lane.HeldWords, seen int, d lane.AdditionCheck) error {
			d.Checker, d.Number, d.Request, d.Seen = c.Number, w.Number, id, int64(seen)
			return l.DecideAddition(t.Context(), d)
		}
		if err := decide(waits[0], len(history), lane.AdditionCheck{Ground: "advert"}); !errors.Is(err, fault.Invalid("lane.needs")) {
			t.Errorf("refused without a reason: %v", err)
		}
		if err := decide(waits[0], len(history)-1, lane.AdditionCheck{Pass: true}); !errors.Is(err, fault.Conflict("lane.moved")) {
			t.Errorf("decided on what was not seen: %v", err)
		}
		check(t, decide(waits[0], len(history), lane.AdditionCheck{Ground: "advert", Reason: "Это реклама"}))
		check(t, decide(waits[1], len(history)+1, lane.AdditionCheck{Pass: true}))
		if err := decide(waits[1], len(history)+2, lane.AdditionCheck{Pass: true}); !errors.Is(err, fault.Conflict("lane.moved")) {
			t.Errorf("decided twice: %v", err)
		}
		history, err = l.History(t.Context(), id)
		check(t, err)
		refused, passed := history[len(history)-2], history[len(history)-1]
		if !refused.KeptOut() || refused.Reason != "Это реклама" || refused.By != lane.ByHouse || passed.Words != telephone || passed.By != lane.ByHolder {
			t.Errorf("the history ends with %+v, %+v", refused, passed)
		}
		for words, want := range map[string]int{"Мурату": 1, "крышку": 1, "Ремонтируем": 0, d.Words: 1} {
			if ids := foundBy(t, l, words); len(ids) != want {
				t.Errorf("%q finds %v, want %d", words, ids, want)
			}
		}
		db, err := sqldb.Open(t.Context(), raw)
		check(t, err)
		defer db.Close()
		var n int
		check(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM addition WHERE words LIKE '%advert%'`).Scan(&n))
		now, err := l.Deliveries(t.Context(), id)
		if err != nil || n != 0 || len(now) != len(tells)+1 {
			t.Errorf("%d refused words are kept; %d deliveries came of it, want one: of what was let through, %v", n, len(now)-len(tells), err)
		}
		if m, err := l.Moderation(t.Context()); err != nil || m.Words != (lane.AddedWords{Wait: 1, Passed: 1, Refused: 1}) {
			t.Errorf("Moderation has %+v, %v", m.Words, err)
		}
		for i := range 4 {
			check(t, added(t, l, id, d.Code, "Выдумано, @account"+strings.Repeat("x", i), false))
		}
		if err := added(t, l, id, d.Code, "Выдумано, @another", false); !errors.Is(err, fault.Conflict("lane.adding_waits")) {
			t.Errorf("the sixth that waits: %v", err)
		}

		waiting := manhole()
		waiting.Words = "Люк, выдумано, https://advert.example"
		hidden := submit(t, l, waiting)
		check(t, added(t, l, hidden, waiting.Code, advert, false))
		if history, err := l.History(t.Context(), hidden); err != nil || len(history) != 2 {
			t.Errorf("words that are added to a report that waits are not looked at with it: %d events, %v", len(history), err)
		}
	})
}

// TestAddedWordsMove: words that were added before and while a lane moves find
// their report where it went.
func TestAddedWordsMove(t *testing.T) {
	dir, url := t.TempDir(), lanetest.Database(t)
	l, err := lane.Open(t.Context(), lane.Config{Dir: dir})
	check(t, err)
	defer l.Close()
	d := manhole()
	id := submit(t, withCity(t, l), d)
	check(t, added(t, l, id, d.Code, "Крышку унесли, выдумано", false))
	later := false
	_, err = lane.MoveTo(t.Context(), lane.MoveConfig{Dir: dir, URL: url, Progress: func(p lane.Progress) {
		if p.Stage == lane.Indexing && !later {
			later = true
			check(t, added(t, l, id, d.Code, "Привезли новую, выдумано", false))
		}
	}})
	check(t, err)
	there, err := lane.Open(t.Context(), lane.Config{Dir: t.TempDir(), URL: url})
	check(t, err)
	defer there.Close()
	for _, words := range []string{"крышку", "привезли", d.Words} {
		if ids := foundBy(t, there, words); len(ids) != 1 {
			t.Errorf("after the move %q finds %v", words, ids)
		}
	}
	if !later {
		t.Error("nothing was added while it moved")
	}
}

// TestAddedPhotos: photos stand in the history with the words that they came with; with words that wait
// they wait too, longer than those of drafts, and are erased when the words are refused. A holder's
// answer to an authority's question brings them as well.
func TestAddedPhotos(t *testing.T) {
	onDays(t, func(t *testing.T, l *lane.Lane, _ string, days *int) {
		ctx, d := t.Context(), manhole()
		id := submit(t, l, d)
		photo := func(seed byte) string { return addPicture(t, l, lanetest.Photo(t, 90, 60, seed)).Hash }
		add := func(words string, pictures ...string) error {
			t.Helper()
			history, err := l.History(ctx, id)
			check(t, err)
			return l.Add(ctx, lane.Addition{Code: d.Code, Words: words, After: int64(len(history)), Pictures: pictures})
		}
		at := func(event int) (all []string) {
			t.Helper()
			found, err := l.Pictures(ctx, id)
			check(t, err)
			for _, p := range found[id] {
				if p.Event == int64(event) && p.Role == lane.Added {
					all = append(all, p.Hash)
				}
			}
			return all
		}
		now, passed, refused := photo(1), photo(2), photo(3)
		if err := add("Выдумано", now, now); !errors.Is(err, fault.Invalid("lane.too_many_pictures")) {
			t.Errorf("one photo twice: %v", err)
		}
		if err := add("Выдумано", strings.Repeat("0", 64)); !errors.Is(err, fault.NotFound("lane.no_picture")) {
			t.Errorf("a photo that nobody has: %v", err)
		}
		check(t, add("Крышку унесли, выдумано", now))
		check(t, add("Выдумано, 8 700 123 45 67", passed))
		check(t, add("Выдумано, https://advert.example", refused))
		if got := at(2); len(got) != 1 || got[0] != now {
			t.Errorf("the words brought %v, want %s", got, now)
		}
		*days = 9
		check(t, l.SweepPictures(ctx))
		waits, err := l.Additions(ctx, id, 9)
		if err != nil || len(waits) != 2 || len(waits[0].Pictures) != 1 || waits[0].Pictures[0] != passed {
			t.Fatalf("Additions = %+v, %v", waits, err)
		}
		if _, public, err := fetch(t, l, passed); err != nil || public {
			t.Errorf("the photo that waits: public %v, %v", public, err)
		}
		c := checker(t, l)
		check(t, l.DecideAddition(ctx, lane.AdditionCheck{Checker: c.Number, Number: waits[0].Number, Request: id, Seen: 2, Pass: true}))
		check(t, l.DecideAddition(ctx, lane.AdditionCheck{Checker: c.Number, Number: waits[1].Number, Request: id, Seen: 3, Ground: "advert", Reason: "Реклама"}))
		check(t, l.SweepPictures(ctx))
		if _, public, err := fetch(t, l, passed); err != nil || !public || len(at(3)) != 1 {
			t.Errorf("let through: public %v, %v, %v", public, err, at(3))
		}
		if _, _, err := fetch(t, l, refused); !errors.Is(err, fault.NotFound("lane.no_picture")) {
			t.Errorf("refused, and kept: %v", err)
		}

		r, err := l.Request(ctx, id)
		check(t, err)
		a := r.Assignments[0]
		check(t, l.Answer(ctx, a, a.Step, lane.Move{To: lane.InfoNeeded, By: lane.ByOfficial, Reason: "Покажите счётчик"}))
		r, err = l.Request(ctx, id)
		check(t, err)
		shown := photo(4)
		check(t, l.Reply(ctx, d.Code, a.Number, r.Assignments[0].Step, "Вот он, выдумано", locale.Russian, false, shown))
		history, err := l.History(ctx, id)
		check(t, err)
		if last := history[len(history)-1]; last.To != lane.InWork || len(last.Pictures) != 1 || len(at(len(history))) != 1 {
			t.Errorf("the answer is %+v and shows %v", last, at(len(history)))
		}
	})
}

// TestErasedPhotoWaitsWithNoWords: a photo that is erased with its line is gone too when it came again
// with words that wait, which wait without it.
func TestErasedPhotoWaitsWithNoWords(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l := withCity(t, open())
		picture, err := l.AddPicture(t.Context(), bytes.NewReader(lanetest.Photo(t, 120, 90, 78)))
		check(t, err)
		d := manhole()
		d.Pictures = []string{picture.Hash}
		id := submit(t, l, d)
		said := lane.Addition{Code: d.Code, Words: "Ещё раз, выдумано: https://advert.example", After: 1, Pictures: d.Pictures}
		check(t, l.Add(t.Context(), said))
		check(t, l.BlackOut(t.Context(), lane.Blackout{Request: id, Line: 1, Ground: "persons", Pictures: true}))
		if _, _, err := l.OpenPicture(t.Context(), picture.Hash); !errors.Is(err, fault.NotFound("lane.no_picture")) {
			t.Errorf("the erased photo: %v", err)
		}
		waits, err := l.Additions(t.Context(), id, 9)
		if err != nil || len(waits) != 1 || waits[0].Words != said.Words || len(waits[0].Pictures) != 0 {
			t.Errorf("what waits is %+v, %v", waits, err)
		}
	})
}

// TestSentTwiceWithAnotherPhoto: the same words after the same line are the same addition only with the same photos.
func TestSentTwiceWithAnotherPhoto(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l := withCity(t, open())
		picture, err := l.AddPicture(t.Context(), bytes.NewReader(lanetest.Photo(t, 120, 90, 79)))
		check(t, err)
		d := manhole()
		submit(t, l, d)
		said := lane.Addition{Code: d.Code, Words: "Крышки нет, выдумано", After: 1}
		check(t, l.Add(t.Context(), said))
		check(t, l.Add(t.Context(), said))
		said.Pictures = []string{picture.Hash}
		if err := l.Add(t.Context(), said); !errors.Is(err, fault.Conflict("lane.moved")) {
			t.Errorf("the same words with a photo: %v, want lane.moved", err)
		}
	})
}
