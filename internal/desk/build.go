package desk

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"kua/internal/canon"
	"kua/internal/caption"
	"kua/internal/casefile"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/parcel"
	"kua/internal/record"
	"kua/internal/redact"
)

// unnumbered stands for the record of a case that was never proposed: it gets
// its number then.
const unnumbered = "999999"

// maxPoster is the size up to which the poster that every browser reads is taken.
const maxPoster = 6 << 10

// build makes the next version of a case's record from its newest draft, field
// by field: the public type does not know the private one. It gives everything
// that keeps the record from being proposed.
func (d *Desk) build(ctx context.Context, id int64) (record.Record, []error, error) {
	c, err := d.db.Case(ctx, id)
	if err != nil {
		return record.Record{}, nil, err
	}
	draft, version, err := d.Draft(ctx, id)
	if err != nil {
		return record.Record{}, nil, err
	}
	if version == 0 {
		return record.Record{}, []error{fault.Conflict("desk.nothing_drafted", id)}, nil
	}
	reports, err := d.db.Reports(ctx, id)
	if err != nil {
		return record.Record{}, nil, err
	}
	shown, err := d.warnings(ctx, draft, reports)
	if err != nil {
		return record.Record{}, nil, err
	}
	var lacks []error
	for _, w := range shown {
		if w.Answer == "" {
			lacks = append(lacks, fault.Conflict("desk.warning."+w.What, w.Original))
		}
	}
	pending, err := d.notCompared(ctx, draft)
	if err != nil {
		return record.Record{}, nil, err
	}
	lacks = append(lacks, pending...)
	r := words(draft)
	if err := d.head(ctx, &r, c); err != nil {
		return r, nil, err
	}
	if r.Version == 1 {
		r.Correction = nil
	}
	originals := originalsOf(reports)
	for i, e := range draft.Media {
		m, lack, err := d.medium(ctx, strconv.Itoa(i+1), e, originals[e.Original])
		if err != nil {
			return r, nil, err
		}
		lacks = append(lacks, lack...)
		r.Media = append(r.Media, m)
	}
	if len(lacks) == 0 {
		if err := r.Validate(); err != nil {
			lacks = append(lacks, err)
		}
	}
	return r, lacks, nil
}

// head fills in which version of which record it is.
func (d *Desk) head(ctx context.Context, r *record.Record, c casefile.Case) error {
	r.Kind, r.Status = record.Kind, record.Published
	r.Day = d.cfg.Now().UTC().Format(time.DateOnly)
	r.ID, r.Version = c.Record, 1
	if r.ID == "" {
		r.ID = unnumbered
		return nil
	}
	version, document, err := d.db.Newest(ctx, r.ID)
	if err != nil {
		return fmt.Errorf("find record %s: %w", r.ID, err)
	}
	if version > 0 {
		r.Version, r.Previous = version+1, canon.Hash(document)
	}
	return nil
}

// words copies what a person wrote for the public.
func words(draft casefile.Draft) record.Record {
	r := record.Record{
		Languages:  draft.Languages,
		What:       draft.What,
		Title:      text(draft.Title),
		Summary:    text(draft.Summary),
		Happened:   record.Span{From: draft.From, To: draft.To},
		Place:      record.Place{Words: text(draft.Place.Words)},
		Correction: text(draft.Correction),
	}
	if p := draft.Place.Rounded(); p != nil {
		r.Place.Point = point(*p)
	}
	for _, t := range draft.Known {
		r.Known = append(r.Known, text(t))
	}
	for _, c := range draft.Claims {
		r.Claims = append(r.Claims, record.Claim{Source: text(c.Source), Words: text(c.Words), Day: c.Day})
	}
	for _, a := range draft.Answers {
		r.Answers = append(r.Answers, record.Answer{Authority: text(a.Authority), Words: text(a.Words), Day: a.Day})
	}
	return r
}

// text copies words without languages that were left empty.
func text(t casefile.Text) record.Text {
	var out record.Text
	for language, words := range t {
		if words = strings.TrimSpace(words); words != "" {
			if out == nil {
				out = make(record.Text)
			}
			out[language] = words
		}
	}
	return out
}

func point(p parcel.Point) *record.Point {
	rounded := record.Round(p.Lat, p.Lon, 2)
	return &rounded
}

