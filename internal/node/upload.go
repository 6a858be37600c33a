package node

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"sync"
	"time"

	"kua/internal/blob"
	"kua/internal/fault"
	"kua/internal/node/nodedb"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
)

var uploadName = regexp.MustCompile(`^[0-9a-f]{32}$`)

// uploads counts what is under way, so that the limits cost no query.
type uploads struct {
	sync.Mutex
	bytes map[string]int64
	total int64
}

func (u *uploads) load(ctx context.Context, db *nodedb.DB) error {
	u.Lock()
	defer u.Unlock()
	open, err := db.OpenUploads(ctx)
	if err != nil {
		return err
	}
	u.bytes, u.total = open, 0
	for _, size := range open {
		u.total += size
	}
	return nil
}

// admit counts a piece in, or refuses it.
func (u *uploads) admit(upload string, size int64, l Limits) error {
	u.Lock()
	defer u.Unlock()
	if _, known := u.bytes[upload]; !known && len(u.bytes) >= l.OpenUploads {
		return fault.Later("node.too_many_uploads")
	}
	if u.total+size > l.OpenBytes {
		return fault.Later("node.full")
	}
	if u.bytes[upload]+size > l.ParcelBytes {
		return fault.TooLarge("node.parcel_too_large", l.ParcelBytes)
	}
	u.bytes[upload] += size
	u.total += size
	return nil
}

func (u *uploads) leave(upload string, size int64) {
	u.Lock()
	defer u.Unlock()
	u.bytes[upload] -= size
	u.total -= size
	if u.bytes[upload] <= 0 {
		u.total -= u.bytes[upload]
		delete(u.bytes, upload)
	}
}

func (u *uploads) end(upload string) {
	u.Lock()
	defer u.Unlock()
	u.total -= u.bytes[upload]
	delete(u.bytes, upload)
}

// noter writes down pieces whose bytes are durable. Pieces that come at the
// same time share one transaction, and so one wait for the disk.
type noter struct {
	in   chan note
	done chan struct{}
}

type note struct {
	piece nodedb.Piece
	err   chan error
}

func (t *noter) start(db *nodedb.DB) {
	t.in, t.done = make(chan note, 64), make(chan struct{})
	go func() {
		defer close(t.done)
		for first := range t.in {
			batch := []note{first}
			for more := true; more && len(batch) < 256; {
				select {
				case n, ok := <-t.in:
					if more = ok; ok {
						batch = append(batch, n)
					}
				default:
					more = false
				}
			}
			pieces := make([]nodedb.Piece, len(batch))
			for i, n := range batch {
				pieces[i] = n.piece
			}
			err := db.AddPieces(context.Background(), pieces)
			for _, n := range batch {
				n.err <- err
			}
		}
	}()
}

func (t *noter) add(p nodedb.Piece) error {
	n := note{p, make(chan error, 1)}
	t.in <- n
	return <-n.err
}

func (t *noter) stop() {
	if t.in != nil {
		close(t.in)
		<-t.done
		t.in = nil
	}
}

var buffers = sync.Pool{New: func() any { b := make([]byte, parcel.PieceBytes+1); return &b }}

