package desk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/desk/deskdb"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/record"
	"kua/internal/site"
	"kua/internal/tlog"
	"kua/internal/tlog/appender"
)

// The steps of a publishing, in their order. Each can be done again with the
// same end; the name of the last one done is kept with the proposal, so that
// whatever interrupts it, the next start goes on from there.
const (
	stepLogged  = "logged"  // entries are in the log, under a published checkpoint
	stepSigned  = "signed"  // the signatures lie in the overlay
	stepApplied = "applied" // the overlay has become the tree
)

// What the log knows of this desk's documents.
const (
	settingCharters = "charters logged"     // how many versions of the charter are in the log
	settingEdition  = "edition's log index" // of the newest edition's entry
)

// Published is what a publishing did.
type Published struct {
	Edition int         // number of the newest edition
	Nodes   []NodeState // what each node holds
}

// Publish finishes every approved proposal and brings the newest edition to
// every node. It may be killed at any moment: the next Open or Publish goes on.
// Nodes that do not answer stand in the result and are no error.
func (d *Desk) Publish(ctx context.Context, progress func(step string, done, total int64)) (Published, error) {
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	if err := d.publishApproved(ctx, progress); err != nil {
		return Published{}, err
	}
	if err := d.push(ctx, progress); err != nil {
		return Published{}, err
	}
	now, err := d.edition()
	if err != nil {
		return Published{}, err
	}
	nodes, err := d.Nodes(ctx)
	return Published{Edition: now.number, Nodes: nodes}, err
}

// resume finishes at start what a kill cut off, and throws away what was staged
// for nobody.
func (d *Desk) resume(ctx context.Context) error {
	if err := d.publishApproved(ctx, func(string, int64, int64) {}); err != nil {
		return fmt.Errorf("finish the interrupted publishing: %w", err)
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
// stop between two steps unless the process dies.
func (d *Desk) publish(ctx context.Context, p deskdb.Proposal, progress func(step string, done, total int64)) error {
	ctx = context.WithoutCancel(ctx)
	steps := []struct {
		name string
		do   func(context.Context, deskdb.Proposal) error
	}{
		{stepLogged, d.logEntries}, {stepSigned, d.writeSignatures}, {stepApplied, d.apply},
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

func (d *Desk) logDir() string { return filepath.Join(d.Tree(), edition.LogDir) }

// logSize gives the log's size and how many versions of the charter are not in
// it yet.
func (d *Desk) logSize() (size uint64, unlogged int, err error) {
	cp, err := d.checkpoint()
	if err != nil {
		return 0, 0, err
	}
	logged, err := d.number(context.Background(), settingCharters)
	return cp.Size, len(d.Chain()) - int(logged), err
}

// checkpoint reads the log's newest checkpoint; of a log that is not begun yet
// the size is 0.
func (d *Desk) checkpoint() (tlog.Checkpoint, error) {
	raw, err := os.ReadFile(filepath.Join(d.logDir(), tlog.CheckpointPath))
	if errors.Is(err, fs.ErrNotExist) {
		return tlog.Checkpoint{}, nil
	}
	if err != nil {
		return tlog.Checkpoint{}, err
	}
	l := d.Charter().Log
	return tlog.ParseCheckpoint(raw, l.Origin, l.Key)
}

// number reads a setting that is a number; 0 when it was never set.
func (d *Desk) number(ctx context.Context, name string) (uint64, error) {
	b, err := d.db.Setting(ctx, name)
	if errors.Is(err, fault.NotFound("desk.no_setting")) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(string(b), 10, 64)
}

// logEntries appends the entries of new charters, of the records, and last of
// the edition. What is in the log already keeps its place.
func (d *Desk) logEntries(ctx context.Context, p deskdb.Proposal) error {
	charters, err := d.charterEntries(ctx)
	if err != nil {
		return err
	}
	entries, err := entriesOf(p)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(d.logDir(), 0o755); err != nil {
		return err
	}
	log, err := appender.Open(ctx, d.logDir(), d.logKey)
	if err != nil {
		return err
	}
	indexes, _, err := log.Append(ctx, append(charters, entries...)...)
	if err = errors.Join(err, log.Close(ctx), d.sweepLog()); err != nil {
		return err
	}
	for i, at := range indexes[len(charters):] {
		if want := p.LogSize + uint64(i); at != want {
			return fault.Corrupt("desk.log_index", at, want)
		}
	}
	d.crash("publish: entries logged")
	if err := d.db.Set(ctx, settingCharters, strconv.AppendInt(nil, int64(len(d.Chain())), 10)); err != nil {
		return err
	}
	return d.db.Set(ctx, settingEdition, strconv.AppendUint(nil, indexes[len(indexes)-1], 10))
}

// sweepLog removes half-written files that a kill left in the log's directory:
// whoever verifies the tree must find nothing in it that does not belong there.
func (d *Desk) sweepLog() error {
	root := d.logDir()
	return filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		switch {
		case e.IsDir() && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir // the appender's own, not published
		case e.IsDir(), tlog.CheckPath(filepath.ToSlash(rel)):
			return nil
		}
		return os.Remove(name)
	})
}

// entriesOf gives the entries of a proposal: its records in their order, then
// the edition.
func entriesOf(p deskdb.Proposal) ([][]byte, error) {
	var entries []tlog.Entry
	for _, r := range p.Records {
		rec, err := record.Parse(r.Document)
		if err != nil {
			return nil, err
		}
		entries = append(entries, edition.RecordEntry(rec, r.Document))
	}
	m, err := edition.ParseManifest(p.Manifest)
	if err != nil {
		return nil, err
	}
	entries = append(entries, edition.ManifestEntry(m, p.Manifest))
	all := make([][]byte, len(entries))
	for i, e := range entries {
		if all[i], err = e.Bytes(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (d *Desk) charterEntries(ctx context.Context) ([][]byte, error) {
	logged, err := d.number(ctx, settingCharters)
	if err != nil {
		return nil, err
	}
	var all [][]byte
	for _, s := range d.Chain()[logged:] {
		c, err := charter.Parse([]byte(s.Document))
		if err != nil {
			return nil, err
		}
		b, err := edition.CharterEntry(c, []byte(s.Document)).Bytes()
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
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
		if err := writeWhole(name+"."+key+".sig", sig, 0o644); err != nil {
			return fmt.Errorf("write a signature of %s: %w", path, err)
		}
		d.crash("publish: a signature written")
	}
	return nil
}

// apply makes the staged edition the newest one. Signatures of the manifest
// before must not stay beside the new one.
func (d *Desk) apply(ctx context.Context, p deskdb.Proposal) error {
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
