package desk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"kua/internal/casefile"
	"kua/internal/charter"
	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/keyring"
	"kua/internal/parcel"
	"kua/internal/seal"
)

// noise is n bytes that compress to nothing and repeat nowhere.
func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// TestReportFirst holds that every report can be read before the first film is
// here, and that what is here is not fetched again after a cut.
func TestReportFirst(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	big, small := c.tell(parcel.Consent{}, noise(4<<20, 1)), c.tell(parcel.Consent{})
	pieces := 0
	c.node.set(func() {
		c.node.fail = func(r *http.Request) int {
			if strings.Contains(r.URL.Path, "/pieces/") {
				if pieces++; pieces > 5 {
					return http.StatusBadGateway
				}
			}
			return 0
		}
	})
	d := c.open(c.aigul)
	got, err := d.Collect(ctx, nil)
	ok(t, err)
	if got.New != 2 || got.Whole != 1 || got.Arriving != 1 {
		t.Errorf("Collect = %+v; want the small one whole and the big one arriving", got)
	}
	for _, report := range []told{big, small} {
		r, err := d.Received(ctx, report.id)
		ok(t, err)
		if r.Report == nil || !strings.Contains(r.Report.Text, canaryText) {
			t.Errorf("the report of a parcel of %d bytes cannot be read after the first pieces", r.Size)
		}
	}
	if n, err := d.Counts(ctx); err != nil || n.Arriving != 1 || n.Unread != 2 {
		t.Errorf("Counts = %+v, %v", n, err)
	}
	if len(c.node.order) != 1 || c.node.order[0] != big.id {
		t.Error("the node was told to forget what is not whole, or to keep what is")
	}
	c.node.set(func() { c.node.fail = nil })
	got, err = d.Collect(ctx, nil)
	ok(t, err)
	if got.New != 0 || got.Whole != 1 {
		t.Errorf("second Collect = %+v", got)
	}
	again := 0
	for _, n := range c.node.asked {
		again += n - 1
	}
	if again >= fetchers {
		t.Errorf("%d pieces were fetched twice, want at most those that were under way at the cut", again)
	}
	c.intact(d, big)
}

// TestBadParcels holds that what cannot be opened becomes visible, is kept, and
// holds up nothing.
func TestBadParcels(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	stranger, err := keyring.NewPerson("Stranger")
	ok(t, err)
	now, err := c.chain.Verify("")
	ok(t, err)
	sealedText := func(text string) []byte {
		var b bytes.Buffer
		w, err := seal.Writer(&b, now.Recipients())
		ok(t, err)
		_, err = io.WriteString(w, text)
		ok(t, err)
		ok(t, w.Close())
		return b.Bytes()
	}
	cut := sealedText(strings.Repeat("x", 200_000))
	bad := map[string]string{
		c.tellTo([]string{stranger.Recipient()}, parcel.Consent{}).id:   "keyring.not_for_you",
		c.node.hold(t, []byte("this is no sealed file")):                "keyring.not_sealed",
		c.node.hold(t, noise(700_000, 3)):                               "keyring.not_sealed",
		c.node.hold(t, cut[:len(cut)-70_000]):                           "",
		c.node.hold(t, sealedText("sealed to the desk, but not a bag")): "",
	}
	good := c.tell(parcel.Consent{}, noise(100_000, 4))
	d := c.open(c.aigul)
	got, err := d.Collect(ctx, nil)
	ok(t, err)
	if got.Whole != 1 || got.Refused != len(bad) {
		t.Errorf("Collect = %+v, want 1 whole and %d refused", got, len(bad))
	}
	c.intact(d, good)
	for id, key := range bad {
		r, err := d.Received(ctx, id)
		ok(t, err)
		if r.Stage != casefile.Refused || r.Fault == "" || key != "" && r.Fault != key || !r.Unread {
			t.Errorf("%.8s: stage %s, fault %q (want %q), unread %t", id, r.Stage, r.Fault, key, r.Unread)
		}
		f, err := d.parcel(id).index()
		if err != nil || f.ID() != id {
			t.Errorf("the sealed bytes of %.8s are not kept: %v", id, err)
		}
	}
	if n, err := d.Counts(ctx); err != nil || n.Refused != len(bad) {
		t.Errorf("Counts = %+v, %v", n, err)
	}
	if len(c.node.order) != len(bad) {
		t.Errorf("the node holds %d parcels, want the %d refused ones", len(c.node.order), len(bad))
	}
}

// TestRefusedForOnePersonOpensForAnother: a parcel sealed to Timur alone is
// opened when he opens the desk.
func TestRefusedForOnePersonOpensForAnother(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	report := c.tellTo([]string{c.timur.Recipient()}, parcel.Consent{}, noise(50_000, 5))
	d := c.open(c.aigul)
	_, err := d.Collect(ctx, nil)
	ok(t, err)
	if r, err := d.Received(ctx, report.id); err != nil || r.Fault != "keyring.not_for_you" {
		t.Fatalf("Received = %+v, %v", r, err)
	}
	c.close(d)
	d = c.open(c.timur)
	got, err := d.Collect(ctx, nil)
	ok(t, err)
	if got.Whole != 1 {
		t.Fatalf("Collect = %+v", got)
	}
	c.close(d)
	d = c.open(c.aigul)
	c.intact(d, report)
}

