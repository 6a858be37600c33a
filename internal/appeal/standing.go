package appeal

import (
	"errors"
	"slices"

	"kua/internal/fault"
	"kua/internal/locale"
)

// Attester is who says that something happened.
type Attester string

// The attesters. A day that the citizen or this house attests starts no clock:
// the authority's registration does.
const (
	ByCitizen   Attester = "citizen"
	ByHouse     Attester = "house" // the node that sent the appeal on
	ByAuthority Attester = "authority"
)

// Act is what happens to an appeal.
type Act string

// The acts.
const (
	Submitted  Act = "submitted"
	Delivered  Act = "delivered"
	Registered Act = "registered"
	Extended   Act = "extended"
	Forwarded  Act = "forwarded"
	Answered   Act = "answered"
	Withdrawn  Act = "withdrawn"
)

// follows says which acts may come after which: the whole road of an appeal.
var follows = map[Act][]Act{
	"":         {Submitted},
	Submitted:  {Delivered, Registered, Withdrawn},
	Delivered:  {Registered, Forwarded, Answered, Withdrawn},
	Registered: {Extended, Forwarded, Answered, Withdrawn},
	Extended:   {Forwarded, Answered, Withdrawn},
	Forwarded:  {Delivered, Registered, Withdrawn}, // now with the new owner
}

// Event is one act, as it is kept: appended, never changed.
type Event struct {
	Act       Act      `json:"act"`
	Day       Day      `json:"day"`
	By        Attester `json:"by"`
	Authority string   `json:"authority,omitempty"` // to whom: of submitted and forwarded
	Number    string   `json:"number,omitempty"`    // the authority's own, of registered
	Until     Day      `json:"until,omitempty"`     // of extended
	Reason    string   `json:"reason,omitempty"`    // of extended and forwarded
	Entered   Day      `json:"-"`                   // when it was said, "" where that is not known
}

// Counts is the day on which an act counts for a clock. An authority's own word counts
// from when it was given: no past day that it names afterwards undoes its silence.
func (e Event) Counts() Day {
	if e.By == ByAuthority && e.Entered > e.Day {
		return e.Entered
	}
	return e.Day
}

// Stamp is a day and who attests it.
type Stamp struct {
	Day Day      `json:"day,omitempty"`
	By  Attester `json:"by,omitempty"`
}

// Leg is an appeal's stay with one authority. The legs before the last are
// history and stay as they were.
type Leg struct {
	Authority  string    `json:"authority"`
	Submitted  Stamp     `json:"submitted,omitzero"`
	Delivered  Stamp     `json:"delivered,omitzero"`
	Registered Stamp     `json:"registered,omitzero"`
	Number     string    `json:"number,omitempty"`
	Due        *Deadline `json:"due,omitempty"` // nil before registration, and when NoDue says why there is none
	NoDue      error     `json:"-"`
	Extension  *Longer   `json:"extension,omitempty"`
	PassOn     *Deadline `json:"pass_on,omitempty"` // until when what is another's had to be passed on; nil when no rule is known
	PassedLate bool      `json:"passed_late,omitempty"`
	start      Day       // from which its answer is counted
	Closed     Act       `json:"closed,omitempty"` // forwarded, answered, withdrawn, or "" while it is open
	Ended      Stamp     `json:"ended,omitzero"`
	Entered    Day       `json:"-"` // when that it ended was said, "" where that is not known
	Counts     Day       `json:"-"` // the day on which it ended for its clock: Event.Counts
}

// Longer is an authority's word that it takes longer.
type Longer struct {
	Stamp
	Until  Day       `json:"until"`
	Reason string    `json:"reason,omitempty"`
	Most   *Deadline `json:"most,omitempty"` // until when the law lets it; nil when that is not known
	Beyond bool      `json:"beyond"`         // it took more than that, or came after the time was over: it does not count
}

// Standing is where an appeal stands on a day. Everything in it is worked out
// from events and law; nothing of it is stored.
type Standing struct {
	Legs     []Leg             `json:"legs"`
	Overdue  bool              `json:"overdue"`
	DaysOver int               `json:"days_over,omitempty"`
	Refused  Day               `json:"deemed_refused,omitempty"` // since when silence counts as a refusal; "" when it does not
	Doubts   []locale.Sentence `json:"doubts,omitempty"`         // what Overdue and Refused lean on that is not confirmed
}

// Appeal is what the clocks need to know of an appeal.
type Appeal struct {
	Of     Case
	Events []Event // in the order in which they came
}

// Stand works out where an appeal stands on a day. The calendars are given by
// the name of an authority. Events that cannot follow each other, or go back in
// time, give the fault appeal.out_of_order; who-attests-what that cannot be
// gives appeal.attester.
//
// Only a registration that the authority attests starts a clock: without it
// nothing is overdue, however long it lasts.
func Stand(law Law, calendar func(authority string) Calendar, a Appeal, today Day) (Standing, error) {
	var s Standing
	last, day := Act(""), Day("")
	for i, e := range a.Events {
		if !slices.Contains(follows[last], e.Act) || e.Day == "" || e.Day < day {
			return Standing{}, fault.Conflict("appeal.out_of_order", i+1, string(e.Act), string(e.Day))
		}
		if err := attested(e); err != nil {
			return Standing{}, err
		}
		if e.Act == Submitted {
			s.Legs = append(s.Legs, Leg{Authority: e.Authority, Submitted: Stamp{e.Day, e.By}})
		} else {
			s.follow(law, calendar, a.Of, e)
		}
		last, day = e.Act, e.Day
	}
	s.judge(law, today)
	return s, nil
}

