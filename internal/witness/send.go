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
	held, err := held(ctx, node, upload)
	if err != nil {
		return Sent{}, err
	}
	if err := sendPieces(ctx, node, f, upload, index, held, &sent, progress); err != nil {
		return sent, err
	}
	sent.Acknowledgement, err = node.Commit(ctx, upload, index)
	return sent, err
}

// sendPieces sends what the node does not hold. On a good link several pieces
// travel at a time, on a bad one a single one, so that a cut loses little.
func sendPieces(ctx context.Context, node *nodeapi.Client, f io.ReaderAt, upload string, index parcel.Index, held map[string]bool, sent *Sent, progress Progress) error {
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
		report(progress, sent.Already+sent.Bytes, index.Size)
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
			piece := make([]byte, index.PieceSize(n))
			_, err := f.ReadAt(piece, int64(n)*parcel.PieceBytes)
			if err == nil || err == io.EOF {
				err = node.PutPiece(ctx, upload, hash, piece)
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
	return context.Cause(ctx)
}

// Upload names the group of pieces under which a sealed file travels. It comes
// from the parcel's id, so that whoever carries the file on, on whatever road,
// joins the same group.
func Upload(index parcel.Index) string { return index.ID()[:32] }

func held(ctx context.Context, node *nodeapi.Client, upload string) (map[string]bool, error) {
	have, err := node.Have(ctx, upload)
	if err != nil {
		return nil, fmt.Errorf("ask what the node holds: %w", err)
	}
	held := make(map[string]bool, len(have.Pieces))
	for _, h := range have.Pieces {
		held[h] = true
	}
	return held, nil
}

func report(p Progress, done, total int64) {
	if p != nil {
		p(done, total)
	}
}
