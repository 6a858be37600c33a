package node_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/node"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
)

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// TestUploadAndCollect carries a parcel through a node, over a restart in the
// middle, and lets the desk take and forget it.
func TestUploadAndCollect(t *testing.T) {
	c, dir := newCollective(t), t.TempDir()
	x, pieces := sealed(t, 3*parcel.PieceBytes+77)
	name := x.ID()[:32]
	order := slices.Sorted(maps.Keys(pieces))
	t.Run("first half", func(t *testing.T) {
		n := start(t, c.config(dir)).client()
		for _, h := range order[:2] {
			must(t, n.PutPiece(t.Context(), name, h, pieces[h]))
			must(t, n.PutPiece(t.Context(), name, h, pieces[h])) // twice is once
		}
		if _, err := n.Commit(t.Context(), name, x); !errors.Is(err, fault.Conflict("nodeapi.pieces_missing")) {
			t.Errorf("Commit = %v, want nodeapi.pieces_missing", err)
		}
	})
	t.Run("second half", func(t *testing.T) {
		r := start(t, c.config(dir))
		n, desk := r.client(), r.desk(c)
		have, err := n.Have(t.Context(), name)
		if err != nil || !slices.Equal(have.Pieces, order[:2]) {
			t.Fatalf("Have = %v, %v, want %v", have.Pieces, err, order[:2])
		}
		ack := upload(t, n, x, pieces)
		if again := upload(t, n, x, nil); again != ack {
			t.Errorf("second Commit = %+v, want %+v", again, ack)
		}
		if have, err := n.Have(t.Context(), name); err != nil || !slices.Equal(have.Pieces, order) {
			t.Errorf("Have after Commit = %v, %v, want %v", have.Pieces, err, order)
		}
		list, err := desk.Parcels(t.Context())
		if err != nil || len(list) != 1 || list[0].ID != x.ID() || list[0].Size != x.Size || list[0].Pieces != 4 {
			t.Fatalf("Parcels = %+v, %v", list, err)
		}
		got, err := desk.Index(t.Context(), x.ID())
		must(t, err)
		for i, h := range got.Pieces {
			b, err := desk.Piece(t.Context(), h)
			if err != nil || !bytes.Equal(b, pieces[h]) {
				t.Errorf("piece %d: %d bytes, %v", i, len(b), err)
			}
		}
		must(t, desk.Forget(t.Context(), x.ID()))
		must(t, desk.Forget(t.Context(), x.ID()))
		if list, err := desk.Parcels(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("Parcels after Forget = %v, %v", list, err)
		}
		if _, err := desk.Piece(t.Context(), order[0]); !errors.Is(err, fault.NotFound("blob.not_found")) {
			t.Errorf("Piece after Forget = %v", err)
		}
		// The answer to the commit was lost on the way: it is given again.
		if again, err := n.Commit(t.Context(), name, x); err != nil || again != ack {
			t.Errorf("Commit after Forget = %+v, %v, want %+v", again, err, ack)
		}
	})
}

func TestAcknowledgementIsSigned(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	x, pieces := sealed(t, 1000)
	upload(t, r.client(), x, pieces)
	res, err := http.Post(r.url+nodeapi.Base+"/uploads/"+x.ID()[:32]+"/commit", "text/plain", bytes.NewReader(x.Text()))
	must(t, err)
	defer res.Body.Close()
	var e nodeapi.Envelope
	must(t, json.NewDecoder(res.Body).Decode(&e))
	var ack nodeapi.Acknowledgement
	must(t, e.Open(r.Key(), &ack))
	if ack.Parcel != x.ID() || ack.Size != 1000 || ack.Pieces != 1 || ack.Node != r.Key() || len(ack.Day) != len(today) {
		t.Errorf("acknowledgement = %+v", ack)
	}
	forged := e
	forged.Document = strings.Replace(e.Document, `"size":1000`, `"size":1001`, 1)
	if err := forged.Open(r.Key(), &ack); !errors.Is(err, fault.Corrupt("nodeapi.bad_signature")) {
		t.Errorf("a changed acknowledgement opens: %v", err)
	}
}

