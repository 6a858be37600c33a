package tlog

import (
	"context"
	"errors"

	"kua/internal/fault"
)

// Keys says by which keys a log's checkpoints are believed, as the newest charter
// that one knows names them. The origin stays when the key changes.
type Keys struct {
	Origin string
	Key    string // the present one, a verifier key of sumdb/note
	Past   []Past // the oldest first
}

// Past is a key that was struck off, and the log as it was then. What it signs
// counts as far as that and no further.
type Past struct {
	Key  string
	Size uint64
	Root [32]byte
}

// Parse reads a signed note of a log whose own charter may be older than the one k is
// of, and checks that it counts: signed with the present key
// and not shorter than what the earlier keys left, or with an earlier key and no
// longer than what is confirmed of that one. The faults are tlog.checkpoint for a note
// that none of the keys signed, tlog.struck_key for one that counts no more, and
// tlog.not_continued; with the latter two comes what the note says, for evidence.
//
// That a log begins with what is confirmed takes its tiles: Continues.
func (k Keys) Parse(raw []byte) (Checkpoint, error) {
	cp, err := ParseCheckpoint(raw, k.Origin, k.Key)
	if err == nil {
		if n := len(k.Past); n > 0 && (cp.Size < k.Past[n-1].Size || cp.Size == k.Past[n-1].Size && cp.Root != k.Past[n-1].Root) {
			return cp, fault.Corrupt("tlog.not_continued", k.Past[n-1].Size)
		}
		return cp, nil
	}
	if f, ok := fault.Of(err); !ok || f.Key != "tlog.checkpoint" {
		return Checkpoint{}, err
	}
	for _, p := range k.Past {
		old, err := ParseCheckpoint(raw, k.Origin, p.Key)
		if err != nil {
			continue
		}
		if old.Size > p.Size || old.Size == p.Size && old.Root != p.Root {
			return old, fault.Corrupt("tlog.struck_key", old.Size, p.Size)
		}
		return old, nil
	}
	return Checkpoint{}, err
}

// ParseOwn reads the note that lies beside the charter k is of, as Parse does, and wants
// the present key: an edition is logged after the charter that it names, so no honest
// one under this charter stands under an earlier key. The fault for such a key is
// tlog.earlier_key.
func (k Keys) ParseOwn(raw []byte) (Checkpoint, error) {
	cp, err := k.Parse(raw)
	if err == nil && k.ByPast(cp) {
		return cp, fault.Corrupt("tlog.earlier_key", cp.Size)
	}
	return cp, err
}

// Named reads a note that one of the keys signed, whether it counts or not: for what
// was believed before more was known.
func (k Keys) Named(raw []byte) (cp Checkpoint, counts bool, err error) {
	cp, err = k.Parse(raw)
	if Struck(err) || errors.Is(err, fault.Corrupt("tlog.not_continued")) {
		return cp, false, nil
	}
	return cp, err == nil, err
}

// Struck reports whether err is the fault of a note that a struck key signed beyond,
// or beside, what is confirmed of it.
func Struck(err error) bool {
	f, ok := fault.Of(err)
	return ok && f.Key == "tlog.struck_key"
}

// ByPast reports whether an earlier key signed a note, and not the present one.
func (k Keys) ByPast(cp Checkpoint) bool {
	_, err := ParseCheckpoint(cp.Raw, k.Origin, k.Key)
	return err != nil
}

// By gives the key that signed a note, whether it counts or not; "" when none of them
// did.
func (k Keys) By(raw []byte) string {
	for _, key := range k.All() {
		if _, err := ParseCheckpoint(raw, k.Origin, key); err == nil {
			return key
		}
	}
	return ""
}

// Continues checks that the log of cp, read with fetch, begins with everything that
// the charter confirms of earlier keys, as far as it goes: else the fault is
// tlog.not_continued, and whoever signed it tells another history.
func (k Keys) Continues(ctx context.Context, fetch Fetch, cp Checkpoint) error {
	for _, p := range k.Past {
		if p.Size == 0 || p.Size > cp.Size {
			continue
		}
		err := Consistent(ctx, fetch, Checkpoint{Origin: k.Origin, Size: p.Size, Root: p.Root}, cp)
		if f, ok := fault.Of(err); ok && f.Key == "tlog.fork" {
			return fault.Corrupt("tlog.not_continued", p.Size)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// All gives every key, the present one first.
func (k Keys) All() []string {
	all := []string{k.Key}
	for _, p := range k.Past {
		all = append(all, p.Key)
	}
	return all
}
