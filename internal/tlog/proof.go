package tlog

import (
	"context"

	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/tlog"

	"kua/internal/fault"
)

// maxProof bounds a tlog-proof file: 63 hashes, a checkpoint and room.
const maxProof = MaxCheckpoint + 8<<10

// Prove makes a C2SP tlog-proof file: the checkpoint and the hashes that join
// entry index to its root. Whoever has the file, the entry and the log's key
// needs nothing else.
func Prove(ctx context.Context, fetch Fetch, cp Checkpoint, index uint64) ([]byte, error) {
	if index >= cp.Size {
		return nil, fault.Invalid("tlog.not_included", index)
	}
	path, err := tlog.ProveRecord(int64(cp.Size), int64(index), newReader(ctx, fetch, cp).hashes())
	if err != nil {
		return nil, tileFault(err)
	}
	p := proof.TLogProof{Index: index, Checkpoint: cp.Raw}
	for _, h := range path {
		p.Hashes = append(p.Hashes, h)
	}
	return p.Marshal(), nil
}

// CheckProof checks a tlog-proof file for leaf against the log's origin and
// key, and gives the checkpoint and the index it proves. The proof's extra
// data is not authenticated and not looked at.
func CheckProof(file []byte, origin, vkey string, leaf []byte) (Checkpoint, uint64, error) {
	if len(file) > maxProof {
		return Checkpoint{}, 0, fault.TooLarge("tlog.proof_too_large", maxProof)
	}
	var p proof.TLogProof
	if err := p.Unmarshal(file); err != nil {
		return Checkpoint{}, 0, fault.Corrupt("tlog.proof").Because(err)
	}
	cp, err := ParseCheckpoint(p.Checkpoint, origin, vkey)
	if err != nil {
		return Checkpoint{}, 0, err
	}
	path := make(tlog.RecordProof, len(p.Hashes))
	for i, h := range p.Hashes {
		path[i] = h
	}
	if p.Index >= cp.Size {
		return Checkpoint{}, 0, fault.Corrupt("tlog.not_included", p.Index)
	}
	if err := tlog.CheckRecord(path, int64(cp.Size), cp.Root, int64(p.Index), tlog.RecordHash(leaf)); err != nil {
		return Checkpoint{}, 0, fault.Corrupt("tlog.not_included", p.Index).Because(err)
	}
	return cp, p.Index, nil
}

// InclusionPath gives the hashes that join entry index to the checkpoint's root (RFC 6962,
// 2.1.1): what a tlog-proof file holds besides the checkpoint, for whoever hands on
// several entries under one.
func InclusionPath(ctx context.Context, fetch Fetch, cp Checkpoint, index uint64) ([][HashSize]byte, error) {
	if index >= cp.Size {
		return nil, fault.Invalid("tlog.not_included", index)
	}
	found, err := tlog.ProveRecord(int64(cp.Size), int64(index), newReader(ctx, fetch, cp).hashes())
	if err != nil {
		return nil, tileFault(err)
	}
	path := make([][HashSize]byte, len(found))
	for i, h := range found {
		path[i] = h
	}
	return path, nil
}

// CheckInclusion checks what InclusionPath gives for leaf: tlog.not_included when it does not lead to
// the checkpoint's root.
func CheckInclusion(cp Checkpoint, index uint64, leaf []byte, path [][HashSize]byte) error {
	if index >= cp.Size || len(path) > 64 {
		return fault.Corrupt("tlog.not_included", index)
	}
	hashes := make(tlog.RecordProof, len(path))
	for i, h := range path {
		hashes[i] = h
	}
	if err := tlog.CheckRecord(hashes, int64(cp.Size), cp.Root, int64(index), tlog.RecordHash(leaf)); err != nil {
		return fault.Corrupt("tlog.not_included", index).Because(err)
	}
	return nil
}