// TestSharedPieces shows that a piece which two uploads have outlives one of them.
func TestSharedPieces(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	x, pieces := sealed(t, 5000)
	upload(t, r.client(), x, pieces)
	for h, b := range pieces {
		must(t, r.client().PutPiece(t.Context(), strings.Repeat("ab", 16), h, b))
		must(t, r.desk(c).Forget(t.Context(), x.ID()))
		if got, err := r.desk(c).Piece(t.Context(), h); err != nil || !bytes.Equal(got, b) {
			t.Errorf("Piece = %d bytes, %v", len(got), err)
		}
	}
}

func TestRefusals(t *testing.T) {
	c := newCollective(t)
	r := start(t, c.config(t.TempDir()))
	x, pieces := sealed(t, 1000)
	hash := x.Pieces[0]
	base := r.url + nodeapi.Base
	up := base + "/uploads/" + x.ID()[:32]
	big := make([]byte, parcel.PieceBytes+1)
	for _, test := range []struct {
		name, method, url string
		body              io.Reader
		status            int
		key               string
	}{
		{"other bytes", "PUT", up + "/pieces/" + hash, strings.NewReader("other"), 422, "blob.wrong_hash"},
		{"no bytes", "PUT", up + "/pieces/" + canon.Hash(nil), http.NoBody, 422, "node.empty_piece"},
		{"too big", "PUT", up + "/pieces/" + canon.Hash(big), bytes.NewReader(big), 413, "node.piece_too_large"},
		{"too big, length unsaid", "PUT", up + "/pieces/" + canon.Hash(big), io.MultiReader(bytes.NewReader(big)), 413, "node.piece_too_large"},
		{"upload's name", "PUT", base + "/uploads/AB/pieces/" + hash, bytes.NewReader(pieces[hash]), 400, "node.bad_name"},
		{"path", "GET", base + "/uploads/..%2f..%2fkey.pem", nil, 400, "node.bad_name"},
		{"piece's name", "PUT", up + "/pieces/xyz", bytes.NewReader(pieces[hash]), 400, "node.bad_name"},
		{"index", "POST", up + "/commit", strings.NewReader("kua-parcel-index/1\nsize 5\n"), 422, "parcel.not_an_index"},
		{"index too long", "POST", up + "/commit", bytes.NewReader(make([]byte, parcel.MaxIndex+1)), 413, "node.body_too_large"},
		{"mailbox's name", "GET", base + "/mailboxes/zz", nil, 400, "node.bad_name"},
		{"mailbox's page", "GET", base + "/mailboxes/00?page=7", nil, 404, "node.no_page"},
		{"page's number", "GET", base + "/mailboxes/00?page=-1", nil, 400, "node.bad_name"},
		{"no such call", "GET", base + "/elsewhere", nil, 404, "node.no_call"},
		{"desk call without a signature", "GET", base + "/desk/parcels", nil, 401, "nodeapi.desk_only"},
	} {
		t.Run(test.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), test.method, test.url, test.body)
			must(t, err)
			res, err := http.DefaultClient.Do(req)
			must(t, err)
			defer res.Body.Close()
			var f nodeapi.Failure
			must(t, json.NewDecoder(res.Body).Decode(&f))
			if res.StatusCode != test.status || f.Error.Key != test.key {
				t.Errorf("answer = %d %s, want %d %s", res.StatusCode, f.Error.Key, test.status, test.key)
			}
		})
	}
	lying := x
	lying.Size = 999
	must(t, r.client().PutPiece(t.Context(), x.ID()[:32], hash, pieces[hash]))
	if _, err := r.client().Commit(t.Context(), x.ID()[:32], lying); !errors.Is(err, fault.Invalid("node.piece_size")) {
		t.Errorf("an index with another size = %v, want node.piece_size", err)
	}
}

