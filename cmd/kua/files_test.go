package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
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

// TestFolderOfAnother: as root no command works in a node's folder that is another user's, since
// the node could not use what is made there; whoever is not root is told by the system.
func TestFolderOfAnother(t *testing.T) {
	dir := t.TempDir()
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{
			{"node", "key"}, {"node", "--charter", dir}, {"node", "enrol", "--from", dir, "--charter", "00"}, {"node", "exchange", dir},
			{"node", "migrate", "--to-db", "postgres://127.0.0.1:1/kua"},
		} {
			refused(t, append(args, "--dir", dir))
		}
		refused(t, []string{"authority", "versions", "--data", dir})
		refused(t, []string{"lane", "recount", "--data", dir})
	}
	if err := ownFolder(t.TempDir()); err != nil {
		t.Errorf("one's own folder: %v", err)
	}
}

func refused(t *testing.T, args []string) {
	t.Helper()
	var said strings.Builder
	a, err := newApp(nil, io.Discard, &said, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if code := a.run(t.Context(), args); code != 1 || !strings.Contains(said.String(), "and you are root") {
		t.Errorf("kua %s ends with %d: %s", strings.Join(args, " "), code, said.String())
	}
}
