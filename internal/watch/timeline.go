package watch

import (
	"slices"
	"time"

	"kua/internal/canon"
	"kua/internal/fault"
)

const kindTimeline = "kua timeline"

// Public is what is published of a watch: what became of copies, and where some
// still are. It names no place from which somebody looked.
type Public struct {
	Kind   string  `json:"kind"`
	Diary  string  `json:"diary,omitempty"` // SHA-256 of the diary's last line: the diary up to there can be shown later
	Events []Event `json:"events"`
	Still  []Here  `json:"still"`
}

// Here is a copy that was as expected when it was last looked at.
type Here struct {
	Record string `json:"record"`
	Kind   string `json:"kind"`
	URL    string `json:"url"`
	Seen   string `json:"seen"` // day
}

// Timeline makes the public document of what Judge gave.
func Timeline(states []State, events []Event, diary string) Public {
	p := Public{Kind: kindTimeline, Diary: diary, Events: slices.Clone(events), Still: []Here{}}
	if p.Events == nil {
		p.Events = []Event{}
	}
	for _, s := range states {
		if s.Result == OK {
			p.Still = append(p.Still, Here{s.Record, s.Kind, s.URL, s.Seen})
		}
	}
	return p
}

// Bytes gives the canonical document.
func (p Public) Bytes() ([]byte, error) { return canon.Marshal(p) }

// ParseTimeline reads a public document and checks every word of it: pages show it.
func ParseTimeline(b []byte) (Public, error) {
	var p Public
	if len(b) > 4<<20 {
		return p, fault.TooLarge("watch.too_large")
	}
	if err := canon.Unmarshal(b, &p); err != nil || p.Kind != kindTimeline || p.Diary != "" && !hash64.MatchString(p.Diary) {
		return Public{}, fault.Invalid("watch.not_timeline").Because(err)
	}
	for _, e := range p.Events {
		if !shown(e.Record, e.Kind, e.URL, e.Day) || !slices.Contains(results, e.Result) || !slices.Contains(phases, e.Phase) || e.Bytes < 0 || e.Reason != "" && !reason.MatchString(e.Reason) {
			return Public{}, fault.Invalid("watch.not_timeline")
		}
	}
	for _, h := range p.Still {
		if !shown(h.Record, h.Kind, h.URL, h.Seen) {
			return Public{}, fault.Invalid("watch.not_timeline")
		}
	}
	return p, nil
}

func shown(record, kind, url, day string) bool {
	_, err := time.Parse(time.DateOnly, day)
	c := Copy{Record: record, Kind: kind, URL: url, Words: []string{"0000"}}
	if kind == "mirror" {
		c.Kind = "page"
	}
	return err == nil && c.Validate() == nil
}
