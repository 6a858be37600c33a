package appeal_test

import (
	"slices"
	"strings"
	"testing"

	"kua/internal/appeal"
	"kua/internal/datafile"
	"kua/internal/locale"
)

// progress is how far an appeal under a made-up law has come; see law in
// appeal_test.go: 15 working days, counted from the next.
func progress(t *testing.T, today appeal.Day, verdict appeal.Verdict, events ...appeal.Event) appeal.Progress {
	return appeal.Progress{Standing: stand(t, law(appeal.Beyond), today, events...), Verdict: verdict}
}

func road(steps ...appeal.Step) appeal.Road { return appeal.Road{Country: "xx", Steps: steps} }

func confirmed(kind appeal.StepKind, when ...appeal.When) appeal.Step {
	return appeal.Step{Kind: kind, When: when, Confidence: appeal.Confirmed, Checked: []appeal.Check{{By: "a test", On: "2026-01-01"}}}
}

// TestPossible: registered on 28 November 2026, due on Mon 21 December (see
// TestDue). A rule that it be registered within 1 working day, delivered on Fri
// 27 November, is due on Mon 30 November.
func TestPossible(t *testing.T) {
	answered := event(appeal.Answered, "2026-12-01", appeal.ByAuthority)
	register := with(rule(1, appeal.WorkingDays), func(r *appeal.Rule) { r.ID, r.Kind = "xx.register", appeal.Register })
	for _, c := range []struct {
		name    string
		when    appeal.When
		today   appeal.Day
		verdict appeal.Verdict
		events  []appeal.Event
		open    bool
		why     string
	}{
		{"nothing sent", appeal.Unsent, "2026-11-28", "", nil, true, "appeal.road.unsent"},
		{"sent", appeal.Unsent, "2026-11-28", "", []appeal.Event{submitted}, false, "appeal.road.sent"},
		{"nothing to be silent of", appeal.Silent, "2026-11-28", "", nil, false, "appeal.road.wait_sent"},
		{"time to register", appeal.Unregistered, "2026-11-30", "", []appeal.Event{submitted, delivered}, false, "appeal.road.wait_register"},
		{"not registered in time", appeal.Unregistered, "2026-12-01", "", []appeal.Event{submitted, delivered}, true, "appeal.road.unregistered_over"},
		{"not known to be delivered", appeal.Unregistered, "2026-11-26", "", []appeal.Event{submitted}, true, "appeal.road.unregistered"},
		{"no clock without registration", appeal.Silent, "2027-11-26", "", []appeal.Event{submitted, delivered}, false, "appeal.road.wait_registered"},
		{"the last day", appeal.Silent, "2026-12-21", "", []appeal.Event{submitted, delivered, registered}, false, "appeal.road.wait_due"},
		{"the day after", appeal.Silent, "2026-12-22", "", []appeal.Event{submitted, delivered, registered}, true, "appeal.road.silent"},
		{"silence is a refusal", appeal.Silent, "2026-12-22", "", []appeal.Event{submitted, delivered, registered}, true, "appeal.road.refused"},
		{"answered, not judged", appeal.Unmended, "2026-12-22", "", []appeal.Event{submitted, registered, answered}, false, "appeal.road.wait_verdict"},
		{"answered, mended", appeal.Unmended, "2026-12-22", appeal.Mended, []appeal.Event{submitted, registered, answered}, false, "appeal.road.mended"},
		{"answered, partly", appeal.Unmended, "2026-12-22", appeal.Partly, []appeal.Event{submitted, registered, answered}, true, "appeal.road.unmended"},
		{"withdrawn", appeal.Silent, "2027-12-22", "", []appeal.Event{submitted, registered, event(appeal.Withdrawn, "2026-12-01", appeal.ByCitizen)}, false, "appeal.road.withdrawn"},
	} {
		l := law(appeal.Beyond)
		l.Rules = append(l.Rules, register)
		got := road(confirmed(appeal.Superior, c.when)).Possible(l, plain(), progress(t, c.today, c.verdict, c.events...), c.today)[0]
		says := slices.ContainsFunc(got.Why, said(c.why))
		if got.Open != c.open || !says || len(got.Doubts) != 0 {
			t.Errorf("%s: open %v, why %v, doubts %v; want %v because of %s, no doubt", c.name, got.Open, got.Why, got.Doubts, c.open, c.why)
		}
	}
	// An expired calendar opens nothing, and says so.
	late := event(appeal.Registered, "2027-12-20", appeal.ByAuthority)
	got := road(confirmed(appeal.Superior, appeal.Silent)).Possible(law(appeal.Beyond), plain(), progress(t, "2028-11-26", "", submitted, late), "2028-11-26")[0]
	if got.Open || !slices.ContainsFunc(got.Why, said("appeal.no_calendar")) {
		t.Errorf("without a calendar: %+v", got)
	}
}

