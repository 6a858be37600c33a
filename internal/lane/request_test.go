package lane_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/locale"
	"kua/internal/sqldb"
)

func at(lat, lon float64) *authority.Point {
	p, _ := authority.At(lat, lon)
	return &p
}

// manhole is a draft that passes, with changes.
func manhole(change ...func(*lane.Draft)) lane.Draft {
	d := lane.Draft{Code: lane.NewCode(), Category: "manhole", Language: locale.Russian, Words: "Открытый люк у школы, ойдан шығарылған",
		Answers: map[string][]string{"cover": {"gone"}}, At: at(45.05, 65.15)}
	for _, c := range change {
		c(&d)
	}
	return d
}

func withCity(t *testing.T, l *lane.Lane) *lane.Lane {
	t.Helper()
	if _, _, _, err := l.Import(t.Context(), authority.Sample()); err != nil {
		t.Fatal(err)
	}
	return l
}

func submit(t *testing.T, l *lane.Lane, d lane.Draft) int64 {
	t.Helper()
	s, err := l.Submit(t.Context(), d)
	if err != nil || !s.Fresh {
		t.Fatalf("Submit = %+v, %v", s, err)
	}
	return s.ID
}

func request(t *testing.T, l *lane.Lane, id int64) lane.Request {
	t.Helper()
	r, err := l.Request(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSubmit keeps a request with its assignment and the beginning of its
// history; the code brings its holder back, however it is typed.
func TestSubmit(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		d := manhole()
		sent, err := l.Submit(ctx, d)
		if err != nil || !sent.Fresh || sent.Routing.Authority != "water" {
			t.Fatalf("Submit = %+v, %v", sent, err)
		}
		want := lane.Request{ID: sent.ID, Directory: 1, Category: "manhole", Language: "ru", Words: d.Words, Answers: d.Answers, Area: "south",
			Place: d.At, Visibility: authority.Public, Open: true, Day: "2026-11-28", Assignments: []lane.Assignment{{Number: 1, Authority: "water", State: lane.Routed, Since: "2026-11-28", Standing: lane.Undelivered}}}
		if diff := cmp.Diff(want, request(t, open(), sent.ID)); diff != "" {
			t.Error(diff)
		}
		history, err := l.History(ctx, sent.ID)
		if err != nil || len(history) != 1 || history[0].To != lane.Routed || history[0].Authority != "water" || history[0].By != lane.ByHolder {
			t.Errorf("History = %+v, %v", history, err)
		}
		again, err := l.Submit(ctx, d)
		if err != nil || again.Fresh || again.ID != sent.ID {
			t.Errorf("sent twice = %+v, %v, want request %d again", again, err, sent.ID)
		}
		typed := " " + strings.NewReplacer("0", "O", "1", "l", "-", " ").Replace(strings.ToUpper(d.Code))
		if id, err := l.Held(ctx, typed); err != nil || id != sent.ID {
			t.Errorf("Held(%q) = %d, %v, want %d", typed, id, err, sent.ID)
		}
		for _, written := range []string{lane.CyrillicCode(d.Code), strings.ToUpper(lane.CyrillicCode(d.Code))} {
			if id, err := l.Held(ctx, written); err != nil || id != sent.ID {
				t.Errorf("Held(%q) = %d, %v, want %d", written, id, err, sent.ID)
			}
		}
		if _, err := l.Held(ctx, lane.NewCode()); !errors.Is(err, fault.NotFound("lane.unknown_code")) {
			t.Errorf("another code: %v", err)
		}
		if _, err := l.Request(ctx, 999); !errors.Is(err, fault.NotFound("lane.no_request")) {
			t.Errorf("no such request: %v", err)
		}
		if _, err := l.History(ctx, 999); !errors.Is(err, fault.NotFound("lane.no_request")) {
			t.Errorf("no such history: %v", err)
		}
	})
}

// TestVisibility: what a category does not show is not in the public place, and
// what nobody is bound to, or is held, waits for a person.
func TestVisibility(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l := withCity(t, open())
		for _, c := range []struct {
			category string
			place    *authority.Point
			to       string
			state    lane.State
		}{
			{"water", at(45.123456, 65.017654), "water", lane.Routed},
			{"heating", at(45.12, 65.02), "city-hall", lane.AwaitingCheck}, // coarse; nobody is bound, falls back
			{"no-answer", nil, "city-hall", lane.AwaitingCheck},            // held
		} {
			r := request(t, l, submit(t, l, manhole(func(d *lane.Draft) {
				d.Category, d.Answers, d.At = c.category, nil, at(45.123456, 65.017654)
			})))
			if diff := cmp.Diff(c.place, r.Place); diff != "" {
				t.Errorf("%s: the public place: %s", c.category, diff)
			}
			if a := r.Assignments[0]; a.Authority != c.to || a.State != c.state {
				t.Errorf("%s: %+v, want %s, %s", c.category, a, c.to, c.state)
			}
		}
	})
}

