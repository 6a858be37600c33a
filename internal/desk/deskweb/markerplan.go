package deskweb

import (
	"bytes"
	"encoding/json"
	"io"

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
	width, height := p.Size(s.Page)
	w, h := wide(s.W, width), wide(s.H, height)
	dx, dy := (w-s.W)/2, (h-s.H)/2
	if p.Duration == 0 {
		p.Boxes = append(p.Boxes, redact.Box{ID: id, Label: label, Page: s.Page, W: w, H: h, X: s.Points[0].X - dx, Y: s.Points[0].Y - dy, Source: s.ID})
		return p
	}
	t := redact.Track{ID: id, Label: label, W: w, H: h, From: s.From, To: s.To, Source: s.ID}
	for _, at := range s.Points {
		t.Points = append(t.Points, redact.Point{At: at.At, X: at.X - dx, Y: at.Y - dy})
	}
	p.Tracks = append(p.Tracks, t)
	return p
}
