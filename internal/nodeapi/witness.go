package nodeapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/parcel"
)

// Node asks the node what it is. A client that knows the node's key refuses
// another one.
func (c *Client) Node(ctx context.Context) (Info, error) {
	var info Info
	a, err := c.get(ctx, "/node", 64<<10, false)
	if err != nil {
		return info, err
	}
	if err := read(a, &info); err != nil {
		return info, err
	}
	if info.Kind != KindNode {
		return info, fault.Invalid("nodeapi.not_a_node", c.base, a.status)
	}
	if charter.KeyID(info.Key) == "" {
		return info, fault.Invalid("nodeapi.not_a_node", c.base, a.status)
	}
	c.key.Lock()
	defer c.key.Unlock()
	if c.key.public == "" {
		c.key.public = info.Key
	}
	if info.Key != c.key.public {
		return Info{}, fault.Forbidden("nodeapi.other_node", c.base)
	}
	return info, nil
}

// Charter fetches the charter's chain. Whether to believe it is the caller's
// question: charter.Chain.Verify.
func (c *Client) Charter(ctx context.Context) (charter.Chain, error) {
	a, err := c.get(ctx, "/charter", 4<<20, false)
	if err != nil {
		return nil, err
	}
	var chain ChainAnswer
	err = read(a, &chain)
	return chain.Chain, err
}

// Have lists what the node holds of an upload (32 hex characters).
func (c *Client) Have(ctx context.Context, upload string) (Have, error) {
	a, err := c.get(ctx, "/uploads/"+upload, 16<<20, false)
	if err != nil {
		return Have{}, err
	}
	var have Have
	if err := c.open(ctx, a, &have); err != nil {
		return Have{}, err
	}
	if have.Kind != KindHave || have.Upload != upload {
		return Have{}, fault.Corrupt("nodeapi.not_understood")
	}
	have.LetGo = a.header.Get(LetGoHeader) == "?1"
	row, _ := strconv.Atoi(a.header.Get(RowHeader)) // 0 of a node that takes one at a time
	have.Row = max(0, min(row, RowPieces))
	return have, nil
}

// PutPiece brings one piece. It returns when the node durably holds it; a piece
// that it held already is no error.
func (c *Client) PutPiece(ctx context.Context, upload, hash string, piece []byte) error {
	_, err := c.do(ctx, withBytes(call{
		method: http.MethodPut, path: "/uploads/" + upload + "/pieces/" + hash, kind: "application/octet-stream", limit: 64 << 10,
	}, piece))
	return err
}

// PutWhole brings a parcel that is a single piece and has the node sign for it, in
// one call. Where the link breaks, Bring and Commit go on with what came of it.
func (c *Client) PutWhole(ctx context.Context, upload string, index parcel.Index, piece []byte) (Envelope, Acknowledgement, error) {
	if len(index.Pieces) != 1 {
		return Envelope{}, Acknowledgement{}, fault.Invalid("parcel.not_an_index")
	}
	a, err := c.do(ctx, withBytes(call{
		method: http.MethodPut, path: "/uploads/" + upload + "/whole/" + index.Pieces[0], kind: "application/octet-stream", limit: 64 << 10,
		tries: 1, stall: patience(len(piece)),
	}, piece))
	if err != nil {
		if unanswered(err) {
			c.grain.broke(len(piece))
		}
		return Envelope{}, Acknowledgement{}, err
	}
	return c.acknowledged(ctx, a, index)
}

// Commit asks the node to sign for the whole parcel. When pieces are missing
// the fault is nodeapi.pieces_missing with their number: send them and commit
// again.
func (c *Client) Commit(ctx context.Context, upload string, index parcel.Index) (Acknowledgement, error) {
	_, ack, err := c.CommitSigned(ctx, upload, index)
	return ack, err
}

// CommitSigned is Commit that also gives the acknowledgement as the node signed it,
// to be handed on.
func (c *Client) CommitSigned(ctx context.Context, upload string, index parcel.Index) (Envelope, Acknowledgement, error) {
	a, err := c.do(ctx, withBytes(call{
		method: http.MethodPost, path: "/uploads/" + upload + "/commit", kind: "text/plain; charset=utf-8", limit: 16 << 20,
		accept: func(status int) bool { return status == http.StatusConflict },
	}, index.Text()))
	if err != nil {
		return Envelope{}, Acknowledgement{}, err
	}
	if a.status == http.StatusConflict {
		var m Missing
		if json.Unmarshal(a.body, &m) == nil && len(m.Missing) > 0 {
			return Envelope{}, Acknowledgement{}, fault.Conflict("nodeapi.pieces_missing", len(m.Missing))
		}
		return Envelope{}, Acknowledgement{}, refusal(c.base, a)
	}
	return c.acknowledged(ctx, a, index)
}

// acknowledged reads the node's word for a parcel and holds it against the index.
func (c *Client) acknowledged(ctx context.Context, a answer, index parcel.Index) (Envelope, Acknowledgement, error) {
	var e Envelope
	var ack Acknowledgement
	if err := read(a, &e); err != nil {
		return e, ack, err
	}
	if err := c.open(ctx, a, &ack); err != nil {
		return e, ack, err
	}
	if ack.Kind != KindAcknowledgement || ack.Parcel != index.ID() || ack.Size != index.Size || ack.Pieces != len(index.Pieces) {
		return Envelope{}, Acknowledgement{}, fault.Corrupt("nodeapi.not_understood")
	}
	return e, ack, nil
}

// open checks an envelope by the node's key and reads its document.
func (c *Client) open(ctx context.Context, a answer, doc any) error {
	var e Envelope
	if err := read(a, &e); err != nil {
		return err
	}
	key, err := c.nodeKey(ctx)
	if err != nil {
		return err
	}
	return e.Open(key, doc)
}

// Mailbox fetches every slot under a two-character prefix: real replies and
// others that look the same.
func (c *Client) Mailbox(ctx context.Context, prefix string) ([][]byte, error) {
	var slots [][]byte
	for page, pages := 0, 1; page < pages; page++ {
		a, err := c.get(ctx, "/mailboxes/"+prefix+"?page="+strconv.Itoa(page), MailboxSlots*SlotBytes, false)
		if err != nil {
			return nil, err
		}
		if len(a.body) != MailboxSlots*SlotBytes {
			return nil, fault.Corrupt("nodeapi.not_understood")
		}
		if pages, err = strconv.Atoi(a.header.Get(PagesHeader)); err != nil || pages < 1 || pages > MaxPages {
			return nil, fault.Corrupt("nodeapi.not_understood")
		}
		for i := range MailboxSlots {
			slots = append(slots, a.body[i*SlotBytes:(i+1)*SlotBytes])
		}
	}
	return slots, nil
}
