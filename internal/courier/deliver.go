package courier

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
)

func today() string { return time.Now().UTC().Format(time.DateOnly) }

// Aside is what could not be brought, and why.
type Aside struct {
	Name string
	Err  error
}

// Delivered is what came of bringing parcels to a node.
type Delivered struct {
	Whole   int   // parcels that the node has signed for
	Before  int   // of these, those of which the folder had its receipt already
	Lacking int   // parcels of which pieces are missing; they stay
	Bytes   int64 // brought now
	Aside   []Aside
}

// Deliver brings the parcels of the folder to a node, which must be the one with
// this key, and keeps what it signs. Pieces that the node has already, by whatever
// road, need not be in the folder. With drop, parcels that the node has signed for
// leave the folder.
func (f *Folder) Deliver(ctx context.Context, node *nodeapi.Client, key string, drop bool, progress func(done, total int64)) (Delivered, error) {
	ids, err := f.Parcels()
	if err != nil {
		return Delivered{}, err
	}
	var d Delivered
	for _, id := range ids {
		if err := f.deliver(ctx, node, key, id, &d, progress); err != nil {
			return d, err
		}
		if _, err := f.Receipt(id, key); err == nil && drop {
			if err := f.drop(id); err != nil {
				return d, err
			}
		}
	}
	return d, nil
}

func (f *Folder) deliver(ctx context.Context, node *nodeapi.Client, key, id string, d *Delivered, progress func(done, total int64)) error {
	if _, err := f.Receipt(id, key); err == nil {
		d.Whole++
		d.Before++
		return nil
	}
	x, err := f.index(id)
	if err != nil {
		d.Aside = append(d.Aside, Aside{id, err})
		return ignoreStrange(err)
	}
	sent, err := node.Send(ctx, x, func(n int, _ []byte) ([]byte, error) { return f.piece(x.Pieces[n]) }, progress)
	d.Bytes += sent.Bytes
	ft, known := fault.Of(err)
	switch {
	case err == nil:
		b, err := json.Marshal(sent.Envelope)
		if err != nil {
			return err
		}
		d.Whole++
		return f.write(path.Join(receiptsDir, id+"."+charter.KeyID(key)), b)
	case known && ft.Key == "nodeapi.pieces_missing":
		d.Lacking++
		return nil
	case known && ft.Kind != fault.KindLater && ft.Kind != fault.KindInternal: // this one is not taken; others may be
		d.Aside = append(d.Aside, Aside{id, err})
		return nil
	}
	return err
}

// Receipt gives what the node with this key has signed for a parcel.
func (f *Folder) Receipt(id, key string) (nodeapi.Acknowledgement, error) {
	var a nodeapi.Acknowledgement
	b, err := f.read(path.Join(receiptsDir, id+"."+charter.KeyID(key)), maxEnvelope)
	if err != nil {
		return a, err
	}
	var e nodeapi.Envelope
	if err := json.Unmarshal(b, &e); err != nil {
		return a, fault.Corrupt("courier.strange", receiptsDir).Because(err)
	}
	if err := e.Open(key, &a); err != nil {
		return a, err
	}
	if a.Kind != nodeapi.KindAcknowledgement || a.Parcel != id || a.Node != key {
		return a, fault.Corrupt("courier.strange", receiptsDir)
	}
	return a, nil
}

// FetchMail takes in all mailboxes as a node shows them: all of them, so that the
// folder does not say for whom. That is 16 MiB and more.
func (f *Folder) FetchMail(ctx context.Context, node *nodeapi.Client, key string, progress func(done, total int64)) error {
	for i := range 256 {
		prefix := fmt.Sprintf("%02x", i)
		slots, err := node.Mailbox(ctx, prefix)
		if err != nil {
			return err
		}
		var all []byte
		for _, s := range slots {
			all = append(all, s...)
		}
		if err := f.write(path.Join(mailDir, charter.KeyID(key), prefix), all); err != nil {
			return err
		}
		if progress != nil {
			progress(int64(i+1), 256)
		}
	}
	return nil
}

// PutParcel keeps a parcel that a node holds for the desk. Pieces that are here are
// not read again.
func (f *Folder) PutParcel(ctx context.Context, index []byte, piece func(ctx context.Context, hash string) ([]byte, error)) error {
	x, err := parcel.ReadIndex(index)
	if err != nil {
		return err
	}
	for n, h := range x.Pieces {
		if f.has(pieceName(h), x.PieceSize(n)) {
			if _, err := f.piece(h); err == nil {
				continue
			}
		}
		b, err := piece(ctx, h)
		if err != nil {
			return err
		}
		if err := f.write(pieceName(h), b); err != nil {
			return err
		}
	}
	return f.write(path.Join(parcelsDir, x.ID()), index)
}

// PutState keeps what a node signed of itself, and the hashes of the files that it
// holds, so that no stick need bring them.
func (f *Folder) PutState(key string, state nodeapi.Envelope, held []string) error {
	b, err := json.Marshal(state)
	if err != nil {
		return err
	}
	id := charter.KeyID(key)
	if err := f.write(path.Join(nodesDir, id+".files"), []byte(strings.Join(held, "\n"))); err != nil {
		return err
	}
	return f.write(path.Join(nodesDir, id+".state"), b)
}

// Call is what the desk tells a node.
type Call struct {
	nodeapi.Carried
	name string
}

