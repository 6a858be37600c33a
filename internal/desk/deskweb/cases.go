package deskweb

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"kua/internal/casefile"
	"kua/internal/desk"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/page"
	"kua/internal/seal"
	"kua/internal/spread"
)

type casesView struct {
	frame
	Cases  []caseRow
	Total  int
	Words  string
	State  string
	States []casefile.State
	Pager
}

type caseRow struct {
	casefile.Case
	Name      string
	StateText string
	When      string
}

func (f frame) caseRow(c casefile.Case) caseRow {
	return caseRow{Case: c, Name: f.caseName(c), StateText: f.T("deskweb.state." + string(c.State)), When: moment(f, c.Changed)}
}

// caseName is a case's working title, or its number while it has none.
func (f frame) caseName(c casefile.Case) string {
	if c.Title != "" {
		return c.Title
	}
	return f.T("deskweb.case.number", c.ID)
}

func casesPage(v *visit) error {
	view := casesView{frame: v.frame("cases", v.t("deskweb.cases.title")), States: casefile.States()}
	q := v.r.URL.Query()
	view.Words, view.State = q.Get("q"), q.Get("state")
	filter := desk.CaseFilter{Words: view.Words}
	if slices.Contains(view.States, casefile.State(view.State)) {
		filter.States = []casefile.State{casefile.State(view.State)}
	}
	page := v.pageNumber()
	list, err := v.desk.Cases(v.r.Context(), filter, page-1)
	if err != nil {
		return err
	}
	for _, c := range list.Cases {
		view.Cases = append(view.Cases, view.caseRow(c))
	}
	q.Del("page")
	at := "/cases?"
	if len(q) > 0 {
		at += q.Encode() + "&"
	}
	view.Total, view.Pager = list.Total, view.pager(page, list.Pages, at)
	return v.show("cases", view)
}

type caseView struct {
	frame
	Case     caseRow
	Reports  []reportRow
	Notes    []noteRow
	Findings []findingRow
	Replies  []replyRow
	// Answerable are the reports whose witness left a way to be answered.
	Answerable []reportRow
	People     []string
	Grades     []casefile.Grade
	MaxReply   int
	Closable   bool
	Withdrawn  bool             // readers see a tombstone
	Kit        bool             // the record is in the edition, so that it can be put up elsewhere
	Posts      []postRow        // where its record is carried on to
	Channels   []spread.Channel // where it could be
	// What a person wrote and the desk did not take, so that nothing is lost.
	Kept             map[string]string
	Error, ErrorHint string
}

type noteRow struct {
	casefile.Note
	When string
}

type findingRow struct {
	casefile.Finding
	GradeText, When string
}

type replyRow struct {
	casefile.Reply
	When string
	To   int64 // number of the report
	Held []string
	Left []leftRow
}

// leftRow is a node that does not hold a reply, and why.
type leftRow struct{ Node, Why string }

func casePage(v *visit) error { return v.showCase(nil) }

// showCase shows a case, after wrong with the words that were sent still in
// their fields.
func (v *visit) showCase(wrong error) error {
	c, err := v.desk.Case(v.r.Context(), v.number("id"))
	if err != nil {
		return err
	}
	view := caseView{frame: v.frame("cases", ""), Grades: casefile.Grades(), MaxReply: seal.MaxReplyText}
	view.Case = view.caseRow(c.Case)
	view.Title = view.Case.Name
	numbers := make(map[string]int64)
	for _, r := range c.Reports {
		row := view.reportRow(r)
		view.Reports = append(view.Reports, row)
		if r.Report != nil && r.Report.Reply != "" {
			view.Answerable = append(view.Answerable, row)
		}
		numbers[r.Parcel] = r.Number
	}
	for _, n := range c.Notes {
		view.Notes = append(view.Notes, noteRow{n, moment(view.frame, n.At)})
	}
	for _, x := range c.Findings {
		view.Findings = append(view.Findings, findingRow{x, view.T("deskweb.grade." + string(x.Grade)), moment(view.frame, x.At)})
	}
	for _, r := range c.Replies {
		view.Replies = append(view.Replies, view.replyRow(r, numbers[r.Parcel]))
	}
	for _, p := range v.desk.Charter().Current() {
		view.People = append(view.People, p.Name)
	}
	if c.Record != "" {
		if err := v.carried(&view, c.Record); err != nil {
			return err
		}
	}
	view.Withdrawn = c.Withdrawn
	view.Closable = casefile.Move(c.State, casefile.Closed) == nil && c.State != casefile.Closed
	view.Kit = v.inEdition(c.Record)
	if wrong != nil {
		view.Error, view.ErrorHint = view.Fault(wrong)
		view.Kept = make(map[string]string)
		for _, name := range []string{"text", "note", "subject", "reasons", "reason", "title"} {
			view.Kept[name] = v.form(name)
		}
		v.w.WriteHeader(page.Status(wrong))
	}
	return v.show("case", view)
}