// attested refuses an act that the one who attests it cannot know of.
func attested(e Event) error {
	able := []Attester{ByAuthority}
	switch e.Act {
	case Submitted, Withdrawn:
		able = []Attester{ByCitizen, ByHouse}
	case Delivered, Answered:
		able = []Attester{ByCitizen, ByHouse, ByAuthority}
	case Registered, Extended, Forwarded:
		able = []Attester{ByCitizen, ByAuthority} // the citizen holds its paper: with the number, or with its word
	}
	if !slices.Contains(able, e.By) || e.Act == Registered && e.By == ByCitizen && e.Number == "" ||
		(e.Act == Submitted || e.Act == Forwarded) && e.Authority == "" || e.Act == Extended && e.Until == "" {
		return fault.Invalid("appeal.attester", string(e.Act), string(e.By))
	}
	return nil
}

func (s *Standing) follow(law Law, calendar func(string) Calendar, of Case, e Event) {
	leg := &s.Legs[len(s.Legs)-1]
	stamp := Stamp{e.Day, e.By}
	switch e.Act {
	case Delivered:
		leg.Delivered = stamp
	case Registered:
		leg.Registered, leg.Number = stamp, e.Number
		s.clock(law, calendar(leg.Authority), of, leg)
	case Extended:
		leg.extend(law, calendar(leg.Authority), of, e)
	case Forwarded:
		leg.PassedLate = leg.PassOn != nil && leg.PassOn.OverdueOn(e.Counts())
		leg.Closed, leg.Ended, leg.Entered, leg.Counts = e.Act, stamp, e.Entered, e.Counts()
		s.Legs = append(s.Legs, Leg{Authority: e.Authority, Submitted: stamp})
	case Answered, Withdrawn:
		leg.Closed, leg.Ended, leg.Entered, leg.Counts = e.Act, stamp, e.Entered, e.Counts()
	}
}

// first is the day of the first registration on the appeal's road.
func (s *Standing) first() Day {
	for _, leg := range s.Legs {
		if leg.Registered.Day != "" {
			return leg.Registered.Day
		}
	}
	return ""
}

// clock sets the clocks of a leg that was just registered.
func (s *Standing) clock(law Law, calendar Calendar, of Case, leg *Leg) {
	from := leg.Registered.Day
	answer, err := law.Rule(Answer, of, from)
	if err != nil {
		leg.NoDue = err
		return
	}
	leg.start = from
	forward, noForward := law.Rule(Forward, General, from)
	if len(s.Legs) > 1 && noForward == nil && forward.Counted == Total {
		leg.start = s.first()
	}
	due, err := Due(answer, calendar, leg.start)
	if err != nil {
		leg.NoDue = err
		return
	}
	if len(s.Legs) > 1 && (noForward != nil || forward.Counted == CountingUnknown || forward.Counted == "") {
		due.doubt("appeal.doubt.new_owner", law.Country)
	}
	leg.Due = &due
	if noForward == nil {
		if d, err := Due(forward, calendar, from); err == nil {
			leg.PassOn = &d
		}
	}
}

// extend takes an extension to the account. One that the law does not allow is
// kept and shown, and moves nothing.
func (leg *Leg) extend(law Law, calendar Calendar, of Case, e Event) {
	x := &Longer{Stamp: Stamp{e.Day, e.By}, Until: e.Until, Reason: e.Reason}
	leg.Extension = x
	if leg.Due == nil {
		return
	}
	rule, err := law.Rule(Extension, of, leg.start)
	if errors.Is(err, fault.NotFound("appeal.no_rule")) && of != General {
		rule, err = law.Rule(Extension, General, leg.start)
	}
	due := *leg.Due
	due.Doubts, due.Steps = slices.Clone(due.Doubts), slices.Clone(due.Steps)
	x.Beyond = leg.Due.OverdueOn(e.Counts())
	if err == nil {
		var most Deadline
		if most, err = Extend(*leg.Due, rule, calendar, leg.start); err == nil {
			x.Most = &most
			x.Beyond = x.Beyond || most.Day < e.Until
			due.Doubts = most.Doubts
		}
	}
	if err != nil {
		due.doubt("appeal.doubt.extension", law.Country)
	}
	if !x.Beyond && e.Until > due.Day {
		due.Day = e.Until
		due.step("appeal.step.extended", e.Day, e.Until)
		leg.Due = &due
	}
}

// judge says what the last leg's time means today.
func (s *Standing) judge(law Law, today Day) {
	if len(s.Legs) == 0 {
		return
	}
	leg := s.Legs[len(s.Legs)-1]
	if leg.Due == nil || leg.Closed != "" || !leg.Due.OverdueOn(today) {
		return
	}
	s.Overdue, s.DaysOver = true, leg.Due.Day.Until(today)
	s.Doubts = append(s.Doubts, leg.Due.Doubts...)
	for _, silence := range law.Silence {
		if silence.Means == DeemedRefusal && silence.Holds(leg.Due.Day) {
			s.Refused = leg.Due.Day.Plus(1)
			if silence.Confidence != Confirmed {
				s.Doubts = append(s.Doubts, locale.Say("appeal.doubt.silence", law.Country))
			}
		}
	}
}
