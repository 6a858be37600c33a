package appeal

import (
	"slices"
	"strings"

	"kua/internal/locale"
)

// Special is a day of a year that its weekday alone does not tell: a day off that
// is no weekend, or a day of a weekend that is worked.
type Special struct {
	Day    Day
	Name   locale.Texts // may be empty
	Worked bool
}

// Specials gives the special days of a year in their order. The fault is
// appeal.no_calendar for a year that the calendar does not know.
func (c Calendar) Specials(year int) (all []Special, err error) {
	d, err := c.workOut(year)
	if err != nil {
		return nil, err
	}
	for day, name := range d.off {
		if !c.weekend(day) || len(name) > 0 {
			all = append(all, Special{Day: day, Name: name})
		}
	}
	y, err := c.year(year)
	for _, w := range y.Worked {
		all = append(all, Special{w.Day, w.Name, true})
	}
	slices.SortFunc(all, func(a, b Special) int { return strings.Compare(string(a.Day), string(b.Day)) })
	return all, err
}

// Doubts says what is not sure of a calendar in a year; of one that it does not
// know there is nothing to doubt.
func (c Calendar) Doubts(year int) []locale.Sentence {
	k := newCounter(c)
	if _, err := c.year(year); err != nil {
		return nil
	}
	k.years[year] = daysOff{}
	return k.doubts()
}