// carried tells where a case's record stands beside the edition.
func (v *visit) carried(view *caseView, record string) (err error) {
	if view.Posts, err = v.postRows(v.r.Context(), view.frame, record); err != nil {
		return err
	}
	channels, err := v.desk.Channels(v.r.Context())
	for _, c := range channels {
		if !c.Removed {
			view.Channels = append(view.Channels, c)
		}
	}
	return err
}

func (f frame) replyRow(r casefile.Reply, to int64) replyRow {
	row := replyRow{Reply: r, When: moment(f, r.At), To: to}
	for _, d := range r.Sent {
		if d.Sent {
			row.Held = append(row.Held, d.Node)
			continue
		}
		why := ""
		if d.Fault != "" {
			why, _ = f.Fault(fault.New(fault.KindLater, d.Fault))
		}
		row.Left = append(row.Left, leftRow{d.Node, why})
	}
	return row
}

// at is the address of the visit's case, with a place on the page.
func (v *visit) at(place string) string { return "/cases/" + v.id() + place }

func titleCase(v *visit) error {
	if err := v.seat.SetTitle(v.r.Context(), v.number("id"), v.form("title")); err != nil {
		return v.showCase(err)
	}
	return v.done(v.at(""), "deskweb.saved")
}

func assignCase(v *visit) error {
	if err := v.seat.Assign(v.r.Context(), v.number("id"), v.form("person")); err != nil {
		return err
	}
	return v.done(v.at(""), "deskweb.saved")
}

func addNote(v *visit) error {
	if err := v.seat.AddNote(v.r.Context(), v.number("id"), v.form("note")); err != nil {
		return v.showCase(err)
	}
	return v.done(v.at("#notes"), "deskweb.note.added")
}

func addFinding(v *visit) error {
	err := v.seat.AddFinding(v.r.Context(), casefile.Finding{
		Case: v.number("id"), Subject: v.form("subject"), Grade: casefile.Grade(v.form("grade")), Reasons: v.form("reasons"),
	})
	if err != nil {
		return v.showCase(err)
	}
	return v.done(v.at("#findings"), "deskweb.finding.added")
}

func reply(v *visit) error {
	r, err := v.seat.Reply(v.r.Context(), v.number("id"), v.form("parcel"), v.form("text"))
	if err != nil {
		return v.showCase(err)
	}
	if r.Unsent() {
		return v.done(v.at("#replies"), "deskweb.reply.kept")
	}
	return v.done(v.at("#replies"), "deskweb.reply.sent")
}

func closeCase(v *visit) error {
	if err := v.seat.CloseCase(v.r.Context(), v.number("id"), v.form("reason")); err != nil {
		return v.showCase(err)
	}
	return v.done(v.at(""), "deskweb.case.closed")
}

func reopenCase(v *visit) error {
	if err := v.seat.ReopenCase(v.r.Context(), v.number("id")); err != nil {
		return err
	}
	return v.done(v.at(""), "deskweb.case.reopened")
}

type custodyView struct {
	frame
	Case   int64 // 0: everything
	Events []eventRow
}

type eventRow struct {
	evidence.Event
	When, Did     string
	About, Detail string // with hashes cut short
}

var longHash = regexp.MustCompile(`\b[0-9a-f]{64}\b`)

// short cuts hashes in a text to what tells them apart on a page.
func short(text string) string {
	return longHash.ReplaceAllStringFunc(text, func(h string) string { return h[:12] + "…" })
}

// custodyPage lists who did what to which bytes, the newest first.
func custodyPage(v *visit) error {
	id := v.number("id")
	view := custodyView{frame: v.frame("cases", v.t("deskweb.custody.title")), Case: id}
	events, err := v.desk.Custody(v.r.Context(), id)
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(events) {
		view.Events = append(view.Events, eventRow{
			Event: e, When: instant(view.frame, e.At), Did: view.T("deskweb.verb." + string(e.Verb)), About: short(e.Subject), Detail: short(e.Detail),
		})
	}
	return v.show("custody", view)
}

// checkCustody walks the whole chain.
func checkCustody(v *visit) error {
	head, err := v.desk.Check(v.r.Context())
	if err != nil {
		return err
	}
	return v.done("/people", "deskweb.custody.holds", head.Sequence, fmt.Sprintf("%.16s", head.Hash))
}

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}
