package site

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"kua/internal/canon"
	"kua/internal/edition"
	"kua/internal/fault"
)

// workspace is one update in the making: the tree as it is, read only, and the
// overlay that receives every file which is new or different. It is safe for
// use by many goroutines.
type workspace struct {
	tree, overlay string
	empty         bool // the tree holds nothing yet

	mu      sync.Mutex
	written map[string]edition.File // path → what the overlay holds
	removed map[string]bool         // paths that leave the tree
	dirs    map[string]bool         // overlay directories that exist
}

func newWorkspace(tree, overlay string) *workspace {
	_, err := os.Stat(tree)
	return &workspace{
		empty: errors.Is(err, fs.ErrNotExist), tree: tree, overlay: overlay,
		written: make(map[string]edition.File), removed: make(map[string]bool), dirs: make(map[string]bool),
	}
}

// read gives a file as it will be after the update.
func (w *workspace) read(path string) ([]byte, error) {
	w.mu.Lock()
	_, fresh := w.written[path]
	gone := w.removed[path]
	w.mu.Unlock()
	switch {
	case gone:
		return nil, fmt.Errorf("read %s: %w", path, fs.ErrNotExist)
	case fresh:
		return os.ReadFile(filepath.Join(w.overlay, filepath.FromSlash(path)))
	}
	return os.ReadFile(filepath.Join(w.tree, filepath.FromSlash(path)))
}

// exists reports whether a file will be there after the update.
func (w *workspace) exists(path string) bool {
	w.mu.Lock()
	_, fresh := w.written[path]
	gone := w.removed[path]
	w.mu.Unlock()
	return fresh || !gone && w.inTree(path)
}

func (w *workspace) inTree(path string) bool {
	if w.empty {
		return false
	}
	_, err := os.Stat(filepath.Join(w.tree, filepath.FromSlash(path)))
	return err == nil
}

// load reads a block of state into v, a pointer, and leaves v alone when the
// block does not exist yet. A block that cannot be read means a damaged tree.
func (w *workspace) load(path string, v any) error {
	b, err := w.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fault.Corrupt("site.broken_state", path).Because(err)
	}
	return nil
}

// save writes a block of state as canonical JSON.
func (w *workspace) save(path string, v any) error {
	b, err := canon.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return w.put(path, b)
}

// put writes a file into the overlay unless the tree already has these bytes.
// Nobody else may put the same path at the same time.
func (w *workspace) put(path string, b []byte) error {
	same, err := w.same(path, b)
	if err != nil {
		return err
	}
	w.mu.Lock()
	_, drafted := w.written[path]
	delete(w.removed, path)
	delete(w.written, path)
	name, err := w.place(path)
	w.mu.Unlock()
	if err != nil {
		return err
	}
	if same {
		if drafted { // an earlier draft of this update differed
			return os.Remove(name)
		}
		return nil
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	sum := sha256.Sum256(b)
	w.mu.Lock()
	w.written[path] = edition.File{Path: path, Size: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
	w.mu.Unlock()
	return nil
}

// same reports whether the tree has exactly these bytes under the path.
func (w *workspace) same(path string, b []byte) (bool, error) {
	if w.empty {
		return false, nil
	}
	name := filepath.Join(w.tree, filepath.FromSlash(path))
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || info.Size() != int64(len(b)) {
		return false, err
	}
	old, err := os.ReadFile(name)
	return err == nil && bytes.Equal(old, b), err
}

// putBlob streams a blob into the overlay and checks that it is what its name
// says. A blob that will be there anyhow is not fetched.
func (w *workspace) putBlob(path, sum string, size int64, open func(sum string) (io.ReadCloser, error)) error {
	w.mu.Lock()
	delete(w.removed, path)
	_, fresh := w.written[path]
	w.mu.Unlock()
	if fresh || w.inTree(path) {
		return nil
	}
	if open == nil {
		return fault.NotFound("site.blob_missing", sum)
	}
	in, err := open(sum)
	if err != nil {
		return fault.NotFound("site.blob_missing", sum).Because(err)
	}
	defer in.Close()
	w.mu.Lock()
	name, err := w.place(path)
	w.mu.Unlock()
	if err != nil {
		return err
	}
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, h), io.LimitReader(in, size+1))
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if n != size || hex.EncodeToString(h.Sum(nil)) != sum {
		return fault.Corrupt("site.blob_differs", sum)
	}
	w.mu.Lock()
	w.written[path] = edition.File{Path: path, Size: n, SHA256: sum}
	w.mu.Unlock()
	return nil
}

// remove takes a file out of the next edition; one that is not there is no
// matter.
func (w *workspace) remove(path string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.written[path]; ok {
		delete(w.written, path)
		if err := os.Remove(filepath.Join(w.overlay, filepath.FromSlash(path))); err != nil {
			return err
		}
	}
	if w.inTree(path) {
		w.removed[path] = true
	}
	return nil
}

// place makes the overlay's folder for path; w.mu is held.
func (w *workspace) place(path string) (string, error) {
	if err := edition.CheckPath(path); err != nil {
		return "", err
	}
	name := filepath.Join(w.overlay, filepath.FromSlash(path))
	if dir := filepath.Dir(name); !w.dirs[dir] {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
		w.dirs[dir] = true
	}
	return name, nil
}

// beside gives the paths of a document's signatures, sorted.
func (w *workspace) beside(path string) ([]string, error) {
	all := make(map[string]bool)
	for _, root := range []string{w.tree, w.overlay} {
		names, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(path)) + ".*.sig")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			rel, err := filepath.Rel(root, name)
			if err != nil {
				return nil, err
			}
			all[filepath.ToSlash(rel)] = true
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range w.removed {
		delete(all, p)
	}
	return slices.Sorted(maps.Keys(all)), nil
}

// changes gives what the update wrote and removed, in order of path.
func (w *workspace) changes() (changed []edition.File, removed []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.written {
		changed = append(changed, f)
	}
	slices.SortFunc(changed, func(a, b edition.File) int {
		if a.Path < b.Path {
			return -1
		}
		return 1
	})
	for path := range w.removed {
		removed = append(removed, path)
	}
	slices.Sort(removed)
	return changed, removed
}
