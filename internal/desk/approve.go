package desk

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"

	"kua/internal/canon"
	"kua/internal/casefile"
	"kua/internal/charter"
	"kua/internal/desk/deskdb"
	"kua/internal/evidence"
	"kua/internal/fault"
)

// Approve adds this person's signatures to exactly what was staged: every
// staged byte is checked against the manifest first. Who proposed cannot
// approve, and neither can who has not gone through everything of
// casefile.Checklist: checked says what. With the last signature that was missing the publishing starts as a
// job; nothing but a further proposal changes the edition after that.
func (s *Seat) Approve(ctx context.Context, id int64, checked []string) (Proposal, error) {
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
	if err := s.d.checkStage(ctx, p); err != nil {
		return Proposal{}, err
	}
	if p.Checked, err = wentThrough(p.Records, checked); err != nil {
		return Proposal{}, err
	}
	if err := s.d.gateStaged(ctx, s.actor(), p, "approved"); err != nil {
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
