package node_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/courier"
	"kua/internal/fault"
	"kua/internal/node"
	"kua/internal/nodeapi"
)

func folder(t *testing.T) (*courier.Folder, string) {
	t.Helper()
	dir := t.TempDir()
	f, err := courier.Open(dir, true)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f, dir
}

// by gives a client that writes calls into a folder, signed with a desk's key.
func by(t *testing.T, f *courier.Folder, n *running, desk ed25519.PrivateKey, at time.Time) *nodeapi.Client {
	t.Helper()
	h, err := f.HTTP()
	must(t, err)
	return nodeapi.NewClient(courier.Address, nodeapi.WithHTTP(h), nodeapi.WithNodeKey(n.Key()), nodeapi.WithDesk(desk), nodeapi.WithTries(1, 0),
		nodeapi.WithClock(func() time.Time { return at }))
}

func isCarried(t *testing.T, what string, err error) {
	t.Helper()
	if f, ok := fault.Of(err); !ok || f.Key != "courier.carried" {
		t.Fatalf("%s: %v, want courier.carried", what, err)
	}
}

// TestExchange has a desk publish, answer and take parcels by way of two folders of
// which one lost half, and a stranger say things in its name.
func TestExchange(t *testing.T) {
	c := newCollective(t)
	n := start(t, c.config(t.TempDir()))
	ctx, now := t.Context(), time.Now()
	x, pieces := sealed(t, 600_000)
	upload(t, n.client(), x, pieces)

	f, dir := folder(t)
	desk := by(t, f, n, c.deskKey, now.Truncate(24*time.Hour))
	next := c.publish(t, c.pages(t, "by hand"))
	c.bring(t, desk)
	isCarried(t, "Switch", desk.Switch(ctx, next))
	reply := make([]byte, nodeapi.SlotBytes)
	isCarried(t, "PutReply", desk.PutReply(ctx, "7f", reply))
	whole, _ := folder(t)
	if _, err := whole.Join(ctx, f); err != nil {
		t.Fatal(err)
	}

	// A file of the edition is lost on the way: nothing is half published.
	lost := 0
	must(t, filepath.WalkDir(filepath.Join(dir, "bodies"), func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() == canon.Hash(c.files["index.html"]) {
			lost++
			err = os.Remove(p)
		}
		return err
	}))
	if lost != 1 {
		t.Fatal("nothing was lost")
	}
	got, err := n.Exchange(ctx, f, nil)
	must(t, err)
	if got.Parcels != 1 || got.Waiting != 2 || got.Calls == 0 {
		t.Errorf("%+v", got)
	}
	if r, _ := get(t, n.url+"/index.html"); r.StatusCode != http.StatusNotFound {
		t.Errorf("half an edition is served: %d", r.StatusCode)
	}
	if s, err := desk.Edition(ctx); err != nil || s.Number != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	must(t, desk.PutReply(ctx, "7f", reply)) // the node's word is back
	if list, err := desk.Parcels(ctx); err != nil || len(list) != 1 || list[0].ID != x.ID() {
		t.Errorf("%+v, %v", list, err)
	}

	// Another is damaged: it is taken out, so that it can come again.
	page := filepath.Join(dir, "bodies", canon.Hash(c.files["en/index.html"])[:2], canon.Hash(c.files["en/index.html"]))
	if _, err := f.Join(ctx, whole); err != nil {
		t.Fatal(err)
	}
	_, err = os.Stat(page)
	if wasThere := err == nil; wasThere { // its call was done before
		t.Errorf("the body of a call that was done is still there")
	}
	must(t, os.Remove(filepath.Join(dir, "bodies", canon.Hash(c.files["index.html"])[:2], canon.Hash(c.files["index.html"]))))
	must(t, os.WriteFile(filepath.Join(dir, "bodies", canon.Hash(c.files["index.html"])[:2], canon.Hash(c.files["index.html"])), []byte("other"), 0o600))
	if got, err = n.Exchange(ctx, f, nil); err != nil || got.Waiting != 2 {
		t.Errorf("%+v, %v", got, err)
	}

	// The other folder has it.
	if _, err := f.Join(ctx, whole); err != nil {
		t.Fatal(err)
	}
	if got, err = n.Exchange(ctx, f, nil); err != nil || got.Waiting != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if r, b := get(t, n.url+"/index.html"); r.StatusCode != http.StatusOK || !strings.Contains(string(b), "by hand") {
		t.Errorf("%d %s", r.StatusCode, b)
	}
	if s, err := desk.Edition(ctx); err != nil || s.Number != 1 || s.Manifest != canon.Hash([]byte(next.Manifest)) {
		t.Errorf("%+v, %v", s, err)
	}
	if missing, err := desk.Missing(ctx, []string{canon.Hash(c.files["index.html"]), strings.Repeat("0", 64)}); err != nil || len(missing) != 1 {
		t.Errorf("what the node has would be carried again: %v, %v", missing, err)
	}

	// The desk says that it holds the parcel.
	isCarried(t, "Forget", desk.Forget(ctx, x.ID()))
	if got, err = n.Exchange(ctx, f, nil); err != nil || got.Calls != 1 || got.Parcels != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	must(t, desk.Forget(ctx, x.ID()))
	t.Run("signed", func(t *testing.T) { carriedCallsAreSigned(t, c, n) })
}

