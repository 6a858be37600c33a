package deskweb

import (
	"context"
	"fmt"
	"strings"

	"kua/internal/casefile"
	"kua/internal/evidence"
	"kua/internal/fault"
)

// originalRow is one original with what a page says of it.
type originalRow struct {
	evidence.Original
	KindText string
	Seconds  int
	Why      string // it could not be looked at
}

func (f frame) originalRow(o evidence.Original) originalRow {
	kind := o.Medium.Kind
	if kind == "" {
		kind = "unseen"
	}
	row := originalRow{Original: o, KindText: f.T("deskweb.kind." + kind), Seconds: int((o.Medium.Milliseconds + 500) / 1000)}
	if o.Fault != "" {
		row.Why, _ = f.Fault(fault.Corrupt(o.Fault))
	}
	return row
}

type originalView struct {
	frame
	Original originalRow
	Case     int64
	CaseName string
	Allowed  string
	Cleaned  bool   // the witness had something taken out before sealing
	Shown    bool   // the raw original may be on this page
	Source   string // where it is saved from
	Player   playerView
	Marked   bool // has a plan that a person saved
	Covers   int
	Mutes    int
	MuteAll  bool
	Reviewed bool
	Warnings []string
	Made     []derivativeRow
	Hits     []hitRow // what a detector still sees in them
	Stale    bool
	Jobs     []workRow
	Running  bool
}

type derivativeRow struct {
	evidence.Derivative
	Source string
	Film   bool
	Photo  bool
	Sound  bool
}

func originalPage(v *visit) error {
	ctx := v.r.Context()
	o, err := v.desk.OriginalInfo(ctx, v.number("id"))
	if err != nil {
		return err
	}
	view := originalView{frame: v.frame("cases", v.t("deskweb.original.number", o.ID))}
	view.Original = view.originalRow(o)
	// A stranger's photo is shown when a person asks, on a picture from the box. A
	// film plays nothing before it is started.
	view.Shown = o.Medium.Kind != evidence.Photo || v.r.URL.Query().Has("raw")
	view.Source = fmt.Sprintf("/media/original/%d", o.ID)
	if view.Player, err = v.player(view.frame, o); err != nil {
		return err
	}
	report, err := v.reportOf(ctx, o)
	if err != nil {
		return err
	}
	view.Case, view.CaseName = report.Case, v.t("deskweb.case.number", report.Case)
	view.Allowed = view.allowed(report)
	view.Cleaned = report.Report != nil && report.Report.Cleaned(o.Path)
	if err := v.planOf(ctx, &view, report); err != nil {
		return err
	}
	if err := v.madeOf(ctx, &view); err != nil {
		return err
	}
	return v.show("original", view)
}

// reportOf gives the report with which an original came, without marking it read.
func (v *visit) reportOf(ctx context.Context, o evidence.Original) (casefile.Received, error) {
	return v.desk.Received(ctx, o.Parcel)
}

// allowed says in one sentence what the witness allowed to be published.
func (f frame) allowed(r casefile.Received) string {
	if r.Report == nil {
		return ""
	}
	var parts []string
	for _, c := range []struct {
		key string
		yes bool
	}{{"face", r.Report.Consent.Face}, {"voice", r.Report.Consent.Voice}, {"place", r.Report.Consent.Place}} {
		if c.yes {
			parts = append(parts, f.T("deskweb.consent."+c.key))
		}
	}
	if len(parts) == 0 {
		return f.T("deskweb.consent.nothing")
	}
	return f.T("deskweb.consent.allows", strings.Join(parts, ", "))
}

func (v *visit) planOf(ctx context.Context, view *originalView, report casefile.Received) error {
	plan, version, err := v.desk.Plan(ctx, view.Original.ID)
	if err != nil {
		return err
	}
	view.Marked = version > 0
	view.Covers, view.Mutes = len(plan.Tracks)+len(plan.Boxes), len(plan.Mutes)
	view.MuteAll, view.Reviewed = !plan.Keeping(), plan.Reviewed
	if report.Report == nil {
		return nil
	}
	consent, medium := report.Report.Consent, view.Original.Medium
	seen := medium.Kind == evidence.Film || medium.Kind == evidence.Photo || medium.Kind == evidence.Document
	if seen && !consent.Face && view.Covers == 0 {
		view.Warnings = append(view.Warnings, v.t("deskweb.warning.face"))
	}
	if medium.Sound && !consent.Voice && plan.Keeping() {
		view.Warnings = append(view.Warnings, v.t("deskweb.warning.voice"))
	}
	if !plan.Reviewed {
		view.Warnings = append(view.Warnings, v.t("deskweb.warning.unreviewed"))
	}
	return nil
}

func (v *visit) madeOf(ctx context.Context, view *originalView) error {
	made, stale, err := v.desk.Derivatives(ctx, view.Original.ID)
	if err != nil {
		return err
	}
	view.Stale = stale && len(made) > 0
	if view.Hits, err = v.hitsOf(view.frame, view.Original.ID, made); err != nil {
		return err
	}
	for _, d := range made {
		view.Made = append(view.Made, derivativeRow{
			Derivative: d, Source: fmt.Sprintf("/media/derivative/%d", d.ID),
			Film: strings.HasPrefix(d.Type, "video/"), Photo: strings.HasPrefix(d.Type, "image/"), Sound: strings.HasPrefix(d.Type, "audio/"),
		})
	}
	jobs, err := v.desk.Jobs(ctx)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if j.Original == view.Original.ID && j.State != "done" {
			row := v.jobRow(view.frame, j)
			view.Jobs = append(view.Jobs, row)
			view.Running = view.Running || !row.Finished
		}
	}
	return nil
}

// probe has an original looked at again.
func probe(v *visit) error {
	if _, err := v.seat.Probe(v.r.Context(), v.number("id")); err != nil {
		return err
	}
	return v.to("/work")
}

// playerView is how a film or sound is played on a page: its viewing copy, or
// while there is none the original, where browsers may know its format.
type playerView struct {
	frame
	ID       int64
	Timed    bool
	Copied   bool   // it is the copy that is played
	Making   bool   // a copy is being made
	Playable bool   // the browser is given something to play
	Source   string // where it is played from
}

func (v *visit) player(f frame, o evidence.Original) (playerView, error) {
	view := playerView{frame: f, ID: o.ID, Timed: o.Medium.Kind == evidence.Film || o.Medium.Kind == evidence.Sound, Source: fmt.Sprintf("/media/original/%d", o.ID)}
	if !view.Timed {
		return view, nil
	}
	_, view.Playable = shownAs(o)
	if view.Copied = v.desk.HasViewing(o.ID); view.Copied {
		view.Playable, view.Source = true, fmt.Sprintf("/media/viewing/%d", o.ID)
		return view, nil
	}
	jobs, err := v.desk.Jobs(v.r.Context())
	for _, j := range jobs {
		if j.Original == o.ID && j.Kind == "viewing" {
			view.Making = view.Making || !v.jobRow(f, j).Finished
		}
	}
	return view, err
}

func makeViewing(v *visit) error {
	if _, err := v.seat.MakeViewing(v.r.Context(), v.number("id")); err != nil {
		return err
	}
	return v.to("/work")
}

func render(v *visit) error {
	if _, err := v.seat.Render(v.r.Context(), v.number("id")); err != nil {
		return err
	}
	return v.to("/work")
}