func said(key string) func(locale.Sentence) bool {
	return func(s locale.Sentence) bool { return s.Key == key }
}

// TestOrderAndTime: what is confirmed forbids, what is not only warns. Answered on
// Tue 1 December 2026, 3 working days: 2, 3, Fri 4.
func TestOrderAndTime(t *testing.T) {
	events := []appeal.Event{submitted, registered, event(appeal.Answered, "2026-12-01", appeal.ByAuthority)}
	for _, sure := range []appeal.Confidence{appeal.Confirmed, appeal.Unconfirmed} {
		l := law(appeal.Beyond)
		l.Rules = append(l.Rules, with(rule(3, appeal.WorkingDays), func(r *appeal.Rule) { r.ID, r.Kind, r.Confidence = "xx.complaint", appeal.Complaint, sure }))
		step := confirmed(appeal.Superior, appeal.Unmended)
		step.Within = appeal.Complaint
		after := confirmed(appeal.Court, appeal.Unmended)
		after.After, after.Confidence = []appeal.StepKind{appeal.Superior}, sure
		for today, inTime := range map[appeal.Day]bool{"2026-12-04": true, "2026-12-05": false} {
			p := progress(t, today, appeal.NotMended, events...)
			got := road(step, after).Possible(l, plain(), p, today)
			if want := inTime || sure == appeal.Unconfirmed; got[0].Open != want || got[0].Until == nil || got[0].Until.Day != "2026-12-04" {
				t.Errorf("%s, %s: open %v until %v, want %v until 2026-12-04", sure, today, got[0].Open, got[0].Until, want)
			}
			if late := slices.ContainsFunc(append(got[0].Why, got[0].Doubts...), said("appeal.road.late")); late == inTime {
				t.Errorf("%s, %s: said to be late: %v", sure, today, late)
			}
			if got[1].Open != (sure == appeal.Unconfirmed) {
				t.Errorf("%s: the court before the superior body: open %v", sure, got[1].Open)
			}
			p.Sent = []appeal.Sent{{Kind: appeal.Superior, Day: today}}
			if got := road(after).Possible(l, plain(), p, today)[0]; !got.Open || slices.ContainsFunc(got.Doubts, said("appeal.road.wait_after")) {
				t.Errorf("%s: the court after the superior body: %+v", sure, got)
			}
		}
	}
}

