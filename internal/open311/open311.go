// Package open311 is the wire of GeoReport v2 (Open311), the standard by which
// cities and the tools around them exchange service requests, with the update
// extension that FixMyStreet speaks: what each answer holds, how it is written
// as XML and as JSON, what a form may ask, and how the answers of servers that
// bend the standard are read.
//
// It knows no HTTP, no storage and nothing of Kuä's own cases: whoever serves
// or calls an endpoint turns theirs into these types and back. spec/open311.md
// tells which fields are used for what.
package open311

import "time"

// Specification is how a discovery document names GeoReport v2.
const Specification = "http://wiki.open311.org/GeoReport_v2"

// Bounds of what the standard names or what is read from strangers.
const (
	MaxDescription = 4000             // characters of a description (GeoReport v2, POST Service Request)
	MaxListed      = 1000             // requests in one answer (GeoReport v2, GET Service Requests)
	MaxSpan        = 90 * 24 * 3600e9 // of start_date to end_date, as a time.Duration
	MaxAnswer      = 16 << 20         // bytes of an answer that a client reads
)

// Service is one kind of thing that can be reported.
type Service struct {
	Code, Name  string
	Description string // never empty when written: some readers refuse it
	Metadata    bool   // a Definition says what more to ask
	Type        string // realtime, batch or blackbox
	Keywords    []string
	Group       string
}

// Definition is what a service asks besides place and description.
type Definition struct {
	ServiceCode string
	Attributes  []Attribute
}

// Attribute is one question.
type Attribute struct {
	Variable    bool // false: only words to show, no answer wanted
	Code        string
	Datatype    Datatype
	Required    bool
	Hint        string // datatype_description: how to fill it in
	Order       int    // from 1
	Description string // the question
	Values      []Value
}

// Datatype is the kind of an answer.
type Datatype string

// The datatypes of GeoReport v2.
const (
	String          Datatype = "string"
	Number          Datatype = "number"
	Datetime        Datatype = "datetime"
	Text            Datatype = "text"
	SingleValueList Datatype = "singlevaluelist"
	MultiValueList  Datatype = "multivaluelist"
)

// Value is one of the answers a list offers.
type Value struct{ Key, Name string }

// Point is a place in degrees of WGS 84.
type Point struct{ Lat, Long float64 }

// Request is one service request as everybody may read it. A zero time and an
// empty text are written as empty.
type Request struct {
	ID                           string
	Status                       string // open or closed
	StatusNotes                  string
	ServiceName, ServiceCode     string
	Description                  string
	Agency                       string // agency_responsible, always one text
	Notice                       string
	Requested, Updated, Expected time.Time
	Address                      string // never empty when written: some readers refuse it
	AddressID, Zipcode           string
	Place                        *Point
	MediaURL                     string
}

// Accepted answers a submission: either the request's id, or a token by which
// the id can be asked for later, never both.
type Accepted struct{ ID, Token, Notice, AccountID string }

// Update is one change of a request in FixMyStreet's extension.
type Update struct {
	ID, RequestID string
	Status        string // one of the words of UpdateStatuses
	Updated       time.Time
	Description   string
	MediaURL      string
}

// UpdateStatuses are the words that FixMyStreet understands in an update.
var UpdateStatuses = []string{
	"open", "closed", "fixed", "in_progress", "planned", "action_scheduled", "investigating", "duplicate",
	"not_councils_responsibility", "no_further_action", "internal_referral", "cancelled", "reopen", "for_triage", "unchanged",
}

// Problem is one entry of an answer that refuses.
type Problem struct {
	Code        int // as the HTTP status, or finer
	Description string
}

// Discovery says where an endpoint is and what it speaks.
type Discovery struct {
	Changeset           time.Time // of the document, in the past
	Contact, KeyService string
	Endpoints           []Endpoint
}

// Endpoint is one address of a GeoReport v2 server.
type Endpoint struct {
	URL       string // with the version and a slash at its end: clients append to it
	Changeset time.Time
	Type      string   // production or test
	Formats   []string // media types; text/xml among them
}
