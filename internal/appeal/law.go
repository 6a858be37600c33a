// Package appeal holds the law of answering citizens, as data, and the clocks
// that follow from it: until when an authority must answer or pass on an
// appeal, how long it may take longer, what its silence means.
//
// It computes nothing with what is not known: a year without a calendar and a
// rule that was not in force are errors, and whatever a deadline leans on that
// nobody has confirmed is said beside it. It holds no SQL and no HTTP, reads no
// clock, and may be used by every room.
package appeal

import (
	"kua/internal/fault"
	"kua/internal/locale"
)

// Kind is what a rule sets a time for.
type Kind string

// The kinds of rules.
const (
	Answer    Kind = "answer"    // to answer
	Forward   Kind = "forward"   // to pass on what is another authority's, and to say so
	Extension Kind = "extension" // how much longer an answer may take
	Notice    Kind = "notice"    // to tell the citizen of an extension
	Register  Kind = "register"  // to enter an appeal that came in
	Complaint Kind = "complaint" // the citizen's time to complain of an answer
)

// Kinds are all kinds, in the order of an appeal's road.
var Kinds = []Kind{Register, Forward, Answer, Extension, Notice, Complaint}

// Case narrows a rule to a sort of appeal; "" is the general rule.
type Case string

// The cases.
const (
	General  Case = ""
	NoStudy  Case = "no_study" // nothing has to be looked into
	Study    Case = "study"    // documents or a check on the spot are needed
	Proposal Case = "proposal" // no complaint, but a proposal
)

// Cases are all cases.
var Cases = []Case{General, NoStudy, Study, Proposal}

// Unit is what a length is counted in.
type Unit string

// The units. Months run to the same day of the month.
const (
	WorkingDays  Unit = "working_days"
	CalendarDays Unit = "calendar_days"
	Months       Unit = "months"
)

// Length is a stretch of time as a law writes it.
type Length struct {
	Count int  `yaml:"count" json:"count"`
	Unit  Unit `yaml:"unit" json:"unit"`
}

// Begin says which day is the first that counts.
type Begin string

// The beginnings. Of an unknown one the later is taken, so that nobody is
// called late too early, and a doubt says so.
const (
	SameDay      Begin = "same_day"
	NextDay      Begin = "next_day"
	BeginUnknown Begin = "unknown"
)

// DayOff says what becomes of a time that ends on a day off.
type DayOff string

// What a day off does. Where it is unknown the day stays, and a doubt says so.
const (
	Moves         DayOff = "next_working_day"
	Stays         DayOff = "stays"
	DayOffUnknown DayOff = "unknown"
)

// Counting says from where an extension, or the time of a new owner, is counted.
type Counting string

// The countings. Of an unknown one the later is taken, with a doubt.
const (
	Total           Counting = "total"  // from the first registration
	Beyond          Counting = "beyond" // from the end of the first time; from the new owner's registration
	CountingUnknown Counting = "unknown"
)

// Confidence is how sure the shippers of a rule or calendar are of it.
type Confidence string

// The confidences. Confirmed means that a published source was read that says
// so; not that the law was read, which Checked tells.
const (
	Confirmed   Confidence = "confirmed"
	Unconfirmed Confidence = "unconfirmed"
)

// Source is where a rule stands.
type Source struct {
	Act     locale.Texts `yaml:"act" json:"act"`
	Article string       `yaml:"article,omitempty" json:"article,omitempty"` // its number, "91(2)"; "" where it is not known
	Seen    []string     `yaml:"seen,omitempty" json:"seen,omitempty"`       // where it was read
}

// Check is that a person compared a rule or calendar with the act itself.
type Check struct {
	By string `yaml:"by" json:"by"`
	On Day    `yaml:"on" json:"on"`
}

// Recheck is a change of the law that is known to have come or to be coming,
// and whose outcome is not known: from its day the rule is doubtful.
type Recheck struct {
	Since Day          `yaml:"since" json:"since"`
	Why   locale.Texts `yaml:"why" json:"why"`
}

// Rule is one time that a law sets.
type Rule struct {
	ID         string   `yaml:"id" json:"id"`
	Kind       Kind     `yaml:"kind" json:"kind"`
	Case       Case     `yaml:"case,omitempty" json:"case,omitempty"`
	Length     Length   `yaml:"length" json:"length"`
	Begins     Begin    `yaml:"begins" json:"begins"`
	DayOff     DayOff   `yaml:"day_off,omitempty" json:"day_off,omitempty"` // not for working days
	Counted    Counting `yaml:"counted,omitempty" json:"counted,omitempty"` // of an extension or of forwarding
	Source     Source   `yaml:"source" json:"source"`
	Span       `yaml:",inline"`
	Confidence Confidence   `yaml:"confidence" json:"confidence"`
	Note       locale.Texts `yaml:"note,omitempty" json:"note,omitempty"`
	Recheck    *Recheck     `yaml:"recheck,omitempty" json:"recheck,omitempty"`
	Checked    []Check      `yaml:"checked,omitempty" json:"checked,omitempty"`
}

// Meaning is what silence means.
type Meaning string

// The meanings of silence.
const (
	DeemedRefusal Meaning = "deemed_refusal" // counts as a refusal that can be complained of
	Liability     Meaning = "liability"      // an official can be fined or charged
)

// Silence is what a law makes of an authority that does not answer in time.
type Silence struct {
	Means      Meaning `yaml:"means" json:"means"`
	Source     Source  `yaml:"source" json:"source"`
	Span       `yaml:",inline"`
	Confidence Confidence   `yaml:"confidence" json:"confidence"`
	Note       locale.Texts `yaml:"note,omitempty" json:"note,omitempty"`
	Checked    []Check      `yaml:"checked,omitempty" json:"checked,omitempty"`
}

// Law is what one country's law says of appeals.
type Law struct {
	Country  string    `yaml:"country" json:"country"`   // ISO 3166, lower case
	Zone     string    `yaml:"zone" json:"zone"`         // of its days: a name of the IANA time zones
	Calendar string    `yaml:"calendar" json:"calendar"` // the general one; an authority may have its own
	Rules    []Rule    `yaml:"rules" json:"rules"`
	Silence  []Silence `yaml:"silence,omitempty" json:"silence,omitempty"`
}

// Rule gives the rule of a kind and case that is in force on a day. The faults
// are appeal.no_rule (the data has none at all) and appeal.not_in_force.
func (l Law) Rule(kind Kind, of Case, on Day) (Rule, error) {
	known := false
	for _, r := range l.Rules {
		if r.Kind == kind && r.Case == of {
			known = true
			if r.Holds(on) {
				return r, nil
			}
		}
	}
	if known {
		return Rule{}, fault.NotFound("appeal.not_in_force", l.Country, string(kind), string(on))
	}
	return Rule{}, fault.NotFound("appeal.no_rule", l.Country, string(kind), string(of))
}

// doubts are those that a rule brings along wherever it is used.
func (r Rule) doubts(on Day) (d []locale.Sentence) {
	if r.Confidence != Confirmed {
		d = append(d, locale.Say("appeal.doubt.unconfirmed", r.ID))
	}
	if r.Recheck != nil && on >= r.Recheck.Since {
		d = append(d, locale.Say("appeal.doubt.recheck", r.ID, r.Recheck.Since, r.Recheck.Why))
	}
	if len(r.Checked) == 0 {
		d = append(d, locale.Say("appeal.doubt.unchecked", r.ID))
	}
	return d
}
