package deskweb

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"kua/internal/casefile"
	"kua/internal/desk"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/page"
)

// originalRow is one original with what a page says of it.
type originalRow struct {
	evidence.Original
	KindText string
	Seconds  int
	Why      string // it could not be looked at
	Playable bool   // the browser is given the sealed original itself
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
	_, row.Playable = shownAs(o)
	return row
}

// shownAs is the media type under which an original may be given to the
// browser's own player. It follows what the boxed probe found and never the
// name or the type that came with the file. Everything else is only saved.
func shownAs(o evidence.Original) (string, bool) {
	format := strings.ToLower(o.Medium.Format)
	has := func(names ...string) bool {
		for _, n := range names {
			if strings.Contains(format, n) {
				return true
			}
		}
		return false
	}
	switch o.Medium.Kind {
	case evidence.Film:
		switch {
		case has("mp4", "mov", "3gp"):
			return "video/mp4", true
		case has("webm", "matroska"):
			return "video/webm", true
		case has("ogg"):
			return "video/ogg", true
		}
	case evidence.Sound:
		switch {
		case has("mp4", "mov", "m4a"):
			return "audio/mp4", true
		case has("mp3", "mpeg"):
			return "audio/mpeg", true
		case has("ogg", "opus"):
			return "audio/ogg", true
		case has("wav"):
			return "audio/wav", true
		case has("flac"):
			return "audio/flac", true
		case has("webm", "matroska"):
			return "audio/webm", true
		}
	case evidence.Photo:
		for _, t := range []string{"jpeg", "png", "webp", "gif"} {
			if has(t) {
				return "image/" + t, true
			}
		}
	}
	return "application/octet-stream", false
}

type originalView struct {
	frame
	Original originalRow
	Case     int64
	CaseName string
	Allowed  string
	Shown    bool   // the raw original may be on this page
	Source   string // where it is played from
	Marked   bool   // has a plan that a person saved
	Covers   int
	Mutes    int
	MuteAll  bool
	Reviewed bool
	Warnings []string
	Made     []derivativeRow
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
	// A stranger's photo is shown from its boxed derivative; the raw bytes go to
	// the browser's decoder only when a person asks. A film plays nothing before
	// it is started.
	view.Shown = o.Medium.Kind != evidence.Photo || v.r.URL.Query().Has("raw")
	view.Source = fmt.Sprintf("/media/original/%d", o.ID)
	report, err := v.reportOf(ctx, o)
	if err != nil {
		return err
	}
	view.Case, view.CaseName = report.Case, v.t("deskweb.case.number", report.Case)
	view.Allowed = view.allowed(report)
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
	view.MuteAll, view.Reviewed = plan.MuteAll, plan.Reviewed
	if report.Report == nil {
		return nil
	}
	consent, medium := report.Report.Consent, view.Original.Medium
	seen := medium.Kind == evidence.Film || medium.Kind == evidence.Photo
	if seen && !consent.Face && view.Covers == 0 {
		view.Warnings = append(view.Warnings, v.t("deskweb.warning.face"))
	}
	if medium.Sound && !consent.Voice && !plan.MuteAll {
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

func render(v *visit) error {
	if _, err := v.seat.Render(v.r.Context(), v.number("id")); err != nil {
		return err
	}
	return v.to("/work")
}

// playOriginal gives an original's bytes, any part of them, straight from the
// sealed parcel. The desk has written the custody event before the first byte.
func playOriginal(v *visit) error {
	id := v.number("id")
	info, err := v.desk.OriginalInfo(v.r.Context(), id)
	if err != nil {
		return err
	}
	o, err := v.seat.Original(v.r.Context(), id)
	if err != nil {
		return err
	}
	defer o.Close()
	kind, playable := shownAs(info)
	return v.stream(o, kind, !playable || v.r.URL.Query().Has("save"), fmt.Sprintf("original-%d%s", id, extension(info.Path)))
}

func playDerivative(v *visit) error {
	o, err := v.seat.Derivative(v.r.Context(), v.number("id"))
	if err != nil {
		return err
	}
	defer o.Close()
	return v.stream(o, o.Type, v.r.URL.Query().Has("save"), fmt.Sprintf("derivative-%d", v.number("id")))
}

// stream answers with a file or the ranges of it that were asked for, and stops
// as soon as the desk is locked. The file can do nothing in the browser: it may
// load nothing, run nothing, and is never taken for another type.
func (v *visit) stream(o *desk.Opened, kind string, save bool, name string) error {
	h := v.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if save {
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	}
	http.ServeContent(v.w, v.r, "", time.Time{}, &leashed{o.SectionReader, v.app.alive()})
	return nil
}

// leashed reads until the desk is locked.
type leashed struct {
	*io.SectionReader
	life context.Context
}

func (l *leashed) Read(p []byte) (int, error) {
	if err := l.life.Err(); err != nil {
		return 0, err
	}
	return l.SectionReader.Read(p)
}

// extension is the short, plain ending of a path inside a parcel.
func extension(path string) string {
	_, after, ok := strings.Cut(path[strings.LastIndex(path, "/")+1:], ".")
	if !ok || len(after) > 5 || strings.ContainsAny(after, "\"\\/ ") {
		return ""
	}
	return "." + after
}

// previewFile gives one file of the site as a proposal would make it, under the
// same rules by which a reader's browser would treat it.
func previewFile(v *visit) error {
	id, path := v.number("id"), v.r.PathValue("path")
	if path == "" || strings.HasSuffix(path, "/") {
		path += "index.html"
	}
	o, err := v.seat.PreviewFile(v.r.Context(), id, path)
	if err != nil {
		return err
	}
	defer o.Close()
	v.app.sessions.open(v.who, fmt.Sprintf("%d/%s", id, path))
	kind := o.Type
	if kind == "" {
		kind = mime.TypeByExtension(path[strings.LastIndex(path, "."):])
	}
	h := v.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", page.Policy{Media: true}.CSP())
	http.ServeContent(v.w, v.r, "", time.Time{}, &leashed{o.SectionReader, v.app.alive()})
	return nil
}
