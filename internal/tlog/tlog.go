// Package tlog reads the collective's transparency log: checkpoints, tiles and
// entries in the formats of C2SP (tlog-checkpoint, tlog-tiles, tlog-proof). It
// believes nothing that does not hash up to a signed checkpoint.
//
// It writes nothing (tlog/appender does) and fetches through a function it is
// given, so it works on a directory, a web host or a stick alike. The format of
// our own entries is in entry.go and spec/log.md. Not to be mixed up with the
// program's diary.
package tlog

import (
	"context"
	"errors"
	"fmt"

	flog "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"kua/internal/fault"
)

// Limits on what a stranger's log can make a reader hold.
const (
	MaxCheckpoint = 64 << 10 // bytes; a checkpoint with many cosignatures is about 1 kB
	MaxEntry      = 1<<16 - 1
	maxSize       = 1 << 40 // entries
)

// HashSize is the length of a hash and of one row of a hash tile, in bytes.
const HashSize = tlog.HashSize

// CheckpointPath is the checkpoint's path below the log's directory.
const CheckpointPath = "checkpoint"

// Checkpoint is a signed statement of the log's size and root. Raw holds the
// signed note as it came, cosignatures and all.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   [32]byte
	Raw    []byte
}

// ParseCheckpoint reads a signed note and checks the log's own signature and
// origin. vkey is the log's verifier key in the form of sumdb/note. Signatures
// by others are kept in Raw and not looked at.
func ParseCheckpoint(raw []byte, origin, vkey string) (Checkpoint, error) {
	if len(raw) > MaxCheckpoint {
		return Checkpoint{}, fault.TooLarge("tlog.checkpoint_too_large", MaxCheckpoint)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return Checkpoint{}, fault.Invalid("tlog.key").Because(err)
	}
	cp, rest, _, err := flog.ParseCheckpoint(raw, origin, v)
	if err != nil {
		return Checkpoint{}, fault.Corrupt("tlog.checkpoint").Because(err)
	}
	if len(cp.Hash) != HashSize || cp.Size > maxSize || len(rest) > 0 {
		return Checkpoint{}, fault.Corrupt("tlog.checkpoint").Because(fmt.Errorf("size %d, root of %d bytes", cp.Size, len(cp.Hash)))
	}
	c := Checkpoint{Origin: cp.Origin, Size: cp.Size, Raw: append([]byte(nil), raw...)}
	copy(c.Root[:], cp.Hash)
	if c.Size == 0 && c.Root != emptyRoot() {
		return Checkpoint{}, fault.Corrupt("tlog.checkpoint").Because(errors.New("an empty log with a root"))
	}
	return c, nil
}

// Fetch reads a file below the log's directory: "checkpoint", "tile/0/000", ….
// A file that is not there gives an error for which errors.Is(err,
// fs.ErrNotExist) holds. It must bound what it reads: nothing in a log is
// longer than MaxResource.
type Fetch func(ctx context.Context, path string) ([]byte, error)

// MaxResource is the length of the longest file of a log, a full entry bundle.
const MaxResource = 256 * (2 + MaxEntry)

// Conflict is a fork with its evidence: two notes signed with the log's key
// that cannot both be true. Anyone who has the key's public half can check it.
type Conflict struct {
	Old, New []byte // signed notes
}

// Error says what the evidence is; the sentence for people is tlog.fork's.
func (c *Conflict) Error() string {
	return fmt.Sprintf("two checkpoints that contradict each other (%d and %d bytes)", len(c.Old), len(c.New))
}

// Consistent checks that the log of new, read with fetch, begins with the log
// of old. A smaller log gives the fault tlog.rollback; a log that continues
// another history gives tlog.fork with a *Conflict as its cause.
func Consistent(ctx context.Context, fetch Fetch, old, new Checkpoint) error {
	if new.Origin != old.Origin {
		return fault.Conflict("tlog.other_log", old.Origin, new.Origin)
	}
	if new.Size < old.Size {
		return fault.Conflict("tlog.rollback", old.Size, new.Size)
	}
	root := new.Root
	if new.Size > old.Size {
		h, err := tlog.TreeHash(int64(old.Size), newReader(ctx, fetch, new).hashes())
		if err != nil {
			return tileFault(err)
		}
		root = h
	}
	if root != old.Root {
		return fault.Corrupt("tlog.fork", old.Size, new.Size).Because(&Conflict{Old: old.Raw, New: new.Raw})
	}
	return nil
}

// Included checks that the log's entry at index is leaf. The faults are
// tlog.not_included and tlog.tile.
func Included(ctx context.Context, fetch Fetch, cp Checkpoint, index uint64, leaf []byte) error {
	if index >= cp.Size {
		return fault.Corrupt("tlog.not_included", index)
	}
	hs, err := newReader(ctx, fetch, cp).hashes().ReadHashes([]int64{tlog.StoredHashIndex(0, int64(index))})
	if err != nil {
		return tileFault(err)
	}
	if hs[0] != tlog.RecordHash(leaf) {
		return fault.Corrupt("tlog.not_included", index)
	}
	return nil
}

// LeafHash is the RFC 6962 hash of an entry: what a tile of level 0 holds.
func LeafHash(entry []byte) [32]byte { return tlog.RecordHash(entry) }

func emptyRoot() [32]byte {
	h, err := tlog.TreeHash(0, nil)
	if err != nil {
		panic(err) // the empty tree needs no hashes
	}
	return h
}