// TestShippedRoads: every country has every step; nothing claims a source that
// it does not name, and no article stands in a road that is not in the law.
func TestShippedRoads(t *testing.T) {
	book, err := appeal.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	for _, country := range []string{"kz", "kg", "uz", "tj", "tm"} {
		r, err := appeal.ShippedRoad(country)
		if err != nil {
			t.Fatal(err)
		}
		known := map[string]bool{"": true}
		for _, rule := range book.Laws[country].Rules {
			known[rule.Source.Article] = true
		}
		for _, s := range book.Laws[country].Silence {
			known[s.Source.Article] = true
		}
		var kinds []appeal.StepKind
		for _, s := range r.Steps {
			kinds = append(kinds, s.Kind)
			if s.Source != nil && !known[s.Source.Article] {
				t.Errorf("%s: article %s of the step %s is not in the law", country, s.Source.Article, s.Kind)
			}
			if s.Confidence != appeal.Confirmed && len(s.Note) == 0 {
				t.Errorf("%s: the step %s is not confirmed and does not say why", country, s.Kind)
			}
		}
		if got := slices.Compact(kinds); !slices.Equal(got, appeal.StepKinds) {
			t.Errorf("%s: steps %v", country, got)
		}
		if len(r.Ways) == 0 {
			t.Errorf("%s names no way by which a letter goes", country)
		}
		for _, w := range r.Ways {
			if len(w.Note) == 0 {
				t.Errorf("%s: the way %s does not say what is known of it", country, w.Kind)
			}
		}
		if len(r.Asks) != len(appeal.Fields) {
			t.Errorf("%s says of %d fields whether they are asked for, want %d", country, len(r.Asks), len(appeal.Fields))
		}
	}
}

// TestRoadRefuses: what is wrong with a road is named with its line.
func TestRoadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"country: kz\nsteps:\n  - {kind: petition, when: [silent], confidence: unconfirmed}\n":                                  "datafile.unknown_word",
		"country: kz\nsteps:\n  - {kind: court, when: [never], confidence: unconfirmed}\n":                                      "datafile.unknown_word",
		"country: kz\nsteps:\n  - {kind: court, confidence: unconfirmed}\n":                                                     "datafile.unknown_word",
		"country: kz\nsteps:\n  - {kind: court, when: [silent], confidence: confirmed}\n":                                       "appeal.no_source",
		"country: kz\nsteps:\n  - {kind: court, when: [silent], confidence: confirmed, source: {act: {en: A}}}\n":               "appeal.no_source",
		"country: kz\nsteps:\n  - {kind: court, when: [silent], confidence: unconfirmed, from: 2026-01-02, to: 2026-01-01}":     "datafile.backwards",
		"country: kz\nways:\n  - {kind: pigeon, confidence: unconfirmed}\nsteps: []\n":                                          "datafile.unknown_word",
		"country: kz\nways:\n  - {kind: post, confidence: confirmed}\nsteps: []\n":                                              "appeal.no_source",
		"country: kz\nways:\n  - {kind: post, confidence: unconfirmed}\n  - {kind: post, confidence: unconfirmed}\nsteps: []\n": "datafile.twice",
		"country: kg\nsteps:\n  - {kind: court, when: [silent], confidence: unconfirmed}\n":                                     "appeal.bad_country",
	} {
		var problems datafile.Problems
		if _, ok := appeal.ReadRoad("roads/kz.yaml", []byte(text), &problems); ok || problems[0].What.Key != want || problems[0].Line == 0 {
			t.Errorf("%s: %v, want %s", strings.TrimSpace(text), problems, want)
		}
	}
}

// FuzzRoad: whatever is read without an error can be asked for its steps.
func FuzzRoad(f *testing.F) {
	for _, country := range []string{"kz", "tj"} {
		r, err := appeal.ShippedRoad(country)
		if err != nil {
			f.Fatal(err)
		}
		r.Country = "kz"
		text, err := datafile.WriteYAML(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var problems datafile.Problems
		r, ok := appeal.ReadRoad("roads/kz.yaml", text, &problems)
		if !ok {
			if problems.Errors() == 0 {
				t.Error("refused without a reason")
			}
			return
		}
		for _, p := range r.Possible(law(appeal.Beyond), plain(), progress(t, "2026-12-22", "", submitted, delivered, registered), "2026-12-22") {
			if len(p.Why) == 0 && !p.Open {
				t.Errorf("shut without a reason: %+v", p)
			}
		}
	})
}
