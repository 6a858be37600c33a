package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"
)

// Tree is a bucket, or what lies below a prefix of one, as a tree of plain
// files: an edition that a bucket serves. Nothing in it is checked here.
type Tree struct {
	store *store
	where string
}

// OpenTree opens the tree that a URL names. through carries the calls, nil for
// the library's own way. The faults are those of Open. Without a key in cfg it
// asks as anybody may.
func OpenTree(ctx context.Context, cfg Config, through http.RoundTripper) (*Tree, error) {
	s, err := open(ctx, cfg, through)
	if err != nil {
		return nil, err
	}
	return &Tree{s, cfg.URL}, nil
}

// String is the tree's address.
func (t *Tree) String() string { return t.where }

// Open gives the bytes of a file from an offset on, and the offset. For a file
// that is not there errors.Is(err, fs.ErrNotExist) holds.
func (t *Tree) Open(ctx context.Context, path string, from int64) (io.ReadCloser, int64, error) {
	var opts minio.GetObjectOptions
	if from > 0 {
		if err := opts.SetRange(from, 0); err != nil {
			return nil, 0, err
		}
	}
	// Core answers when the head of the answer is there, and not at the first byte read.
	body, _, _, err := minio.Core{Client: t.store.client}.GetObject(ctx, t.store.bucket, t.store.prefix+path, opts)
	if err != nil {
		return nil, 0, t.missing("open", path, err)
	}
	return body, from, nil
}

func (t *Tree) missing(what, path string, err error) error {
	if gone(err) {
		return fmt.Errorf("%s %s: %w", what, path, errors.Join(fs.ErrNotExist, err))
	}
	return fmt.Errorf("%s %s: %w", what, path, err)
}

// Put writes a file: whole, or not at all.
func (t *Tree) Put(ctx context.Context, path string, r io.Reader, size int64, contentType string) error {
	_, err := t.store.client.PutObject(ctx, t.store.bucket, t.store.prefix+path, r, size, minio.PutObjectOptions{ContentType: contentType})
	if err != nil {
		return fmt.Errorf("put %s: %w", path, err)
	}
	return nil
}

// List gives every file with its length in bytes.
func (t *Tree) List(ctx context.Context, yield func(path string, size int64) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for o := range t.store.client.ListObjects(ctx, t.store.bucket, minio.ListObjectsOptions{Prefix: t.store.prefix, Recursive: true}) {
		if o.Err != nil {
			return fmt.Errorf("list the files: %w", o.Err)
		}
		if err := yield(strings.TrimPrefix(o.Key, t.store.prefix), o.Size); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Remove takes a file away; that it is not there is no error.
func (t *Tree) Remove(ctx context.Context, path string) error {
	err := t.store.client.RemoveObject(ctx, t.store.bucket, t.store.prefix+path, minio.RemoveObjectOptions{})
	if err != nil && !gone(err) {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return nil
}
