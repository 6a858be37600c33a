package desk

import (
	"context"
	"slices"
	"strings"

	"kua/internal/casefile"
	"kua/internal/desk/deskdb"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/parcel"
)

const pageSize = 50

// wordsOf gives the folded words of a report by which its case is found.
func wordsOf(r parcel.Report) string {
	parts := []string{r.Text, r.When, r.Where, r.Fear}
	for _, f := range r.Files {
		parts = append(parts, f.Name)
	}
	return locale.SearchText(strings.Join(parts, "\n"))
}

// Counts counts what waits for somebody.
func (d *Desk) Counts(ctx context.Context) (Counts, error) {
	d.mu.RLock()
	since := d.since
	d.mu.RUnlock()
	n, err := d.db.Counts(ctx, since)
	if err != nil {
		return Counts{}, err
	}
	wrapped, err := d.number(ctx, settingWrapped)
	if err != nil {
		return Counts{}, err
	}
	if int(wrapped) < since {
		n.Unwrapped++ // the database key, or a derivative
	}
	c := Counts{Unread: n.Unread, Arriving: n.Arriving, Refused: n.Refused, Cases: n.Cases, Unsent: n.Unsent,
		Proposals: n.Proposals, Unwrapped: n.Unwrapped}
	if c.Jobs, c.Failed, err = d.queue.Counts(ctx); err != nil {
		return c, err
	}
	nodes, err := d.Nodes(ctx)
	for _, s := range nodes {
		if s.Behind {
			c.Behind++
		}
	}
	return c, err
}

// InboxPage is one page of the reports that are in no case yet, newest first.
type InboxPage struct {
	Reports []casefile.Received
	Total   int
	Page    int // from 0
	Pages   int
}

// Inbox gives a page of the reports that are in no case yet.
func (d *Desk) Inbox(ctx context.Context, page int) (InboxPage, error) {
	page = max(page, 0)
	reports, total, err := d.db.Inbox(ctx, pageSize, page*pageSize)
	return InboxPage{Reports: reports, Total: total, Page: page, Pages: pages(total)}, err
}

func pages(total int) int { return (total + pageSize - 1) / pageSize }

// Received looks a report up and marks nothing: for what stands beside an
// original, such as what its witness allowed.
func (d *Desk) Received(ctx context.Context, parcel string) (casefile.Received, error) {
	return d.db.Received(ctx, parcel)
}

// Named gives the parcel whose id begins with what a person typed, four characters or
// more. The fault is desk.no_parcel where none does, desk.many_parcels where several do.
func (d *Desk) Named(ctx context.Context, begin string) (string, error) {
	if len(begin) < 4 {
		return "", fault.NotFound("desk.no_parcel", begin)
	}
	found, err := d.db.Beginning(ctx, begin)
	switch {
	case err != nil:
		return "", err
	case len(found) == 0:
		return "", fault.NotFound("desk.no_parcel", begin)
	case len(found) > 1:
		return "", fault.Conflict("desk.many_parcels", begin)
	}
	return found[0], nil
}

// Report gives one received report. Reading it through a seat marks it read, as
// soon as there is something to read.
func (s *Seat) Report(ctx context.Context, parcel string) (casefile.Received, error) {
	if err := s.current(); err != nil {
		return casefile.Received{}, err
	}
	return s.d.db.Read(ctx, s.actor(), parcel)
}

// MarkUnread puts a report back among the unread.
func (s *Seat) MarkUnread(ctx context.Context, parcel string) error {
	if err := s.current(); err != nil {
		return err
	}
	return s.d.db.MarkUnread(ctx, s.actor(), parcel)
}

// OpenCase makes a case of one or more reports and gives its id.
func (s *Seat) OpenCase(ctx context.Context, parcels ...string) (int64, error) {
	if err := s.current(); err != nil {
		return 0, err
	}
	if len(parcels) == 0 {
		return 0, fault.Invalid("desk.case_of_nothing")
	}
	title := ""
	for _, p := range parcels {
		r, err := s.d.db.Received(ctx, p)
		if err != nil {
			return 0, err
		}
		if title == "" && r.Report != nil {
			title = workingTitle(*r.Report)
		}
	}
	if title == "" {
		title = parcels[0][:min(8, len(parcels[0]))]
	}
	return s.d.db.OpenCase(ctx, s.actor(), title, locale.SearchText(title), parcels)
}

// workingTitle is the first line of what the witness wrote, cut short: private,
// and changed by whoever works on the case.
func workingTitle(r parcel.Report) string {
	for line := range strings.Lines(r.Text) {
		if line = strings.TrimSpace(line); line != "" {
			runes := []rune(line)
			if len(runes) > 70 {
				return string(runes[:69]) + "…"
			}
			return line
		}
	}
	return ""
}

// JoinCase puts a further report into a case.
func (s *Seat) JoinCase(ctx context.Context, id int64, parcel string) error {
	if err := s.current(); err != nil {
		return err
	}
	return s.d.db.JoinCase(ctx, s.actor(), id, parcel)
}

// CasePage is one page of cases, the last changed first.
type CasePage struct {
	Cases []casefile.Case
	Total int
	Page  int
	Pages int
}

