package site

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"kua/internal/canon"
	"kua/internal/caption"
	"kua/internal/charter"
	"kua/internal/durable"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/record"
)

// render is one update under way.
type render struct {
	site *Site
	in   Input
	w    *workspace
	prev edition.Manifest // zero for the first edition

	block     siteBlock
	copies    copiesBlock
	places    mapBlock
	shared    sharedBlock
	shelves   *shelves
	index_    *wordIndex
	people    []person
	charterID string
	touched   map[string]bool // ids whose pages are rendered
	latest    latest
	fates     map[string][]fate // by record
}

// clear empties the overlay for a new draft.
func clear(overlay string) error {
	if _, err := os.Stat(filepath.Join(overlay, applying)); err == nil {
		return fault.Conflict("site.apply_first")
	}
	if err := os.RemoveAll(overlay); err != nil {
		return err
	}
	return os.MkdirAll(overlay, 0o755)
}

func (s *Site) begin(tree, overlay string, in Input) (*render, error) {
	if in.Fresh == 0 {
		in.Fresh = edition.FreshFor
	}
	w := newWorkspace(tree, overlay)
	r := &render{
		site: s, in: in, w: w, shelves: newShelves(w), index_: newWordIndex(w), people: peopleOf(in.Charter),
		touched: make(map[string]bool), shared: sharedBlock{Blobs: make(map[string]int)},
	}
	for path, v := range map[string]any{siteState: &r.block, mapState: &r.places, sharedState: &r.shared} {
		if err := w.load(path, v); err != nil {
			return nil, err
		}
	}
	if err := r.takeCopies(); err != nil {
		return nil, err
	}
	var err error
	if r.charterID, err = in.Charter.ID(); err != nil {
		return nil, err
	}
	if r.prev, err = previous(tree); err == nil && r.signsOtherwise() {
		r.in.Rebuild = true
	}
	return r, err
}

// signsOtherwise reports whether other people or another key sign this edition and its
// log than the one before: the recipes on all pages name them.
func (r *render) signsOtherwise() bool {
	for _, s := range r.in.Chain {
		if canon.Hash([]byte(s.Document)) != r.prev.Charter {
			continue
		}
		var before charter.Charter
		err := canon.Unmarshal([]byte(s.Document), &before)
		now := r.in.Charter
		same := func(a, b charter.Person) bool { return a.PublishKey == b.PublishKey }
		return err != nil || before.Log.Key != now.Log.Key || before.Threshold != now.Threshold || !slices.EqualFunc(before.Current(), now.Current(), same)
	}
	return false
}

// previous reads the manifest of the tree's edition.
func previous(tree string) (edition.Manifest, error) {
	doc, err := os.ReadFile(filepath.Join(tree, "manifest.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return edition.Manifest{}, nil
	}
	if err != nil {
		return edition.Manifest{}, err
	}
	m, err := edition.ParseManifest(doc)
	if err != nil {
		return edition.Manifest{}, fault.Corrupt("site.broken_state", "manifest.json").Because(err)
	}
	return m, nil
}

// renderAll writes every page that the changes touch.
func (r *render) renderAll(ctx context.Context) error {
	if err := r.readLatest(); err != nil {
		return err
	}
	for _, lang := range locale.Tags() { // the search page is always there
		if _, err := r.index_.open(wordAt{lang, ""}); err != nil {
			return err
		}
	}
	if err := r.saveState(); err != nil {
		return err
	}
	jobs, ctx := errgroup.WithContext(ctx)
	jobs.SetLimit(runtime.GOMAXPROCS(0))
	run := func(f func() error) {
		jobs.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return f()
		})
	}
	for _, id := range slices.Sorted(maps.Keys(r.touched)) {
		run(func() error { return r.record(id) })
	}
	for at := range r.shelves.sheets {
		run(func() error { return r.sheet(at) })
	}
	for at := range r.index_.pages {
		run(func() error { return r.wordPage(at) })
	}
	for _, lang := range locale.Tags() {
		run(func() error { return r.fixed(lang) })
	}
	run(r.common)
	return jobs.Wait()
}

