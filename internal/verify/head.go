package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
)

// head is what everything else is checked against: the charter's chain and the
// signed manifest.
type head struct {
	manifest edition.Manifest
	document []byte
	chain    charter.Chain
	versions []charter.Charter // of the chain
	charter  charter.Charter   // the newest
	keys     []publisher       // all of the chain, those of the newest version's current people first
}

// publisher is a key with which somebody signs.
type publisher struct{ key, id string }

// readHead reads manifest and charter. ok says that there is something to go on
// with; what is wrong is in the findings.
func (r *run) readHead(ctx context.Context) (ok bool, err error) {
	doc, err := r.read(ctx, edition.ManifestPath, edition.MaxManifest)
	if err != nil {
		return false, r.problem(edition.ManifestPath, err)
	}
	m, err := edition.ParseManifest(doc)
	if err != nil {
		return false, r.problem(edition.ManifestPath, err)
	}
	r.head = &head{manifest: m, document: doc}
	r.report.Edition, r.report.Made, r.report.FreshUntil = m.Number, m.Made, m.FreshUntil
	r.report.Records, r.report.Freshness = m.Records, m.Age(r.opts.Now)
	if ok, err := r.readChain(ctx); err != nil || !ok {
		return false, err
	}
	if err := r.checkManifest(ctx); err != nil {
		return false, err
	}
	return true, r.compareCharter()
}

// readChain fetches the charter's files as the manifest lists them. The manifest
// is not believed yet: the chain stands by its own signatures.
func (r *run) readChain(ctx context.Context) (ok bool, err error) {
	part, ok := r.head.manifest.Part("charter")
	if !ok {
		r.find(Corrupt, edition.ManifestPath, "verify.no_charter")
		return false, nil
	}
	files, err := r.part(ctx, part)
	if err != nil || files == nil {
		return false, err
	}
	for n := 1; ; n++ {
		path := fmt.Sprintf("%s/%d.json", charter.Dir, n)
		if !slices.ContainsFunc(files, func(f edition.File) bool { return f.Path == path }) {
			break
		}
		s, err := r.readVersion(ctx, path, files)
		if err != nil {
			return false, r.problem(path, err)
		}
		r.head.chain = append(r.head.chain, s)
	}
	c, err := r.head.chain.Verify(r.opts.Pinned)
	if err != nil {
		return false, r.problem(charter.Dir, err)
	}
	for _, s := range r.head.chain {
		v, err := charter.Parse([]byte(s.Document))
		if err != nil {
			return false, r.problem(charter.Dir, err)
		}
		r.head.versions = append(r.head.versions, v)
	}
	r.head.charter = c
	r.head.collectKeys()
	r.report.Name, r.report.Pinned = c.Name, r.opts.Pinned != ""
	r.report.Charter = canon.Hash([]byte(r.head.chain[len(r.head.chain)-1].Document))
	r.report.FirstCharter = canon.Hash([]byte(r.head.chain[0].Document))
	return true, nil
}

func (r *run) readVersion(ctx context.Context, path string, files []edition.File) (charter.Signed, error) {
	doc, err := r.read(ctx, path, edition.MaxPart)
	if err != nil {
		return charter.Signed{}, err
	}
	s := charter.Signed{Document: string(doc), Signatures: make(charter.Signatures)}
	for _, f := range files {
		id, ok := cutAround(f.Path, path+".", ".sig")
		if !ok {
			continue
		}
		sig, err := r.read(ctx, f.Path, 64)
		if errors.Is(err, fs.ErrNotExist) {
			continue // named when the files are checked
		}
		if err != nil {
			return charter.Signed{}, err
		}
		s.Signatures[id] = sig
	}
	return s, nil
}

// checkManifest checks the signatures. A manifest that does not hold is still
// gone through, so that the report names every file that differs from it.
func (r *run) checkManifest(ctx context.Context) error {
	sigs, by, err := r.signatures(ctx, edition.ManifestPath, r.head.document, r.head.charter)
	if err != nil {
		return err
	}
	r.manifestBy = by
	if _, _, err := edition.VerifyManifest(r.head.chain, r.head.document, sigs); err != nil {
		return r.problem(edition.ManifestPath, err)
	}
	return nil
}

// signatures fetches people's signatures over a document until those of enough
// people in force are good, and notes every bad one. by says whose were good, as in
// document.
func (r *run) signatures(ctx context.Context, path string, doc []byte, force ...charter.Charter) (sigs charter.Signatures, by uint64, err error) {
	sigs = make(charter.Signatures)
	for i, k := range r.head.keys {
		sigPath := edition.SignaturePath(path, k.id)
		sig, err := r.read(ctx, sigPath, 64)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if _, lists := r.src.(lister); !lists && errors.Is(err, fault.Corrupt("verify.too_large")) {
			continue // a host that answers with a page of its own where a file is not there
		}
		if err != nil {
			if err := r.problem(sigPath, err); err != nil {
				return nil, 0, err
			}
			continue
		}
		if !charter.SignedBy(k.key, doc, sig) {
			r.find(Corrupt, sigPath, "verify.bad_signature", sigPath)
			continue
		}
		sigs[k.id] = sig
		by |= 1 << i
		if slices.ContainsFunc(force, func(c charter.Charter) bool { return c.Enough(sigs) }) {
			break
		}
	}
	return sigs, by, nil
}

func (h *head) collectKeys() {
	add := func(people []charter.Person) {
		for _, p := range people {
			if !slices.ContainsFunc(h.keys, func(k publisher) bool { return k.key == p.PublishKey }) {
				h.keys = append(h.keys, publisher{p.PublishKey, charter.KeyID(p.PublishKey)})
			}
		}
	}
	add(h.charter.Current())
	for _, v := range slices.Backward(h.versions) {
		add(v.People)
	}
}

// signed checks that a document's signatures reach the threshold of a version
// of the chain: people retire, and what they signed stays. by is as of signatures.
func (r *run) signed(ctx context.Context, path string, doc []byte) (by uint64, err error) {
	sigs, by, err := r.signatures(ctx, path, doc, r.head.versions...)
	if err != nil {
		return 0, err
	}
	for _, v := range r.head.versions {
		if v.Enough(sigs) {
			return by, nil
		}
	}
	return by, r.problem(path, fault.Forbidden("verify.not_signed", path, len(sigs)))
}

// part reads one part; nil files without an error means that a finding says why.
func (r *run) part(ctx context.Context, p edition.Part) ([]edition.File, error) {
	doc, err := r.read(ctx, p.Path(), p.Size)
	if err != nil {
		return nil, r.problem(p.Path(), err)
	}
	files, err := edition.ParsePart(p, doc)
	if err != nil {
		return nil, r.problem(p.Path(), err)
	}
	return files, nil
}

func cutAround(s, before, after string) (string, bool) {
	if len(s) > len(before)+len(after) && s[:len(before)] == before && s[len(s)-len(after):] == after {
		return s[len(before) : len(s)-len(after)], true
	}
	return "", false
}
