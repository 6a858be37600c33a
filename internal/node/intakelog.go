package node

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"kua/internal/edition"
	"kua/internal/fault"
	kualog "kua/internal/tlog"
)

// checkLog checks that the log is whole, continues the one we publish, and ends with
// the manifest.
func (n *Node) checkLog(ctx context.Context, keys kualog.Keys, old, next *published) error {
	from, err := n.continuesLog(ctx, keys, old, next)
	if err != nil {
		return err
	}
	if err := n.hasLog(from, next.cp.Size); err != nil {
		return err
	}
	// Reading the new entries proves the bundles and, on the way to the root,
	// every new tile.
	kept := old == nil || from > 0
	err = kualog.Entries(ctx, n.fetchLog, next.cp, from, func(_ uint64, b []byte) error {
		e, err := kualog.ParseEntry(b)
		kept = kept || err == nil && e.Kind == kualog.KindEdition && e.Number == old.manifest.Number && e.SHA256 == old.current.Manifest
		return nil // of a later program
	})
	if err != nil {
		return err
	}
	if !kept {
		return fault.Corrupt("node.rotation_loses", old.manifest.Number)
	}
	if err := keys.Continues(ctx, n.fetchLog, next.cp); err != nil {
		return err
	}
	entry, err := edition.ManifestEntry(next.manifest, next.document).Bytes()
	if err != nil {
		return err
	}
	if err := kualog.Included(ctx, n.fetchLog, next.cp, next.LogIndex, entry); err != nil {
		return err
	}
	if err := next.manifest.InLog(ctx, n.fetchLog, next.document, next.cp); err != nil {
		return err
	}
	if next.LogIndex+1 != next.cp.Size {
		return fault.Invalid("node.log_goes_on", next.manifest.Number)
	}
	return nil
}

// continuesLog gives how many entries the next log has in common with the one that is
// published: all of it. Nobody but a thief of the key lengthens a log under the same
// edition. When the log has a new key it is proved from its first entry, since any of its
// files may have been replaced until now (fixed); and if what the earlier key signed for
// here is not part of it, the people's word counts.
func (n *Node) continuesLog(ctx context.Context, keys kualog.Keys, old, next *published) (from uint64, err error) {
	if old == nil {
		return 0, nil
	}
	if old.current.Manifest == next.current.Manifest && old.cp.Size != next.cp.Size {
		return 0, fault.Invalid("node.log_goes_on", next.manifest.Number)
	}
	anew := keys.ByPast(old.cp) && !keys.ByPast(next.cp)
	if !anew {
		if err := n.hasLog(old.cp.Size, next.cp.Size); err != nil {
			return 0, err
		}
		return old.cp.Size, kualog.Consistent(ctx, n.fetchLog, old.cp, next.cp)
	}
	if err := n.hasLog(0, next.cp.Size); err != nil {
		return 0, err
	}
	err = kualog.Consistent(ctx, n.fetchLog, old.cp, next.cp)
	switch f, ok := fault.Of(err); {
	case err == nil:
		return 0, nil
	case ok && (f.Key == "tlog.fork" || f.Key == "tlog.rollback"):
		n.cfg.Diary.Warn("the log under its new key does not have what its struck key signed", "entries", old.cp.Size)
		return 0, nil
	}
	return 0, err
}

// hasLog checks that every file is here that a log of one size has and one of another
// had not.
func (n *Node) hasLog(from, to uint64) error {
	for _, path := range kualog.NewPaths(from, to) {
		if path == kualog.CheckpointPath {
			continue
		}
		if _, err := os.Stat(n.logPath(path)); errors.Is(err, fs.ErrNotExist) {
			return fault.Invalid("node.log_missing", path)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// fixed gives how many entries of the published log may never change. Of a log whose
// key was struck off since none is: what the next switch brings is proved anew.
func (n *Node) fixed() uint64 {
	p := n.edition.Load()
	if p == nil {
		return 0
	}
	if c, _ := n.Charter(); edition.LogKeys(c).ByPast(p.cp) {
		return 0
	}
	return p.cp.Size
}
