package courier

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
)

// Address is what a client of a folder calls; any address does.
const Address = "http://courier.invalid"

// NotYet is how long a caller need not ask again: until the folder has travelled.
const NotYet = "86400"

// carrier answers calls from the folder.
type carrier struct {
	f   *Folder
	key ed25519.PrivateKey // of this process: it signs that the folder holds something
	mux *http.ServeMux
}

// HTTP gives a client through which witness and desk speak to the folder as if it
// were a node. What it signs it signs with a key made for this process, which no
// charter names: that the folder holds a parcel is not that a node does. What the
// desk tells a node is kept and answered with the fault courier.carried until the
// node's own word has come back.
func (f *Folder) HTTP() (*http.Client, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	c := &carrier{f: f, key: key, mux: http.NewServeMux()}
	handle := func(pattern string, do func(w http.ResponseWriter, r *http.Request) error) {
		method, p, _ := strings.Cut(pattern, " ")
		c.mux.HandleFunc(method+" "+nodeapi.Base+p, func(w http.ResponseWriter, r *http.Request) {
			if err := do(w, r); err != nil {
				refuse(w, err)
			}
		})
	}
	handle("GET /node", c.node)
	handle("GET /charter", c.charter)
	handle("GET /uploads/{upload}", c.have)
	handle("PUT /uploads/{upload}/pieces/{hash}", c.putPiece)
	handle("POST /uploads/{upload}/commit", c.commit)
	handle("GET /mailboxes/{prefix}", c.mailbox)
	handle("GET /desk/parcels", c.parcels)
	handle("GET /desk/parcels/{id}/index", c.index)
	handle("GET /desk/pieces/{hash}", c.piece)
	handle("GET /desk/edition", c.edition)
	handle("GET /desk/state", c.signedState)
	handle("POST /desk/edition/missing", c.missing)
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete} {
		handle(method+" /desk/", c.carry)
	}
	return &http.Client{Transport: c}, nil
}

// RoundTrip implements http.RoundTripper.
func (c *carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	} else {
		r.Body = http.NoBody
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := &recorder{header: make(http.Header), status: http.StatusOK}
	c.mux.ServeHTTP(w, r)
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: w.header,
		Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// recorder is an answer in memory.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(b []byte) (int, error) { return w.body.Write(b) }

func refuse(w http.ResponseWriter, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		err = fault.NotFound("courier.not_carried").Because(err)
	}
	f, ok := fault.Of(err)
	if !ok { // a stick that is full or was pulled out: no text of it is lost
		f = fault.Invalid("courier.disk", err.Error())
	}
	w.Header().Set("Retry-After", NotYet)
	status := fault.Status(f)
	answer(w, status, nodeapi.Failure{Error: nodeapi.Tell(f)})
}

func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, nil
	}
	w.WriteHeader(status)
	_, _ = w.Write(b) // into memory
}

func (c *carrier) public() string {
	return base64.StdEncoding.EncodeToString(c.key.Public().(ed25519.PublicKey))
}

func (c *carrier) node(w http.ResponseWriter, _ *http.Request) error {
	info := nodeapi.Info{Kind: nodeapi.KindNode, Key: c.public(), PieceBytes: parcel.PieceBytes, ParcelBytes: 1 << 40, Accepting: true}
	if ch, _, err := c.f.chain(); err == nil {
		info.Charter = canon.Hash([]byte(ch[len(ch)-1].Document))
	}
	answer(w, http.StatusOK, info)
	return nil
}

func (c *carrier) charter(w http.ResponseWriter, _ *http.Request) error {
	ch, _, err := c.f.chain()
	if err == nil {
		answer(w, http.StatusOK, nodeapi.ChainAnswer{Chain: ch})
	}
	return err
}

// have lists every piece in the folder: whose they are it does not know.
func (c *carrier) have(w http.ResponseWriter, r *http.Request) error {
	all, err := c.f.list(piecesDir)
	if err != nil {
		return err
	}
	for i, name := range all {
		all[i] = path.Base(name)
	}
	for h := range c.f.held {
		all = append(all, h)
	}
	return c.signed(w, http.StatusOK, nodeapi.Have{Kind: nodeapi.KindHave, Node: c.public(), Pieces: all, Upload: r.PathValue("upload")})
}

