//go:build unix

package appender

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"kua/internal/fault"
)

// lock takes the log for this Appender. The lock goes with the process, so a
// kill leaves none behind.
func lock(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(filepath.Join(dir, indexDir), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, indexDir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = fault.Conflict("tlog.in_use", dir)
		}
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}
