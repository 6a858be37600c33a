// Package watch looks at the copies of records: what was expected where, what was
// seen, from which place, and what follows from that.
//
// It says what can be told from outside and nothing more: a copy that nobody
// reaches is unknown and not blocked, and why a platform took something away is
// what the platform says, or not said. It contacts what its caller names, holds no
// key, publishes nothing, and sends what it saw to nobody. Used by cmd/kua and by
// the desk.
package watch

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/onion"
)

// Kinds are where a copy can lie. A mirror is one of ours, whose bytes are known;
// elsewhere a page is looked for its words.
var Kinds = []string{"mirror", "youtube", "telegram", "vk", "ok", "facebook", "archive", "page"}

// Copy is one copy of a record and what is expected of it.
type Copy struct {
	Record string   `json:"record"`           // six digits
	Kind   string   `json:"kind"`             // one of Kinds
	URL    string   `json:"url"`              // http or https; of a mirror, its address without a path
	Path   string   `json:"path,omitempty"`   // of a mirror: the file that is looked for
	SHA256 string   `json:"sha256,omitempty"` // of a mirror: of that file
	Size   int64    `json:"size,omitempty"`
	Words  []string `json:"words,omitempty"` // elsewhere: all of these stand in the page, such as the record's number
}

var (
	recordID = regexp.MustCompile(`^[0-9]{6}$`)
	hash64   = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Validate checks a copy. Faults begin with watch.
func (c Copy) Validate() error {
	u, err := url.Parse(c.URL)
	switch {
	case !recordID.MatchString(c.Record):
		return fault.Invalid("watch.record", c.Record)
	case !slices.Contains(Kinds, c.Kind):
		return fault.Invalid("watch.kind", c.Kind, strings.Join(Kinds, ", "))
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.User != nil, u.Fragment != "", len(c.URL) > 500:
		return fault.Invalid("watch.address", c.URL)
	case onion.Is(u.Hostname()):
		return fault.Invalid("watch.onion", u.Hostname())
	case c.Kind == "mirror" && (c.Path == "" || strings.Contains(c.Path, "..") || !hash64.MatchString(c.SHA256) || c.Size < 1 || c.Size > maxBody || u.RawQuery != ""):
		return fault.Invalid("watch.mirror", c.URL)
	case c.Kind != "mirror" && (len(c.Words) == 0 || slices.ContainsFunc(c.Words, func(w string) bool { return len(w) < 4 || len(w) > 200 })):
		return fault.Invalid("watch.words", c.URL)
	}
	return nil
}

// ParseCopies reads a list of copies.
func ParseCopies(b []byte) ([]Copy, error) {
	var list struct {
		Kind   string `json:"kind"`
		Copies []Copy `json:"copies"`
	}
	if len(b) > 4<<20 {
		return nil, fault.TooLarge("watch.too_large")
	}
	if err := canon.Unmarshal(b, &list); err != nil || list.Kind != kindCopies {
		return nil, fault.Invalid("watch.not_copies").Because(err)
	}
	seen := make(map[string]bool)
	for _, c := range list.Copies {
		if err := c.Validate(); err != nil {
			return nil, err
		}
		if seen[c.name()] {
			return nil, fault.Conflict("watch.twice", c.URL, c.Record)
		}
		seen[c.name()] = true
	}
	return list.Copies, nil
}

// CopiesBytes writes a list of copies in canonical form.
func CopiesBytes(copies []Copy) ([]byte, error) {
	return canon.Marshal(struct {
		Kind   string `json:"kind"`
		Copies []Copy `json:"copies"`
	}{kindCopies, copies})
}

const (
	kindCopies      = "kua copies"
	kindObservation = "kua observation"
)

// name tells copies apart: one record has one copy at an address and path.
func (c Copy) name() string { return c.Record + " " + c.URL + " " + c.Path }

// The results of looking at a copy.
const (
	OK      = "ok"
	Altered = "altered" // other bytes than were expected
	Stale   = "stale"   // a mirror with an older log
	Forked  = "forked"  // a mirror with another history
	Removed = "removed" // it was there to be asked, and says that it has it no more
	Region  = "region"  // there, and not for everybody: as the platform says
	Failed  = "failed"  // seen from one place: it was not reached, see Phase
	Blocked = "blocked" // judged: not reached here, reached elsewhere; or somebody on the way answered in its place
	Unknown = "unknown" // nothing can be told from outside
)

var results = []string{OK, Altered, Stale, Forked, Removed, Region, Failed, Blocked, Unknown}

// The phases in which a road can fail.
const (
	DNS    = "dns"
	TCP    = "tcp"
	TLS    = "tls"
	HTTP   = "http"
	Freeze = "freeze" // the answer began, and stopped after Bytes
)

var phases = []string{"", DNS, TCP, TLS, HTTP, Freeze}

// Place is from where somebody looked. Hidden is what nobody chose to say.
type Place struct {
	Name    string `json:"name"`    // chosen by who looks, such as "a"; tells places apart
	Country string `json:"country"` // two letters, or ZZ
	Network string `json:"network"` // AS and a number, or AS0
}

// Hidden is a place that says nothing of itself, as OONI writes it.
func Hidden(name string) Place { return Place{name, "ZZ", "AS0"} }

var (
	placeName = regexp.MustCompile(`^[a-z0-9-]{1,20}$`)
	country   = regexp.MustCompile(`^[A-Z]{2}$`)
	network   = regexp.MustCompile(`^AS[0-9]{1,10}$`)
)

// Validate checks a place.
func (p Place) Validate() error {
	if !placeName.MatchString(p.Name) || !country.MatchString(p.Country) || !network.MatchString(p.Network) {
		return fault.Invalid("watch.place", p.Name, p.Country, p.Network)
	}
	return nil
}

// Observation is what was seen of one copy from one place at one time.
type Observation struct {
	Kind     string `json:"kind"` // "kua observation"
	At       string `json:"at"`   // an hour in UTC, 2006-01-02T15:00:00Z: no finer, for who looked
	Record   string `json:"record"`
	URL      string `json:"url"`
	Path     string `json:"path,omitempty"`
	Result   string `json:"result"`
	Phase    string `json:"phase,omitempty"`
	Bytes    int64  `json:"bytes,omitempty"`    // that came before a freeze
	Forged   bool   `json:"forged,omitempty"`   // somebody on the way answered in the copy's place
	Reason   string `json:"reason,omitempty"`   // as the platform says it
	Evidence string `json:"evidence,omitempty"` // SHA-256 of the answer that was seen
	Status   int    `json:"status,omitempty"`   // of HTTP
	Place    Place  `json:"place"`
	Previous string `json:"previous,omitempty"` // in a diary: SHA-256 of the line before
}

func (o Observation) name() string { return o.Record + " " + o.URL + " " + o.Path }

var (
	hour   = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:00:00Z$`)
	reason = regexp.MustCompile(`^[A-Za-z0-9 ,.:_-]{1,200}$`)
)

// ParseObservation reads one canonical line, which a stranger may have written.
func ParseObservation(b []byte) (Observation, error) {
	var o Observation
	if len(b) > 8<<10 {
		return o, fault.TooLarge("watch.too_large")
	}
	if err := canon.Unmarshal(b, &o); err != nil {
		return o, fault.Invalid("watch.not_observation").Because(err)
	}
	u, err := url.Parse(o.URL)
	switch {
	case o.Kind != kindObservation, !hour.MatchString(o.At), !recordID.MatchString(o.Record), len(o.URL) > 500, len(o.Path) > 200,
		err != nil, u.Scheme != "http" && u.Scheme != "https", !slices.Contains(results, o.Result), o.Result == Blocked, !slices.Contains(phases, o.Phase),
		o.Bytes < 0, o.Reason != "" && !reason.MatchString(o.Reason), o.Evidence != "" && !hash64.MatchString(o.Evidence),
		o.Status < 0 || o.Status > 999, o.Previous != "" && !hash64.MatchString(o.Previous):
		return o, fault.Invalid("watch.not_observation")
	}
	return o, o.Place.Validate()
}
