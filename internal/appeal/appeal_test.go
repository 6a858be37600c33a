package appeal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kua/internal/appeal"
	"kua/internal/datafile"
	"kua/internal/fault"
	"kua/internal/locale"
)

var words = locale.Texts{"en": "made up for this test"}

// made is a calendar that knows all of 2026 and 2027: days off on Saturday,
// Sunday, 1 and 2 January, 8 March, 21 to 23 March, 16 December; a holiday on a
// weekend moves to the next working day; Saturday 12 December 2026 is worked
// for Monday 14 December.
var made = appeal.Calendar{
	ID: "xx", Weekend: []string{"saturday", "sunday"}, Shift: true, Confidence: appeal.Confirmed,
	Holidays: []appeal.Holiday{
		{Date: "01-01", Name: words}, {Date: "01-02", Name: words}, {Date: "03-08", Name: words}, {Date: "03-21", Name: words},
		{Date: "03-22", Name: words}, {Date: "03-23", Name: words}, {Date: "12-16", Name: words}, {Date: "02-29", Name: words},
	},
	Years: []appeal.Year{
		{Year: 2026, Complete: true, Worked: []appeal.Dated{{Day: "2026-12-12"}}, Off: []appeal.Dated{{Day: "2026-12-14"}}},
		{Year: 2027, Complete: true},
	},
}

// plain is made without the moved working day.
func plain() appeal.Calendar {
	c := made
	c.Years = []appeal.Year{{Year: 2026, Complete: true}, {Year: 2027, Complete: true}}
	return c
}

func rule(count int, unit appeal.Unit) appeal.Rule {
	return appeal.Rule{ID: "xx.answer", Kind: appeal.Answer, Length: appeal.Length{Count: count, Unit: unit}, Begins: appeal.NextDay,
		DayOff: appeal.Stays, Confidence: appeal.Confirmed, Checked: []appeal.Check{{By: "a test", On: "2026-01-01"}}}
}

func with(r appeal.Rule, change func(*appeal.Rule)) appeal.Rule { change(&r); return r }

// TestDue compares with days counted by hand; each line shows the counting.
func TestDue(t *testing.T) {
	working, month := rule(15, appeal.WorkingDays), rule(1, appeal.Months)
	for _, c := range []struct {
		name       string
		rule       appeal.Rule
		calendar   appeal.Calendar
		registered appeal.Day
		want       appeal.Day
	}{
		// Sat 28 Nov. 30 Nov–4 Dec = 5, 7–11 = 10, 14 = 11, 15 = 12, (16 holiday), 17 = 13, 18 = 14, (19, 20), Mon 21 = 15.
		{"weekends and a holiday", working, plain(), "2026-11-28", "2026-12-21"},
		// Fri 11 Dec. Sat 12 worked = 1, (13), (14 off), 15 = 2, (16 holiday), Thu 17 = 3.
		{"moved working days", rule(3, appeal.WorkingDays), made, "2026-12-11", "2026-12-17"},
		// The same without the decree: (12, 13), 14 = 1, 15 = 2, (16), Thu 17 = 3. The end is the same; one day shows the difference:
		// Fri 11 Dec, 1 day: Sat 12 by the decree, Mon 14 without it.
		{"one day with the decree", rule(1, appeal.WorkingDays), made, "2026-12-11", "2026-12-12"},
		{"one day without it", rule(1, appeal.WorkingDays), plain(), "2026-12-11", "2026-12-14"},
		// 8 March 2026 is a Sunday, so Mon 9 is off. Fri 6: (7, 8, 9), Tue 10 = 1.
		{"a holiday moves from Sunday", rule(1, appeal.WorkingDays), plain(), "2026-03-06", "2026-03-10"},
		// 21 and 22 March 2026 are Saturday and Sunday, Mon 23 a holiday itself: Tue 24 and Wed 25 are off. Fri 20: Thu 26 = 1.
		{"two holidays move past a third", rule(1, appeal.WorkingDays), plain(), "2026-03-20", "2026-03-26"},
		// Thu 31 Dec 2026: Fri 1 Jan off, Sat 2 holiday, moves to Mon 4, (3), Tue 5 = 1.
		{"over the new year", rule(1, appeal.WorkingDays), plain(), "2026-12-31", "2027-01-05"},
		// Wed 25 Nov counts itself: 25 = 1, 26 = 2, 27 = 3.
		{"from the same day", with(rule(3, appeal.WorkingDays), func(r *appeal.Rule) { r.Begins = appeal.SameDay }), plain(), "2026-11-25", "2026-11-27"},
		// 28 Nov + 15 = 13 Dec, a Sunday, which stays.
		{"calendar days", rule(15, appeal.CalendarDays), plain(), "2026-11-28", "2026-12-13"},
		// … which moves: Mon 14 is off by the decree, Tue 15.
		{"calendar days moved", with(rule(15, appeal.CalendarDays), func(r *appeal.Rule) { r.DayOff = appeal.Moves }), made, "2026-11-28", "2026-12-15"},
		{"one month", month, plain(), "2026-11-28", "2026-12-28"},
		// February has no 31st: its last day.
		{"a month that is too short", month, plain(), "2026-01-31", "2026-02-28"},
		{"twelve months", rule(12, appeal.Months), plain(), "2026-02-01", "2027-02-01"},
		// 2028 is not needed when the end stays where it is.
		{"calendar days without a calendar", rule(15, appeal.CalendarDays), plain(), "2027-12-20", "2028-01-04"},
	} {
		got, err := appeal.Due(c.rule, c.calendar, c.registered)
		if err != nil || got.Day != c.want || !got.Firm() {
			t.Errorf("%s: Due = %s, %v, doubts %v; want %s without a doubt", c.name, got.Day, err, got.Doubts, c.want)
		}
	}
}

