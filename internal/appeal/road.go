package appeal

import (
	"embed"
	"fmt"
	"slices"
	"sync"

	"kua/internal/datafile"
	"kua/internal/fault"
	"kua/internal/locale"
)

// StepKind is what a citizen can send, from the appeal itself to a court.
type StepKind string

// The kinds of steps.
const (
	First      StepKind = "first"      // the appeal itself
	Reminder   StepKind = "reminder"   // to the same authority, once more
	Superior   StepKind = "superior"   // a complaint to the body above it
	Prosecutor StepKind = "prosecutor" // a complaint to the prosecutor
	Ombudsman  StepKind = "ombudsman"  // a complaint to the ombudsman
	Court      StepKind = "court"      // the draft of what goes to a court
)

// StepKinds are all kinds, in the order of an appeal's road.
var StepKinds = []StepKind{First, Reminder, Superior, Prosecutor, Ombudsman, Court}

// When is what opens a step.
type When string

// What opens a step.
const (
	Unsent       When = "unsent"       // nothing was submitted yet
	Unregistered When = "unregistered" // submitted, and the authority's registration is not known
	Silent       When = "silent"       // registered, and the time for the answer is over without one
	Unmended     When = "unmended"     // answered, and the citizen says that it is not mended, or only partly
)

var whens = []When{Unsent, Unregistered, Silent, Unmended}

// Field is something that a letter says of whoever writes it.
type Field string

// The fields that a law may ask for.
const (
	Name     Field = "name"
	Address  Field = "address"
	Contact  Field = "contact" // an e-mail address or a telephone
	Identity Field = "identity"
)

// Fields are all fields.
var Fields = []Field{Name, Address, Contact, Identity}

// Ask is that a law asks for a field. One that is not confirmed is told to the
// citizen and never demanded.
type Ask struct {
	Field      Field        `yaml:"field" json:"field"`
	Source     *Source      `yaml:"source,omitempty" json:"source,omitempty"` // nil: none was read
	Confidence Confidence   `yaml:"confidence" json:"confidence"`
	Note       locale.Texts `yaml:"note,omitempty" json:"note,omitempty"`
	Checked    []Check      `yaml:"checked,omitempty" json:"checked,omitempty"`
}

// WayKind is how an appeal reaches an authority.
type WayKind string

// The kinds of ways.
const (
	Post      WayKind = "post"
	InPerson  WayKind = "person"
	Portal    WayKind = "portal" // of the state, for appeals
	Email     WayKind = "email"
	Telephone WayKind = "telephone"
)

// WayKinds are all kinds.
var WayKinds = []WayKind{Post, InPerson, Portal, Email, Telephone}

// Way is one way in which a country's appeals are taken.
type Way struct {
	Kind       WayKind      `yaml:"kind" json:"kind"`
	Source     *Source      `yaml:"source,omitempty" json:"source,omitempty"` // nil: none was read
	Confidence Confidence   `yaml:"confidence" json:"confidence"`
	Note       locale.Texts `yaml:"note,omitempty" json:"note,omitempty"`
	Checked    []Check      `yaml:"checked,omitempty" json:"checked,omitempty"`
}

// Step is one step of a country's road. Two steps may be of one kind, where the
// sources differ by what opens them.
type Step struct {
	Kind       StepKind   `yaml:"kind" json:"kind"`
	When       []When     `yaml:"when" json:"when"`                         // any of them opens it
	After      []StepKind `yaml:"after,omitempty" json:"after,omitempty"`   // all of them must have been sent
	Within     Kind       `yaml:"within,omitempty" json:"within,omitempty"` // the kind of the law's rule that ends it
	Source     *Source    `yaml:"source,omitempty" json:"source,omitempty"` // nil: none was read
	Span       `yaml:",inline"`
	Confidence Confidence   `yaml:"confidence" json:"confidence"`
	Note       locale.Texts `yaml:"note,omitempty" json:"note,omitempty"`
	Checked    []Check      `yaml:"checked,omitempty" json:"checked,omitempty"`
}