// Calls gives what the folder carries for the node with this key, in the order in
// which it is done. Whether the desk signed it is the node's to check.
func (f *Folder) Calls(key string) ([]Call, error) {
	all, err := f.list(callsDir)
	if err != nil {
		return nil, err
	}
	var calls []Call
	for _, name := range all {
		if path.Dir(name) != charter.KeyID(key) {
			continue
		}
		b, err := f.read(path.Join(callsDir, name), maxCall)
		var c nodeapi.Carried
		if err == nil {
			err = canon.Unmarshal(b, &c)
		}
		if err != nil {
			if err := ignoreStrange(err); err != nil {
				return nil, err
			}
			continue
		}
		if c.Kind != nodeapi.KindCarried || !nodeapi.Carriable(c.Method, c.Path) || callName(key, c) != path.Join(callsDir, name) {
			continue
		}
		calls = append(calls, Call{c, path.Join(callsDir, name)})
	}
	return calls, nil
}

// Body opens what belongs to a call; its bytes are the node's to check.
func (f *Folder) Body(c Call) (io.ReadCloser, int64, error) {
	if c.SHA256 == canon.Hash(nil) {
		return io.NopCloser(strings.NewReader("")), 0, nil
	}
	if !isHash(c.SHA256) {
		return nil, 0, fs.ErrNotExist
	}
	return f.open(bodyName(c.SHA256))
}

// Finish takes a call away that the node has done, and keeps the node's word for it.
// The body goes with the last call that needs it.
func (f *Folder) Finish(key string, c Call, done nodeapi.Envelope) error {
	b, err := json.Marshal(done)
	if err != nil {
		return err
	}
	if err := f.write(path.Join(doneDir, charter.KeyID(key), c.ID()), b); err != nil {
		return err
	}
	return f.Discard(c)
}

// Discard takes a call away that no node will do.
func (f *Folder) Discard(c Call) error {
	if err := f.remove(c.name); err != nil {
		return err
	}
	if !isHash(c.SHA256) {
		return nil
	}
	all, err := f.list(callsDir)
	if err != nil {
		return err
	}
	for _, name := range all { // of other nodes, or of this one
		b, err := f.read(path.Join(callsDir, name), maxCall)
		var o nodeapi.Carried
		if err == nil && json.Unmarshal(b, &o) == nil && o.SHA256 == c.SHA256 {
			return nil
		}
	}
	return f.remove(bodyName(c.SHA256))
}

// Spoilt takes the body of a call away that is not what the desk signed, so that
// the desk, or another folder, brings it again. Any other refusal changes nothing.
func (f *Folder) Spoilt(c Call, err error) error {
	ft, ok := fault.Of(err)
	if !ok || ft.Key != "blob.wrong_hash" && ft.Key != "nodeapi.desk_other_call" || !isHash(c.SHA256) {
		return nil
	}
	return f.remove(bodyName(c.SHA256))
}

// Contents is what a folder holds, as far as anybody can see who finds it.
type Contents struct {
	Charter  string   // id of the newest version, "" for none
	Parcels  []Parcel // sealed
	Pieces   int      // of all, those of no parcel here among them
	Bytes    int64    // of pieces
	Mail     int      // mailboxes
	Calls    int      // from the desk to nodes
	Done     int      // that nodes have signed to have done
	Receipts int
}

// Parcel is what can be seen of a parcel.
type Parcel struct {
	ID      string
	Size    int64
	Missing int      // pieces that are not in the folder
	Signed  []string // ids of the keys of nodes that signed for it; not checked
}

// Show counts what the folder holds. It checks no byte.
func (f *Folder) Show() (Contents, error) {
	var c Contents
	if ch, _, err := f.chain(); err == nil {
		c.Charter = canon.Hash([]byte(ch[len(ch)-1].Document))
	}
	counts := map[string]int{}
	var receipts, ids []string
	for dir := range names {
		all, err := f.list(dir)
		if err != nil {
			return c, err
		}
		counts[dir] = len(all)
		switch dir {
		case receiptsDir:
			receipts = all
		case parcelsDir:
			ids = all
		}
	}
	c.Pieces, c.Mail, c.Calls, c.Done, c.Receipts = counts[piecesDir], counts[mailDir], counts[callsDir], counts[doneDir], counts[receiptsDir]
	for _, id := range ids {
		x, err := f.index(id)
		if err != nil {
			if err := ignoreStrange(err); err != nil {
				return c, err
			}
			continue
		}
		p := Parcel{ID: id, Size: x.Size}
		for n, h := range x.Pieces {
			if !f.has(pieceName(h), x.PieceSize(n)) {
				p.Missing++
			}
		}
		for _, r := range receipts {
			if signed, ok := strings.CutPrefix(r, id+"."); ok {
				p.Signed = append(p.Signed, signed)
			}
		}
		c.Bytes += x.Size
		c.Parcels = append(c.Parcels, p)
	}
	return c, nil
}

// errors that a node gives for what a newer call has overtaken.
var overtaken = []string{"node.edition_old", "nodeapi.desk_unknown"}

// Overtaken reports whether a refusal says that a call will never be done.
func Overtaken(err error) bool {
	ft, ok := fault.Of(err)
	if !ok {
		return false
	}
	for _, key := range overtaken {
		if ft.Key == key {
			return true
		}
	}
	return false
}
