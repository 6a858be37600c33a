package desk

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"kua/internal/casefile"

	"kua/internal/charter"
	"kua/internal/node"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
	"kua/internal/tlog"
	"kua/internal/verify"
	"kua/internal/witness"
)

// house is a node as it runs, at an address that its charter already names.
type house struct {
	server *httptest.Server
	dir    string
	key    string
	now    http.Handler
	node   *node.Node
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{dir: t.TempDir()}
	key, err := node.EnsureKey(h.dir)
	ok(t, err)
	h.key = key
	h.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.now.ServeHTTP(w, r) }))
	t.Cleanup(h.server.Close)
	return h
}

func (h *house) start(t testing.TB, chain charter.Chain) {
	t.Helper()
	n, err := node.New(context.Background(), node.Config{Dir: h.dir, Chain: chain})
	ok(t, err)
	t.Cleanup(func() { n.Close() })
	mux := http.NewServeMux()
	mux.Handle(nodeapi.Base+"/", n.Handler())
	mux.Handle("/", n.Files())
	h.node, h.now = n, mux
}

// TestRoadThroughNode walks the whole road with a real node: a witness sends, the
// desk collects and publishes, the witness reads the reply at the node, and a
// stranger verifies what the node serves. Then a second edition and a new person.
func TestRoadThroughNode(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	c := newCollectiveAt(t, h.server.URL, h.key)
	h.start(t, c.chain)
	now, err := c.chain.Verify("")
	ok(t, err)
	client := nodeapi.NewClient(h.server.URL, nodeapi.WithNodeKey(h.key))
	send := func(files ...[]byte) told {
		sealed, report := c.seal(now.Recipients(), parcel.Consent{}, files...)
		upload := report.keys.Mailbox // any 32 hex characters
		x, err := parcel.Split(bytes.NewReader(sealed), func(_ int, hash string, piece []byte) error {
			return client.PutPiece(ctx, upload, hash, piece)
		})
		ok(t, err)
		done, err := client.Commit(ctx, upload, x)
		ok(t, err)
		report.id = done.Parcel
		return report
	}
	first := send(photo(t), noise(3<<20, 9))
	d := c.open(c.aigul)
	got, err := d.Collect(ctx, nil)
	ok(t, err)
	if got.Whole != 1 || got.Nodes[0].Err != nil {
		t.Fatalf("Collect = %+v", got)
	}
	if list, err := d.nodeOf(t).parcels(ctx); err != nil || len(list) != 0 {
		t.Errorf("after collecting the node lists %v, %v", list, err)
	}
	aigul := c.sit(d, c.aigul)
	ok(t, d.WaitIdle(ctx))
	r, err := aigul.Report(ctx, first.id)
	ok(t, err)
	id, err := aigul.OpenCase(ctx, first.id)
	ok(t, err)
	c.render(aigul, r.Originals[0].ID)
	draft, base, err := d.Draft(ctx, id)
	ok(t, err)
	if len(draft.Media) != 1 {
		t.Errorf("the draft shows %d originals, want the photo alone", len(draft.Media))
	}
	fill(&draft)
	_, err = aigul.SaveDraft(ctx, id, draft, base)
	ok(t, err)
	reply, err := aigul.Reply(ctx, id, first.id, canaryReply)
	if err != nil || reply.Unsent() {
		t.Errorf("Reply = %+v, %v", reply, err)
	}
	texts, err := witness.Replies(ctx, client, first.receipt)
	if err != nil || len(texts) != 1 || texts[0] != canaryReply {
		t.Errorf("the witness reads %q, %v", texts, err)
	}
	c.brought(d, h, id)

	second := send()
	_, err = d.Collect(ctx, nil)
	ok(t, err)
	next := c.casework(aigul, second.id)
	ok(t, d.UpdateCharter(ctx, c.aigul, c.next(func(next *charter.Charter) { next.People = append(next.People, c.dana.Public("2026-11-21")) })))
	ok(t, d.Rewrap(ctx, c.aigul, nil))
	c.brought(d, h, next)
	third, err := aigul.ProposeWithdrawal(ctx, id, map[string]string{"en": "asked for", "ru": "по просьбе"})
	ok(t, err)
	_, err = c.sit(d, c.dana).Approve(ctx, third.ID, casefile.Checklist())
	ok(t, err)
	brought := 0
	crashHook = func(point string) { // a file of the node's log goes bad by itself, and is mended
		if point != "push: log brought" {
			return
		}
		if brought++; brought > 1 {
			return
		}
		cp, err := d.checkpoint()
		ok(t, err)
		name := filepath.Join(h.dir, "edition", "log", filepath.FromSlash(tlog.TilePath(0, 0, int(cp.Size))))
		b, err := os.ReadFile(name)
		ok(t, err)
		b[0] ^= 1
		ok(t, os.WriteFile(name, b, 0o600))
	}
	defer func() { crashHook = nil }()
	_, err = d.Publish(ctx, nil)
	ok(t, err)
	ok(t, d.WaitIdle(ctx))
	if brought != 1 {
		t.Errorf("the log was mended only when it was brought for the %d. time", brought)
	}
	c.served(d, h)
}

func (d *Desk) nodeOf(t testing.TB) *nodeClient {
	n, err := d.client(d.Charter().Nodes[0])
	ok(t, err)
	return n
}

// brought publishes a case and checks what the node serves then.
func (c *collective) brought(d *Desk, h *house, id int64) {
	c.t.Helper()
	out := c.publish(d, id)
	if out.Nodes[0].Behind || out.Nodes[0].Fault != nil {
		c.t.Fatalf("Publish = %+v", out)
	}
	c.served(d, h)
}

func (c *collective) served(d *Desk, h *house) {
	c.t.Helper()
	c.verify(d)
	src, err := verify.HTTP(h.server.URL, h.server.Client())
	ok(c.t, err)
	report, err := verify.Edition(context.Background(), src, verify.Options{Now: today})
	ok(c.t, err)
	now, err := d.edition()
	ok(c.t, err)
	if report.Result != verify.OK || report.Edition != now.number {
		c.t.Errorf("at the node verify says %v of edition %d: %+v", report.Result, report.Edition, report.Findings)
	}
}
