package durable

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// mostDirs is how many folders are held open, with up to two descriptors each: more
// than the 256 that an edition has for blobs.
const mostDirs = 320

// Dirs holds folders below a root open, since a way through four folders costs
// more than what is done at its end. Nothing outside of the root is reached by
// it, whatever links lie there. What is in the folders may change meanwhile; after
// one was moved or removed, Forget. It is safe for several goroutines.
type Dirs struct {
	root *os.Root
	mu   sync.RWMutex
	open map[string]*dir
}

// dir is one folder that is held open.
type dir struct {
	root *os.Root
	once sync.Once
	file *os.File // the same folder, for calls that need no os.File of what they open
	err  error
}

// fd gives the folder's descriptor, good as long as the folder is open.
func (at *dir) fd() (int, error) {
	if at.once.Do(func() { at.file, at.err = at.root.Open(".") }); at.err != nil {
		return -1, at.err
	}
	return int(at.file.Fd()), nil
}

// NewDirs holds nothing open yet. The root stays the caller's.
func NewDirs(root *os.Root) *Dirs { return &Dirs{root: root, open: make(map[string]*dir)} }

// At does something with the folder of a path and the path's last name.
func (d *Dirs) At(p string, do func(dir *os.Root, name string) error) error {
	p = path.Clean(p)
	return d.in(path.Dir(p), func(at *dir) error { return do(at.root, path.Base(p)) })
}

// ErrNotPlain is a link, a pipe or a folder where a plain file should be.
var ErrNotPlain = errors.New("not a plain file")

// Read reads a plain file to its end, or until b is full, and gives how many bytes
// came. What is no plain file is not opened: ErrNotPlain.
func (d *Dirs) Read(p string, b []byte) (n int, err error) {
	p = path.Clean(p)
	err = d.in(path.Dir(p), func(at *dir) error {
		n, err = at.read(path.Base(p), b)
		return named("read", p, err)
	})
	return n, err
}

func (at *dir) read(name string, b []byte) (n int, err error) {
	dirfd, err := at.fd()
	if err != nil {
		return 0, err
	}
	var info unix.Stat_t
	if err := again(func() error { return unix.Fstatat(dirfd, name, &info, unix.AT_SYMLINK_NOFOLLOW) }); err != nil {
		return 0, err
	}
	if info.Mode&unix.S_IFMT != unix.S_IFREG {
		return 0, ErrNotPlain
	}
	// Not to wait for somebody to write into a pipe that was put there meanwhile.
	fd, err := at.openFile(name, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	for n < len(b) && int64(n) < info.Size {
		var k int
		err = again(func() error { k, err = unix.Read(fd, b[n:]); return err })
		if err != nil || k <= 0 {
			break
		}
		n += k
	}
	return n, errors.Join(err, unix.Close(fd))
}

// Write makes a file of these bytes, or puts them in the place of a plain file's. A
// link there is not followed: ErrNotPlain.
func (d *Dirs) Write(p string, b []byte, mode fs.FileMode) error {
	p = path.Clean(p)
	return d.in(path.Dir(p), func(at *dir) error { return named("write", p, at.write(path.Base(p), b, mode)) })
}

func (at *dir) write(name string, b []byte, mode fs.FileMode) error {
	fd, err := at.openFile(name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC, uint32(mode.Perm()))
	if err != nil {
		return err
	}
	for len(b) > 0 {
		var n int
		if err = again(func() error { n, err = unix.Write(fd, b); return err }); err != nil {
			break
		}
		b = b[n:]
	}
	return errors.Join(err, unix.Close(fd))
}

// Make makes a folder, and those above it that are missing.
func (d *Dirs) Make(name string) error {
	name = path.Clean(name)
	if name == "." {
		return nil
	}
	mkdir := func(at *dir) error {
		dirfd, err := at.fd()
		if err != nil {
			return err
		}
		err = again(func() error { return unix.Mkdirat(dirfd, path.Base(name), 0o755) })
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return named("mkdir", name, err)
	}
	err := d.in(path.Dir(name), mkdir)
	if errors.Is(err, fs.ErrNotExist) {
		if err = d.Make(path.Dir(name)); err == nil {
			err = d.in(path.Dir(name), mkdir)
		}
	}
	return err
}

func (at *dir) openFile(name string, flags int, mode uint32) (fd int, err error) {
	dirfd, err := at.fd()
	if err != nil {
		return -1, err
	}
	err = again(func() error {
		fd, err = unix.Openat(dirfd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
		return err
	})
	if errors.Is(err, unix.ELOOP) {
		err = ErrNotPlain
	}
	return fd, err
}

// again repeats a call that a signal cut off.
func again(do func() error) error {
	for {
		if err := do(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func named(op, p string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: p, Err: err}
}

// in does something with a folder, which stays open meanwhile.
func (d *Dirs) in(name string, do func(*dir) error) error {
	for {
		d.mu.RLock()
		if at := d.open[name]; at != nil {
			defer d.mu.RUnlock()
			return do(at)
		}
		d.mu.RUnlock()
		if err := d.enter(name); err != nil {
			return err
		}
	}
}

// enter opens a folder, from the nearest above it that is open.
func (d *Dirs) enter(name string) error {
	r, err := d.openRoot(name)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[name] != nil {
		return r.Close()
	}
	if len(d.open) >= mostDirs {
		d.closeAll()
	}
	d.open[name] = &dir{root: r}
	return nil
}

func (d *Dirs) openRoot(name string) (*os.Root, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for above := path.Dir(name); above != "." && above != "/"; above = path.Dir(above) {
		if at := d.open[above]; at != nil {
			return at.root.OpenRoot(filepath.FromSlash(name[len(above)+1:]))
		}
	}
	return d.root.OpenRoot(filepath.FromSlash(name))
}

// close lets go of the folder. Nothing was written through it that is not closed
// itself.
func (at *dir) close() {
	if at.file != nil {
		_ = at.file.Close()
	}
	_ = at.root.Close()
}

// Forget lets go of every folder.
func (d *Dirs) Forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closeAll()
}

func (d *Dirs) closeAll() {
	for _, at := range d.open {
		at.close()
	}
	clear(d.open)
}
