package lane

import (
	"slices"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/fault"
)

// State is where an assignment stands.
type State string

// The states of an assignment.
const (
	AwaitingCheck State = "awaiting_check" // somebody of the collective looks first
	Routed        State = "routed"
	Delivered     State = "delivered"
	Registered    State = "registered" // with the authority's number
	InWork        State = "in_work"
	Planned       State = "planned" // for a day
	InfoNeeded    State = "info_needed"
	Mended        State = "answered_mended" // says the authority; the citizen judges it
	Refused       State = "answered_refused"
	Redirected    State = "answered_redirected" // not ours, with the new owner
	Withdrawn     State = "withdrawn"
	Merged        State = "merged"
)

// Actor is who moves an assignment.
type Actor string

// The actors.
const (
	ByHouse    Actor = "house"
	ByOfficial Actor = "official"
	ByHolder   Actor = "holder" // whoever holds the request's code

	BySupporter Actor = "supporter" // has the same trouble; judges, and moves nothing
	BySource    Actor = "source"    // another system, from which a case was taken over; moves nothing
)

var (
	answers = []State{Mended, Refused, Redirected}
	working = []State{InWork, Planned, InfoNeeded}
)

// transitions says from where an assignment goes where, and by whom. What is
// not in it is refused. Two ways are no move: what the house withdrew or merged comes back
// before it once, by AskAgain, and what was delivered by a letter that came back is
// routed again, by CameBack. The house passes on by PassOn alone, for an authority that is no more.
var transitions = map[State]map[Actor][]State{
	AwaitingCheck: {ByHouse: {Routed, Withdrawn, Merged}, ByHolder: {Withdrawn}},
	Routed:        {ByHouse: {Delivered, Withdrawn, Merged, Redirected}, ByHolder: {Withdrawn}},
	Delivered:     {ByOfficial: slices.Concat([]State{Registered}, working, answers), ByHouse: {Merged, Redirected}, ByHolder: {Withdrawn}},
	Registered:    {ByOfficial: slices.Concat(working, answers), ByHouse: {Merged, Redirected}, ByHolder: {Withdrawn}},
	InWork:        {ByOfficial: slices.Concat([]State{Planned, InfoNeeded}, answers), ByHouse: {Merged, Redirected}, ByHolder: {Withdrawn}},
	Planned:       {ByOfficial: slices.Concat(working, answers), ByHouse: {Merged, Redirected}, ByHolder: {Withdrawn}},
	InfoNeeded:    {ByOfficial: slices.Concat([]State{InWork, Planned}, answers), ByHouse: {Merged, Redirected}, ByHolder: {InWork, Withdrawn}},
	Mended:        {ByHolder: {InWork}}, // not mended: it opens again
	Refused:       {ByHolder: {InWork}},
}

// Next gives the states to which an actor can move an assignment of a report, for
// a page to offer.
func Next(from State, by Actor) []State { return Report.Next(from, by) }

// Next gives the states to which an actor can move an assignment of a request of
// this matter.
func (m Matter) Next(from State, by Actor) []State {
	if own, ok := posted[m]; ok {
		return slices.Clone(own[from][by])
	}
	return slices.Clone(transitions[from][by])
}

// Open reports a state in which something is still to come from an authority.
func (s State) Open() bool {
	return !slices.Contains([]State{Mended, Refused, Redirected, Withdrawn, Merged}, s)
}

// Move is one step of an assignment and what belongs to it.
type Move struct {
	To       State
	By       Actor
	Reason   string     // of a refusal, a withdrawal by the house, a reopening; the question of info_needed
	On       appeal.Day // of planned
	Owner    string     // of redirected: the authority whose it is
	Number   string     // of registered: the authority's number
	Picture  string     // of mended: hash of the picture that proves it
	Pictures []string   // of the holder's answer to a question: hashes
	Into     int64      // of merged: the request that stays
	Update   string     // what the authority's system calls the message that moves it
	Account  int64      // with which it is moved; kept in the account's trace alone, 0: none
}

// maxNumber is the most signs of an authority's number.
const maxNumber = 200

// day reports a real day that is not past.
func day(d, today appeal.Day) bool {
	read, err := appeal.ParseDay(string(d))
	return err == nil && read == d && d >= today
}

// check holds a move against the table and against what it needs. The faults are
// lane.transition, lane.needs, lane.text, lane.reference and lane.public_words.
func (m Move) check(matter Matter, from State, category authority.Category, today appeal.Day) error {
	if !slices.Contains(matter.Next(from, m.By), m.To) {
		return fault.Conflict("lane.transition", string(from), string(m.To), string(m.By))
	}
	missing := ""
	switch {
	case m.To == Registered && m.Number == "":
		missing = "number"
	case m.To == Planned && !day(m.On, today):
		missing = "day"
	case m.To == Redirected && m.Owner == "":
		missing = "owner"
	case m.To == Merged && m.Into == 0:
		missing = "request"
	case m.To == Mended && category.Proof != authority.NoProof && m.Picture == "":
		missing = "picture"
	case m.Reason == "" && (m.To == Refused || m.To == InfoNeeded || m.To == Withdrawn && m.By != ByHolder || m.To == Mended && matter == Question || m.To == InWork && !from.Open()):
		missing = "reason"
	}
	if missing != "" {
		return fault.Invalid("lane.needs", string(m.To), missing)
	}
	if !plain(m.Reason, maxText) {
		return fault.Invalid("lane.text", maxText)
	}
	if m.By == ByOfficial || m.To == Withdrawn { // nobody looks first
		if err := publicWords(m.Reason); err != nil {
			return err
		}
	}
	if !oneLine(m.Number, maxNumber) {
		return fault.Invalid("lane.text", maxNumber)
	}
	if m.Number != "" && m.Number != Black && !isReference(m.Number) {
		return fault.Invalid("lane.reference")
	}
	return nil
}
