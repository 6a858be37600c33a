package durable

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Flush makes a file's data durable, and of its inode only what is needed to
// find the data again.
func Flush(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// Begin lets the disk begin to write a range of a file. It promises nothing;
// Flush then has less to wait for.
func Begin(f *os.File, offset, size int64) {
	_ = unix.SyncFileRange(int(f.Fd()), offset, size, unix.SYNC_FILE_RANGE_WRITE)
}

// Reserve gives a stretch of f its place on the disk, and makes f as long as that.
// It promises nothing.
func Reserve(f *os.File, offset, size int64) { _ = unix.Fallocate(int(f.Fd()), 0, offset, size) }

// Direct lets whole blocks of f from Aligned go to the disk past the system's
// memory, or no longer (open(2), O_DIRECT). Where that cannot be had, WriteDirect
// works all the same.
func Direct(f *os.File, on bool) {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		return
	}
	if flags &^= unix.O_DIRECT; on {
		flags |= unix.O_DIRECT
	}
	_, _ = unix.FcntlInt(f.Fd(), unix.F_SETFL, flags)
}

// refused reports whether a write failed for its being direct.
func refused(err error) bool { return errors.Is(err, unix.EINVAL) }

// Aligned makes an empty slice with room for n bytes that begin where a disk
// wants them to.
func Aligned(n int) []byte {
	raw := make([]byte, n+Block)
	off := Block - int(uintptr(unsafe.Pointer(unsafe.SliceData(raw)))%Block)
	return raw[off : off : off+n]
}