// TestDueRefuses: what is not known is never computed with.
func TestDueRefuses(t *testing.T) {
	for _, c := range []struct {
		name       string
		rule       appeal.Rule
		registered appeal.Day
		want       *fault.Fault
	}{
		// 20 Dec 2027: the 15th working day lies in January 2028, which the calendar does not have.
		{"expired calendar", rule(15, appeal.WorkingDays), "2027-12-20", fault.NotFound("appeal.no_calendar")},
		{"end on a day of an unknown year", with(rule(15, appeal.CalendarDays), func(r *appeal.Rule) { r.DayOff = appeal.Moves }), "2027-12-20", fault.NotFound("appeal.no_calendar")},
		{"before the rule", with(rule(1, appeal.WorkingDays), func(r *appeal.Rule) { r.From = "2026-06-01" }), "2026-05-31", fault.NotFound("appeal.not_in_force")},
		{"after the rule", with(rule(1, appeal.WorkingDays), func(r *appeal.Rule) { r.To = "2026-06-01" }), "2026-06-02", fault.NotFound("appeal.not_in_force")},
		{"not registered", rule(1, appeal.WorkingDays), "", fault.Invalid("appeal.no_registration")},
		{"no unit", rule(1, "weeks"), "2026-06-02", fault.Invalid("appeal.bad_unit")},
		{"for ever", rule(1<<30, appeal.WorkingDays), "2026-06-02", fault.Invalid("appeal.bad_length")},
	} {
		if d, err := appeal.Due(c.rule, plain(), c.registered); !errors.Is(err, c.want) {
			t.Errorf("%s: Due = %s, %v, want %s", c.name, d.Day, err, c.want.Key)
		}
	}
}

