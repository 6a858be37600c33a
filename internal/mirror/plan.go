package mirror

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/record"
)

// work is what a pull has to do, and what has become of it.
type work struct {
	documents []item // of records, the newest first
	pages     []item // fronts, then pages of records, the newest first, then the rest
	media     []item // by class, of the newest records first
	removed   []string
	wanted    map[string]bool // every path that the switch moves
	left      *leftList       // as it will be
	at        stage

	mu      sync.Mutex
	missing missing // text that no source has
}

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

// readable reports whether what has come may be switched to: all text is there,
// or, in a mirror that held nothing, all documents.
func (w *work) readable(first bool) bool {
	return w.at >= atMedia || first && w.at >= atPages
}

// plan finds what the edition has that the mirror has not. Parts are fetched for
// it; of one that did not change nothing is looked at.
func (p *pull) plan(h *head, k *kept) (*work, error) {
	w := &work{wanted: make(map[string]bool), left: &leftList{of: make(map[string]left)}}
	var old edition.Manifest
	if k != nil {
		old = k.manifest
	}
	maps.Copy(w.left.of, p.m.left.of)
	var changed []edition.File
	if err := p.partsTogether(h.manifest, old); err != nil {
		return w, err
	}
	for _, part := range h.manifest.Parts {
		before, had := old.Part(part.Name)
		if before == part {
			continue
		}
		if err := p.ctx.Err(); err != nil {
			return w, err
		}
		files, err := p.part(part, p.next)
		if err != nil {
			return w, err
		}
		w.wanted[part.Path()] = true
		was, err := p.before(before, had)
		if err != nil {
			return w, err
		}
		for _, f := range files {
			if was[f.Path] != f {
				changed = append(changed, f)
			}
			delete(was, f.Path)
		}
		w.removed = slices.AppendSeq(w.removed, maps.Keys(was))
	}
	for _, part := range old.Parts {
		if _, still := h.manifest.Part(part.Name); still {
			continue
		}
		was, err := p.before(part, true)
		if err != nil {
			return w, err
		}
		w.removed = append(slices.AppendSeq(w.removed, maps.Keys(was)), part.Path())
	}
	for _, path := range w.removed {
		delete(w.left.of, path)
	}
	p.sort(w, changed)
	return w, nil
}

// before gives the files of a part that the mirror has, by path. One that is
// damaged here counts for nothing: then all of the new part is looked at.
func (p *pull) before(part edition.Part, had bool) (map[string]edition.File, error) {
	was := make(map[string]edition.File)
	if !had {
		return was, nil
	}
	b, err := p.m.tree.read(part.Path(), edition.MaxPart)
	if err != nil && !isMissing(err) {
		return nil, err
	}
	files, err := edition.ParsePart(part, b)
	if err != nil {
		return was, nil
	}
	for _, f := range files {
		was[f.Path] = f
	}
	return was, nil
}

// sort divides what changed, and what was left and is now wanted, into the lists
// of the work.
func (p *pull) sort(w *work, changed []edition.File) {
	for _, f := range changed {
		delete(w.left.of, f.Path)
	}
	for path, l := range w.left.of {
		switch {
		case !p.opts.Profile.Keeps(l.class):
			w.left.of[path] = left{l.item, ByProfile}
		case strings.HasPrefix(path, "blobs/"):
			w.media = append(w.media, l.item)
		default:
			w.pages = append(w.pages, l.item)
		}
	}
	for _, f := range changed {
		it := newItem(f)
		switch {
		case strings.HasPrefix(f.Path, "records/"):
			w.documents = append(w.documents, it)
		case strings.HasPrefix(f.Path, "blobs/"):
			it.class = Rest
			w.media = append(w.media, it)
		default:
			w.pages = append(w.pages, it)
		}
	}
	slices.SortFunc(w.documents, func(a, b item) int { return cmp.Compare(b.path, a.path) })
	slices.SortFunc(w.pages, func(a, b item) int {
		return cmp.Or(cmp.Compare(pageRank(a.path), pageRank(b.path)), cmp.Compare(recordOf(b.path), recordOf(a.path)), cmp.Compare(a.path, b.path))
	})
	p.total(w)
}

// total says how much there is to come.
func (p *pull) total(w *work) {
	sum := p.bytes.Load()
	for _, list := range [][]item{w.documents, w.pages, w.media} {
		for _, it := range list {
			sum += it.size
		}
	}
	p.of.Store(sum)
}

// pageRank puts first what every reader needs, then the pages of records.
func pageRank(path string) int {
	switch {
	case recordOf(path) != "":
		return 1
	case edition.PartOf(path) == "root", edition.PartOf(path) == "charter", strings.HasPrefix(edition.PartOf(path), "pages-"):
		return 0
	}
	return 2
}

// recordOf gives the id of the record whose page this is, or "".
func recordOf(path string) string {
	_, rest, ok := strings.Cut(path, "/r/")
	if !ok || len(rest) < 11 {
		return ""
	}
	return rest[5:11]
}

