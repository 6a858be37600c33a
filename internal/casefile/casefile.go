// Package casefile holds the desk's private words: the reports as they were
// received, the cases made of them, notes, claims, findings, replies, and the
// draft of a record, with the rules they obey.
//
// It has no SQL, opens nothing and publishes nothing. A draft becomes a public
// record field by field in package desk: package record does not know this one,
// so that a private field has no way out. Only the desk's packages use it.
package casefile

import (
	"time"

	"kua/internal/evidence"
	"kua/internal/parcel"
)

// Stage says how much of a received parcel is here.
type Stage string

// The stages of a received parcel.
const (
	Arriving Stage = "arriving" // pieces are still missing
	Whole    Stage = "whole"    // every piece is here and the bag holds together
	Refused  Stage = "refused"  // it cannot be opened, or is no valid bag; its sealed bytes are kept
)

// Received is one report as the desk received it.
type Received struct {
	Parcel    string
	Number    int64 // grows with the order of arrival
	Stage     Stage
	Size      int64          // sealed bytes
	Held      int64          // sealed bytes that are here
	Report    *parcel.Report // nil until the first pieces are here, and for most refused ones
	Fault     string         // key of the fault of a refused one
	FaultArgs []any
	Day       string // of the first sight
	Unread    bool
	Case      int64    // 0 while it is in no case
	Nodes     []string // where it was seen
	Originals []evidence.Original
}

// Case is what the desk makes of one or more reports.
type Case struct {
	ID       int64
	Title    string // working title, private
	State    State
	Assigned string // a person's name, or ""
	Reason   string // why it was closed
	Record   string // id of its record once it was proposed, or ""
	Opened   time.Time
	Changed  time.Time
	Reports  int // in the case
	Unread   int // of its reports and other unread things
}

// Note is a remark on a case by one of the people. It is never changed.
type Note struct {
	ID   int64
	Case int64
	By   string
	Text string
	At   time.Time
}

// Reply is an answer to a witness. The desk keeps its own copy of the text; the
// sealed one goes to every node.
type Reply struct {
	ID     int64
	Case   int64
	Parcel string
	By     string
	Text   string
	At     time.Time
	Sent   []Delivery
}

// Delivery is what became of a reply at one node.
type Delivery struct {
	Node  string
	Sent  bool
	Fault string // key of the last fault, "" when there was none
}

// Unsent reports whether no node holds the reply yet: the witness cannot read it.
func (r Reply) Unsent() bool {
	for _, d := range r.Sent {
		if d.Sent {
			return false
		}
	}
	return true
}
