package desk

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/nodeapi"
	"kua/internal/onion"
	"kua/internal/parcel"
	"kua/internal/witness"
)

// torProject is a genuine onion address: the Tor Project's.
const torProject = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"

// TestRaid is a raid: a node is copied while a report is arriving, struck off
// and replaced. The copy holds nothing that can be read, no record and no report
// is lost, what was half sent goes on at the other node, and what the thief signs
// is not believed.
func TestRaid(t *testing.T) {
	ctx := context.Background()
	old, other := newHouse(t), newHouse(t)
	c := newCollectiveAt(t, old.server.URL, old.key)
	old.start(t, c.chain)
	now, err := c.chain.Verify("")
	ok(t, err)
	d := c.open(c.aigul)
	aigul := c.sit(d, c.aigul)

	// One report is published, and answered, before the raid.
	sealed, told := c.seal(now.Recipients(), parcel.Consent{})
	at := nodeapi.NewClient(old.server.URL, nodeapi.WithNodeKey(old.key), nodeapi.WithTries(1, 0))
	file := filepath.Join(t.TempDir(), "first.kua")
	ok(t, os.WriteFile(file, sealed, 0o600))
	first, err := witness.Send(ctx, at, file, nil)
	ok(t, err)
	_, err = d.Collect(ctx, nil)
	ok(t, err)
	one := c.casework(aigul, first.Parcel)
	_, err = aigul.Reply(ctx, one, first.Parcel, canaryReply)
	ok(t, err)
	c.brought(d, old, one)

	// Another is half there when the node is copied.
	sealed, _ = c.seal(now.Recipients(), parcel.Consent{}, noise(3<<20, 7))
	file = filepath.Join(t.TempDir(), "second.kua")
	ok(t, os.WriteFile(file, sealed, 0o600))
	index, err := parcel.Split(bytes.NewReader(sealed), nil)
	ok(t, err)
	if len(index.Pieces) < 6 {
		t.Fatalf("only %d pieces", len(index.Pieces))
	}
	piece := func(n int) []byte { return sealed[int64(n)*parcel.PieceBytes:][:index.PieceSize(n)] }
	for n := range len(index.Pieces) / 2 {
		ok(t, at.PutPiece(ctx, nodeapi.Upload(index), index.Pieces[n], piece(n)))
	}
	raided := t.TempDir()
	ok(t, os.CopyFS(raided, os.DirFS(old.dir)))
	for _, secret := range []string{canaryText, canaryName, canaryReply, "AGE-SECRET-KEY"} {
		if name := holding(t, raided, secret); name != "" {
			t.Errorf("%s can be read in %s", secret, name)
		}
	}

	// It is struck off and another is named. The desk is told, and tells it.
	// Some pieces have come to the other by another road.
	chain := c.next(func(next *charter.Charter) {
		struck, err := next.Strike(old.key, "2026-11-21")
		ok(t, err)
		struck.Nodes = append(struck.Nodes, charter.Node{URL: other.server.URL, Key: other.key})
		*next = struck
	})
	ok(t, d.UpdateCharter(ctx, c.aigul, chain))
	other.start(t, chain)
	there := nodeapi.NewClient(other.server.URL, nodeapi.WithNodeKey(other.key), nodeapi.WithTries(1, 0))
	last := len(index.Pieces) - 1
	ok(t, there.PutPiece(ctx, nodeapi.Upload(index), index.Pieces[last], piece(last)))
	sent, err := witness.Send(ctx, there, file, nil)
	ok(t, err)
	if sent.Already != index.PieceSize(last) || sent.Parcel != index.ID() {
		t.Errorf("of what was half sent, %+v", sent)
	}

	// Nothing is lost: the second report, the reply and the edition are at the other node.
	got, err := d.Collect(ctx, nil)
	ok(t, err)
	if got.Whole != 1 || len(got.Nodes) != 1 || got.Nodes[0].URL != other.server.URL || got.Nodes[0].Err != nil {
		t.Errorf("Collect = %+v", got)
	}
	texts, err := witness.Replies(ctx, there, told.receipt)
	if err != nil || len(texts) != 1 || texts[0] != canaryReply {
		t.Errorf("the witness reads %q, %v", texts, err)
	}
	if out := c.publish(d); out.Nodes[0].Behind || out.Nodes[0].Fault != nil { // the edition, renewed under the new charter
		t.Errorf("Publish = %+v", out)
	}
	c.served(d, other)
	if b, err := os.ReadFile(filepath.Join(d.Tree(), "records", "0000", "000001", "v1.json")); err != nil || !other.node.Has(ctx, "/records/0000/000001/v1.json") {
		t.Errorf("the record of before: %d bytes, %v", len(b), err)
	}

	// The thief signs on with the old key, and does not tell of the new charter.
	stolen, err := witness.Send(ctx, at, file, nil)
	ok(t, err)
	newest, err := chain.Verify("")
	ok(t, err)
	if err := newest.Named(old.key); !errors.Is(err, fault.Forbidden("charter.node_struck")) {
		t.Errorf("a witness who knows the newest charter: %v, want charter.node_struck", err)
	}
	if err := chain.Signed(stolen.Acknowledgement.Node, stolen.Acknowledgement.Day); !errors.Is(err, fault.Forbidden("charter.node_struck")) {
		t.Errorf("what it signs now: %v, want charter.node_struck", err)
	}
	if err := chain.Signed(old.key, "2026-11-20"); err != nil {
		t.Errorf("what it signed the day before: %v", err)
	}
}