// TestLimits meets every limit of a node and sees it recover from each.
func TestLimits(t *testing.T) {
	c := newCollective(t)
	free := durable.Disk{Free: 10 << 30, Total: 20 << 30}
	var mu sync.Mutex
	cfg := c.config(t.TempDir())
	cfg.Limits = node.Limits{ParcelBytes: 2000, OpenUploads: 2, OpenBytes: 3000, FreeBytes: 1 << 30}
	cfg.FreeDisk = func(string) (durable.Disk, error) { mu.Lock(); defer mu.Unlock(); return free, nil }
	r := start(t, cfg)
	n := r.client()
	put := func(upload byte, size int) error {
		b := make([]byte, size)
		rand.Read(b)
		return n.PutPiece(t.Context(), strings.Repeat(string(upload), 32), canon.Hash(b), b)
	}
	refuse := func(what, key string, err error) {
		t.Helper()
		if f, ok := fault.Of(err); !ok || f.Key != key {
			t.Errorf("%s = %v, want %s", what, err, key)
		}
	}
	must(t, put('a', 1500))
	refuse("more than a parcel", "node.parcel_too_large", put('a', 600))
	must(t, put('b', 1400))
	refuse("a third upload", "node.too_many_uploads", put('c', 1))
	refuse("more bytes than all uploads may have", "node.full", put('b', 200))
	must(t, put('b', 90))

	mu.Lock()
	free.Free = 1 << 30
	mu.Unlock()
	refuse("a full disk", "node.disk_full", put('b', 1))
	if info, err := n.Node(t.Context()); err != nil || info.Accepting || info.RetryAfter == 0 {
		t.Errorf("Node on a full disk = %+v, %v", info, err)
	}
	res, _ := get(t, r.url+"/healthz")
	if res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("healthz on a full disk = %d", res.StatusCode)
	}
	mu.Lock()
	free.Free = 10 << 30
	mu.Unlock()
	must(t, put('b', 1))
	if info, err := n.Node(t.Context()); err != nil || !info.Accepting {
		t.Errorf("Node = %+v, %v", info, err)
	}
}

// TestCommitLeavesTheRest: pieces that no parcel took count against the limits
// after any commit under the upload's name.
func TestCommitLeavesTheRest(t *testing.T) {
	c := newCollective(t)
	cfg := c.config(t.TempDir())
	cfg.Limits.OpenBytes = 1 << 20
	client := start(t, cfg).client()
	x, pieces := sealed(t, 300_000)
	upload(t, client, x, pieces)
	const name = "abcdefabcdefabcdefabcdefabcdefab"
	fill := func(i int) error {
		piece := make([]byte, 256<<10)
		piece[0] = byte(i)
		return client.PutPiece(t.Context(), name, canon.Hash(piece), piece)
	}
	for i := range 4 {
		must(t, fill(i))
	}
	for range 2 {
		if err := fill(5); !errors.Is(err, fault.Later("node.full")) {
			t.Errorf("a piece too much: %v", err)
		}
		if _, err := client.Commit(t.Context(), name, x); err != nil { // another parcel than these pieces'
			t.Fatal(err)
		}
	}
}