func TestSubmitRefuses(t *testing.T) {
	dir := t.TempDir()
	l := opened(t, lane.Config{Dir: dir})
	if _, err := l.Submit(t.Context(), manhole()); !errors.Is(err, fault.NotFound("lane.no_directory")) {
		t.Errorf("without a directory: %v", err)
	}
	withCity(t, l)
	answered := func(id string, words ...string) func(*lane.Draft) {
		return func(d *lane.Draft) { d.Answers = map[string][]string{id: words} }
	}
	for name, c := range map[string]struct {
		change func(*lane.Draft)
		want   *fault.Fault
	}{
		"no code":            {func(d *lane.Draft) { d.Code = "" }, fault.Invalid("lane.bad_code")},
		"half a code":        {func(d *lane.Draft) { d.Code = d.Code[:12] }, fault.Invalid("lane.bad_code")},
		"no such category":   {func(d *lane.Draft) { d.Category = "ufo" }, fault.NotFound("authority.unknown")},
		"the sealed lane's":  {func(d *lane.Draft) { d.Category = "bribe" }, fault.Conflict("lane.sealed")},
		"danger":             {func(d *lane.Draft) { d.Words = "У люка нас избили" }, fault.Conflict("lane.danger")},
		"no words":           {func(d *lane.Draft) { d.Words = " \n" }, fault.Invalid("lane.text")},
		"too many words":     {func(d *lane.Draft) { d.Words = strings.Repeat("ы", 4001) }, fault.Invalid("lane.text")},
		"a NUL":              {func(d *lane.Draft) { d.Words = "люк\x00" }, fault.Invalid("lane.text")},
		"turned writing":     {func(d *lane.Draft) { d.Words = "люк\u202e" }, fault.Invalid("lane.text")},
		"no UTF-8":           {func(d *lane.Draft) { d.Words = "\xff" }, fault.Invalid("lane.text")},
		"no language":        {func(d *lane.Draft) { d.Language = "de" }, fault.Invalid("lane.language")},
		"nowhere":            {func(d *lane.Draft) { d.At = nil }, fault.Invalid("lane.place")},
		"two places":         {func(d *lane.Draft) { d.Area = "south" }, fault.Invalid("lane.place")},
		"outside":            {func(d *lane.Draft) { d.At = at(10, 10) }, fault.Invalid("lane.place")},
		"no such area":       {func(d *lane.Draft) { d.At, d.Area = nil, "west" }, fault.Invalid("lane.place")},
		"not answered":       {func(d *lane.Draft) { d.Answers = nil }, fault.Invalid("lane.answer")},
		"no such choice":     {answered("cover", "stolen"), fault.Invalid("lane.answer")},
		"two choices of one": {answered("cover", "gone", "broken"), fault.Invalid("lane.answer")},
		"no such question":   {answered("colour", "red"), fault.Invalid("lane.answer")},
		"no day":             {func(d *lane.Draft) { d.Category = "water"; answered("since", "yesterday")(d) }, fault.Invalid("lane.answer")},
	} {
		if s, err := l.Submit(t.Context(), manhole(c.change)); !errors.Is(err, c.want) {
			t.Errorf("%s: Submit = %+v, %v, want %s", name, s, err, c.want.Key)
		}
	}
	// Whoever was shown the sealed lane and wants to tell it in public, may.
	submit(t, l, manhole(func(d *lane.Draft) { d.Words, d.Aware = "У люка нас избили", true }))
}

// TestSubmitTwiceAtOnce: the same draft sent by an impatient hand makes one request.
func TestSubmitTwiceAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		withCity(t, open())
		d := manhole()
		var wg sync.WaitGroup
		sent := make([]lane.Sent, 4)
		for i := range sent {
			l := open()
			wg.Go(func() {
				var err error
				if sent[i], err = l.Submit(t.Context(), d); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		fresh := 0
		for _, s := range sent {
			if s.Fresh {
				fresh++
			}
			if s.ID != sent[0].ID {
				t.Errorf("requests %d and %d of one draft", s.ID, sent[0].ID)
			}
		}
		if fresh != 1 {
			t.Errorf("%d of 4 were fresh, want 1", fresh)
		}
	})
}

