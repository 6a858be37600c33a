package nodeapi

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/parcel"
)

// Parcels lists what there is to collect.
func (c *Client) Parcels(ctx context.Context) ([]ParcelInfo, error) {
	a, err := c.get(ctx, "/desk/parcels", 64<<20, true)
	if err != nil {
		return nil, err
	}
	var list ParcelList
	err = read(a, &list)
	return list.Parcels, err
}

// Index fetches a parcel's index and checks that it is the one of this id.
func (c *Client) Index(ctx context.Context, id string) (parcel.Index, error) {
	a, err := c.get(ctx, "/desk/parcels/"+id+"/index", parcel.MaxIndex, true)
	if err != nil {
		return parcel.Index{}, err
	}
	if canon.Hash(a.body) != id {
		return parcel.Index{}, fault.Corrupt("nodeapi.wrong_bytes", id)
	}
	return parcel.ReadIndex(a.body)
}

// Piece fetches one piece and checks it against its name.
func (c *Client) Piece(ctx context.Context, hash string) ([]byte, error) {
	a, err := c.get(ctx, "/desk/pieces/"+hash, parcel.PieceBytes, true)
	if err != nil {
		return nil, err
	}
	if canon.Hash(a.body) != hash {
		return nil, fault.Corrupt("nodeapi.wrong_bytes", hash)
	}
	return a.body, nil
}

// Forget tells the node that the desk durably holds a parcel, so that the node
// may drop it. A parcel it does not have is no error.
func (c *Client) Forget(ctx context.Context, id string) error {
	_, err := c.do(ctx, call{method: http.MethodDelete, path: "/desk/parcels/" + id, desk: true, limit: 64 << 10})
	return err
}

// PutReply brings a sealed reply (SlotBytes) under a two-character prefix. The
// same reply twice is kept once.
func (c *Client) PutReply(ctx context.Context, prefix string, sealed []byte) error {
	return c.post(ctx, "/desk/replies", ReplyPost{Prefix: prefix, Sealed: sealed}, nil)
}

// Edition asks which edition the node serves.
func (c *Client) Edition(ctx context.Context) (EditionState, error) {
	var state EditionState
	a, err := c.get(ctx, "/desk/edition", 64<<10, true)
	if err == nil {
		err = read(a, &state)
	}
	return state, err
}

// Missing asks which of these files (SHA-256) the node lacks.
func (c *Client) Missing(ctx context.Context, hashes []string) ([]string, error) {
	var m Missing
	err := c.post(ctx, "/desk/edition/missing", Missing{Missing: hashes}, &m)
	return m.Missing, err
}

// PutFile brings one file of an edition. open gives its bytes anew for every try.
func (c *Client) PutFile(ctx context.Context, hash string, size int64, open func() (io.ReadCloser, error)) error {
	_, err := c.do(ctx, call{
		method: http.MethodPut, path: "/desk/edition/files/" + hash, kind: "application/octet-stream", desk: true, limit: 64 << 10,
		bodyHash: hash, size: size,
		body: func() (io.Reader, error) { return open() },
	})
	return err
}

// PutLog brings one file of the log by its path below log/.
func (c *Client) PutLog(ctx context.Context, path string, b []byte) error {
	_, err := c.do(ctx, withBytes(call{
		method: http.MethodPut, path: "/desk/edition/log/" + path, kind: "application/octet-stream", desk: true, limit: 64 << 10,
	}, b))
	return err
}

// PutSignature brings one person's signature (64 bytes) over a record by the
// path of the signature file, such as records/0001/000123/v1.json.<key id>.sig.
func (c *Client) PutSignature(ctx context.Context, path string, signature []byte) error {
	_, err := c.do(ctx, withBytes(call{
		method: http.MethodPut, path: "/desk/edition/signatures/" + path, kind: "application/octet-stream", desk: true, limit: 64 << 10,
	}, signature))
	return err
}

// Switch asks the node to serve an edition whose files it holds. The same
// switch twice is no error.
func (c *Client) Switch(ctx context.Context, s SwitchRequest) error {
	return c.post(ctx, "/desk/edition/switch", s, nil)
}

// PutCharter brings a longer chain of the charter.
func (c *Client) PutCharter(ctx context.Context, chain charter.Chain) error {
	return c.post(ctx, "/desk/charter", ChainAnswer{Chain: chain}, nil)
}

func (c *Client) post(ctx context.Context, path string, body, into any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	a, err := c.do(ctx, withBytes(call{method: http.MethodPost, path: path, kind: "application/json", desk: true, limit: 64 << 20}, b))
	if err != nil || into == nil {
		return err
	}
	return read(a, into)
}
