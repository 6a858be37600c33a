package node

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"

	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/node/nodedb"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
)

const pieceBytes = parcel.PieceBytes

var uploadName = regexp.MustCompile(`^[0-9a-f]{32}$`)

// buffers are for a piece and one byte more, which tells that it is too long, and
// lie as the disk wants them to.
var buffers = sync.Pool{New: func() any { b := durable.Aligned(pieceBytes + durable.Block)[:pieceBytes+1]; return &b }}

// putPiece keeps one piece of an upload. It answers when the bytes, and the note
// of where they lie, are on the disk.
func (n *Node) putPiece(w http.ResponseWriter, r *http.Request) error {
	k, err := pieceOf(r)
	if err != nil {
		return err
	}
	_, placed, err := n.takePiece(w, r, k)
	if err != nil {
		return err
	}
	patientWrite(w, 0)
	if placed == nodedb.Kept {
		w.WriteHeader(http.StatusCreated)
	}
	return nil
}

// place gives a body that brings so many bytes a place among those that come in, if there
// is room for them. It is held until leave.
func (n *Node) place(bytes int64) (leave func(), err error) {
	if err := n.roomFor(bytes); err != nil {
		return nil, err
	}
	select {
	case n.coming <- struct{}{}:
		return func() { <-n.coming }, nil
	default:
		return nil, fault.Later("node.busy")
	}
}

// taking reads a body with patience, into a buffer for one piece and a byte more, while
// nobody else writes the pieces that it brings; all three until end.
func (n *Node) taking(w http.ResponseWriter, r *http.Request, pieces ...partKey) (p *patient, buffer []byte, end func()) {
	b := buffers.Get().(*[]byte)
	p = n.patient(w, r)
	var released []func()
	for _, k := range pieces {
		released = append(released, n.parts.hold(k, p.interrupt))
	}
	return p, *b, func() {
		for _, release := range released {
			release()
		}
		p.done() // once more: an interrupt may have come while they were kept
		buffers.Put(b)
	}
}

// takePiece reads a piece and keeps it. What came of one that was cut off waits
// for the rest (see append.go).
func (n *Node) takePiece(w http.ResponseWriter, r *http.Request, k partKey) (size int64, _ nodedb.Placed, err error) {
	if r.ContentLength > pieceBytes {
		return 0, 0, fault.TooLarge("node.piece_too_large", pieceBytes)
	}
	leave, err := n.place(pieceBytes)
	if err != nil {
		return 0, 0, err
	}
	defer leave()
	p, buffer, end := n.taking(w, r, k)
	defer end() // when it is kept: no upload that is being written gives way
	piece, err := n.readPiece(p, k, buffer)
	if err != nil {
		return 0, 0, err
	}
	placed, err := n.keepPiece(k, piece)
	return int64(len(piece)), placed, err
}

// readPiece reads a piece into the buffer and checks it against its name.
func (n *Node) readPiece(p *patient, k partKey, buffer []byte) ([]byte, error) {
	defer p.done()
	got, err := p.fill(buffer)
	switch {
	case got > pieceBytes:
		return nil, fault.TooLarge("node.piece_too_large", pieceBytes)
	case err != io.EOF:
		n.keepCut(k, buffer[:got])
		return nil, cutOff(err)
	case got == 0:
		return nil, fault.Invalid("node.empty_piece")
	}
	if sum := sha256.Sum256(buffer[:got]); hex.EncodeToString(sum[:]) != k.hash {
		return nil, fault.Invalid("blob.wrong_hash", k.hash)
	}
	return buffer[:got], nil
}

// keepPiece keeps a piece in the place of what was here of it in part, which is
// counted already.
func (n *Node) keepPiece(k partKey, piece []byte) (nodedb.Placed, error) {
	l, err := n.lay(k, piece)
	if err != nil {
		return 0, err
	}
	placed, err := n.keepLaid(l)
	if err != nil {
		return 0, err
	}
	return placed[0], nil
}

// laid is a piece that lies in a slot and is not durable.
type laid struct {
	k       partKey
	slot    int64
	size    int64
	counted int64 // that was here of it in part
}

