package verify

import (
	"bytes"
	"cmp"
	"context"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/tlog"
)

// checkExtra looks, where a source can list its files, for what does not belong
// to the edition: a page that nobody signed may be what a visitor is shown. Over
// the web nobody can know what else a server would answer.
func (r *run) checkExtra(ctx context.Context, s *sweep) error {
	l, ok := r.src.(lister)
	if !ok {
		return nil
	}
	e := &extra{run: r, sweep: s, known: map[string]bool{edition.ManifestPath: true, checkpointPath: true, edition.LeftPath: true}}
	for _, p := range tlog.NewPaths(0, r.seenCP.Size) {
		e.known[edition.LogDir+"/"+p] = true
	}
	return l.walk(func(folder string, files []fs.DirEntry) error { return e.folder(ctx, folder, files) })
}

// extra is a search for files that belong to nothing.
type extra struct {
	*run
	sweep *sweep
	known map[string]bool // that every edition has
	last  string          // part that was looked at
	paths map[string]bool // of it
}

// folder judges what lies in one folder. Where as many plain files lie as were found
// there by the edition's lists, no other is among them.
func (e *extra) folder(ctx context.Context, folder string, files []fs.DirEntry) error {
	var plain []string
	for _, f := range files {
		switch {
		case isDropping(f.Name()):
		case !f.Type().IsRegular():
			p := path.Join(folder, f.Name())
			e.find(Corrupt, p, "verify.not_a_file", p)
		default:
			plain = append(plain, f.Name())
		}
	}
	if n := e.sweep.there[folder]; n != nil && len(plain) == *n {
		return nil
	}
	parts := make(map[string]string, len(plain))
	for _, name := range plain {
		p := path.Join(folder, name)
		if document, _, ok := edition.Signature(p); ok {
			p = document
		}
		parts[name] = edition.PartOf(p)
	}
	slices.SortFunc(plain, func(a, b string) int { return cmp.Or(cmp.Compare(parts[a], parts[b]), cmp.Compare(a, b)) }) // each part is read once
	for _, name := range plain {
		if err := e.foreign(ctx, path.Join(folder, name)); err != nil {
			return err
		}
	}
	return nil
}

// foreign judges one file of a folder in which there may be others than the lists
// have.
func (e *extra) foreign(ctx context.Context, p string) error {
	if document, id, ok := edition.Signature(p); e.known[p] || ok && e.wasChecked(document, id) {
		return nil
	}
	if name, ok := strings.CutPrefix(p, "parts/"); ok {
		if _, listed := e.head.manifest.Part(strings.TrimSuffix(name, ".json")); listed && strings.HasSuffix(name, ".json") {
			return nil
		}
	}
	listed, err := e.lists(ctx, p)
	if err != nil || listed {
		return err
	}
	return e.unlisted(ctx, p)
}

// lists reports whether a path is in the edition's lists.
func (e *extra) lists(ctx context.Context, p string) (bool, error) {
	if _, ok := e.sweep.document(p); ok {
		return true, nil
	}
	name := edition.PartOf(p)
	part, ok := e.head.manifest.Part(name)
	if !ok {
		return false, nil
	}
	if e.last != name {
		files, err := e.lines(ctx, part)
		if err != nil {
			return false, err
		}
		e.last, e.paths = name, make(map[string]bool, len(files))
		for _, f := range files {
			e.paths[f.Path] = true
		}
	}
	return e.paths[p], nil
}

// unlisted judges a file that no part lists: a signature, an old partial file of the
// log, or nothing of the edition's.
func (e *extra) unlisted(ctx context.Context, p string) error {
	if document, id, ok := edition.Signature(p); ok {
		listed, err := e.lists(ctx, document)
		if err != nil {
			return err
		}
		if listed || document == edition.ManifestPath {
			return e.checkSignature(ctx, p, document, id)
		}
	}
	if part, ok := strings.CutPrefix(p, edition.LogDir+"/"); ok && tlog.CheckPath(part) {
		return e.checkPartial(ctx, p)
	}
	e.find(Corrupt, p, "verify.extra", p)
	return nil
}

// wasChecked reports whether the signature of a key over a document was found good.
func (e *extra) wasChecked(document, id string) bool {
	by := e.manifestBy
	if document != edition.ManifestPath {
		v, _ := e.sweep.document(document)
		by = v.signed
	}
	i := slices.IndexFunc(e.head.keys, func(k publisher) bool { return k.id == id })
	return i >= 0 && i < 64 && by&(1<<i) != 0
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
	for _, k := range r.head.keys {
		if k.id == id && charter.SignedBy(k.key, doc, sig) {
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
func isDropping(name string) bool {
	return strings.HasPrefix(name, ".") || name == "Thumbs.db" || name == "desktop.ini" || name == "System Volume Information" || name == "lost+found"
}