// TestDoubts: each thing that is not confirmed stands beside the day.
func TestDoubts(t *testing.T) {
	unsure := plain()
	unsure.Confidence = appeal.Unconfirmed
	gaps := plain()
	gaps.Years = []appeal.Year{{Year: 2026, Missing: words}, {Year: 2027, Complete: true}}
	base := rule(15, appeal.WorkingDays)
	for _, c := range []struct {
		want     string
		rule     appeal.Rule
		calendar appeal.Calendar
	}{
		{"appeal.doubt.unconfirmed", with(base, func(r *appeal.Rule) { r.Confidence = appeal.Unconfirmed }), plain()},
		{"appeal.doubt.unchecked", with(base, func(r *appeal.Rule) { r.Checked = nil }), plain()},
		{"appeal.doubt.recheck", with(base, func(r *appeal.Rule) { r.Recheck = &appeal.Recheck{Since: "2026-11-28", Why: words} }), plain()},
		{"appeal.doubt.begin", with(base, func(r *appeal.Rule) { r.Begins = appeal.BeginUnknown }), plain()},
		{"appeal.doubt.calendar_unconfirmed", base, unsure},
		{"appeal.doubt.calendar_incomplete", base, gaps},
		// 28 Nov + 15 = Sun 13 Dec.
		{"appeal.doubt.day_off", with(rule(15, appeal.CalendarDays), func(r *appeal.Rule) { r.DayOff = appeal.DayOffUnknown }), plain()},
	} {
		d, err := appeal.Due(c.rule, c.calendar, "2026-11-28")
		if err != nil || len(d.Doubts) != 1 || d.Doubts[0].Key != c.want {
			t.Errorf("doubts = %v, %v, want %s alone", d.Doubts, err, c.want)
		}
	}
	// A change that came later does not make an older deadline doubtful.
	d, err := appeal.Due(with(base, func(r *appeal.Rule) { r.Recheck = &appeal.Recheck{Since: "2026-11-29", Why: words} }), plain(), "2026-11-28")
	if err != nil || !d.Firm() {
		t.Errorf("doubts = %v, %v, want none", d.Doubts, err)
	}
}

// TestDoubtsOnce: an extension leans on the first time too; nothing is said twice.
func TestDoubtsOnce(t *testing.T) {
	book, err := appeal.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	d, err := book.Due("kz", appeal.Extension, "", "2026-11-28")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, s := range d.Doubts {
		if text := fmt.Sprint(s); said[text] {
			t.Errorf("said twice: %s", text)
		} else {
			said[text] = true
		}
	}
	if !said[fmt.Sprint(locale.Say("appeal.doubt.unchecked", "kz.answer"))] {
		t.Errorf("the doubts of the first time are not among %v", d.Doubts)
	}
}

// TestExtend: the first time of 28 Nov 2026 ends on Mon 21 Dec (see TestDue).
func TestExtend(t *testing.T) {
	first, err := appeal.Due(rule(15, appeal.WorkingDays), plain(), "2026-11-28")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		counted appeal.Counting
		want    appeal.Day
		doubts  int
	}{
		{appeal.Total, "2027-01-28", 0},           // 28 Nov + 2 months
		{appeal.Beyond, "2027-02-21", 0},          // 21 Dec + 2 months
		{appeal.CountingUnknown, "2027-02-21", 1}, // the later of the two, and a doubt
	} {
		r := with(rule(2, appeal.Months), func(r *appeal.Rule) { r.Kind, r.Counted = appeal.Extension, c.counted })
		got, err := appeal.Extend(first, r, plain(), "2026-11-28")
		if err != nil || got.Day != c.want || len(got.Doubts) != c.doubts {
			t.Errorf("%s: Extend = %s, %v, %v; want %s and %d doubts", c.counted, got.Day, got.Doubts, err, c.want, c.doubts)
		}
	}
}

func law(forwarding appeal.Counting) appeal.Law {
	forward := with(rule(3, appeal.WorkingDays), func(r *appeal.Rule) { r.ID, r.Kind, r.Counted = "xx.forward", appeal.Forward, forwarding })
	longer := with(rule(2, appeal.Months), func(r *appeal.Rule) { r.ID, r.Kind, r.Counted = "xx.extension", appeal.Extension, appeal.Total })
	return appeal.Law{Country: "xx", Rules: []appeal.Rule{rule(15, appeal.WorkingDays), forward, longer},
		Silence: []appeal.Silence{{Means: appeal.DeemedRefusal, Confidence: appeal.Confirmed}}}
}

