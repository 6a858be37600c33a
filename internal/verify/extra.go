package verify

import (
	"bytes"
	"context"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"kua/internal/edition"
	"kua/internal/tlog"
)

// checkExtra looks, where a source can list its files, for what does not belong
// to the edition: a page that nobody signed may be what a visitor is shown. Over
// the web nobody can know what else a server would answer.
func (r *run) checkExtra(ctx context.Context, files map[string]edition.File) error {
	l, ok := r.src.(lister)
	if !ok {
		return nil
	}
	known := map[string]bool{edition.ManifestPath: true}
	for _, p := range r.head.manifest.Parts {
		known[p.Path()] = true
	}
	for _, p := range tlog.NewPaths(0, r.seenCP.Size) {
		known[edition.LogDir+"/"+p] = true
	}
	known[checkpointPath] = true
	return l.walk(func(p string, mode fs.FileMode) error {
		if isDropping(p) {
			return nil
		}
		if !mode.IsRegular() {
			r.find(Corrupt, p, "verify.not_a_file", p)
			return nil
		}
		if _, listed := files[p]; listed || known[p] {
			return nil
		}
		return r.checkUnlisted(ctx, p, files)
	})
}

// checkUnlisted judges a file that no part lists: a signature, an old partial
// file of the log, or nothing of the edition's.
func (r *run) checkUnlisted(ctx context.Context, p string, files map[string]edition.File) error {
	if document, id, ok := edition.Signature(p); ok {
		if r.wasChecked(p) {
			return nil
		}
		if _, listed := files[document]; listed || document == edition.ManifestPath {
			return r.checkSignature(ctx, p, document, id)
		}
	}
	if part, ok := strings.CutPrefix(p, edition.LogDir+"/"); ok && tlog.CheckPath(part) {
		return r.checkPartial(ctx, p)
	}
	r.find(Corrupt, p, "verify.extra", p)
	return nil
}

// checked remembers that a signature is good.
func (r *run) checked(p string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.good[p] = true
}

func (r *run) wasChecked(p string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.good[p]
}

// checkSignature checks a signature that was not needed: one that is there and
// wrong has been tampered with.
func (r *run) checkSignature(ctx context.Context, p, document, id string) error {
	sig, err := r.read(ctx, p, 64)
	if err != nil {
		return r.problem(p, err)
	}
	doc, err := r.read(ctx, document, edition.MaxManifest)
	if err != nil {
		return r.problem(document, err)
	}
	for _, key := range r.keys() {
		if signedBy(id, key, doc, sig) {
			return nil
		}
	}
	r.find(Corrupt, p, "verify.bad_signature", p)
	return nil
}

// checkPartial holds a partial file that the log has outgrown against the file
// that took its place: it must be its beginning.
func (r *run) checkPartial(ctx context.Context, p string) error {
	old, err := r.read(ctx, p, tlog.MaxResource)
	if err != nil {
		return r.problem(p, err)
	}
	full, width, ok := strings.Cut(p, ".p/")
	w, err := strconv.Atoi(width)
	if !ok || err != nil {
		r.find(Corrupt, p, "verify.extra", p)
		return nil
	}
	for _, now := range r.successors(full, w) {
		b, err := r.read(ctx, now, tlog.MaxResource)
		if err == nil && bytes.HasPrefix(b, old) && len(old) > 0 {
			return nil
		}
	}
	r.find(Corrupt, p, "verify.extra", p)
	return nil
}

// successors gives the paths, among the log's present files, that a partial
// file of full can have grown into.
func (r *run) successors(full string, width int) []string {
	var paths []string
	for _, p := range tlog.NewPaths(0, r.seenCP.Size) {
		p = path.Join(edition.LogDir, p)
		if rest, ok := strings.CutPrefix(p, full); ok {
			if w, err := strconv.Atoi(strings.TrimPrefix(rest, ".p/")); rest == "" || err == nil && w > width {
				paths = append(paths, p)
			}
		}
	}
	return paths
}

// isDropping reports what operating systems leave in folders, and what Tessera
// keeps beside a log: nothing a reader is ever shown.
func isDropping(p string) bool {
	for seg := range strings.SplitSeq(p, "/") {
		switch {
		case strings.HasPrefix(seg, "."), seg == "Thumbs.db", seg == "desktop.ini", seg == "System Volume Information", seg == "lost+found":
			return true
		}
	}
	return false
}
