package node

import (
	"context"
	"net/http"

	"kua/internal/blob"
	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/nodeapi"
)

// parcels lists what waits for the desk.
func (n *Node) parcels(w http.ResponseWriter, r *http.Request, _ []byte) error {
	all, err := n.db.Parcels(r.Context())
	if err != nil {
		return err
	}
	list := nodeapi.ParcelList{Parcels: make([]nodeapi.ParcelInfo, len(all))}
	for i, p := range all {
		list.Parcels[i] = nodeapi.ParcelInfo{ID: p.ID, Size: p.Size, Pieces: p.Pieces}
	}
	return writeJSON(w, http.StatusOK, list)
}

func (n *Node) index(w http.ResponseWriter, r *http.Request, _ []byte) error {
	text, err := n.db.Index(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeOctets(w, text)
}

// piece gives a piece to the desk, checked against its name: a disk that went
// bad is told as such and never passed on.
func (n *Node) piece(w http.ResponseWriter, r *http.Request, _ []byte) error {
	hash := r.PathValue("hash")
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	b, err := n.loadPiece(r.Context(), hash, *buffer)
	if err != nil {
		return err
	}
	return writeOctets(w, b)
}

func (n *Node) pieceFor(ctx context.Context, hash string) ([]byte, error) {
	return n.loadPiece(ctx, hash, make([]byte, pieceBytes))
}

func (n *Node) loadPiece(ctx context.Context, hash string, buffer []byte) ([]byte, error) {
	slot, size, err := n.db.Piece(ctx, hash)
	if err != nil {
		return nil, err
	}
	b := buffer[:size]
	if err := n.pieces.Read(slot, b); err != nil {
		return nil, err
	}
	if canon.Hash(b) != hash {
		return nil, fault.Corrupt("node.piece_damaged", hash)
	}
	return b, nil
}

// forget drops a parcel that the desk holds. Saying it twice does nothing more.
func (n *Node) forget(w http.ResponseWriter, r *http.Request, _ []byte) error {
	id := r.PathValue("id")
	if !blob.IsHash(id) {
		return fault.Invalid("node.bad_name")
	}
	free, err := n.db.Forget(r.Context(), id, n.day())
	if err == nil {
		err = n.pieces.Free(free...)
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