func stand(t *testing.T, l appeal.Law, today appeal.Day, events ...appeal.Event) appeal.Standing {
	t.Helper()
	s, err := appeal.Stand(l, func(string) appeal.Calendar { return plain() }, appeal.Appeal{Events: events}, today)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func event(act appeal.Act, day appeal.Day, by appeal.Attester, change ...func(*appeal.Event)) appeal.Event {
	e := appeal.Event{Act: act, Day: day, By: by}
	for _, c := range change {
		c(&e)
	}
	return e
}

func to(a string) func(*appeal.Event)        { return func(e *appeal.Event) { e.Authority = a } }
func numbered(n string) func(*appeal.Event)  { return func(e *appeal.Event) { e.Number = n } }
func until(d appeal.Day) func(*appeal.Event) { return func(e *appeal.Event) { e.Until = d } }

var (
	submitted  = event(appeal.Submitted, "2026-11-26", appeal.ByHouse, to("a"))
	delivered  = event(appeal.Delivered, "2026-11-27", appeal.ByHouse)
	registered = event(appeal.Registered, "2026-11-28", appeal.ByAuthority, numbered("17"))
)

// TestDeemedRefusal: registered on 28 Nov 2026, due on 21 Dec; silence from 22 Dec is a refusal.
func TestDeemedRefusal(t *testing.T) {
	for _, c := range []struct {
		today   appeal.Day
		overdue bool
		days    int
		refused appeal.Day
	}{{"2026-12-21", false, 0, ""}, {"2026-12-22", true, 1, "2026-12-22"}, {"2027-01-21", true, 31, "2026-12-22"}} {
		s := stand(t, law(appeal.Beyond), c.today, submitted, delivered, registered)
		if s.Overdue != c.overdue || s.DaysOver != c.days || s.Refused != c.refused {
			t.Errorf("%s: overdue %v by %d, refused %q; want %v, %d, %q", c.today, s.Overdue, s.DaysOver, s.Refused, c.overdue, c.days, c.refused)
		}
	}
	answered := event(appeal.Answered, "2026-12-20", appeal.ByAuthority)
	if s := stand(t, law(appeal.Beyond), "2027-01-21", submitted, registered, answered); s.Overdue || s.Refused != "" || s.Legs[0].Closed != appeal.Answered {
		t.Errorf("answered in time: %+v", s)
	}
	unsaid := law(appeal.Beyond)
	unsaid.Silence = nil
	if s := stand(t, unsaid, "2027-01-21", submitted, registered); !s.Overdue || s.Refused != "" {
		t.Errorf("a law that says nothing of silence: %+v", s)
	}
}

// TestNoClockWithoutRegistration: a year after it was delivered nothing is
// overdue, as nobody with the right to say so said that it was registered.
func TestNoClockWithoutRegistration(t *testing.T) {
	s := stand(t, law(appeal.Beyond), "2027-11-26", submitted, delivered)
	if s.Overdue || s.Legs[0].Due != nil || s.Legs[0].Delivered.By != appeal.ByHouse {
		t.Errorf("standing = %+v", s)
	}
	// An expired calendar is said: no due day, and nothing overdue.
	late := event(appeal.Registered, "2027-12-20", appeal.ByAuthority)
	s = stand(t, law(appeal.Beyond), "2028-11-26", submitted, late)
	if s.Overdue || s.Legs[0].Due != nil || !errors.Is(s.Legs[0].NoDue, fault.NotFound("appeal.no_calendar")) {
		t.Errorf("standing = %+v, %v", s, s.Legs[0].NoDue)
	}
}

// TestForwarding: registered with a on Mon 30 Nov 2026; a must pass on until
// Thu 3 Dec (1 = 1, 2 = 2, 3 = 3); b registers on Mon 7 Dec.
func TestForwarding(t *testing.T) {
	for _, c := range []struct {
		name    string
		counted appeal.Counting
		passed  appeal.Day
		late    bool
		due     appeal.Day
		doubts  int
	}{
		// From 7 Dec: 8–11 = 4, 14, 15 = 6, (16), 17, 18 = 8, 21–25 = 13, 28 = 14, Tue 29 = 15.
		{"in time, anew", appeal.Beyond, "2026-12-03", false, "2026-12-29", 0},
		{"late, anew", appeal.Beyond, "2026-12-04", true, "2026-12-29", 0},
		// From 30 Nov: 1–4 = 4, 7–11 = 9, 14, 15 = 11, (16), 17, 18 = 13, 21 = 14, Tue 22 = 15.
		{"the clock goes on", appeal.Total, "2026-12-03", false, "2026-12-22", 0},
		{"not known", appeal.CountingUnknown, "2026-12-03", false, "2026-12-29", 1},
	} {
		s := stand(t, law(c.counted), "2026-12-30", submitted, event(appeal.Registered, "2026-11-30", appeal.ByAuthority, numbered("17")),
			event(appeal.Forwarded, c.passed, appeal.ByAuthority, to("b")), event(appeal.Registered, "2026-12-07", appeal.ByAuthority, numbered("b-1")))
		if len(s.Legs) != 2 {
			t.Fatalf("%s: %d legs, want 2", c.name, len(s.Legs))
		}
		a, b := s.Legs[0], s.Legs[1]
		if a.PassOn.Day != "2026-12-03" || a.PassedLate != c.late || a.Closed != appeal.Forwarded || a.Number != "17" || a.Ended.Day != c.passed {
			t.Errorf("%s: the first stay = %+v", c.name, a)
		}
		if b.Authority != "b" || b.Due.Day != c.due || len(b.Due.Doubts) != c.doubts || !s.Overdue {
			t.Errorf("%s: the second is due on %s with doubts %v, want %s with %d", c.name, b.Due.Day, b.Due.Doubts, c.due, c.doubts)
		}
	}
}

// TestExtension: due on 21 Dec 2026; two months in all end on 28 Jan 2027.
func TestExtension(t *testing.T) {
	for _, c := range []struct {
		name      string
		on, until appeal.Day
		beyond    bool
		due       appeal.Day
	}{
		{"within the law", "2026-12-18", "2027-01-28", false, "2027-01-28"},
		{"longer than the law lets", "2026-12-18", "2027-01-29", true, "2026-12-21"},
		{"when it was too late", "2026-12-22", "2027-01-28", true, "2026-12-21"},
	} {
		s := stand(t, law(appeal.Beyond), "2027-01-28", submitted, registered, event(appeal.Extended, c.on, appeal.ByAuthority, until(c.until)))
		leg := s.Legs[0]
		if leg.Extension.Beyond != c.beyond || leg.Due.Day != c.due || s.Overdue != c.beyond || leg.Extension.Most.Day != "2027-01-28" {
			t.Errorf("%s: beyond %v, due %s, overdue %v; want %v, %s, %v", c.name, leg.Extension.Beyond, leg.Due.Day, s.Overdue, c.beyond, c.due, c.beyond)
		}
	}
}

func TestStandRefuses(t *testing.T) {
	wrong := fault.Conflict("appeal.out_of_order")
	for name, c := range map[string]struct {
		events []appeal.Event
		want   *fault.Fault
	}{
		"answered before submitted":     {[]appeal.Event{event(appeal.Answered, "2026-11-26", appeal.ByAuthority)}, wrong},
		"back in time":                  {[]appeal.Event{submitted, event(appeal.Registered, "2026-11-25", appeal.ByAuthority)}, wrong},
		"twice submitted":               {[]appeal.Event{submitted, submitted}, wrong},
		"after the answer":              {[]appeal.Event{submitted, registered, event(appeal.Answered, "2026-12-01", appeal.ByAuthority), event(appeal.Forwarded, "2026-12-02", appeal.ByAuthority, to("b"))}, wrong},
		"registered by the house":       {[]appeal.Event{submitted, event(appeal.Registered, "2026-11-28", appeal.ByHouse)}, fault.Invalid("appeal.attester")},
		"registered without a number":   {[]appeal.Event{submitted, event(appeal.Registered, "2026-11-28", appeal.ByCitizen)}, fault.Invalid("appeal.attester")},
		"forwarded to nobody":           {[]appeal.Event{submitted, event(appeal.Forwarded, "2026-11-28", appeal.ByAuthority)}, wrong},
		"forwarded without a new owner": {[]appeal.Event{submitted, registered, event(appeal.Forwarded, "2026-11-28", appeal.ByAuthority)}, fault.Invalid("appeal.attester")},
	} {
		if _, err := appeal.Stand(law(appeal.Beyond), func(string) appeal.Calendar { return plain() }, appeal.Appeal{Events: c.events}, "2027-01-01"); !errors.Is(err, c.want) {
			t.Errorf("%s: Stand = %v, want %s", name, err, c.want.Key)
		}
	}
}

// TestWorkingDaysByCounting compares with a plain count over random calendars:
// between registration and the due day lie just as many working days as the
// rule says, and the due day is one of them.
func TestWorkingDaysByCounting(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		c := plain()
		off := map[appeal.Day]bool{}
		for range r.IntN(40) {
			d := appeal.Day("2026-01-01").Plus(r.IntN(365))
			off[d] = true
			c.Years[0].Off = append(c.Years[0].Off, appeal.Dated{Day: d})
		}
		c.Shift, c.Holidays = false, nil
		from, n := appeal.Day("2026-01-01").Plus(r.IntN(200)), 1+r.IntN(60)
		d, err := appeal.Due(rule(n, appeal.WorkingDays), c, from)
		if err != nil {
			t.Fatal(err)
		}
		works := func(d appeal.Day) bool {
			return d.Weekday() != time.Saturday && d.Weekday() != time.Sunday && !off[d]
		}
		got := 0
		for day := from.Plus(1); day <= d.Day; day = day.Plus(1) {
			if works(day) {
				got++
			}
		}
		if got != n || !works(d.Day) {
			t.Fatalf("from %s %d working days end on %s, which are %d", from, n, d.Day, got)
		}
	}
}

