package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"kua/internal/fault"
)

// inputFile is a file as media takes it: plain, with an end, and not empty.
type inputFile struct {
	*os.File
	size int64
}

// Size implements media.Input.
func (f inputFile) Size() int64 { return f.size }

// openInput opens a plain file that holds something. It is looked at before it
// is opened: to open a pipe is to wait for its other end.
func openInput(name string) (inputFile, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fault.Invalid("cli.file.not_plain", name)
	}
	if err != nil {
		return inputFile{}, err
	}
	f, err := os.Open(name)
	if err != nil {
		return inputFile{}, err
	}
	if info, err = f.Stat(); err == nil && info.Size() == 0 {
		err = fault.Invalid("cli.file.empty", name)
	}
	if err != nil {
		return inputFile{}, errors.Join(err, f.Close())
	}
	return inputFile{f, info.Size()}, nil
}

// head gives the first bytes of a file.
func (f inputFile) head() ([]byte, error) {
	b := make([]byte, min(f.size, 64))
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b, nil
}

// ownFolder refuses to work as root in a folder of another user's, which is a node's under
// systemd: what root makes there the node can neither read nor write, and it starts no more.
func ownFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil || os.Geteuid() != 0 {
		return nil // whoever opens it says what is wrong
	}
	owner := strconv.FormatUint(uint64(info.Sys().(*syscall.Stat_t).Uid), 10)
	if owner == "0" {
		return nil
	}
	if u, err := user.LookupId(owner); err == nil {
		owner = u.Username
	}
	return fault.Conflict("cli.folder.others", dir, owner)
}

// ofFile makes a fault of what an operating system says of a file, for the one
// who named the file; every other error stays as it is.
func ofFile(err error) error {
	if _, ok := fault.Of(err); ok || err == nil {
		return err
	}
	name := ""
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		name = path.Path
	case errors.As(err, &link):
		name = link.New
	default:
		return err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.NotFound("cli.file.missing", name).Because(err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fault.Forbidden("cli.file.forbidden", name).Because(err)
	case errors.Is(err, fs.ErrExist):
		return fault.Conflict("cli.file.exists", name).Because(err)
	case errors.Is(err, syscall.EISDIR):
		return fault.Invalid("cli.file.not_plain", name).Because(err)
	case errors.Is(err, syscall.ENOTDIR):
		return fault.Invalid("cli.file.no_folder", name).Because(err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.TooLarge("cli.file.full", name).Because(err)
	}
	return fault.New(fault.KindInternal, "cli.file.failed", name).Because(err)
}
