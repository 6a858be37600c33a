package desk

import (
	"context"
	"errors"
	"image"
	"slices"
	"strconv"
	"time"

	"kua/internal/desk/deskdb"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/media"
	"kua/internal/redact"
)

// PlanVersion says who saved a plan and when.
type PlanVersion = deskdb.PlanVersion

// Plan gives the newest redaction plan of an original and its version; version
// 0 and the plan that the witness's consent makes when none was saved yet.
// Without consent to the voice all sound is muted. Of a document whose plan was
// saved before pages could be marked it gives a fresh one in which every page is
// hidden, to be saved onto that version; of one whose pages have other pictures
// now, the plan as redact.Plan.OnPages puts it onto them.
func (d *Desk) Plan(ctx context.Context, original int64) (redact.Plan, int, error) {
	o, err := d.db.Original(ctx, original)
	if err != nil {
		return redact.Plan{}, 0, err
	}
	p, version, err := d.db.Plan(ctx, original, 0)
	if o.Medium.Kind == evidence.Document {
		if errors.Is(err, fault.NotFound("desk.no_plan")) || errors.Is(err, fault.Invalid("redact.old_document")) {
			return redact.NewDocument(strconv.FormatInt(original, 10), pagesOfPlan(o)), version, nil
		}
		if err == nil {
			p = p.OnPages(pagesOfPlan(o))
		}
	}
	if !errors.Is(err, fault.NotFound("desk.no_plan")) {
		return p, version, err
	}
	r, err := d.db.Received(ctx, o.Parcel)
	if err != nil {
		return redact.Plan{}, 0, err
	}
	voice := r.Report != nil && r.Report.Consent.Voice
	length := time.Duration(o.Medium.Milliseconds) * time.Millisecond
	return redact.New(strconv.FormatInt(original, 10), o.Medium.Width, o.Medium.Height, length, voice), 0, nil
}

// PlanAt gives one saved version of a plan: undoing is saving an older one again.
func (d *Desk) PlanAt(ctx context.Context, original int64, version int) (redact.Plan, error) {
	if version < 1 {
		return redact.Plan{}, fault.NotFound("desk.no_plan", original)
	}
	p, _, err := d.db.Plan(ctx, original, version)
	return p, err
}

// PlanVersions gives who saved which version, the newest first.
func (d *Desk) PlanVersions(ctx context.Context, original int64) ([]PlanVersion, error) {
	return d.db.PlanVersions(ctx, original)
}

// SavePlan saves what a person made of a plan as a new version, as redact.Onto
// puts it onto the one that stands; older versions stay. base is the version it
// was made from: when another was saved meanwhile the fault is desk.plan_changed.
// The plan must be for this original as it was measured. It gives the plan as it
// is kept.
func (s *Seat) SavePlan(ctx context.Context, original int64, sent redact.Plan, base int) (p redact.Plan, version int, err error) {
	if err := s.current(); err != nil {
		return p, 0, err
	}
	o, err := s.d.db.Original(ctx, original)
	if err != nil {
		return p, 0, err
	}
	if sent.Kind != redact.Kind || sent.Version != redact.Version {
		return p, 0, fault.Invalid("redact.version", sent.Version, redact.Version)
	}
	if id := strconv.FormatInt(original, 10); sent.Original != id || sent.Width != o.Medium.Width || sent.Height != o.Medium.Height ||
		sent.Duration != o.Medium.Milliseconds || !slices.Equal(sent.Pages, pagesOfPlan(o)) {
		return p, 0, fault.Conflict("desk.plan_of_another", original)
	}
	now, version, err := s.d.Plan(ctx, original)
	if err != nil {
		return p, 0, err
	}
	if version != base {
		return now, version, fault.Conflict("desk.plan_changed", base, version)
	}
	if p, err = redact.Onto(now, sent, s.Name()); err != nil {
		return p, version, err
	}
	version, err = s.d.db.SavePlan(ctx, s.actor(), original, p, base)
	return p, version, err
}

// pagesOfPlan are the pages of a document as a plan has them; none for all else
// and for what makes no pages.
func pagesOfPlan(o evidence.Original) []redact.Page {
	var all []redact.Page
	for _, p := range o.Medium.Pages {
		all = append(all, redact.Page{W: p.Width, H: p.Height, Picture: p.Picture})
	}
	return all
}

// compile makes of the desk's plan what the boxes are told: geometry and times,
// and of the words that a person wrote only those that a machine voice says.
func compile(p redact.Plan) media.Plan {
	out := media.Plan{Shown: image.Pt(p.Width, p.Height), Covered: p.Covered, MuteAll: p.MuteAll}
	for _, s := range p.Shots {
		out.Shots = append(out.Shots, media.Shot{From: millis(s.From), To: millis(s.To), Covered: s.Covered})
	}
	for _, t := range p.Tracks {
		if t.Reveal {
			out.Reveals = append(out.Reveals, coverOf(t))
		} else {
			out.Covers = append(out.Covers, coverOf(t))
		}
	}
	for _, page := range p.Pages {
		out.Pages = append(out.Pages, media.Page{Size: image.Pt(page.W, page.H), Picture: page.Picture})
	}
	for _, b := range p.Boxes {
		s := media.Shape{Page: b.Page, Box: image.Rect(b.X, b.Y, b.X+b.W, b.Y+b.H), Reveal: b.Reveal}
		for _, c := range b.Corners {
			s.Corners = append(s.Corners, image.Pt(c.X, c.Y))
		}
		out.Shapes = append(out.Shapes, s)
	}
	for _, m := range p.Mutes {
		out.Mutes = append(out.Mutes, media.Mute{From: millis(m.From), To: millis(m.To)})
	}
	for _, k := range p.Keeps {
		out.Keeps = append(out.Keeps, media.Keep{From: millis(k.From), To: millis(k.To)})
	}
	if p.Speak != "" {
		out.Speech.Language = p.Speak
		for _, l := range p.Said(p.Speak) {
			out.Speech.Lines = append(out.Speech.Lines, media.Line{From: millis(l.From), Text: l.Words})
		}
	}
	return out
}

func coverOf(t redact.Track) media.Cover {
	c := media.Cover{W: t.W, H: t.H, From: millis(t.From), To: millis(t.To)}
	for _, at := range t.Points {
		c.Points = append(c.Points, media.At{At: millis(at.At), X: at.X, Y: at.Y})
	}
	return c
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// mediumOf is what the desk keeps of a probe: numbers and names of kinds, no
// text out of the file.
func mediumOf(p media.Probe) evidence.Medium {
	m := evidence.Medium{Kind: string(p.Type), Format: p.Format, Width: p.Width, Height: p.Height,
		Milliseconds: p.Duration.Milliseconds(), Sound: p.HasSound(), Others: p.Others()}
	if p.FrameRate > 0 && p.FrameRate < 1000 {
		m.FramesPer1000 = int(p.FrameRate*1000 + 0.5)
	}
	return m
}