// TestKeepsNoCode looks for the holder's code in everything that is on the disk.
func TestKeepsNoCode(t *testing.T) {
	dir := t.TempDir()
	l, err := lane.Open(t.Context(), lane.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	d := manhole()
	submit(t, withCity(t, l), d)
	l.Close()
	b, err := os.ReadFile(dir + "/lane.db")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte("Открытый люк")) {
		t.Error("the request itself is not there; the search means nothing")
	}
	for _, code := range []string{d.Code, strings.ReplaceAll(d.Code, "-", "")} {
		if bytes.Contains(b, []byte(code)) {
			t.Error("the code is on the disk")
		}
	}
}

// TestNearby offers what may be the same: close by and of the same kind, the
// likeliest first; nothing that is closed, far, of another kind or held back.
func TestNearby(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		put := func(category, words string, lat, lon float64) int64 {
			return submit(t, l, manhole(func(d *lane.Draft) {
				d.Category, d.Words, d.At = category, words, at(lat, lon)
				if category != "manhole" {
					d.Answers = nil
				}
			}))
		}
		same := put("manhole", "Открытый люк возле школы", 45.0503, 65.1503) // 41 m
		closer := put("manhole", "Дыра", 45.0502, 65.1502)                   // 27 m, other words
		kin := put("pothole", "Яма", 45.0508, 65.15)                         // 89 m, another category of the same kind
		put("manhole", "Открытый люк возле школы", 45.052, 65.15)            // 222 m
		put("water", "Открытый люк возле школы", 45.05, 65.15)               // another kind
		put("no-answer", "Открытый люк возле школы", 45.05, 65.15)           // held back
		closed := put("manhole", "Открытый люк возле школы", 45.05, 65.15)
		if err := l.Move(ctx, request(t, l, closed).Assignments[0].Number, 0, lane.Move{To: lane.Withdrawn, By: lane.ByHolder}); err != nil {
			t.Fatal(err)
		}
		found, err := l.Nearby(ctx, manhole(func(d *lane.Draft) { d.Words = "открытый люк возле школы" }))
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, n := range found {
			got = append(got, n.Request.ID)
		}
		if diff := cmp.Diff([]int64{same, closer, kin}, got); diff != "" {
			t.Errorf("%v: %s", found, diff)
		}
		if m := found[0].Metres; m < 40 || m > 42 || found[0].Alike != 1 {
			t.Errorf("the same is %.1f m away and %.2f alike, want 41 m and 1", m, found[0].Alike)
		}
		// Without a point: in the same area, in much the same words, however they are typed.
		found, err = l.Nearby(ctx, manhole(func(d *lane.Draft) {
			d.Words, d.At, d.Area = "ОТКРЫТЫЙ люк — возле школы!", nil, "south"
		}))
		if err != nil || len(found) != 2 || found[0].Alike != 1 || found[0].Metres != -1 {
			t.Errorf("by words: %v, %v", found, err)
		}
		// With a point, what others told of the same area without one.
		named := submit(t, l, manhole(func(d *lane.Draft) {
			d.Words, d.At, d.Area = "У рынка нет крышки люка", nil, "south"
		}))
		found, err = l.Nearby(ctx, manhole(func(d *lane.Draft) { d.Words, d.At = "у рынка нет крышки люка!", at(45.09, 65.2) }))
		if err != nil || len(found) != 1 || found[0].Request.ID != named || found[0].Metres != -1 {
			t.Errorf("told without a point: %+v, %v", found, err)
		}
		// Of a category that shows places roughly: whatever lies as close as everybody may know.
		cold := func(lat, lon float64) func(*lane.Draft) {
			return func(d *lane.Draft) {
				d.Category, d.Answers, d.Words, d.At = "heating", nil, "Холодно", at(lat, lon)
			}
		}
		neighbour := submit(t, l, manhole(cold(45.0534, 65.1466)))
		submit(t, l, manhole(cold(45.0651, 65.1466)))
		found, err = l.Nearby(ctx, manhole(cold(45.0466, 65.1534), func(d *lane.Draft) { d.Words = "Батареи ледяные" }))
		if err != nil || len(found) != 1 || found[0].Request.ID != neighbour || found[0].Metres != -1 {
			t.Errorf("roughly: %+v, %v", found, err)
		}
		if _, err := l.Nearby(ctx, manhole(func(d *lane.Draft) { d.Category = "ufo" })); !errors.Is(err, fault.NotFound("authority.unknown")) {
			t.Errorf("no such category: %v", err)
		}
	})
}

