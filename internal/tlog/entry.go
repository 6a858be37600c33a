package tlog

import (
	"regexp"
	"slices"
	"time"

	"kua/internal/canon"
	"kua/internal/fault"
)

// The kinds of entries.
const (
	KindCharter  = "charter"  // a version of the charter: Version, SHA256
	KindRecord   = "record"   // a version of a record: ID, Version, SHA256
	KindEdition  = "edition"  // an edition's manifest: Number, SHA256
	KindWithhold = "withhold" // a record's tombstone: ID, Version, SHA256, perhaps Reason
	KindAnchor   = "anchor"   // the root of a day's parcels: SHA256
)

// Entry is one line of the log. It holds hashes of public documents, numbers
// and days, and no word that a person wrote: the log is for ever, and what is
// in it can never be taken back. Members with an empty value are left out.
type Entry struct {
	Kind    string `json:"kind"`
	ID      string `json:"id,omitempty"`
	Version int    `json:"version,omitempty"`
	Number  int    `json:"number,omitempty"`
	SHA256  string `json:"sha256"`
	Reason  string `json:"reason,omitempty"` // one of Reasons
	Day     string `json:"day"`
}

var reasons = []string{"consent", "safety", "mistake", "court", "other"}

// Reasons gives the codes for which a record can be withheld. The words stand
// in the tombstone, not in the log.
func Reasons() []string { return slices.Clone(reasons) }

var (
	entryID     = regexp.MustCompile(`^[0-9]{6}$`)
	entrySHA256 = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Bytes gives the entry's canonical JSON, which is the log's leaf. It validates:
// nothing malformed may enter a log that cannot forget.
func (e Entry) Bytes() ([]byte, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	return canon.Marshal(e)
}

// ParseEntry reads a leaf.
func ParseEntry(b []byte) (Entry, error) {
	if len(b) > MaxEntry {
		return Entry{}, fault.TooLarge("tlog.entry", "")
	}
	var e Entry
	if err := canon.Unmarshal(b, &e); err != nil {
		return Entry{}, fault.Invalid("tlog.entry", "").Because(err)
	}
	if err := e.Validate(); err != nil {
		return Entry{}, err
	}
	return e, nil
}

// Validate checks that the entry has what its kind has, and nothing else.
func (e Entry) Validate() error {
	record := e.Kind == KindRecord || e.Kind == KindWithhold
	versioned := record || e.Kind == KindCharter
	_, err := time.Parse(time.DateOnly, e.Day)
	switch {
	case !slices.Contains([]string{KindCharter, KindRecord, KindEdition, KindWithhold, KindAnchor}, e.Kind),
		record != entryID.MatchString(e.ID), !record && e.ID != "",
		versioned != (e.Version > 0), e.Version < 0,
		(e.Kind == KindEdition) != (e.Number > 0), e.Number < 0,
		!entrySHA256.MatchString(e.SHA256),
		e.Reason != "" && (e.Kind != KindWithhold || !slices.Contains(reasons, e.Reason)),
		err != nil:
		return fault.Invalid("tlog.entry", e.Kind)
	}
	return nil
}