// TestRetryAfter shows that a refusal that ends by itself says when.
func TestRetryAfter(t *testing.T) {
	c := newCollective(t)
	cfg := c.config(t.TempDir())
	cfg.FreeDisk = func(string) (durable.Disk, error) { return durable.Disk{Total: 1}, nil }
	r := start(t, cfg)
	req, err := http.NewRequestWithContext(t.Context(), "PUT", r.url+nodeapi.Base+"/uploads/"+strings.Repeat("a", 32)+"/pieces/"+canon.Hash([]byte("x")), strings.NewReader("x"))
	must(t, err)
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	res.Body.Close()
	if res.StatusCode != http.StatusInsufficientStorage || res.Header.Get("Retry-After") == "" {
		t.Errorf("answer = %d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
	}
}

// TestExpiry moves the clock: idle uploads go, parcels stay.
func TestExpiry(t *testing.T) {
	c := newCollective(t)
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	cfg := c.config(t.TempDir())
	cfg.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	pass := func(days int) { mu.Lock(); defer mu.Unlock(); now = now.AddDate(0, 0, days) }
	r := start(t, cfg)
	n := r.client()
	kept, keptPieces := sealed(t, 1000)
	upload(t, n, kept, keptPieces)
	idle, idlePieces := sealed(t, 1000)
	name := idle.ID()[:32]
	must(t, n.PutPiece(t.Context(), name, idle.Pieces[0], idlePieces[idle.Pieces[0]]))
	for _, step := range []struct{ days, want int }{{13, 1}, {1, 1}, {1, 0}} {
		pass(step.days)
		must(t, r.Tidy(t.Context()))
		have, err := n.Have(t.Context(), name)
		if err != nil || len(have.Pieces) != step.want {
			t.Errorf("after %d more days: pieces = %d, %v, want %d", step.days, len(have.Pieces), err, step.want)
		}
	}
	pass(4000)
	must(t, r.Tidy(t.Context()))
	desk := r.desk(c)
	if _, err := desk.Parcels(t.Context()); !errors.Is(err, fault.Forbidden("nodeapi.desk_clock")) {
		t.Errorf("a desk whose clock is years behind: %v, want nodeapi.desk_clock", err)
	}
	list, err := r.client(nodeapi.WithDesk(c.deskKey), nodeapi.WithClock(cfg.Now)).Parcels(t.Context())
	if err != nil || len(list) != 1 {
		t.Errorf("Parcels after years = %v, %v, want one", list, err)
	}
}

// TestSlowClients shows that who brings nothing is sent away, and who brings a
// little all the time is not.
func TestSlowClients(t *testing.T) {
	c := newCollective(t)
	defer node.SetGrace(300 * time.Millisecond)()
	cfg := c.config(t.TempDir())
	cfg.Limits.SlowestBytes = 1000
	r := start(t, cfg)
	piece := make([]byte, 3000)
	rand.Read(piece)
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		must(t, err)
		fmt.Fprintf(conn, "PUT %s/uploads/%s/pieces/%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
			nodeapi.Base, strings.Repeat("a", 32), canon.Hash(piece), len(piece))
		return conn
	}
	silent, steady := dial(), dial()
	defer silent.Close()
	defer steady.Close()
	go func() {
		for i := 0; i < len(piece); i += 200 { // 2000 bytes a second
			time.Sleep(100 * time.Millisecond)
			steady.Write(piece[i:min(i+200, len(piece))])
		}
	}()
	for name, conn := range map[string]net.Conn{"408": silent, "201": steady} {
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		b := make([]byte, 12)
		if _, err := io.ReadFull(conn, b); err != nil || string(b[9:]) != name {
			t.Errorf("answer = %q, %v, want %s", b, err, name)
		}
	}
}

// TestBusy fills every place with callers that hang, and sees that the next one
// is told to come back, and that the places come free again.
func TestBusy(t *testing.T) {
	c := newCollective(t)
	cfg := c.config(t.TempDir())
	cfg.Limits.Pieces = 2
	r := start(t, cfg)
	var held []net.Conn
	for range 2 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		must(t, err)
		fmt.Fprintf(conn, "PUT %s/uploads/%s/pieces/%s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", nodeapi.Base, strings.Repeat("a", 32), canon.Hash([]byte("hello")))
		b := make([]byte, 12)
		_, err = io.ReadFull(conn, b) // "HTTP/1.1 100": it has its place and reads
		must(t, err)
		held = append(held, conn)
	}
	put := func() error {
		return r.client().PutPiece(t.Context(), strings.Repeat("b", 32), canon.Hash([]byte("x")), []byte("x"))
	}
	if err := put(); !errors.Is(err, fault.Later("node.busy")) {
		t.Errorf("PutPiece = %v, want node.busy", err)
	}
	for _, conn := range held {
		conn.Close()
	}
	var err error
	for range 100 {
		if err = put(); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("the places did not come free: %v", err)
}

// TestTooManyCalls shows that one connection cannot call without end, and that
// another one is not touched by it.
func TestTooManyCalls(t *testing.T) {
	c := newCollective(t)
	cfg := c.config(t.TempDir())
	cfg.Limits.CallsPerConn = 5
	r := start(t, cfg)
	one := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	status := func() int {
		res, err := one.Get(r.url + nodeapi.Base + "/node")
		must(t, err)
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		return res.StatusCode
	}
	last := 0
	for range 30 {
		last = status()
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("after 30 calls at once: %d, want 429", last)
	}
	if res, _ := get(t, r.url+nodeapi.Base+"/node"); res.StatusCode != http.StatusOK {
		t.Errorf("another connection: %d", res.StatusCode)
	}
}
