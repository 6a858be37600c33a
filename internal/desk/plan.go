package desk

import (
	"context"
	"errors"
	"image"
	"slices"
	"strconv"
	"strings"
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
// Without consent to the voice all sound is muted.
func (d *Desk) Plan(ctx context.Context, original int64) (redact.Plan, int, error) {
	p, version, err := d.db.Plan(ctx, original, 0)
	if !errors.Is(err, fault.NotFound("desk.no_plan")) {
		return p, version, err
	}
	o, err := d.db.Original(ctx, original)
	if err != nil {
		return redact.Plan{}, 0, err
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

// SavePlan saves a plan as a new version; older versions stay. base is the
// version it was made from: when another was saved meanwhile the fault is
// desk.plan_changed. The plan must be for this original as it was measured.
func (s *Seat) SavePlan(ctx context.Context, original int64, p redact.Plan, base int) (version int, err error) {
	if err := s.current(); err != nil {
		return 0, err
	}
	o, err := s.d.db.Original(ctx, original)
	if err != nil {
		return 0, err
	}
	p.Original, p.By = strconv.FormatInt(original, 10), s.Name()
	if p.Width != o.Medium.Width || p.Height != o.Medium.Height || p.Duration != o.Medium.Milliseconds {
		return 0, fault.Conflict("desk.plan_of_another", original)
	}
	if err := s.d.keepSeen(ctx, original, &p); err != nil {
		return 0, err
	}
	if err := p.Validate(); err != nil {
		return 0, err
	}
	return s.d.db.SavePlan(ctx, s.actor(), original, p, base)
}

// keepSeen holds a plan to what machines saw: a suggestion is answered, with a
// reason where it is left, and never made to vanish. One that is missing comes back
// open, as when an older version is saved again.
func (d *Desk) keepSeen(ctx context.Context, original int64, p *redact.Plan) error {
	before, _, err := d.Plan(ctx, original)
	if err != nil {
		return err
	}
	for _, old := range before.Suggestions {
		i := slices.IndexFunc(p.Suggestions, func(s redact.Suggestion) bool { return s.ID == old.ID })
		if i < 0 {
			old.Answer, old.By, old.Note = "", "", ""
			p.Suggestions = append(slices.Clone(p.Suggestions), old)
			p.Reviewed = false
			continue
		}
		if s := p.Suggestions[i]; s.What != old.What || s.From != old.From || s.To != old.To || s.W != old.W || s.H != old.H || !slices.Equal(s.Points, old.Points) {
			return fault.Invalid("redact.suggestion", old.ID)
		}
	}
	for _, s := range p.Suggestions {
		if s.Answer == redact.Leave && strings.TrimSpace(s.Note) == "" {
			return fault.Invalid("redact.left_without_reason", s.ID)
		}
	}
	return nil
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
	for _, b := range p.Boxes {
		if b.Page > 0 {
			if out.Pages == nil {
				out.Pages = map[int][]image.Rectangle{}
			}
			out.Pages[b.Page] = append(out.Pages[b.Page], image.Rect(b.X, b.Y, b.X+b.W, b.Y+b.H))
			continue
		}
		s := media.Shape{Box: image.Rect(b.X, b.Y, b.X+b.W, b.Y+b.H), Reveal: b.Reveal}
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
		Milliseconds: p.Duration.Milliseconds(), Sound: p.HasSound()}
	if p.FrameRate > 0 && p.FrameRate < 1000 {
		m.FramesPer1000 = int(p.FrameRate*1000 + 0.5)
	}
	return m
}
