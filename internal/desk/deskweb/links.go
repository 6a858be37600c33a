package deskweb

import (
	"context"

	"kua/internal/casefile"
)

// linkLines says, for each report that a warning leads to, which it is, since
// when it is here and how strong the tie is, in words and never in a number.
func (f frame) linkLines(w casefile.Warning) []string {
	var lines []string
	for _, l := range w.Links {
		lines = append(lines, l.Line(f.T, f.Date(l.Day)))
	}
	return lines
}

// tieRow is a warning about a link as the second person sees it: with what the
// first one answered.
type tieRow struct {
	Text, Answer string
	Lines        []string
}

// ties gives what the exhibits of a record lead to.
func (v *visit) ties(ctx context.Context, f frame, caseID int64) ([]tieRow, error) {
	c, err := v.desk.Case(ctx, caseID)
	if err != nil {
		return nil, err
	}
	var rows []tieRow
	for _, w := range c.Warnings {
		if len(w.Links) > 0 {
			rows = append(rows, tieRow{Text: f.warning(w), Answer: w.Answer, Lines: f.linkLines(w)})
		}
	}
	return rows, nil
}

// unread gives what of a case's originals could not be compared.
func (v *visit) unread(ctx context.Context, f frame, caseID int64) ([]string, error) {
	all, err := v.desk.Links(ctx, caseID)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, l := range all {
		name := f.T("deskweb.original.number", l.Original.ID)
		if l.Pictures != nil {
			why, _ := f.Fault(l.Pictures)
			lines = append(lines, f.T("links.unread.pictures", name, why))
		}
		if l.Marks != nil {
			why, _ := f.Fault(l.Marks)
			lines = append(lines, f.T("links.unread.marks", name, why))
		}
	}
	return lines, nil
}

// checkRow is one item of the list that both people go through.
type checkRow struct {
	Name, Text string
	Ticked     bool
}

// checklist gives the list for a form. What was ticked before a refusal stays
// ticked.
func (v *visit) checklist(f frame) []checkRow {
	var rows []checkRow
	for _, name := range casefile.Checklist() {
		rows = append(rows, checkRow{Name: name, Text: f.T("links.check." + name), Ticked: contains(v.r.PostForm["checked"], name)})
	}
	return rows
}