// TestTwoNodes: one parcel at two nodes is one; a node that is away or lies
// holds nothing up, and both are told to forget.
func TestTwoNodes(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	other := newTestNode(t)
	away := newTestNode(t)
	away.server.Close()
	chain := c.next(func(next *charter.Charter) {
		for _, n := range []*testNode{other, away} {
			next.Nodes = append(next.Nodes, charter.Node{URL: n.url(), Key: n.key()})
		}
	})
	report := c.tell(parcel.Consent{}, noise(2<<20, 6))
	other.set(func() {
		other.indexes[report.id], other.order = c.node.indexes[report.id], []string{report.id}
		for hash, b := range c.node.pieces {
			other.pieces[hash] = b
		}
	})
	lie := func(_ string, piece []byte) []byte { return append([]byte{piece[0] ^ 1}, piece[1:]...) }
	c.node.set(func() { c.node.bend = lie })
	d := c.open(c.aigul)
	ok(t, d.UpdateCharter(ctx, c.aigul, chain))
	got, err := d.Collect(ctx, nil)
	ok(t, err)
	if got.New != 1 || got.Whole != 1 {
		t.Errorf("Collect = %+v", got)
	}
	for i, want := range []bool{true, true, false} {
		if answered := got.Nodes[i].Err == nil; answered != want {
			t.Errorf("node %d answered %t (%v), want %t", i, answered, got.Nodes[i].Err, want)
		}
	}
	if len(c.node.order)+len(other.order) != 0 {
		t.Error("a node still holds the parcel")
	}
	c.intact(d, report)
	nodes, err := d.Nodes(ctx)
	ok(t, err)
	if nodes[2].Fault == nil || nodes[0].Fault != nil {
		t.Errorf("Nodes = %+v", nodes)
	}
}

// TestOutbox: a reply written while every node is away is kept, counted and sent
// when one is back.
func TestOutbox(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	report := c.tell(parcel.Consent{})
	d := c.open(c.aigul)
	_, err := d.Collect(ctx, nil)
	ok(t, err)
	aigul := c.sit(d, c.aigul)
	id, err := aigul.OpenCase(ctx, report.id)
	ok(t, err)
	c.node.set(func() { c.node.fail = func(*http.Request) int { return http.StatusServiceUnavailable } })
	reply, err := aigul.Reply(ctx, id, report.id, canaryReply)
	ok(t, err)
	if !reply.Unsent() || len(reply.Sent) != 1 || reply.Sent[0].Fault == "" {
		t.Errorf("Reply = %+v", reply)
	}
	if n, err := d.Counts(ctx); err != nil || n.Unsent != 1 {
		t.Errorf("Counts = %+v, %v", n, err)
	}
	c.close(d)
	c.node.set(func() { c.node.fail = nil })
	d = c.open(c.timur)
	sent, left, err := d.SendReplies(ctx)
	ok(t, err)
	if sent != 1 || left != 0 {
		t.Errorf("SendReplies = %d sent, %d left", sent, left)
	}
	slots := c.node.replies[report.keys.Mailbox[:2]]
	text, err := keyring.OpenReply(slots[0], report.keys.ReplyIdentity)
	if err != nil || string(text) != canaryReply {
		t.Errorf("the witness reads %q, %v", text, err)
	}
	if n, err := d.Counts(ctx); err != nil || n.Unsent != 0 {
		t.Errorf("Counts = %+v, %v", n, err)
	}
	long := strings.Repeat("ә", seal.MaxReplyText)
	if _, err := c.sit(d, c.timur).Reply(ctx, id, report.id, long); !errors.Is(err, fault.TooLarge("seal.reply_too_long")) {
		t.Errorf("a reply that is too long gives %v", err)
	}
}

// TestOneCollectionAtATime also holds that an interrupted one leaves no lock.
func TestOneCollectionAtATime(t *testing.T) {
	c := newCollective(t)
	c.tell(parcel.Consent{}, noise(1<<20, 8))
	d := c.open(c.aigul)
	ctx, cancel := context.WithCancel(context.Background())
	var second error
	_, err := d.Collect(ctx, func(p Progress) {
		if p.Done > 0 {
			_, second = d.Collect(ctx, nil)
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || !errors.Is(second, fault.Conflict("desk.collecting")) {
		t.Errorf("Collect = %v, the one beside it %v", err, second)
	}
	got, err := d.Collect(context.Background(), nil)
	if err != nil || got.Whole != 1 {
		t.Errorf("Collect after an interruption = %+v, %v", got, err)
	}
}

// TestFullDisk leaves on the node what the disk has no room for, fetches what
// can be read before what may be nothing but bytes, and takes the rest when
// there is room.
func TestFullDisk(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	junk := c.node.hold(t, noise(600_000, 3)) // came first
	told := c.tell(parcel.Consent{}, noise(400_000, 4))
	free := uint64(1 << 30)
	d := c.open(c.aigul)
	d.cfg.Reserve, d.cfg.FreeDisk = 1<<30, func(string) (durable.Disk, error) { return durable.Disk{Free: free}, nil }
	got, err := d.Collect(ctx, nil)
	ok(t, err)
	if got.NoRoom != 2 || got.Arriving != 2 || got.Bytes != 0 || len(c.node.order) != 2 {
		t.Errorf("on a full disk: %+v", got)
	}
	d.cfg.FreeDisk = func(string) (durable.Disk, error) {
		r, err := d.Received(ctx, told.id)
		ok(t, err)
		if r.Stage == casefile.Whole { // the readable one has come: now the room ends
			return durable.Disk{}, nil
		}
		return durable.Disk{Free: 2 << 30}, nil
	}
	got, err = d.Collect(ctx, nil)
	ok(t, err)
	if got.Whole != 1 || got.NoRoom != 1 {
		t.Errorf("with room for one: %+v", got)
	}
	c.intact(d, told)
	d.cfg.FreeDisk = durable.FreeDisk
	got, err = d.Collect(ctx, nil)
	ok(t, err)
	if r, err := d.Received(ctx, junk); err != nil || r.Stage != casefile.Refused || got.NoRoom != 0 {
		t.Errorf("with room: %+v, %+v, %v", got, r, err)
	}
}
