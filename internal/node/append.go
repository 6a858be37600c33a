package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"

	"kua/internal/blob"
	"kua/internal/fault"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
)

// pieceOf reads the names of a piece's address.
func pieceOf(r *http.Request) (partKey, error) {
	return pieceNamed(r.PathValue("upload"), r.PathValue("hash"))
}

func pieceNamed(upload, hash string) (partKey, error) {
	k := partKey{upload, hash}
	if !uploadName.MatchString(k.upload) || !blob.IsHash(k.hash) {
		return k, fault.Invalid("node.bad_name")
	}
	return k, nil
}

// offset answers how much of a piece is durably here, as the drafts of resumable
// uploads (draft-ietf-httpbis-resumable-upload) name it. Whoever asks has given up
// what they were sending before: that is ended first, and what came of it counts.
func (n *Node) offset(w http.ResponseWriter, r *http.Request) error {
	k, err := pieceOf(r)
	if err != nil {
		return err
	}
	n.parts.alone(k)
	size, held, err := n.db.Holds(r.Context(), k.upload, k.hash)
	if err == nil && !held {
		size = n.parts.offset(k)
	}
	if err != nil {
		return err
	}
	tellOffset(w, size, held)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func tellOffset(w http.ResponseWriter, at int64, complete bool) {
	w.Header().Set(nodeapi.OffsetHeader, strconv.FormatInt(at, 10))
	w.Header().Set(nodeapi.CompleteHeader, map[bool]string{true: "?1", false: "?0"}[complete])
}

// appendPiece adds bytes to a piece at the offset where what is here ends. What
// came before a link broke is kept.
func (n *Node) appendPiece(w http.ResponseWriter, r *http.Request) error {
	k, err := pieceOf(r)
	if err != nil {
		return err
	}
	at, err := strconv.ParseInt(r.Header.Get(nodeapi.OffsetHeader), 10, 64)
	last := r.Header.Get(nodeapi.CompleteHeader)
	if err != nil || at < 0 || last != "?0" && last != "?1" {
		return fault.Invalid("node.bad_offset")
	}
	if at > pieceBytes || r.ContentLength > pieceBytes-at {
		return fault.TooLarge("node.piece_too_large", pieceBytes)
	}
	leave, err := n.place(pieceBytes)
	if err != nil {
		return err
	}
	defer leave()
	if r.ContentLength >= 0 && r.ContentLength <= nodeapi.SmallBytes {
		// A sender on a link that lets little of a connection pass. A browser
		// cannot ask for a new one by itself.
		w.Header().Set("Connection", "close")
	}
	n.parts.alone(k)
	if size, held, err := n.db.Holds(r.Context(), k.upload, k.hash); err != nil || held {
		if err == nil {
			tellOffset(w, size, true)
		}
		return err
	}
	if have := n.parts.offset(k); have != at {
		return otherOffset(w, have)
	}
	return n.appendFrom(w, r, k, at, last == "?1")
}

// otherOffset refuses bytes that do not follow those that are here.
func otherOffset(w http.ResponseWriter, have int64) error {
	tellOffset(w, have, false)
	return fault.Conflict("node.other_offset", have)
}

func (n *Node) appendFrom(w http.ResponseWriter, r *http.Request, k partKey, at int64, last bool) error {
	p, buffer, end := n.taking(w, r, k)
	defer end() // when the piece is kept that these bytes complete
	got, cut := p.fill(buffer[:pieceBytes-at+1])
	p.done()
	switch {
	case int64(got) > pieceBytes-at:
		return fault.TooLarge("node.piece_too_large", pieceBytes)
	case cut == io.EOF:
		cut = nil
	}
	if got < nodeapi.LeastPart && (!last || cut != nil) {
		if cut != nil {
			return cutOff(cut)
		}
		return fault.Invalid("node.part_too_small", nodeapi.LeastPart)
	}
	have, err := n.keepPart(k, at, buffer[:got])
	switch {
	case errors.Is(err, errOffset):
		return otherOffset(w, have)
	case err != nil:
		return err
	case cut != nil:
		return cutOff(cut)
	case !last:
		patientWrite(w, 0)
		tellOffset(w, have, false)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return n.completePiece(w, k)
}

// keepPart counts bytes in and adds them to a part.
func (n *Node) keepPart(k partKey, at int64, b []byte) (int64, error) {
	if len(b) == 0 {
		return at, nil
	}
	if err := n.admit(k.upload, int64(len(b))); err != nil {
		return 0, err
	}
	have, err := n.parts.append(k, at, b)
	if err != nil {
		n.uploads.leave(k.upload, int64(len(b)), true)
	} else {
		n.uploads.progressed(k.upload)
	}
	return have, err
}

// completePiece makes a piece of a part that is whole. Bytes that do not hash to
// the name are dropped: whichever of them is wrong, none can be trusted.
func (n *Node) completePiece(w http.ResponseWriter, k partKey) error {
	piece, err := n.parts.whole(k)
	if err != nil {
		return err
	}
	if len(piece) == 0 {
		return fault.Invalid("node.empty_piece")
	}
	sum := sha256.Sum256(piece)
	if hex.EncodeToString(sum[:]) != k.hash {
		return errors.Join(fault.Invalid("blob.wrong_hash", k.hash), n.dropPart(k))
	}
	if _, err := n.keepPiece(k, piece); err != nil {
		return err
	}
	patientWrite(w, 0)
	tellOffset(w, int64(len(piece)), true)
	w.WriteHeader(http.StatusCreated)
	return nil
}

func (n *Node) dropPart(k partKey) error {
	room, err := n.parts.drop(k)
	if err == nil && room > 0 {
		n.uploads.leave(k.upload, room, true)
	}
	return err
}

// keepCut puts by what came of a piece that was to come in one go. It is a
// kindness: where it does not succeed, the sender begins anew.
func (n *Node) keepCut(k partKey, got []byte) {
	have := n.parts.offset(k)
	if int64(len(got)) >= have+nodeapi.LeastPart {
		_, _ = n.keepPart(k, have, got[have:])
	}
}

// Keep keeps a parcel that was sealed in this process, as if it had come in pieces,
// and gives what the node signs for.
func (n *Node) Keep(ctx context.Context, sealed []byte) (nodeapi.Acknowledgement, error) {
	if err := n.roomFor(int64(len(sealed))); err != nil {
		return nodeapi.Acknowledgement{}, err
	}
	index, err := parcel.Split(bytes.NewReader(sealed), nil)
	if err != nil {
		return nodeapi.Acknowledgement{}, err
	}
	upload := index.ID()[:32]
	for i, hash := range index.Pieces {
		from := int64(i) * pieceBytes
		if _, err := n.keepPiece(partKey{upload, hash}, sealed[from:from+index.PieceSize(i)]); err != nil {
			return nodeapi.Acknowledgement{}, err
		}
	}
	day, taken, missing, err := n.db.Commit(ctx, upload, index, n.day())
	if err == nil && len(missing) > 0 {
		err = fault.Conflict("nodeapi.pieces_missing", len(missing))
	}
	if err != nil {
		return nodeapi.Acknowledgement{}, err
	}
	n.uploads.leave(upload, taken, true)
	return n.acknowledge(index, day), nil
}

// putWhole takes a parcel that is one piece, and signs for it: one call for a
// report of text alone.
func (n *Node) putWhole(w http.ResponseWriter, r *http.Request) error {
	k, err := pieceOf(r)
	if err != nil {
		return err
	}
	size, _, err := n.takePiece(w, r, k)
	if err != nil {
		return err
	}
	return n.sign(w, r, k.upload, parcel.Index{Size: size, Pieces: []string{k.hash}})
}
