package tlog

import (
	"context"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
)

// Growing is a log whose entries go by. It keeps no more than the hashes at the right
// edge of its tree.
type Growing struct{ edge *compact.Range }

var ranges = compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}

// NewGrowing is a log without entries.
func NewGrowing() *Growing { return &Growing{ranges.NewEmptyRange(0)} }

// GrowFrom is the log of a checkpoint, read with fetch, before its next entry. What it reads
// does not grow with the log but by its logarithm.
func GrowFrom(ctx context.Context, fetch Fetch, cp Checkpoint) (*Growing, error) {
	if cp.Size == 0 {
		return NewGrowing(), nil
	}
	var indexes []int64
	for _, n := range compact.RangeNodes(0, cp.Size, nil) {
		indexes = append(indexes, tlog.StoredHashIndex(int(n.Level), int64(n.Index)))
	}
	found, err := newReader(ctx, fetch, cp).hashes().ReadHashes(indexes)
	if err != nil {
		return nil, tileFault(err)
	}
	hashes := make([][]byte, len(found))
	for i := range found {
		hashes[i] = found[i][:]
	}
	edge, err := ranges.NewRange(0, cp.Size, hashes)
	return &Growing{edge}, err
}

// Add takes the next entry.
func (g *Growing) Add(entry []byte) error {
	h := LeafHash(entry)
	return g.edge.Append(h[:], nil)
}

// Head gives the size so far and its root (RFC 6962, 2.1).
func (g *Growing) Head() (size uint64, root [32]byte, err error) {
	if size = g.edge.End(); size == 0 {
		return 0, emptyRoot(), nil
	}
	b, err := g.edge.GetRootHash(nil)
	copy(root[:], b)
	return size, root, err
}