// lay counts a piece in and writes it into a slot. Let keepLaid follow.
func (n *Node) lay(k partKey, piece []byte) (laid, error) {
	l := laid{k: k, size: int64(len(piece)), counted: n.parts.offset(k)}
	if err := n.admit(k.upload, l.size-l.counted); err != nil {
		return l, err
	}
	var err error
	if l.slot, err = n.pieces.Write(piece); err != nil {
		n.uploads.leave(k.upload, l.size-l.counted, true)
	}
	return l, err
}

// keepLaid makes pieces durable, all at once, and says what became of each.
func (n *Node) keepLaid(all ...laid) ([]nodedb.Placed, error) {
	arrivals := make([]nodedb.Arrival, len(all))
	for i, l := range all {
		arrivals[i] = nodedb.Arrival{Upload: l.k.upload, Hash: l.k.hash, Size: l.size, Slot: l.slot}
	}
	placed, err := n.keeper.keep(arrivals...)
	if err != nil {
		for _, l := range all {
			n.uploads.leave(l.k.upload, l.size-l.counted, true)
		}
		return nil, err
	}
	for i, l := range all {
		if placed[i] != nodedb.Kept {
			n.uploads.leave(l.k.upload, l.size, false)
		} else {
			n.uploads.progressed(l.k.upload)
		}
		dropped, failed := n.parts.drop(l.k)
		if dropped != l.counted {
			n.uploads.leave(l.k.upload, dropped-l.counted, false) // it changed meanwhile
		}
		err = errors.Join(err, failed)
	}
	return placed, err
}

// have lists, signed, what the node durably holds of an upload.
func (n *Node) have(w http.ResponseWriter, r *http.Request) error {
	upload := r.PathValue("upload")
	if !uploadName.MatchString(upload) {
		return fault.Invalid("node.bad_name")
	}
	pieces, err := n.db.Have(r.Context(), upload)
	if err != nil {
		return err
	}
	w.Header().Set(nodeapi.RowHeader, strconv.Itoa(nodeapi.RowPieces))
	if n.uploads.wasLetGo(upload) {
		w.Header().Set(nodeapi.LetGoHeader, "?1")
	}
	return n.signed(w, http.StatusOK, nodeapi.Have{Kind: nodeapi.KindHave, Node: n.Key(), Parts: n.parts.of(upload), Pieces: pieces, Upload: upload})
}

// commit signs for a whole parcel, or says which pieces are missing.
func (n *Node) commit(w http.ResponseWriter, r *http.Request) error {
	upload := r.PathValue("upload")
	if !uploadName.MatchString(upload) {
		return fault.Invalid("node.bad_name")
	}
	select {
	case n.committing <- struct{}{}:
		defer func() { <-n.committing }()
	default:
		return fault.Later("node.busy")
	}
	// No longer than the index of the largest parcel that this node takes.
	text, err := n.readBody(w, r, min(parcel.MaxIndex, 64+(n.cfg.Limits.ParcelBytes/pieceBytes+1)*65))
	if err != nil {
		return err
	}
	index, err := parcel.ReadIndex(text)
	if err != nil {
		return err
	}
	return n.sign(w, r, upload, index)
}

// sign makes a parcel of an upload's pieces and signs for it, or answers which are
// missing.
func (n *Node) sign(w http.ResponseWriter, r *http.Request, upload string, index parcel.Index) error {
	if index.Size > n.cfg.Limits.ParcelBytes {
		return fault.TooLarge("node.parcel_too_large", n.cfg.Limits.ParcelBytes>>20)
	}
	day, taken, missing, err := n.db.Commit(r.Context(), upload, index, n.day())
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return writeJSON(w, http.StatusConflict, nodeapi.Missing{Missing: missing})
	}
	for hash := range n.parts.of(upload) {
		if err := n.dropPart(partKey{upload, hash}); err != nil {
			return err
		}
	}
	n.uploads.leave(upload, taken, true) // what the index does not name still counts
	return n.signed(w, http.StatusCreated, n.acknowledge(index, day))
}

func (n *Node) acknowledge(index parcel.Index, day string) nodeapi.Acknowledgement {
	return nodeapi.Acknowledgement{
		Day: day, Kind: nodeapi.KindAcknowledgement, Node: n.Key(), Parcel: index.ID(), Pieces: len(index.Pieces), Size: index.Size,
	}
}