// TestMoveNeeds: an answer without what makes it one is refused.
func TestMoveNeeds(t *testing.T) {
	l := opened(t, lane.Config{Dir: t.TempDir()})
	withCity(t, l)
	ctx := t.Context()
	id := submit(t, l, manhole())
	number := request(t, l, id).Assignments[0].Number
	if err := l.Move(ctx, number, 0, lane.Move{To: lane.Delivered, By: lane.ByHouse}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		move lane.Move
		want *fault.Fault
	}{
		"mended without a photo":         {lane.Move{To: lane.Mended}, fault.Invalid("lane.needs")},
		"refused without a reason":       {lane.Move{To: lane.Refused}, fault.Invalid("lane.needs")},
		"planned without a day":          {lane.Move{To: lane.Planned}, fault.Invalid("lane.needs")},
		"planned for the past":           {lane.Move{To: lane.Planned, On: "2020-01-01"}, fault.Invalid("lane.needs")},
		"a question without words":       {lane.Move{To: lane.InfoNeeded}, fault.Invalid("lane.needs")},
		"registered without a number":    {lane.Move{To: lane.Registered}, fault.Invalid("lane.needs")},
		"a number of two lines":          {lane.Move{To: lane.Registered, Number: "1\n2"}, fault.Invalid("lane.text")},
		"not ours, and nobody's":         {lane.Move{To: lane.Redirected}, fault.Invalid("lane.needs")},
		"not ours, but ours":             {lane.Move{To: lane.Redirected, Owner: "water"}, fault.Invalid("lane.needs")},
		"not ours, but an unknown one's": {lane.Move{To: lane.Redirected, Owner: "nobody"}, fault.NotFound("authority.unknown")},
		"a reason that turns writing":    {lane.Move{To: lane.Refused, Reason: "x\u202e"}, fault.Invalid("lane.text")},
	} {
		c.move.By = lane.ByOfficial
		if err := l.Move(ctx, number, 1, c.move); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want.Key)
		}
	}
	if err := l.Move(ctx, number, 1, lane.Move{To: lane.Merged, By: lane.ByHouse, Into: id}); !errors.Is(err, fault.Invalid("lane.needs")) {
		t.Errorf("merged into itself: %v", err)
	}
	if err := l.Move(ctx, number, 1, lane.Move{To: lane.Merged, By: lane.ByHouse, Into: 999}); !errors.Is(err, fault.NotFound("lane.no_request")) {
		t.Errorf("merged into nothing: %v", err)
	}
	if err := l.Move(ctx, 999, 0, lane.Move{To: lane.Delivered, By: lane.ByHouse}); !errors.Is(err, fault.NotFound("lane.no_assignment")) {
		t.Errorf("no such assignment: %v", err)
	}
	if r := request(t, l, id); len(r.Assignments) != 1 || r.Assignments[0].State != lane.Delivered || !r.Open {
		t.Errorf("what was refused left something: %+v", r)
	}
}

// TestNotOurs: the new owner gets an assignment of its own; the request stays
// open; the history keeps both. Mended closes it, the holder opens it again.
func TestNotOurs(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		id := submit(t, l, manhole())
		step := func(i int, m lane.Move) {
			t.Helper()
			a := request(t, l, id).Assignments[i]
			if err := l.Move(ctx, a.Number, a.Step, m); err != nil {
				t.Fatal(err)
			}
		}
		step(0, lane.Move{To: lane.Delivered, By: lane.ByHouse})
		// The directory changes meanwhile; the request stays with the one it was routed by.
		if _, _, _, err := l.Import(ctx, city(t, "categories.yaml", "proof: photo", "proof: none")); err != nil {
			t.Fatal(err)
		}
		step(0, lane.Move{To: lane.Redirected, By: lane.ByOfficial, Owner: "roads"})
		r := request(t, l, id)
		if len(r.Assignments) != 2 || r.Assignments[1].Authority != "roads" || r.Assignments[1].State != lane.Routed || !r.Open {
			t.Fatalf("after not ours: %+v", r)
		}
		step(1, lane.Move{To: lane.Delivered, By: lane.ByHouse})
		step(1, lane.Move{To: lane.Mended, By: lane.ByOfficial, Picture: addPicture(t, l, lanetest.Photo(t, 400, 300, 1)).Hash})
		if request(t, l, id).Open {
			t.Error("mended, and still open")
		}
		step(1, lane.Move{To: lane.InWork, By: lane.ByHolder, Reason: "крышки нет"})
		if !request(t, l, id).Open {
			t.Error("disputed, and not open")
		}
		history, err := l.History(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, e := range history {
			told = append(told, fmt.Sprintf("%s %s>%s", e.Authority, e.From, e.To))
		}
		want := []string{"water >routed", "water routed>delivered", "water delivered>answered_redirected", "roads routed>delivered",
			"roads delivered>answered_mended", "roads answered_mended>in_work"}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Error(diff)
		}
	})
}

