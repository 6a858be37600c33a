package node

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"kua/internal/canon"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/nodeapi"
)

// maxJSON bounds what a desk may say in one call; an edition's manifest and the
// charter's chain fit many times.
const maxJSON = 32 << 20

type handler func(http.ResponseWriter, *http.Request) error

// deskHandler also gets the body, whose hash the desk has signed.
type deskHandler func(w http.ResponseWriter, r *http.Request, body []byte) error

// Handler is the interface below nodeapi.Base.
func (n *Node) Handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, do handler) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.Handle(method+" "+nodeapi.Base+path, n.answer(do))
	}
	carried := func(pattern string, do handler) {
		handle(pattern, do)
		method, path, _ := strings.Cut(pattern, " ")
		handle(method+" "+nodeapi.CarriedBase+path, n.byNet(do))
	}
	handle("GET /node", n.info)
	handle("GET /charter", n.charterChain)
	handle("GET /uploads/{upload}", n.have)
	handle("PUT /uploads/{upload}/pieces", n.putRow)
	handle("PUT /uploads/{upload}/pieces/{hash}", n.putPiece)
	handle("HEAD /uploads/{upload}/pieces/{hash}", n.offset)
	handle("PATCH /uploads/{upload}/pieces/{hash}", n.appendPiece)
	handle("PUT /uploads/{upload}/whole/{hash}", n.putWhole)
	handle("POST /uploads/{upload}/commit", n.commit)
	handle("GET /mailboxes/{prefix}", n.mailbox)
	mux.Handle("POST "+edition.BatchPath, n.answerIn(n.batches, n.batch))

	handle("GET /desk/parcels", n.desk(0, n.parcels))
	handle("GET /desk/parcels/{id}/index", n.desk(0, n.index))
	carried("DELETE /desk/parcels/{id}", n.desk(0, n.forget))
	handle("GET /desk/pieces/{hash}", n.desk(0, n.piece))
	carried("POST /desk/replies", n.desk(64<<10, n.putReply))
	carried("POST /desk/charter", n.desk(maxJSON, n.putCharter))
	handle("GET /desk/edition", n.desk(0, n.editionState))
	handle("POST /desk/edition/missing", n.desk(maxJSON, n.editionMissing))
	carried("PUT /desk/edition/files/{hash}", n.putFile)
	carried("PUT /desk/edition/log/{path...}", n.desk(maxJSON, n.putLog))
	carried("PUT /desk/edition/signatures/{path...}", n.desk(4<<10, n.putSignature))
	carried("POST /desk/edition/switch", n.desk(maxJSON, n.switchEdition))
	handle("GET /desk/actor/files", n.desk(0, n.actorState))
	handle("PUT /desk/actor/files/{path...}", n.desk(maxActorFile, n.putActorFile))
	handle("DELETE /desk/actor/files/{path...}", n.desk(0, n.dropActorFile))
	handle("GET /desk/actor/letters/{after}", n.desk(0, n.actorLetters))
	handle("POST /desk/actor/letters/forgotten", n.desk(64<<10, n.forgetActorLetters))
	if n.cfg.Lane != nil {
		handle("GET /desk/lane/{call...}", n.desk(0, n.cfg.Lane))
		handle("POST /desk/lane/{call...}", n.desk(maxJSON, n.cfg.Lane))
	}
	mux.Handle(nodeapi.Base+"/", n.answer(func(_ http.ResponseWriter, r *http.Request) error {
		return fault.NotFound("node.no_call")
	}))
	return mux
}

// answer runs a call in one of the places there are, and tells its fault.
func (n *Node) answer(do handler) http.Handler { return n.answerIn(n.calls, do) }

func (n *Node) answerIn(places chan struct{}, do handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		defer n.recover(w)
		if !allow(r, n.cfg.Limits.CallsPerConn) {
			n.refuse(w, fault.Later("node.too_many_calls"))
			return
		}
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			n.refuse(w, fault.Later("node.busy"))
			return
		}
		if err := do(w, r); err != nil {
			n.refuse(w, err)
		}
	})
}

