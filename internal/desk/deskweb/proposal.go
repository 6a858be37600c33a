package deskweb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"kua/internal/casefile"
	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/locale"
)

type publishView struct {
	frame
	ForMe     []proposalRow
	Others    []proposalRow // waiting for somebody else
	Going     []proposalRow // approved, on their way
	Past      []proposalRow
	Ready     []caseRow // drafts that could be proposed now
	Nodes     []nodeRow
	Behind    bool
	Publish   errand
	Published *workRow
	Checklist []checkRow
}

type proposalRow struct {
	desk.Proposal
	When, StateText string
	Titles          []string
}

func (f frame) proposalRow(p desk.Proposal) proposalRow {
	row := proposalRow{Proposal: p, When: moment(f, p.At), StateText: f.T("deskweb.proposal." + string(p.State))}
	for _, r := range p.Records {
		title, _ := f.Lang.Text(r.Title)
		if title == "" {
			title = f.T("deskweb.proposal.record", r.ID)
		}
		row.Titles = append(row.Titles, title)
	}
	if len(p.Records) == 0 {
		row.Titles = []string{f.T("renew.title")}
	}
	return row
}

func publishPage(v *visit) error {
	ctx := v.r.Context()
	view := publishView{frame: v.frame("publish", v.t("deskweb.publish.title"))}
	all, err := v.desk.Proposals(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		row := view.proposalRow(p)
		switch {
		case p.State == desk.Waiting && contains(p.Signed, v.seat.Name()):
			view.Others = append(view.Others, row)
		case p.State == desk.Waiting:
			view.ForMe = append(view.ForMe, row)
		case p.State == desk.Approved:
			view.Going = append(view.Going, row)
		default:
			view.Past = append(view.Past, row)
		}
	}
	if view.Ready, err = v.readyCases(ctx, view.frame); err != nil {
		return err
	}
	view.Checklist = v.checklist(view.frame)
	if view.Nodes, err = v.nodeRows(ctx, view.frame); err != nil {
		return err
	}
	for _, n := range view.Nodes {
		view.Behind = view.Behind || n.Behind
	}
	if e := v.app.errands.look("publish"); e.Kind != "" {
		row := errandRow(view.frame, e)
		view.Published = &row
	}
	return v.show("publish", view)
}

