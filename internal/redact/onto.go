package redact

import (
	"bytes"
	"encoding/json"
	"strings"

	"kua/internal/fault"
)

// Onto puts what a person sent onto the plan that stands. What the plan is for
// stays, and so does what a machine saw: of a suggestion only the answer is
// taken, and one that was not sent is open again. What did not change keeps the
// name of the person who made it; who sends a plan cannot put another's name to
// anything. A suggestion that is left without a word why is refused.
func Onto(base, sent Plan, by string) (Plan, error) {
	p := sent
	p.Kind, p.Version, p.Original = base.Kind, base.Version, base.Original
	p.Width, p.Height, p.Duration, p.Pages = base.Width, base.Height, base.Duration, base.Pages
	p.By = by
	var open bool
	if p.Suggestions, open = answers(base.Suggestions, sent.Suggestions, by); open {
		p.Reviewed = false
	}
	p.Tracks = signed(p.Tracks, base.Tracks, func(t *Track) (string, *string) { return t.ID, &t.By }, by)
	p.Boxes = signed(p.Boxes, base.Boxes, func(b *Box) (string, *string) { return b.ID, &b.By }, by)
	p.Mutes = signed(p.Mutes, base.Mutes, func(m *Mute) (string, *string) { return m.ID, &m.By }, by)
	p.Keeps = signed(p.Keeps, base.Keeps, func(k *Span) (string, *string) { return k.ID, &k.By }, by)
	followed := followers(base, sent)
	p.Shots = signed(p.Shots, base.Shots, func(s *Shot) (string, *string) { return s.ID, &s.By }, by)
	for i, s := range p.Shots {
		if followed[s.ID] {
			p.Shots[i].By = ""
		}
	}
	for _, s := range p.Suggestions {
		if s.Answer == Leave && strings.TrimSpace(s.Note) == "" {
			return p, fault.Invalid("redact.left_without_reason", s.ID)
		}
	}
	return p, p.Validate()
}

// signed puts names to things: of names their id and the place for the name.
func signed[T any](sent, before []T, names func(*T) (id string, by *string), by string) []T {
	old := make(map[string]T)
	for _, thing := range before {
		id, _ := names(&thing)
		old[id] = thing
	}
	var out []T
	for _, thing := range sent {
		id, name := names(&thing)
		was, ok := old[id]
		_, whose := names(&was)
		if *name = *whose; !ok || !same(thing, was) {
			*name = by
		}
		out = append(out, thing)
	}
	return out
}

// same compares two things as they are written.
func same(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// followers gives the shots that nobody decided and that go, unchanged
// otherwise, by how the whole picture begins.
func followers(base, sent Plan) map[string]bool {
	undecided := make(map[string]Shot)
	for _, s := range base.Shots {
		if s.By == "" {
			undecided[s.ID] = s
		}
	}
	out := make(map[string]bool)
	for _, s := range sent.Shots {
		if was, ok := undecided[s.ID]; ok && s.By == "" && s.From == was.From && s.To == was.To && s.Covered == sent.Covered {
			out[s.ID] = true
		}
	}
	return out
}

// answers puts the answers that were sent to the suggestions that there are, and
// reports whether one was not sent, and is open again.
func answers(base, sent []Suggestion, by string) (out []Suggestion, missing bool) {
	said := make(map[string]Suggestion)
	for _, s := range sent {
		said[s.ID] = s
	}
	for _, s := range base {
		now, ok := said[s.ID]
		missing = missing || !ok
		if !ok || now.Answer != s.Answer || now.Note != s.Note {
			s.Answer, s.Note, s.By = now.Answer, now.Note, by
			if s.Answer == "" {
				s.Note, s.By = "", ""
			}
		}
		out = append(out, s)
	}
	return out, missing
}
