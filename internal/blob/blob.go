// Package blob keeps bytes under the name of their SHA-256.
//
// It knows nothing of what the bytes are. A blob that Put has acknowledged is
// on the disk, whole and right; one that Has denies is not there at all.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"kua/internal/durable"
	"kua/internal/fault"
)

// Store keeps blobs. It is safe for use by several goroutines.
type Store interface {
	// Put keeps what r gives under its hash (lower-case hex). It returns when
	// the bytes are durable. Other bytes than the name promises are the fault
	// blob.wrong_hash, and nothing is kept. A blob that is there already is
	// read from r and checked all the same, and created is false.
	Put(ctx context.Context, hash string, r io.Reader) (created bool, err error)
	// Open gives a blob's bytes and size. A blob that is not there is the
	// fault blob.not_found.
	Open(ctx context.Context, hash string) (io.ReadSeekCloser, int64, error)
	// Has reports whether the blob is there.
	Has(ctx context.Context, hash string) (bool, error)
	// Delete forgets a blob; one that is not there is no error.
	Delete(ctx context.Context, hash string) error
	// Walk calls do for every blob, in no order, until it gives an error.
	Walk(ctx context.Context, do func(hash string, size int64) error) error
}

var name = regexp.MustCompile(`^[0-9a-f]{64}$`)

// IsHash reports whether s is a blob's name.
func IsHash(s string) bool { return name.MatchString(s) }

type directory struct{ root string }

// Dir keeps blobs as files below root, which it makes: <2 hex>/<64 hex>. What a
// crash left half-written is removed.
func Dir(root string) (Store, error) {
	d := &directory{root}
	if err := os.MkdirAll(d.incoming(), 0o700); err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	left, err := os.ReadDir(d.incoming())
	if err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	for _, e := range left {
		if err := os.Remove(filepath.Join(d.incoming(), e.Name())); err != nil {
			return nil, fmt.Errorf("remove a half-written blob: %w", err)
		}
	}
	return d, nil
}

// OpenIn opens a blob of a folder that another process has in use: it changes
// nothing there. A blob that is not there is the fault blob.not_found.
func OpenIn(root, hash string) (io.ReadSeekCloser, int64, error) {
	return (&directory{root}).Open(context.Background(), hash)
}

func (d *directory) incoming() string         { return filepath.Join(d.root, "incoming") }
func (d *directory) shard(hash string) string { return filepath.Join(d.root, hash[:2]) }
func (d *directory) path(hash string) string  { return filepath.Join(d.shard(hash), hash) }

func (d *directory) Put(ctx context.Context, hash string, r io.Reader) (bool, error) {
	if !IsHash(hash) {
		return false, fault.Invalid("blob.bad_name", hash)
	}
	if has, err := d.Has(ctx, hash); err != nil || has {
		if err == nil {
			err = check(hash, io.Discard, r)
		}
		if err == nil {
			err = durable.SyncDir(d.shard(hash)) // another Put may not have come this far yet
		}
		return false, err
	}
	f, err := os.CreateTemp(d.incoming(), "blob-")
	if err != nil {
		return false, fmt.Errorf("put a blob: %w", err)
	}
	defer os.Remove(f.Name())
	err = check(hash, f, r)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return false, err
	}
	return true, d.settle(f.Name(), hash)
}

// settle moves a synced file to its place and makes the place durable.
func (d *directory) settle(temporary, hash string) error {
	err := os.Mkdir(d.shard(hash), 0o700)
	if err == nil {
		err = durable.SyncDir(d.root)
	} else if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err == nil {
		err = os.Rename(temporary, d.path(hash))
	}
	if err == nil {
		err = durable.SyncDir(d.shard(hash))
	}
	if err != nil {
		return fmt.Errorf("put blob %s: %w", hash, err)
	}
	return nil
}

// check copies r to w and compares the hash of what went by.
func check(hash string, w io.Writer, r io.Reader) error {
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, h), r); err != nil {
		return err
	}
	if sum(h) != hash {
		return fault.Invalid("blob.wrong_hash", hash)
	}
	return nil
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

func (d *directory) Open(_ context.Context, hash string) (io.ReadSeekCloser, int64, error) {
	if !IsHash(hash) {
		return nil, 0, fault.NotFound("blob.not_found", hash)
	}
	f, err := os.Open(d.path(hash))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fault.NotFound("blob.not_found", hash)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open blob %s: %w", hash, err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("open blob %s: %w", hash, err)
	}
	return f, info.Size(), nil
}

func (d *directory) Has(_ context.Context, hash string) (bool, error) {
	if !IsHash(hash) {
		return false, nil
	}
	_, err := os.Stat(d.path(hash))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (d *directory) Delete(_ context.Context, hash string) error {
	if !IsHash(hash) {
		return fault.Invalid("blob.bad_name", hash)
	}
	err := os.Remove(d.path(hash))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (d *directory) Walk(ctx context.Context, do func(string, int64) error) error {
	shards, err := os.ReadDir(d.root)
	if err != nil {
		return err
	}
	for _, s := range shards {
		if len(s.Name()) != 2 {
			continue
		}
		blobs, err := os.ReadDir(filepath.Join(d.root, s.Name()))
		if err != nil {
			return err
		}
		for _, b := range blobs {
			info, err := b.Info()
			if errors.Is(err, fs.ErrNotExist) || !IsHash(b.Name()) {
				continue
			}
			if err == nil {
				err = ctx.Err()
			}
			if err == nil {
				err = do(b.Name(), info.Size())
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