func (r *render) saveState() error {
	for path, v := range map[string]any{siteState: r.block, mapState: r.places, sharedState: r.shared} {
		if err := r.w.save(path, v); err != nil {
			return err
		}
	}
	// The page before a new one gets a way on to it.
	for at, sh := range maps.Clone(r.shelves.sheets) {
		if at.page > 1 && sh.fresh {
			if _, err := r.shelves.open(at.shelf, at.page-1); err != nil {
				return err
			}
		}
	}
	for at, sh := range r.shelves.sheets {
		if err := r.w.save(at.state(at.page), sh); err != nil {
			return err
		}
	}
	for at, p := range r.index_.pages {
		if err := r.w.save(at.state(), p); err != nil {
			return err
		}
	}
	return nil
}

// record renders a record in every language.
func (r *render) record(id string) error {
	k, err := r.known(id)
	if err != nil {
		return fmt.Errorf("render record %s: %w", id, err)
	}
	for _, lang := range locale.Tags() {
		if err := r.recordPages(k, lang); err != nil {
			return fmt.Errorf("render record %s in %s: %w", id, lang, err)
		}
	}
	return nil
}

// known reads what the edition holds of a record.
func (r *render) known(id string) (*known, error) {
	e := r.shelves.peek(shelf{kind: "list"}, listPageOf(id), id)
	k := &known{entry: e, recipes: make(map[int][]edition.Step), cues: make(map[string][]caption.Cue)}
	var err error
	if k.Record, k.doc, err = r.document(id, e.Version); err != nil {
		return nil, err
	}
	for v := 1; v < e.Version; v++ {
		p := past{Version: v}
		var fix map[string]string
		if r.w.exists(record.Path(id, v)) {
			old, doc, err := r.document(id, v)
			if err != nil {
				return nil, err
			}
			p.Day, p.Path, p.SHA256, fix = old.Day, record.Path(id, v), canon.Hash(doc), old.Correction
		}
		k.history, k.fixes = append(k.history, p), append(k.fixes, fix)
	}
	return k, nil
}

// finish makes the manifest and the list of what leaves.
func (r *render) finish() (edition.Manifest, error) {
	if len(r.in.Anchor) > 0 {
		if err := r.w.put(edition.AnchorPath(r.prev.Number+1), r.in.Anchor); err != nil {
			return edition.Manifest{}, err
		}
	}
	changed, removed := r.w.changes()
	// No part lists the signatures of records: they come until the edition is applied.
	listed := slices.DeleteFunc(slices.Clone(changed), func(f edition.File) bool { return edition.PartOf(f.Path) == "" })
	leaving := slices.DeleteFunc(slices.Clone(removed), func(p string) bool { return edition.PartOf(p) == "" })
	m, gone, err := edition.Update(r.prev, edition.FilesIn(os.DirFS(r.w.tree)), r.w.put, listed, leaving)
	if err != nil {
		return edition.Manifest{}, err
	}
	if err := writeRemovals(r.w.overlay, append(removed, gone...)); err != nil {
		return edition.Manifest{}, err
	}
	m.Made, m.FreshUntil = edition.Stamp(r.in.Made), edition.Stamp(r.in.Made.Add(r.in.Fresh))
	m.Records, m.Charter, m.Log = r.block.Records, r.charterID, r.in.Log
	if err := m.Validate(); err != nil {
		return edition.Manifest{}, err
	}
	doc, err := m.Bytes()
	if err != nil {
		return edition.Manifest{}, err
	}
	if err := r.w.put(edition.ManifestPath, doc); err != nil {
		return edition.Manifest{}, err
	}
	return m, durable.SyncTree(r.w.overlay)
}

// person is one who may sign.
type person struct {
	charter.Person
	KeyID string
}

func peopleOf(c charter.Charter) []person {
	var people []person
	for _, p := range c.People {
		people = append(people, person{p, charter.KeyID(p.PublishKey)})
	}
	return people
}

// keyIDs names the keys of the current people.
func (r *render) keyIDs() []string {
	var ids []string
	for _, p := range r.people {
		if p.Retired == "" {
			ids = append(ids, p.KeyID)
		}
	}
	return ids
}
