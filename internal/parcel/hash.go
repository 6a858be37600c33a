package parcel

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
)

const (
	hashBlock  = 256 << 10
	hashBlocks = 4
)

// copyHashed copies r to w and gives the SHA-256, in hex, of what was copied.
// The hash is taken beside the writing, of the same blocks: the sealing of a
// film does not wait for it.
func copyHashed(w io.Writer, r io.Reader) (string, error) {
	full, free := make(chan []byte, hashBlocks), make(chan []byte, hashBlocks)
	for range hashBlocks {
		free <- make([]byte, hashBlock)
	}
	sum := make(chan string, 1)
	go func() {
		h := sha256.New()
		for b := range full {
			h.Write(b)
			free <- b[:hashBlock]
		}
		sum <- hex.EncodeToString(h.Sum(nil))
	}()
	err := func() error {
		defer close(full)
		for {
			b := <-free // hashed; and written, since this loop wrote it before
			n, err := io.ReadFull(r, b)
			full <- b[:n]
			if n > 0 {
				if _, err := w.Write(b[:n]); err != nil {
					return err
				}
			}
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			} else if err != nil {
				return err
			}
		}
	}()
	return <-sum, err
}
