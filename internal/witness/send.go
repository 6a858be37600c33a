package witness

import (
	"context"
	"errors"
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
	LetGo           bool  // the node had let go of what was brought before this call
}

// Progress is called as a long act goes on; done and total are bytes.
type Progress func(done, total int64)

// Send brings the sealed file at path to one node, piece by piece. What the
// node already holds is not sent again, so a call that was cut off is simply
// made again, days later, from another place, to the same or another node. It
// returns only when the node has signed for the whole parcel.
func Send(ctx context.Context, node *nodeapi.Client, path string, progress Progress) (Sent, error) {
	f, index, err := openSealed(path)
	if err != nil {
		return Sent{}, err
	}
	defer f.Close()
	s, err := node.Send(ctx, index, readPieces(f, index), progress)
	return Sent{index.ID(), node.URL(), s.Acknowledgement, s.Already, s.Bytes, s.LetGo}, err
}

// openSealed opens a sealed file and cuts it into pieces.
func openSealed(path string) (*os.File, parcel.Index, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, parcel.Index{}, fault.NotFound("witness.no_file", path).Because(err)
	}
	var index parcel.Index
	info, err := f.Stat()
	if err == nil {
		index, err = parcel.IndexOf(f, info.Size())
	}
	if err != nil {
		return nil, index, errors.Join(fmt.Errorf("cut %s into pieces: %w", path, err), f.Close())
	}
	return f, index, nil
}

func readPieces(f io.ReaderAt, index parcel.Index) nodeapi.Pieces {
	return func(n int, buffer []byte) ([]byte, error) {
		piece := buffer[:index.PieceSize(n)]
		_, err := f.ReadAt(piece, int64(n)*parcel.PieceBytes)
		if err == io.EOF {
			err = nil
		}
		return piece, err
	}
}

// Held asks a node which pieces of the sealed file at path it holds, so that only
// the others need go by another road.
func Held(ctx context.Context, node *nodeapi.Client, path string) ([]string, error) {
	f, index, err := openSealed(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	have, err := node.Have(ctx, nodeapi.Upload(index))
	return have.Pieces, err
}
