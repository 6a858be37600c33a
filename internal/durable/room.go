package durable

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Disk is the room on a file system, in bytes.
type Disk struct {
	Free  uint64 // for this user
	Total uint64
}

// FreeDisk asks the file system on which path lies.
func FreeDisk(path string) (Disk, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return Disk{}, fmt.Errorf("ask how much disk is free: %w", err)
	}
	size := uint64(s.Bsize)
	return Disk{Free: s.Bavail * size, Total: s.Blocks * size}, nil
}
