package mirror

import (
	"cmp"
	"encoding/hex"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"unique"

	"kua/internal/edition"
)

// work is what a pull has to do, and what has become of it. It holds no list of the
// edition's files: whoever goes through them reads the parts again. So memory follows
// the number of media alone, by some seventy bytes for each.
type work struct {
	changes []change
	again   []item   // text that was left before and is wanted now
	media   []medium // that are wanted
	removed []string
	damaged []string  // media that did not come, of which what lies here is put aside
	left    *leftList // as it will be
	at      stage

	mu      sync.Mutex
	missing missing // text that no source has
}

// change is a part that the mirror has not, or has otherwise.
type change struct {
	now, old edition.Part
	had      bool
}

// medium is a file of media that is wanted.
type medium struct {
	sum   [32]byte
	size  int64
	ext   unique.Handle[string]
	odd   string // its path, where that does not follow from its hash
	order uint32 // of its record, the newest first
	class Class
	come  come
}

// come is what became of a medium.
type come uint8

const (
	notCome come = iota
	staged
	inPlace // the mirror had it already
)

func newMedium(it item) medium {
	m := medium{sum: it.sum, size: it.size, class: it.class, ext: unique.Make(path.Ext(it.path))}
	if m.path() != it.path {
		m.odd = strings.Clone(it.path)
	}
	return m
}

func (m medium) path() string {
	if m.odd != "" {
		return m.odd
	}
	sum := hex.EncodeToString(m.sum[:])
	return "blobs/" + sum[:2] + "/" + sum + m.ext.Value()
}

func (m medium) item() item { return item{m.path(), m.size, m.sum, m.class} }

// stage is how far a pull came.
type stage int

const (
	atDocuments stage = iota
	atPages
	atMedia
	atEnd
)

// missing counts what no source has.
type missing struct {
	n     int
	first string
}

func (m missing) empty() bool { return m.n == 0 }

func (w *work) lacks(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.missing.n++; w.missing.first == "" || path < w.missing.first {
		w.missing.first = path
	}
}

// nothing reports whether there is nothing to do.
func (w *work) nothing() bool { return len(w.changes)+len(w.again)+len(w.media)+len(w.removed) == 0 }

// readable reports whether what has come may be switched to: all text is there,
// or, in a mirror that held nothing, all documents.
func (w *work) readable(first bool) bool {
	return w.at >= atMedia || first && w.at >= atPages
}

// plan finds what the edition has that the mirror has not. Parts are fetched for
// it; of one that did not change nothing is looked at.
func (p *pull) plan(h *head, k *kept) (*work, error) {
	w := &work{left: &leftList{of: maps.Clone(p.m.left.of)}}
	var old edition.Manifest
	if k != nil {
		old = k.manifest
	}
	if err := p.partsTogether(h.manifest, old); err != nil {
		return w, err
	}
	var sum int64
	for _, part := range h.manifest.Parts {
		before, had := old.Part(part.Name)
		if before == part && !p.opts.Check {
			continue
		}
		if err := p.ctx.Err(); err != nil {
			return w, err
		}
		if p.spent(part.Size) && !p.next.there(part.Path()) {
			return w, errEnded
		}
		c := change{part, before, had}
		files, removed, err := p.files(c)
		if err != nil {
			return w, err
		}
		if before == part && len(files) == 0 && p.m.tree.holds(newItem(edition.File{Path: part.Path(), Size: part.Size, SHA256: part.SHA256})) {
			continue
		}
		w.changes, w.removed = append(w.changes, c), append(w.removed, removed...)
		for _, f := range files {
			sum += f.Size
			delete(w.left.of, f.Path)
			if strings.HasPrefix(f.Path, "blobs/") {
				it := newItem(f)
				if it.class = Rest; p.bad[f.Path] {
					it.class = Text // it was kept, so it is wanted
				}
				w.media = append(w.media, newMedium(it))
			}
		}
	}
	p.looked = true
	for _, part := range old.Parts {
		if _, still := h.manifest.Part(part.Name); still {
			continue
		}
		was, err := p.before(part, true)
		if err != nil {
			return w, err
		}
		w.removed = append(w.removed, part.Path())
		for _, f := range was {
			w.removed = append(w.removed, strings.Clone(f.Path))
		}
	}
	for _, path := range w.removed {
		delete(w.left.of, path)
	}
	p.of.Store(p.bytes.Load() + sum + p.takeUp(w))
	return w, nil
}

