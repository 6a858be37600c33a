package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kua/internal/canon"
	"kua/internal/casefile"
	"kua/internal/charter"
	"kua/internal/desk/deskdb"
	"kua/internal/edition"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/record"
	"kua/internal/site"
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
// CheckDraft. Without cases it renews the edition: its date, its charter.
func (s *Seat) Propose(ctx context.Context, cases ...int64) (Proposal, error) {
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
	return s.propose(ctx, all)
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
	return s.propose(ctx, []deskdb.Proposed{p})
}

func proposed(caseID int64, r record.Record) (deskdb.Proposed, error) {
	document, err := r.Bytes()
	return deskdb.Proposed{Case: caseID, Record: r.ID, Version: r.Version, Withdraw: r.Status == record.Withdrawn, Document: document}, err
}

// propose stages the next edition and keeps it with the first signatures.
func (s *Seat) propose(ctx context.Context, records []deskdb.Proposed) (Proposal, error) {
	s.d.publishing.Lock()
	defer s.d.publishing.Unlock()
	if err := s.d.clearStage(ctx); err != nil {
		return Proposal{}, err
	}
	p, err := s.d.stage(ctx, records)
	if err != nil {
		return Proposal{}, fmt.Errorf("stage the edition: %w", err)
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

// stage renders the next edition into the overlay.
func (d *Desk) stage(ctx context.Context, records []deskdb.Proposed) (deskdb.Proposal, error) {
	c, chain := d.Charter(), d.Chain()
	charterID, err := c.ID()
	if err != nil {
		return deskdb.Proposal{}, err
	}
	size, unlogged, err := d.logSize()
	if err != nil {
		return deskdb.Proposal{}, err
	}
	in := site.Input{Chain: chain, Charter: c, Made: d.cfg.Now().UTC(), LogSize: size + uint64(unlogged), Blobs: d.blobs(ctx)}
	for _, r := range records {
		rec, err := record.Parse(r.Document)
		if err != nil {
			return deskdb.Proposal{}, err
		}
		in.Changes = append(in.Changes, site.Change{Record: rec, Document: r.Document})
	}
	if err := os.MkdirAll(d.Tree(), 0o755); err != nil {
		return deskdb.Proposal{}, err
	}
	m, err := d.site.Update(ctx, d.Tree(), d.overlay(), in)
	if err != nil {
		return deskdb.Proposal{}, err
	}
	manifest, err := m.Bytes()
	if err != nil {
		return deskdb.Proposal{}, err
	}
	changed, err := d.changes(m)
	return deskdb.Proposal{Edition: m.Number, Manifest: manifest, LogSize: in.LogSize, Charter: charterID, Records: records, Changed: changed}, err
}

// blobs gives the site the derivatives it publishes, decrypted as they are read.
func (d *Desk) blobs(ctx context.Context) site.Blob {
	return func(sum string) (io.ReadCloser, error) {
		m, err := d.db.DerivativeOf(ctx, sum)
		if err != nil {
			return nil, err
		}
		return d.openDerived(d.person, m)
	}
}

// changes lists what the staged edition changes.
func (d *Desk) changes(next edition.Manifest) ([]deskdb.Change, error) {
	now, err := d.edition()
	if err != nil {
		return nil, err
	}
	var before *edition.Manifest
	if now.number > 0 {
		before = &now.manifest
	}
	changed, removed, err := edition.Diff(before, &next, edition.FilesIn(os.DirFS(d.Tree())), d.staged())
	if err != nil {
		return nil, err
	}
	var all []deskdb.Change
	for _, f := range changed {
		all = append(all, deskdb.Change{Path: f.Path, Size: f.Size})
	}
	for _, p := range removed {
		all = append(all, deskdb.Change{Path: p, Removed: true})
	}
	slices.SortFunc(all, func(a, b deskdb.Change) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

// staged reads a part from the overlay, or from the tree when it did not change.
func (d *Desk) staged() edition.Files {
	overlay, tree := edition.FilesIn(os.DirFS(d.overlay())), edition.FilesIn(os.DirFS(d.Tree()))
	return func(p edition.Part) ([]edition.File, error) {
		if _, err := os.Lstat(filepath.Join(d.overlay(), filepath.FromSlash(p.Path()))); err == nil {
			return overlay(p)
		}
		return tree(p)
	}
}

// current is the newest published edition.
type current struct {
	number   int
	manifest edition.Manifest
	document []byte
	hash     string
}

// edition reads the tree's manifest; number 0 when nothing was published yet.
func (d *Desk) edition() (current, error) {
	doc, err := os.ReadFile(filepath.Join(d.Tree(), edition.ManifestPath))
	if errors.Is(err, fs.ErrNotExist) {
		return current{}, nil
	}
	if err != nil {
		return current{}, err
	}
	m, err := edition.ParseManifest(doc)
	if err != nil {
		return current{}, fmt.Errorf("read the newest edition: %w", err)
	}
	return current{number: m.Number, manifest: m, document: doc, hash: canon.Hash(doc)}, nil
}

// stillFits says whether a proposal is the next edition under the present
// charter on the present log.
func (d *Desk) stillFits(p deskdb.Proposal) error {
	now, err := d.edition()
	if err != nil {
		return err
	}
	size, unlogged, err := d.logSize()
	if err != nil {
		return err
	}
	id, err := d.Charter().ID()
	if err != nil {
		return err
	}
	m, err := edition.ParseManifest(p.Manifest)
	if err != nil {
		return err
	}
	if p.Edition != now.number+1 || m.Previous != now.hash || p.Charter != id || p.LogSize != size+uint64(unlogged) {
		return fault.Conflict("desk.proposal_stale", p.ID)
	}
	return nil
}

// Approve adds this person's signatures to exactly what was staged: every
// staged byte is checked against the manifest first. Who proposed cannot
// approve. With the last signature that was missing the publishing starts as a
// job; nothing but a further proposal changes the edition after that.
func (s *Seat) Approve(ctx context.Context, id int64) (Proposal, error) {
	if err := s.current(); err != nil {
		return Proposal{}, err
	}
	s.d.publishing.Lock()
	defer s.d.publishing.Unlock()
	p, err := s.d.db.Proposal(ctx, id)
	if err != nil {
		return Proposal{}, err
	}
	if p.State != deskdb.Waiting {
		return Proposal{}, fault.Conflict("desk.proposal_state", id, p.State)
	}
	if err := s.d.stillFits(p); err != nil {
		return Proposal{}, errors.Join(err, s.d.db.Decline(ctx, evidence.Machine(), id, deskdb.Stale, ""))
	}
	if err := s.d.checkStage(p); err != nil {
		return Proposal{}, err
	}
	if err := s.sign(ctx, p); err != nil {
		return Proposal{}, err
	}
	return s.d.started(ctx, id, s.Name())
}

// sign adds the person's signatures; they suffice when every document then has
// the threshold of the charter.
func (s *Seat) sign(ctx context.Context, p deskdb.Proposal) error {
	sigs := map[string][]byte{canon.Hash(p.Manifest): s.person.Sign(p.Manifest)}
	documents := [][]byte{p.Manifest}
	for _, r := range p.Records {
		sigs[canon.Hash(r.Document)] = s.person.Sign(r.Document)
		documents = append(documents, r.Document)
	}
	enough := true
	for _, doc := range documents {
		all, err := s.d.db.SignaturesOf(ctx, doc)
		if err != nil {
			return err
		}
		all[s.KeyID()] = sigs[canon.Hash(doc)]
		enough = enough && s.d.Charter().Verify(doc, all) == nil
	}
	return s.d.db.Approve(ctx, s.actor(), p, sigs, enough)
}

// checkStage checks every staged file against the manifest that is signed: what
// was changed on the disk after the first signature is never approved.
func (d *Desk) checkStage(p deskdb.Proposal) error {
	m, err := edition.ParseManifest(p.Manifest)
	if err != nil {
		return err
	}
	doc, err := os.ReadFile(filepath.Join(d.overlay(), edition.ManifestPath))
	if err != nil || canon.Hash(doc) != canon.Hash(p.Manifest) {
		return fault.Corrupt("desk.stage_changed", edition.ManifestPath).Because(err)
	}
	now, err := d.edition()
	if err != nil {
		return err
	}
	var before *edition.Manifest
	if now.number > 0 {
		before = &now.manifest
	}
	changed, _, err := edition.Diff(before, &m, edition.FilesIn(os.DirFS(d.Tree())), d.staged())
	if err != nil {
		return err
	}
	for _, f := range changed {
		if err := d.checkStaged(f); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) checkStaged(f edition.File) error {
	path, err := d.stagedPath(f.Path)
	if err != nil {
		return fault.Corrupt("desk.stage_changed", f.Path).Because(err)
	}
	size, sum, err := hashFile(path)
	if err != nil || size != f.Size || sum != f.SHA256 {
		return fault.Corrupt("desk.stage_changed", f.Path).Because(err)
	}
	return nil
}

// stagedPath is where a file of the staged edition lies now.
func (d *Desk) stagedPath(path string) (string, error) {
	if err := edition.CheckPath(path); err != nil {
		return "", err
	}
	for _, root := range []string{d.overlay(), d.Tree()} {
		name := filepath.Join(root, filepath.FromSlash(path))
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() {
			return name, nil
		}
	}
	return "", fault.NotFound("desk.no_file", path)
}

// Decline turns a proposal down, with a reason, before it has its signatures.
// The person who proposed may do it too.
func (s *Seat) Decline(ctx context.Context, id int64, reason string) error {
	if err := s.current(); err != nil {
		return err
	}
	if err := casefile.CheckLine(reason); err != nil {
		return err
	}
	s.d.publishing.Lock()
	defer s.d.publishing.Unlock()
	if err := s.d.db.Decline(ctx, s.actor(), id, deskdb.Declined, reason); err != nil {
		return err
	}
	return os.RemoveAll(s.d.overlay())
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

// PreviewFile opens one file of the site as it will be: the staged one, or the
// present edition's where the proposal does not change it. The path is an
// edition's path, without a leading slash.
func (s *Seat) PreviewFile(ctx context.Context, proposal int64, path string) (*Opened, error) {
	if err := s.current(); err != nil {
		return nil, err
	}
	p, err := s.d.db.Preview(ctx, s.actor(), proposal)
	if err != nil {
		return nil, err
	}
	if p.State != deskdb.Waiting {
		return nil, fault.Conflict("desk.proposal_state", proposal, p.State)
	}
	if slices.ContainsFunc(p.Changed, func(c deskdb.Change) bool { return c.Removed && c.Path == path }) {
		return nil, fault.NotFound("desk.no_file", path)
	}
	name, err := s.d.stagedPath(path)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Opened{SectionReader: io.NewSectionReader(f, 0, info.Size()), Name: path, Type: typeOf(path), close: f.Close}, nil
}

// signaturesOf gives the signatures of a document as they are published: those
// of people of the charter it was made under.
func (d *Desk) signaturesOf(ctx context.Context, doc []byte) (charter.Signatures, error) {
	sigs, err := d.db.SignaturesOf(ctx, doc)
	if err != nil {
		return nil, err
	}
	if err := d.Charter().Verify(doc, sigs); err != nil {
		return nil, err
	}
	return sigs, nil
}
