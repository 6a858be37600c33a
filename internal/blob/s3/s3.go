// Package s3 keeps blobs in a bucket that speaks Amazon's S3, so that several
// processes on several machines have one store. It is for blobs that fit into
// memory.
package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"kua/internal/blob"
	"kua/internal/fault"
)

// maxBytes is the most of one blob.
const maxBytes = 64 << 20

// Config names a bucket and who asks for it.
type Config struct {
	URL         string // s3://host[:port]/bucket[/prefix], or s3+http:// for a server on this machine
	Region      string // "": the server is asked
	Key, Secret string
}

// store is a blob.Store.
type store struct {
	client         *minio.Client
	bucket, prefix string
}

// Open opens the store that a URL names. The faults are blob.s3_url, and
// blob.s3_unreachable when the bucket is not there or may not be read.
func Open(ctx context.Context, cfg Config) (blob.Store, error) { return open(ctx, cfg, nil) }

func open(ctx context.Context, cfg Config, through http.RoundTripper) (*store, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.User != nil || u.Host == "" || u.RawQuery != "" || u.Scheme != "s3" && u.Scheme != "s3+http" {
		return nil, fault.Invalid("blob.s3_url") // what was given may hold a password
	}
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if bucket == "" {
		return nil, fault.Invalid("blob.s3_url")
	}
	if prefix != "" {
		prefix += "/"
	}
	who := credentials.NewStaticV4(cfg.Key, cfg.Secret, "")
	if cfg.Key == "" {
		who = credentials.NewStatic("", "", "", credentials.SignatureAnonymous)
	}
	client, err := minio.New(u.Host, &minio.Options{Creds: who, Secure: u.Scheme == "s3", Region: cfg.Region, Transport: through})
	if err != nil {
		return nil, fault.Invalid("blob.s3_url").Because(err)
	}
	there, err := client.BucketExists(ctx, bucket)
	if err != nil || !there {
		return nil, fault.NotFound("blob.s3_unreachable", bucket, u.Host).Because(err)
	}
	return &store{client, bucket, prefix}, nil
}

func (s *store) key(hash string) string { return s.prefix + hash }

func (s *store) Put(ctx context.Context, hash string, r io.Reader) (bool, error) {
	if !blob.IsHash(hash) {
		return false, fault.Invalid("blob.bad_name", hash)
	}
	b, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return false, err
	}
	if len(b) > maxBytes {
		return false, fmt.Errorf("put blob %s: more than %d bytes", hash, maxBytes)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != hash {
		return false, fault.Invalid("blob.wrong_hash", hash)
	}
	if has, err := s.Has(ctx, hash); err != nil || has {
		return false, err
	}
	// One request, with the bytes' own checksum: it is there whole or not at all.
	_, err = s.client.PutObject(ctx, s.bucket, s.key(hash), bytes.NewReader(b), int64(len(b)),
		minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: true})
	if err != nil {
		return false, fmt.Errorf("put blob %s: %w", hash, err)
	}
	return true, nil
}

func (s *store) Open(ctx context.Context, hash string) (io.ReadSeekCloser, int64, error) {
	if !blob.IsHash(hash) {
		return nil, 0, fault.NotFound("blob.not_found", hash)
	}
	object, err := s.client.GetObject(ctx, s.bucket, s.key(hash), minio.GetObjectOptions{})
	if err != nil {
		return nil, 0, fmt.Errorf("open blob %s: %w", hash, err)
	}
	info, err := object.Stat()
	if err != nil {
		object.Close()
		if gone(err) {
			return nil, 0, fault.NotFound("blob.not_found", hash)
		}
		return nil, 0, fmt.Errorf("open blob %s: %w", hash, err)
	}
	return object, info.Size, nil
}

func gone(err error) bool {
	said := minio.ToErrorResponse(err)
	return said.StatusCode == http.StatusNotFound && said.Code != minio.NoSuchBucket
}

func (s *store) Has(ctx context.Context, hash string) (bool, error) {
	if !blob.IsHash(hash) {
		return false, nil
	}
	_, err := s.client.StatObject(ctx, s.bucket, s.key(hash), minio.StatObjectOptions{})
	switch {
	case err == nil:
		return true, nil
	case gone(err):
		return false, nil
	}
	return false, fmt.Errorf("look for blob %s: %w", hash, err)
}

func (s *store) Delete(ctx context.Context, hash string) error {
	if !blob.IsHash(hash) {
		return fault.Invalid("blob.bad_name", hash)
	}
	if err := s.client.RemoveObject(ctx, s.bucket, s.key(hash), minio.RemoveObjectOptions{}); err != nil && !gone(err) {
		return fmt.Errorf("delete blob %s: %w", hash, err)
	}
	return nil
}

func (s *store) Walk(ctx context.Context, do func(hash string, size int64) error) error {
	ctx, stop := context.WithCancel(ctx) // ends the listing when do gives an error
	defer stop()
	for object := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix}) {
		if object.Err != nil {
			return fmt.Errorf("list the blobs: %w", object.Err)
		}
		if hash := strings.TrimPrefix(object.Key, s.prefix); blob.IsHash(hash) {
			if err := do(hash, object.Size); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}
