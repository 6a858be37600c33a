package casefile

import (
	"fmt"
	"hash/fnv"
	"slices"

	"kua/internal/fault"
)

// LinkKind says what ties an original to another report.
type LinkKind = string

// The kinds of links: also what a Warning is about. None of them says who
// anybody is.
const (
	SameDevice  LinkKind = "link.same_device"  // both files name one number of a device, person or file
	SameEncoder LinkKind = "link.same_encoder" // both were made by the same kind of device or program
	LooksLike   LinkKind = "link.looks_like"   // the pictures are alike
	SameWitness LinkKind = "link.same_witness" // both reports came with one receipt
)

// LinkKinds gives every kind, the weightiest first.
func LinkKinds() []LinkKind { return []LinkKind{SameDevice, LooksLike, SameWitness, SameEncoder} }

// Link ties an original to another report of the desk.
type Link struct {
	Kind     LinkKind
	Original int64  // of the case that is looked at
	Strength string // of a likeness: same, part, like
	Turned   bool   // the pictures are alike when one is turned or mirrored
	Other    int64  // the other original
	Report   int64  // the other report's number
	Parcel   string // the other report
	Day      string // when the other report was first seen
	Case     int64  // the other report's case, 0 for none
	Record   string // id of that case's record, "" for none
	Public   bool   // the record is published
}

// Line says where a link leads, since when that is here and how strong the tie
// is, in words and never in a number. t gives the words of a key, day is the
// link's Day as people write it.
func (l Link) Line(t func(key string, args ...any) string, day string) string {
	how := "links.how." + l.Kind
	if l.Strength != "" {
		how += "." + l.Strength
	}
	how = t(how)
	if l.Turned {
		how = t("links.how.turned", how)
	}
	where := t("links.where.inbox", day)
	switch {
	case l.Public:
		where = t("links.where.public", l.Record, day)
	case l.Case != 0:
		where = t("links.where.case", l.Case, day)
	}
	return t("links.line", where, how)
}

// LinkWarnings makes one warning of all links of one kind of one original. Its
// ID is the same as long as the links are: one more link, or one that has become
// public, asks again.
func LinkWarnings(original int64, links []Link) []Warning {
	var all []Warning
	for _, kind := range LinkKinds() {
		var of []Link
		sum := fnv.New32a()
		for _, l := range links {
			if l.Kind == kind {
				of = append(of, l)
				fmt.Fprintln(sum, l.Report, l.Strength, l.Public)
			}
		}
		if of != nil {
			all = append(all, Warning{ID: fmt.Sprintf("%s original %d (%08x)", kind, original, sum.Sum32()), What: kind, Original: original, Links: of})
		}
	}
	return all
}

// Checklist gives what two people go through before they sign, because no
// program can: what in a picture, a sound or a text leads to a person. A page
// or a terminal asks "links.check." and the name.
func Checklist() []string {
	return []string{"voices", "view", "plates", "style", "reflections", "screens", "clothes", "places", "present", "timing"}
}

// CheckAll refuses a checklist of which anything is not ticked.
func CheckAll(ticked []string) error {
	for _, item := range Checklist() {
		if !slices.Contains(ticked, item) {
			return fault.Conflict("casefile.unchecked")
		}
	}
	return nil
}
