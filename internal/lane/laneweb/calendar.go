package laneweb

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/lane"
)

// calendarPage is an authority's year: which days it works, what is not sure of
// that, and by when it has something to do.
type calendarPage struct {
	base
	Desk          desk
	Year          int
	Before, After string // other years
	Today         string
	Weekend       string
	Unknown       string // why nothing is known of the year
	UnknownHint   string
	Doubts        []string
	Specials      []specialRow
	Dues          []dueRow
	Cut           bool
	File          string
}

type specialRow struct {
	Day, Name string
	Worked    bool
}

type dueRow struct {
	Href, Day, Said string
	Over            bool
}

// dueSaid is the key of what a day is for.
func dueSaid(d lane.Due) string {
	switch {
	case d.Formal && d.Over:
		return "office.due.formal.over"
	case d.Formal:
		return "office.due.formal"
	case d.Pledge && d.Over:
		return "office.due.pledge.over"
	case d.Pledge:
		return "office.due.pledge"
	case d.Over:
		return "office.due.planned.over"
	}
	return "office.due.planned"
}

// dueRow is a day with what it is for.
func (w *Web) dueRow(b base, d lane.Due) dueRow {
	return dueRow{b.At("/office/part/" + strconv.FormatInt(d.Part, 10)), b.Date(string(d.Day)), b.T(dueSaid(d), d.Request), d.Over}
}

// calendarYear is the year that is asked for: this one, or one of the ten around it.
func (w *Web) calendarYear(v *visit) int {
	this := w.lane.Today().Year()
	if year, err := strconv.Atoi(v.URL.Query().Get("year")); err == nil && year >= this-5 && year <= this+5 {
		return year
	}
	return this
}

func (w *Web) calendar(v *visit, me lane.Account) error {
	c, year := v.router.Calendar(me.Authority), w.calendarYear(v)
	p := calendarPage{base: w.base(v, "/office/calendar", "office.calendar"), Year: year, Doubts: w.say(v.lang, c.Doubts(year))}
	p.Desk = w.desk(v, p.base, me)
	at := func(year int) string { return p.At("/office/calendar?year=" + strconv.Itoa(year)) }
	p.Before, p.After, p.File = at(year-1), at(year+1), p.At("/office/calendar.ics?year="+strconv.Itoa(year))
	p.Today = p.Date(string(w.lane.Today()))
	var days []string
	for _, name := range c.Weekend {
		days = append(days, p.T("office.weekday."+name))
	}
	p.Weekend = strings.Join(days, ", ")
	specials, err := c.Specials(year)
	if f, ok := fault.Of(err); ok && f.Key == "appeal.no_calendar" {
		p.Unknown, p.UnknownHint = p.T("office.calendar.unknown", year), p.T("office.calendar.unknown.hint")
	} else if err != nil {
		return err
	}
	for _, s := range specials {
		p.Specials = append(p.Specials, specialRow{p.Date(string(s.Day)), s.Name.In(v.lang), s.Worked})
	}
	dues, cut, err := w.lane.Dues(v.Context(), me)
	if err != nil {
		return err
	}
	p.Cut = cut
	for _, d := range dues {
		p.Dues = append(p.Dues, w.dueRow(p.base, d))
	}
	return w.show(v, "office-calendar", p.Base, p, nil)
}

// calendarFile gives the same as iCalendar (RFC 5545), as a file to be taken along. It
// is no feed: a program that fetches one sends no cookie, and a secret in an
// address is copied by whatever the address goes through.
func (w *Web) calendarFile(v *visit, me lane.Account) error {
	b := w.base(v, "/office/calendar", "office.calendar")
	dues, _, err := w.lane.Dues(v.Context(), me)
	if err != nil {
		return err
	}
	c := ical{now: w.lane.Now(), host: v.Host}
	c.line("BEGIN:VCALENDAR")
	c.line("VERSION:2.0")
	c.line("PRODID:-//Kua//open lane//EN")
	c.line("CALSCALE:GREGORIAN")
	specials, err := v.router.Calendar(me.Authority).Specials(w.calendarYear(v))
	if f, ok := fault.Of(err); err != nil && (!ok || f.Key != "appeal.no_calendar") {
		return err
	}
	for _, s := range specials {
		name, kind := s.Name.In(v.lang), b.T("office.calendar.off")
		if s.Worked {
			kind = b.T("office.calendar.worked")
		}
		if name != "" {
			kind += ": " + name
		}
		c.event("day", 0, s.Day, kind)
	}
	for _, d := range dues {
		kind := "planned"
		switch {
		case d.Pledge:
			kind = "pledge"
		case d.Formal:
			kind = "due"
		}
		c.event(kind, d.Part, d.Day, b.T(dueSaid(d), d.Request))
	}
	c.line("END:VCALENDAR")
	v.rw.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	v.rw.Header().Set("Content-Disposition", `attachment; filename="calendar.ics"`)
	if v.Method == http.MethodHead {
		return nil
	}
	_, err = io.WriteString(v.rw, c.text.String())
	return err
}

// ical writes iCalendar's content lines (RFC 5545, 3.1).
type ical struct {
	text strings.Builder
	now  time.Time
	host string
}

// lineOctets is the most octets of a line, without its end.
const lineOctets = 75

// line writes a line and folds it between two letters, never inside one.
func (c *ical) line(s string) {
	for room := lineOctets; len(s) > room; room = lineOctets - 1 { // the space that begins a continued line counts
		at := room
		for at > 0 && !utf8.RuneStart(s[at]) {
			at--
		}
		c.text.WriteString(s[:at] + "\r\n ")
		s = s[at:]
	}
	c.text.WriteString(s + "\r\n")
}

var icalText = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", "")

// event writes what is on a whole day.
func (c *ical) event(kind string, part int64, day appeal.Day, summary string) {
	date := func(d appeal.Day) string { return strings.ReplaceAll(string(d), "-", "") }
	c.line("BEGIN:VEVENT")
	c.line(fmt.Sprintf("UID:%s-%d-%s@%s", kind, part, day, icalText.Replace(c.host)))
	c.line("DTSTAMP:" + c.now.UTC().Format("20060102T150405Z"))
	c.line("DTSTART;VALUE=DATE:" + date(day))
	c.line("DTEND;VALUE=DATE:" + date(day.Plus(1)))
	c.line("SUMMARY:" + icalText.Replace(summary))
	c.line("TRANSP:TRANSPARENT")
	c.line("END:VEVENT")
}