// putPiece keeps one piece of an upload. It answers when the bytes and the note
// of them are on the disk.
func (n *Node) putPiece(w http.ResponseWriter, r *http.Request) error {
	upload, hash := r.PathValue("upload"), r.PathValue("hash")
	if !uploadName.MatchString(upload) || !blob.IsHash(hash) {
		return fault.Invalid("node.bad_name")
	}
	if err := n.roomOnDisk(); err != nil {
		return err
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	piece, err := n.body(w, r, *buffer)
	if err != nil {
		return err
	}
	size := int64(len(piece))
	if err := n.uploads.admit(upload, size, n.cfg.Limits); err != nil {
		return err
	}
	created, err := n.pieces.Put(r.Context(), hash, bytes.NewReader(piece))
	if err == nil {
		err = n.notes.add(nodedb.Piece{Upload: upload, Hash: hash, Size: size, Day: n.day()})
	}
	if err != nil {
		n.uploads.leave(upload, size)
		return err
	}
	if !created {
		n.uploads.leave(upload, size)
		w.WriteHeader(http.StatusOK)
		return nil
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

// body reads a body of at most len(buffer)-1 bytes. It gives an honest slow
// link its time and lets nobody hold a place for ever.
func (n *Node) body(w http.ResponseWriter, r *http.Request, buffer []byte) ([]byte, error) {
	patience := time.Minute + time.Duration(len(buffer))*time.Second/time.Duration(n.cfg.Limits.SlowestBytes)
	deadline := http.NewResponseController(w)
	_ = deadline.SetReadDeadline(time.Now().Add(patience)) // not every ResponseWriter has one
	got, err := io.ReadFull(r.Body, buffer)
	switch {
	case err == nil:
		return nil, fault.TooLarge("node.piece_too_large", len(buffer)-1)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
	default:
		return nil, fault.Invalid("node.cut_off").Because(err)
	}
	if r.ContentLength >= 0 && int64(got) != r.ContentLength {
		return nil, fault.Invalid("node.cut_off")
	}
	_ = deadline.SetReadDeadline(time.Time{})
	return buffer[:got], nil
}

// roomOnDisk refuses new bytes before the disk is full.
func (n *Node) roomOnDisk() error {
	free, err := n.cfg.FreeDisk(n.cfg.Dir)
	if err != nil {
		return err
	}
	if free < uint64(n.cfg.Limits.FreeBytes) {
		return fault.Later("node.disk_full")
	}
	return nil
}

// have lists, signed, what the node durably holds of an upload.
func (n *Node) have(w http.ResponseWriter, r *http.Request) error {
	upload := r.PathValue("upload")
	if !uploadName.MatchString(upload) {
		return fault.Invalid("node.bad_name")
	}
	pieces, err := n.db.Pieces(r.Context(), upload)
	if err != nil {
		return err
	}
	return n.signed(w, http.StatusOK, nodeapi.Have{Kind: nodeapi.KindHave, Node: n.Key(), Pieces: pieces, Upload: upload})
}

// commit signs for a whole parcel, or says which pieces are missing.
func (n *Node) commit(w http.ResponseWriter, r *http.Request) error {
	upload := r.PathValue("upload")
	if !uploadName.MatchString(upload) {
		return fault.Invalid("node.bad_name")
	}
	text, err := n.body(w, r, make([]byte, min(parcel.MaxIndex, max(r.ContentLength, 0))+1))
	if err != nil {
		return err
	}
	index, err := parcel.ReadIndex(text)
	if err != nil {
		return err
	}
	if index.Size > n.cfg.Limits.ParcelBytes {
		return fault.TooLarge("node.parcel_too_large", n.cfg.Limits.ParcelBytes)
	}
	missing, err := n.missing(r.Context(), index)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return writeJSON(w, http.StatusConflict, nodeapi.Missing{Missing: missing})
	}
	day, err := n.db.Commit(r.Context(), upload, index, n.day())
	if err != nil {
		return err
	}
	n.uploads.end(upload)
	return n.signed(w, http.StatusCreated, nodeapi.Acknowledgement{
		Day: day, Kind: nodeapi.KindAcknowledgement, Node: n.Key(), Parcel: index.ID(), Pieces: len(index.Pieces), Size: index.Size,
	})
}

// missing checks that every piece is there in the size that the index says.
func (n *Node) missing(ctx context.Context, index parcel.Index) ([]string, error) {
	var missing []string
	for i, hash := range index.Pieces {
		r, size, err := n.pieces.Open(ctx, hash)
		if f, ok := fault.Of(err); ok && f.Kind == fault.KindNotFound {
			missing = append(missing, hash)
			continue
		}
		if err != nil {
			return nil, err
		}
		r.Close()
		if size != index.PieceSize(i) {
			return nil, fault.Invalid("node.piece_size", i+1)
		}
	}
	return missing, nil
}