// Road is which steps a country has, what its law asks of a letter, and by which
// ways a letter goes.
type Road struct {
	Country string `yaml:"country" json:"country"`
	Asks    []Ask  `yaml:"asks,omitempty" json:"asks,omitempty"`
	Ways    []Way  `yaml:"ways,omitempty" json:"ways,omitempty"`
	Steps   []Step `yaml:"steps" json:"steps"`
}

//go:embed roads/*.yaml
var shippedRoadFiles embed.FS

var shippedRoads = sync.OnceValues(func() (map[string]Road, error) {
	var problems datafile.Problems
	files := datafile.Folder(shippedRoadFiles, &problems)
	roads := map[string]Road{}
	for _, name := range files.Names() {
		if r, ok := ReadRoad(name, files[name], &problems); ok {
			roads[r.Country] = r
		}
	}
	return roads, problems.Err()
})

// ShippedRoad gives the road of a country that comes with the program, or the
// fault appeal.no_road. What nobody has confirmed in it is marked.
func ShippedRoad(country string) (Road, error) {
	roads, err := shippedRoads()
	if err != nil {
		return Road{}, fmt.Errorf("the roads that come with the program: %w", err)
	}
	r, ok := roads[country]
	if !ok {
		return Road{}, fault.NotFound("appeal.no_road", country)
	}
	return r, nil
}

// ReadRoad reads one country's road. What is wrong is added to problems; ok
// says that nothing of it is an error. What claims to be confirmed must name
// the act and where it was read.
func ReadRoad(file string, text []byte, problems *datafile.Problems) (r Road, ok bool) {
	before := problems.Errors()
	lines, ok := datafile.YAML(file, text, &r, problems)
	if !ok {
		return Road{}, false
	}
	if !country.MatchString(r.Country) || !named(file, r.Country) {
		problems.Add(file, lines.Of("country"), "appeal.bad_country", r.Country)
	}
	for i, a := range r.Asks {
		at := lines.Of("asks", i)
		oneOf(file, at, "field", a.Field, problems, Fields...)
		checkFooting(file, at, a.Source, a.Confidence, problems)
		if slices.ContainsFunc(r.Asks[:i], func(o Ask) bool { return o.Field == a.Field }) {
			problems.Add(file, at, "datafile.twice", string(a.Field))
		}
	}
	for i, w := range r.Ways {
		at := lines.Of("ways", i)
		oneOf(file, at, "kind", w.Kind, problems, WayKinds...)
		checkFooting(file, at, w.Source, w.Confidence, problems)
		if slices.ContainsFunc(r.Ways[:i], func(o Way) bool { return o.Kind == w.Kind }) {
			problems.Add(file, at, "datafile.twice", string(w.Kind))
		}
	}
	for i, s := range r.Steps {
		at := lines.Of("steps", i)
		oneOf(file, at, "kind", s.Kind, problems, StepKinds...)
		for _, w := range s.When {
			oneOf(file, at, "when", w, problems, whens...)
		}
		if len(s.When) == 0 {
			problems.Add(file, at, "datafile.unknown_word", "", "when", fmt.Sprint(whens))
		}
		for _, k := range s.After {
			oneOf(file, at, "after", k, problems, StepKinds...)
		}
		if s.Within != "" {
			oneOf(file, at, "within", s.Within, problems, Kinds...)
		}
		if s.Backwards() {
			problems.Add(file, at, "datafile.backwards", string(s.From), string(s.To))
		}
		checkFooting(file, at, s.Source, s.Confidence, problems)
	}
	return r, problems.Errors() == before
}

func checkFooting(file string, at int, s *Source, c Confidence, problems *datafile.Problems) {
	oneOf(file, at, "confidence", c, problems, Confirmed, Unconfirmed)
	if s != nil {
		checkSource(file, at, *s, problems)
	}
	if c == Confirmed && (s == nil || len(s.Seen) == 0) {
		problems.Add(file, at, "appeal.no_source")
	}
}
