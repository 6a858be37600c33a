package laneweb

import (
	"encoding/csv"
	"strings"
	"testing"

	"kua/internal/appeal"
	"kua/internal/lane"
	"kua/internal/locale"
)

// TestAppealsScoreboard: formal appeals have pages of their own, per authority, area and
// category, with their denominators,
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
		each := "an appeal that was passed on counts at each 3"
		for path, sent := range map[string]string{"authority": "also those passed on to it by another 3", "authority/water": "also those passed on to it by another 3",
			"area": each, "area/south": each, "area/ulgi": each, "category": each, "category/manhole": each} {
			body := read(r.want("GET", "/en/open/appeals/"+path, nil, 200))
			for _, want := range []string{sent, "1 of 2 fewer than 20: no share", "0 of 2 fewer than 20"} {
				if !strings.Contains(body, want) {
					t.Errorf("%s lacks %q:\n%s", path, want, body)
				}
			}
		}
		rows := func(query string) [][]string {
			t.Helper()
			resp, text := r.get("/en/open/appeals/" + query)
			all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
			if err != nil || resp.StatusCode != 200 || len(all) == 0 || len(all[0]) != len(legColumns) || strings.Contains(text, "zhasyryn") {
				t.Fatalf("%s: %d %v\n%s", query, resp.StatusCode, err, text)
			}
			return all[1:]
		}
		for query, want := range map[string]int{"": 3, "?standing=silent": 1, "?standing=in_time": 1, "?standing=unclocked": 1, "?standing=late": 0} {
			if got := rows("authority/water/rows.csv" + query); len(got) != want {
				t.Errorf("%q has %d rows, want %d", query, len(got), want)
			}
		}
		for path, want := range map[string]int{"area/south": 3, "area/ulgi": 3, "area/north": 0, "area/gone": 0, "area/-": 0, "category/-": 0, "category/manhole": 3, "category/water": 0} {
			if got := rows(path + "/rows.csv"); len(got) != want || want > 0 && strings.Join(got[0][15:], " ") != "south manhole" {
				t.Errorf("%s has the rows %v, want %d", path, got, want)
			}
		}
		const none = "Younger and in none of these numbers: 0;"
		if body := read(r.want("GET", "/en/open/appeals/area/south?until=2026-05", nil, 200)); !strings.Contains(body, none) {
			t.Errorf("months that are ripe are called young:\n%s", body)
		}
		for _, path := range []string{"authority/nobody-such", "area/nobody-such", "person", "person/x", "person/x/rows.csv", "area/south/rows.csv?standing=well"} {
			r.want("GET", "/en/open/appeals/"+path, nil, 404)
		}
		for before, now := range map[string]string{"": "/authority", "/water": "/authority/water", "/water/rows.csv?until=2026-07&standing=late": "/authority/water/rows.csv?until=2026-07&standing=late"} {
			if resp, _ := r.get("/en/open/score/appeals" + before); resp.Header.Get("Location") != "/en/open/appeals"+now || resp.StatusCode != 308 {
				t.Errorf("/score/appeals%s leads to %q: %d", before, resp.Header.Get("Location"), resp.StatusCode)
			}
		}
		if body := read(r.want("GET", "/en/open/score/authority/water", nil, 200)); !strings.Contains(body, "together they are all 3") {
			t.Errorf("the reports are not three:\n%s", body)
		}
	})
}
