package deskweb

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"net/http"
	"slices"
	"strconv"

	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/media"
	"kua/internal/page"
	"kua/internal/redact"
)

type markerView struct {
	frame
	ID                       int64
	Name, CaseTitle          string
	Case                     string
	Allowed                  string
	Source, Save, Root, Form string
	Player                   playerView
	Film, Photo, Document    bool
	Timed, Seen              bool // it has a length; it has a picture
	Width, Height            int
	Pages                    []redact.Page // of a document
	Version                  int
	Picture, Plan, Questions string // JSON for the script
	open                     []question
	Words                    string
	Tongues                  []language
	Voices                   []language // that a machine can speak
	Labels, Reasons          []string
	Wrong, WrongHint         string
	plainView
}

// language is one that words may be typed in.
type language struct {
	Tag, Name string
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
	if view.open, err = v.asked(o.ID, plan); err != nil {
		return err
	}
	if view.Player, err = v.player(view.frame, o); err != nil {
		return err
	}
	if err := view.describe(o, plan); err != nil {
		return err
	}
	if wrong != nil {
		view.Wrong, view.WrongHint = view.Fault(wrong)
		view.sent(v.r.PostForm)
		v.w.WriteHeader(page.Status(wrong))
	}
	return v.show("marker", view)
}

func (view *markerView) describe(o evidence.Original, plan redact.Plan) error {
	m := o.Medium
	view.Film, view.Photo, view.Document = m.Kind == evidence.Film, m.Kind == evidence.Photo, len(plan.Pages) > 0
	view.Timed, view.Seen = view.Film || m.Kind == evidence.Sound, view.Film || view.Photo || view.Document
	if (m.Kind == "" || m.Kind == evidence.Document && !view.Document) && o.Fault == "" {
		return fault.Later("deskweb.marker.not_seen_yet")
	}
	if !view.Timed && !view.Seen {
		return fault.Conflict("deskweb.marker.nothing_to_mark")
	}
	view.Width, view.Height, view.Pages = m.Width, m.Height, plan.Pages
	view.Source = view.Player.Source
	if !view.Timed { // made in the box: it lies as the renderer sees it, and the browser decodes nothing of a stranger's
		view.Source = fmt.Sprintf("/media/view/%d/%d", o.ID, min(1, len(plan.Pages)))
	}
	view.Root = view.Href(fmt.Sprintf("/originals/%d", o.ID))
	view.Save = view.Root + "/plan"
	view.Form = fmt.Sprintf("/originals/%d/mark", o.ID)
	view.plainView = plainOf(plan, view.frame)
	view.sheets(plan, view.open, view.frame)
	voices := media.Voices()
	for _, tag := range locale.Tags() {
		if tag.Automatic() {
			continue
		}
		view.Tongues = append(view.Tongues, language{string(tag), tag.Name()})
		if slices.Contains(voices, string(tag)) {
			view.Voices = append(view.Voices, language{string(tag), tag.Name()})
		}
	}
	for _, label := range []string{"face", "plate", "name", "screen", "tattoo"} {
		view.Labels = append(view.Labels, view.T("deskweb.marker.label."+label))
	}
	for _, reason := range []string{"script.reasonMistake", "reason.allowed", "reason.duty", "reason.covered"} {
		view.Reasons = append(view.Reasons, view.T("marker."+reason))
	}
	return view.forScript(o, plan)
}

