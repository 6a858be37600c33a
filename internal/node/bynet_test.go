package node_test

import (
	"crypto/ed25519"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/courier"
	"kua/internal/fault"
	"kua/internal/nodeapi"
)

// TestCourierByNet has a courier bring the desk's calls by net, days after they were
// signed: the node does them and signs for them, and the folder carries its word back.
// What the desk did not sign for this road is not done, and nothing that a node only
// refuses leaves the folder.
func TestCourierByNet(t *testing.T) {
	c := newCollective(t)
	n := start(t, c.config(t.TempDir()))
	ctx, day := t.Context(), time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -20)
	x, pieces := sealed(t, 300_000)
	upload(t, n.client(), x, pieces)
	net := nodeapi.NewClient(n.url, nodeapi.WithNodeKey(n.Key()), nodeapi.WithTries(1, 0))
	waits := func(f *courier.Folder, node *nodeapi.Client, what, key string) {
		t.Helper()
		got, err := f.Bring(ctx, node, n.Key(), nil)
		must(t, err)
		if got.Done != 0 || got.Waiting != 1 || len(got.Aside) != 1 {
			t.Fatalf("%s: %+v", what, got)
		}
		if ft, ok := fault.Of(got.Aside[0].Err); !ok || ft.Key != key {
			t.Errorf("%s: %v, want %s", what, got.Aside[0].Err, key)
		}
		if calls, err := f.Calls(n.Key()); err != nil || len(calls) != 1 {
			t.Errorf("%s: the folder keeps %v, %v", what, calls, err)
		}
	}

	_, stranger, err := ed25519.GenerateKey(nil)
	must(t, err)
	for _, bad := range []struct {
		what, key string
		desk      ed25519.PrivateKey
		at        time.Time
	}{
		{"a stranger's", "nodeapi.desk_unknown", stranger, day},
		{"one of two months ago", "nodeapi.desk_clock", c.deskKey, day.AddDate(0, 0, 18-nodeapi.CarriedDays)},
		{"one that was signed for the net", "nodeapi.desk_clock", c.deskKey, day.Add(8*time.Hour + 1*time.Second)},
	} {
		f, _ := folder(t)
		isCarried(t, bad.what, by(t, f, n, bad.desk, bad.at).Forget(ctx, x.ID()))
		waits(f, net, bad.what, bad.key)
	}

	f, dir := folder(t)
	desk := by(t, f, n, c.deskKey, day)
	reply := make([]byte, nodeapi.SlotBytes)
	isCarried(t, "PutReply", desk.PutReply(ctx, "7f", reply))
	must(t, filepath.WalkDir(filepath.Join(dir, "bodies"), func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			err = os.WriteFile(p, []byte("other"), 0o600)
		}
		return err
	}))
	waits(f, net, "a spoilt body", "blob.wrong_hash")
	waits(f, net, "no body", "courier.no_body")
	isCarried(t, "PutReply", desk.PutReply(ctx, "7f", reply))
	apart := c.config(t.TempDir())
	apart.DeskApart = true
	waits(f, nodeapi.NewClient(start(t, apart).url, nodeapi.WithTries(1, 0)), "a node with a door for the desk", "courier.only_there")

	next := c.publish(t, c.pages(t, "by a courier's net"))
	c.bring(t, desk)
	isCarried(t, "Switch", desk.Switch(ctx, next))
	isCarried(t, "Forget", desk.Forget(ctx, x.ID()))
	got, err := f.Bring(ctx, net, n.Key(), nil)
	if err != nil || got.Done < 4 || got.Waiting != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if r, b := get(t, n.url+"/index.html"); r.StatusCode != http.StatusOK || !strings.Contains(string(b), "by a courier's net") {
		t.Errorf("%d %s", r.StatusCode, b)
	}
	if list, err := n.desk(c).Parcels(ctx); err != nil || len(list) != 0 {
		t.Errorf("the node keeps %v, %v", list, err)
	}
	if s, err := desk.Edition(ctx); err != nil || s.Manifest != canon.Hash([]byte(next.Manifest)) {
		t.Errorf("the node's word: %+v, %v", s, err)
	}
	must(t, desk.PutReply(ctx, "7f", reply)) // done, says the node
	must(t, desk.Forget(ctx, x.ID()))
	if at, err := desk.Met(ctx); err != nil || !at.IsZero() {
		t.Errorf("nothing was given along, and the desk would take it for collected: %v, %v", at, err)
	}

	// Nothing is read by this road, however well it is signed.
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+nodeapi.Base+"/desk/parcels", nil)
	must(t, err)
	must(t, nodeapi.Authorise(r, c.deskKey, n.Key(), canon.Hash(nil), day))
	r.URL.Path = nodeapi.Base + nodeapi.CarriedBase + "/desk/parcels"
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode/100 == 2 {
		t.Errorf("a list of parcels: %s", resp.Status)
	}
}
