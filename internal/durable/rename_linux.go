package durable

import (
	"errors"

	"golang.org/x/sys/unix"
)

// renameNew gives a file another name if nothing has that.
func renameNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) { // a file system that cannot
		return renameLooking(from, to)
	}
	return err
}
