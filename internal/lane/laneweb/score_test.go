package laneweb

import (
	"encoding/csv"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"kua/internal/authority"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/locale"
)

// onBothThen is onBoth with a clock; later sets it to November, when what is
// told in June is ripe.
func onBothThen(t *testing.T, test func(t *testing.T, r *room, later func())) {
	for name, cfg := range map[string]func() lane.Config{
		"sqlite": func() lane.Config { return lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t)} },
		"postgres": func() lane.Config {
			return lane.Config{Dir: t.TempDir(), URL: lanetest.Database(t), Cleaner: lanetest.Cleaner(t)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			now, c := time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC), cfg()
			c.Now = func() time.Time { return now }
			test(t, newRoom(t, c, 100_000).withCity(), func() { now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC) })
		})
	}
}

// judged tells a manhole, has it answered, and has its holder judge it.
func (r *room) judged(says lane.Word, moves ...lane.Move) {
	r.t.Helper()
	d := lane.Draft{Code: lane.NewCode(), Category: "manhole", Language: locale.Russian, Words: "Открытый люк, выдумано", Area: "south", Answers: map[string][]string{"cover": {"gone"}}}
	sent, err := r.lane.Submit(r.t.Context(), d)
	check(r.t, err)
	a := r.move(strconv.FormatInt(sent.ID, 10), moves...)
	if says != "" {
		check(r.t, r.lane.Judge(r.t.Context(), lane.Verdict{Code: d.Code, Assignment: a.Number, Answer: a.Answer, Says: says}))
	}
}

var tags = regexp.MustCompile(`<[^>]*>`)

// read gives the words of a page without its marks.
func read(body string) string {
	return strings.Join(strings.Fields(tags.ReplaceAllString(body, " ")), " ")
}

// TestScoreboardCannotCountARefusalAsMended: whatever is said of refusals, they
// are answers, and neither confirmed nor said to be mended.
func TestScoreboardCannotCountARefusalAsMended(t *testing.T) {
	onBothThen(t, func(t *testing.T, r *room, later func()) {
		for i := range 21 {
			r.judged([]lane.Word{"", lane.SaysMended}[i%2], delivered, refused)
		}
		r.judged(lane.SaysMended, delivered, mended)
		if body := read(r.want("GET", "/en/open/score", nil, 200)); strings.Contains(body, "Ulgi Water Works") && !strings.Contains(body, "0 of 0") {
			t.Errorf("June is in the shares of June:\n%s", body)
		}
		later()
		for _, path := range []string{"/en/open/score", "/en/open/score/authority/water", "/en/open/score/area", "/en/open/score/area/ulgi", "/en/open/score/category/manhole"} {
			body := read(r.want("GET", path, nil, 200))
			for _, want := range []string{"22 of 22 100 %", "confirmed 1, said to be mended 0, refused 21"} {
				if !strings.Contains(body, want) && !strings.Contains(r.want("GET", path, nil, 200), want) {
					t.Errorf("%s lacks %q:\n%s", path, want, body)
				}
			}
			if !regexp.MustCompile(`mended, says the writer 1 of 22 5 %`).MatchString(body) {
				t.Errorf("%s: confirmed is not 1 of 22:\n%s", path, body)
			}
		}
	})
}

// TestScoreboard: four numbers with their denominators and intervals, no share
// below the sample, all standings together are all reports, and each number has
// its rows.
func TestScoreboard(t *testing.T) {
	onBothThen(t, func(t *testing.T, r *room, later func()) {
		for _, c := range []struct {
			n     int
			says  lane.Word
			moves []lane.Move
		}{
			{6, lane.SaysMended, []lane.Move{delivered, mended}}, {4, "", []lane.Move{delivered, mended}}, {3, lane.SaysNot, []lane.Move{delivered, mended}},
			{7, "", []lane.Move{delivered, refused}}, {5, "", []lane.Move{delivered}}, {2, "", nil},
			{1, "", []lane.Move{{To: lane.Withdrawn, By: lane.ByHolder}}},
		} {
			for range c.n {
				r.judged(c.says, c.moves...)
			}
		}
		f := draft("words", "Канцелярия молчит, выдумано")
		f.Del("q.cover")
		r.tell("no-answer", f) // held: counted, and in no row
		later()
		body := read(r.want("GET", "/en/open/score/authority/water", nil, 200))
		for _, want := range []string{"20 of 25 80 % interval 61–91 %", "6 of 20 30 % interval 15–52 %", "3 of 20 15 % interval 5–36 %", "5 of 25 20 % interval 9–39 %", "together they are all 28",
			"October 2025 to September 2026", "June 2026 25 20 6 3 5", "What these numbers cannot tell"} {
			if !strings.Contains(body, want) {
				t.Errorf("the page lacks %q:\n%s", want, body)
			}
		}
		rows := func(query string) [][]string {
			t.Helper()
			resp, text := r.get("/en/open/score/" + query)
			all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
			if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != csvType || len(all) == 0 || len(all[0]) != len(rowColumns) {
				t.Fatalf("%s: %d %v\n%s", query, resp.StatusCode, err, text)
			}
			return all[1:]
		}
		for standing, want := range map[lane.Standing]int{"": 28, lane.Confirmed: 6, lane.Claimed: 4, lane.Disputed: 3, lane.Declined: 7, lane.Silent: 5, lane.Undelivered: 2, lane.TakenBack: 1, lane.Joined: 0} {
			for _, of := range []string{"authority/water", "area/south", "area/ulgi", "category/manhole"} {
				got := rows(of + "/rows.csv?standing=" + string(standing))
				if len(got) != want {
					t.Errorf("%s %q has %d rows, want %d", of, standing, len(got), want)
				}
			}
		}
		// What is held is counted for its authority and has no row.
		if body := read(r.want("GET", "/en/open/score/category/no-answer", nil, 200)); !strings.Contains(body, "together they are all 1") || !strings.Contains(body, "fewer than 20: no share") {
			t.Errorf("a held report is not counted, or a share is told:\n%s", body)
		}
		if got := rows("category/no-answer/rows.csv"); len(got) != 0 {
			t.Errorf("a held report has the row %v", got)
		}
		if body := read(r.want("GET", "/en/open/score/authority/water?until=2026-05", nil, 200)); !strings.Contains(body, "together they are all 0") || !strings.Contains(body, "June 2025 to May 2026") {
			t.Errorf("the year before:\n%s", body)
		}
		for path, status := range map[string]int{"/score/person": 404, "/score/authority/nobody": 404, "/score/person/x/rows.csv": 404, "/score?until=%00&from=-9": 200, "/score?from=99999": 200} {
			r.want("GET", "/en/open"+path, nil, status)
		}
	})
}