func (c *carrier) signed(w http.ResponseWriter, status int, doc any) error {
	e, err := nodeapi.Enclose(doc, c.key)
	if err == nil {
		answer(w, status, e)
	}
	return err
}

func (c *carrier) putPiece(w http.ResponseWriter, r *http.Request) error {
	b, err := io.ReadAll(io.LimitReader(r.Body, parcel.PieceBytes+1))
	if err != nil {
		return err
	}
	hash := r.PathValue("hash")
	if len(b) == 0 || len(b) > parcel.PieceBytes || canon.Hash(b) != hash {
		return fault.Invalid("blob.wrong_hash", hash)
	}
	w.WriteHeader(http.StatusCreated)
	return c.f.write(pieceName(hash), b)
}

// commit signs that the folder has a parcel.
func (c *carrier) commit(w http.ResponseWriter, r *http.Request) error {
	text, err := io.ReadAll(io.LimitReader(r.Body, parcel.MaxIndex+1))
	if err != nil {
		return err
	}
	x, err := parcel.ReadIndex(text)
	if err == nil {
		_, err = c.complete(w, x)
	}
	return err
}

const mostMissing = 1000

// complete holds every piece to its hash again before it says that the folder has
// the parcel. A stick that kept other bytes than it was given is told so. Of what is
// missing it names the first mostMissing.
func (c *carrier) complete(w http.ResponseWriter, x parcel.Index) (bool, error) {
	var missing nodeapi.Missing
	for n, h := range x.Pieces {
		if c.f.held[h] {
			continue
		}
		if b, err := c.f.piece(h); err == nil && int64(len(b)) != x.PieceSize(n) {
			return false, fault.Invalid("parcel.not_an_index")
		} else if errors.Is(err, fs.ErrNotExist) {
			if missing.Missing = append(missing.Missing, h); len(missing.Missing) == mostMissing {
				break
			}
		} else if err != nil {
			return false, err
		}
	}
	if len(missing.Missing) > 0 {
		answer(w, http.StatusConflict, missing)
		return false, nil
	}
	if err := c.f.write(path.Join(parcelsDir, x.ID()), x.Text()); err != nil {
		return false, err
	}
	return true, c.signed(w, http.StatusCreated, nodeapi.Acknowledgement{
		Day: today(), Kind: nodeapi.KindAcknowledgement, Node: c.public(), Parcel: x.ID(), Pieces: len(x.Pieces), Size: x.Size,
	})
}

// mailbox shows the pages that nodes showed, one node's after another's.
func (c *carrier) mailbox(w http.ResponseWriter, r *http.Request) error {
	all, err := c.f.list(mailDir)
	if err != nil {
		return err
	}
	const pageBytes = nodeapi.MailboxSlots * nodeapi.SlotBytes
	wanted, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || wanted < 0 {
		return fault.Invalid("node.bad_name")
	}
	pages := 0
	var page []byte
	for _, name := range all {
		if path.Base(name) != r.PathValue("prefix") {
			continue
		}
		b, err := c.f.read(path.Join(mailDir, name), maxMail)
		if err != nil || len(b)%pageBytes != 0 {
			continue // damaged on the way: another folder may have it
		}
		if n := len(b) / pageBytes; wanted >= pages && wanted < pages+n {
			page = b[(wanted-pages)*pageBytes:][:pageBytes]
		}
		pages = min(nodeapi.MaxPages, pages+len(b)/pageBytes)
	}
	if page == nil {
		return fault.NotFound("courier.no_mail")
	}
	w.Header().Set(nodeapi.PagesHeader, strconv.Itoa(pages))
	_, err = w.Write(page)
	return err
}

