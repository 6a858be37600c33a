package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"kua/internal/casefile"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/locale"
)

// Draft gives the newest draft of a case's record and its version; version 0
// and a draft begun from the reports when none was saved yet. Of the witness's
// words nothing is put into it: what they wrote may betray them.
func (d *Desk) Draft(ctx context.Context, id int64) (casefile.Draft, int, error) {
	draft, version, err := d.db.Draft(ctx, id)
	if !errors.Is(err, fault.NotFound("desk.no_draft")) {
		return draft, version, err
	}
	draft, err = d.DraftAt(ctx, id, 0)
	return draft, 0, err
}

// DraftAt gives a draft of a case's record as it was saved once; version 0 is the one
// begun from the reports.
func (d *Desk) DraftAt(ctx context.Context, id int64, version int) (casefile.Draft, error) {
	if version > 0 {
		return d.db.DraftAt(ctx, id, version)
	}
	if _, err := d.db.Case(ctx, id); err != nil {
		return casefile.Draft{}, err
	}
	reports, err := d.db.Reports(ctx, id)
	if err != nil {
		return casefile.Draft{}, err
	}
	draft := casefile.Draft{Languages: d.Charter().Languages}
	for _, r := range reports {
		if r.Report != nil && draft.What == "" {
			draft.What = r.Report.What
		}
		if r.Report != nil && r.Report.Point != nil && draft.Place.Point == nil {
			draft.Place.Point = r.Report.Point
		}
		for _, o := range r.Originals {
			if slices.Contains([]string{evidence.Film, evidence.Photo, evidence.Sound}, o.Medium.Kind) || len(o.Medium.Pages) > 0 {
				draft.Media = append(draft.Media, casefile.Exhibit{Original: o.ID})
			}
		}
	}
	return draft, nil
}

// SaveDraft saves a draft as a new version. base is the version it was made
// from: when another was saved meanwhile the fault is desk.draft_changed and
// nothing is lost. An unfinished draft may be saved; CheckDraft says what lacks.
// A case whose record waits for a signature cannot be redrafted: decline first.
func (s *Seat) SaveDraft(ctx context.Context, id int64, draft casefile.Draft, base int) (version int, err error) {
	if err := s.current(); err != nil {
		return 0, err
	}
	reports, err := s.d.db.Reports(ctx, id)
	if err != nil {
		return 0, err
	}
	originals := originalsOf(reports)
	for _, m := range draft.Media {
		if _, ok := originals[m.Original]; !ok {
			return 0, fault.Invalid("desk.exhibit_of_another", m.Original)
		}
	}
	return s.d.db.SaveDraft(ctx, s.actor(), id, draft, base, wordsOfDraft(draft))
}

func wordsOfDraft(draft casefile.Draft) string {
	var b strings.Builder
	add := func(texts ...casefile.Text) {
		for _, t := range texts {
			for _, words := range t {
				b.WriteString(words + "\n")
			}
		}
	}
	add(draft.Title, draft.Summary, draft.Place.Words)
	add(draft.Known...)
	for _, c := range draft.Claims {
		add(c.Source, c.Words)
	}
	for _, a := range draft.Answers {
		add(a.Authority, a.Words)
	}
	return locale.SearchText(b.String())
}

// CheckDraft says what keeps the newest draft from being proposed: nil when
// nothing does. Each is a fault.
func (d *Desk) CheckDraft(ctx context.Context, id int64) ([]error, error) {
	_, lacks, err := d.build(ctx, id)
	return lacks, err
}

// warnings gives what a draft would show though the witness did not allow it.
func (d *Desk) warnings(ctx context.Context, draft casefile.Draft, reports []casefile.Received) ([]casefile.Warning, error) {
	var all []casefile.Warning
	warn := func(what string, original int64) {
		id := what
		if original != 0 {
			id = fmt.Sprintf("%s original %d", what, original)
		}
		all = append(all, casefile.Warning{ID: id, What: what, Original: original, Answer: strings.TrimSpace(draft.Accepted[id])})
	}
	originals := originalsOf(reports)
	for _, m := range draft.Media {
		r, medium := reportOf(reports, m.Original), originals[m.Original].Medium
		if (r == nil || !r.Consent.Face) && slices.Contains([]string{evidence.Film, evidence.Photo, evidence.Document}, medium.Kind) {
			warn("face", m.Original)
		}
		plan, _, err := d.Plan(ctx, m.Original)
		if err != nil {
			return nil, err
		}
		if (r == nil || !r.Consent.Voice) && medium.Sound && plan.Keeping() {
			warn("voice", m.Original)
		}
	}
	if draft.Place.Rounded() != nil || len(text(draft.Place.Words)) > 0 {
		if slices.ContainsFunc(reports, func(r casefile.Received) bool { return r.Report == nil || !r.Report.Consent.Place }) {
			warn("place", 0)
		}
	}
	links, err := d.linkWarnings(ctx, draft)
	return append(all, links...), err
}
