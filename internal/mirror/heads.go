package mirror

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/tlog"
)

// askAll does ask for every source that is left, at once. Whoever fails it is
// set aside.
func (p *pull) askAll(path string, ask func(*member) error) {
	var wg sync.WaitGroup
	for _, m := range p.fleet.left() {
		wg.Go(func() {
			var err error
			for try := range mostRounds {
				if try > 0 && wait(p.ctx, p.fleet.pause) != nil {
					return
				}
				if err = ask(m); err == nil || isMissing(err) {
					break
				}
				if _, ok := fault.Of(err); ok || errors.Is(err, errSilent) {
					break
				}
			}
			switch {
			case err == nil || p.ctx.Err() != nil:
			case isMissing(err):
				p.fleet.setAside(m, path, "mirror.no_edition", m.src.String())
			case errors.Is(err, errSilent):
				p.fleet.setAside(m, path, "mirror.silent", m.src.String())
			default:
				p.fleet.setAsideFor(m, path, err)
			}
		})
	}
	wg.Wait()
}

// meet learns at first contact who the collective is: every source gives a
// charter's chain, and all of them must be one collective's.
func (p *pull) meet() (charter.Chain, error) {
	var mu sync.Mutex
	chains := make(map[*member]charter.Chain)
	p.askAll(edition.ManifestPath, func(m *member) error {
		ch, err := readChain(p.ctx, m.src, p.opts.Pinned)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			chains[m] = ch
		}
		return err
	})
	best, err := longest(chains)
	if best == nil && err == nil {
		return nil, p.nobody()
	}
	return best, err
}

// readChain reads a charter from a source of which nothing is known: it stands by
// its own signatures. Nothing else of the source is believed for it.
func readChain(ctx context.Context, src Source, pinned string) (charter.Chain, error) {
	doc, err := readSmall(ctx, src, edition.ManifestPath, edition.MaxManifest)
	if err != nil {
		return nil, err
	}
	man, err := edition.ParseManifest(doc)
	if err != nil {
		return nil, fault.Corrupt("mirror.no_manifest", src.String()).Because(err)
	}
	part, ok := man.Part("charter")
	if !ok {
		return nil, fault.Corrupt("verify.no_charter")
	}
	if doc, err = readSmall(ctx, src, part.Path(), part.Size); err != nil {
		return nil, err
	}
	files, err := edition.ParsePart(part, doc)
	if err != nil {
		return nil, err
	}
	ch, err := chainOf(files, func(f edition.File) ([]byte, error) {
		if f.Size > edition.MaxPart {
			return nil, fault.Corrupt("verify.too_large", f.Path)
		}
		return readObject(ctx, src, newItem(f))
	})
	if err != nil {
		return nil, err
	}
	_, err = ch.Verify(pinned)
	return ch, err
}

// chainOf puts a chain together from the files of the part charter.
func chainOf(files []edition.File, read func(edition.File) ([]byte, error)) (charter.Chain, error) {
	byPath := make(map[string]edition.File)
	for _, f := range files {
		byPath[f.Path] = f
	}
	var ch charter.Chain
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s/%d.json", charter.Dir, n)
		f, ok := byPath[name]
		if !ok {
			return ch, nil
		}
		doc, err := read(f)
		if err != nil {
			return nil, err
		}
		s := charter.Signed{Document: string(doc), Signatures: make(charter.Signatures)}
		for _, f := range files {
			id, ok := strings.CutPrefix(f.Path, name+".")
			if !ok || !strings.HasSuffix(id, ".sig") {
				continue
			}
			if s.Signatures[strings.TrimSuffix(id, ".sig")], err = read(f); err != nil {
				return nil, err
			}
		}
		ch = append(ch, s)
	}
}

// longest gives the longest of the sources' chains. The others must be its beginning.
func longest(chains map[*member]charter.Chain) (charter.Chain, error) {
	var best charter.Chain
	var first *member
	for m, ch := range chains {
		if best == nil || len(ch) > len(best) {
			best, first = ch, m
		}
	}
	for m, ch := range chains {
		if ch[0].Document != best[0].Document {
			return nil, fault.Conflict("mirror.two_collectives", first.src.String(), m.src.String())
		}
		if version, parts := ch.Parts(best); parts {
			return nil, fault.Conflict("mirror.two_charters", first.src.String(), m.src.String(), version)
		}
	}
	return best, nil
}

// candidate is a checkpoint that some sources gave.
type candidate struct {
	cp      tlog.Checkpoint
	members []*member
}

