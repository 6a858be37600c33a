package nodeapi

import (
	"context"
	"io"
	"net/http"
	"strings"

	"kua/internal/fault"
)

// CarriedBase is where a node takes carried calls by net: below Base, before the path
// that the desk signed.
const CarriedBase = "/carried"

// CarriedAnswer is what a node signs when it has done a carried call that came by net.
type CarriedAnswer struct {
	Done  Envelope `json:"done"`  // Done
	State Envelope `json:"state"` // State, after the call
}

// Carry brings a call that the desk signed for this node, with the size bytes of its
// body, which open gives anew for every try. It returns without an error only when the
// node has signed that it did this very call. Whoever brings it can neither change nor
// read anything by it that the folder did not tell.
func (c *Client) Carry(ctx context.Context, k Carried, size int64, open func() (io.ReadCloser, error)) (CarriedAnswer, error) {
	var out CarriedAnswer
	rest, ok := strings.CutPrefix(k.Path, Base)
	if !ok || !Carriable(k.Method, k.Path) {
		return out, fault.Corrupt("courier.strange", k.Path)
	}
	one := call{method: k.Method, path: CarriedBase + rest, limit: 64 << 10, header: http.Header{"Authorization": {k.Authorization}}, size: size}
	if k.Method != http.MethodDelete {
		one.kind, one.body = "application/octet-stream", func() (io.Reader, error) { return open() }
	}
	a, err := c.do(ctx, one)
	if err == nil {
		err = read(a, &out)
	}
	if err != nil {
		return out, err
	}
	key, err := c.nodeKey(ctx)
	if err != nil {
		return out, err
	}
	var done Done
	if err := out.Done.Open(key, &done); err != nil {
		return out, err
	}
	var state State
	if err := out.State.Open(key, &state); err != nil {
		return out, err
	}
	if done.Kind != KindDone || done.Node != key || done.Call != k.ID() || state.Kind != KindState || state.Node != key {
		return out, fault.Corrupt("nodeapi.not_understood")
	}
	return out, nil
}