// forScript writes what the script begins with.
func (view *markerView) forScript(o evidence.Original, plan redact.Plan) error {
	m := o.Medium
	words := make(map[string]string)
	for _, key := range scriptWords {
		words[key] = view.T("deskweb.marker.script." + key)
	}
	for _, key := range moreScriptWords {
		words[key] = view.T("marker.script." + key)
	}
	picture := map[string]any{"width": max(m.Width, 1), "height": max(m.Height, 1), "length": m.Milliseconds, "rate": float64(m.FramesPer1000) / 1000}
	if view.Film && view.Player.Copied {
		picture["rate"] = media.CleanRate(image.Pt(m.Width, m.Height))
	}
	if !view.Timed {
		picture["length"] = 0
	}
	if view.Document {
		picture["width"], picture["height"] = plan.Pages[0].W, plan.Pages[0].H
		picture["pages"], picture["view"] = plan.Pages, fmt.Sprintf("/media/view/%d/", o.ID)
	}
	for _, part := range []struct {
		into *string
		from any
	}{
		{&view.Words, words},
		{&view.Plan, plan},
		{&view.Questions, view.open},
		{&view.Picture, picture},
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
	"box", "position", "soundBar", "track", "what", "x", "y", "w", "h", "from", "to", "startHere", "endHere", "whole",
	"open.start", "open.end", "look", "points", "goPoint", "dropPoint", "remove", "removed", "unmute", "play", "pause",
	"save.saved", "save.unsaved", "save.saving", "save.offline", "save.conflict", "save.locked", "save.refused",
}

// moreScriptWords are those of marker.json.
var moreScriptWords = []string{
	"empty", "boxReveal", "corner", "shows", "reveals", "follow", "wholeShot", "widen", "makeShape", "corners", "cornerLeft", "cornerTop", "addCorner", "dropCorner",
	"shotsBar", "soundBarKeep", "shotBefore", "shotAfter", "shotShow", "shotHide", "shotSplit", "shotJoin", "shotNow", "shotNone", "shotsUnknown", "isHidden", "isShown",
	"kept", "muted", "heardWhat", "mutedWhy", "unkeep", "lineFrom", "lineTo", "lineWords", "dropLine", "stretchStarted", "stretchFirst",
	"looking", "lookDone", "following", "followOffer", "followLost", "followWhere", "machineBusy", "machineAway", "machineStopped",
	"face", "plate", "suggestNone", "suggestCount", "suggestLook", "suggestCover", "suggestFollow", "suggestLeave", "suggestWhy", "suggestNext",
	"suggestCovered", "suggestLeft", "suggestReopen", "reasonMistake",
	"page", "pageOf", "pageHidden", "askNone", "askCount", "askMore", "ask.suggestion", "ask.uncovered", "ask.nothing", "ask.unseen", "ask.other", "seenStart", "seenEnd", "nothingWhy",
}

// question is one open question as the script has it.
type question struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	At   int64  `json:"at"`
	Page int    `json:"page,omitempty"`
}

// asked gives what a plan leaves open, and what this person has not looked at.
func (v *visit) asked(original int64, p redact.Plan) ([]question, error) {
	all := []question{}
	for _, q := range p.Questions() {
		all = append(all, question{q.Kind, q.ID, q.At, q.Page})
	}
	unseen, err := v.desk.Unseen(v.r.Context(), original, p, v.seat.Name())
	for _, n := range unseen {
		all = append(all, question{Kind: askUnseen, ID: strconv.Itoa(n), Page: n})
	}
	return all, err
}

// askUnseen is the question that the desk asks besides those of a plan: a page
// that readers will see was never before the person who marks.
const askUnseen = "unseen"

// pageShown keeps that a page's picture has come before the person, and gives
// what is still asked.
func pageShown(v *visit) error {
	body, err := io.ReadAll(v.r.Body)
	if err != nil {
		return err
	}
	var sent struct {
		Page int `json:"page"`
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		return fault.Invalid("deskweb.form").Because(err)
	}
	if err := v.seat.Shown(v.r.Context(), v.number("id"), sent.Page); err != nil {
		return err
	}
	return standingPlan(v)
}

// standingPlan gives the newest plan to the script, which asks when a machine
// or another person has changed it.
func standingPlan(v *visit) error {
	plan, version, err := v.desk.Plan(v.r.Context(), v.number("id"))
	if err != nil {
		return err
	}
	questions, err := v.asked(v.number("id"), plan)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"version": version, "plan": plan, "questions": questions})
}

// savePlan takes the script's plan. The version it was made from stands in a
// header; when another was saved meanwhile the answer is 409 with its number.
func savePlan(v *visit) error {
	body, err := io.ReadAll(v.r.Body)
	if err != nil {
		return err
	}
	sent, err := readSent(body)
	if err != nil {
		return err
	}
	from, err := strconv.Atoi(v.r.Header.Get("Kua-Version"))
	if err != nil {
		return fault.Invalid("deskweb.form").Because(err)
	}
	plan, version, err := v.seat.SavePlan(v.r.Context(), v.number("id"), sent, from)
	if errors.Is(err, fault.Conflict("desk.plan_changed")) {
		message, _ := page.Fault(v.app.cat, v.lang, err)
		return v.json(http.StatusConflict, map[string]any{"version": version, "message": message})
	}
	if err != nil {
		return err
	}
	questions, err := v.asked(v.number("id"), plan)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"version": version, "questions": questions})
}
