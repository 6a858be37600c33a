package durable

import (
	"os"
	"path"
	"path/filepath"
	"sync"
)

// mostDirs is how many folders are held open: more than the 256 that an edition
// has for blobs.
const mostDirs = 400

// Dirs holds folders below a root open, since a way through four folders costs
// more than what is done at its end. Nothing outside of the root is reached by
// it, whatever links lie there. What is in the folders may change meanwhile; after
// one was moved or removed, Forget. It is safe for several goroutines.
type Dirs struct {
	root *os.Root
	mu   sync.RWMutex
	open map[string]*os.Root
}

// NewDirs holds nothing open yet. The root stays the caller's.
func NewDirs(root *os.Root) *Dirs { return &Dirs{root: root, open: make(map[string]*os.Root)} }

// At does something with the folder of a path and the path's last name.
func (d *Dirs) At(p string, do func(dir *os.Root, name string) error) error {
	p = path.Clean(p)
	dir, name := path.Dir(p), path.Base(p)
	if dir == "." {
		return do(d.root, name)
	}
	for {
		d.mu.RLock()
		if r := d.open[dir]; r != nil {
			defer d.mu.RUnlock()
			return do(r, name)
		}
		d.mu.RUnlock()
		if err := d.enter(dir); err != nil {
			return err
		}
	}
}

func (d *Dirs) enter(dir string) error {
	r, err := d.root.OpenRoot(filepath.FromSlash(dir))
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[dir] != nil {
		return r.Close()
	}
	if len(d.open) >= mostDirs {
		d.closeAll()
	}
	d.open[dir] = r
	return nil
}

// Forget lets go of every folder.
func (d *Dirs) Forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closeAll()
}

func (d *Dirs) closeAll() {
	for _, r := range d.open {
		_ = r.Close() // nothing was written through it that is not closed itself
	}
	clear(d.open)
}
