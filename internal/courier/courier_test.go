package courier_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/courier"
	"kua/internal/edition/editiontest"
	"kua/internal/fault"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
)

func open(t testing.TB, dir string) *courier.Folder {
	t.Helper()
	f, err := courier.Open(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func client(t testing.TB, f *courier.Folder, opts ...nodeapi.Option) *nodeapi.Client {
	t.Helper()
	h, err := f.HTTP()
	if err != nil {
		t.Fatal(err)
	}
	return nodeapi.NewClient(courier.Address, append([]nodeapi.Option{nodeapi.WithHTTP(h), nodeapi.WithTries(1, time.Millisecond), nodeapi.WithWholePieces()}, opts...)...)
}

// sealed makes up bytes that are cut as a parcel is.
func sealed(t testing.TB, n int, seed byte) ([]byte, parcel.Index) {
	t.Helper()
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	x, err := parcel.Split(bytes.NewReader(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	return b, x
}

func pieces(b []byte, x parcel.Index) nodeapi.Pieces {
	return func(n int, _ []byte) ([]byte, error) { return b[int64(n)*parcel.PieceBytes:][:x.PieceSize(n)], nil }
}

func key(seed byte) (ed25519.PrivateKey, string) {
	k := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	return k, base64.StdEncoding.EncodeToString(k.Public().(ed25519.PublicKey))
}

func wants(t *testing.T, what string, err error, key string) {
	t.Helper()
	if f, ok := fault.Of(err); !ok || f.Key != key {
		t.Errorf("%s: %v, want %s", what, err, key)
	}
}

// files gives the names of all files below a folder.
func files(t testing.TB, dir string) (all []string) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, p)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestFolderIsNoNode holds that what a folder says it holds is its own word alone:
// a client that wants a node of a charter refuses it.
func TestFolderIsNoNode(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir())
	b, x := sealed(t, 700_000, 1)
	sent, err := client(t, f).Send(context.Background(), x, pieces(b, x), nil)
	if err != nil || sent.Bytes != x.Size {
		t.Fatal(sent, err)
	}
	again, err := client(t, f).Send(context.Background(), x, pieces(b, x), nil)
	if err != nil || again.Bytes != 0 || again.Acknowledgement.Node == sent.Acknowledgement.Node {
		t.Errorf("%+v, %v", again, err)
	}
	_, node := key(7)
	_, err = client(t, f, nodeapi.WithNodeKey(node)).Send(context.Background(), x, pieces(b, x), nil)
	wants(t, "a folder in a node's place", err, "nodeapi.bad_signature")
	if _, err := f.Receipt(x.ID(), node); err == nil {
		t.Error("a receipt that no node gave")
	}
}

// TestPartlyByNet leaves out of the folder what a node holds, and is refused
// without that.
func TestPartlyByNet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	b, x := sealed(t, 900_000, 2)
	f.Elsewhere(x.Pieces[:2])
	if _, err := client(t, f).Send(context.Background(), x, pieces(b, x), nil); err != nil {
		t.Fatal(err)
	}
	c, err := f.Show()
	if err != nil || len(c.Parcels) != 1 || c.Parcels[0].Missing != 2 {
		t.Errorf("%+v, %v", c, err)
	}
	lost := func(int, []byte) ([]byte, error) { return nil, fs.ErrNotExist }
	f.Elsewhere(nil)
	_, err = client(t, f).Send(context.Background(), x, lost, nil)
	wants(t, "a parcel of which pieces are missing", err, "nodeapi.pieces_missing")
}

// TestHostileFolder fills a folder with what a stranger could put there.
func TestHostileFolder(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), t.TempDir()
	f := open(t, dir)
	b, x := sealed(t, 900_000, 3)
	if _, err := client(t, f).Send(context.Background(), x, pieces(b, x), nil); err != nil {
		t.Fatal(err)
	}
	put := func(name string, b []byte) {
		t.Helper()
		p := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.RemoveAll(p), os.WriteFile(p, b, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	piece := func(n int) string { return filepath.Join("pieces", x.Pieces[n][:2], x.Pieces[n]) }
	put(piece(0), []byte("other bytes"))
	put(piece(1), bytes.Repeat([]byte{1}, parcel.PieceBytes+1))
	secret := filepath.Join(out, "secret")
	if err := os.WriteFile(secret, []byte("kanarejka"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, piece(2))), os.Symlink(secret, filepath.Join(dir, piece(2)))); err != nil {
		t.Fatal(err)
	}
	no := strings.Repeat("0", 64)
	put("parcels/"+no, []byte("not an index"))
	put("parcels/../escape", []byte("x"))
	put("autorun.inf", []byte("x"))
	put("mail/0123456789abcdef/7f", []byte("too short"))
	if err := syscall.Mkfifo(filepath.Join(dir, "parcels", strings.Repeat("1", 64)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(out, filepath.Join(dir, "bodies")); err != nil {
		t.Fatal(err)
	}

	desk, _ := key(1)
	_, node := key(2)
	c := client(t, f, nodeapi.WithDesk(desk), nodeapi.WithNodeKey(node))
	list, err := c.Parcels(context.Background())
	if err != nil || len(list) != 1 || list[0].ID != x.ID() {
		t.Errorf("%+v, %v", list, err)
	}
	for n := range 3 {
		if b, err := c.Piece(context.Background(), x.Pieces[n]); err == nil {
			t.Errorf("piece %d gave %d bytes", n, len(b))
		}
	}
	if _, err := c.Piece(context.Background(), x.Pieces[3]); err != nil {
		t.Error(err)
	}
	_, err = client(t, f).Mailbox(context.Background(), "7f")
	wants(t, "a mailbox that is damaged", err, "courier.no_mail")
	if err := c.PutReply(context.Background(), "7f", make([]byte, nodeapi.SlotBytes)); err == nil {
		t.Error("something was written through a link")
	} else if f, ok := fault.Of(err); ok && f.Key == "courier.carried" {
		t.Error("something was written through a link")
	}
	if all := files(t, out); len(all) != 1 {
		t.Errorf("outside of the folder: %v", all)
	}

	// A whole folder makes good what the spoilt one lost, and takes nothing of it that is wrong.
	other := open(t, t.TempDir())
	if _, err := client(t, other).Send(context.Background(), x, pieces(b, x), nil); err != nil {
		t.Fatal(err)
	}
	if n, err := other.Join(context.Background(), f); err != nil || n.Files != 1 { // the mailbox, whose form nobody knows before it is read
		t.Errorf("%+v came out of the spoilt folder, %v", n, err)
	}
	if n, err := f.Join(context.Background(), other); err != nil || n.Files == 0 {
		t.Errorf("%+v came, %v", n, err)
	}
	for n := range x.Pieces {
		if _, err := c.Piece(context.Background(), x.Pieces[n]); err != nil {
			t.Errorf("piece %d: %v", n, err)
		}
	}
}

// TestCarriedUntilDone holds that the desk does not take for done what only lies in
// a folder, nor what somebody else says of it.
func TestCarriedUntilDone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	desk, _ := key(1)
	nodeKey, node := key(2)
	day := func() time.Time { return time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC) }
	c := client(t, f, nodeapi.WithDesk(desk), nodeapi.WithNodeKey(node), nodeapi.WithClock(day))
	reply := bytes.Repeat([]byte{3}, nodeapi.SlotBytes)
	ctx := context.Background()
	wants(t, "a reply", c.PutReply(ctx, "7f", reply), "courier.carried")
	wants(t, "a reply again", c.PutReply(ctx, "7f", reply), "courier.carried")
	calls, err := f.Calls(node)
	if err != nil || len(calls) != 1 {
		t.Fatalf("%+v, %v", calls, err)
	}
	if doc, _, _ := strings.Cut(strings.TrimPrefix(calls[0].Authorization, "Kua "), "."); true {
		text, err := base64.StdEncoding.DecodeString(doc)
		if err != nil || !bytes.Contains(text, []byte("2026-11-21T00:00:00Z")) {
			t.Errorf("the call tells its time: %s", text)
		}
	}
	strangers, _ := key(9)
	for _, k := range []ed25519.PrivateKey{strangers, nodeKey} {
		done, err := nodeapi.Enclose(nodeapi.Done{Call: calls[0].ID(), Day: "2026-11-22", Kind: nodeapi.KindDone, Node: node}, k)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Finish(node, calls[0], done); err != nil {
			t.Fatal(err)
		}
		err = c.PutReply(ctx, "7f", reply)
		if k.Equal(nodeKey) && err != nil || !k.Equal(nodeKey) && err == nil {
			t.Errorf("%v", err)
		}
	}

	// What the folder has no answer to, it says so.
	_, err = c.LaneContacts(ctx, 0)
	wants(t, "the open lane by hand", err, "courier.not_by_hand")
	if s, err := c.Edition(ctx); err != nil || s.Number != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	forged, err := nodeapi.Enclose(nodeapi.State{Day: "2026-11-22", Edition: nodeapi.EditionState{Number: 9}, Kind: nodeapi.KindState, Node: node}, strangers)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.PutState(node, forged, nil); err != nil {
		t.Fatal(err)
	}
	if s, err := c.Edition(ctx); err == nil {
		t.Errorf("a stranger's word for what a node serves: %+v", s)
	}
}

// TestFolderSaysNothing looks through a folder for names and times, and at what it
// keeps of a parcel that the desk holds.
func TestFolderSaysNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	b, x := sealed(t, 600_000, 4)
	if _, err := client(t, f).Send(context.Background(), x, pieces(b, x), nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range files(t, dir) {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if at := info.ModTime().UTC(); !at.Equal(at.Truncate(24 * time.Hour)) {
			t.Errorf("%s is dated %s", name, at)
		}
		if info.Size() > parcel.PieceBytes {
			t.Errorf("%s has %d bytes", name, info.Size())
		}
	}
	desk, _ := key(1)
	_, node := key(2)
	c := client(t, f, nodeapi.WithDesk(desk), nodeapi.WithNodeKey(node))
	wants(t, "Forget", c.Forget(context.Background(), x.ID()), "courier.carried")
	for _, name := range files(t, dir) {
		if strings.Contains(name, "/pieces/") || strings.Contains(name, "/parcels/") {
			t.Errorf("%s is still there when the desk holds it", name)
		}
	}
}

// TestOneCollective keeps two collectives' folders apart.
func TestOneCollective(t *testing.T) {
	t.Parallel()
	a, b := editiontest.New(t), editiontest.New(t)
	f := open(t, t.TempDir())
	for range 2 {
		if err := f.PutChain(a.Chain); err != nil {
			t.Fatal(err)
		}
	}
	wants(t, "another collective", f.PutChain(b.Chain), "courier.other_charter")
	other := open(t, t.TempDir())
	if err := other.PutChain(b.Chain); err != nil {
		t.Fatal(err)
	}
	// A witness laid into the other's folder what is meant for this one's desk.
	sealedBytes, x := sealed(t, 300_000, 7)
	if _, err := client(t, other).Send(context.Background(), x, pieces(sealedBytes, x), nil); err != nil {
		t.Fatal(err)
	}
	public, secret, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	desk := client(t, other, nodeapi.WithDesk(secret), nodeapi.WithNodeKey(base64.StdEncoding.EncodeToString(public)))
	wants(t, "an answer of the other's desk", desk.PutReply(context.Background(), "7f", make([]byte, nodeapi.SlotBytes)), "courier.carried")
	j, err := f.Join(context.Background(), other)
	if err != nil || !j.Sealed || j.Files != len(x.Pieces)+1 {
		t.Errorf("%+v, %v", j, err)
	}
	if c, err := f.Show(); err != nil || len(c.Parcels) != 1 || c.Parcels[0].Missing != 0 || c.Calls != 0 || c.Charter != canon.Hash([]byte(a.Chain[0].Document)) {
		t.Errorf("%+v, %v", c, err)
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "letter.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = courier.Open(full, true)
	wants(t, "a folder of other things", err, "courier.not_empty")
	_, err = courier.Open(filepath.Join(full, "none"), false)
	wants(t, "no folder", err, "courier.none_here")
}

func FuzzCarried(f *testing.F) {
	f.Add("PUT", "/api/v1/desk/edition/files/"+strings.Repeat("a", 64), "Kua e30=.e30=", strings.Repeat("a", 64))
	f.Add("DELETE", "/api/v1/desk/parcels/../../x", "", "")
	f.Add("POST", "/api/v1/desk/replies", "Kua x", "%")
	dir := f.TempDir()
	folder, err := courier.Open(dir, true)
	if err != nil {
		f.Fatal(err)
	}
	_, node := key(2)
	calls := filepath.Join(dir, "calls", charter.KeyID(node))
	if err := os.MkdirAll(calls, 0o755); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, path, auth, sum string) {
		c := nodeapi.Carried{Authorization: auth, Kind: nodeapi.KindCarried, Method: method, Path: path, SHA256: sum}
		b, err := canon.Marshal(c)
		if err != nil {
			return
		}
		name := filepath.Join(calls, "4-"+c.ID())
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(name)
		got, err := folder.Calls(node)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range got {
			if strings.Contains(g.Path, "..") || !strings.HasPrefix(g.Path, nodeapi.Base+"/desk/") {
				t.Fatalf("%+v is done", g)
			}
			if r, _, err := folder.Body(g); err == nil {
				r.Close()
			}
		}
		nodeapi.Addressee(auth)
	})
}