// TestShipped holds the law that comes with the program to what is known of it:
// the times, the sources, and that nothing is called sure that is not.
func TestShipped(t *testing.T) {
	book, err := appeal.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	if p := book.CheckReferences(); p.Err() != nil {
		t.Fatal(p)
	}
	for _, c := range []struct {
		country    string
		kind       appeal.Kind
		of         appeal.Case
		want       string
		article    string
		confidence appeal.Confidence
	}{
		{"kz", appeal.Answer, "", "15 working_days", "76", appeal.Confirmed},
		{"kz", appeal.Forward, "", "3 working_days", "", appeal.Confirmed},
		{"kz", appeal.Extension, "", "2 months", "76", appeal.Confirmed},
		{"kz", appeal.Notice, "", "3 working_days", "76", appeal.Confirmed},
		{"kz", appeal.Complaint, "", "20 working_days", "99", appeal.Unconfirmed},
		{"kg", appeal.Answer, "", "14 working_days", "", appeal.Confirmed},
		{"kg", appeal.Extension, "", "30 calendar_days", "", appeal.Unconfirmed},
		{"uz", appeal.Answer, "", "15 calendar_days", "", appeal.Confirmed},
		{"uz", appeal.Answer, appeal.Study, "1 months", "", appeal.Confirmed},
		{"uz", appeal.Forward, "", "5 calendar_days", "", appeal.Unconfirmed},
		{"tj", appeal.Answer, "", "30 calendar_days", "", appeal.Unconfirmed},
		{"tj", appeal.Answer, appeal.NoStudy, "15 calendar_days", "", appeal.Unconfirmed},
		{"tm", appeal.Answer, "", "1 months", "", appeal.Unconfirmed},
		{"tm", appeal.Answer, appeal.NoStudy, "15 calendar_days", "", appeal.Unconfirmed},
		{"tm", appeal.Extension, "", "45 calendar_days", "", appeal.Unconfirmed},
	} {
		r, err := book.Laws[c.country].Rule(c.kind, c.of, "2026-11-28")
		if err != nil {
			t.Errorf("%s %s %s: %v", c.country, c.kind, c.of, err)
			continue
		}
		if got := fmt.Sprintf("%d %s", r.Length.Count, r.Length.Unit); got != c.want || r.Source.Article != c.article || r.Confidence != c.confidence {
			t.Errorf("%s is %s, %q, %s; want %s, %q, %s", r.ID, got, r.Source.Article, r.Confidence, c.want, c.article, c.confidence)
		}
		if d, err := book.Due(c.country, c.kind, c.of, "2026-11-28"); err != nil || d.Firm() {
			t.Errorf("%s is due on %s without a doubt (%v), although nobody checked the act", r.ID, d.Day, err)
		}
	}
	for id, c := range book.Calendars {
		for _, y := range c.Years {
			if y.Complete || c.Confidence == appeal.Confirmed {
				t.Errorf("the calendar %s calls %d complete or itself confirmed; nobody read the decree", id, y.Year)
			}
		}
	}
	// Weekends and Independence Day as in TestDue.
	if d, err := book.Due("kz", appeal.Answer, "", "2026-11-28"); err != nil || d.Day != "2026-12-21" {
		t.Errorf("Kazakhstan: due on %s, %v, want 2026-12-21", d.Day, err)
	}
	if _, err := book.Due("kz", appeal.Answer, "", "2027-12-20"); !errors.Is(err, fault.NotFound("appeal.no_calendar")) {
		t.Errorf("into 2028: %v, want appeal.no_calendar", err)
	}
	if _, err := book.Due("mn", appeal.Answer, "", "2026-12-20"); !errors.Is(err, fault.NotFound("appeal.no_law")) {
		t.Errorf("a country without a law: %v, want appeal.no_law", err)
	}
}

