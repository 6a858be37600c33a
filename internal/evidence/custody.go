package evidence

import (
	"iter"
	"time"

	"kua/internal/canon"
	"kua/internal/fault"
)

// EventKind is the "kind" member of every custody event.
const EventKind = "kua custody event"

// Verb is what was done.
type Verb string

// The verbs of custody, in the order of the road.
const (
	Collected  Verb = "collected"  // a parcel came whole and held together
	Refused    Verb = "refused"    // a parcel came and cannot be opened
	Read       Verb = "read"       // a report was read
	Unread     Verb = "unread"     // a report was put back among the unread
	Opened     Verb = "opened"     // an original's bytes were given out
	Probed     Verb = "probed"     // an original was looked at in the box
	Traced     Verb = "traced"     // what an original tells was read in the box
	Filed      Verb = "filed"      // a report was put into a case
	Noted      Verb = "noted"      // a note was written
	Assigned   Verb = "assigned"   // a case was given to a person
	Titled     Verb = "titled"     // a case got another working title
	Found      Verb = "found"      // a finding was written
	Replied    Verb = "replied"    // a reply to the witness was sealed
	Marked     Verb = "marked"     // a redaction plan was saved
	Rendered   Verb = "rendered"   // derivatives were made
	Shown      Verb = "shown"      // a page of a document was before a person
	LookedOver Verb = "lookedover" // detectors looked over what was made, and what it was made with was kept
	Answered   Verb = "answered"   // a person said why something that a detector saw may be seen
	Gated      Verb = "gated"      // a file was found clean by the gate
	Viewed     Verb = "viewed"     // a derivative was looked at
	Drafted    Verb = "drafted"    // the words of a record were saved
	Checked    Verb = "checked"    // whoever signs went through the list of what leads to a person
	Proposed   Verb = "proposed"   // an edition was staged and signed by the first
	Previewed  Verb = "previewed"  // a staged edition was looked at
	Approved   Verb = "approved"   // a further person signed
	Declined   Verb = "declined"   // a proposal was turned down or fell behind
	Published  Verb = "published"  // an edition went into the log and the tree
	Withdrawn  Verb = "withdrawn"  // a record was withdrawn
	Closed     Verb = "closed"     // a case was closed
	Reopened   Verb = "reopened"   // a case was opened again
	Rewrapped  Verb = "rewrapped"  // a parcel was wrapped for other people
	Disclosed  Verb = "disclosed"  // an original's commitment was opened for somebody
	Chartered  Verb = "chartered"  // a new version of the charter was taken in
	Anchored   Verb = "anchored"   // the day's parcels were put into the log
	Named      Verb = "named"      // a service for time stamps was added or removed
	Stamped    Verb = "stamped"    // a service stamped what an edition left of the log
	Channelled Verb = "channelled" // a channel was added, turned on or off, or removed
	Cleared    Verb = "cleared"    // somebody confirmed a channel's check of a record
	Posted     Verb = "posted"     // a record stands at a channel
	Recalled   Verb = "recalled"   // a record stands at a channel no more, or goes there no more
	Judged     Verb = "judged"     // somebody said what became of a post that was cut off
	Halted     Verb = "halted"     // all spreading was stopped
	Released   Verb = "released"   // spreading may go on
	Introduced Verb = "introduced" // the desk was made
)

// Event is one custody event: one link of the desk's chain.
type Event struct {
	Kind     string `json:"kind"`
	Sequence int64  `json:"sequence"`           // from 1, without a gap
	Previous string `json:"previous,omitempty"` // SHA-256 of the event before; the first has none
	At       string `json:"at"`                 // RFC 3339, UTC, whole seconds
	By       string `json:"by"`                 // a person's name, or "desk" for what the desk does by itself
	Key      string `json:"key,omitempty"`      // id of the person's publishing key
	Verb     Verb   `json:"verb"`
	Case     int64  `json:"case,omitempty"`
	Subject  string `json:"subject,omitempty"` // what it was done to: "parcel …", "original 3", …
	SHA256   string `json:"sha256,omitempty"`  // of the bytes concerned
	Detail   string `json:"detail,omitempty"`  // a word more: a version, a reason
}

// Desk is the actor of what no person did.
const Desk = "desk"

// Actor is who does something: a person with the id of their publishing key.
type Actor struct{ Name, Key string }

// Machine is the desk acting by itself: collecting, resuming.
func Machine() Actor { return Actor{Name: Desk} }

// Link completes e as the event after the one with this sequence number and
// hash (0 and "" before the first) and gives its exact bytes, which are what
// the next event's Previous hashes.
func (e Event) Link(sequence int64, previous string, by Actor, at time.Time) (Event, []byte, error) {
	e.Kind = EventKind
	e.Sequence, e.Previous = sequence+1, previous
	e.By, e.Key = by.Name, by.Key
	e.At = at.UTC().Truncate(time.Second).Format(time.RFC3339)
	b, err := canon.Marshal(e)
	return e, b, err
}

// ParseEvent reads the exact bytes of one event.
func ParseEvent(b []byte) (Event, error) {
	var e Event
	if err := canon.Unmarshal(b, &e); err != nil {
		return Event{}, fault.Corrupt("evidence.not_an_event").Because(err)
	}
	if e.Kind != EventKind || e.Sequence < 1 || e.By == "" || e.Verb == "" {
		return Event{}, fault.Corrupt("evidence.not_an_event")
	}
	if _, err := time.Parse(time.RFC3339, e.At); err != nil {
		return Event{}, fault.Corrupt("evidence.not_an_event").Because(err)
	}
	return e, nil
}

// Head is where a chain ends: the number of its last event and its hash.
type Head struct {
	Sequence int64
	Hash     string
}

// VerifyChain walks a whole chain from its first event and gives its head. An
// event that was changed, dropped, added or moved is the fault
// evidence.broken_chain with its number. It cannot see that events were cut
// off the end; compare the head with one that was noted elsewhere for that.
func VerifyChain(events iter.Seq2[[]byte, error]) (Head, error) {
	var head Head
	for b, err := range events {
		if err != nil {
			return head, err
		}
		e, err := ParseEvent(b)
		if err != nil {
			return head, fault.Corrupt("evidence.broken_chain", head.Sequence+1).Because(err)
		}
		if e.Sequence != head.Sequence+1 || e.Previous != head.Hash {
			return head, fault.Corrupt("evidence.broken_chain", head.Sequence+1)
		}
		head = Head{Sequence: e.Sequence, Hash: canon.Hash(b)}
	}
	return head, nil
}
