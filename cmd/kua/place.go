package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// placer gives finished files their names. The zero value works; tests let a file
// system refuse what FAT and exFAT do.
type placer struct {
	link  func(from, to string) error            // os.Link
	chmod func(name string, m os.FileMode) error // os.Chmod
}

// finish makes a file readable for its owner alone and gives it a moment. Where a
// file system has no such rights, FAT's and exFAT's do not, it has what it has.
func (p placer) finish(name string, at time.Time) error {
	chmod := p.chmod
	if chmod == nil {
		chmod = os.Chmod
	}
	if err := chmod(name, 0o600); err != nil && !unsupported(err) {
		return err
	}
	return os.Chtimes(name, at, at)
}

// put gives a finished file another name, and never the name of what is there:
// then the error is os.ErrExist. A file system without links gets a copy that is
// on the disk before put returns; a kill in the middle leaves a part of it.
func (p placer) put(from, to string, at time.Time) error {
	link := p.link
	if link == nil {
		link = os.Link // it refuses to replace what is there; rename would not
	}
	err := link(from, to)
	if err == nil || !unsupported(err) {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Sync(), out.Close()); err == nil {
		err = os.Chtimes(to, at, at)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("copy to %s: %w", to, err), os.Remove(to))
	}
	return nil
}

// unsupported reports whether a file system has no such thing at all. FAT answers
// as if somebody had no right to it (link(2), chmod(2)).
func unsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EPERM)
}