// TestBookRoundTrip writes the shipped book and reads it back.
func TestBookRoundTrip(t *testing.T) {
	book, err := appeal.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	files, err := book.Write()
	if err != nil {
		t.Fatal(err)
	}
	again, problems := appeal.ReadBook(files)
	if problems.Errors() > 0 {
		t.Fatal(problems)
	}
	if diff := cmp.Diff(book, again); diff != "" {
		t.Error(diff)
	}
	twice, err := again.Write()
	if err != nil || !cmp.Equal(files, twice) {
		t.Errorf("the second writing differs, %v", err)
	}
}

// TestReadLawSays: every mistake has its line and its key.
func TestReadLawSays(t *testing.T) {
	good, err := appeal.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	files, _ := good.Write()
	text := string(files["law/kz.yaml"])
	for _, c := range []struct{ old, new, want string }{
		{"country: kz", "country: qazaqstan", "appeal.bad_country"},
		{"zone: Asia/Almaty", "zone: Asia/Nowhere", "appeal.bad_zone"},
		{"kind: answer", "kind: reply", "datafile.unknown_word"},
		{"unit: months", "unit: fortnights", "datafile.unknown_word"},
		{"count: 15", "count: 100000", "appeal.bad_length"},
		{"count: 15", "count: many", "datafile.yaml"},
		{"id: kz.answer", "id: kz.forward", "datafile.twice"},
		{"kind: notice", "kind: answer", "appeal.overlap"},
		{"from: \"2021-07-01\"", "from: 1.7.2021", "appeal.bad_day"},
		{"from: \"2021-07-01\"", "from: 2021-07-01\n    to: 2020-07-01", "datafile.backwards"},
		{"begins: unknown", "starts: unknown", "datafile.yaml"},
	} {
		if !strings.Contains(text, c.old) {
			t.Fatalf("the law of kz does not say %q", c.old)
		}
		var problems datafile.Problems
		_, ok := appeal.ReadLaw("law/kz.yaml", []byte(strings.Replace(text, c.old, c.new, 1)), &problems)
		at := slices.IndexFunc(problems, func(p datafile.Problem) bool { return p.What.Key == c.want && !p.Warning })
		if ok || at < 0 || problems[at].Line == 0 {
			t.Errorf("%q: problems = %v, want %s with its line", c.new, problems, c.want)
		}
	}
}

