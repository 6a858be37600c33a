package node

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"kua/internal/durable"
	"kua/internal/fault"
)

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

// writeWhole writes a file of the node whole or not at all. Folders that are
// missing are made.
func writeWhole(path string, b []byte) error {
	if err := durable.MakeDirs(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(path, b, 0o600)
}

// sameFile reports whether the file holds exactly b.
func sameFile(path string, b []byte) (bool, error) {
	got, err := os.ReadFile(path)
	return err == nil && bytes.Equal(got, b), err
}
