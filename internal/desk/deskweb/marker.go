package deskweb

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/page"
	"kua/internal/redact"
)

// markedPlan is a plan as the marker's script has it. A photo's boxes are tracks
// of no length, so that the script knows one kind of cover.
type markedPlan struct {
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
	m := markedPlan{Tracks: []markedTrack{}, Mutes: []markedSpan{}, MuteAll: p.MuteAll, Reviewed: p.Reviewed}
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
	p.By, p.MuteAll, p.Reviewed = by, m.MuteAll, m.Reviewed
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

// plainTrack is one track as the form without a script shows it.
type plainTrack struct {
	Number   int
	ID       string
	Label    string
	W, H     string
	From, To string
	Points   string
}

// plainRows writes a plan as fields, with three empty rows for new tracks.
func plainRows(m markedPlan) (rows []plainTrack, mutes string) {
	for _, t := range m.Tracks {
		row := plainTrack{ID: t.ID, Label: t.Label, W: strconv.Itoa(t.W), H: strconv.Itoa(t.H), From: clock(t.From), To: clock(t.To)}
		var lines []string
		for _, p := range t.Points {
			lines = append(lines, fmt.Sprintf("%s %d %d", clock(p.At), p.X, p.Y))
		}
		row.Points = strings.Join(lines, "\n")
		rows = append(rows, row)
	}
	for range 3 {
		rows = append(rows, plainTrack{})
	}
	for i := range rows {
		rows[i].Number = i + 1
	}
	var lines []string
	for _, s := range m.Mutes {
		lines = append(lines, clock(s.From)+" "+clock(s.To))
	}
	return rows, strings.Join(lines, "\n")
}

// savePlain takes the form without a script.
func savePlain(v *visit) error {
	o, err := v.desk.OriginalInfo(v.r.Context(), v.number("id"))
	if err != nil {
		return err
	}
	sent, err := readPlain(v.r.PostForm, o.Medium.Milliseconds)
	if err == nil {
		from, _ := strconv.Atoi(v.form("version"))
		_, err = v.keepPlan(sent, from)
	}
	if err != nil {
		return v.showMarker(err)
	}
	return v.done("/originals/"+v.id()+"/mark", "deskweb.saved")
}

// cells gives the nth field of a name, "" where there is none.
func cells(form map[string][]string) func(name string, n int) string {
	return func(name string, n int) string {
		return strings.TrimSpace(strings.ReplaceAll(at(form[name], n), "\r\n", "\n"))
	}
}

// sentRows gives the rows of a plain form as they were sent.
func sentRows(form map[string][]string) []plainTrack {
	cell := cells(form)
	var rows []plainTrack
	for i := range form["w"] {
		rows = append(rows, plainTrack{
			Number: i + 1, ID: cell("id", i), Label: cell("label", i), W: cell("w", i), H: cell("h", i),
			From: cell("from", i), To: cell("to", i), Points: cell("points", i),
		})
	}
	return rows
}

// readPlain reads the fields of the plain form. A row whose size is empty is no
// track: emptying it takes a track away.
func readPlain(form map[string][]string, length int64) (markedPlan, error) {
	m := markedPlan{MuteAll: form["mute_all"] != nil, Reviewed: form["reviewed"] != nil}
	cell := cells(form)
	taken := make(map[string]bool)
	for _, id := range form["id"] {
		taken[id] = true
	}
	for i := range form["w"] {
		if cell("w", i) == "" || cell("h", i) == "" {
			continue
		}
		t, err := readPlainTrack(i, length, cell)
		if err != nil {
			return m, err
		}
		for n := 1; t.ID == ""; n++ {
			if id := fmt.Sprintf("t%d", n); !taken[id] {
				t.ID, taken[id] = id, true
			}
		}
		m.Tracks = append(m.Tracks, t)
	}
	for line := range strings.Lines(strings.Join(form["mutes"], "\n")) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) != 2 {
			return m, fault.Invalid("deskweb.marker.mute_line", line)
		}
		from, ok1 := readClock(words[0])
		to, ok2 := readClock(words[1])
		if !ok1 || !ok2 {
			return m, fault.Invalid("deskweb.marker.mute_line", line)
		}
		m.Mutes = append(m.Mutes, markedSpan{from, to})
	}
	return m, nil
}

func readPlainTrack(i int, length int64, cell func(string, int) string) (markedTrack, error) {
	t := markedTrack{ID: cell("id", i), Label: cell("label", i), To: length}
	var err1, err2 error
	t.W, err1 = strconv.Atoi(cell("w", i))
	t.H, err2 = strconv.Atoi(cell("h", i))
	if err1 != nil || err2 != nil {
		return t, fault.Invalid("deskweb.marker.size_cell", i+1)
	}
	for _, end := range []struct {
		name string
		into *int64
	}{{"from", &t.From}, {"to", &t.To}} {
		if text := cell(end.name, i); text != "" {
			at, ok := readClock(text)
			if !ok {
				return t, fault.Invalid("deskweb.marker.time_cell", i+1)
			}
			*end.into = at
		}
	}
	for line := range strings.Lines(cell("points", i)) {
		p, ok := readPoint(strings.Fields(line), length)
		if !ok {
			return t, fault.Invalid("deskweb.marker.point_line", i+1, strings.TrimSpace(line))
		}
		t.Points = append(t.Points, p)
	}
	return t, nil
}

// readPoint reads "time x y", or "x y" where there is no time.
func readPoint(words []string, length int64) (redact.Point, bool) {
	var p redact.Point
	if length == 0 && len(words) == 2 {
		words = append([]string{"0"}, words...)
	}
	if len(words) != 3 {
		return p, false
	}
	at, ok := readClock(words[0])
	x, err1 := strconv.Atoi(words[1])
	y, err2 := strconv.Atoi(words[2])
	return redact.Point{At: at, X: x, Y: y}, ok && err1 == nil && err2 == nil
}

// clock writes milliseconds as 1:02.345; the marker's script has the same.
func clock(ms int64) string {
	s := fmt.Sprintf("%d:%02d.%03d", ms/60000%60, ms/1000%60, ms%1000)
	if h := ms / 3600000; h > 0 {
		return fmt.Sprintf("%d:%02d:%02d.%03d", h, ms/60000%60, ms/1000%60, ms%1000)
	}
	return s
}

// readClock reads what clock writes, and plain seconds with point or comma.
func readClock(text string) (int64, bool) {
	parts := strings.Split(strings.Replace(text, ",", ".", 1), ":")
	if len(parts) > 3 {
		return 0, false
	}
	var total float64
	for i, part := range parts {
		n, err := strconv.ParseFloat(part, 64)
		if err != nil || n < 0 || n > 1e6 || i < len(parts)-1 && strings.Contains(part, ".") {
			return 0, false
		}
		total = total*60 + n
	}
	return int64(total*1000 + 0.5), true
}