func TestReadCalendarSays(t *testing.T) {
	const good = "id: xx\nweekend: [sunday]\nshift: false\nholidays:\n  - {date: \"12-16\", name: {en: x}}\nyears:\n  - {year: 2026, complete: false, missing: {en: x}}\nsource: {act: {en: x}}\nconfidence: confirmed\n"
	var none datafile.Problems
	if _, ok := appeal.ReadCalendar("calendars/xx.yaml", []byte(good), &none); !ok {
		t.Fatal(none)
	}
	for _, c := range []struct{ old, new, want string }{
		{"id: xx", "id: yy", "datafile.bad_id"},
		{"[sunday]", "[sonntag]", "appeal.bad_weekend"},
		{"[sunday]", "[monday, tuesday, wednesday, thursday]", "appeal.bad_weekend"},
		{"12-16", "16.12", "appeal.bad_date"},
		{"12-16", "02-30", "appeal.bad_date"},
		{"complete: false", "complete: true", "appeal.year_incomplete"},
		{"missing: {en: x}", "off: [{day: 2027-05-01}]", "appeal.day_of_other_year"},
		{"confidence: confirmed", "confidence: rather", "datafile.unknown_word"},
		{"source: {act: {en: x}}", "source: {act: {}}", "appeal.no_source"},
	} {
		var problems datafile.Problems
		_, ok := appeal.ReadCalendar("calendars/xx.yaml", []byte(strings.Replace(good, c.old, c.new, 1)), &problems)
		if ok || !slices.ContainsFunc(problems, func(p datafile.Problem) bool { return p.What.Key == c.want && p.Line > 0 }) {
			t.Errorf("%q: problems = %v, want %s", c.new, problems, c.want)
		}
	}
}

