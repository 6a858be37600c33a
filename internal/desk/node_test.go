package desk

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
)

// testNode answers a desk's calls from memory and fails when it is told to.
type testNode struct {
	server *httptest.Server
	public string

	mu       sync.Mutex
	order    []string
	indexes  map[string]parcel.Index
	pieces   map[string][]byte
	replies  map[string][][]byte
	files    map[string][]byte
	sigs     map[string][]byte
	log      map[string][]byte
	state    nodeapi.EditionState
	switched nodeapi.SwitchRequest
	charters charter.Chain
	asked    map[string]int // pieces that were asked for

	fail func(r *http.Request) int // a status to answer instead, or 0
	bend func(hash string, piece []byte) []byte
}

func newTestNode(t testing.TB) *testNode {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	ok(t, err)
	n := &testNode{public: base64.StdEncoding.EncodeToString(public), indexes: map[string]parcel.Index{}, pieces: map[string][]byte{},
		replies: map[string][][]byte{}, files: map[string][]byte{}, sigs: map[string][]byte{}, log: map[string][]byte{}, asked: map[string]int{}}
	n.server = httptest.NewServer(n)
	t.Cleanup(n.server.Close)
	return n
}

func (n *testNode) url() string { return n.server.URL }
func (n *testNode) key() string { return n.public }

// hold keeps a sealed parcel as if a witness had sent it.
func (n *testNode) hold(t testing.TB, sealed []byte) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	x, err := parcel.Split(bytes.NewReader(sealed), func(_ int, hash string, piece []byte) error {
		n.pieces[hash] = bytes.Clone(piece)
		return nil
	})
	ok(t, err)
	n.indexes[x.ID()] = x
	n.order = append(n.order, x.ID())
	return x.ID()
}

func (n *testNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fail != nil {
		if status := n.fail(r); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Kua ") {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, _ := io.ReadAll(r.Body)
	path := strings.TrimPrefix(r.URL.Path, nodeapi.Base+"/desk/")
	answer := func(v any) { json.NewEncoder(w).Encode(v) }
	rest := func(prefix string) (string, bool) { return strings.CutPrefix(path, prefix) }
	if path == "parcels" {
		list := nodeapi.ParcelList{}
		for _, id := range n.order {
			x := n.indexes[id]
			list.Parcels = append(list.Parcels, nodeapi.ParcelInfo{ID: id, Size: x.Size, Pieces: len(x.Pieces)})
		}
		answer(list)
	} else if id, yes := rest("parcels/"); yes && r.Method == http.MethodDelete {
		delete(n.indexes, id)
		for i, o := range n.order {
			if o == id {
				n.order = append(n.order[:i:i], n.order[i+1:]...)
			}
		}
	} else if yes {
		w.Write(n.indexes[strings.TrimSuffix(id, "/index")].Text())
	} else if hash, yes := rest("pieces/"); yes {
		n.asked[hash]++
		b := n.pieces[hash]
		if n.bend != nil {
			b = n.bend(hash, b)
		}
		w.Write(b)
	} else if path == "replies" {
		var p nodeapi.ReplyPost
		json.Unmarshal(body, &p)
		n.replies[p.Prefix] = append(n.replies[p.Prefix], p.Sealed)
	} else if path == "edition" {
		answer(n.state)
	} else if path == "edition/missing" {
		var m, out nodeapi.Missing
		json.Unmarshal(body, &m)
		for _, h := range m.Missing {
			if n.files[h] == nil {
				out.Missing = append(out.Missing, h)
			}
		}
		answer(out)
	} else if hash, yes := rest("edition/files/"); yes {
		if canon.Hash(body) != hash {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		n.files[hash] = body
	} else if p, yes := rest("edition/signatures/"); yes {
		n.sigs[p] = body
	} else if p, yes := rest("edition/log/"); yes {
		n.log[p] = body
	} else if path == "edition/switch" {
		json.Unmarshal(body, &n.switched)
		var m struct{ Number int }
		json.Unmarshal([]byte(n.switched.Manifest), &m)
		n.state = nodeapi.EditionState{Number: m.Number, Manifest: canon.Hash([]byte(n.switched.Manifest)), Checkpoint: n.switched.Checkpoint}
	} else if path == "charter" {
		var c nodeapi.ChainAnswer
		json.Unmarshal(body, &c)
		n.charters = c.Chain
	} else {
		w.WriteHeader(http.StatusNotFound)
	}
}

// set changes what the node does from here on.
func (n *testNode) set(do func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	do()
}