// checkpoints asks every source for its log's head and gives the different ones that
// count, the largest first. Whose note none of the known keys has signed is asked for
// a newer charter.
func (p *pull) checkpoints(c charter.Charter) ([]*candidate, error) {
	if c.Log.Key == "" {
		return nil, fault.Corrupt("verify.no_log")
	}
	var mu sync.Mutex
	notes := make(map[*member][]byte)
	p.askAll(checkpointPath, func(m *member) error {
		raw, err := readSmall(p.ctx, m.src, checkpointPath, tlog.MaxCheckpoint)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			notes[m] = raw
		}
		return err
	})
	if err := p.ctx.Err(); err != nil {
		return nil, err
	}
	if err := p.learn(c, notes); err != nil {
		return nil, err
	}
	var all []*candidate
	for m, raw := range notes {
		cp, err := p.keys.Parse(raw)
		if err != nil {
			if err := p.refuse(m, cp, err); err != nil {
				return nil, err
			}
			continue
		}
		i := slices.IndexFunc(all, func(c *candidate) bool { return c.cp.Size == cp.Size && c.cp.Root == cp.Root })
		if i < 0 {
			i = len(all)
			all = append(all, &candidate{cp: cp})
		}
		all[i].members = append(all[i].members, m)
	}
	if len(all) == 0 {
		return nil, p.nobody()
	}
	for _, c := range all { // as the caller named them, not as they answered
		slices.SortFunc(c.members, func(a, b *member) int {
			return cmp.Compare(slices.Index(p.fleet.members, a), slices.Index(p.fleet.members, b))
		})
	}
	slices.SortStableFunc(all, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.cp.Size, a.cp.Size), bytes.Compare(a.cp.Root[:], b.cp.Root[:]))
	})
	return all, nil
}

// nobody is the fault of a pull that no source could help.
func (p *pull) nobody() error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	return fault.Later("mirror.no_source")
}

// fetchOf reads a source's log.
func fetchOf(src Source) tlog.Fetch {
	return func(ctx context.Context, path string) ([]byte, error) {
		return readSmall(ctx, src, edition.LogDir+"/"+path, tlog.MaxResource)
	}
}

// holdAgainst compares a candidate with what is kept. ok says that it may be
// adopted. Of what contradicts the kept log its sources are set aside.
func (p *pull) holdAgainst(c *candidate, k *kept) (ok bool, err error) {
	switch {
	case k == nil:
		return true, nil
	case p.rotated(k) && !p.keys.ByPast(c.cp):
		return p.succeeds(c, k)
	case p.anew: // a genuine old copy, against a log that counts no more
		for _, m := range c.members {
			p.result.Behind = append(p.result.Behind, m.src.String())
		}
		return false, nil
	}
	if c.cp.Size < k.cp.Size {
		err := tlog.Consistent(p.ctx, p.m.fetch, c.cp, k.cp)
		if err == nil { // genuine and old: it may still have what is wanted
			for _, m := range c.members {
				p.result.Behind = append(p.result.Behind, m.src.String())
			}
			return false, p.keepNotes(evidenceRollback, c, c.cp, k.cp, p.m.fetch)
		}
		return false, p.contradicted(c, c.cp, k.cp, p.m.fetch, err)
	}
	for _, m := range slices.Clone(c.members) {
		fetch := fetchOf(m.src)
		err := tlog.Consistent(p.ctx, fetch, k.cp, c.cp)
		switch ft, isFault := fault.Of(err); {
		case err == nil:
			return c.cp.Size > k.cp.Size, nil
		case p.ctx.Err() != nil:
			return false, p.ctx.Err()
		case isFault && ft.Key == "tlog.fork":
			return false, p.contradicted(c, k.cp, c.cp, fetch, err)
		default: // this source's tiles do not fit its own checkpoint, or do not come
			p.fleet.setAsideFor(m, checkpointPath, err)
			c.members = slices.DeleteFunc(c.members, func(o *member) bool { return o == m })
		}
	}
	return false, nil
}

// contradicted keeps the proof that two notes contradict each other and sets
// those aside that gave the candidate's.
func (p *pull) contradicted(c *candidate, old, new tlog.Checkpoint, fetch tlog.Fetch, err error) error {
	if ft, ok := fault.Of(err); !ok || ft.Key != "tlog.fork" {
		return err
	}
	if err := p.keepNotes(evidenceFork, c, old, new, fetch); err != nil {
		return err
	}
	for _, m := range c.members {
		p.fleet.setAside(m, checkpointPath, "mirror.forked", m.src.String())
	}
	return nil
}