// FuzzLaw: whatever is read without an error can be counted with, ends, and reads back equal.
func FuzzLaw(f *testing.F) {
	book, err := appeal.Shipped()
	if err != nil {
		f.Fatal(err)
	}
	files, _ := book.Write()
	for name, text := range files {
		if strings.HasPrefix(name, "law/") {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var problems datafile.Problems
		l, ok := appeal.ReadLaw("law/kz.yaml", text, &problems)
		if !ok {
			if problems.Errors() == 0 {
				t.Error("refused without a reason")
			}
			return
		}
		for _, r := range l.Rules {
			if d, err := appeal.Due(r, made, "2026-11-28"); err == nil && d.Day < "2026-11-27" {
				t.Errorf("%s is due on %s, before it begins", r.ID, d.Day)
			}
		}
		b := appeal.Book{Laws: map[string]appeal.Law{l.Country: l}}
		out, err := b.Write()
		if err != nil {
			t.Fatal(err)
		}
		again, ok := appeal.ReadLaw("law/kz.yaml", out["law/kz.yaml"], &problems)
		second, err := appeal.Book{Laws: map[string]appeal.Law{l.Country: again}}.Write()
		if !ok || err != nil || !cmp.Equal(out, second) {
			t.Errorf("does not read back: %v %v", problems, err)
		}
	})
}

// FuzzCalendar: whatever is read without an error can be counted by.
func FuzzCalendar(f *testing.F) {
	book, err := appeal.Shipped()
	if err != nil {
		f.Fatal(err)
	}
	files, _ := book.Write()
	f.Add(files["calendars/kz.yaml"])
	f.Add(files["calendars/uz.yaml"])
	f.Fuzz(func(t *testing.T, text []byte) {
		var problems datafile.Problems
		c, ok := appeal.ReadCalendar("calendars/kz.yaml", text, &problems)
		if !ok {
			return
		}
		for _, y := range c.Years {
			from := appeal.Day(fmt.Sprintf("%04d-11-01", y.Year))
			if d, err := appeal.Due(rule(30, appeal.WorkingDays), c, from); err == nil && d.Day.Until(from) > -30 {
				t.Errorf("30 working days from %s end on %s", from, d.Day)
			}
		}
	})
}
