package edition

import (
	"errors"
	"time"
)

// Freshness is a label for an edition's age. Age never makes an edition wrong:
// what was true when it was signed stays true, and whole regions have been cut
// off for months.
type Freshness string

const (
	Fresh   Freshness = "fresh"  // newer ones are not to be expected yet
	Behind  Freshness = "behind" // may be behind: a newer one should exist
	OldCopy Freshness = "old"    // an old copy: newer ones surely exist if the publisher is alive
	Ahead   Freshness = "ahead"  // made later than this clock says: the clock is wrong, or the label
	grace             = 14 * 24 * time.Hour
)

// FreshFor is how long an edition is fresh when its publisher has no reason to
// choose otherwise: the desk publishes at least every second day.
const FreshFor = 72 * time.Hour

// Stamp writes an instant as editions do: UTC, cut to the hour.
func Stamp(t time.Time) string { return t.UTC().Truncate(time.Hour).Format(time.RFC3339) }

// Age labels the edition's age at now: fresh until FreshUntil, "may be behind"
// for two weeks more, then an old copy. An edition made more than a day after
// now says that a clock is wrong.
func (m Manifest) Age(now time.Time) Freshness {
	made, err1 := hour(m.Made)
	until, err2 := hour(m.FreshUntil)
	switch {
	case err1 != nil || err2 != nil || now.After(until.Add(grace)):
		return OldCopy
	case now.Before(made.Add(-24 * time.Hour)):
		return Ahead
	case now.After(until):
		return Behind
	}
	return Fresh
}

// hour reads an instant as Stamp writes it.
func hour(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err == nil && Stamp(t) != s {
		err = errors.New("not cut to the hour in UTC")
	}
	return t, err
}
