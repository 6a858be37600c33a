package appeal

import (
	"slices"

	"kua/internal/fault"
	"kua/internal/locale"
)

// Verdict is what the citizen says of an answer.
type Verdict string

// The verdicts; "" is none yet.
const (
	Mended    Verdict = "mended"
	Partly    Verdict = "partly"
	NotMended Verdict = "not"
)

// Sent is a letter that went out.
type Sent struct {
	Kind StepKind `yaml:"kind" json:"kind"`
	Day  Day      `yaml:"day" json:"day"`
}

// Progress is how far an appeal has come, for its steps.
type Progress struct {
	Standing Standing
	Verdict  Verdict
	Sent     []Sent // besides the appeal itself, which is in the standing
}

// Possible is a step, whether it can be taken on a day, and why.
type Possible struct {
	Step   Step              `json:"step"`
	Open   bool              `json:"open"`
	By     When              `json:"by,omitempty"`     // what opened it
	Why    []locale.Sentence `json:"why"`              // why it is open, or is not
	Until  *Deadline         `json:"until,omitempty"`  // until when, if the law sets a time
	Doubts []locale.Sentence `json:"doubts,omitempty"` // what nobody has confirmed
}

// Doubts are those that a rule brings along on a day.
func (r Rule) Doubts(on Day) []locale.Sentence { return r.doubts(on) }

// Certain reports a rule that a source confirms and that no later change of the
// law has made doubtful on a day: only such a one is asserted before others.
func (r Rule) Certain(on Day) bool {
	return r.Confidence == Confirmed && (r.Recheck == nil || on < r.Recheck.Since)
}

// Possible says of every step of the road whether it can be taken today. It
// reads nothing but what it is given. The calendar is that of the last authority.
// What nobody has confirmed (an order of steps, a time) warns and forbids nothing.
func (r Road) Possible(law Law, calendar Calendar, p Progress, today Day) []Possible {
	all := make([]Possible, 0, len(r.Steps))
	for _, step := range r.Steps {
		s := judging{law: law, calendar: calendar, p: p, today: today, out: Possible{Step: step}}
		s.judge()
		all = append(all, s.out)
	}
	return all
}

type judging struct {
	law      Law
	calendar Calendar
	p        Progress
	today    Day
	out      Possible
}

func (j *judging) why(key string, args ...any) {
	j.out.Why = append(j.out.Why, locale.Say(key, args...))
}

func (j *judging) doubt(key string, args ...any) {
	j.out.Doubts = append(j.out.Doubts, locale.Say(key, args...))
}

func (j *judging) judge() {
	step := j.out.Step
	if !step.Holds(j.today) {
		j.why("appeal.road.not_in_force", j.today)
		return
	}
	if step.Confidence != Confirmed {
		j.doubt("appeal.road.unconfirmed", j.name(step.Kind))
	}
	if len(step.Checked) == 0 {
		j.doubt("appeal.road.unchecked", j.name(step.Kind))
	}
	opened := Day("")
	for _, w := range step.When {
		if open, since := j.met(w); open && !j.out.Open {
			j.out.Open, j.out.By, opened = true, w, since
		}
	}
	for _, kind := range step.After {
		if !slices.ContainsFunc(j.p.Sent, func(s Sent) bool { return s.Kind == kind && s.Day <= j.today }) {
			if step.Confidence == Confirmed {
				j.out.Open = false
				j.why("appeal.road.wait_after", j.name(kind))
			} else {
				j.doubt("appeal.road.wait_after", j.name(kind))
			}
		}
	}
	if j.out.Open && step.Within != "" {
		j.limit(step.Within, opened)
	}
	j.out.Why, j.out.Doubts = distinct(j.out.Why), distinct(j.out.Doubts)
}

func (j *judging) name(k StepKind) locale.Sentence { return locale.Say("letter.title." + string(k)) }

