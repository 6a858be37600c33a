//go:build unix

package desk

import (
	"errors"
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
