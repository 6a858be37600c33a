package bundle

import (
	"encoding/hex"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// levels are the hashes of an RFC 6962 tree from its leaves to its root. A node
// without a sibling is its own parent.
type levels [][][]byte

func newLevels(leaves [][]byte) levels {
	at := make([][]byte, len(leaves))
	for i, l := range leaves {
		at[i] = rfc6962.DefaultHasher.HashLeaf(l)
	}
	t := levels{at}
	for len(at) > 1 {
		var up [][]byte
		for i := 0; i < len(at); i += 2 {
			if i+1 == len(at) {
				up = append(up, at[i])
			} else {
				up = append(up, rfc6962.DefaultHasher.HashChildren(at[i], at[i+1]))
			}
		}
		t, at = append(t, up), up
	}
	return t
}

func (t levels) root() string { return hex.EncodeToString(t[len(t)-1][0]) }

// proof gives the audit path of leaf i in hex.
func (t levels) proof(i int) []string {
	path := []string{}
	for _, at := range t[:len(t)-1] {
		if s := i ^ 1; s < len(at) {
			path = append(path, hex.EncodeToString(at[s]))
		}
		i /= 2
	}
	return path
}

// covers reports whether a leaf is at its place in the tree with this root.
func covers(root string, i, n int, leaf []byte, path []string) bool {
	r, err := hex.DecodeString(root)
	if err != nil || len(path) > 17 {
		return false
	}
	var hashes [][]byte
	for _, p := range path {
		h, err := hex.DecodeString(p)
		if err != nil {
			return false
		}
		hashes = append(hashes, h)
	}
	h := rfc6962.DefaultHasher
	return proof.VerifyInclusion(h, uint64(i), uint64(n), h.HashLeaf(leaf), hashes, r) == nil
}
