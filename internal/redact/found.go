package redact

import (
	"crypto/sha256"
	"fmt"
	"slices"
)

// What a tracker makes. See docs/design/media.md for where the numbers are from.
const (
	// Tracker is the Source of a track that was followed by machine.
	Tracker = "tracker"
	// Margin is by how much of its size a followed cover is widened.
	Margin = 0.3
)

// WithFound gives the plan with the shots between cuts (moments at which new
// shots begin) and with a machine's suggestions, and whether anything differs.
// Nothing that a person did is lost: shots that somebody decided stay and the
// others are cut around them, answered suggestions stay and are not asked again.
// A plan to which a suggestion is added has not been gone through any more. Of
// what is more than MaxSuggestions none is dropped in silence: of every page on
// which it lies, or of the film or photo, one suggestion asks about the whole.
func (p Plan) WithFound(cuts []int64, seen []Suggestion) (Plan, bool) {
	out := p
	ids := p.IDs()
	if p.Duration > 0 {
		out.Shots = p.shotsBetween(cuts, ids)
	}
	out.Suggestions = slices.DeleteFunc(slices.Clone(p.Suggestions), func(s Suggestion) bool { return s.Answer == "" && s.By == "" && !slices.ContainsFunc(seen, s.same) })
	var beyond []Suggestion
	add := func(s Suggestion) {
		if !slices.ContainsFunc(out.Suggestions, s.same) {
			s.ID = freshID("f", ids)
			out.Suggestions = append(out.Suggestions, s)
			out.Reviewed = false
		}
	}
	for _, s := range seen {
		if len(out.Suggestions) < MaxSuggestions {
			add(s)
		} else if !slices.ContainsFunc(out.Suggestions, s.same) {
			beyond = append(beyond, s)
		}
	}
	for _, s := range p.wholes(beyond) {
		add(s)
	}
	same := slices.Equal(out.Shots, p.Shots) && slices.EqualFunc(out.Suggestions, p.Suggestions, func(a, b Suggestion) bool { return a.ID == b.ID })
	return out, !same
}

// wholes gives one suggestion of the whole picture for each page on which
// something lies that has no room. It names what it stands for by hash, so that
// an answer is good for that and for nothing that is seen later.
func (p Plan) wholes(beyond []Suggestion) []Suggestion {
	var all []Suggestion
	for len(beyond) > 0 {
		page := beyond[0].Page
		elsewhere := func(s Suggestion) bool { return s.Page != page }
		here := slices.DeleteFunc(slices.Clone(beyond), elsewhere)
		beyond = slices.DeleteFunc(beyond, func(s Suggestion) bool { return !elsewhere(s) })
		w, h := p.Size(page)
		all = append(all, Suggestion{Detector: fmt.Sprintf("%d more than can be listed %.4x", len(here), sha256.Sum256(fmt.Append(nil, here))),
			What: here[0].What, Page: page, W: w, H: h, To: p.Duration, Points: []Point{{}}})
	}
	return all
}

// same reports whether a machine saw the same thing again.
func (s Suggestion) same(o Suggestion) bool {
	return s.What == o.What && s.Detector == o.Detector && s.Page == o.Page && s.W == o.W && s.H == o.H && s.From == o.From && s.To == o.To && slices.Equal(s.Points, o.Points)
}

// shotsBetween makes shots of the film between cuts, around those that a person
// decided.
func (p Plan) shotsBetween(cuts []int64, ids map[string]bool) []Shot {
	var kept []Shot
	for _, s := range p.Shots {
		if s.By != "" {
			kept = append(kept, s)
			cuts = append(slices.Clone(cuts), s.From, s.To)
		}
	}
	cuts = append([]int64{0, p.Duration}, cuts...)
	slices.Sort(cuts)
	cuts = slices.DeleteFunc(slices.Compact(cuts), func(at int64) bool { return at < 0 || at > p.Duration })
	all := slices.Clone(kept)
	for i := 1; i < len(cuts) && len(all) < MaxShots; i++ {
		from, to := cuts[i-1], cuts[i]
		if slices.ContainsFunc(kept, func(s Shot) bool { return from < s.To && to > s.From }) {
			continue
		}
		fresh := Shot{From: from, To: to, Covered: p.Covered}
		if j := slices.IndexFunc(p.Shots, func(s Shot) bool { return s.By == "" && s.From == from && s.To == to }); j >= 0 {
			fresh.ID = p.Shots[j].ID
		} else {
			fresh.ID = freshID("s", ids)
		}
		all = append(all, fresh)
	}
	slices.SortFunc(all, func(a, b Shot) int { return int(a.From - b.From) })
	return all
}

// IDs gives every id of the plan: no name stands twice in it, whatever it names.
func (p Plan) IDs() map[string]bool {
	all := make(map[string]bool)
	for _, t := range p.Tracks {
		all[t.ID] = true
	}
	for _, b := range p.Boxes {
		all[b.ID] = true
	}
	for _, s := range p.Shots {
		all[s.ID] = true
	}
	for _, s := range p.Suggestions {
		all[s.ID] = true
	}
	for _, m := range p.Mutes {
		all[m.ID] = true
	}
	for _, k := range p.Keeps {
		all[k.ID] = true
	}
	for _, l := range p.Lines {
		all[l.ID] = true
	}
	return all
}

func freshID(prefix string, taken map[string]bool) string {
	for n := 1; ; n++ {
		if id := fmt.Sprintf("%s%d", prefix, n); !taken[id] {
			taken[id] = true
			return id
		}
	}
}
