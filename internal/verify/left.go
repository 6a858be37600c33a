package verify

import (
	"bufio"
	"context"
	"crypto/sha256"
	"io"
	"regexp"
	"sync"

	"kua/internal/edition"
)

// maxLeft is the most bytes of a copy's list that are read.
const maxLeft = 64 << 20

// left is what a copy says that it does not keep (spec/edition.md, "What a copy leaves
// out"), read when the first file is found missing.
type left struct {
	once sync.Once
	of   map[[32]byte]bool // SHA-256 of paths
}

// leaves reports whether the copy says that it does not keep a file.
func (r *run) leaves(ctx context.Context, path string) bool {
	if r.opts.NotKept != nil {
		return r.opts.NotKept(path)
	}
	r.left.once.Do(func() {
		for _, at := range []string{edition.LeftPath, edition.LeftFile} {
			if r.left.of = r.readLeft(ctx, at); r.left.of != nil {
				return
			}
		}
	})
	return r.left.of[sha256.Sum256([]byte(path))]
}

var leftLine = regexp.MustCompile(`^(?:profile|later) (?:text|poster|sound|low|rest) [0-9]{1,18} [0-9a-f]{64} ([^ ]+)$`)

// readLeft reads the list; nil where there is none, or another file in its place. What no
// copy may leave out does not count.
func (r *run) readLeft(ctx context.Context, at string) map[[32]byte]bool {
	f, err := r.src.Open(ctx, at)
	if err != nil {
		return nil
	}
	defer f.Close()
	of := make(map[[32]byte]bool)
	in := &io.LimitedReader{R: f, N: maxLeft + 1}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		line := leftLine.FindSubmatch(lines.Bytes())
		if line == nil || edition.PartOf(string(line[1])) == "" {
			return nil
		}
		if edition.MayLeave(string(line[1])) {
			of[sha256.Sum256(line[1])] = true
		}
	}
	if lines.Err() != nil || in.N == 0 {
		return nil
	}
	return of
}
