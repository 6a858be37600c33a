package edition

import (
	"context"
	"encoding/hex"

	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/tlog"
)

// Before says which log an edition's entry was put into: all that stands before it. Since
// the entry is the log's last while the edition is the newest, people sign for the whole log
// with the manifest, and not its key alone.
type Before struct {
	Size uint64 `json:"size"` // entries, and so the index of the edition's own
	Root string `json:"root"` // RFC 6962, 64 hex
}

// NewBefore is the log as it has grown.
func NewBefore(g *tlog.Growing) (Before, error) {
	size, root, err := g.Head()
	return Before{size, hex.EncodeToString(root[:])}, err
}

// InLog checks that the log of cp, read with fetch, is the one that the manifest, whose exact
// bytes are doc, says it was put into: it begins so, and the manifest's entry comes next. Else the
// fault is edition.other_log. A manifest that says nothing of its log passes.
func (m Manifest) InLog(ctx context.Context, fetch tlog.Fetch, doc []byte, cp tlog.Checkpoint) error {
	if m.Log == (Before{}) {
		return nil
	}
	before := tlog.Checkpoint{Origin: cp.Origin, Size: m.Log.Size}
	_, _ = hex.Decode(before.Root[:], []byte(m.Log.Root)) // its shape was validated
	entry, err := ManifestEntry(m, doc).Bytes()
	if err != nil {
		return err
	}
	if err = tlog.Consistent(ctx, fetch, before, cp); err == nil {
		err = tlog.Included(ctx, fetch, cp, m.Log.Size, entry)
	}
	if f, ok := fault.Of(err); ok && (f.Key == "tlog.fork" || f.Key == "tlog.rollback" || f.Key == "tlog.not_included") {
		return fault.Corrupt("edition.other_log", m.Number, m.Log.Size).Because(f)
	}
	return err
}

// LogKeys gives the keys by which a charter's log is believed. The charter must have
// been validated.
func LogKeys(c charter.Charter) tlog.Keys {
	k := tlog.Keys{Origin: c.Log.Origin, Key: c.Log.Key}
	for _, p := range c.Log.Past {
		past := tlog.Past{Key: p.Key, Size: p.Size}
		_, _ = hex.Decode(past.Root[:], []byte(p.Root)) // its shape was validated
		k.Past = append(k.Past, past)
	}
	return k
}
