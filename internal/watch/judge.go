package watch

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// together is how far apart two looks may be that are held against each other.
const together = 48 * time.Hour

// State is what can be said of one copy, from all places that looked.
type State struct {
	Copy
	Result string        `json:"result"`
	Phase  string        `json:"phase,omitempty"`
	Bytes  int64         `json:"bytes,omitempty"`
	Reason string        `json:"reason,omitempty"`
	Since  string        `json:"since,omitempty"` // the day since which this is so, as far as it was looked
	Seen   string        `json:"seen,omitempty"`  // the day on which it was last seen as expected
	Places []Observation `json:"places,omitempty"`
}

// Event is one line of a public timeline: on that day this came to be so.
type Event struct {
	Day    string `json:"day"`
	Record string `json:"record"`
	Kind   string `json:"kind"`
	URL    string `json:"url"`
	Result string `json:"result"`
	Phase  string `json:"phase,omitempty"`
	Bytes  int64  `json:"bytes,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// verdict is what the newest looks of all places together say. Failing everywhere is
// no block: the copy may simply be down.
func verdict(latest map[string]Observation) Observation {
	var newest, reached, failed, forged Observation
	at := func(o Observation) time.Time { t, _ := time.Parse(time.RFC3339, o.At); return t }
	for _, o := range latest {
		if o.At > newest.At {
			newest = o
		}
	}
	rank := []string{Forked, Altered, Removed, Region, Stale, OK} // the worst that is certain counts
	for _, place := range slices.Sorted(maps.Keys(latest)) {
		o := latest[place]
		if at(newest).Sub(at(o)) > together {
			continue
		}
		switch {
		case o.Result == Failed && o.Forged:
			forged = o
		case o.Result == Failed:
			failed = o
		case o.Result == Unknown:
		case reached.Result == "" || slices.Index(rank, o.Result) < slices.Index(rank, reached.Result):
			reached = o
		}
	}
	switch {
	case reached.Result != "" && reached.Result != OK && reached.Result != Stale:
		return reached
	case forged.Result != "":
		forged.Result = Blocked
		return forged
	case failed.Result != "" && reached.Result != "":
		failed.Result = Blocked
		return failed
	case reached.Result != "":
		return reached
	}
	newest.Result = Unknown // not reached from anywhere, or nothing to be told: the phase stays, for who looks closer
	return newest
}

// Judge walks through everything that was seen and gives what can be said now of
// each copy, and the timeline of what changed for records: the first look that finds
// a copy as expected is no event. Copies without looks are unknown.
func Judge(copies []Copy, seen []Observation) ([]State, []Event) {
	seen = slices.Clone(seen)
	slices.SortStableFunc(seen, func(a, b Observation) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.name(), b.name()), cmp.Compare(a.Place.Name, b.Place.Name))
	})
	latest := make(map[string]map[string]Observation)
	states := make(map[string]*State)
	var order []*State
	for _, c := range copies {
		s := &State{Copy: c, Result: Unknown}
		states[c.name()], latest[c.name()] = s, make(map[string]Observation)
		order = append(order, s)
	}
	var events []Event
	for i, o := range seen {
		s := states[o.name()]
		if s == nil {
			continue // of a copy that is not watched any more
		}
		latest[o.name()][o.Place.Name] = o
		if i+1 < len(seen) && seen[i+1].At == o.At && seen[i+1].name() == o.name() {
			continue // looks of one hour count together
		}
		v, day := verdict(latest[o.name()]), o.At[:10]
		if v.Result == OK {
			s.Seen = day
		}
		if same := v.Result == s.Result && v.Phase == s.Phase && v.Reason == s.Reason; same && s.Since != "" {
			continue
		}
		first := s.Since == ""
		s.Result, s.Phase, s.Bytes, s.Reason, s.Since = v.Result, v.Phase, v.Bytes, v.Reason, day
		if v.Result != Unknown && !(first && v.Result == OK) {
			events = append(events, Event{day, s.Record, s.Kind, s.URL, v.Result, v.Phase, v.Bytes, v.Reason})
		}
	}
	out := make([]State, 0, len(order))
	for _, s := range order {
		for _, place := range slices.Sorted(maps.Keys(latest[s.name()])) {
			s.Places = append(s.Places, latest[s.name()][place])
		}
		out = append(out, *s)
	}
	return out, events
}

// Alarm reports whether somebody should act: put the copy back, or another beside it.
func (s State) Alarm() bool {
	return slices.Contains([]string{Altered, Forked, Removed, Blocked}, s.Result)
}

// StillAt gives the copies of a record that are as expected.
func StillAt(states []State, record string) []State {
	var still []State
	for _, s := range states {
		if s.Record == record && s.Result == OK {
			still = append(still, s)
		}
	}
	return still
}
