package deskweb

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kua/internal/locale"
	"kua/internal/redact"
)

// plainView is a plan as the form without a script shows it: numbers, and lines
// of text for what there is many of.
type plainView struct {
	Rows                []plainTrack
	Covered             bool
	Shots, Mutes, Keeps string
	Lines               []plainLines
	Speak, Note         string
	MuteAll, Reviewed   bool
	Suggestions         []plainSuggestion
	MoreSuggestions     int      // that are open and not on this page
	Asked               []string // what is still asked, in words
	Sheets              []plainSheet
}

// plainSheet is one page of a document, with its picture to be opened.
type plainSheet struct {
	Number, W, H int
	Unseen       bool // readers will see something of it, and this person has not
}

// Ends are the words for the ends of a track beyond which somebody looked.
func (plainView) Ends() []string { return []string{"start", "end", "both"} }

// plainTrack is one track or box.
type plainTrack struct {
	Number   int
	ID       string
	Label    string
	Page     string // of a document
	Reveal   bool
	Seen     string // "", start, end, both: the ends beyond which somebody looked
	W, H     string
	From, To string
	Points   string
}

// plainLines are the words of one language.
type plainLines struct {
	Tag, Name, Text string
}

// plainSuggestion is one suggestion with its answer.
type plainSuggestion struct {
	Number       int
	ID           string
	What, Where  string
	Answer, Note string
}

// shownSuggestions is how many suggestions one page of the form has.
const shownSuggestions = 50

// plainOf writes a plan as fields, with three empty rows for new tracks.
func plainOf(p redact.Plan, f frame) plainView {
	v := plainView{Rows: plainRows(p), Covered: p.Covered, Speak: p.Speak, Note: p.Note, MuteAll: p.MuteAll, Reviewed: p.Reviewed}
	var shots, mutes, keeps []string
	for _, s := range p.Shots {
		sign := "+"
		if s.Covered {
			sign = "-"
		}
		shots = append(shots, clock(s.From)+" "+clock(s.To)+" "+sign)
	}
	for _, m := range p.Mutes {
		mutes = append(mutes, strings.TrimSpace(clock(m.From)+" "+clock(m.To)+" "+oneLine(m.Note)))
	}
	for _, k := range p.Keeps {
		keeps = append(keeps, strings.TrimSpace(clock(k.From)+" "+clock(k.To)+" "+oneLine(k.Note)))
	}
	v.Shots, v.Mutes, v.Keeps = strings.Join(shots, "\n"), strings.Join(mutes, "\n"), strings.Join(keeps, "\n")
	for _, tag := range locale.Tags() {
		if !tag.Automatic() {
			v.Lines = append(v.Lines, plainLines{string(tag), tag.Name(), linesIn(p, string(tag))})
		}
	}
	v.suggestions(p, f)
	v.asked(p, f)
	return v
}