// holding gives the first file below dir that holds text.
func holding(t *testing.T, dir, text string) (name string) {
	t.Helper()
	ok(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || name != "" {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			name = path
		}
		return err
	}))
	return name
}

// TestSeveralNodes has one node away and another empty: the third is collected
// from, all that answer learn the newest charter without any edition, and what
// each lacks is said.
func TestSeveralNodes(t *testing.T) {
	ctx := context.Background()
	a, b := newHouse(t), newHouse(t)
	away := httptest.NewServer(nil)
	away.Close()
	c := newCollectiveAt(t, a.server.URL, a.key)
	a.start(t, c.chain)
	b.start(t, c.chain)
	d := c.open(c.aigul)
	chain := c.next(func(next *charter.Charter) {
		next.Nodes = append(next.Nodes, charter.Node{URL: b.server.URL, Key: b.key}, charter.Node{URL: away.URL, Key: c.dana.PublishKey()},
			charter.Node{URL: "http://" + torProject, Key: a.key}) // another address of the first
	})
	ok(t, d.UpdateCharter(ctx, c.aigul, chain))
	now, err := chain.Verify("")
	ok(t, err)
	sealed, _ := c.seal(now.Recipients(), parcel.Consent{})
	file := filepath.Join(t.TempDir(), "report.kua")
	ok(t, os.WriteFile(file, sealed, 0o600))
	if _, err := witness.Send(ctx, nodeapi.NewClient(b.server.URL, nodeapi.WithNodeKey(b.key)), file, nil); err != nil {
		t.Fatal(err)
	}
	got, err := d.Collect(ctx, nil)
	ok(t, err)
	if got.Whole != 1 || len(got.Nodes) != 3 {
		t.Fatalf("Collect = %+v", got)
	}
	for _, h := range []*house{a, b} {
		if held, _ := h.node.Charter(); held.Version != 2 {
			t.Errorf("%s holds version %d of the charter", h.server.URL, held.Version)
		}
	}
	nodes, err := d.Nodes(ctx)
	ok(t, err)
	for _, n := range nodes {
		if isAway := n.URL == away.URL; isAway != (n.Fault != nil) || isAway != n.Collected.IsZero() {
			t.Errorf("%+v", n)
		}
	}

	// What is whole here may go; what does not answer is not said to be empty.
	ok(t, d.Emptied(ctx, b.key))
	if err := d.Emptied(ctx, c.dana.PublishKey()); !errors.Is(err, fault.Later("desk.node_away")) {
		t.Errorf("Emptied of a node that is away = %v", err)
	}
	d.cfg.Reserve = 1 << 62 // no room: what is there stays there
	more, _ := c.seal(now.Recipients(), parcel.Consent{}, noise(1<<20, 3))
	ok(t, os.WriteFile(file, more, 0o600))
	if _, err := witness.Send(ctx, nodeapi.NewClient(b.server.URL, nodeapi.WithNodeKey(b.key)), file, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.Emptied(ctx, b.key); !errors.Is(err, fault.Conflict("desk.node_not_empty")) {
		t.Errorf("Emptied of a node that holds something = %v", err)
	}
}

// TestDoors holds where a node is called: at its door, else by the road that the
// desk takes.
func TestDoors(t *testing.T) {
	c := newCollective(t)
	d := c.open(c.aigul)
	key := c.node.key()
	ok(t, d.UpdateCharter(context.Background(), c.aigul, c.next(func(next *charter.Charter) {
		next.Nodes = append(next.Nodes, charter.Node{URL: "http://" + torProject, Key: key})
	})))
	called := func() string {
		client, err := d.client(d.nodes()[0])
		ok(t, err)
		return client.URL()
	}
	if len(d.nodes()) != 1 || called() != c.node.url() {
		t.Errorf("without Tor %d nodes, called at %s", len(d.nodes()), called())
	}
	d.cfg.Tor = true
	if called() != "http://"+torProject {
		t.Errorf("with Tor called at %s", called())
	}
	roads, err := ReadRoads(c.dir)
	ok(t, err)
	const door = "http://duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion"
	for _, bad := range []string{"https://kua.example.org", "http://x.onion", door + "/path", strings.ToUpper(door), "duck.onion"} {
		if err := roads.Set(key, bad); err == nil {
			t.Errorf("%q is a door", bad)
		}
	}
	ok(t, roads.Set(key, door+"/"))
	if called() != door {
		t.Errorf("with a door called at %s", called())
	}
	public, err := OnionKey(c.dir)
	ok(t, err)
	keys, err := roads.Keys()
	ok(t, err)
	if got, err := onion.PublicClientKey(keys[0].Private); err != nil || got != public || "http://"+keys[0].Host != door {
		t.Errorf("the door's key is %+v, %v", keys, err)
	}
	for _, name := range []string{roadsFile, onionFile} {
		if info, err := os.Stat(filepath.Join(c.dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	ok(t, roads.Set(key, ""))
	if called() != "http://"+torProject {
		t.Errorf("forgotten, it is called at %s", called())
	}
	ok(t, os.WriteFile(filepath.Join(c.dir, roadsFile), []byte("{"), 0o600))
	if _, err := d.client(d.nodes()[0]); !errors.Is(err, fault.Corrupt("desk.doors_broken")) {
		t.Errorf("damaged: %v", err)
	}
	if _, err := OnionKey(t.TempDir()); !errors.Is(err, fault.NotFound("desk.none_here")) {
		t.Errorf("where no desk is: %v", err)
	}
}
