//go:build unix

package desk

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"kua/internal/fault"
)

// lockDir takes the lock of a desk's directory. The system gives it back when
// the process ends, however it ends.
func lockDir(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fault.Conflict("desk.open_elsewhere")
	}
	return nil, err
}

// identity gives what tells a file from every copy of it in one file system: its
// number there and the moment of its last change, which no program can set. On file
// systems that keep neither (FAT) every mount gives another.
func identity(path string) (string, error) {
	var s unix.Stat_t
	if err := unix.Lstat(path, &s); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d %d.%d", s.Ino, s.Ctim.Sec, s.Ctim.Nsec), nil
}
