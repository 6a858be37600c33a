package laneweb

import (
	"encoding/csv"
	"strings"
	"testing"

	"kua/internal/appeal"
	"kua/internal/lane"
	"kua/internal/locale"
)

// TestAppealsScoreboard: formal appeals have a page of their own with their denominators,
// no share below the sample, and rows that add up and hold nothing of a person.
func TestAppealsScoreboard(t *testing.T) {
	onBothThen(t, func(t *testing.T, r *room, later func()) {
		for i, entries := range [][]lane.Entry{
			{{Act: appeal.Registered, Day: "2026-06-02", Note: lane.Note{Number: "zhasyryn-17"}}, {Act: appeal.Answered, Day: "2026-06-03"}},
			{{Act: appeal.Registered, Day: "2026-06-02", Note: lane.Note{Number: "zhasyryn-18"}}},
			nil,
		} {
			d := lane.Draft{Code: lane.NewCode(), Category: "manhole", Language: locale.Russian, Words: "Открытый люк, выдумано", Area: "south", Answers: map[string][]string{"cover": {"gone"}}}
			_, err := r.lane.Submit(t.Context(), d)
			check(t, err)
			check(t, r.lane.Attest(t.Context(), d.Code, 0, lane.Entry{Act: appeal.Submitted, Day: "2026-06-01", Authority: "water"}))
			for n, e := range entries {
				if err := r.lane.Attest(t.Context(), d.Code, int64(n+1), e); err != nil {
					t.Fatalf("%d: %v", i, err)
				}
			}
		}
		later()
		for _, path := range []string{"/en/open/score/appeals", "/en/open/score/appeals/water"} {
			body := read(r.want("GET", path, nil, 200))
			for _, want := range []string{"also those passed on to it by another 3", "1 of 2 fewer than 20: no share", "0 of 2 fewer than 20"} {
				if !strings.Contains(body, want) {
					t.Errorf("%s lacks %q:\n%s", path, want, body)
				}
			}
		}
		rows := func(query string) [][]string {
			t.Helper()
			resp, text := r.get("/en/open/score/appeals/water/rows.csv" + query)
			all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
			if err != nil || resp.StatusCode != 200 || len(all) == 0 || len(all[0]) != len(legColumns) || strings.Contains(text, "zhasyryn") {
				t.Fatalf("%s: %d %v\n%s", query, resp.StatusCode, err, text)
			}
			return all[1:]
		}
		for query, want := range map[string]int{"": 3, "?standing=silent": 1, "?standing=in_time": 1, "?standing=unclocked": 1, "?standing=late": 0} {
			if got := rows(query); len(got) != want {
				t.Errorf("%q has %d rows, want %d", query, len(got), want)
			}
		}
		const none = "Younger and in none of these numbers: 0;"
		if body := read(r.want("GET", "/en/open/score/appeals/water?until=2026-05", nil, 200)); !strings.Contains(body, none) {
			t.Errorf("months that are ripe are called young:\n%s", body)
		}
		r.want("GET", "/en/open/score/appeals/nobody-such", nil, 404)
		r.want("GET", "/en/open/score/appeals/water/rows.csv?standing=well", nil, 404)
		if body := read(r.want("GET", "/en/open/score/authority/water", nil, 200)); !strings.Contains(body, "together they are all 3") {
			t.Errorf("the reports are not three:\n%s", body)
		}
	})
}