// files gives what a part has that the mirror has not or has otherwise, in order of
// path, and what it has no more.
func (p *pull) files(c change) (changed []edition.File, removed []string, err error) {
	now, err := p.part(c.now, p.next)
	if err != nil || !c.had {
		return now, nil, err
	}
	was := now
	if c.old != c.now {
		if was, err = p.before(c.old, c.had); err != nil {
			return nil, nil, err
		}
	}
	for _, f := range now {
		for len(was) > 0 && was[0].Path < f.Path {
			removed, was = append(removed, strings.Clone(was[0].Path)), was[1:]
		}
		same := len(was) > 0 && was[0].Path == f.Path
		if !same || was[0] != f || p.damaged(f) {
			changed = append(changed, f)
		}
		if same {
			was = was[1:]
		}
	}
	for _, f := range was {
		removed = append(removed, strings.Clone(f.Path))
	}
	return changed, removed, nil
}

// damaged reports whether a file that should be kept is not there as it was signed, where
// that is looked for.
func (p *pull) damaged(f edition.File) bool {
	if !p.opts.Check {
		return false
	}
	if !p.looked && !p.m.left.has(f.Path) && !p.m.tree.holds(newItem(f)) {
		p.bad[strings.Clone(f.Path)] = true
	}
	return p.bad[f.Path]
}

// before gives the files of a part that the mirror has. One that is damaged here
// counts for nothing: then all of the new part is looked at.
func (p *pull) before(part edition.Part, had bool) ([]edition.File, error) {
	if !had {
		return nil, nil
	}
	b, err := p.m.tree.read(part.Path(), edition.MaxPart)
	if err != nil && !isMissing(err) {
		return nil, err
	}
	files, err := edition.ParsePart(part, b)
	if err != nil {
		return nil, nil
	}
	return files, nil
}

// takeUp moves what was left and is wanted now to what is to come, and gives its
// bytes.
func (p *pull) takeUp(w *work) (bytes int64) {
	for path, l := range w.left.of {
		if !p.opts.Profile.Keeps(l.class) {
			w.left.of[path] = left{l.item, ByProfile}
			continue
		}
		bytes += l.size
		if strings.HasPrefix(path, "blobs/") {
			w.media = append(w.media, newMedium(l.item))
		} else {
			w.again = append(w.again, l.item)
		}
		delete(w.left.of, path)
	}
	slices.SortFunc(w.again, newestFirst)
	return bytes
}

func newestFirst(a, b item) int {
	return cmp.Or(cmp.Compare(recordOf(b.path), recordOf(a.path)), cmp.Compare(a.path, b.path))
}

// documents gives those of records that are to come, the newest first. What ends it
// early is put into fail.
func (p *pull) documents(w *work, fail *error) iter.Seq[item] {
	return func(yield func(item) bool) {
		for _, c := range slices.Backward(w.changes) {
			if !strings.HasPrefix(c.now.Name, "r-") {
				continue
			}
			files, _, err := p.files(c)
			if err != nil {
				*fail = err
				return
			}
			for _, f := range slices.Backward(files) {
				if strings.HasPrefix(f.Path, "records/") && !yield(newItem(f)) {
					return
				}
			}
		}
	}
}

// pages gives all other text: what every reader needs, then the pages of records, the
// newest first, then the rest.
func (p *pull) pages(w *work, fail *error) iter.Seq[item] {
	return func(yield func(item) bool) {
		for rank := range 3 {
			for _, it := range w.again {
				if rankOf(edition.PartOf(it.path)) == rank && !yield(it) {
					return
				}
			}
			for _, c := range slices.Backward(w.changes) {
				if rankOf(c.now.Name) != rank {
					continue
				}
				files, _, err := p.files(c)
				if err != nil {
					*fail = err
					return
				}
				for _, it := range pagesOf(files) {
					if !yield(it) {
						return
					}
				}
			}
		}
	}
}

// rankOf says when the pages of a part come; those of media never do.
func rankOf(part string) int {
	switch {
	case part == "root", part == "charter", strings.HasPrefix(part, "pages-"):
		return 0
	case strings.HasPrefix(part, "r-"):
		return 1
	case strings.HasPrefix(part, "blobs-"):
		return -1
	}
	return 2
}

// pagesOf gives what of a part's files are no documents.
func pagesOf(files []edition.File) []item {
	var items []item
	for _, f := range files {
		if !strings.HasPrefix(f.Path, "records/") {
			items = append(items, newItem(f))
		}
	}
	slices.SortFunc(items, newestFirst)
	return items
}

// recordOf gives the id of the record whose page this is, or "".
func recordOf(path string) string {
	_, rest, ok := strings.Cut(path, "/r/")
	if !ok || len(rest) < 11 {
		return ""
	}
	return rest[5:11]
}
