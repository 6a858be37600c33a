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
// still there after a loss of power. What a kill leaves of an attempt has one
// name, so that the next attempt clears it away.
func writeWhole(path string, b []byte, mode os.FileMode) error {
	return replace(path, mode, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

func replace(path string, mode os.FileMode, write func(io.Writer) error) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		os.Remove(f.Name())
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
	return replace(path, 0o600, func(w io.Writer) error {
		if _, err := w.Write(header); err != nil {
			return err
		}
		_, err := io.Copy(w, f)
		return err
	})
}
