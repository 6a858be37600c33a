package deskweb

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/page"
	"kua/internal/redact"
)

// markedPlan is a plan as the marker's script has it. A photo's boxes are tracks
// of no length, so that the script knows one kind of cover.
type markedPlan struct {
	Covered  bool          `json:"covered"`
	Tracks   []markedTrack `json:"tracks"`
	Mutes    []markedSpan  `json:"mutes"`
	MuteAll  bool          `json:"muteAll"`
	Reviewed bool          `json:"reviewed"`
}

type markedTrack struct {
	ID     string         `json:"id"`
	Label  string         `json:"label"`
	W      int            `json:"w"`
	H      int            `json:"h"`
	From   int64          `json:"from"`
	To     int64          `json:"to"`
	Points []redact.Point `json:"points"`
}

type markedSpan struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// marked gives a plan to the script.
func marked(p redact.Plan) markedPlan {
	m := markedPlan{Covered: p.Covered, Tracks: []markedTrack{}, Mutes: []markedSpan{}, MuteAll: p.MuteAll, Reviewed: p.Reviewed}
	for _, t := range p.Tracks {
		m.Tracks = append(m.Tracks, markedTrack{t.ID, t.Label, t.W, t.H, t.From, t.To, t.Points})
	}
	for _, b := range p.Boxes {
		m.Tracks = append(m.Tracks, markedTrack{ID: b.ID, Label: b.Label, W: b.W, H: b.H, Points: []redact.Point{{X: b.X, Y: b.Y}}})
	}
	for _, s := range p.Mutes {
		m.Mutes = append(m.Mutes, markedSpan{s.From, s.To})
	}
	return m
}

// onto puts what the script sent onto the plan it was made from. A track that
// did not change keeps the name of the person who drew it.
func (m markedPlan) onto(base redact.Plan, by string) redact.Plan {
	p := base
	p.By, p.Covered, p.MuteAll, p.Reviewed = by, m.Covered, m.MuteAll, m.Reviewed
	p.Tracks, p.Boxes, p.Mutes = nil, nil, nil
	for _, t := range m.Tracks {
		if p.Duration == 0 {
			p.Boxes = append(p.Boxes, t.box(base.Boxes, by))
		} else {
			p.Tracks = append(p.Tracks, t.track(base.Tracks, by))
		}
	}
	for i, s := range m.Mutes {
		mute := redact.Mute{ID: fmt.Sprintf("m%d", i+1), From: s.From, To: s.To, By: by}
		for _, old := range base.Mutes {
			if old.From == s.From && old.To == s.To {
				mute.By, mute.Note = old.By, old.Note
			}
		}
		p.Mutes = append(p.Mutes, mute)
	}
	return p
}

func (t markedTrack) track(before []redact.Track, by string) redact.Track {
	fresh := redact.Track{ID: t.ID, Label: t.Label, W: t.W, H: t.H, From: t.From, To: t.To, Points: t.Points, By: by}
	i := slices.IndexFunc(before, func(old redact.Track) bool { return old.ID == t.ID })
	if i < 0 {
		return fresh
	}
	old := before[i]
	fresh.Note = old.Note
	if old.Label == t.Label && old.W == t.W && old.H == t.H && old.From == t.From && old.To == t.To && slices.Equal(old.Points, t.Points) {
		fresh.By = old.By
	}
	return fresh
}

func (t markedTrack) box(before []redact.Box, by string) redact.Box {
	fresh := redact.Box{ID: t.ID, Label: t.Label, W: t.W, H: t.H, By: by}
	if len(t.Points) > 0 {
		fresh.X, fresh.Y = t.Points[0].X, t.Points[0].Y
	}
	for _, old := range before {
		if old.ID != t.ID {
			continue
		}
		fresh.Note = old.Note
		if old.Label == t.Label && old.W == t.W && old.H == t.H && old.X == fresh.X && old.Y == fresh.Y {
			fresh.By = old.By
		}
	}
	return fresh
}

type markerView struct {
	frame
	ID                 int64
	Name, CaseTitle    string
	Case               string
	Allowed            string
	Source, Save, Form string
	Film, Photo        bool
	Timed, Seen        bool // it has a length; it has a picture
	Width, Height      int
	Version            int
	Picture, Plan      string // JSON for the script
	Words              string
	Rows               []plainTrack
	Mutes              string
	MuteAll, Reviewed  bool
	Labels             []string
	Wrong, WrongHint   string
}

func markerPage(v *visit) error { return v.showMarker(nil) }

// showMarker shows the marker of an original; after wrong with what was sent in
// the plain form still in its fields.
func (v *visit) showMarker(wrong error) error {
	ctx := v.r.Context()
	o, err := v.desk.OriginalInfo(ctx, v.number("id"))
	if err != nil {
		return err
	}
	plan, version, err := v.desk.Plan(ctx, o.ID)
	if err != nil {
		return err
	}
	report, err := v.reportOf(ctx, o)
	if err != nil {
		return err
	}
	view := markerView{
		frame: v.frame("cases", v.t("deskweb.marker.title", v.t("deskweb.original.number", o.ID))),
		ID:    o.ID, Name: v.t("deskweb.original.number", o.ID), Version: version,
		Case: strconv.FormatInt(report.Case, 10), CaseTitle: v.t("deskweb.case.number", report.Case),
	}
	view.Marker = true
	view.Allowed = view.allowed(report)
	source, err := v.markedOn(ctx, o)
	if err != nil {
		return err
	}
	if err := view.describe(o, plan, source); err != nil {
		return err
	}
	if wrong != nil {
		view.Wrong, view.WrongHint = view.Fault(wrong)
		view.Rows, view.Mutes = sentRows(v.r.PostForm), v.form("mutes")
		view.MuteAll, view.Reviewed = v.form("mute_all") != "", v.form("reviewed") != ""
		v.w.WriteHeader(page.Status(wrong))
	}
	return v.show("marker", view)
}