// head is an edition that may be believed: signed by enough people, and the last
// entry of a log that continues the one that was kept.
type head struct {
	manifest   edition.Manifest
	document   []byte
	signatures charter.Signatures
	chain      charter.Chain
	charter    charter.Charter
	cp         tlog.Checkpoint
}

// adopt brings in the log of a candidate and what its last entry names. Nothing
// that only the log's key vouches for is taken: the last entry must be an
// edition, signed by the people of its charter. A candidate that is not so is the
// fault mirror.not_signed or what else is wrong with it.
func (p *pull) adopt(c *candidate, k *kept, into *tree) (*head, error) {
	for _, m := range slices.Clone(c.members) {
		err := p.copyLog(m, c.cp, k, into)
		if err != nil && p.staged && p.ctx.Err() == nil { // the fault may be what an earlier run, or a source before this one, left
			p.staged = false
			err = p.copyLog(m, c.cp, k, into)
		}
		if err == nil {
			return p.adoptManifest(c, k, into)
		}
		if p.ctx.Err() != nil || errors.As(err, new(*localError)) {
			return nil, err
		}
		p.fleet.setAsideFor(m, edition.LogDir, err)
		c.members = slices.DeleteFunc(c.members, func(o *member) bool { return o == m })
		p.staged = into.there(edition.LogDir) // what it brought is not the next one's fault
	}
	return nil, fault.Later("mirror.no_source")
}

