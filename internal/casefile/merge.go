package casefile

import (
	"encoding/json"
	"reflect"

	"kua/internal/parcel"
)

// Merge lays what one person changed of a draft onto what another saved of it
// meanwhile, so that two can write at a time, each in a language of their own.
// base is the draft that both began from. Where both changed the same words, mine
// are kept and clash is true: a person has to look.
func Merge(base, mine, theirs Draft) (merged Draft, clash bool, err error) {
	var plain [3]any
	for i, d := range []Draft{base, mine, theirs} {
		b, err := json.Marshal(d)
		if err != nil {
			return Draft{}, false, err
		}
		if err := json.Unmarshal(b, &plain[i]); err != nil {
			return Draft{}, false, err
		}
	}
	all, clash := merge(plain[0], plain[1], plain[2])
	b, err := json.Marshal(all)
	if err == nil {
		err = json.Unmarshal(b, &merged)
	}
	// A point of one's with half of another's, or as exact as it was to be for another, is a place that nobody chose.
	if was, one, other := spotOf(base), spotOf(mine), spotOf(theirs); one != was && other != was && one != other {
		merged.Place.Point, merged.Place.Coarseness, clash = mine.Place.Point, mine.Place.Coarseness, true
	}
	return merged, clash, err
}

// spot is a point and how exactly it is published.
type spot struct {
	there bool
	point parcel.Point
	as    Coarseness
}

func spotOf(d Draft) spot {
	s := spot{there: d.Place.Point != nil, as: d.Place.Coarseness}
	if s.there {
		s.point = *d.Place.Point
	}
	return s
}

// merge is Merge for a part of the draft as JSON has it; nil stands for a member
// that is not there.
func merge(base, mine, theirs any) (merged any, clash bool) {
	switch {
	case reflect.DeepEqual(mine, base):
		return theirs, false
	case reflect.DeepEqual(theirs, base), reflect.DeepEqual(theirs, mine):
		return mine, false
	}
	switch mine := mine.(type) {
	case map[string]any:
		if theirs, ok := theirs.(map[string]any); ok {
			was, _ := base.(map[string]any)
			return mergeMembers(was, mine, theirs)
		}
	case []any:
		was, ok1 := base.([]any)
		theirs, ok2 := theirs.([]any)
		if ok1 && ok2 && len(mine) == len(was) && len(theirs) == len(was) {
			return mergeItems(was, mine, theirs)
		}
	}
	return mine, true
}

func mergeMembers(base, mine, theirs map[string]any) (merged any, clash bool) {
	all := make(map[string]any)
	for _, names := range []map[string]any{mine, theirs} {
		for name := range names {
			one, clashes := merge(base[name], mine[name], theirs[name])
			if clash = clash || clashes; one != nil {
				all[name] = one
			}
		}
	}
	return all, clash
}

// mergeItems merges lists of one length. An item to which both did something is the
// same one for both only where neither took away anything of it: else one of them
// may have taken an item out and put in another.
func mergeItems(base, mine, theirs []any) (merged any, clash bool) {
	all := make([]any, len(base))
	for i := range base {
		one, clashes := merge(base[i], mine[i], theirs[i])
		both := !reflect.DeepEqual(mine[i], base[i]) && !reflect.DeepEqual(theirs[i], base[i]) && !reflect.DeepEqual(mine[i], theirs[i])
		if clashes || both && !(extends(base[i], mine[i]) && extends(base[i], theirs[i])) {
			return mine, true
		}
		all[i] = one
	}
	return all, false
}

// extends reports whether everything of base stands in more too.
func extends(base, more any) bool {
	was, ok1 := base.(map[string]any)
	is, ok2 := more.(map[string]any)
	if !ok1 || !ok2 {
		return reflect.DeepEqual(base, more)
	}
	for name, value := range was {
		if !extends(value, is[name]) {
			return false
		}
	}
	return true
}