// TestMovedMeanwhile: of two people who saw the same step one moves it, the
// other is told; nobody's move is lost without a word.
func TestMovedMeanwhile(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, _ sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		id := submit(t, l, manhole())
		number := request(t, l, id).Assignments[0].Number
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			mine := open()
			wg.Go(func() { errs[i] = mine.Move(ctx, number, 0, lane.Move{To: lane.Withdrawn, By: lane.ByHolder}) })
		}
		wg.Wait()
		done := 0
		for _, err := range errs {
			if err == nil {
				done++
			} else if !errors.Is(err, fault.Conflict("lane.moved")) {
				t.Errorf("the slower: %v, want lane.moved", err)
			}
		}
		if history, err := l.History(ctx, id); done != 1 || err != nil || len(history) != 2 {
			t.Errorf("%d moves passed, the history has %d events, %v; want 1 and 2", done, len(history), err)
		}
	})
}

// TestHistoryIsChained changes, takes out and swaps events behind the lane's back.
func TestHistoryIsChained(t *testing.T) {
	onBoth(t, func(t *testing.T, open func() *lane.Lane, raw sqldb.Config) {
		l, ctx := withCity(t, open()), t.Context()
		db, err := sqldb.Open(ctx, raw)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, harm := range []string{
			`UPDATE event SET body = replace(body, 'delivered', 'withdrawn') WHERE request = $1 AND number = 2`,
			`UPDATE event SET hash = 'ab' WHERE request = $1 AND number = 1`,
			`DELETE FROM event WHERE request = $1 AND number = 1`,
			`UPDATE event SET number = number + 7 WHERE request = $1 AND number = 2`,
		} {
			id := submit(t, l, manhole())
			a := request(t, l, id).Assignments[0]
			if err := l.Move(ctx, a.Number, a.Step, lane.Move{To: lane.Delivered, By: lane.ByHouse}); err != nil {
				t.Fatal(err)
			}
			if _, err := l.History(ctx, id); err != nil {
				t.Fatalf("before any harm: %v", err)
			}
			err := db.Tx(ctx, func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, harm, id)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.History(ctx, id); !errors.Is(err, fault.Corrupt("lane.broken_history")) {
				t.Errorf("%s: %v, want lane.broken_history", harm, err)
			}
		}
	})
}

// TestDanger finds words in every language, in their forms, and none in plain complaints.
func TestDanger(t *testing.T) {
	for _, c := range []struct {
		lang locale.Tag
		text string
		want bool
	}{
		{locale.Russian, "Инспектор вымогал взятку", true}, {locale.Russian, "Яма на дороге у школы, пора чинить", false},
		{locale.Kazakh, "Полицей ұрып кетті", true}, {locale.Kazakh, "Көшеде жарық жоқ", false}, {locale.Kazakh, "кызметкер коркытты", true},
		{locale.Kyrgyz, "Мени коркутушту", true}, {locale.Kyrgyz, "Суу жок", false},
		{locale.Uzbek, "Mendan pora so'radi, qo'rqitdi", true}, {locale.Uzbek, "Suv yo‘q", false},
		{locale.UzbekCyrillic, "Мендан пора сўради", true},
		{locale.Tajik, "Маро таҳдид карданд", true}, {locale.Tajik, "Об нест", false},
		{locale.Turkmen, "Menden para soradylar", true}, {locale.Turkmen, "Suw ýok", false},
		{locale.English, "They asked for a bribe", true}, {locale.English, "No light in our street", false},
		{locale.Kazakh, "нас избили", true}, // Russian in any form
	} {
		found, err := lane.Danger(c.text, c.lang)
		if err != nil || (len(found) > 0) != c.want {
			t.Errorf("%s: %q: %v, %v, want danger %v", c.lang, c.text, found, err, c.want)
		}
	}
}
