package mirror

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"kua/internal/charter"
	"kua/internal/durable"
	"kua/internal/edition"
	"kua/internal/fault"
)

// What lies in the house while the mirror is switched to another edition.
const (
	switchFile = "switch.json" // the mark: what is in lastDir and nextDir is whole, and goes to its place
	lastDir    = "last"        // manifest, its signatures, checkpoint, state and left
)

// switchPlan is the mark's content.
type switchPlan struct {
	Kind    string   `json:"kind"`
	Removed []string `json:"removed"`           // files that leave
	Damaged []string `json:"damaged,omitempty"` // that are put aside until they come
}

const switchKind = "kua mirror switch"

// switchTo puts what was fetched in its place. From the moment that the mark is
// on the disk there is no way back, and any later Open goes on.
func (p *pull) switchTo(h *head, w *work) error {
	m := p.m
	if err := p.account(w, h); err != nil {
		return err
	}
	p.note()
	m.state.Chain, m.state.Checkpoint, m.state.Aside = h.chain, string(h.cp.Raw), p.fleet.aside
	state, err := json.Marshal(m.state)
	if err != nil {
		return err
	}
	last := m.house.below(lastDir)
	if err := m.house.remove(lastDir); err != nil {
		return err
	}
	files := map[string][]byte{edition.ManifestPath: h.document, checkpointPath: h.cp.Raw, stateFile: state, leftFile: w.left.bytes()}
	for id, sig := range h.signatures {
		files[edition.SignaturePath(edition.ManifestPath, id)] = sig
	}
	for name, b := range files {
		if err := last.write(name, b); err != nil {
			return err
		}
	}
	removed := leaving(w.removed, h)
	if p.anew {
		stray, err := p.strayLog(h.cp)
		if err != nil {
			return err
		}
		removed = append(removed, stray...)
	}
	plan, err := json.Marshal(switchPlan{switchKind, removed, w.damaged})
	if err != nil {
		return err
	}
	// The bytes must be on the disk before the mark says so.
	if err := durable.SyncTree(m.dir); err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(m.dir, House, switchFile), plan, 0o600); err != nil {
		return err
	}
	if err := m.finishSwitch(); err != nil {
		return err
	}
	return m.load()
}

