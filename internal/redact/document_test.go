package redact

import "testing"

// TestDocumentPlan wants every box of a document on one of its pages, and none
// of a photo on any.
func TestDocumentPlan(t *testing.T) {
	doc := func(change func(*Plan)) Plan {
		p := Plan{Kind: Kind, Version: Version, Pages: 3, Boxes: []Box{{ID: "b", Page: 3, X: 10, Y: 1500, W: 300, H: 40}}}
		change(&p)
		return p
	}
	for name, tt := range map[string]struct {
		plan Plan
		ok   bool
	}{
		"honest":                 {doc(func(*Plan) {}), true},
		"a page too many":        {doc(func(p *Plan) { p.Boxes[0].Page = 4 }), false},
		"no page":                {doc(func(p *Plan) { p.Boxes[0].Page = 0 }), false},
		"outside the page":       {doc(func(p *Plan) { p.Boxes[0].Y = PageSide }), false},
		"revealed":               {doc(func(p *Plan) { p.Boxes[0].Reveal = true }), false},
		"covered as a whole":     {doc(func(p *Plan) { p.Covered = true }), false},
		"a document with a size": {doc(func(p *Plan) { p.Width, p.Height = 10, 10 }), false},
		"too many pages":         {doc(func(p *Plan) { p.Pages = MaxPages + 1 }), false},
		"a photo with a page":    {doc(func(p *Plan) { p.Pages, p.Width, p.Height = 0, 2000, 2000 }), false},
	} {
		if err := tt.plan.Validate(); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
