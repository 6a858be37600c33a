package lane

import (
	"context"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/lane/lanedb"
	"kua/internal/locale"
)

// maxSearched is the most words that are searched for.
const maxSearched = 10

// Box is a stretch of the earth that does not cross the date line; its borders
// belong to it.
type Box struct{ SouthWest, NorthEast authority.Point }

func (b *Box) kept() *lanedb.Box {
	if b == nil {
		return nil
	}
	return &lanedb.Box{SouthWest: *place(b.SouthWest), NorthEast: *place(b.NorthEast)}
}

// Filter says which requests a list has; its zero value has all.
type Filter struct {
	Areas    []string // any of them
	Category string
	Words    string // each of its words begins a word of the request
	Open     *bool
	Box      *Box       // of a map
	Matters  []Matter   // nil: reports alone
	Of       string     // an authority that has a part in it; "": any
	Anywhere []string   // beside Areas, of matters but reports: what these authorities say of no area
	Live     appeal.Day // what ended before this day is left out; "": nothing is
	Before   int64      // ids below it; 0: from the newest
	Limit    int        // at least 1
}

// List gives requests newest first, without their assignments, and leaves out
// what nobody may see yet. The last one's id is the next page's Before, so a page
// stays the same while reports arrive.
func (l *Lane) List(ctx context.Context, f Filter) ([]Request, error) {
	words := locale.Words(f.Words)
	words = words[:min(len(words), maxSearched)]
	asked := lanedb.Filter{Areas: f.Areas, Category: f.Category, Words: words, Open: f.Open, Box: f.Box.kept(), Before: f.Before, Limit: f.Limit, Live: string(f.Live), Anywhere: f.Anywhere}
	for _, k := range f.Matters {
		asked.Kinds = append(asked.Kinds, string(k))
	}
	if f.Of != "" {
		asked.Authority = &f.Of
	}
	kept, err := l.db.List(ctx, asked, unseenStates())
	var all []Request
	for _, k := range kept {
		r, err := shown(k)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, err
}