// leaving gives the files that leave: what no part lists any more, the
// signatures beside such documents, and those of the manifest before.
func leaving(removed []string, h *head) []string {
	all := slices.Clone(removed)
	for _, v := range versionsOf(h.chain) {
		for _, person := range v.People {
			id := charter.KeyID(person.PublishKey)
			for _, path := range removed {
				if strings.HasPrefix(path, "records/") {
					all = append(all, edition.SignaturePath(path, id))
				}
			}
			if _, still := h.signatures[id]; !still {
				all = append(all, edition.SignaturePath(edition.ManifestPath, id))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// prune clears away what an earlier run fetched for an edition that was never
// switched to.
func (p *pull) prune(wanted map[string]bool) error {
	return fs.WalkDir(p.m.tree.root.FS(), path.Join(House, nextDir), func(name string, e fs.DirEntry, err error) error {
		if isMissing(err) || err == nil && e.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		if rel := strings.TrimPrefix(name, path.Join(House, nextDir)+"/"); !wanted[rel] || !e.Type().IsRegular() {
			return p.next.remove(rel)
		}
		return nil
	})
}

// finishSwitch does what a switch has left to do, if one has begun.
func (m *Mirror) finishSwitch() error {
	b, err := m.house.read(switchFile, 1<<30)
	if isMissing(err) {
		return nil
	}
	var plan switchPlan
	if err == nil {
		err = json.Unmarshal(b, &plan)
	}
	if err != nil || plan.Kind != switchKind {
		return fault.Corrupt("mirror.broken_state", filepath.Join(m.dir, House, switchFile)).Because(err)
	}
	m.tree.dirs.Forget() // folders are moved
	for _, step := range []func() error{
		func() error { return m.settle(path.Join(House, nextDir), ".") },
		func() error { return m.removeAll(plan.Removed) },
		func() error { return m.putAside(plan.Damaged) },
		func() error { return m.tree.remove(edition.LeftPath) }, // another's word, of an edition before
		func() error { return durable.SyncTree(m.dir) },
		m.settleHead,
		m.clearAside,
		func() error { return durable.SyncTree(m.dir) },
		func() error { return m.house.remove(nextDir) },
		func() error { return m.house.remove(lastDir) },
		func() error { return m.house.remove(switchFile) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("switch to the next edition: %w", err)
		}
	}
	return nil
}

// settle moves files and whole folders to where they belong. A folder that is
// new there moves in one step.
func (m *Mirror) settle(from, to string) error {
	entries, err := fs.ReadDir(m.tree.root.FS(), from)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		a, b := path.Join(from, e.Name()), path.Join(to, e.Name())
		if e.IsDir() {
			if _, err := m.tree.root.Lstat(filepath.FromSlash(b)); err == nil {
				if err := m.settle(a, b); err != nil {
					return err
				}
				continue
			}
		}
		if err := m.tree.root.Rename(filepath.FromSlash(a), filepath.FromSlash(b)); err != nil {
			return err
		}
	}
	return nil
}

// settleHead moves what must come last: signatures, manifest, checkpoint, and
// then what is remembered.
func (m *Mirror) settleHead() error {
	last := path.Join(House, lastDir)
	names, err := fs.Glob(m.tree.root.FS(), path.Join(last, edition.ManifestPath+".*.sig"))
	if err != nil {
		return err
	}
	for i, n := range names {
		names[i] = path.Base(n)
	}
	for _, n := range append(names, edition.ManifestPath, checkpointPath) {
		if err := m.tree.makeDir(n); err != nil {
			return err
		}
		if err := m.step(path.Join(last, n), n); err != nil {
			return err
		}
	}
	for _, n := range []string{leftFile, stateFile} {
		if err := m.step(path.Join(last, n), path.Join(House, n)); err != nil {
			return err
		}
	}
	return nil
}

// step is one rename, which may have been done already.
func (m *Mirror) step(from, to string) error {
	err := m.tree.root.Rename(filepath.FromSlash(from), filepath.FromSlash(to))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (m *Mirror) removeAll(paths []string) error {
	for _, p := range paths {
		if edition.CheckPath(p) != nil {
			return fault.Corrupt("mirror.broken_state", filepath.Join(m.dir, House, switchFile))
		}
		err := m.tree.root.Remove(filepath.FromSlash(p))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// putAside moves what is damaged out of the edition: a film with a wrong bit is one that
// can be watched, and may be the last.
func (m *Mirror) putAside(paths []string) error {
	aside := m.house.below(damagedDir)
	for _, p := range paths {
		if edition.CheckPath(p) != nil {
			return fault.Corrupt("mirror.broken_state", filepath.Join(m.dir, House, switchFile))
		}
		if err := aside.makeDir(p); err != nil {
			return err
		}
		if err := m.step(p, path.Join(House, damagedDir, p)); err != nil {
			return err
		}
	}
	return nil
}

// clearAside erases of that what came since, and what the edition has no more.
func (m *Mirror) clearAside() error {
	if !m.house.there(damagedDir) {
		return nil
	}
	b, err := m.house.read(leftFile, 1<<30)
	if err != nil && !isMissing(err) {
		return err
	}
	left, err := parseLeft(b)
	if err != nil {
		return err
	}
	at := path.Join(House, damagedDir)
	return fs.WalkDir(m.tree.root.FS(), at, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || left.of[strings.TrimPrefix(name, at+"/")].why == Later {
			return err
		}
		return m.tree.root.Remove(filepath.FromSlash(name))
	})
}

// manifest gives the manifest and its signatures as they lie in the mirror.
func (m *Mirror) manifest() ([]byte, charter.Signatures, error) {
	return edition.ReadManifest(m.tree.root.FS())
}
