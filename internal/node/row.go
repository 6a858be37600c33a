package node

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"

	"kua/internal/fault"
	"kua/internal/node/nodedb"
	"kua/internal/nodeapi"
)

// putRow keeps several pieces of an upload that come one behind the other, and answers
// when all of them are durable. What came whole before a fault is kept.
func (n *Node) putRow(w http.ResponseWriter, r *http.Request) error {
	row, err := rowOf(r)
	if err != nil {
		return err
	}
	leave, err := n.place(r.ContentLength)
	if err != nil {
		return err
	}
	defer leave()
	p, buffer, end := n.taking(w, r, row...)
	defer end()
	fresh, err := n.takeRow(p, row, r.ContentLength, buffer)
	if err != nil {
		return err
	}
	patientWrite(w, 0)
	if fresh {
		w.WriteHeader(http.StatusCreated)
	}
	return nil
}

// rowOf reads the names of a row's pieces, and holds its length against them.
func rowOf(r *http.Request) ([]partKey, error) {
	upload, names := r.PathValue("upload"), strings.Fields(r.Header.Get(nodeapi.RowHeader))
	if len(names) == 0 || len(names) > nodeapi.RowPieces {
		return nil, fault.Invalid("node.bad_name")
	}
	var row []partKey
	for _, hash := range names {
		k, err := pieceNamed(upload, hash)
		if err != nil || slices.Contains(row, k) {
			return nil, fault.Invalid("node.bad_name")
		}
		row = append(row, k)
	}
	switch most := int64(len(row)) * pieceBytes; {
	case r.ContentLength > most:
		return nil, fault.TooLarge("node.piece_too_large", pieceBytes)
	case r.ContentLength <= most-pieceBytes:
		return nil, fault.Invalid("node.cut_off")
	}
	return row, nil
}

// takeRow reads the pieces of a row, which has so many bytes, and keeps them all at once.
// fresh says that one of them was not here before.
func (n *Node) takeRow(p *patient, row []partKey, size int64, buffer []byte) (fresh bool, err error) {
	var all []laid
	for _, k := range row {
		var l laid
		if l, err = n.layNext(p, k, buffer[:min(size, pieceBytes)]); err != nil {
			break
		}
		all, size = append(all, l), size-l.size
	}
	p.done()
	if len(all) == 0 {
		return false, err
	}
	placed, failed := n.keepLaid(all...)
	return slices.Contains(placed, nodedb.Kept), errors.Join(err, failed)
}

// layNext reads a piece that fills the buffer, and writes it into a slot.
func (n *Node) layNext(p *patient, k partKey, buffer []byte) (laid, error) {
	if got, err := p.fill(buffer); got < len(buffer) {
		n.keepCut(k, buffer[:got])
		return laid{}, cutOff(err)
	}
	if sum := sha256.Sum256(buffer); hex.EncodeToString(sum[:]) != k.hash {
		return laid{}, fault.Invalid("blob.wrong_hash", k.hash)
	}
	return n.lay(k, buffer)
}