func (c *carrier) parcels(w http.ResponseWriter, _ *http.Request) error {
	ids, err := c.f.Parcels()
	if err != nil {
		return err
	}
	list := nodeapi.ParcelList{Parcels: []nodeapi.ParcelInfo{}}
	for _, id := range ids {
		if x, err := c.f.index(id); err == nil {
			list.Parcels = append(list.Parcels, nodeapi.ParcelInfo{ID: id, Size: x.Size, Pieces: len(x.Pieces)})
		}
	}
	answer(w, http.StatusOK, list)
	return nil
}

func (c *carrier) index(w http.ResponseWriter, r *http.Request) error {
	x, err := c.f.index(r.PathValue("id"))
	if err == nil {
		_, err = w.Write(x.Text())
	}
	return err
}

func (c *carrier) piece(w http.ResponseWriter, r *http.Request) error {
	b, err := c.f.piece(r.PathValue("hash"))
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}

// edition says what the node served when the folder was there; nothing, where it
// was not.
func (c *carrier) edition(w http.ResponseWriter, r *http.Request) error {
	node := nodeapi.Addressee(r.Header.Get("Authorization"))
	s, err := c.f.state(node)
	if errors.Is(err, fs.ErrNotExist) {
		answer(w, http.StatusOK, nodeapi.EditionState{})
		return nil
	}
	if err == nil {
		answer(w, http.StatusOK, s.Edition)
	}
	return err
}

// signedState gives a node's own word of when the folder was there; nothing, where it
// was not.
func (c *carrier) signedState(w http.ResponseWriter, r *http.Request) error {
	e, err := c.f.stateOf(nodeapi.Addressee(r.Header.Get("Authorization")))
	if err == nil {
		answer(w, http.StatusOK, e)
	}
	return err
}

// stateOf reads what a node with this key said of itself, and believes nothing.
func (f *Folder) stateOf(node string) (e nodeapi.Envelope, err error) {
	id := charter.KeyID(node)
	if id == "" {
		return e, fault.Forbidden("nodeapi.desk_only")
	}
	b, err := f.read(path.Join(nodesDir, id+".state"), maxEnvelope)
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return e, fault.Corrupt("courier.strange", nodesDir).Because(err)
	}
	return e, nil
}

// state is what a node with this key signed of itself.
func (f *Folder) state(node string) (nodeapi.State, error) {
	var s nodeapi.State
	e, err := f.stateOf(node)
	if err != nil {
		return s, err
	}
	if err := e.Open(node, &s); err != nil {
		return s, err
	}
	if s.Kind != nodeapi.KindState || s.Node != node {
		return s, fault.Corrupt("courier.strange", nodesDir)
	}
	return s, nil
}

// stateDay reads the day of a state without believing it.
func (f *Folder) stateDay(keyID string) string {
	b, err := f.read(path.Join(nodesDir, keyID+".state"), maxEnvelope)
	var e nodeapi.Envelope
	var s nodeapi.State
	if err != nil || json.Unmarshal(b, &e) != nil || json.Unmarshal([]byte(e.Document), &s) != nil {
		return ""
	}
	return s.Day
}

// missing says which files neither the node has nor the folder for it.
func (c *carrier) missing(w http.ResponseWriter, r *http.Request) error {
	node := nodeapi.Addressee(r.Header.Get("Authorization"))
	var ask nodeapi.Missing
	if err := json.NewDecoder(io.LimitReader(r.Body, 32<<20)).Decode(&ask); err != nil {
		return fault.Invalid("node.not_json").Because(err)
	}
	held, err := c.f.heldFiles(charter.KeyID(node))
	if err != nil {
		return err
	}
	out := nodeapi.Missing{Missing: []string{}}
	for _, h := range ask.Missing {
		call := nodeapi.Carried{Method: http.MethodPut, Path: nodeapi.Base + "/desk/edition/files/" + h, SHA256: h}
		if !isHash(h) || held[h] || c.f.has(bodyName(h), -1) && c.f.has(callName(node, call), -1) {
			continue
		}
		out.Missing = append(out.Missing, h)
	}
	answer(w, http.StatusOK, out)
	return nil
}

