package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"kua/internal/durable"
)

// folderTarget is a host that is a folder: a stick, or what a web server shows.
type folderTarget struct {
	folder
	t    *tree
	next atomic.Int64
}

// DirTarget is a folder to push to. It is made when it is not there. Close it
// with io.Closer when done.
func DirTarget(path string) (Target, error) {
	if err := durable.MakeDirs(path, 0o755); err != nil {
		return nil, err
	}
	if err := durable.RemoveTemporary(path); err != nil {
		return nil, err
	}
	t, err := openTree(path)
	if err != nil {
		return nil, err
	}
	return &folderTarget{folder: folder{path, t.root, t.dirs}, t: t}, nil
}

// Put writes beside the file and renames.
func (d *folderTarget) Put(_ context.Context, path string, r io.Reader, _ int64, _ string) error {
	if err := d.t.makeDir(path); err != nil {
		return err
	}
	name := filepath.FromSlash(path)
	temporary := filepath.Join(filepath.Dir(name), fmt.Sprintf("%s%d", durable.Temporary, d.next.Add(1)))
	f, err := d.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if path == checkpointPath { // all before it must be there when it is
		err = errors.Join(err, durable.SyncTree(d.path))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, d.root.Remove(temporary))
	}
	return d.root.Rename(temporary, name)
}

func (d *folderTarget) List(_ context.Context, yield func(string, int64) error) error {
	return fs.WalkDir(d.root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		return yield(path, info.Size())
	})
}

func (d *folderTarget) Remove(_ context.Context, path string) error {
	err := d.root.Remove(filepath.FromSlash(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