// markedOn is the picture on which boxes are drawn. A film and a JPEG are shown
// by every browser as the renderer sees them. Other photos are not: browsers
// differ in what they make of a PNG's or WebP's orientation, and a box would lie
// elsewhere. For those it is the derivative from the box; "" while there is none.
func (v *visit) markedOn(ctx context.Context, o evidence.Original) (string, error) {
	kind, shown := shownAs(o)
	if o.Medium.Kind != evidence.Photo || shown && kind == "image/jpeg" {
		return fmt.Sprintf("/media/original/%d", o.ID), nil
	}
	made, _, err := v.desk.Derivatives(ctx, o.ID)
	if err != nil {
		return "", err
	}
	widest := evidence.Derivative{}
	for _, d := range made {
		if d.Type == "image/jpeg" && d.Width > widest.Width {
			widest = d
		}
	}
	if widest.ID == 0 {
		return "", nil
	}
	return fmt.Sprintf("/media/derivative/%d", widest.ID), nil
}

func (view *markerView) describe(o evidence.Original, plan redact.Plan, source string) error {
	m := o.Medium
	view.Film, view.Photo = m.Kind == evidence.Film, m.Kind == evidence.Photo
	view.Timed, view.Seen = view.Film || m.Kind == evidence.Sound, view.Film || view.Photo
	if m.Kind == "" && o.Fault == "" {
		return fault.Later("deskweb.marker.not_seen_yet")
	}
	if !view.Timed && !view.Seen {
		return fault.Conflict("deskweb.marker.nothing_to_mark")
	}
	view.Width, view.Height = m.Width, m.Height
	view.Source = source
	view.Save = view.Href(fmt.Sprintf("/originals/%d/plan", o.ID))
	view.Form = fmt.Sprintf("/originals/%d/mark", o.ID)
	view.MuteAll, view.Reviewed = plan.MuteAll, plan.Reviewed
	view.Rows, view.Mutes = plainRows(marked(plan))
	for _, label := range []string{"face", "plate", "name", "screen", "tattoo"} {
		view.Labels = append(view.Labels, view.T("deskweb.marker.label."+label))
	}
	words := make(map[string]string)
	for _, key := range scriptWords {
		words[key] = view.T("deskweb.marker.script." + key)
	}
	length := m.Milliseconds
	if view.Photo {
		length = 0
	}
	for _, part := range []struct {
		into *string
		from any
	}{
		{&view.Words, words},
		{&view.Plan, marked(plan)},
		{&view.Picture, map[string]any{
			"width": max(m.Width, 1), "height": max(m.Height, 1), "length": length, "rate": float64(m.FramesPer1000) / 1000,
		}},
	} {
		b, err := json.Marshal(part.from)
		if err != nil {
			return err
		}
		*part.into = string(b)
	}
	return nil
}

// scriptWords are the sentences that the marker's script says.
var scriptWords = []string{
	"box", "position", "soundBar", "track", "empty", "what", "x", "y", "w", "h", "from", "to", "startHere", "endHere", "whole",
	"open.start", "open.end", "look", "points", "goPoint", "dropPoint", "remove", "removed", "unmute", "play", "pause", "muteStarted",
	"save.saved", "save.unsaved", "save.saving", "save.offline", "save.conflict", "save.locked", "save.refused",
}

// savePlan takes the script's plan. The version it was made from stands in a
// header; when another was saved meanwhile the answer is 409 with its number.
func savePlan(v *visit) error {
	body, err := io.ReadAll(v.r.Body)
	if err != nil {
		return err
	}
	var sent markedPlan
	if err := json.Unmarshal(body, &sent); err != nil {
		return fault.Invalid("deskweb.form").Because(err)
	}
	from, err := strconv.Atoi(v.r.Header.Get("Kua-Version"))
	if err != nil {
		return fault.Invalid("deskweb.form").Because(err)
	}
	version, err := v.keepPlan(sent, from)
	if f, ok := fault.Of(err); ok && f.Kind == fault.KindConflict {
		message, _ := page.Fault(v.app.cat, v.lang, err)
		return v.json(http.StatusConflict, map[string]any{"version": version, "message": message})
	}
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"version": version})
}

// keepPlan saves a plan made from version from. After a conflict it gives the
// version that stands now.
func (v *visit) keepPlan(sent markedPlan, from int) (int, error) {
	ctx, id := v.r.Context(), v.number("id")
	base, now, err := v.desk.Plan(ctx, id)
	if err != nil {
		return 0, err
	}
	plan := sent.onto(base, v.seat.Name())
	if err := plan.Validate(); err != nil {
		return now, err
	}
	version, err := v.seat.SavePlan(ctx, id, plan, from)
	if err != nil {
		return now, err
	}
	return version, nil
}