func (f *Folder) heldFiles(keyID string) (map[string]bool, error) {
	held := make(map[string]bool)
	if keyID == "" {
		return held, nil
	}
	b, err := f.read(path.Join(nodesDir, keyID+".files"), maxHeld)
	if err != nil {
		return held, ignoreStrange(err)
	}
	for h := range strings.SplitSeq(string(b), "\n") {
		held[h] = true
	}
	return held, nil
}

// carry keeps a call of the desk for the node it is signed for. What only prepares
// is answered as done; what the desk must know the end of is not, until the node's
// word is here.
func (c *carrier) carry(w http.ResponseWriter, r *http.Request) error {
	auth := r.Header.Get("Authorization")
	node := nodeapi.Addressee(auth)
	if node == "" || !nodeapi.Carriable(r.Method, r.URL.RequestURI()) {
		return fault.Later("courier.not_by_hand")
	}
	call := nodeapi.Carried{Authorization: auth, Kind: nodeapi.KindCarried, Method: r.Method, Path: r.URL.RequestURI()}
	var err error
	if call.SHA256, err = c.keepBody(r); err != nil {
		return err
	}
	if c.f.isDone(node, call) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	b, err := canon.Marshal(call)
	if err != nil {
		return err
	}
	if err := c.f.write(callName(node, call), b); err != nil {
		return err
	}
	if id, ok := strings.CutPrefix(call.Path, nodeapi.Base+"/desk/parcels/"); ok { // the desk holds it
		if err := c.f.drop(id); err != nil {
			return err
		}
	}
	if rank(call) == rankPrepare || rank(call) == rankCharter {
		w.WriteHeader(http.StatusCreated)
		return nil
	}
	return fault.Conflict("courier.carried")
}

// Ranks: the order in which a node does what it is told.
const (
	rankCharter = iota + 1
	rankPrepare
	rankSwitch
	rankRest
)

func rank(c nodeapi.Carried) int {
	switch rest := strings.TrimPrefix(c.Path, nodeapi.Base+"/desk/"); {
	case rest == "charter":
		return rankCharter
	case rest == "edition/switch":
		return rankSwitch
	case strings.HasPrefix(rest, "edition/"):
		return rankPrepare
	}
	return rankRest
}

func callName(node string, c nodeapi.Carried) string {
	return path.Join(callsDir, charter.KeyID(node), fmt.Sprintf("%d-%s", rank(c), c.ID()))
}

// keepBody keeps the body under its hash.
func (c *carrier) keepBody(r *http.Request) (string, error) {
	if r.Method == http.MethodDelete {
		return canon.Hash(nil), nil
	}
	if r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, nodeapi.Base+"/desk/edition/files/") {
		hash := path.Base(r.URL.Path)
		if !isHash(hash) {
			return "", fault.Invalid("node.bad_name")
		}
		return hash, c.f.putBody(hash, r.Body)
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, 32<<20+1))
	if err != nil {
		return "", err
	}
	if len(b) > 32<<20 {
		return "", fault.TooLarge("node.body_too_large", 32<<20)
	}
	hash := canon.Hash(b)
	return hash, c.f.putBody(hash, bytes.NewReader(b))
}

// putBody writes bytes that must hash to their name.
func (f *Folder) putBody(hash string, r io.Reader) error {
	return f.writeFrom(bodyName(hash), func(w io.Writer) error {
		sum := sha256.New()
		n, err := io.Copy(io.MultiWriter(w, sum), io.LimitReader(r, edition.MaxFile+1))
		if err == nil && (n > edition.MaxFile || hex.EncodeToString(sum.Sum(nil)) != hash) {
			err = fault.Invalid("blob.wrong_hash", hash)
		}
		return err
	})
}

// isDone reports whether the node has signed that it did this.
func (f *Folder) isDone(node string, c nodeapi.Carried) bool {
	b, err := f.read(path.Join(doneDir, charter.KeyID(node), c.ID()), maxEnvelope)
	var e nodeapi.Envelope
	var d nodeapi.Done
	return err == nil && json.Unmarshal(b, &e) == nil && e.Open(node, &d) == nil && d.Kind == nodeapi.KindDone && d.Node == node && d.Call == c.ID()
}
