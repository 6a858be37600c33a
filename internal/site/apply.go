package site

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"kua/internal/durable"
	"kua/internal/edition"
	"kua/internal/fault"
)

// removals is the overlay's list of files that leave the tree, one path a line.
// It is no edition path, so it can never be published.
const removals = ".removed"

const checkpoint = edition.LogDir + "/checkpoint"

// applying marks an overlay of which a part may have been moved already: it
// must be applied to its end, and never be drafted anew.
const applying = ".applying"

// Apply moves an overlay into the tree: new and changed files, then the removal
// of files that left, then the manifest with its signatures, then the log's
// checkpoint, and then the empty overlay goes. So whoever copies the tree while
// it changes never holds a manifest, or a checkpoint, whose files are not all
// there.
//
// It may be killed at any moment and called again, with the same end: every
// step is a rename or a removal, and a step that was done is not there to do
// again. Overlay and tree must lie on one file system. An overlay that is not
// there has been applied already.
func Apply(overlay, tree string) error {
	return disk{os.Rename, os.Remove}.apply(overlay, tree)
}

// disk is the two steps that change a tree; a test lets them fail.
type disk struct {
	rename func(from, to string) error
	remove func(name string) error
}

func (d disk) apply(overlay, tree string) error {
	files, err := overlayFiles(overlay)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("apply the edition: %w", err)
	}
	// The overlay's bytes must be on the disk before the first name points to them.
	if err := durable.SyncTree(overlay); err != nil {
		return fmt.Errorf("apply the edition: %w", err)
	}
	gone, err := readRemovals(overlay)
	if err != nil {
		return fmt.Errorf("apply the edition: %w", err)
	}
	if err := os.WriteFile(filepath.Join(overlay, applying), nil, 0o644); err != nil {
		return err
	}
	last := slices.IndexFunc(files, func(p string) bool { return rank(p) > 0 })
	if last < 0 {
		last = len(files)
	}
	if err := d.move(overlay, tree, files[:last]); err != nil {
		return err
	}
	if err := d.removeAll(tree, gone); err != nil {
		return err
	}
	if err := durable.SyncTree(tree); err != nil {
		return err
	}
	if err := d.move(overlay, tree, files[last:]); err != nil {
		return err
	}
	if err := durable.SyncTree(tree); err != nil {
		return err
	}
	return os.RemoveAll(overlay)
}

// rank orders what must come late.
func rank(p string) int {
	switch {
	case strings.HasPrefix(p, edition.ManifestPath+"."):
		return 1
	case p == edition.ManifestPath:
		return 2
	case p == checkpoint:
		return 3
	}
	return 0
}

// overlayFiles lists the overlay in the order in which it is moved.
func overlayFiles(overlay string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(overlay, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(overlay, name)
		if err != nil {
			return err
		}
		p := filepath.ToSlash(rel)
		if p == removals || p == applying {
			return nil
		}
		files = append(files, p)
		return edition.CheckPath(p)
	})
	slices.SortStableFunc(files, func(a, b string) int { return rank(a) - rank(b) })
	return files, err
}

func (d disk) move(overlay, tree string, files []string) error {
	made := make(map[string]bool)
	for _, p := range files {
		to := filepath.Join(tree, filepath.FromSlash(p))
		if dir := filepath.Dir(to); !made[dir] {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			made[dir] = true
		}
		if err := d.rename(filepath.Join(overlay, filepath.FromSlash(p)), to); err != nil {
			return fmt.Errorf("apply %s: %w", p, err)
		}
	}
	return nil
}

func (d disk) removeAll(tree string, gone []string) error {
	for _, p := range gone {
		err := d.remove(filepath.Join(tree, filepath.FromSlash(p)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove %s: %w", p, err)
		}
	}
	return nil
}

func writeRemovals(overlay string, gone []string) error {
	name := filepath.Join(overlay, removals)
	if len(gone) == 0 {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return os.WriteFile(name, []byte(strings.Join(gone, "\n")+"\n"), 0o644)
}

func readRemovals(overlay string) ([]string, error) {
	f, err := os.Open(filepath.Join(overlay, removals))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var gone []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		p := lines.Text()
		if path.Clean(p) != p || edition.CheckPath(p) != nil {
			return nil, fault.Corrupt("site.broken_state", removals)
		}
		gone = append(gone, p)
	}
	return gone, lines.Err()
}
