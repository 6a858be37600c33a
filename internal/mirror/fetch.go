package mirror

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"

	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/record"
	"kua/internal/tlog"
)

// ranked is what a record says of one of its media.
type ranked struct {
	sum   [32]byte
	order uint32 // of the record, the newest first
	class Class
}

// fetchAll brings everything in, in its order, until it is there or a budget or
// window ends.
func (p *pull) fetchAll(w *work, h *head) error {
	if p.spent(0) {
		return errEnded
	}
	ranks, err := p.fetchDocuments(w, h)
	if err != nil {
		return err
	}
	p.rank(w, ranks)
	w.at = atPages
	var fail error
	err = p.each(w, p.pages(w, &fail), nil, func(ctx context.Context, _ int, it item, came brought) error {
		if _, there := came[it.path]; there {
			return nil
		}
		return p.next.take(ctx, p.fleet, it, p.parts)
	}, nil)
	if err := cmp.Or(err, fail); err != nil {
		return err
	}
	return p.fetchMedia(w)
}

// fetchDocuments brings in the documents of records, proved by their signatures, and
// says what they tell of their media.
func (p *pull) fetchDocuments(w *work, h *head) ([]ranked, error) {
	keys, versions := keysOf(h.chain), versionsOf(h.chain)
	sides := func(it item) []string { // the signatures that a document may have
		var paths []string
		for _, key := range keys[:min(len(keys), mostSides)] {
			paths = append(paths, edition.SignaturePath(it.path, charter.KeyID(key)))
		}
		return paths
	}
	var mu sync.Mutex
	var ranks []ranked
	var fail error
	err := p.each(w, p.documents(w, &fail), sides, func(ctx context.Context, i int, it item, came brought) error {
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
		if err := p.sign(it, doc, keys, versions, came); err != nil {
			return err
		}
		r, err := record.Parse(doc)
		if err != nil {
			return nil // signed by people, and of a later program: its media are kept like others
		}
		mu.Lock()
		defer mu.Unlock()
		for sum, c := range Classes(r) {
			ranks = append(ranks, ranked{newItem(edition.File{SHA256: sum}).sum, uint32(i), c})
		}
		return nil
	}, nil)
	return ranks, cmp.Or(err, fail)
}

// rank puts the media into their order. What the profile does not keep leaves
// the work.
func (p *pull) rank(w *work, ranks []ranked) {
	slices.SortFunc(ranks, func(a, b ranked) int { return slices.Compare(a.sum[:], b.sum[:]) })
	keep := w.media[:0]
	for _, m := range w.media {
		i, ok := slices.BinarySearchFunc(ranks, m.sum, func(r ranked, sum [32]byte) int { return slices.Compare(r.sum[:], sum[:]) })
		if m.order = math.MaxUint32; ok { // else of a record that did not change
			m.class = ranks[i].class
		}
		for ; ok && i < len(ranks) && ranks[i].sum == m.sum; i++ {
			m.class, m.order = min(m.class, ranks[i].class), min(m.order, ranks[i].order)
		}
		if p.opts.Profile.Keeps(m.class) {
			keep = append(keep, m)
		} else {
			p.of.Add(-m.size)
			it := m.item()
			w.left.of[it.path] = left{it, ByProfile}
		}
	}
	slices.SortFunc(keep, func(a, b medium) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.order, b.order), cmp.Compare(a.size, b.size), slices.Compare(a.sum[:], b.sum[:]))
	})
	w.media = keep
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
		n := slices.IndexFunc(list, func(m medium) bool { return m.class != list[0].class })
		if n < 0 {
			n = len(list)
		}
		class := list[:n]
		err := p.each(w, itemsOf(class), nil, func(ctx context.Context, _ int, it item, came brought) error {
			if _, there := came[it.path]; there {
				return nil
			}
			// What the mirror has under this name has these bytes, or verify will say so.
			if p.m.tree.size(it.path) == it.size && !p.bad[it.path] {
				return errHeld
			}
			err := p.next.take(ctx, p.fleet, it, p.parts)
			if errors.Is(err, errNowhere) {
				return nil
			}
			return err
		}, func(i int, how come) { class[i].come = how })
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

func itemsOf(media []medium) iter.Seq[item] {
	return func(yield func(item) bool) {
		for _, m := range media {
			if !yield(m.item()) {
				return
			}
		}
	}
}

// errHeld is a file that is in its place already.
var errHeld = errors.New("held already")

// account enters as not yet kept what has not come. Where the pull ended early, or
// something lay in next before it, all of that is looked at, and what may not move to
// its place is cleared away.
func (p *pull) account(w *work, h *head) error {
	later := func(it item) {
		it.path = strings.Clone(it.path)
		w.left.of[it.path] = left{it, Later}
		if p.bad[it.path] {
			w.damaged = append(w.damaged, it.path)
		}
	}
	if w.at == atEnd && !p.littered {
		for _, m := range w.media {
			if m.come == notCome {
				later(m.item())
			}
		}
		return nil
	}
	wanted, keys := p.wanted(w, h), keysOf(h.chain)
	var fail error
	for it := range p.documents(w, &fail) {
		wanted[it.path] = true
		doc, err := p.next.read(it.path, edition.MaxPart)
		if err != nil {
			return err
		}
		for _, key := range keys {
			path := edition.SignaturePath(it.path, charter.KeyID(key))
			if sig, err := p.next.read(path, 64); err == nil && charter.SignedBy(key, doc, sig) {
				wanted[path] = true
			}
		}
	}
	settle := func(it item, proved bool) {
		if proved || p.next.holds(it) {
			wanted[it.path] = true
		} else {
			later(it)
		}
	}
	for it := range p.pages(w, &fail) {
		settle(it, w.at >= atMedia)
	}
	for _, m := range w.media {
		if m.come != inPlace {
			settle(m.item(), m.come == staged)
		}
	}
	if fail != nil {
		return fail
	}
	return p.prune(wanted)
}

// wanted gives what moves to its place of what no part lists: parts and log.
func (p *pull) wanted(w *work, h *head) map[string]bool {
	paths := make(map[string]bool)
	for _, c := range w.changes {
		paths[c.now.Path()] = true
	}
	for _, name := range tlog.NewPaths(0, h.cp.Size) {
		paths[edition.LogDir+"/"+name] = true
	}
	return paths
}

// sign brings in the signatures of a record's document: those of the threshold
// of one version of the charter, as a reader wants them. came holds some of them
// already, of which nothing is proved.
func (p *pull) sign(it item, doc []byte, keys []string, versions []charter.Charter, came brought) error {
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
	}
	return nil
}
