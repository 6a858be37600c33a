package parcel

import (
	"crypto/sha256"
	"encoding/hex"
)

// sideHash takes the SHA-256 of what is written to it beside the writer: the
// sealing of a film does not wait for its hash. It holds a few blocks at most.
type sideHash struct {
	full, free chan []byte
	block      []byte // being filled
	sum        chan string
}

const (
	hashBlock  = 256 << 10
	hashBlocks = 4
)

func newSideHash() *sideHash {
	h := &sideHash{full: make(chan []byte, hashBlocks), free: make(chan []byte, hashBlocks), sum: make(chan string, 1)}
	for range hashBlocks {
		h.free <- make([]byte, 0, hashBlock)
	}
	h.block = <-h.free
	go func() {
		sha := sha256.New()
		for b := range h.full {
			sha.Write(b)
			h.free <- b[:0]
		}
		h.sum <- hex.EncodeToString(sha.Sum(nil))
	}()
	return h
}

// Write never fails.
func (h *sideHash) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), hashBlock-len(h.block))
		h.block = append(h.block, rest[:n]...)
		if rest = rest[n:]; len(h.block) == hashBlock {
			h.full <- h.block
			h.block = <-h.free
		}
	}
	return len(p), nil
}

// Sum ends the writing and gives the hash in hex. It must be called, once, also
// when the writing failed.
func (h *sideHash) Sum() string {
	h.full <- h.block
	close(h.full)
	return <-h.sum
}
