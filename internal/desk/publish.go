package desk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"kua/internal/canon"
	"kua/internal/desk/deskdb"
	"kua/internal/durable"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/record"
	"kua/internal/site"
)

// The steps of a publishing, in their order. Each can be done again with the
// same end; the name of the last one done is kept with the proposal, so that
// whatever interrupts it, the next start goes on from there.
const (
	stepLooked  = "looked"  // the last look found nothing; from here on there is no way back
	stepLogged  = "logged"  // entries are in the log, under a published checkpoint
	stepSigned  = "signed"  // the signatures lie in the overlay
	stepApplied = "applied" // the overlay has become the tree
	stepNoted   = "noted"   // which parcels the edition's anchor holds, and which time stamps it has, is in the database
)

// What the log knows of this desk's documents.
const (
	settingCharters = "charters logged"     // how many versions of the charter are in the log
	settingEdition  = "edition's log index" // of the newest edition's entry
)

// Published is what a publishing did.
type Published struct {
	Edition int          // number of the newest edition
	Nodes   []NodeState  // what each node holds
	Stamps  []StampState // what the services for time stamps gave of it
}

// Publish finishes every approved proposal, brings the newest edition to
// every node, and has its log stamped. It may be killed at any moment: the next Open or Publish goes on.
// Nodes and services that do not answer stand in the result and are no error.
func (d *Desk) Publish(ctx context.Context, progress func(step string, done, total int64)) (Published, error) {
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	if err := d.publishApproved(ctx, progress); err != nil {
		return Published{}, err
	}
	carried := d.carryOnAll(ctx) // what is withdrawn is to be taken away before any node was reached
	if err := errors.Join(d.push(ctx, progress), carried, d.stamp(ctx)); err != nil {
		return Published{}, err
	}
	now, err := d.edition()
	if err != nil {
		return Published{}, err
	}
	nodes, err1 := d.Nodes(ctx)
	stamps, err2 := d.Stamps(ctx)
	return Published{Edition: now.number, Nodes: nodes, Stamps: stamps}, errors.Join(err1, err2)
}

// PublishAndTakeAway is Publish for whoever sits at the desk: what a withdrawal or a
// correction takes from channels is taken away before any node is called. Its
// posts that were confirmed are for Spread, once a node holds them.
func (d *Desk) PublishAndTakeAway(ctx context.Context, progress func(step string, done, total int64)) (Published, error) {
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	if err := d.publishApproved(ctx, progress); err != nil {
		return Published{}, err
	}
	_, gone := d.TakeAway(ctx, nil)
	out, err := d.Publish(ctx, progress)
	return out, errors.Join(err, gone)
}

// resume finishes at start what a kill cut off, and throws away what was staged
// for nobody. What it cannot finish, on a full disk say, keeps nobody from
// reading reports: a job tries again and shows why it fails.
func (d *Desk) resume(ctx context.Context) error {
	if err := d.publishApproved(ctx, func(string, int64, int64) {}); err != nil {
		d.cfg.Diary.Error("an interrupted publishing could not be finished", "fault", err)
		d.unfinished = true
		return nil
	}
	waiting, err := d.db.Proposals(ctx, deskdb.Waiting)
	if err != nil || len(waiting) > 0 {
		return err
	}
	return os.RemoveAll(d.overlay())
}

func (d *Desk) publishApproved(ctx context.Context, progress func(step string, done, total int64)) error {
	d.publishing.Lock()
	defer d.publishing.Unlock()
	return d.finishApproved(ctx, progress)
}

// finishApproved is publishApproved for who has locked publishing.
func (d *Desk) finishApproved(ctx context.Context, progress func(step string, done, total int64)) error {
	approved, err := d.db.Proposals(ctx, deskdb.Approved)
	if err != nil {
		return err
	}
	for _, p := range approved {
		if err := d.publish(ctx, p, progress); err != nil {
			return fmt.Errorf("publish edition %d: %w", p.Edition, err)
		}
	}
	return nil
}

// publish takes one approved proposal through the steps that are left. Once the
// first entry is in the log there is no way back, so an interruption does not
// stop between two steps unless the process dies, and that the last look was
// passed is written down before anything is logged: whatever is found later, what
// may be in the log is never taken back.
func (d *Desk) publish(ctx context.Context, p deskdb.Proposal, progress func(step string, done, total int64)) error {
	ctx = context.WithoutCancel(ctx)
	steps := []struct {
		name string
		do   func(context.Context, deskdb.Proposal) error
	}{
		{stepLooked, d.lastLook}, {stepLogged, d.logEntries}, {stepSigned, d.writeSignatures}, {stepApplied, d.apply}, {stepNoted, d.notePublic},
	}
	done := 0
	for i, s := range steps {
		if p.Step == s.name {
			done = i + 1
		}
	}
	for i, s := range steps {
		progress(s.name, int64(i), int64(len(steps)))
		if i < done {
			continue
		}
		if err := s.do(ctx, p); err != nil {
			return err
		}
		d.crash("publish: before " + s.name)
		if err := d.db.Step(ctx, p.ID, s.name); err != nil {
			return err
		}
		d.crash("publish: after " + s.name)
	}
	progress(stepApplied, int64(len(steps)), int64(len(steps)))
	return d.db.Publish(ctx, p.ID)
}

// writeSignatures puts every signature beside its document in the overlay. It
// is the last look at them: without the threshold nothing is published.
func (d *Desk) writeSignatures(ctx context.Context, p deskdb.Proposal) error {
	if err := d.writeSigned(ctx, edition.ManifestPath, p.Manifest); err != nil {
		return err
	}
	for _, r := range p.Records {
		if err := d.writeSigned(ctx, record.Path(r.Record, r.Version), r.Document); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) writeSigned(ctx context.Context, path string, doc []byte) error {
	sigs, err := d.signaturesOf(ctx, doc)
	if err != nil {
		return err
	}
	name := filepath.Join(d.overlay(), filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	for key, sig := range sigs {
		if err := durable.WriteFile(name+"."+key+".sig", sig, 0o644); err != nil {
			return fmt.Errorf("write a signature of %s: %w", path, err)
		}
		d.crash("publish: a signature written")
	}
	return nil
}

// apply makes the staged edition the newest one. Signatures of the manifest
// before must not stay beside the new one.
func (d *Desk) apply(ctx context.Context, p deskdb.Proposal) error {
	if before, err := d.edition(); err != nil {
		return err
	} else if before.hash != canon.Hash(p.Manifest) { // else a kill came after the manifest's move
		if err := d.checkFiles(p); err != nil {
			return err
		}
	}
	if err := site.Apply(d.overlay(), d.Tree()); err != nil {
		return err
	}
	now, err := d.edition()
	if err != nil {
		return err
	}
	if now.hash != canon.Hash(p.Manifest) {
		return fault.Corrupt("desk.stage_lost", p.Edition)
	}
	sigs, err := d.signaturesOf(ctx, p.Manifest)
	if err != nil {
		return err
	}
	beside, err := filepath.Glob(filepath.Join(d.Tree(), edition.ManifestPath+".*.sig"))
	if err != nil {
		return err
	}
	for _, name := range beside {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		key := keyOfSignature(name)
		if string(sigs[key]) != string(b) {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// hashFile gives a file's size and SHA-256.
func hashFile(path string) (int64, string, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return n, hex.EncodeToString(h.Sum(nil)), err
}
