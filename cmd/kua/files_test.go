package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"kua/internal/fault"
)

// TestOfFile: what a system says of a file becomes a fault that names it and
// says what to do; what is none of a file's stays.
func TestOfFile(t *testing.T) {
	a, err := newApp(nil, io.Discard, io.Discard, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	for cause, key := range map[error]string{
		syscall.ENOENT: "cli.file.missing", syscall.EACCES: "cli.file.forbidden", syscall.EPERM: "cli.file.forbidden", syscall.EROFS: "cli.file.forbidden",
		syscall.EEXIST: "cli.file.exists", syscall.EISDIR: "cli.file.not_plain", syscall.ENOTDIR: "cli.file.no_folder", syscall.ENOSPC: "cli.file.full",
		syscall.EIO: "cli.file.failed",
	} {
		for _, err := range []error{&fs.PathError{Op: "open", Path: "a.jpg", Err: cause}, &os.LinkError{Op: "link", Old: "b", New: "a.jpg", Err: cause}} {
			got := ofFile(fmt.Errorf("place the file: %w", err))
			f, ok := fault.Of(got)
			if !ok || f.Key != key || f.Args[0] != "a.jpg" || !errors.Is(got, cause) || !a.cat.Has(key+".hint") {
				t.Errorf("%v became %v, want %s", err, got, key)
			}
		}
	}
	for _, err := range []error{io.ErrUnexpectedEOF, fault.Invalid("media.unknown").Because(&fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT})} {
		if got := ofFile(err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}
