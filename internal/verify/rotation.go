package verify

import (
	"context"
	"errors"
	"fmt"

	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/tlog"
)

// Rotation is news for a reader who remembers the log under another key: since when
// it has a new one, how far the old one counts, and whether what was remembered is
// part of the log at all. If not, somebody else has signed with the old key, and the
// note that shows it is among the evidence.
//
// Unchecked says that the memory is of a program that did not write down the edition:
// nobody can say then whether the new log still has what was seen.
type Rotation struct {
	Charter int    `json:"charter"`          // the version that names the new key
	Size    uint64 `json:"size"`             // entries that are confirmed of the old one
	Void    uint64 `json:"void,omitempty"`   // entries of the log that was remembered, when it is not this one
	OldKey  string `json:"oldkey,omitempty"` // that signed that one

	Unchecked bool `json:"unchecked,omitempty"`
}

// errLoses is a log of a new key that lacks the edition that was remembered.
var errLoses = errors.New("the remembered edition is not in it")

// compareLog holds the log's head against the one remembered. Of a fork both
// notes are kept as files.
func (r *run) compareLog(ctx context.Context, keys tlog.Keys, cp tlog.Checkpoint) error {
	m := r.memory.log
	if m.Checkpoint == "" {
		return nil
	}
	then, err := charter.Parse([]byte(m.Chain[len(m.Chain)-1].Document))
	if err != nil {
		return fault.Corrupt("verify.broken_state", r.logFile()).Because(err)
	}
	known := edition.LogKeys(then)
	old, _, err := known.Named([]byte(m.Checkpoint))
	if err != nil {
		return fault.Corrupt("verify.broken_state", r.logFile()).Because(err)
	}
	if len(m.Chain) > len(r.head.chain) { // a copy from before what is known
		if _, err := known.Parse(cp.Raw); err != nil {
			return r.problem(checkpointPath, err)
		}
	}
	err = tlog.Consistent(ctx, r.log, old, cp)
	f, _ := fault.Of(err)
	if r.follows(m) && keys.ByPast(old) && !keys.ByPast(cp) && (err == nil || f != nil && (f.Key == "tlog.fork" || f.Key == "tlog.rollback")) {
		return r.rotated(ctx, old, cp, err != nil)
	}
	var conflict *tlog.Conflict
	if errors.As(err, &conflict) {
		if err := r.keepEvidence(conflict.Old, conflict.New); err != nil {
			return err
		}
	}
	if err != nil {
		return r.problem(checkpointPath, err)
	}
	return nil
}

// follows reports whether the copy's charter goes on from the one remembered.
func (r *run) follows(m logMemory) bool {
	_, parts := m.Chain.Parts(r.head.chain)
	return !parts && len(m.Chain) <= len(r.head.chain)
}

// rotated goes on from a log that was remembered under a key that is struck off by
// now. What people have signed since decides, against whatever the old key signed; but
// what people signed before must still be there.
func (r *run) rotated(ctx context.Context, old, cp tlog.Checkpoint, void bool) error {
	n := &Rotation{}
	for i, v := range r.head.versions {
		if past := v.Log.Past; len(past) > 0 && (i == 0 || len(past) > len(r.head.versions[i-1].Log.Past)) {
			n.Charter, n.Size = i+1, past[len(past)-1].Size
		}
	}
	r.report.Rotated = n
	if !void {
		return nil
	}
	n.Void, n.OldKey, n.Unchecked = old.Size, edition.LogKeys(r.head.charter).By(old.Raw), r.memory.log.Edition == 0
	if err := r.keepEvidence(old.Raw, cp.Raw); err != nil {
		return err
	}
	err := r.holdsEdition(ctx, cp)
	if errors.Is(err, errLoses) {
		r.find(Fork, checkpointPath, "verify.rotation_loses", fmt.Sprint(r.memory.log.Edition))
		return nil
	}
	if err != nil {
		return r.problem(checkpointPath, err)
	}
	return nil
}

// holdsEdition looks for the remembered edition in the log.
func (r *run) holdsEdition(ctx context.Context, cp tlog.Checkpoint) error {
	m := r.memory.log
	if m.Edition == 0 {
		return nil // which Rotation.Unchecked says
	}
	err := tlog.Entries(ctx, r.log, cp, 0, func(_ uint64, b []byte) error {
		e, err := tlog.ParseEntry(b)
		if err == nil && e.Kind == tlog.KindEdition && e.Number == m.Edition && e.SHA256 == m.Manifest {
			return errFound
		}
		return nil // of a later program
	})
	switch {
	case errors.Is(err, errFound):
		return nil
	case err == nil:
		return errLoses
	}
	return err
}
