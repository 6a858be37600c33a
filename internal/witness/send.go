package witness

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"kua/internal/fault"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
)

// Sent is what a node answered for a whole parcel.
type Sent struct {
	Parcel          string
	Node            string
	Acknowledgement nodeapi.Acknowledgement
	Already         int64 // bytes the node held before this call
	Bytes           int64 // bytes sent by this call
}

// Progress is called as a long act goes on; done and total are bytes.
type Progress func(done, total int64)

// Send brings the sealed file at path to one node, piece by piece. What the
// node already holds is not sent again, so a call that was cut off is simply
// made again, days later, from another place, to the same or another node. It
// returns only when the node has signed for the whole parcel.
func Send(ctx context.Context, node *nodeapi.Client, path string, progress Progress) (Sent, error) {
	f, err := os.Open(path)
	if err != nil {
		return Sent{}, fault.NotFound("witness.no_file", path).Because(err)
	}
	defer f.Close()
	index, err := parcel.Split(f, nil)
	if err != nil {
		return Sent{}, fmt.Errorf("cut %s into pieces: %w", path, err)
	}
	upload := Upload(index)
	sent := Sent{Parcel: index.ID(), Node: node.URL()}
	if len(index.Pieces) == 1 {
		whole, err := sendWhole(ctx, node, f, upload, index)
		if err == nil {
			sent.Acknowledgement, sent.Bytes = whole, index.Size
			report(progress, index.Size, index.Size)
			return sent, nil
		}
		if ctx.Err() != nil {
			return sent, err
		}
		// Whatever it was, the long way tells it too, or goes on.
	}
	have, err := node.Have(ctx, upload)
	if err != nil {
		return Sent{}, fmt.Errorf("ask what the node holds: %w", err)
	}
	if err := sendPieces(ctx, node, f, upload, index, have, &sent, progress); err != nil {
		return sent, err
	}
	sent.Acknowledgement, err = node.Commit(ctx, upload, index)
	return sent, err
}

// sendWhole brings a report that is one piece in a single call.
func sendWhole(ctx context.Context, node *nodeapi.Client, f io.ReaderAt, upload string, index parcel.Index) (nodeapi.Acknowledgement, error) {
	piece := make([]byte, index.Size)
	if _, err := f.ReadAt(piece, 0); err != nil && err != io.EOF {
		return nodeapi.Acknowledgement{}, err
	}
	return node.PutWhole(ctx, upload, index, piece)
}

// sendPieces sends what the node does not hold. On a good link several pieces
// travel at a time, on a bad one a single one, in small parts (nodeapi.Client.Bring).
func sendPieces(ctx context.Context, node *nodeapi.Client, f io.ReaderAt, upload string, index parcel.Index, have nodeapi.Have, sent *Sent, progress Progress) error {
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
		report(progress, sent.Already+sent.Bytes, index.Size)
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
			begun, at := time.Now(), from
			piece := make([]byte, size)
			_, err := f.ReadAt(piece, int64(n)*parcel.PieceBytes)
			done(from, 0)
			if err == nil || err == io.EOF {
				err = node.Bring(ctx, upload, hash, piece, from, func(now int64) {
					done(0, now-at)
					at = now
				})
			}
			pace.leave(time.Since(begun))
			if err != nil {
				cancel(fmt.Errorf("send piece %d of %d: %w", n+1, len(index.Pieces), err))
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// Upload names the group of pieces under which a sealed file travels. It comes
// from the parcel's id, so that whoever carries the file on, on whatever road,
// joins the same group.
func Upload(index parcel.Index) string { return index.ID()[:32] }

func report(p Progress, done, total int64) {
	if p != nil {
		p(done, total)
	}
}
