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
	LetGo           bool     // the node had let go of what was brought before
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
	if len(index.Pieces) == 1 && !c.whole {
		if sent, err := c.sendWhole(ctx, upload, index, read, progress); err == nil || ctx.Err() != nil {
			return sent, err
		}
		// Whatever it was, the long way tells it too, or goes on.
	}
	have, err := c.Have(ctx, upload)
	if err != nil {
		return Sent{}, fmt.Errorf("ask what the node holds: %w", err)
	}
	sent, err := c.sendPieces(ctx, upload, index, have, read, progress)
	sent.LetGo = have.LetGo
	if err != nil {
		return sent, err
	}
	sent.Envelope, sent.Acknowledgement, err = c.CommitSigned(ctx, upload, index)
	return sent, err
}

// sendWhole brings a report that is one piece in a single call.
func (c *Client) sendWhole(ctx context.Context, upload string, index parcel.Index, read func(n int) ([]byte, error), progress func(done, total int64)) (Sent, error) {
	piece, err := read(0)
	if err != nil {
		return Sent{}, err
	}
	sent := Sent{Bytes: index.Size}
	if sent.Envelope, sent.Acknowledgement, err = c.PutWhole(ctx, upload, index, piece); err == nil && progress != nil {
		progress(index.Size, index.Size)
	}
	return sent, err
}

// sendPieces sends what the node does not hold. On a good link several pieces
// travel at a time, on a bad one a single one, in small parts (Bring).
func (c *Client) sendPieces(ctx context.Context, upload string, index parcel.Index, have Have, read func(n int) ([]byte, error), progress func(done, total int64)) (sent Sent, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		mu    sync.Mutex // guards sent
		pace  = newPace()
		group sync.WaitGroup
		held  = make(map[string]bool, len(have.Pieces))
	)
	for _, h := range have.Pieces {
		held[h] = true
	}
	done := func(already, now int64) {
		mu.Lock()
		defer mu.Unlock()
		sent.Already += already
		sent.Bytes += now
		if progress != nil {
			progress(sent.Already+sent.Bytes, index.Size)
		}
	}
	for n, hash := range index.Pieces {
		size := index.PieceSize(n)
		if held[hash] {
			done(size, 0)
			continue
		}
		from := have.Parts[hash]
		if from < 0 || from > size {
			from = 0
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
				err = c.sendPiece(ctx, upload, hash, piece, from, done)
			}
			pace.leave(time.Since(begun))
			if err != nil {
				cancel(fmt.Errorf("send piece %d of %d: %w", n+1, len(index.Pieces), err))
			}
		})
	}
	group.Wait()
	return sent, context.Cause(ctx)
}

func (c *Client) sendPiece(ctx context.Context, upload, hash string, piece []byte, from int64, done func(already, now int64)) error {
	if c.whole {
		err := c.PutPiece(ctx, upload, hash, piece)
		if err == nil {
			done(0, int64(len(piece)))
		}
		return err
	}
	at := from
	done(from, 0)
	return c.Bring(ctx, upload, hash, piece, from, func(now int64) {
		done(0, now-at)
		at = now
	})
}