// CaseFilter chooses cases; its zero value chooses all.
type CaseFilter struct {
	States   []casefile.State
	Assigned string
	Words    string // each of them must stand somewhere in the case
}

// Cases gives a page of cases.
func (d *Desk) Cases(ctx context.Context, f CaseFilter, page int) (CasePage, error) {
	page = max(page, 0)
	cases, total, err := d.db.Cases(ctx, deskdb.Filter{States: f.States, Assigned: f.Assigned, Words: locale.Words(f.Words)}, pageSize, page*pageSize)
	return CasePage{Cases: cases, Total: total, Page: page, Pages: pages(total)}, err
}

// CaseView is everything about one case.
type CaseView struct {
	casefile.Case
	Reports  []casefile.Received
	Notes    []casefile.Note
	Findings []casefile.Finding
	Replies  []casefile.Reply
	Warnings []casefile.Warning // for the newest draft
	// Withdrawn says that readers see a tombstone in the place of the case's record.
	Withdrawn bool
}

// Case gives a case with its reports, notes, findings and replies.
func (d *Desk) Case(ctx context.Context, id int64) (CaseView, error) {
	c, err := d.db.Case(ctx, id)
	if err != nil {
		return CaseView{}, err
	}
	v := CaseView{Case: c}
	if v.Reports, err = d.db.Reports(ctx, id); err != nil {
		return v, err
	}
	if v.Notes, err = d.db.Notes(ctx, id); err != nil {
		return v, err
	}
	if v.Findings, err = d.db.Findings(ctx, id); err != nil {
		return v, err
	}
	if v.Replies, err = d.db.Replies(ctx, id); err != nil {
		return v, err
	}
	if c.Record != "" {
		if v.Withdrawn, err = d.withdrawn(ctx, c.Record); err != nil {
			return v, err
		}
	}
	draft, _, err := d.Draft(ctx, id)
	if err == nil {
		v.Warnings, err = d.warnings(ctx, draft, v.Reports)
	}
	return v, err
}

// SetTitle changes a case's private working title.
func (s *Seat) SetTitle(ctx context.Context, id int64, title string) error {
	if err := s.current(); err != nil {
		return err
	}
	if err := casefile.CheckLine(title); err != nil {
		return err
	}
	return s.d.db.SetTitle(ctx, s.actor(), id, title, locale.SearchText(title))
}

// Assign gives a case to one of the current people, or with "" to nobody.
func (s *Seat) Assign(ctx context.Context, id int64, name string) error {
	if err := s.current(); err != nil {
		return err
	}
	known := name == ""
	for _, p := range s.d.Charter().Current() {
		known = known || p.Name == name
	}
	if !known {
		return fault.Invalid("desk.no_person", name)
	}
	return s.d.db.Assign(ctx, s.actor(), id, name)
}

// CloseCase puts a case away, with a reason. A case with unread reports cannot be closed.
func (s *Seat) CloseCase(ctx context.Context, id int64, reason string) error {
	if err := s.current(); err != nil {
		return err
	}
	if err := casefile.CheckLine(reason); err != nil {
		return err
	}
	return s.d.db.CloseCase(ctx, s.actor(), id, reason)
}

// ReopenCase takes a closed case out again.
func (s *Seat) ReopenCase(ctx context.Context, id int64) error {
	if err := s.current(); err != nil {
		return err
	}
	return s.d.db.ReopenCase(ctx, s.actor(), id)
}

// AddNote writes a note that is never changed.
func (s *Seat) AddNote(ctx context.Context, id int64, text string) error {
	if err := s.current(); err != nil {
		return err
	}
	if err := casefile.CheckWords(text); err != nil {
		return err
	}
	return s.d.db.AddNote(ctx, s.actor(), id, text, locale.SearchText(text))
}

// AddFinding writes a graded judgement that is never changed. ID, By and At are set here.
func (s *Seat) AddFinding(ctx context.Context, f casefile.Finding) error {
	if err := s.current(); err != nil {
		return err
	}
	if err := f.Validate(); err != nil {
		return err
	}
	return s.d.db.AddFinding(ctx, s.actor(), f, locale.SearchText(f.Subject+"\n"+f.Reasons))
}

// Custody gives the custody events of a case, the oldest first; of everything for id 0.
func (d *Desk) Custody(ctx context.Context, id int64) ([]evidence.Event, error) {
	return d.db.Custody(ctx, id)
}

// Check walks the whole custody chain and gives its head, or the fault
// evidence.broken_chain.
func (d *Desk) Check(ctx context.Context) (evidence.Head, error) { return d.db.VerifyCustody(ctx) }

// originalsOf gives all originals of reports by their ids.
func originalsOf(reports []casefile.Received) map[int64]evidence.Original {
	all := make(map[int64]evidence.Original)
	for _, r := range reports {
		for _, o := range r.Originals {
			all[o.ID] = o
		}
	}
	return all
}

// reportOf gives the report that an original came with.
func reportOf(reports []casefile.Received, original int64) *parcel.Report {
	for _, r := range reports {
		if slices.ContainsFunc(r.Originals, func(o evidence.Original) bool { return o.ID == original }) {
			return r.Report
		}
	}
	return nil
}