// readyCases gives the cases whose newest draft could be proposed as it is.
func (v *visit) readyCases(ctx context.Context, f frame) ([]caseRow, error) {
	list, err := v.desk.Cases(ctx, desk.CaseFilter{States: []casefile.State{casefile.Drafting}}, 0)
	if err != nil {
		return nil, err
	}
	var ready []caseRow
	for _, c := range list.Cases {
		problems, err := v.desk.CheckDraft(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		if len(problems) == 0 {
			ready = append(ready, f.caseRow(c))
		}
	}
	return ready, nil
}

// propose stages the next edition from the chosen cases, or one without news where that
// is asked for, and signs it as this person.
func propose(v *visit) error {
	var ids []int64
	for _, c := range v.r.PostForm["case"] {
		ids = append(ids, number(c))
	}
	if len(ids) == 0 && v.form("renew") == "" {
		return fault.Invalid("deskweb.publish.choose")
	}
	p, err := v.seat.Propose(v.r.Context(), v.r.PostForm["checked"], ids...)
	if err != nil {
		return err
	}
	v.started(p)
	return v.done(fmt.Sprintf("/publish/%d", p.ID), "deskweb.publish.proposed")
}

type proposalView struct {
	frame
	P         proposalRow
	Records   []recordRow
	Files     []desk.ProposedFile
	Pages     int // of Files, how many are pages
	CanSign   bool
	Mine      bool // signed by this person
	CanDrop   bool
	Unseen    []string // titles of records without a previewed page
	Wrong     string
	WrongHint string
	Ticked    map[string]bool
	Shows     bool       // it shows something that was not public, so that the checks are to be answered for
	Checklist []checkRow // of what leads to a person; none for a withdrawal
}

type recordRow struct {
	desk.ProposedRecord
	Name  string
	Links []pageLink
	Ties  []tieRow
}

type pageLink struct {
	Tag  locale.Tag
	Href string
	Seen bool
}

func proposalPage(v *visit) error { return v.showProposal(nil) }

func (v *visit) showProposal(wrong error) error {
	p, err := v.desk.Proposal(v.r.Context(), v.number("id"))
	if err != nil {
		return err
	}
	view := proposalView{frame: v.frame("publish", v.t("deskweb.proposal.title", p.Edition)), Files: p.Changed}
	view.P = view.proposalRow(p)
	for i, r := range p.Records {
		row := recordRow{ProposedRecord: r, Name: view.P.Titles[i]}
		for _, t := range locale.Tags() {
			if path, ok := r.Pages[string(t)]; ok && p.State == desk.Waiting { // later there is nothing staged to look at
				row.Links = append(row.Links, pageLink{t, fmt.Sprintf("/preview/%d/%s", p.ID, path), v.previewed(p.ID, path)})
			}
		}
		if !slices.ContainsFunc(row.Links, func(l pageLink) bool { return l.Seen }) {
			view.Unseen = append(view.Unseen, row.Name)
		}
		if !r.Withdraw {
			view.Shows = true
			view.Checklist = v.checklist(view.frame)
			if row.Ties, err = v.ties(v.r.Context(), view.frame, r.Case); err != nil {
				return err
			}
		}
		view.Records = append(view.Records, row)
	}
	for _, f := range p.Changed {
		if strings.HasSuffix(f.Path, ".html") {
			view.Pages++
		}
	}
	view.Mine = contains(p.Signed, v.seat.Name())
	view.CanSign = p.State == desk.Waiting && !view.Mine
	view.CanDrop = p.State == desk.Waiting
	if wrong != nil {
		view.Wrong, view.WrongHint = view.Fault(wrong)
		view.Ticked = make(map[string]bool)
		for _, c := range checks {
			view.Ticked[c] = v.form(c) != ""
		}
		v.w.WriteHeader(statusOf(wrong))
	}
	return v.show("proposal", view)
}

// previewed reports whether this person has had a page of a proposal on the screen.
func (v *visit) previewed(proposal int64, path string) bool {
	return v.app.sessions.has(v.who, fmt.Sprintf("%d/%s", proposal, path))
}

// checks are what the second person answers for before signing what shows something.
var checks = []string{"covers", "words", "place"}

// approve signs what was staged, after its pages were looked at and every check
// was ticked.
func approve(v *visit) error {
	ctx, id := v.r.Context(), v.number("id")
	p, err := v.desk.Proposal(ctx, id)
	if err != nil {
		return err
	}
	for _, r := range p.Records {
		seen := false
		for _, path := range r.Pages {
			seen = seen || v.previewed(id, path)
		}
		if !seen {
			return v.showProposal(fault.Conflict("deskweb.approve.unseen"))
		}
	}
	shows := slices.ContainsFunc(p.Records, func(r desk.ProposedRecord) bool { return !r.Withdraw })
	for _, c := range checks {
		if shows && v.form(c) == "" {
			return v.showProposal(fault.Invalid("deskweb.approve.unchecked"))
		}
	}
	if v.form("manifest") != p.Manifest {
		return v.showProposal(fault.Conflict("deskweb.approve.other"))
	}
	approved, err := v.seat.Approve(ctx, id, v.r.PostForm["checked"])
	if err != nil {
		return v.showProposal(err)
	}
	v.started(approved)
	return v.done("/work", "deskweb.approve.done")
}

func decline(v *visit) error {
	if err := v.seat.Decline(v.r.Context(), v.number("id"), v.form("reason")); err != nil {
		return v.showProposal(err)
	}
	return v.done("/publish", "deskweb.decline.done")
}

// started calls channels and nodes for whoever sits here, when a proposal has got
// its last signature. The desk publishes it by itself, but calls no channel.
func (v *visit) started(p desk.Proposal) {
	if p.State == desk.Approved {
		v.publish()
	}
}

// publish brings the newest edition to the nodes that do not hold it yet.
func publish(v *visit) error {
	v.publish()
	return v.to("/work")
}

// publish takes away at channels what an edition withdrew, brings the edition to
// the nodes and then sends what waited for one.
func (v *visit) publish() {
	d, a, by := v.desk, v.app, v.seat.Name()
	a.runAfter("publish", by, func(ctx context.Context, note func(func(*errand))) (any, error) {
		result, err := d.PublishAndTakeAway(ctx, func(step string, done, total int64) {
			note(func(e *errand) { e.Step, e.Done, e.Total = step, done, total })
		})
		a.sendPosts(d, by)
		return result, err
	})
}

type withdrawView struct {
	frame
	Case             int64
	CaseName         string
	Record           string
	Languages        []tab
	Kept             map[string]string
	Error, ErrorHint string
}

func withdrawPage(v *visit) error { return v.showWithdraw(nil) }

func (v *visit) showWithdraw(wrong error) error {
	ctx, id := v.r.Context(), v.number("id")
	c, err := v.desk.Case(ctx, id)
	if err != nil {
		return err
	}
	if c.Record == "" {
		return fault.Conflict("deskweb.withdraw.nothing")
	}
	draft, _, err := v.desk.Draft(ctx, id)
	if err != nil {
		return err
	}
	view := withdrawView{frame: v.frame("cases", v.t("deskweb.withdraw.title")), Case: id, Record: c.Record, Kept: make(map[string]string)}
	view.CaseName = view.caseName(c.Case)
	for _, l := range draft.Languages {
		view.Languages = append(view.Languages, tab{Tag: locale.Tag(l)})
		view.Kept[l] = v.form("reason." + l)
	}
	if wrong != nil {
		view.Error, view.ErrorHint = view.Fault(wrong)
		v.w.WriteHeader(statusOf(wrong))
	}
	return v.show("withdraw", view)
}

// withdraw proposes to replace the record by a tombstone: a second person
// signs that too.
func withdraw(v *visit) error {
	if v.form("sure") == "" {
		return v.showWithdraw(fault.Invalid("deskweb.withdraw.unsure"))
	}
	reason := make(casefile.Text)
	for _, t := range writable() {
		if words := v.form("reason." + string(t)); words != "" {
			reason[string(t)] = words
		}
	}
	p, err := v.seat.ProposeWithdrawal(v.r.Context(), v.number("id"), reason)
	if err != nil {
		return v.showWithdraw(err)
	}
	v.started(p)
	return v.done(fmt.Sprintf("/publish/%d", p.ID), "deskweb.publish.proposed")
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// instant writes an RFC 3339 instant for people.
func instant(f frame, at string) string {
	t, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return at
	}
	return moment(f, t)
}