// met reports whether a condition holds today, since when, and notes why.
func (j *judging) met(w When) (open bool, since Day) {
	legs := j.p.Standing.Legs
	if len(legs) == 0 {
		if w == Unsent {
			j.why("appeal.road.unsent")
			return true, j.today
		}
		j.why("appeal.road.wait_sent")
		return false, ""
	}
	leg := legs[len(legs)-1]
	switch {
	case w == Unsent:
		j.why("appeal.road.sent", legs[0].Submitted.Day)
		return false, ""
	case leg.Closed == Withdrawn:
		j.why("appeal.road.withdrawn", leg.Ended.Day)
		return false, ""
	case w == Unregistered:
		return j.unregistered(leg)
	case w == Silent:
		return j.silent(leg)
	}
	return j.unmended(leg)
}

func (j *judging) unregistered(leg Leg) (bool, Day) {
	switch {
	case leg.Closed == Answered:
		j.why("appeal.road.answered", leg.Ended.Day)
		return false, ""
	case leg.Registered.Day != "":
		j.why("appeal.road.registered", leg.Registered.Day)
		return false, ""
	}
	rule, err := j.law.Rule(Register, General, leg.Submitted.Day)
	if err != nil || leg.Delivered.Day == "" {
		j.why("appeal.road.unregistered", leg.Submitted.Day)
		return true, leg.Submitted.Day
	}
	due, err := Due(rule, j.calendar, leg.Delivered.Day)
	if err != nil {
		j.no(err)
		return false, ""
	}
	j.out.Doubts = append(j.out.Doubts, due.Doubts...)
	if !due.OverdueOn(j.today) {
		j.why("appeal.road.wait_register", due.Day)
		return false, ""
	}
	j.why("appeal.road.unregistered_over", leg.Delivered.Day, due.Day)
	return true, due.Day
}

// no says why there is no day to go by.
func (j *judging) no(err error) {
	j.why("appeal.road.no_due")
	if f, ok := fault.Of(err); ok {
		j.why(f.Key, f.Args...)
	}
}

func (j *judging) silent(leg Leg) (bool, Day) {
	switch {
	case leg.Closed == Answered:
		j.why("appeal.road.answered", leg.Ended.Day)
		return false, ""
	case leg.Registered.Day == "":
		j.why("appeal.road.wait_registered")
		return false, ""
	case leg.Due == nil:
		j.no(leg.NoDue)
		return false, ""
	}
	j.out.Doubts = append(j.out.Doubts, leg.Due.Doubts...)
	if !leg.Due.OverdueOn(j.today) {
		j.why("appeal.road.wait_due", leg.Due.Day)
		return false, ""
	}
	j.why("appeal.road.silent", leg.Due.Day)
	if refused := j.p.Standing.Refused; refused != "" {
		j.why("appeal.road.refused", refused)
	}
	return true, leg.Due.Day
}

func (j *judging) unmended(leg Leg) (bool, Day) {
	switch {
	case leg.Closed != Answered:
		j.why("appeal.road.unanswered")
		return false, ""
	case j.p.Verdict == "":
		j.why("appeal.road.wait_verdict", leg.Ended.Day)
		return false, ""
	case j.p.Verdict == Mended:
		j.why("appeal.road.mended")
		return false, ""
	}
	j.why("appeal.road.unmended", leg.Ended.Day)
	return true, leg.Ended.Day
}

// limit sets until when an open step can be taken.
func (j *judging) limit(kind Kind, opened Day) {
	rule, err := j.law.Rule(kind, General, opened)
	if err != nil {
		j.doubt("appeal.road.no_limit")
		return
	}
	until, err := Due(rule, j.calendar, opened)
	if err != nil {
		j.doubt("appeal.road.no_limit")
		if f, ok := fault.Of(err); ok {
			j.doubt(f.Key, f.Args...)
		}
		return
	}
	j.out.Until = &until
	j.out.Doubts = append(j.out.Doubts, until.Doubts...)
	if !until.OverdueOn(j.today) {
		j.why("appeal.road.until", until.Day)
		return
	}
	if rule.Certain(j.today) {
		j.out.Open = false
		j.why("appeal.road.late", until.Day)
	} else {
		j.doubt("appeal.road.late", until.Day)
	}
}