// copyLog brings the log's new files in from one source and proves all of them.
func (p *pull) copyLog(m *member, cp tlog.Checkpoint, k *kept, into *tree) error {
	if p.anew {
		k = nil
	}
	old := uint64(0)
	if k != nil {
		old = k.cp.Size
	}
	p.editions = nil
	g, ctx := errgroup.WithContext(p.ctx)
	g.SetLimit(p.opts.Workers)
	for _, path := range tlog.NewPaths(old, cp.Size) {
		name := edition.LogDir + "/" + path
		if path == tlog.CheckpointPath || into.size(name) >= 0 { // of a run before this one: proved below with the others
			continue
		}
		g.Go(func() error {
			b, err := p.logFile(ctx, m, name)
			if err != nil {
				return err
			}
			p.fleet.moved(int64(len(b)))
			return local(into.write(name, b))
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	fetch := p.overlaid(into)
	err := tlog.Entries(p.ctx, fetch, cp, old, func(i uint64, e []byte) error {
		if i == cp.Size-1 {
			p.last = bytes.Clone(e)
		}
		if e, err := tlog.ParseEntry(e); err == nil && e.Kind == tlog.KindEdition { // kinds of later programs are passed over
			p.editions = append(p.editions, e)
		}
		return nil
	})
	if err == nil && k != nil {
		err = tlog.Consistent(p.ctx, fetch, k.cp, cp)
	}
	if err != nil && p.ctx.Err() == nil {
		if err := into.remove(edition.LogDir); err != nil {
			return local(err)
		}
	}
	return err
}

// logFile reads a file of a source's log, with patience for its link.
func (p *pull) logFile(ctx context.Context, m *member, name string) ([]byte, error) {
	b, err := p.patiently(ctx, m, name, tlog.MaxResource)
	if isMissing(err) {
		err = fault.Corrupt("tlog.missing", name).Because(err)
	}
	return b, err
}

// patiently reads a small file of a source, and again when its link fails. What the source
// itself says, that it has no such file for one, is not asked twice.
func (p *pull) patiently(ctx context.Context, m *member, name string, limit int64) (b []byte, err error) {
	for try := range mostRounds {
		if try > 0 {
			if err := wait(ctx, p.fleet.pause); err != nil {
				return nil, err
			}
		}
		b, err = readSmall(ctx, m.src, name, limit)
		if _, ok := fault.Of(err); err == nil || ok || isMissing(err) {
			return b, err
		}
	}
	return nil, err
}

// overlaid reads the log from what was fetched, and from the mirror below it.
func (p *pull) overlaid(into *tree) tlog.Fetch {
	return func(ctx context.Context, path string) ([]byte, error) {
		b, err := into.read(edition.LogDir+"/"+path, tlog.MaxResource)
		if isMissing(err) {
			return p.m.fetch(ctx, path)
		}
		return b, err
	}
}

// adoptManifest fetches the manifest that the log's last entry names, the
// charter and the signatures.
func (p *pull) adoptManifest(c *candidate, k *kept, into *tree) (*head, error) {
	e, err := tlog.ParseEntry(p.last)
	if err != nil || e.Kind != tlog.KindEdition {
		return nil, fault.Corrupt("mirror.not_an_edition", fmt.Sprint(c.cp.Size)).Because(err)
	}
	if err := p.goesOn(e, k); err != nil {
		return nil, err
	}
	h := &head{cp: c.cp}
	err = p.fleet.eachOf(p.ctx, c.members, edition.ManifestPath, func(m *member) error {
		b, err := readSmall(p.ctx, m.src, edition.ManifestPath, edition.MaxManifest)
		if err != nil {
			return err
		}
		if h.manifest, err = edition.ParseManifest(b); err != nil {
			return fault.Corrupt("mirror.no_manifest", m.src.String()).Because(err)
		}
		if canon.Hash(b) != e.SHA256 {
			return errOther
		}
		h.document = b
		return nil
	})
	if err != nil {
		return nil, err
	}
	p.fleet.moved(int64(len(h.document)))
	if err := p.adoptCharter(h, k, into); err != nil {
		return nil, err
	}
	keys := edition.LogKeys(h.charter) // it may say more than what was known before
	if _, err := keys.ParseOwn(h.cp.Raw); err != nil {
		return nil, err
	}
	if err := keys.Continues(p.ctx, p.overlaid(into), h.cp); err != nil {
		return nil, err
	}
	if err := h.manifest.InLog(p.ctx, p.overlaid(into), h.document, h.cp); err != nil {
		return nil, err
	}
	h.signatures, err = p.signatures(c.members, edition.ManifestPath, h.document, keysOf(h.chain), h.charter)
	if err != nil {
		return nil, err
	}
	if _, _, err := edition.VerifyManifest(h.chain, h.document, h.signatures); err != nil {
		return nil, fault.Corrupt("mirror.not_signed", fmt.Sprint(h.manifest.Number)).Because(err)
	}
	return h, nil
}

// adoptCharter reads the charter's chain by the manifest's hashes. It must go on
// from the one that was believed.
func (p *pull) adoptCharter(h *head, k *kept, into *tree) error {
	part, ok := h.manifest.Part("charter")
	if !ok {
		return fault.Corrupt("verify.no_charter")
	}
	files, err := p.part(part, into)
	if err != nil {
		return err
	}
	h.chain, err = chainOf(files, func(f edition.File) ([]byte, error) {
		it := newItem(f)
		if p.m.tree.holds(it) {
			return p.m.tree.read(f.Path, edition.MaxPart)
		}
		if f.Size > edition.MaxPart {
			return nil, fault.Corrupt("verify.too_large", f.Path)
		}
		if err := into.take(p.ctx, p.fleet, it, p.parts); err != nil {
			return nil, err
		}
		return into.read(f.Path, edition.MaxPart)
	})
	if err != nil {
		return err
	}
	if h.charter, err = h.chain.Verify(p.opts.Pinned); err != nil {
		return err
	}
	for i, s := range p.chain {
		switch {
		case i >= len(h.chain):
			return fault.Corrupt("verify.charter_behind", fmt.Sprint(len(h.chain)), fmt.Sprint(len(p.chain)))
		case h.chain[i].Document != s.Document && i == 0:
			return fault.Corrupt("verify.charter_swapped", canon.Hash([]byte(s.Document)), canon.Hash([]byte(h.chain[i].Document)))
		case h.chain[i].Document != s.Document:
			return fault.Corrupt("verify.charter_forked", canon.Hash([]byte(s.Document)), canon.Hash([]byte(h.chain[i].Document)))
		}
	}
	return nil
}

// errOther is a genuine file of another edition than the one that is wanted. It
// is no lie, and the source may have everything else.
var errOther = fmt.Errorf("of another edition: %w", fs.ErrNotExist)

// part gives a part's files: as the mirror has it, or by any source.
func (p *pull) part(part edition.Part, into *tree) ([]edition.File, error) {
	it := newItem(edition.File{Path: part.Path(), Size: part.Size, SHA256: part.SHA256})
	for _, t := range []*tree{p.m.tree, into} {
		if b, err := t.read(it.path, edition.MaxPart); err == nil && canon.Hash(b) == part.SHA256 {
			return edition.ParsePart(part, b)
		}
	}
	if err := into.take(p.ctx, p.fleet, it, p.parts); err != nil {
		return nil, err
	}
	b, err := into.read(it.path, edition.MaxPart)
	if err != nil {
		return nil, local(err)
	}
	return edition.ParsePart(part, b)
}
