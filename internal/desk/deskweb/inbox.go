package deskweb

import (
	"context"
	"fmt"

	"kua/internal/casefile"
	"kua/internal/desk"
	"kua/internal/fault"
)

type inboxView struct {
	frame
	Reports []reportRow
	Total   int
	Pager
}

// Pager leads through a list in pages, counted from 1.
type Pager struct {
	Page, Pages int
	Prev, Next  string // addresses, "" where there is none
}

func (f frame) pager(page, pages int, path string) Pager {
	p := Pager{Page: page, Pages: max(1, pages)}
	if page > 1 {
		p.Prev = f.Href(fmt.Sprintf("%spage=%d", path, page-1))
	}
	if page < pages {
		p.Next = f.Href(fmt.Sprintf("%spage=%d", path, page+1))
	}
	return p
}

// reportRow is one report with everything a page says of it.
type reportRow struct {
	casefile.Received
	What      string // in words
	Language  string
	State     string // arriving, whole, refused
	StateText string
	Why, Hint string // of a refused one
	Percent   int
	Dated     string
	Exhibits  []originalRow
}

func (f frame) reportRow(r casefile.Received) reportRow {
	row := reportRow{Received: r, State: string(r.Stage), Dated: f.Date(r.Day), Percent: percent(r.Held, r.Size)}
	row.What = f.T("deskweb.report.sealed")
	if r.Report != nil {
		row.What = f.T("deskweb.what." + r.Report.What)
		row.Language = r.Report.Language
	}
	switch {
	case r.Stage == casefile.Whole:
		row.StateText = f.T("deskweb.report.whole")
	case r.Stage == casefile.Refused:
		row.StateText = f.T("deskweb.report.refused")
		row.Why, row.Hint = f.Fault(fault.Corrupt(r.Fault, r.FaultArgs...))
	case r.Report == nil:
		row.StateText = f.T("deskweb.report.nothing", row.Percent)
	default:
		row.StateText = f.T("deskweb.report.arriving", row.Percent)
	}
	for _, o := range r.Originals {
		row.Exhibits = append(row.Exhibits, f.originalRow(o))
	}
	return row
}

func inbox(v *visit) error {
	view := inboxView{frame: v.frame("inbox", v.t("deskweb.inbox.title"))}
	page := v.pageNumber()
	list, err := v.desk.Inbox(v.r.Context(), page-1)
	if err != nil {
		return err
	}
	for _, r := range list.Reports {
		view.Reports = append(view.Reports, view.reportRow(r))
	}
	view.Total, view.Pager = list.Total, view.pager(page, list.Pages, "/inbox?")
	return v.show("inbox", view)
}

type reportView struct {
	frame
	Report reportRow
	Cases  []casefile.Case // to which it can be added
}

// reportPage shows one report. Having it on the screen marks it read.
func reportPage(v *visit) error {
	ctx := v.r.Context()
	r, err := v.seat.Report(ctx, v.id())
	if err != nil {
		return err
	}
	view := reportView{frame: v.frame("inbox", v.t("deskweb.report.title", r.Number)), Report: reportRow{}}
	view.Report = view.reportRow(r)
	if r.Case == 0 {
		if view.Cases, err = openCases(ctx, v.desk); err != nil {
			return err
		}
	}
	return v.show("report", view)
}

// openCases gives the cases that were worked on last and are not closed.
func openCases(ctx context.Context, d *desk.Desk) ([]casefile.Case, error) {
	list, err := d.Cases(ctx, desk.CaseFilter{States: []casefile.State{
		casefile.New, casefile.Open, casefile.Drafting, casefile.Proposed, casefile.Published,
	}}, 0)
	return list.Cases, err
}

func markUnread(v *visit) error {
	if err := v.seat.MarkUnread(v.r.Context(), v.id()); err != nil {
		return err
	}
	return v.done("/inbox", "deskweb.report.marked_unread")
}

func openCase(v *visit) error {
	id, err := v.seat.OpenCase(v.r.Context(), v.id())
	if err != nil {
		return err
	}
	return v.done(fmt.Sprintf("/cases/%d", id), "deskweb.case.opened", id)
}

func joinCase(v *visit) error {
	id := number(v.form("case"))
	if id == 0 {
		return fault.Invalid("deskweb.case.choose")
	}
	if err := v.seat.JoinCase(v.r.Context(), id, v.id()); err != nil {
		return err
	}
	return v.done(fmt.Sprintf("/cases/%d", id), "deskweb.case.joined", id)
}
