package node

import (
	"encoding/json"
	"net/http"
	"strconv"

	"kua/internal/fault"
	"kua/internal/nodeapi"
)

// Handler is the API below nodeapi.Base.
func (n *Node) Handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, do func(http.ResponseWriter, *http.Request) error) {
		method, path, _ := cut(pattern)
		mux.Handle(method+" "+nodeapi.Base+path, n.answer(do))
	}
	handle("GET /node", n.info)
	handle("GET /charter", n.charterChain)
	handle("GET /uploads/{upload}", n.have)
	handle("PUT /uploads/{upload}/pieces/{hash}", n.putPiece)
	handle("POST /uploads/{upload}/commit", n.commit)
	handle("GET /mailboxes/{prefix}", n.mailbox)

	handle("GET /desk/parcels", n.desk(n.parcels))
	handle("GET /desk/parcels/{id}/index", n.desk(n.index))
	handle("DELETE /desk/parcels/{id}", n.desk(n.forget))
	handle("GET /desk/pieces/{hash}", n.desk(n.piece))
	handle("POST /desk/replies", n.desk(n.putReply))
	handle("POST /desk/charter", n.desk(n.putCharter))
	handle("GET /desk/edition", n.desk(n.editionState))
	handle("POST /desk/edition/missing", n.desk(n.editionMissing))
	handle("PUT /desk/edition/files/{hash}", n.deskStream(n.putFile))
	handle("PUT /desk/edition/log/{path...}", n.desk(n.putLog))
	handle("PUT /desk/edition/signatures/{path...}", n.desk(n.putSignature))
	handle("POST /desk/edition/switch", n.desk(n.switchEdition))
	mux.Handle(nodeapi.Base+"/", n.answer(func(http.ResponseWriter, *http.Request) error { return fault.NotFound("node.no_call") }))
	return mux
}

func cut(pattern string) (method, path string, ok bool) {
	for i := range pattern {
		if pattern[i] == ' ' {
			return pattern[:i], pattern[i+1:], true
		}
	}
	return "", pattern, false
}

// answer runs a call in one of the places there are and tells its fault.
func (n *Node) answer(do func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		select {
		case n.busy <- struct{}{}:
			defer func() { <-n.busy }()
		default:
			n.refuse(w, fault.Later("node.busy"))
			return
		}
		if err := do(w, r); err != nil {
			n.refuse(w, err)
		}
	})
}

// refuse answers with a fault. What is not one is told as internal; the diary
// gets its text, which names no caller.
func (n *Node) refuse(w http.ResponseWriter, err error) {
	f, ok := fault.Of(err)
	if !ok || f.Kind == fault.KindInternal {
		n.cfg.Diary.Error("a call failed", "fault", err)
	}
	text := nodeapi.Tell(err)
	if n.cfg.Words != nil {
		text.Message, text.Hint = n.cfg.Words(err)
	}
	status := statusOf(err)
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter(text.Key)))
	}
	_ = writeJSON(w, status, nodeapi.Failure{Error: text})
}

// retryAfter is in seconds: a full disk waits for the desk, a busy moment passes.
func retryAfter(key string) int {
	if key == "node.busy" {
		return 5
	}
	return 1800
}

func statusOf(err error) int {
	f, ok := fault.Of(err)
	if !ok {
		return http.StatusInternalServerError
	}
	switch f.Kind {
	case fault.KindInvalid:
		return http.StatusUnprocessableEntity
	case fault.KindNotFound:
		return http.StatusNotFound
	case fault.KindConflict:
		return http.StatusConflict
	case fault.KindForbidden:
		return http.StatusForbidden
	case fault.KindTooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.KindLater:
		return http.StatusServiceUnavailable
	case fault.KindCorrupt:
		return http.StatusUnprocessableEntity
	}
	return http.StatusInternalServerError
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b)
	return nil
}

// signed answers with a document and the node's signature over it.
func (n *Node) signed(w http.ResponseWriter, status int, doc any) error {
	e, err := nodeapi.Enclose(doc, n.key)
	if err != nil {
		return err
	}
	return writeJSON(w, status, e)
}

// Info is what the node says of itself.
func (n *Node) Info() (nodeapi.Info, error) {
	c, _ := n.Charter()
	id, err := c.ID()
	if err != nil {
		return nodeapi.Info{}, err
	}
	info := nodeapi.Info{
		Kind: nodeapi.KindNode, Key: n.Key(), Charter: id, PieceBytes: pieceBytes, ParcelBytes: n.cfg.Limits.ParcelBytes, Accepting: true,
	}
	if n.roomOnDisk() != nil {
		info.Accepting, info.RetryAfter = false, retryAfter("")
	}
	return info, nil
}

func (n *Node) info(w http.ResponseWriter, _ *http.Request) error {
	info, err := n.Info()
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, info)
}

func (n *Node) charterChain(w http.ResponseWriter, _ *http.Request) error {
	_, chain := n.Charter()
	return writeJSON(w, http.StatusOK, nodeapi.ChainAnswer{Chain: chain})
}
