package desk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"kua/internal/canon"
	"kua/internal/casefile"
	"kua/internal/desk/deskdb"
	"kua/internal/edition"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/record"
)

// ProposalState is where a proposal stands.
type ProposalState string

// The states of a proposal.
const (
	Waiting  ProposalState = deskdb.Waiting  // lacks signatures
	Approved ProposalState = deskdb.Approved // has them; the publishing is under way or will be resumed
	Done     ProposalState = deskdb.Done     // in the log and the tree; the nodes are in Nodes
	Declined ProposalState = deskdb.Declined // turned down by a person
	Stale    ProposalState = deskdb.Stale    // another edition or charter came first: propose again
)

// Proposal is a staged edition that waits for signatures or went out.
type Proposal struct {
	ID       int64
	State    ProposalState
	Edition  int
	Manifest string // SHA-256: what the signatures bind
	By       string
	At       time.Time
	Signed   []string // names of those who signed
	Needs    int      // signatures still missing
	Reason   string   // why it was declined
	Made     string   // while it waits: what this machine's clock said, as the edition will say it
	After    string   // while it waits: when the edition before it was made, if that is later
	Records  []ProposedRecord
	Changed  []ProposedFile // what differs from the edition before
}

// ProposedRecord is one record of a proposal.
type ProposedRecord struct {
	Case     int64
	ID       string
	Version  int
	Title    casefile.Text
	SHA256   string
	Withdraw bool
	Pages    map[string]string // language → path of its page for PreviewFile
}

// ProposedFile is a file that a proposal adds, changes or removes.
type ProposedFile struct {
	Path    string
	Size    int64
	Removed bool
}

// Propose builds the records of cases from their newest drafts, stages the next
// edition and signs both as this person. The cases' drafts must pass
// CheckDraft, and the person must have gone through everything of
// casefile.Checklist: checked says what. Without cases it renews the edition,
// its date and its charter, and there is nothing to check.
func (s *Seat) Propose(ctx context.Context, checked []string, cases ...int64) (Proposal, error) {
	if err := s.current(); err != nil {
		return Proposal{}, err
	}
	var all []deskdb.Proposed
	for _, id := range cases {
		if _, lacks, err := s.d.build(ctx, id); err != nil || lacks != nil {
			return Proposal{}, errors.Join(err, oneOf(lacks))
		}
		if _, err := s.d.db.ReserveRecord(ctx, id); err != nil {
			return Proposal{}, err
		}
		r, lacks, err := s.d.build(ctx, id)
		if err != nil || lacks != nil {
			return Proposal{}, errors.Join(err, oneOf(lacks))
		}
		p, err := proposed(id, r)
		if err != nil {
			return Proposal{}, err
		}
		all = append(all, p)
	}
	return s.propose(ctx, all, checked)
}

// ProposeWithdrawal proposes to replace a case's published record by a
// tombstone with a reason in the charter's languages.
func (s *Seat) ProposeWithdrawal(ctx context.Context, id int64, reason casefile.Text) (Proposal, error) {
	if err := s.current(); err != nil {
		return Proposal{}, err
	}
	r, err := s.d.tombstone(ctx, id, reason)
	if err != nil {
		return Proposal{}, err
	}
	p, err := proposed(id, r)
	if err != nil {
		return Proposal{}, err
	}
	return s.propose(ctx, []deskdb.Proposed{p}, nil)
}

func proposed(caseID int64, r record.Record) (deskdb.Proposed, error) {
	document, err := r.Bytes()
	return deskdb.Proposed{Case: caseID, Record: r.ID, Version: r.Version, Withdraw: r.Status == record.Withdrawn, Document: document}, err
}

