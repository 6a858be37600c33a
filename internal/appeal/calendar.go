package appeal

import (
	"slices"
	"strings"
	"time"

	"kua/internal/fault"
	"kua/internal/locale"
)

// Calendar says which days are worked. It knows only the years that it lists.
type Calendar struct {
	ID         string       `yaml:"id" json:"id"`
	Weekend    []string     `yaml:"weekend" json:"weekend"` // English names, lower case
	Shift      bool         `yaml:"shift" json:"shift"`     // a holiday on a weekend makes the next working day a day off
	Holidays   []Holiday    `yaml:"holidays" json:"holidays"`
	Years      []Year       `yaml:"years" json:"years"`
	Source     Source       `yaml:"source" json:"source"`
	Confidence Confidence   `yaml:"confidence" json:"confidence"`
	Note       locale.Texts `yaml:"note,omitempty" json:"note,omitempty"`
	Checked    []Check      `yaml:"checked,omitempty" json:"checked,omitempty"`
}

// Holiday is a day off on the same date of every year within its span.
type Holiday struct {
	Date   string       `yaml:"date" json:"date"` // 12-16
	Name   locale.Texts `yaml:"name" json:"name"`
	Stays  bool         `yaml:"stays,omitempty" json:"stays,omitempty"` // never shifts
	Within Span         `yaml:"within,omitempty" json:"within,omitzero"`
}

// Year is what is decreed for one year alone: movable feasts and moved working
// days. Complete says that nothing is missing; else Missing says what is.
type Year struct {
	Year     int          `yaml:"year" json:"year"`
	Complete bool         `yaml:"complete" json:"complete"`
	Missing  locale.Texts `yaml:"missing,omitempty" json:"missing,omitempty"`
	Off      []Dated      `yaml:"off,omitempty" json:"off,omitempty"`
	Worked   []Dated      `yaml:"worked,omitempty" json:"worked,omitempty"` // days of a weekend that are worked
	Source   *Source      `yaml:"source,omitempty" json:"source,omitempty"`
	Checked  []Check      `yaml:"checked,omitempty" json:"checked,omitempty"`
}

// Dated is a day and why it is one.
type Dated struct {
	Day  Day          `yaml:"day" json:"day"`
	Name locale.Texts `yaml:"name,omitempty" json:"name,omitempty"`
}

// weekdays by their names in a calendar.
var weekdays = map[string]time.Weekday{
	"monday": time.Monday, "tuesday": time.Tuesday, "wednesday": time.Wednesday, "thursday": time.Thursday,
	"friday": time.Friday, "saturday": time.Saturday, "sunday": time.Sunday,
}

// year gives what a calendar knows of a year, or the fault appeal.no_calendar.
func (c Calendar) year(n int) (Year, error) {
	for _, y := range c.Years {
		if y.Year == n {
			return y, nil
		}
	}
	return Year{}, fault.NotFound("appeal.no_calendar", c.ID, n)
}

// daysOff is one year, worked out: the days off that are no weekend, by name,
// and the days of a weekend that are worked.
type daysOff struct {
	off    map[Day]locale.Texts
	worked map[Day]bool
}

func (c Calendar) workOut(n int) (daysOff, error) {
	y, err := c.year(n)
	if err != nil {
		return daysOff{}, err
	}
	d := daysOff{off: map[Day]locale.Texts{}, worked: map[Day]bool{}}
	var shift []Dated
	for _, h := range c.Holidays {
		day, err := h.in(n)
		if err != nil || day == "" {
			continue // 29 February; Check refuses other dates
		}
		d.off[day] = h.Name
		if c.Shift && !h.Stays && c.weekend(day) {
			shift = append(shift, Dated{day, h.Name})
		}
	}
	for _, o := range y.Off {
		d.off[o.Day] = o.Name
	}
	for _, w := range y.Worked {
		d.worked[w.Day] = true
		delete(d.off, w.Day)
	}
	slices.SortFunc(shift, func(a, b Dated) int { return strings.Compare(string(a.Day), string(b.Day)) })
	for _, s := range shift {
		to := s.Day.Plus(1)
		for to.Year() == n && d.isOff(c, to) {
			to = to.Plus(1)
		}
		if to.Year() == n { // the day after New Year's Eve belongs to the next year's decree
			d.off[to] = s.Name
		}
	}
	return d, nil
}

func (d daysOff) isOff(c Calendar, day Day) bool {
	_, off := d.off[day]
	return off || c.weekend(day) && !d.worked[day]
}

// in gives the holiday's day in a year, "" when it is not held then.
func (h Holiday) in(year int) (Day, error) {
	t, err := time.Parse("2006-01-02", time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Format("2006-")+h.Date)
	if err != nil {
		return "", err
	}
	day := Day(t.Format(time.DateOnly))
	if !h.Within.Holds(day) {
		return "", nil
	}
	return day, nil
}

func (c Calendar) weekend(d Day) bool {
	return slices.ContainsFunc(c.Weekend, func(name string) bool { return weekdays[name] == d.Weekday() })
}

// counter reads a calendar and keeps in mind what it leaned on.
type counter struct {
	c     Calendar
	years map[int]daysOff
}

func newCounter(c Calendar) *counter { return &counter{c, map[int]daysOff{}} }

// off reports whether a day is a day off, and why.
func (k *counter) off(d Day) (off bool, why locale.Sentence, err error) {
	year, ok := k.years[d.Year()]
	if !ok {
		if year, err = k.c.workOut(d.Year()); err != nil {
			return false, why, err
		}
		k.years[d.Year()] = year
	}
	if name, ok := year.off[d]; ok {
		return true, locale.Say("appeal.off.holiday", d, name), nil
	}
	if k.c.weekend(d) && !year.worked[d] {
		return true, locale.Say("appeal.off.weekend", d), nil
	}
	return false, why, nil
}

// OrNext gives the day itself where it is worked, else the first worked day after
// it, with why the days between are days off and what of that is not sure. The
// faults are those of a year that the calendar does not know.
func (c Calendar) OrNext(d Day) (worked Day, why, doubts []locale.Sentence, err error) {
	k := newCounter(c)
	for { // ends with the years that the calendar knows
		off, reason, err := k.off(d)
		if err != nil || !off {
			return d, why, k.doubts(), err
		}
		d, why = d.Plus(1), append(why, reason)
	}
}

// doubts says what the counting leaned on that is not sure.
func (k *counter) doubts() (d []locale.Sentence) {
	if len(k.years) == 0 {
		return nil
	}
	if k.c.Confidence != Confirmed {
		d = append(d, locale.Say("appeal.doubt.calendar_unconfirmed", k.c.ID))
	}
	for _, y := range k.c.Years {
		if _, used := k.years[y.Year]; used && !y.Complete {
			d = append(d, locale.Say("appeal.doubt.calendar_incomplete", k.c.ID, y.Year, y.Missing))
		}
	}
	return d
}
