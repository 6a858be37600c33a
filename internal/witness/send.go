package witness

import (
	"context"
	"fmt"
	"io"
	"os"

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
	piece := make([]byte, parcel.PieceBytes)
	for n, hash := range index.Pieces {
		size := pieceSize(index, n)
		if held[hash] {
			sent.Already += size
			report(progress, sent.Already+sent.Bytes, index.Size)
			continue
		}
		if _, err := f.ReadAt(piece[:size], int64(n)*parcel.PieceBytes); err != nil && err != io.EOF {
			return sent, fmt.Errorf("read %s: %w", path, err)
		}
		if err := node.PutPiece(ctx, upload, hash, piece[:size]); err != nil {
			return sent, fmt.Errorf("send piece %d of %d: %w", n+1, len(index.Pieces), err)
		}
		sent.Bytes += size
		report(progress, sent.Already+sent.Bytes, index.Size)
	}
	sent.Acknowledgement, err = node.Commit(ctx, upload, index)
	return sent, err
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

func pieceSize(x parcel.Index, n int) int64 {
	return min(parcel.PieceBytes, x.Size-int64(n)*parcel.PieceBytes)
}

func report(p Progress, done, total int64) {
	if p != nil {
		p(done, total)
	}
}
