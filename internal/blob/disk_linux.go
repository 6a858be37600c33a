package blob

import (
	"os"

	"golang.org/x/sys/unix"
)

// forget lets the system drop a range, which is on the disk, from its memory.
func forget(f *os.File, offset, size int64) {
	_ = unix.Fadvise(int(f.Fd()), offset, size, unix.FADV_DONTNEED)
}

// punch makes a range of a file read as zeros and gives its room back. A file
// system that cannot is written over.
func punch(f *os.File, offset, size int64) error {
	err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, offset, size)
	if err == unix.EOPNOTSUPP || err == unix.ENOSYS {
		return zero(f, offset, size)
	}
	return err
}
