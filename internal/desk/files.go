package desk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"kua/internal/durable"
	"kua/internal/keyring"
	"kua/internal/seal"
)

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
	return n, durable.SyncDir(filepath.Dir(path))
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
	return durable.Replace(path, 0o600, func(w io.Writer) error {
		if _, err := w.Write(header); err != nil {
			return err
		}
		_, err := io.Copy(w, f)
		return err
	})
}
