package tlog

import (
	"context"
	"errors"

	"golang.org/x/mod/sumdb/tlog"

	"kua/internal/fault"
)

// maxDispute bounds the hashes of a Dispute: twice the height of the tallest log.
const maxDispute = 128

// Dispute is a fork that anybody can check who has the log's public key, without
// asking any server: two signed notes, and the RFC 6962 consistency proof that
// leads from the newer one to a root of the older one's size which is not the one
// that the older note signs. Of two notes of one size the roots alone contradict
// each other; Root and Proof are then empty.
type Dispute struct {
	Old   string   `json:"old"`
	New   string   `json:"new"`
	Root  []byte   `json:"root,omitempty"`
	Proof [][]byte `json:"proof,omitempty"`
}

// NewDispute makes the proof that the log of new, read with fetch, does not begin
// with the log of old. When it does, or new is the smaller one, the fault is
// tlog.no_dispute.
func NewDispute(ctx context.Context, fetch Fetch, old, new Checkpoint) (Dispute, error) {
	d := Dispute{Old: string(old.Raw), New: string(new.Raw)}
	if new.Size < old.Size || old.Size == 0 || new.Size == old.Size && new.Root == old.Root {
		return Dispute{}, fault.Invalid("tlog.no_dispute")
	}
	if new.Size == old.Size {
		return d, nil
	}
	r := newReader(ctx, fetch, new)
	root, err := tlog.TreeHash(int64(old.Size), r.hashes())
	if err != nil {
		return Dispute{}, tileFault(err)
	}
	if root == tlog.Hash(old.Root) {
		return Dispute{}, fault.Invalid("tlog.no_dispute")
	}
	proof, err := tlog.ProveTree(int64(new.Size), int64(old.Size), r.hashes())
	if err != nil {
		return Dispute{}, tileFault(err)
	}
	d.Root = root[:]
	for _, h := range proof {
		d.Proof = append(d.Proof, h[:])
	}
	return d, nil
}

// Check says whether d proves that the log with these keys, past ones too, has told
// two histories, and gives both checkpoints. The faults are tlog.checkpoint, for a
// note that the log did not sign, and tlog.no_dispute.
func (d Dispute) Check(keys Keys) (old, new Checkpoint, err error) {
	if old, _, err = keys.Named([]byte(d.Old)); err != nil {
		return old, new, err
	}
	if new, _, err = keys.Named([]byte(d.New)); err != nil {
		return old, new, err
	}
	if old.Size == new.Size {
		if old.Root == new.Root {
			err = fault.Invalid("tlog.no_dispute")
		}
		return old, new, err
	}
	return old, new, d.checkProof(old, new)
}

func (d Dispute) checkProof(old, new Checkpoint) error {
	no := func(why string) error { return fault.Invalid("tlog.no_dispute").Because(errors.New(why)) }
	if old.Size > new.Size || old.Size == 0 {
		return no("the notes are not in order")
	}
	if len(d.Root) != HashSize || len(d.Proof) > maxDispute {
		return no("not a proof")
	}
	root := tlog.Hash(d.Root)
	if root == tlog.Hash(old.Root) {
		return no("the older note signs this very root")
	}
	var proof tlog.TreeProof
	for _, h := range d.Proof {
		if len(h) != HashSize {
			return no("not a hash")
		}
		proof = append(proof, tlog.Hash(h))
	}
	if err := tlog.CheckTree(proof, int64(new.Size), new.Root, int64(old.Size), root); err != nil {
		return fault.Invalid("tlog.no_dispute").Because(err)
	}
	return nil
}
