package node

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/nodeapi"
	"kua/internal/record"
)

// switchEdition publishes another edition, when everything about it is in
// order: the charter continues ours, its people have signed the manifest, the
// edition is newer, every part, file and record signature is here, the log
// continues ours and names this very manifest. Then one file is replaced, and
// that is the switch. Whatever is wrong is named, and nothing has happened.
func (n *Node) switchEdition(w http.ResponseWriter, r *http.Request, body []byte) error {
	var req nodeapi.SwitchRequest
	if err := readJSON(body, &req); err != nil {
		return err
	}
	n.intake.Lock()
	defer n.intake.Unlock()
	ctx := r.Context()
	next, err := n.examine(ctx, req)
	if err != nil {
		return err
	}
	if err := n.publish(ctx, next, req.Chain); err != nil {
		return err
	}
	return n.editionState(w, nil, nil)
}

// examine checks an edition that wants to be published. n.intake is locked.
func (n *Node) examine(ctx context.Context, req nodeapi.SwitchRequest) (*published, error) {
	chain := req.Chain
	if _, ours := n.Charter(); len(chain) < len(ours) {
		if err := n.continues(chain); err != nil {
			return nil, err
		}
		chain = ours
	}
	if err := n.continues(chain); err != nil {
		return nil, err
	}
	m, c, err := edition.VerifyManifest(chain, []byte(req.Manifest), req.Signatures)
	if err != nil {
		return nil, err
	}
	next := &published{manifest: m, ready: cache{most: n.cfg.Limits.CacheBytes}, document: []byte(req.Manifest), current: current{
		Kind: kindCurrent, Manifest: canon.Hash([]byte(req.Manifest)), Signatures: onlyTheirs(c, req.Signatures, req.Manifest),
		Checkpoint: req.Checkpoint, LogIndex: req.LogIndex,
	}}
	old := n.edition.Load()
	if err := newer(old, next); err != nil {
		return nil, err
	}
	keys := edition.LogKeys(c)
	if next.cp, err = keys.ParseOwn([]byte(req.Checkpoint)); err != nil {
		return nil, err
	}
	if err := n.checkLog(ctx, keys, old, next); err != nil {
		return nil, err
	}
	if old != nil && old.current.Manifest == next.current.Manifest {
		next.Before = old.Before
		return next, nil
	}
	if old != nil {
		next.Before = old.current.Manifest
	}
	return next, n.checkFiles(ctx, chain, old, next)
}

// onlyTheirs keeps the signatures that count, so that nothing else is served.
func onlyTheirs(c charter.Charter, sigs charter.Signatures, document string) charter.Signatures {
	out := make(charter.Signatures)
	for _, p := range c.Current() {
		id := charter.KeyID(p.PublishKey)
		if charter.SignedBy(p.PublishKey, []byte(document), sigs[id]) {
			out[id] = sigs[id]
		}
	}
	return out
}

// newer checks an edition's place in the row of editions. A node that was away
// may skip some: then the log alone joins the two.
func newer(old, next *published) error {
	if old == nil || old.current.Manifest == next.current.Manifest {
		return nil
	}
	if next.manifest.Number <= old.manifest.Number {
		return fault.Conflict("node.edition_old", next.manifest.Number, old.manifest.Number)
	}
	if next.manifest.Number == old.manifest.Number+1 && next.manifest.Previous != old.current.Manifest {
		return fault.Conflict("node.edition_other_past", next.manifest.Number)
	}
	return nil
}

// checkFiles checks that every file the edition has and the last one had not is
// here in the right size, and that its records are signed.
func (n *Node) checkFiles(ctx context.Context, chain charter.Chain, old, next *published) error {
	var before *edition.Manifest
	if old != nil {
		before = &old.manifest
	}
	changed, _, err := edition.Diff(before, &next.manifest, n.partFiles(ctx), n.partFiles(ctx))
	if err != nil {
		return err
	}
	var missing []string
	for _, f := range changed {
		r, size, err := n.files.Open(ctx, f.SHA256)
		if g, ok := fault.Of(err); ok && g.Kind == fault.KindNotFound {
			missing = append(missing, f.Path)
			continue
		}
		if err != nil {
			return err
		}
		r.Close()
		if size != f.Size {
			return fault.Corrupt("node.file_size", f.Path)
		}
	}
	if len(missing) > 0 {
		return fault.Invalid("node.edition_missing", missing[0], len(missing))
	}
	signers, err := versions(chain)
	if err != nil {
		return err
	}
	for _, f := range changed {
		if isRecord(f.Path) {
			if err := n.checkRecord(ctx, signers, f); err != nil {
				return err
			}
		}
	}
	return nil
}

func isRecord(path string) bool {
	return strings.HasPrefix(path, "records/") && strings.HasSuffix(path, ".json")
}

func versions(chain charter.Chain) ([]charter.Charter, error) {
	all := make([]charter.Charter, len(chain))
	for i, s := range chain {
		var err error
		if all[i], err = charter.Parse([]byte(s.Document)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// checkRecord checks that a record was signed by the threshold of some version
// of the charter: people retire later.
func (n *Node) checkRecord(ctx context.Context, signers []charter.Charter, f edition.File) error {
	document, err := n.readFile(ctx, f.SHA256, record.MaxDocument)
	if err != nil {
		return err
	}
	sigs, err := n.readSignatures(f.Path)
	if err != nil {
		return err
	}
	for i := len(signers) - 1; i >= 0; i-- {
		if err = signers[i].Verify(document, sigs); err == nil {
			return nil
		}
	}
	return fault.Forbidden("node.record_not_signed", f.Path).Because(err)
}

// publish makes what was examined the edition. n.intake is locked.
func (n *Node) publish(ctx context.Context, next *published, chain charter.Chain) error {
	if _, err := n.files.Put(ctx, next.current.Manifest, strings.NewReader(string(next.document))); err != nil {
		return fmt.Errorf("keep the manifest: %w", err)
	}
	if err := n.extendCharter(chain); err != nil {
		return err
	}
	b, err := canon.Marshal(next.current)
	if err != nil {
		return err
	}
	old := n.edition.Load()
	if err := writeWhole(n.editionDir("current.json"), b); err != nil {
		return fmt.Errorf("switch the edition: %w", err)
	}
	n.edition.Store(next)
	n.cfg.Diary.Info("edition published", "number", next.manifest.Number)
	var from uint64
	if old != nil {
		from = old.cp.Size
	}
	if err := n.dropPartial(from, next.cp.Size); err != nil {
		n.cfg.Diary.Error("old partial tiles stay", "fault", err)
	}
	if err := n.indexEdition(ctx, next); err != nil {
		// It is published. The search follows at the next switch or start.
		n.cfg.Diary.Error("the search is behind the edition", "fault", err)
	}
	return nil
}
