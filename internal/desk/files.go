package desk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"kua/internal/keyring"
	"kua/internal/seal"
)

// writeWhole writes a small file so that it is there whole or not at all, and
// still there after a loss of power.
func writeWhole(path string, b []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename, and that is meant
	_, err = f.Write(b)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// sealFile seals what r gives to path and syncs it. It gives the plain bytes' count.
func sealFile(path string, r io.Reader, recipients []string) (int64, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := sealTo(f, r, recipients)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(path)
		return 0, err
	}
	return n, syncDir(filepath.Dir(path))
}

func sealTo(dst io.Writer, r io.Reader, recipients []string) (int64, error) {
	w, err := seal.Writer(dst, recipients)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(w, r)
	return n, errors.Join(err, w.Close())
}

// openSealed reads a small sealed file whole.
func openSealed(person *keyring.Person, path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := person.Open(f)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", filepath.Base(path), err)
	}
	return io.ReadAll(r)
}

// rewrapFile gives a sealed file a header for other recipients: header and
// untouched payload are written anew and renamed over it.
func rewrapFile(person *keyring.Person, path string, recipients []string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	old, err := keyring.Header(f)
	if err != nil {
		return err
	}
	header, err := person.Rewrap(old, recipients)
	if err != nil {
		return err
	}
	if _, err := f.Seek(int64(len(old)), io.SeekStart); err != nil {
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	_, err = out.Write(header)
	if err == nil {
		_, err = io.Copy(out, f)
	}
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	if err := os.Rename(out.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