// carriedCallsAreSigned holds that a folder gives nobody a power that the net
// does not: strangers' and old calls are not done, and what was signed for the road
// by hand is not taken by net.
func carriedCallsAreSigned(t *testing.T, c *collective, n *running) {
	ctx, now := t.Context(), time.Now()
	x, pieces := sealed(t, 300_000)
	upload(t, n.client(), x, pieces)
	_, stranger, err := ed25519.GenerateKey(nil)
	must(t, err)
	made, err := time.Parse(time.RFC3339, c.manifest.Made)
	must(t, err)
	for _, test := range []struct {
		name, key string
		desk      ed25519.PrivateKey
		at        time.Time
		stays     int
	}{
		{"a stranger's", "nodeapi.desk_unknown", stranger, now, 0},
		{"from long before the edition", "nodeapi.desk_clock", c.deskKey, made.AddDate(0, 0, -nodeapi.CarriedDays-1), 0},
		{"by a clock that is a year ahead, or the node's is behind", "nodeapi.desk_clock", c.deskKey, now.AddDate(1, 0, 0), 1},
	} {
		f, _ := folder(t)
		desk := by(t, f, n, test.desk, test.at)
		isCarried(t, test.name, desk.Forget(ctx, x.ID()))
		got, err := n.Exchange(ctx, f, nil)
		must(t, err)
		if ft, ok := fault.Of(errors.Join(aside(got)...)); got.Calls != 0 || got.Waiting != test.stays || !ok || ft.Key != test.key {
			t.Errorf("%s: %+v", test.name, got)
		}
		if calls, err := f.Calls(n.Key()); err != nil || len(calls) != test.stays {
			t.Errorf("%s: in the folder stay %v, %v", test.name, calls, err)
		}
		isCarried(t, test.name, desk.Forget(ctx, x.ID())) // nobody says that it was done
	}

	// A second desk comes before the charter that names it came by the first.
	later, err := c.charter.Next(today)
	must(t, err)
	later.Desks = append(later.Desks, base64.StdEncoding.EncodeToString(stranger.Public().(ed25519.PublicKey)))
	second, _ := folder(t)
	must(t, second.PutChain(append(slices.Clone(c.chain), c.sign(t, later))))
	isCarried(t, "the second desk's", by(t, second, n, stranger, now).PutReply(ctx, "7f", make([]byte, nodeapi.SlotBytes)))
	if got, err := n.Exchange(ctx, second, nil); err != nil || got.Calls != 1 {
		t.Errorf("the second desk's answer: %+v, %v", got, err)
	}

	// Days old, and good by hand; by net it is refused.
	f, _ := folder(t)
	isCarried(t, "Forget", by(t, f, n, c.deskKey, now.AddDate(0, 0, -20)).Forget(ctx, x.ID()))
	calls, err := f.Calls(n.Key())
	if err != nil || len(calls) != 1 {
		t.Fatal(calls, err)
	}
	r, err := http.NewRequestWithContext(ctx, calls[0].Method, n.url+calls[0].Path, nil)
	must(t, err)
	r.Header.Set("Authorization", calls[0].Authorization)
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	b, err := io.ReadAll(resp.Body)
	must(t, errors.Join(err, resp.Body.Close()))
	if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(string(b), "desk_clock") {
		t.Errorf("by net: %d %s", resp.StatusCode, b)
	}
	if got, err := n.Exchange(ctx, f, nil); err != nil || got.Calls != 1 || got.Parcels != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func aside(x node.Exchanged) (errs []error) {
	for _, a := range x.Aside {
		errs = append(errs, a.Err)
	}
	return errs
}
