package deskweb

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"kua/internal/fault"
	"kua/internal/redact"
)

// readSent reads the plan that the marker's script sends: the document itself.
// What it does not know is refused, for it could ask for something to be hidden
// that would be left open; so is a page of another version of the program.
func readSent(b []byte) (redact.Plan, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var p redact.Plan
	if err := d.Decode(&p); err != nil {
		return p, fault.Invalid("deskweb.form").Because(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return p, fault.Invalid("deskweb.form")
	}
	if p.Kind != redact.Kind || p.Version != redact.Version {
		return p, fault.Invalid("redact.version", p.Version, redact.Version)
	}
	return p, nil
}

// onto puts what a person sent onto the plan that stands. What it is for stays,
// and so does what a machine saw: of a suggestion only the answer is taken. What
// did not change keeps the name of the person who made it; who sends a plan
// cannot put another's name to anything.
func onto(base, sent redact.Plan, by string) redact.Plan {
	p := sent
	p.Kind, p.Version, p.Original = base.Kind, base.Version, base.Original
	p.Width, p.Height, p.Duration = base.Width, base.Height, base.Duration
	p.By = by
	p.Suggestions = answers(base.Suggestions, sent.Suggestions, by)
	sign(p.Tracks, base.Tracks, func(t *redact.Track) (string, *string) { return t.ID, &t.By }, by)
	sign(p.Boxes, base.Boxes, func(b *redact.Box) (string, *string) { return b.ID, &b.By }, by)
	sign(p.Mutes, base.Mutes, func(m *redact.Mute) (string, *string) { return m.ID, &m.By }, by)
	sign(p.Keeps, base.Keeps, func(k *redact.Span) (string, *string) { return k.ID, &k.By }, by)
	followed := followers(base, sent)
	sign(p.Shots, base.Shots, func(s *redact.Shot) (string, *string) { return s.ID, &s.By }, by)
	for i, s := range p.Shots {
		if followed[s.ID] {
			p.Shots[i].By = ""
		}
	}
	return p
}

// sign puts names to things: of names their id and the place for the name.
func sign[T any](sent, before []T, names func(*T) (id string, by *string), by string) {
	old := make(map[string]T)
	for _, thing := range before {
		id, _ := names(&thing)
		old[id] = thing
	}
	for i := range sent {
		id, name := names(&sent[i])
		was, ok := old[id]
		_, whose := names(&was)
		if *name = *whose; !ok || !same(sent[i], was) {
			*name = by
		}
	}
}

// same compares two things as they are written.
func same(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// followers gives the shots that nobody decided and that go, unchanged
// otherwise, by how the whole picture begins.
func followers(base, sent redact.Plan) map[string]bool {
	undecided := make(map[string]redact.Shot)
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

// answers puts the answers that were sent to the suggestions that there are.
func answers(base, sent []redact.Suggestion, by string) []redact.Suggestion {
	said := make(map[string]redact.Suggestion)
	for _, s := range sent {
		said[s.ID] = s
	}
	var out []redact.Suggestion
	for _, s := range base {
		if now, ok := said[s.ID]; ok && (now.Answer != s.Answer || now.Note != s.Note) {
			s.Answer, s.Note, s.By = now.Answer, now.Note, by
			if s.Answer == "" {
				s.Note, s.By = "", ""
			}
		}
		out = append(out, s)
	}
	return out
}

// reasons refuses a suggestion that is left without a word why.
func reasons(base, now redact.Plan) error {
	before := make(map[string]redact.Suggestion)
	for _, s := range base.Suggestions {
		before[s.ID] = s
	}
	for _, s := range now.Suggestions {
		if s.Answer == redact.Leave && strings.TrimSpace(s.Note) == "" && before[s.ID].Answer != redact.Leave {
			return fault.Invalid("marker.leave_why")
		}
	}
	return nil
}

// margin is how much wider a cover is than what a machine saw, as in the
// marker's script: a detector draws its boxes tightly.
const margin = 10 // thirteen parts of ten

// answer answers one suggestion: a cover is made of it, or the cover that was
// made of it goes.
func answer(p redact.Plan, id, how, why, label string, fresh func() string) redact.Plan {
	p.Suggestions = append([]redact.Suggestion(nil), p.Suggestions...)
	for i, s := range p.Suggestions {
		if s.ID != id || s.Answer == how && s.Note == why {
			continue
		}
		if s.Answer != how {
			p = withoutSource(p, id)
			if how == redact.Cover {
				p = coverSuggested(p, s, label, fresh())
			}
		}
		p.Suggestions[i].Answer, p.Suggestions[i].Note = how, why
	}
	return p
}

func withoutSource(p redact.Plan, id string) redact.Plan {
	var tracks []redact.Track
	for _, t := range p.Tracks {
		if t.Source != id {
			tracks = append(tracks, t)
		}
	}
	var boxes []redact.Box
	for _, b := range p.Boxes {
		if b.Source != id {
			boxes = append(boxes, b)
		}
	}
	p.Tracks, p.Boxes = tracks, boxes
	return p
}

func coverSuggested(p redact.Plan, s redact.Suggestion, label, id string) redact.Plan {
	wide := func(side, most int) int { return min((side*(margin+3)+margin-1)/margin, most) }
	w, h := wide(s.W, p.Width), wide(s.H, p.Height)
	dx, dy := (w-s.W)/2, (h-s.H)/2
	if p.Duration == 0 {
		p.Boxes = append(p.Boxes, redact.Box{ID: id, Label: label, W: w, H: h, X: s.Points[0].X - dx, Y: s.Points[0].Y - dy, Source: s.ID})
		return p
	}
	t := redact.Track{ID: id, Label: label, W: w, H: h, From: s.From, To: s.To, Source: s.ID}
	for _, at := range s.Points {
		t.Points = append(t.Points, redact.Point{At: at.At, X: at.X - dx, Y: at.Y - dy})
	}
	p.Tracks = append(p.Tracks, t)
	return p
}