// fetchAll brings everything in, in its order, until it is there or a budget or
// window ends.
func (p *pull) fetchAll(w *work, h *head) error {
	if p.spent(0) {
		return errEnded
	}
	keys, versions := keysOf(h.chain), versionsOf(h.chain)
	of := make(map[string]Class)
	order := make(map[string]int)
	var mu sync.Mutex
	sides := func(it item) []string { // the signatures that a document may have
		var paths []string
		for _, key := range keys[:min(len(keys), mostSides)] {
			paths = append(paths, edition.SignaturePath(it.path, charter.KeyID(key)))
		}
		return paths
	}
	err := p.each(w, w.documents, sides, func(ctx context.Context, i int, it item, came brought) error {
		doc, there := came[it.path]
		if !there {
			if err := p.next.take(ctx, p.fleet, it, p.parts); err != nil {
				return err
			}
			var err error
			if doc, err = p.next.read(it.path, edition.MaxPart); err != nil {
				return local(err)
			}
		}
		if err := p.sign(w, it, doc, keys, versions, came); err != nil {
			return err
		}
		r, err := record.Parse(doc)
		if err != nil {
			return nil // signed by people, and of a later program: its media are kept like others
		}
		mu.Lock()
		defer mu.Unlock()
		for sum, c := range Classes(r) {
			if old, ok := of[sum]; !ok || c < old {
				of[sum] = c
			}
			if n, ok := order[sum]; !ok || i < n {
				order[sum] = i
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.rank(w, of, order)
	w.at = atPages
	p.later(w, w.pages, Later)
	if err := p.each(w, w.pages, nil, func(ctx context.Context, _ int, it item, came brought) error {
		if _, there := came[it.path]; there {
			return nil
		}
		return p.next.take(ctx, p.fleet, it, p.parts)
	}); err != nil {
		return err
	}
	return p.fetchMedia(w)
}

// rank puts the media into their order. What the profile does not keep leaves
// the work.
func (p *pull) rank(w *work, of map[string]Class, order map[string]int) {
	var keep []item
	at := make(map[string]int)
	for _, it := range w.media {
		sum := it.file().SHA256
		if c, ok := of[sum]; ok {
			it.class = c
		}
		if n, ok := order[sum]; ok {
			at[it.path] = n
		} else {
			at[it.path] = len(w.documents) // of a record that did not change
		}
		if p.opts.Profile.Keeps(it.class) {
			keep = append(keep, it)
		} else {
			w.left.of[it.path] = left{it, ByProfile}
		}
	}
	slices.SortFunc(keep, func(a, b item) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(at[a.path], at[b.path]), cmp.Compare(a.size, b.size), cmp.Compare(a.path, b.path))
	})
	w.media = keep
	p.total(w)
	p.later(w, keep, Later)
}

// later enters items as not yet kept; done takes one out again when it came.
func (p *pull) later(w *work, items []item, why Why) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, it := range items {
		w.left.of[it.path] = left{it, why}
	}
}

// fetchMedia brings media in. What no source has is not kept, yet. What is too
// much for the budget's rest is passed over for what is not.
func (p *pull) fetchMedia(w *work) error {
	w.at = atMedia
	if !w.missing.empty() {
		return nil
	}
	over := false
	for list := w.media; len(list) > 0; {
		n := slices.IndexFunc(list, func(it item) bool { return it.class != list[0].class })
		if n < 0 {
			n = len(list)
		}
		err := p.each(w, list[:n], nil, func(ctx context.Context, _ int, it item, came brought) error {
			if _, there := came[it.path]; there {
				return nil
			}
			// What the mirror has under this name has these bytes, or verify will say so.
			if p.m.tree.size(it.path) == it.size {
				return errHeld
			}
			err := p.next.take(ctx, p.fleet, it, p.parts)
			if errors.Is(err, errNowhere) {
				return nil
			}
			return err
		})
		if errors.Is(err, errEnded) && !isCancelled(err) {
			over, err = true, nil
		}
		if err != nil {
			return err
		}
		list = list[n:]
	}
	if over {
		return errEnded
	}
	w.at = atEnd
	return nil
}

// errHeld is a file that is in its place already.
var errHeld = errors.New("held already")

// came enters an item that is there: staged, or in its place already.
func (w *work) came(it item, staged bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if staged {
		w.wanted[it.path] = true
	}
	delete(w.left.of, it.path)
}

func (w *work) lacks(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.missing.n++; w.missing.first == "" || path < w.missing.first {
		w.missing.first = path
	}
}

// sign brings in the signatures of a record's document: those of the threshold
// of one version of the charter, as a reader wants them. came holds some of them
// already, of which nothing is proved.
func (p *pull) sign(w *work, it item, doc []byte, keys []string, versions []charter.Charter, came brought) error {
	have := make(charter.Signatures)
	for _, key := range keys {
		path := edition.SignaturePath(it.path, charter.KeyID(key))
		b, there := came[path]
		if !there && p.staged {
			b, _ = p.next.read(path, 64) // of an earlier run
		}
		if charter.SignedBy(key, doc, b) {
			have[charter.KeyID(key)] = b
		}
	}
	enough := func(c charter.Charter) bool { return c.Enough(have) }
	if !slices.ContainsFunc(versions, enough) {
		sigs, err := p.signatures(nil, it.path, doc, keys, versions...)
		if err != nil {
			return err
		}
		have = sigs
		if !slices.ContainsFunc(versions, enough) {
			return fault.Later("mirror.incomplete", 1, it.path)
		}
	}
	for id, sig := range have {
		path := edition.SignaturePath(it.path, id)
		if err := p.next.write(path, sig); err != nil {
			return local(err)
		}
		w.mu.Lock()
		w.wanted[path] = true
		w.mu.Unlock()
	}
	return nil
}
