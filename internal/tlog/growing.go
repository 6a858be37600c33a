package tlog

import (
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
)

// Growing is a log whose entries go by from the first on. It keeps no more than the
// hashes at the right edge of its tree.
type Growing struct{ edge *compact.Range }

// NewGrowing is a log without entries.
func NewGrowing() *Growing {
	return &Growing{(&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)}
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
