package lane311

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
)

const oldHeader = "service_request_id,requested_datetime,updated_datetime,closed_date,status_description,status_notes,source,service_name,service_subtype,description,agency_responsible,address,lat,long\n"

// oldCases is what an old system gives out; all of it is made up.
const oldCases = oldHeader + `A-1,2024-03-01T10:00:00+05:00,2024-03-09,2024-03-09,closed,"Засыпали, выдумано",web,Ямы,pothole,"Яма у школы, выдумано",Горхоз,у школы,45.05,65.15
A-2,2024-03-01,,,open,,phone,Вода,water,"Нет воды,
выдумано",,,45.06,65.16
A-3,2024-05-02,,,open,,web,Вода,water,"Пишите на old@mail.ru, выдумано",,,45.06,65.16
A-4,2024-05-03,,,open,,web,Вода,water,"Сув йўқ, ўйлаб топилган",,,,
`

func (r *room) load(text string, looked bool) (Loaded, error) {
	return Loading{Lane: r.lane, Source: "old-city.example", Language: locale.Russian, LookedAt: looked}.Load(r.t.Context(), strings.NewReader(text), int64(len(text)))
}

// TestTakenOver: what an old system has is taken over once, marked for good, found
// and shown, and neither sent, offered nor counted.
func TestTakenOver(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		done, err := r.load(oldCases, false)
		check(t, err)
		if done.Fresh != 3 || done.There != 0 || len(done.Left) != 1 || done.Left[0].Line != 5 || len(done.Wrong) != 0 {
			t.Fatalf("Load = %+v", done)
		}
		if done, err = r.load(oldCases, true); err != nil || done.Fresh != 1 || done.There != 3 || len(done.Left) != 0 {
			t.Fatalf("again = %+v, %v", done, err)
		}
		found, err := r.lane.List(t.Context(), lane.Filter{Words: "яма школ", Limit: 5})
		check(t, err)
		if len(found) != 1 || found[0].Source != "old-city.example" || found[0].Open || found[0].Day != "2024-03-01" || found[0].Landmark != "у школы" || found[0].Place == nil {
			t.Fatalf("found %+v", found)
		}
		one, err := r.lane.Request(t.Context(), found[0].ID)
		check(t, err)
		if len(one.Assignments) != 0 || one.Standing() != "" {
			t.Errorf("it has %+v", one.Assignments)
		}
		history, err := r.lane.History(t.Context(), one.ID)
		check(t, err)
		if e := history[0]; len(history) != 1 || e.By != lane.BySource || e.Source != "old-city.example" || e.Reference != "A-1" || e.Reason != "Засыпали, выдумано" || e.To != "" {
			t.Errorf("its history is %+v", history)
		}
		if all, err := r.lane.Recount(t.Context(), false); err != nil || len(all) != 0 {
			t.Errorf("Recount = %+v, %v", all, err)
		}
		counts, err := r.lane.Tally(t.Context(), lane.PerArea, lane.ReportTrack, "2000-01", "2099-12")
		if err != nil || len(counts) != 0 {
			t.Errorf("it is counted: %+v, %v", counts, err)
		}
		at, _ := authority.At(45.06, 65.16)
		near, err := r.lane.Nearby(t.Context(), lane.Draft{Category: "water", Language: locale.Russian, Words: "Нет воды", At: &at})
		if err != nil || len(near) != 0 {
			t.Errorf("it is offered: %+v, %v", near, err)
		}
		if err := r.lane.Support(t.Context(), found[0].ID, lane.NewCode()); !errors.Is(err, fault.Conflict("lane.import.elsewhere")) {
			t.Errorf("Support = %v", err)
		}
		for query, want := range map[string]string{"updated_after=2026-11-28T00:00:00Z": "4 3 2 1", "updated_after=2026-11-29T00:00:00Z": "", "updated_before=2026-11-27T00:00:00Z": "", "updated_after=2026-06-01T00:00:00Z": "4 3 2 1"} {
			if got := strings.Join(r.listed("requests.xml?start_date=2024-02-20T00:00:00Z&"+query), " "); got != want {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
		_, body := r.do(http.MethodGet, Endpoint+"requests.csv", "", nil)
		if !strings.Contains(body, "old-city.example") || !strings.Contains(body, "A-1") {
			t.Errorf("other systems see:\n%s", body)
		}
	})
}

