package node

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"kua/internal/fault"
)

// Disk is the room on a file system, in bytes.
type Disk struct {
	Free  uint64 // for this user
	Total uint64
}

// freeDisk asks the file system on which path lies.
func freeDisk(path string) (Disk, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return Disk{}, fmt.Errorf("ask how much disk is free: %w", err)
	}
	size := uint64(s.Bsize)
	return Disk{Free: s.Bavail * size, Total: s.Blocks * size}, nil
}

// roomFor refuses new bytes that would leave less room on the disk than the
// watermark. What is under way at the same time fits into the watermark.
func (n *Node) roomFor(bytes int64) error {
	d, err := n.cfg.FreeDisk(n.cfg.Dir)
	if err != nil {
		return err
	}
	if d.Free < uint64(n.cfg.Limits.FreeBytes)+uint64(max(bytes, 0)) {
		return fault.Later("node.disk_full")
	}
	return nil
}

// lockDir keeps a second node out of the directory.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the node's directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fault.Conflict("node.in_use", dir).Because(err)
	}
	return f, nil
}

// temporary begins the names of files that are not whole yet.
const temporary = ".new-"

// writeWhole writes a file so that after a crash it is there whole, as it was
// before, or not at all. Folders that are missing are made.
func writeWhole(path string, b []byte) error {
	if err := makeDirs(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), temporary)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename, and that is meant
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// makeDirs makes a folder and those above it, durably.
func makeDirs(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := makeDirs(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// sameFile reports whether the file holds exactly b.
func sameFile(path string, b []byte) (bool, error) {
	got, err := os.ReadFile(path)
	return err == nil && bytes.Equal(got, b), err
}

// removeTemporary clears away what a crash left half-written below dir.
func removeTemporary(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err == nil && !d.IsDir() && strings.HasPrefix(d.Name(), temporary) {
			err = os.Remove(path)
		}
		return err
	})
}
