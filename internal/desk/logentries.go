package desk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"kua/internal/charter"
	"kua/internal/desk/deskdb"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/record"
	"kua/internal/tlog"
)

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
	cp, _, err := edition.LogKeys(d.Charter()).Named(raw)
	return cp, err
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

// logEntries appends the entries of new charters, of the records, of the anchor,
// and last of the edition. What is in the log already keeps its place.
func (d *Desk) logEntries(ctx context.Context, p deskdb.Proposal) error {
	charters, err := d.charterEntries(ctx)
	if err != nil {
		return err
	}
	anchor, err := d.stagedAnchor(p)
	if err != nil {
		return err
	}
	entries, err := entriesOf(p, anchor)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(d.logDir(), 0o755); err != nil {
		return err
	}
	log, err := d.openLog(ctx)
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

// entriesOf gives the entries of a proposal: its records in their order, the anchor, then
// the edition.
func entriesOf(p deskdb.Proposal, anchor []byte) ([][]byte, error) {
	m, err := edition.ParseManifest(p.Manifest)
	if err != nil {
		return nil, err
	}
	all, err := entriesBefore(m, p.Records, anchor)
	if err != nil {
		return nil, err
	}
	last, err := edition.ManifestEntry(m, p.Manifest).Bytes()
	return append(all, last), err
}

// entriesBefore gives what an edition logs before its manifest, of which nothing but the
// time needs to be known.
func entriesBefore(m edition.Manifest, records []deskdb.Proposed, anchor []byte) ([][]byte, error) {
	var all [][]byte
	add := func(e tlog.Entry) error {
		b, err := e.Bytes()
		all = append(all, b)
		return err
	}
	for _, r := range records {
		rec, err := record.Parse(r.Document)
		if err != nil {
			return nil, err
		}
		if err := add(edition.RecordEntry(rec, r.Document)); err != nil {
			return nil, err
		}
	}
	err := add(edition.AnchorEntry(m, anchor))
	return all, err
}

// before gives the log as it will be before the entry of an edition with these records and
// this anchor.
func (d *Desk) before(ctx context.Context, m edition.Manifest, records []deskdb.Proposed, anchor []byte) (edition.Before, error) {
	cp, err1 := d.checkpoint()
	charters, err2 := d.charterEntries(ctx)
	entries, err3 := entriesBefore(m, records, anchor)
	if err := errors.Join(err1, err2, err3); err != nil {
		return edition.Before{}, err
	}
	g, err := tlog.GrowFrom(ctx, func(_ context.Context, path string) ([]byte, error) {
		return os.ReadFile(filepath.Join(d.logDir(), filepath.FromSlash(path)))
	}, cp)
	if err != nil {
		return edition.Before{}, err
	}
	for _, e := range append(charters, entries...) {
		if err := g.Add(e); err != nil {
			return edition.Before{}, err
		}
	}
	return edition.NewBefore(g)
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