// propose stages the next edition and keeps it with the first signatures.
func (s *Seat) propose(ctx context.Context, records []deskdb.Proposed, checked []string) (Proposal, error) {
	list, err := wentThrough(records, checked)
	if err != nil {
		return Proposal{}, err
	}
	s.d.publishing.Lock()
	defer s.d.publishing.Unlock()
	if err := s.d.clearStage(ctx); err != nil {
		return Proposal{}, err
	}
	p, err := s.d.stage(ctx, records)
	if err != nil {
		return Proposal{}, fmt.Errorf("stage the edition: %w", err)
	}
	p.Checked = list
	if err := s.d.gateStaged(ctx, s.actor(), p, "proposed"); err != nil {
		return Proposal{}, errors.Join(err, os.RemoveAll(s.d.overlay()))
	}
	sigs := map[string][]byte{canon.Hash(p.Manifest): s.person.Sign(p.Manifest)}
	for _, r := range records {
		sigs[canon.Hash(r.Document)] = s.person.Sign(r.Document)
	}
	id, err := s.d.db.Propose(ctx, s.actor(), p, sigs, s.d.Charter().Threshold <= 1)
	if err != nil {
		return Proposal{}, err
	}
	return s.d.started(ctx, id, s.Name())
}

// started gives a proposal that was just signed, and starts its publishing when
// it has all its signatures.
func (d *Desk) started(ctx context.Context, id int64, by string) (Proposal, error) {
	p, err := d.Proposal(ctx, id)
	if err == nil && p.State == Approved {
		_, err = d.queue.Add(ctx, jobPublish, fmt.Sprintf("edition %d", p.Edition), by)
	}
	return p, err
}

// clearStage refuses to stage over a proposal that still waits or is being
// published, unless it has fallen behind.
func (d *Desk) clearStage(ctx context.Context) error {
	approved, err := d.db.Proposals(ctx, deskdb.Approved)
	if err != nil {
		return err
	}
	if len(approved) > 0 {
		return fault.Conflict("desk.proposal_open", approved[0].ID)
	}
	waiting, err := d.db.Proposals(ctx, deskdb.Waiting)
	for _, p := range waiting {
		if d.stillFits(p) == nil {
			return fault.Conflict("desk.proposal_open", p.ID)
		}
		if err := d.db.Decline(ctx, evidence.Machine(), p.ID, deskdb.Stale, ""); err != nil {
			return err
		}
	}
	return err
}

// Proposals gives all proposals, the newest first.
func (d *Desk) Proposals(ctx context.Context) ([]Proposal, error) {
	kept, err := d.db.Proposals(ctx, "")
	var all []Proposal
	for _, p := range kept {
		if err == nil {
			var out Proposal
			out, err = d.proposal(ctx, p)
			all = append(all, out)
		}
	}
	return all, err
}

// Proposal gives one proposal.
func (d *Desk) Proposal(ctx context.Context, id int64) (Proposal, error) {
	p, err := d.db.Proposal(ctx, id)
	if err != nil {
		return Proposal{}, err
	}
	return d.proposal(ctx, p)
}

func (d *Desk) proposal(ctx context.Context, p deskdb.Proposal) (Proposal, error) {
	out := Proposal{ID: p.ID, State: ProposalState(p.State), Edition: p.Edition, Manifest: canon.Hash(p.Manifest), By: p.By, At: p.At, Reason: p.Reason}
	if out.State == Waiting && d.stillFits(p) != nil {
		out.State = Stale
	}
	if out.State == Waiting { // of all that ever was a list would read every manifest
		m, err := edition.ParseManifest(p.Manifest)
		if err != nil {
			return out, err
		}
		out.Made = m.Made
		if before, err := d.edition(); err == nil && before.manifest.Made > m.Made {
			out.After = before.manifest.Made
		}
	}
	signed, err := d.db.Signatures(ctx, out.Manifest)
	if err != nil {
		return out, err
	}
	for _, s := range signed {
		out.Signed = append(out.Signed, s.By)
	}
	if out.State == Waiting {
		out.Needs = max(0, d.Charter().Threshold-len(signed))
	}
	for _, c := range p.Changed {
		out.Changed = append(out.Changed, ProposedFile(c))
	}
	for _, r := range p.Records {
		rec, err := record.Parse(r.Document)
		if err != nil {
			return out, err
		}
		out.Records = append(out.Records, ProposedRecord{Case: r.Case, ID: r.Record, Version: r.Version, Title: casefile.Text(rec.Title),
			SHA256: canon.Hash(r.Document), Withdraw: r.Withdraw, Pages: pagesOf(rec, d.Charter())})
	}
	return out, nil
}