// TestManyAreasAreCountedOnce: each area has what is counted in it and below it, and a
// city with many areas costs what its counts cost, not areas times counts.
func TestManyAreasAreCountedOnce(t *testing.T) {
	const n, children = 4096, 8
	var d authority.Directory
	var counts []lane.Count
	var legs []lane.LegCount
	below := map[string]int64{} // areas in an area, itself too
	name := func(i int) string { return "a" + strconv.Itoa(i) }
	for i := range n {
		a := authority.Area{ID: name(i)}
		if i > 0 {
			a.Parent = name((i - 1) / children)
		}
		d.Areas = append(d.Areas, a)
		for j := i; ; j = (j - 1) / children {
			if below[name(j)]++; j == 0 {
				break
			}
		}
		for m := 1; m <= 12; m++ {
			month := fmt.Sprintf("2026-%02d", m)
			counts = append(counts, lane.Count{Month: month, ID: a.ID, Standing: lane.Silent, N: 1})
			legs = append(legs, lane.LegCount{Month: month, ID: a.ID, Standing: lane.LegStandings[0], N: 1})
		}
	}
	v := &visit{lang: "en", router: authority.NewRouter(d)}
	span := lane.Span{First: "2026-01", Last: "2026-10"}
	began := time.Now()
	all, ofReports, ofLegs := (&Web{}).items(v, lane.PerArea, counts), sumsOf(counts, span), legSums(legs, span)
	for _, i := range all {
		in, young := ofReports.of(i)
		on, fresh := ofLegs.of(i)
		if want := below[i.id]; in[lane.Silent] != 10*want || young != 2*want || on[lane.LegStandings[0]] != 10*want || fresh != 2*want {
			t.Fatalf("%s has %d reports and %d, %d appeals and %d, of %d areas", i.id, in[lane.Silent], young, on[lane.LegStandings[0]], fresh, want)
		}
	}
	if took := time.Since(began); len(all) != n || took > 2*time.Second { // it takes a hundredth of that
		t.Errorf("%d areas took %s", len(all), took)
	}
	for from, want := range map[string]int{"": 0, "x": 0, "-9": 0, "15": 15, "9223372036854775807": n} {
		v.Request = httptest.NewRequest("GET", "/?from="+from, nil)
		if got := v.from(all); got != want {
			t.Errorf("from=%s begins with %d, want %d", from, got, want)
		}
	}
}

// TestTracksAreNeverAddedUp: counts of another track are in no number.
func TestTracksAreNeverAddedUp(t *testing.T) {
	onBothThen(t, func(t *testing.T, r *room, later func()) {
		r.judged("", delivered)
		later()
		before := r.want("GET", "/en/open/score/authority/water", nil, 200)
		all, err := r.lane.Tally(t.Context(), lane.PerAuthority, "appeal", "0000-00", "9999-99")
		if err != nil || len(all) != 0 {
			t.Errorf("no appeal was made, and counted are %v, %v", all, err)
		}
		check(t, r.raw(`INSERT INTO tally (kind, track, month, id, standing, slot, n) VALUES ('authority', 'appeal', '2026-06', 'water', 'confirmed', 0, 40)`))
		if after := r.want("GET", "/en/open/score/authority/water", nil, 200); after != before {
			t.Errorf("40 appeals changed the numbers of reports:\n%s", after)
		}
		if all, err = r.lane.Tally(t.Context(), lane.PerAuthority, "appeal", "0000-00", "9999-99"); err != nil || len(all) != 1 || all[0].N != 40 {
			t.Errorf("the appeals are %v, %v", all, err)
		}
	})
}

// FuzzScoreAddress: whatever is asked for, a scoreboard has twelve months, all ripe.
func FuzzScoreAddress(f *testing.F) {
	f.Add("2026-05")
	f.Add("0000-00")
	f.Fuzz(func(t *testing.T, until string) {
		span, n := lane.RipeSpan("2026-11-28", until), 0
		for range months12(span) {
			n++
		}
		if n != 12 || span.Last > "2026-09" {
			t.Errorf("until %q: %+v has %d months", until, span, n)
		}
	})
}