// sheets lists the pages of a document, and asks about those that were not seen.
func (v *plainView) sheets(p redact.Plan, open []question, f frame) {
	missing := 0
	for i, page := range p.Pages {
		unseen := slices.ContainsFunc(open, func(q question) bool { return q.Kind == askUnseen && q.Page == i+1 })
		v.Sheets = append(v.Sheets, plainSheet{i + 1, page.W, page.H, unseen})
		if unseen {
			missing++
		}
	}
	if missing > 0 {
		v.Asked = append(v.Asked, f.T("marker.plain_unseen", missing))
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func linesIn(p redact.Plan, tag string) string {
	var lines []string
	for _, l := range p.Lines {
		if words := l.Words[tag]; words != "" {
			lines = append(lines, clock(l.From)+" "+clock(l.To)+" "+oneLine(words))
		}
	}
	return strings.Join(lines, "\n")
}

func plainRows(p redact.Plan) []plainTrack {
	var rows []plainTrack
	for _, t := range p.Tracks {
		row := plainTrack{ID: t.ID, Label: t.Label, Reveal: t.Reveal, W: strconv.Itoa(t.W), H: strconv.Itoa(t.H), From: clock(t.From), To: clock(t.To)}
		row.Seen = map[[2]bool]string{{true, false}: "start", {false, true}: "end", {true, true}: "both"}[[2]bool{t.StartSeen, t.EndSeen}]
		var lines []string
		for _, at := range t.Points {
			lines = append(lines, fmt.Sprintf("%s %d %d", clock(at.At), at.X, at.Y))
		}
		row.Points = strings.Join(lines, "\n")
		rows = append(rows, row)
	}
	for _, b := range p.Boxes {
		row := plainTrack{ID: b.ID, Label: b.Label, Reveal: b.Reveal, W: strconv.Itoa(b.W), H: strconv.Itoa(b.H), Points: fmt.Sprintf("%d %d", b.X, b.Y)}
		if b.Page > 0 {
			row.Page = strconv.Itoa(b.Page)
		}
		var corners []string
		for _, c := range b.Corners {
			corners = append(corners, fmt.Sprintf("%d %d", c.X, c.Y))
		}
		if len(corners) > 0 {
			row.Points = strings.Join(corners, "\n")
		}
		rows = append(rows, row)
	}
	rows = append(rows, make([]plainTrack, 3)...)
	for i := range rows {
		rows[i].Number = i + 1
	}
	return rows
}

// suggestions shows those that are open first.
func (v *plainView) suggestions(p redact.Plan, f frame) {
	sorted := slices.Clone(p.Suggestions)
	slices.SortStableFunc(sorted, func(a, b redact.Suggestion) int { return min(len(a.Answer), 1) - min(len(b.Answer), 1) })
	for i, s := range sorted {
		if i >= shownSuggestions {
			if s.Answer == "" {
				v.MoreSuggestions++
			}
			continue
		}
		at := s.Points[0]
		where := fmt.Sprintf("%d × %d · %d, %d", s.W, s.H, at.X, at.Y)
		if p.Duration > 0 {
			where = clock(s.From) + " – " + clock(s.To) + " · " + where
		}
		if s.Page > 0 {
			where = f.T("marker.script.page", s.Page) + " · " + where
		}
		v.Suggestions = append(v.Suggestions, plainSuggestion{Number: i + 1, ID: s.ID, What: f.T("marker.script." + s.What), Where: where, Answer: s.Answer, Note: s.Note})
	}
}

func (v *plainView) asked(p redact.Plan, f frame) {
	numbers := make(map[string]int)
	for i, t := range p.Tracks {
		numbers[t.ID] = i + 1
	}
	for _, q := range p.Questions() {
		switch {
		case q.Kind == redact.AskStart || q.Kind == redact.AskEnd:
			v.Asked = append(v.Asked, clock(q.At)+": "+f.T("deskweb.marker.script.track", numbers[q.ID])+". "+f.T("deskweb.marker.script.open."+q.Kind))
		case q.Kind == redact.AskNothing:
			v.Asked = append(v.Asked, f.T("marker.script.ask.nothing"))
		case q.Page > 0:
			v.Asked = append(v.Asked, f.T("marker.script.page", q.Page)+": "+f.T("marker.script.ask."+q.Kind))
		default:
			v.Asked = append(v.Asked, clock(q.At)+": "+f.T("marker.script.ask."+q.Kind))
		}
	}
}

// sent puts what came in a form back into its fields.
func (v *plainView) sent(form map[string][]string) {
	cell := cells(form)
	v.Rows = nil
	for i := range form["w"] {
		v.Rows = append(v.Rows, plainTrack{
			Number: i + 1, ID: cell("id", i), Label: cell("label", i), Page: cell("page", i), Reveal: cell("reveal", i) != "", Seen: cell("seen", i), W: cell("w", i), H: cell("h", i),
			From: cell("from", i), To: cell("to", i), Points: cell("points", i),
		})
	}
	v.Covered = cell("covered", 0) == "covered"
	v.Shots, v.Mutes, v.Keeps = cell("shots", 0), cell("mutes", 0), cell("keeps", 0)
	v.Speak, v.Note = cell("speak", 0), cell("note", 0)
	v.MuteAll, v.Reviewed = form["mute_all"] != nil, form["reviewed"] != nil
	for i := range v.Lines {
		v.Lines[i].Text = cell("lines."+v.Lines[i].Tag, 0)
	}
	for i, s := range v.Suggestions {
		v.Suggestions[i].Answer, v.Suggestions[i].Note = cell("answer."+s.ID, 0), cell("why."+s.ID, 0)
	}
}

// cells gives the nth field of a name, "" where there is none.
func cells(form map[string][]string) func(name string, n int) string {
	return func(name string, n int) string {
		return strings.TrimSpace(strings.ReplaceAll(at(form[name], n), "\r\n", "\n"))
	}
}

// savePlain takes the form without a script.
func savePlain(v *visit) error {
	ctx := v.r.Context()
	base, _, err := v.desk.Plan(ctx, v.number("id"))
	if err != nil {
		return err
	}
	sent, err := newPlainForm(base, v.r.PostForm, func(what string) string { return v.t("deskweb.marker.label." + what) }).read()
	for _, n := range v.r.PostForm["shown"] {
		if err == nil {
			page, _ := strconv.Atoi(n) // 0 is no page
			err = v.seat.Shown(ctx, v.number("id"), page)
		}
	}
	if err == nil {
		from, _ := strconv.Atoi(v.form("version"))
		_, _, err = v.seat.SavePlan(ctx, v.number("id"), sent, from)
	}
	if err != nil {
		return v.showMarker(err)
	}
	return v.done("/originals/"+v.id()+"/mark", "deskweb.saved")
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
		if err != nil || !(n >= 0 && n <= 1e6) || i < len(parts)-1 && strings.Contains(part, ".") {
			return 0, false
		}
		total = total*60 + n
	}
	return int64(total*1000 + 0.5), true
}
