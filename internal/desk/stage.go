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

	"kua/internal/canon"
	"kua/internal/desk/deskdb"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/record"
	"kua/internal/site"
)

// stage renders the next edition into the overlay.
func (d *Desk) stage(ctx context.Context, records []deskdb.Proposed) (deskdb.Proposal, error) {
	c, chain := d.Charter(), d.Chain()
	if !isKeyOf(d.logKey, c) { // nobody should sign what could never be logged
		return deskdb.Proposal{}, fault.Conflict("desk.no_log_key")
	}
	charterID, err := c.ID()
	if err != nil {
		return deskdb.Proposal{}, err
	}
	size, unlogged, err := d.logSize()
	if err != nil {
		return deskdb.Proposal{}, err
	}
	in := site.Input{Chain: chain, Charter: c, Made: d.cfg.Now().UTC(), LogSize: size + uint64(unlogged), Blobs: d.blobs(ctx)}
	if in.Anchor, err = d.anchor(ctx); err != nil {
		return deskdb.Proposal{}, err
	}
	if in.Stamps, err = d.unpublishedStamps(ctx); err != nil {
		return deskdb.Proposal{}, err
	}
	if in.Fates, err = d.timeline(); err != nil {
		return deskdb.Proposal{}, err
	}
	if in.Log, err = d.before(ctx, edition.Manifest{Made: edition.Stamp(in.Made)}, records, in.Anchor); err != nil {
		return deskdb.Proposal{}, err
	}
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
	changed, removed, err := d.diff(next)
	if err != nil {
		return nil, err
	}
	return changesOf(changed, removed), nil
}

func changesOf(changed []edition.File, removed []string) []deskdb.Change {
	var all []deskdb.Change
	for _, f := range changed {
		all = append(all, deskdb.Change{Path: f.Path, Size: f.Size})
	}
	for _, p := range removed {
		all = append(all, deskdb.Change{Path: p, Removed: true})
	}
	slices.SortFunc(all, func(a, b deskdb.Change) int { return strings.Compare(a.Path, b.Path) })
	return all
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

// checkStage checks every staged file against the manifest that is signed: what
// was changed on the disk after the first signature is never approved. It also
// checks that what the second person is shown and asked to sign, the records and
// the list of what changes, is what the manifest says: nobody signs a document
// as a record that this edition does not publish as one.
func (d *Desk) checkStage(ctx context.Context, p deskdb.Proposal) error {
	m, err := edition.ParseManifest(p.Manifest)
	if err != nil {
		return err
	}
	doc, err := os.ReadFile(filepath.Join(d.overlay(), edition.ManifestPath))
	if err != nil || canon.Hash(doc) != canon.Hash(p.Manifest) {
		return fault.Corrupt("desk.stage_changed", edition.ManifestPath).Because(err)
	}
	changed, removed, err := d.diff(m)
	if err != nil {
		return err
	}
	if err := d.checkStaged(changed); err != nil {
		return err
	}
	if !slices.Equal(changesOf(changed, removed), p.Changed) {
		return fault.Corrupt("desk.stage_changed", edition.ManifestPath)
	}
	if err := checkRecords(p, changed); err != nil {
		return err
	}
	return d.checkBefore(ctx, p, m)
}

// checkBefore checks that a manifest says of the log what it will be: nobody signs for
// another. One that an earlier program staged says nothing.
func (d *Desk) checkBefore(ctx context.Context, p deskdb.Proposal, m edition.Manifest) error {
	if m.Log == (edition.Before{}) {
		return nil
	}
	anchor, err := d.stagedAnchor(p)
	if err != nil {
		return err
	}
	will, err := d.before(ctx, m, p.Records, anchor)
	if err == nil && will != m.Log {
		err = fault.Corrupt("desk.stage_changed", edition.ManifestPath)
	}
	return err
}

// diff lists what an edition changes against the newest published one.
func (d *Desk) diff(m edition.Manifest) (changed []edition.File, removed []string, err error) {
	return d.diffFrom(m, edition.FilesIn(os.DirFS(d.Tree())))
}

func (d *Desk) diffFrom(m edition.Manifest, published edition.Files) (changed []edition.File, removed []string, err error) {
	now, err := d.edition()
	if err != nil {
		return nil, nil, err
	}
	var before *edition.Manifest
	if now.number > 0 {
		before = &now.manifest
	}
	return edition.Diff(before, &m, published, d.staged())
}

// checkFiles checks the staged bytes alone, for who goes on after a kill. That
// may have come while the overlay was becoming the tree: of a part that was
// replaced already the old list is gone, and every file of the new one is checked.
func (d *Desk) checkFiles(p deskdb.Proposal) error {
	m, err := edition.ParseManifest(p.Manifest)
	if err != nil {
		return err
	}
	tree := edition.FilesIn(os.DirFS(d.Tree()))
	changed, _, err := d.diffFrom(m, func(p edition.Part) ([]edition.File, error) {
		files, err := tree(p)
		if errors.Is(err, fault.Corrupt("edition.part_differs")) || errors.Is(err, fs.ErrNotExist) {
			return []edition.File{}, nil
		}
		return files, err
	})
	if err != nil {
		return err
	}
	return d.checkStaged(changed)
}

// checkRecords wants the proposal's records to be those that the edition adds.
func checkRecords(p deskdb.Proposal, changed []edition.File) error {
	sums := make(map[string]string)
	for _, f := range changed {
		if strings.HasPrefix(f.Path, "records/") {
			sums[f.Path] = f.SHA256
		}
	}
	for _, r := range p.Records {
		path := record.Path(r.Record, r.Version)
		rec, err := record.Parse(r.Document)
		if err != nil || rec.Path() != path || sums[path] != canon.Hash(r.Document) {
			return fault.Corrupt("desk.stage_changed", path).Because(err)
		}
		delete(sums, path)
	}
	for path := range sums {
		return fault.Corrupt("desk.stage_changed", path)
	}
	return nil
}

// checkStaged checks the bytes of files where they lie now.
func (d *Desk) checkStaged(files []edition.File) error {
	for _, f := range files {
		path, err := d.stagedPath(f.Path)
		if err != nil {
			return fault.Corrupt("desk.stage_changed", f.Path).Because(err)
		}
		size, sum, err := hashFile(path)
		if err != nil || size != f.Size || sum != f.SHA256 {
			return fault.Corrupt("desk.stage_changed", f.Path).Because(err)
		}
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
