package lane

import "kua/internal/lane/lanedb"

// Standing is as what an assignment is counted. Each stands one way, and all of
// them together are all that there are: nothing falls out of the counts.
type Standing string

// The standings.
const (
	Waiting     Standing = "waiting"     // nobody has let it through yet
	Undelivered Standing = "undelivered" // the authority was not told yet
	Silent      Standing = "silent"      // told, and never answered, whatever else it says
	Claimed     Standing = "claimed"     // says the authority: mended; whoever had the trouble does not say
	Confirmed   Standing = "confirmed"   // mended, says whoever had the trouble
	Disputed    Standing = "disputed"    // answered, and not mended, says whoever had the trouble
	Declined    Standing = "refused"     // answered by a refusal
	Passed      Standing = "passed"      // not theirs, never answered: the new owner's is counted
	TakenBack   Standing = "withdrawn"   // never answered
	Joined      Standing = "merged"      // never answered; the other is counted
)

// Standings are all, in the order in which they are told.
var Standings = []Standing{Confirmed, Claimed, Disputed, Declined, Silent, Undelivered, Waiting, Passed, TakenBack, Joined}

// Word is what somebody who had the trouble says of an answer.
type Word string

// The words.
const (
	SaysMended Word = "mended"
	SaysPartly Word = "partly"
	SaysNot    Word = "not"
)

// enough is how many supporters must say that it is not mended before their word
// counts while the holder says nothing.
const enough = 2

// judged reports an answer that people are asked about.
func (s State) judged() bool { return s == Mended || s == Refused }

// standing is the rule of the counts: a pure function of what an assignment is.
//
// An assignment that was ever answered stays as its last answer stands, also
// when it is opened again, passed on, withdrawn or merged later: no later act
// takes a dispute out of the counts, only another answer does. The holder's word
// decides. Without it supporters' words can dispute an answer but never confirm
// one, since whoever answers could have sent a supporter's code before. Nothing
// makes a refusal mended.
func standing(f lanedb.Facts) Standing {
	switch answered := State(f.Answered); {
	case answered == "":
		return unanswered(State(f.State))
	case f.Said.Holder == string(SaysPartly) || f.Said.Holder == string(SaysNot):
		return Disputed
	case State(f.State) != answered: // its holder opened it again without a verdict, for nobody else can
		return Disputed
	case answered == Refused:
		return Declined
	case f.Said.Holder == string(SaysMended):
		return Confirmed
	case f.Said.Partly+f.Said.Nope >= enough:
		return Disputed
	}
	return Claimed
}

// disputes is when an authority is told of what supporters say: once for each
// answer, in the moment in which their words turn it into a disputed one. Before,
// one code, which anybody can make, would write to it; after, each further one
// would, although nothing changed.
func disputes(before, after Standing) bool { return before != Disputed && after == Disputed }

func unanswered(s State) Standing {
	switch s {
	case AwaitingCheck:
		return Waiting
	case Routed:
		return Undelivered
	case Redirected:
		return Passed
	case Withdrawn:
		return TakenBack
	case Merged:
		return Joined
	}
	return Silent
}