// recover answers for a call that panicked. The diary gets where, and not with
// what: a panic's value can hold what a caller sent.
func (n *Node) recover(w http.ResponseWriter) {
	switch p := recover(); p {
	case nil:
	case http.ErrAbortHandler:
		panic(p)
	default:
		n.cfg.Diary.Error("a call panicked", "kind", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
		n.refuse(w, fault.New(fault.KindInternal, "page.internal"))
	}
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
	if s := retryAfter(text.Key); s > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(s))
	}
	if status == http.StatusRequestTimeout || status == http.StatusRequestEntityTooLarge {
		w.Header().Set("Connection", "close")
	}
	_ = writeJSON(w, status, nodeapi.Failure{Error: text})
}

// retryAfter gives the seconds after which a refusal may be over, 0 for one that
// does not end by itself. A full disk waits for the desk; a busy moment passes.
func retryAfter(key string) int {
	switch key {
	case "node.busy", "node.too_many_calls":
		return 5
	case "node.disk_full", "node.full", "node.too_many_uploads", "actor.full":
		return 1800
	}
	return 0
}

var statuses = map[string]int{
	"node.disk_full":          http.StatusInsufficientStorage,
	"node.full":               http.StatusInsufficientStorage,
	"node.too_many_calls":     http.StatusTooManyRequests,
	"node.too_slow":           http.StatusRequestTimeout,
	"node.not_json":           http.StatusBadRequest,
	"node.bad_name":           http.StatusBadRequest,
	"node.bad_offset":         http.StatusBadRequest,
	"actor.bad_file":          http.StatusBadRequest,
	"actor.unsigned":          http.StatusUnauthorized,
	"actor.clock":             http.StatusUnauthorized,
	"nodeapi.desk_only":       http.StatusUnauthorized,
	"nodeapi.desk_unknown":    http.StatusUnauthorized,
	"nodeapi.desk_clock":      http.StatusUnauthorized,
	"nodeapi.desk_other_call": http.StatusUnauthorized,
}

func statusOf(err error) int {
	if f, ok := fault.Of(err); ok {
		if s, ok := statuses[f.Key]; ok {
			return s
		}
	}
	return fault.Status(err)
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	patientWrite(w, int64(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // a caller that went away will ask again
	return nil
}

func writeOctets(w http.ResponseWriter, b []byte) error {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	patientWrite(w, int64(len(b)))
	_, _ = w.Write(b)
	return nil
}

// readJSON reads a body that the desk signed.
func readJSON(body []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fault.Invalid("node.not_json").Because(err)
	}
	if d.More() {
		return fault.Invalid("node.not_json")
	}
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

// authorised checks that a call comes from a desk of the charter and gives the
// hash that its body must have. Where the desk has a door of its own, no other
// tells that these calls exist.
func (n *Node) authorised(r *http.Request) (bodyHash string, err error) {
	c, _ := n.Charter()
	switch r.Context().Value(carriedCall{}) {
	case byHand:
		return nodeapi.CheckCarried(r, c.Desks, n.Key(), n.cfg.Now())
	case byNet:
		return nodeapi.CheckCarriedByNet(r, c.Desks, n.Key(), n.cfg.Now())
	}
	if n.cfg.DeskApart && r.Context().Value(deskDoor{}) == nil {
		return "", fault.NotFound("node.no_call")
	}
	return nodeapi.CheckDesk(r, c.Desks, n.Key(), n.cfg.Now())
}

// desk makes a handler for a desk's call with a body of at most limit bytes.
func (n *Node) desk(limit int64, do deskHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		want, err := n.authorised(r)
		if err != nil {
			return err
		}
		body, err := n.readBody(w, r, limit)
		if err != nil {
			return err
		}
		if canon.Hash(body) != want {
			return fault.Forbidden("nodeapi.desk_other_call")
		}
		return do(w, r, body)
	}
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
	if err := n.roomFor(pieceBytes); err != nil {
		info.Accepting, info.RetryAfter = false, retryAfter("node.disk_full")
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

// grace is what a caller may stay silent before and between bytes, whatever it
// brought before. A test shortens it.
var grace = 30 * time.Second
