package nodeapi

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"kua/internal/parcel"
)

// Sent is how a parcel was brought to a node.
type Sent struct {
	Acknowledgement Acknowledgement
	Envelope        Envelope // the acknowledgement as the node signed it
	Already         int64    // bytes the node held before
	Bytes           int64    // bytes brought now
	Lacking         int      // pieces that neither the node nor the caller has
}

// Upload names the group of pieces under which a parcel travels. It comes from
// the parcel's id, so that whoever carries the file on, on whatever road, joins
// the same group.
func Upload(index parcel.Index) string { return index.ID()[:32] }

// Send brings a parcel to the node, from a file or from what a courier has: read
// gives a piece by its number, or an error for which errors.Is(err,
// fs.ErrNotExist) holds. What the node already holds is neither read nor sent, so
// a call that was cut off is simply made again, and part of a parcel may come by
// another road. It returns without an error only when the node has signed for all.
// progress, which may be nil, gets bytes.
func (c *Client) Send(ctx context.Context, index parcel.Index, read func(n int) ([]byte, error), progress func(done, total int64)) (Sent, error) {
	upload := Upload(index)
	have, err := c.Have(ctx, upload)
	if err != nil {
		return Sent{}, fmt.Errorf("ask what the node holds: %w", err)
	}
	held := make(map[string]bool, len(have.Pieces))
	for _, h := range have.Pieces {
		held[h] = true
	}
	sent, err := c.sendPieces(ctx, upload, index, held, read, progress)
	if err != nil {
		return sent, err
	}
	sent.Envelope, sent.Acknowledgement, err = c.CommitSigned(ctx, upload, index)
	return sent, err
}

// sendPieces sends what the node does not hold. On a good link several pieces
// travel at a time, on a bad one a single one, so that a cut loses little.
func (c *Client) sendPieces(ctx context.Context, upload string, index parcel.Index, held map[string]bool, read func(n int) ([]byte, error), progress func(done, total int64)) (sent Sent, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		mu    sync.Mutex // guards sent
		pace  = newPace()
		group sync.WaitGroup
	)
	done := func(size int64, already bool) {
		mu.Lock()
		defer mu.Unlock()
		if already {
			sent.Already += size
		} else {
			sent.Bytes += size
		}
		if progress != nil {
			progress(sent.Already+sent.Bytes, index.Size)
		}
	}
	for n, hash := range index.Pieces {
		if held[hash] {
			done(index.PieceSize(n), true)
			continue
		}
		if pace.enter(ctx) != nil {
			break
		}
		group.Go(func() {
			begun := time.Now()
			piece, err := read(n)
			if errors.Is(err, fs.ErrNotExist) {
				pace.leave(time.Since(begun))
				mu.Lock()
				sent.Lacking++
				mu.Unlock()
				return
			}
			if err == nil {
				err = c.PutPiece(ctx, upload, hash, piece)
			}
			pace.leave(time.Since(begun))
			if err != nil {
				cancel(fmt.Errorf("send piece %d of %d: %w", n+1, len(index.Pieces), err))
				return
			}
			done(index.PieceSize(n), false)
		})
	}
	group.Wait()
	return sent, context.Cause(ctx)
}