// TestNothingIsTakenOverHalf: a file with a wrong line is not taken over at all,
// and every wrong line is told.
func TestNothingIsTakenOverHalf(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()})
	for name, c := range map[string]struct {
		text, want string
		lines      []int
	}{
		"no number":        {oldCases + ",2024-06-01,,,open,,,,water,Нет,,,,\n", "lane.import.number", []int{7}},
		"newest first":     {oldCases + "B,2023-06-01,,,open,,,,water,Нет,,,,\n", "lane311.load.order", []int{7}},
		"tomorrow":         {oldCases + "B,2999-06-01,,,open,,,,water,Нет,,,,\n", "lane.import.day", []int{7}},
		"a status":         {oldCases + "B,2024-06-01,,,done,,,,water,Нет,,,,\n", "lane311.load.status", []int{7}},
		"a category":       {oldCases + "B,2024-06-01,,,open,,,,wotar,Нет,,,,\n", "authority.unknown", []int{7}},
		"a sealed one":     {oldCases + "B,2024-06-01,,,open,,,,bribe,Нет,,,,\n", "lane.sealed", []int{7}},
		"no words":         {oldCases + "B,2024-06-01,,,open,,,,water,,,,,\n", "lane.text", []int{7}},
		"half a place":     {oldCases + "B,2024-06-01,,,open,,,,water,Нет,,,45.06,\n", "open311.coordinates", []int{7}},
		"a place far away": {oldCases + "B,2024-06-01,,,open,,,,water,Нет,,,5.06,6.1\n", "lane.place", []int{7}},
		"closed before":    {oldCases + "B,2024-06-01,,2024-05-01,closed,,,,water,Нет,,,,\n", "open311.date", []int{7}},
		"not UTF-8":        {oldCases + "B,2024-06-01,,,open,,,,water,\xff,,,,\n", "lane311.load.text", []int{7}},
		"two lines":        {oldCases + "B,2024-06-01,,,done,,,,water,Нет,,,,\nC,2024-06-01,,,open,,,,water,,,,,\n", "lane311.load.status", []int{7, 8}},
		"no CSV":           {oldCases + "B,\"2024\n", "lane311.load.csv", []int{7}},
	} {
		done, err := r.load(c.text, true)
		var lines []int
		for _, one := range done.Wrong {
			lines = append(lines, one.Line)
		}
		if err != nil || !slices.Equal(lines, c.lines) || done.Fresh != 0 {
			t.Errorf("%s: %+v, %v", name, done, err)
			continue
		}
		if f, ok := fault.Of(done.Wrong[0].Err); !ok || f.Key != c.want {
			t.Errorf("%s: %v, want %s", name, done.Wrong[0].Err, c.want)
		}
	}
	for text, want := range map[string]string{"": "lane311.load.csv", "service_request_id,date\n": "lane311.load.column", "service_request_id\n": "lane311.load.missing"} {
		_, err := r.load(text, false)
		if f, ok := fault.Of(err); !ok || f.Key != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, err := (Loading{Lane: r.lane, Source: "Old City"}).Load(t.Context(), strings.NewReader(oldCases), 1); !errors.Is(err, fault.Invalid("lane.import.source")) {
		t.Errorf("Load = %v", err)
	}
	if found, err := r.lane.List(t.Context(), lane.Filter{Limit: 1}); err != nil || len(found) != 0 {
		t.Errorf("kept: %+v, %v", found, err)
	}
}

// TestLoadGoesOn: one that was cut off in the middle leaves whole cases, and the
// next run brings the rest, once each.
func TestLoadGoesOn(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		var b strings.Builder
		b.WriteString(oldHeader)
		const cases = 3 * loadBatch
		for i := range cases {
			fmt.Fprintf(&b, "N-%d,2024-06-01,,,open,,,,water,\"Выдумано, дом %d\",,,45.06,65.16\n", i, i)
		}
		ctx, stop := context.WithCancel(t.Context())
		o := Loading{Lane: r.lane, Source: "old", Language: locale.Russian, Progress: func(done, total int64) {
			if done > total*3/4 {
				stop()
			}
		}}
		if _, err := o.Load(ctx, strings.NewReader(b.String()), int64(b.Len())); !errors.Is(err, context.Canceled) {
			t.Fatalf("Load = %v", err)
		}
		o.Progress = nil
		done, err := o.Load(t.Context(), strings.NewReader(b.String()), int64(b.Len()))
		if err != nil || done.There == 0 || done.There%loadBatch != 0 || done.Fresh+done.There != cases {
			t.Fatalf("again = %+v, %v", done, err)
		}
		seen := 0
		check(t, r.lane.Walk(t.Context(), lane.Chosen{}, func(all []lane.Whole) error { seen += len(all); return nil }))
		if seen != cases {
			t.Errorf("%d cases, want %d", seen, cases)
		}
	})
}

// FuzzLoad: whatever a file holds, it is taken over whole or told to be wrong.
func FuzzLoad(f *testing.F) {
	r := newRoom(f, lane.Config{Dir: f.TempDir()})
	f.Add(oldCases)
	f.Add("\ufeff" + oldHeader)
	f.Add("service_request_id,description\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		to, err := r.lane.Importer(t.Context(), "old")
		check(t, err)
		_, router, err := r.lane.Current(t.Context())
		check(t, err)
		l := &load{Loading: Loading{Lane: r.lane, Language: locale.Russian}, to: to, directory: router.Directory(), size: int64(len(text))}
		err = l.read(t.Context(), strings.NewReader(text), func([]told) error { return nil })
		if _, ok := fault.Of(err); err != nil && !ok {
			t.Errorf("%q: %v", text, err)
		}
		for _, one := range l.wrong {
			if _, ok := fault.Of(one.Err); !ok || one.Line < 2 {
				t.Errorf("%q: line %d: %v", text, one.Line, one.Err)
			}
		}
	})
}
