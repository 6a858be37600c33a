package lane

import (
	"context"

	"kua/internal/appeal"
	"kua/internal/lane/lanedb"
	"kua/internal/locale"
)

// walkBatch is how many requests are held in memory at once.
const walkBatch = 500

// Chosen says which requests are walked over; its zero value chooses all that
// everybody may see.
type Chosen struct {
	Filter              // Before and Limit are not heeded
	After     int64     // ids above it: where an earlier walk ended
	Authority *string   // some assignment is this authority's, and
	Standing  *Standing // stands this way
	First     appeal.Day
	Last      appeal.Day
}

// Whole is a request with everything that is public about it.
type Whole struct {
	Request
	Supporters int64
	Said       map[int64]Said // by assignment
	Outcomes   []Outcome
}

// Walk gives requests oldest first, a batch at a time, until yield fails or
// nothing is left. What nobody may see is left out. Memory is that of a batch,
// however many there are; no lock and no transaction is held between two
// batches, so what changes meanwhile is given as it is when its turn comes.
func (l *Lane) Walk(ctx context.Context, c Chosen, yield func([]Whole) error) error {
	words := locale.Words(c.Words)
	words = words[:min(len(words), maxSearched)]
	f := lanedb.Filter{Areas: c.Areas, Category: c.Category, Words: words, Open: c.Open, Limit: walkBatch, Rising: true, After: c.After,
		Authority: c.Authority, First: string(c.First), Last: string(c.Last)}
	switch {
	case c.Standing != nil:
		f.Standings = []string{string(*c.Standing)}
	case c.Authority != nil:
		for _, s := range Standings {
			f.Standings = append(f.Standings, string(s))
		}
	}
	for {
		kept, err := l.db.List(ctx, f, unseenStates())
		if err != nil || len(kept) == 0 {
			return err
		}
		batch, err := l.whole(ctx, kept)
		if err != nil {
			return err
		}
		if err := yield(batch); err != nil {
			return err
		}
		if len(kept) < walkBatch {
			return nil
		}
		f.After = kept[len(kept)-1].ID
	}
}

func (l *Lane) whole(ctx context.Context, kept []lanedb.Request) ([]Whole, error) {
	ids, at := make([]int64, len(kept)), make(map[int64]int, len(kept))
	for i, k := range kept {
		ids[i], at[k.ID] = k.ID, i
	}
	supporters, err := l.db.SupportersOf(ctx, ids...)
	if err != nil {
		return nil, err
	}
	assignments, err := l.db.AssignmentsOf(ctx, ids...)
	if err != nil {
		return nil, err
	}
	said, err := l.Verdicts(ctx, ids...)
	if err != nil {
		return nil, err
	}
	outcomes, err := l.Outcomes(ctx, ids...)
	if err != nil {
		return nil, err
	}
	all := make([]Whole, len(kept))
	for i, k := range kept {
		r, err := shown(k)
		if err != nil {
			return nil, err
		}
		all[i] = Whole{Request: r, Supporters: supporters[k.ID], Outcomes: outcomes[k.ID], Said: map[int64]Said{}}
	}
	for _, a := range assignments {
		w := &all[at[a.Request]]
		w.Assignments = append(w.Assignments, shownAssignment(a))
		if s, there := said[a.Number]; there {
			w.Said[a.Number] = s
		}
	}
	return all, nil
}
