package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"kua/internal/edition"
	"kua/internal/record"
)

// readParts reads every part and gives all files of the edition by path.
func (r *run) readParts(ctx context.Context) (map[string]edition.File, error) {
	files := make(map[string]edition.File)
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.opts.Workers)
	for _, p := range r.head.manifest.Parts {
		g.Go(func() error {
			fs, err := r.part(ctx, p)
			mu.Lock()
			defer mu.Unlock()
			for _, f := range fs {
				files[f.Path] = f
			}
			return err
		})
	}
	return files, g.Wait()
}

// checkFiles hashes every file and reads the records among them. A record that
// cannot be believed is not in what it gives.
func (r *run) checkFiles(ctx context.Context, files map[string]edition.File) (map[string]document, error) {
	for _, f := range files {
		r.seen.OfFiles++
		r.seen.OfBytes += f.Size
	}
	docs := make(map[string]document)
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.opts.Workers)
	for _, path := range slices.Sorted(maps.Keys(files)) { // what lies together is read together
		f := files[path]
		g.Go(func() error {
			if !strings.HasPrefix(f.Path, "records/") {
				return r.checkFile(ctx, f, nil)
			}
			d, ok, err := r.checkDocument(ctx, f)
			if ok {
				d.bytes = nil // an archive's worth of them is much
				mu.Lock()
				docs[f.Path] = d
				mu.Unlock()
			}
			return err
		})
	}
	return docs, g.Wait()
}

// checkFile compares one file with its line; keep, when it is not nil, receives
// the bytes.
func (r *run) checkFile(ctx context.Context, f edition.File, keep io.Writer) error {
	in, err := r.src.Open(ctx, f.Path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && r.opts.NotKept != nil && r.opts.NotKept(f.Path) {
			r.notKept(f.Size)
			return nil
		}
		return r.problem(f.Path, err)
	}
	defer in.Close()
	h := sha256.New()
	var out io.Writer = &counter{Hash: h, r: r}
	if keep != nil {
		out = io.MultiWriter(out, keep)
	}
	n, err := io.Copy(out, io.LimitReader(in, f.Size+1))
	if err != nil {
		return r.problem(f.Path, fmt.Errorf("read %s: %w", f.Path, err))
	}
	switch {
	case n < f.Size:
		r.find(Corrupt, f.Path, "verify.cut_off", f.Path)
	case n > f.Size:
		r.find(Corrupt, f.Path, "verify.too_large", f.Path)
	case hex.EncodeToString(h.Sum(nil)) != f.SHA256:
		r.find(Corrupt, f.Path, "verify.differs", f.Path)
	}
	r.count(1, 0)
	return nil
}

// notKept counts a file that the copy says it does not keep.
func (r *run) notKept(size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.NotKept++
	r.seen.OfFiles--
	r.seen.OfBytes -= size
}

// counter hashes and tells the progress.
type counter struct {
	hash.Hash
	r *run
}

func (c *counter) Write(b []byte) (int, error) {
	c.r.count(0, int64(len(b)))
	return c.Hash.Write(b)
}

func (r *run) count(files int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen.Files += files
	r.seen.Bytes += bytes
	r.report.Files, r.report.Bytes = r.seen.Files, r.seen.Bytes
	if r.opts.Progress != nil {
		r.opts.Progress(r.seen)
	}
}

// document is a record as it lies in the edition.
type document struct {
	record record.Record
	sha256 string
	bytes  []byte // kept only when one record is verified
}
