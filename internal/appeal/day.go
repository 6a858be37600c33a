package appeal

import (
	"time"

	"kua/internal/fault"
	"kua/internal/locale"
)

// Day is a day of the Gregorian calendar as it is written, 2006-01-02, without
// a place or an hour. "" is no day: a beginning or an end that is open. Days
// compare as strings do.
type Day string

// ParseDay reads a day; "" is no day. Anything else gives the fault appeal.bad_day.
func ParseDay(s string) (Day, error) {
	if s == "" {
		return "", nil
	}
	if t, err := time.Parse(time.DateOnly, s); err != nil || t.Year() < 1900 || t.Year() > 2199 {
		return "", fault.Invalid("appeal.bad_day", s)
	}
	return Day(s), nil
}

// UnmarshalText reads a day out of YAML or JSON.
func (d *Day) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDay(string(b))
	return err
}

func (d Day) time() time.Time {
	t, _ := time.Parse(time.DateOnly, string(d))
	return t
}

// Plus gives the day n days later.
func (d Day) Plus(n int) Day { return Day(d.time().AddDate(0, 0, n).Format(time.DateOnly)) }

// PlusMonths gives the same day n months later. Where that month is too short
// it is the month's last day, and clipped says so.
func (d Day) PlusMonths(n int) (to Day, clipped bool) {
	t := d.time()
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return Day(first.AddDate(0, 0, min(t.Day(), last)-1).Format(time.DateOnly)), t.Day() > last
}

// Until gives how many days lie from d to other; negative when other is before.
func (d Day) Until(other Day) int { return int(other.time().Sub(d.time()).Hours() / 24) }

// Weekday is the day of the week.
func (d Day) Weekday() time.Weekday { return d.time().Weekday() }

// Year is the year.
func (d Day) Year() int { return d.time().Year() }

// In writes the day as people of a language do.
func (d Day) In(t locale.Tag) string { return t.Date(string(d)) }

// Span is a stretch of days, both ends within it, either of them open.
type Span struct {
	From Day `yaml:"from,omitempty" json:"from,omitempty"`
	To   Day `yaml:"to,omitempty" json:"to,omitempty"`
}

// Holds reports whether d lies within the span.
func (s Span) Holds(d Day) bool { return s.From <= d && (s.To == "" || d <= s.To) }

// Meets reports whether the spans have a day in common.
func (s Span) Meets(o Span) bool {
	return (s.To == "" || o.From <= s.To) && (o.To == "" || s.From <= o.To)
}

// Backwards reports a span that ends before it begins.
func (s Span) Backwards() bool { return s.To != "" && s.To < s.From }