// medium makes one exhibit of the derivatives of its original. They must be
// there, made with the newest plan, and the plan must be one that a person has
// gone through to the end.
func (d *Desk) medium(ctx context.Context, id string, e casefile.Exhibit, o evidence.Original) (record.Media, []error, error) {
	plan, version, err := d.Plan(ctx, e.Original)
	if err != nil {
		return record.Media{}, nil, err
	}
	made, stale, err := d.Derivatives(ctx, e.Original)
	if err != nil {
		return record.Media{}, nil, err
	}
	var lacks []error
	switch {
	case len(made) == 0:
		lacks = append(lacks, fault.Conflict("desk.not_rendered", e.Original))
	case stale:
		lacks = append(lacks, fault.Conflict("desk.rendered_before_plan", e.Original))
	}
	if version == 0 || !plan.Reviewed {
		lacks = append(lacks, fault.Conflict("desk.plan_not_reviewed", e.Original))
	}
	lacks = append(lacks, questions(e.Original, plan)...)
	unseen, err := d.unseen(ctx, e.Original, plan)
	if err != nil {
		return record.Media{}, nil, err
	}
	lacks = append(lacks, unseen...)
	redaction, unanswered, err := d.looked(ctx, e.Original)
	if err != nil {
		return record.Media{}, nil, err
	}
	if len(made) > 0 {
		lacks = append(lacks, unanswered...)
	}
	salt, err := d.db.Salt(ctx, e.Original)
	if err != nil {
		return record.Media{}, nil, err
	}
	m := record.Media{ID: id, Type: o.Medium.Kind, Label: text(e.Label), Covered: text(e.Covered), Commitment: record.Commit(salt, o.SHA256), Redaction: redaction}
	for _, f := range made {
		m.Seconds = max(m.Seconds, record.Seconds(time.Duration(f.Seconds)*time.Second))
		file := record.File{Rung: strings.ReplaceAll(f.Rung, "-", ""), Type: f.Type, SHA256: f.SHA256, Size: f.Size, Width: f.Width, Height: f.Height}
		if f.Type == caption.Type {
			file.Language = strings.TrimPrefix(f.Rung, captionsRung)
			file.Rung = record.CaptionsRung(file.Language)
		}
		if !f.Poster {
			m.Files = append(m.Files, file)
		} else if m.Poster == nil || m.Poster.Size > maxPoster && file.Size < m.Poster.Size {
			m.Poster = &file
		}
	}
	return m, lacks, nil
}

// questions gives one fault that says how many questions a plan leaves open,
// and one for each that names it.
func questions(original int64, plan redact.Plan) []error {
	open := PlanQuestions(original, plan)
	if len(open) == 0 {
		return nil
	}
	return append([]error{fault.Conflict("desk.plan_questions", original, len(open))}, open...)
}

// PlanQuestions gives every question that a plan leaves open as a fault in
// words: which original, which track or suggestion, at which second or on which page.
func PlanQuestions(original int64, plan redact.Plan) []error {
	var all []error
	for _, q := range plan.Questions() {
		if q.Page > 0 {
			all = append(all, fault.Conflict("desk.page_question."+q.Kind, original, q.ID, q.Page))
			continue
		}
		all = append(all, fault.Conflict("desk.question."+q.Kind, original, q.ID, fmt.Sprintf("%.1f", float64(q.At)/1000)))
	}
	return all
}

// tombstone makes the version that withdraws a case's published record.
func (d *Desk) tombstone(ctx context.Context, id int64, reason casefile.Text) (record.Record, error) {
	c, err := d.db.Case(ctx, id)
	if err != nil {
		return record.Record{}, err
	}
	var r record.Record
	if c.Record == "" {
		return r, fault.Conflict("desk.nothing_published", id)
	}
	if err := d.head(ctx, &r, c); err != nil {
		return r, err
	}
	if r.Version == 1 {
		return r, fault.Conflict("desk.nothing_published", id)
	}
	gone, err := d.withdrawn(ctx, c.Record)
	if err != nil {
		return r, err
	}
	if gone {
		return r, fault.Conflict("desk.withdrawn_already", c.Record)
	}
	r.Status, r.Reason = record.Withdrawn, text(reason)
	return r, r.Validate()
}

// withdrawn reports whether the newest published version of a record is a tombstone.
func (d *Desk) withdrawn(ctx context.Context, id string) (bool, error) {
	version, document, err := d.db.Newest(ctx, id)
	if err != nil || version == 0 {
		return false, err
	}
	r, err := record.Parse(document)
	return r.Status == record.Withdrawn, err
}

// oneOf joins what lacks into one error, the first first.
func oneOf(lacks []error) error {
	if len(lacks) == 0 {
		return nil
	}
	return fmt.Errorf("the draft is not ready: %w", errors.Join(lacks...))
}
