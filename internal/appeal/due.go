package appeal

import (
	"errors"
	"reflect"
	"slices"

	"kua/internal/fault"
	"kua/internal/locale"
)

// Deadline is the last day on which an act is in time, and all that it leans on.
type Deadline struct {
	Day    Day               `json:"day"`
	Rule   Rule              `json:"rule"`
	Steps  []locale.Sentence `json:"steps"`            // how the day came out, for a page to print
	Doubts []locale.Sentence `json:"doubts,omitempty"` // what nobody has confirmed
}

// Firm reports a deadline that leans on nothing unconfirmed.
func (d Deadline) Firm() bool { return len(d.Doubts) == 0 }

// OverdueOn reports whether the time is over on a day. It is never stored.
func (d Deadline) OverdueOn(today Day) bool { return d.Day < today }

// maxLength bounds what a rule can set, so that no data keeps a page busy.
const maxLength = 3660

// Due gives the day until which a rule, counted from the day of registration,
// wants something done. The calendar is that of the authority.
//
// Working days that run into a year the calendar does not have give the fault
// appeal.no_calendar: no day is guessed. A rule that was not in force on the day
// gives appeal.not_in_force.
func Due(rule Rule, calendar Calendar, registered Day) (Deadline, error) {
	return count(rule, calendar, registered, rule.doubts(registered))
}

func count(rule Rule, calendar Calendar, from Day, doubts []locale.Sentence) (Deadline, error) {
	if from == "" {
		return Deadline{}, fault.Invalid("appeal.no_registration")
	}
	if !rule.Holds(from) {
		return Deadline{}, fault.NotFound("appeal.not_in_force", rule.ID, string(rule.Kind), string(from))
	}
	if rule.Length.Count < 0 || rule.Length.Count > maxLength {
		return Deadline{}, fault.Invalid("appeal.bad_length", rule.ID, rule.Length.Count, maxLength)
	}
	d := Deadline{Rule: rule, Doubts: doubts}
	if rule.Source.Article != "" {
		d.step("appeal.step.rule", rule.ID, rule.Source.Act, rule.Source.Article)
	} else {
		d.step("appeal.step.rule_of_act", rule.ID, rule.Source.Act)
	}
	d.step("appeal.step.from", from)
	last := from // the day before the first that counts
	switch rule.Begins {
	case SameDay:
		last = from.Plus(-1)
		d.step("appeal.step.same_day", from)
	case NextDay:
		d.step("appeal.step.next_day", from.Plus(1))
	default:
		d.step("appeal.step.next_day", from.Plus(1))
		d.doubt("appeal.doubt.begin", rule.ID)
	}
	k := newCounter(calendar)
	var err error
	switch rule.Length.Unit {
	case WorkingDays:
		err = d.workingDays(k, last)
	case CalendarDays:
		d.Day = last.Plus(rule.Length.Count)
		d.step("appeal.step.calendar_days", rule.Length.Count, d.Day)
		err = d.endsOnDayOff(k)
	case Months:
		var clipped bool
		if d.Day, clipped = last.PlusMonths(rule.Length.Count); clipped {
			d.step("appeal.step.clipped", d.Day)
		}
		d.step("appeal.step.months", rule.Length.Count, d.Day)
		err = d.endsOnDayOff(k)
	default:
		err = fault.Invalid("appeal.bad_unit", rule.ID, string(rule.Length.Unit))
	}
	if err != nil {
		return Deadline{}, err
	}
	d.Doubts = distinct(append(d.Doubts, k.doubts()...))
	return d, nil
}

// distinct leaves each sentence once.
func distinct(said []locale.Sentence) (once []locale.Sentence) {
	for _, s := range said {
		if !slices.ContainsFunc(once, func(o locale.Sentence) bool { return reflect.DeepEqual(o, s) }) {
			once = append(once, s)
		}
	}
	return once
}

func (d *Deadline) step(key string, args ...any) { d.Steps = append(d.Steps, locale.Say(key, args...)) }

func (d *Deadline) doubt(key string, args ...any) {
	d.Doubts = append(d.Doubts, locale.Say(key, args...))
}

// workingDays counts from the day after last.
func (d *Deadline) workingDays(k *counter, last Day) error {
	d.Day = last
	for left := d.Rule.Length.Count; left > 0; {
		d.Day = d.Day.Plus(1)
		off, why, err := k.off(d.Day)
		if err != nil {
			return err
		}
		if off {
			d.Steps = append(d.Steps, why)
			continue
		}
		left--
	}
	d.step("appeal.step.working_days", d.Rule.Length.Count, d.Day)
	return nil
}

// endsOnDayOff does what the rule says of an end on a day off.
func (d *Deadline) endsOnDayOff(k *counter) error {
	if d.Rule.DayOff == Stays {
		return nil
	}
	off, why, err := k.off(d.Day)
	if d.Rule.DayOff != Moves {
		var f *fault.Fault
		if errors.As(err, &f) { // the day itself needs no calendar; only the doubt does
			d.doubt("appeal.doubt.day_off_unseen", d.Day, d.Day.Year())
			return nil
		}
		if off {
			d.Steps = append(d.Steps, why)
			d.doubt("appeal.doubt.day_off", d.Rule.ID, d.Day)
		}
		return err
	}
	for err == nil && off {
		d.Steps = append(d.Steps, why)
		d.Day = d.Day.Plus(1)
		if off, why, err = k.off(d.Day); err == nil && !off {
			d.step("appeal.step.moved", d.Day)
		}
	}
	return err
}

// Extend gives the last day to which an answer can be put off: by the rule of
// extensions, from the first registration or from the end of the first time.
func Extend(first Deadline, rule Rule, calendar Calendar, registered Day) (Deadline, error) {
	from, doubts := registered, rule.doubts(registered)
	if rule.Counted != Total {
		from = first.Day
	}
	if rule.Counted == CountingUnknown || rule.Counted == "" {
		doubts = append(doubts, locale.Say("appeal.doubt.counted", rule.ID))
	}
	if !rule.Holds(registered) {
		return Deadline{}, fault.NotFound("appeal.not_in_force", rule.ID, string(rule.Kind), string(registered))
	}
	rule.Span = Span{} // an extension is of the law under which the appeal came in
	if from == first.Day {
		rule.Begins = NextDay // the first time is over that day
	}
	return count(rule, calendar, from, append(doubts, first.Doubts...))
}
