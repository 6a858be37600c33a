package casefile

import (
	"slices"

	"kua/internal/fault"
)

// State is where a case stands on its way.
type State string

// The states of a case. Drafting, proposed and published follow from what is
// done to its record; nobody sets them by hand.
const (
	New       State = "new"       // made, and nothing done yet
	Open      State = "open"      // being worked on
	Drafting  State = "drafting"  // the words of a record are being written
	Proposed  State = "proposed"  // a record waits for a further person's signature
	Published State = "published" // the newest draft is public
	Closed    State = "closed"    // put away, with a reason
)

// States gives every state in the order of the way.
func States() []State { return []State{New, Open, Drafting, Proposed, Published, Closed} }

var next = map[State][]State{
	New:       {Open, Drafting, Closed},
	Open:      {Drafting, Closed},
	Drafting:  {Open, Proposed, Closed},
	Proposed:  {Drafting, Published},
	Published: {Drafting, Proposed, Closed},
	Closed:    {Open},
}

// Move checks that a case in state from may go to state to. Staying is allowed.
// A refusal is the fault casefile.cannot_move.
func Move(from, to State) error {
	if from == to || slices.Contains(next[from], to) {
		return nil
	}
	return fault.Conflict("casefile.cannot_move", string(from), string(to))
}
