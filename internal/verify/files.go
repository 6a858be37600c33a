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
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"kua/internal/edition"
	"kua/internal/record"
)

const (
	chunkFiles = 16                 // that one worker checks in a row
	smallFile  = record.MaxDocument // the longest file that is read at once
)

// rooms are for small files that are read at once.
var rooms = sync.Pool{New: func() any { b := make([]byte, smallFile+1); return &b }}

// block is the files of one part, while they are checked.
type block struct {
	left atomic.Int32 // chunks
	mu   sync.Mutex
	docs []document
}

// checkFiles hashes every file and reads the records among them, part after part. A
// record that cannot be believed is not in what it gives.
func (r *run) checkFiles(ctx context.Context) (*sweep, error) {
	if _, near := r.src.(lister); !near {
		if err := r.bringParts(ctx); err != nil {
			return nil, err
		}
	}
	if r.opts.Progress != nil {
		if err := r.total(ctx); err != nil {
			return nil, err
		}
	}
	s := newSweep()
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(r.opts.Workers)
	err := r.eachPart(within, func(p edition.Part, files []edition.File) {
		r.list(s, p, files)
		b := new(block)
		b.left.Store(int32((len(files) + chunkFiles - 1) / chunkFiles))
		for chunk := range slices.Chunk(files, chunkFiles) { // what lies together is read together
			g.Go(func() error {
				if err := r.checkChunk(within, s, b, chunk); err != nil {
					return err
				}
				if b.left.Add(-1) == 0 {
					r.checkBlock(s, b.docs)
				}
				return nil
			})
		}
	})
	if err2 := g.Wait(); err2 != nil {
		err = err2 // the first: it has stopped the others
	}
	return s, err
}

// bringParts reads all parts from where every question takes its time.
func (r *run) bringParts(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.opts.Workers)
	for _, p := range r.head.manifest.Parts {
		g.Go(func() error {
			files, err := r.part(ctx, p)
			r.mu.Lock()
			defer r.mu.Unlock()
			r.parts[p.Name] = files
			return err
		})
	}
	return g.Wait()
}

// eachPart gives the files of every part that can be read.
func (r *run) eachPart(ctx context.Context, yield func(p edition.Part, files []edition.File)) error {
	for _, p := range r.head.manifest.Parts {
		files, err := r.lines(ctx, p)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if files != nil {
			yield(p, files)
		}
	}
	return nil
}

// total finds how much there is to check.
func (r *run) total(ctx context.Context) error {
	return r.eachPart(ctx, func(_ edition.Part, files []edition.File) {
		for _, f := range files {
			r.seen.OfFiles++
			r.seen.OfBytes += f.Size
		}
	})
}

// checkChunk checks files that lie together.
func (r *run) checkChunk(ctx context.Context, s *sweep, b *block, files []edition.File) error {
	room := rooms.Get().(*[]byte)
	defer rooms.Put(room)
	folder, there := "", 0
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if strings.HasPrefix(f.Path, "records/") {
			d, ok, err := r.checkDocument(ctx, f, *room)
			if err != nil {
				return err
			}
			if ok {
				d.bytes = nil // an archive's worth of them is much, and they are the room's
				b.mu.Lock()
				b.docs = append(b.docs, d)
				b.mu.Unlock()
			}
			continue
		}
		is, err := r.checkFile(ctx, f, *room)
		if err != nil {
			return err
		}
		if at := path.Dir(f.Path); at != folder {
			s.found(folder, there)
			folder, there = at, 0
		}
		if is {
			there++
		}
	}
	s.found(folder, there)
	return nil
}

// checkFile compares one file with its line, in room when it is small. there says
// that a plain file has this name.
func (r *run) checkFile(ctx context.Context, f edition.File, room []byte) (there bool, err error) {
	if f.Size <= smallFile {
		_, there, err = r.checkSmall(ctx, f, room)
		return there, err
	}
	in, err := r.src.Open(ctx, f.Path)
	if err != nil {
		return false, r.notThere(ctx, f, err)
	}
	defer in.Close()
	h := sha256.New()
	n, err := io.Copy(&counter{Hash: h, r: r}, io.LimitReader(in, f.Size+1))
	if err != nil {
		return true, r.problem(f.Path, fmt.Errorf("read %s: %w", f.Path, err))
	}
	r.judge(f, n, h.Sum(nil))
	r.count(1, 0)
	return true, nil
}

// checkSmall compares a small file with its line, and gives its bytes, which lie in
// room, when they are right.
func (r *run) checkSmall(ctx context.Context, f edition.File, room []byte) (b []byte, there bool, err error) {
	n, err := r.readInto(ctx, f.Path, room[:f.Size+1])
	if err != nil {
		return nil, false, r.notThere(ctx, f, err)
	}
	sum := sha256.Sum256(room[:n])
	good := r.judge(f, int64(n), sum[:])
	r.count(1, int64(n))
	if !good {
		return nil, true, nil
	}
	return room[:n], true, nil
}

// notThere judges that a file could not be read.
func (r *run) notThere(ctx context.Context, f edition.File, err error) error {
	if errors.Is(err, fs.ErrNotExist) && r.leaves(ctx, f.Path) {
		r.notKept(f.Size)
		return nil
	}
	return r.problem(f.Path, err)
}

// judge reports whether a file that was read is the one that it should be, and finds
// what is wrong with it.
func (r *run) judge(f edition.File, n int64, sum []byte) bool {
	switch {
	case n < f.Size:
		r.find(Corrupt, f.Path, "verify.cut_off", f.Path)
	case n > f.Size:
		r.find(Corrupt, f.Path, "verify.too_large", f.Path)
	case hex.EncodeToString(sum) != f.SHA256:
		r.find(Corrupt, f.Path, "verify.differs", f.Path)
	default:
		return true
	}
	return false
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
	bytes  []byte
	signed uint64 // by which of the chain's keys, as far as it was looked at: bit i is key i, for the first 64
}
