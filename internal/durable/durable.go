// Package durable writes files so that a kill or a loss of power finds each of
// them whole, as it was before, or not there; and so that what was said to be
// on the disk is on the disk. It knows nothing of what it writes and may be used
// by every package.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"
)

// Temporary begins the names of files that are not whole yet. RemoveTemporary
// clears them away.
const Temporary = ".new-"

// Block is what a disk wants direct writing in: so many bytes, beginning at a
// multiple of them in memory and in the file.
const Block = 4096

// Blocks gives b with zeros up to the end of its last block, for WriteDirect, if
// b begins where a disk wants it to and has the room behind it.
func Blocks(b []byte) ([]byte, bool) {
	n := (len(b) + Block - 1) / Block * Block
	if n == 0 || n > cap(b) || uintptr(unsafe.Pointer(unsafe.SliceData(b)))%Block != 0 {
		return nil, false
	}
	clear(b[len(b):n])
	return b[:n], true
}

// WriteDirect writes whole blocks into a file that Direct was called for. A file
// system that takes the flag may still refuse the writing: then, and from then on,
// they go by the system's memory, and the disk begins with them at once.
func WriteDirect(f *os.File, b []byte, at int64) error {
	_, err := f.WriteAt(b, at)
	if refused(err) {
		Direct(f, false)
		_, err = f.WriteAt(b, at)
	}
	if err == nil {
		Begin(f, at, int64(len(b)))
	}
	return err
}

// WriteFile puts b in the place of the file at path.
func WriteFile(path string, b []byte, mode os.FileMode) error {
	return Replace(path, mode, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// Replace puts what write writes in the place of the file at path. An error of
// write leaves the file as it was.
func Replace(path string, mode os.FileMode, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), Temporary)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename, and that is meant
	err = write(f)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// PutNew gives a file that is whole its last name, in the same folder. A file that has
// that name already stays, and the error is fs.ErrExist. After any error the file has its
// old name. Where the file system takes no orders for folders, the name is as durable as
// that makes it.
func PutNew(from, to string) error { return putNew(from, to, SyncDir) }

func putNew(from, to string, sync func(dir string) error) error {
	if err := renameNew(from, to); err != nil {
		return err
	}
	err := sync(filepath.Dir(to))
	if err == nil || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return errors.Join(err, os.Rename(to, from))
}

// renameLooking renames after a look whether the name is free: all that can be had
// where the system does not do both at once.
func renameLooking(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	}
	return os.Rename(from, to)
}

// SyncDir makes the names in a folder durable.
func SyncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// MakeDirs makes a folder and those above it that are missing.
func MakeDirs(dir string, mode os.FileMode) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := MakeDirs(filepath.Dir(dir), mode); err != nil {
		return err
	}
	if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return SyncDir(filepath.Dir(dir))
}

// RemoveTemporary clears away what a crash left half-written below dir.
func RemoveTemporary(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && !d.IsDir() && strings.HasPrefix(d.Name(), Temporary) {
			err = os.Remove(path)
		}
		return err
	})
}
