package courier_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"kua/internal/canon"
	"kua/internal/courier"
	"kua/internal/durable"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
)

func counter(t testing.TB, f *courier.Folder, bytes int64) (*courier.Counter, func(method, path string, body []byte) *httptest.ResponseRecorder) {
	t.Helper()
	k, _ := key(9)
	c := f.Counter(k, bytes, func(err error) { t.Errorf("the disk: %v", err) })
	h := c.Handler()
	return c, func(method, path string, body []byte) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, nodeapi.Base+path, strings.NewReader(string(body))))
		return w
	}
}

const upload = "/uploads/00112233445566778899aabbccddeeff"

// TestCounterTellsNothing asks, as a stranger in the room, for what others brought,
// and makes every call that is not a witness's.
func TestCounterTellsNothing(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir())
	b, x := sealed(t, 600_000, 1)
	if _, err := client(t, f).Send(t.Context(), x, pieces(b, x), nil); err != nil {
		t.Fatal(err)
	}
	_, call := counter(t, f, 1<<30)
	if w := call("GET", upload, nil); w.Code != 200 || strings.Contains(w.Body.String(), x.Pieces[0]) {
		t.Errorf("what an upload has: %d %s", w.Code, w.Body)
	}
	for hash, want := range map[string]string{x.Pieces[0]: "?1", strings.Repeat("0", 64): "?0", "../../etc/passwd": ""} {
		if w := call("HEAD", upload+"/pieces/"+hash, nil); w.Header().Get(nodeapi.CompleteHeader) != want {
			t.Errorf("%s: %d %v", hash, w.Code, w.Header())
		}
	}
	for _, path := range []string{"/desk/parcels", "/desk/parcels/" + x.ID() + "/index", "/desk/pieces/" + x.Pieces[0], "/desk/edition", "/uploads"} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
			if w := call(method, path, nil); w.Code != http.StatusNotFound {
				t.Errorf("%s %s: %d", method, path, w.Code)
			}
		}
	}
}

// TestCounterIsBounded brings more than may come, wrong pieces, and indexes of what
// never came.
func TestCounterIsBounded(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir())
	b, x := sealed(t, 600_000, 2)
	c, call := counter(t, f, parcel.PieceBytes*3/2)
	if w := call("PUT", upload+"/pieces/"+x.Pieces[0], b[1:parcel.PieceBytes+1]); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("other bytes than the name says: %d", w.Code)
	}
	if w := call("PUT", upload+"/pieces/"+x.Pieces[0], b); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("more than a piece: %d", w.Code)
	}
	for range 3 { // the same one costs its room once
		if w := call("PUT", upload+"/pieces/"+x.Pieces[0], b[:parcel.PieceBytes]); w.Code != http.StatusCreated {
			t.Fatalf("a piece: %d %s", w.Code, w.Body)
		}
	}
	if w := call("PUT", upload+"/pieces/"+x.Pieces[1], b[parcel.PieceBytes:2*parcel.PieceBytes]); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "courier.full") || w.Header().Get("Retry-After") != "60" {
		t.Errorf("a piece too many: %d %s", w.Code, w.Body)
	}
	if w := call("POST", upload+"/commit", x.Text()); w.Code != http.StatusConflict {
		t.Errorf("a parcel of which most is missing: %d", w.Code)
	}
	if w := call("POST", upload+"/commit", []byte("kua-parcel-index/1\nsize 99\n")); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("no index: %d", w.Code)
	}
	if w := call("POST", upload+"/commit", bytes.Repeat([]byte("x"), 1<<20)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a longer index than could be carried: %d", w.Code)
	}
	far := parcel.Index{Size: 1500 * parcel.PieceBytes}
	for n := range 1500 {
		far.Pieces = append(far.Pieces, canon.Hash([]byte{byte(n), byte(n >> 8)}))
	}
	var told nodeapi.Missing
	if w := call("POST", upload+"/commit", far.Text()); json.Unmarshal(w.Body.Bytes(), &told) != nil || len(told.Missing) != 1000 {
		t.Errorf("of many missing pieces %d are named", len(told.Missing))
	}
	if ids, err := f.Parcels(); err != nil || len(ids) > 0 || c.Taken() > 0 {
		t.Errorf("%v, %d, %v", ids, c.Taken(), err)
	}
}

// TestCounterIsSharedOut holds all the calls that one address may make open, and asks
// from another.
func TestCounterIsSharedOut(t *testing.T) {
	t.Parallel()
	k, _ := key(9)
	h := open(t, t.TempDir()).Counter(k, 1<<30, nil).Handler()
	come, end := make(chan struct{}), make(chan struct{})
	var slow sync.WaitGroup
	from := func(remote string, body io.Reader) *httptest.ResponseRecorder {
		r := httptest.NewRequest("PUT", nodeapi.Base+upload+"/pieces/"+strings.Repeat("0", 64), body)
		r.RemoteAddr = remote
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for range 8 {
		slow.Go(func() {
			from("192.168.43.7:4000", reading(func() error {
				come <- struct{}{}
				<-end
				return io.ErrUnexpectedEOF
			}))
		})
		<-come
	}
	if w := from("192.168.43.7:4001", strings.NewReader("x")); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "2" {
		t.Errorf("the same address again: %d %v", w.Code, w.Header())
	}
	if w := from("192.168.43.8:4000", strings.NewReader("x")); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("another address: %d %s", w.Code, w.Body)
	}
	close(end)
	slow.Wait()
}

// TestIndexesAreCounted makes many parcels of few pieces.
func TestIndexesAreCounted(t *testing.T) {
	t.Parallel()
	b, x := sealed(t, 3*parcel.PieceBytes, 6)
	c, call := counter(t, open(t, t.TempDir()), 4*parcel.PieceBytes)
	for n, h := range x.Pieces {
		if w := call("PUT", upload+"/pieces/"+h, b[n*parcel.PieceBytes:][:parcel.PieceBytes]); w.Code != http.StatusCreated {
			t.Fatal(w.Code, w.Body)
		}
	}
	var tiny parcel.Index
	for n := range 40 {
		piece := []byte{byte(n)}
		tiny.Pieces, tiny.Size = append(tiny.Pieces, canon.Hash(piece)), tiny.Size+parcel.PieceBytes
		if w := call("PUT", upload+"/pieces/"+canon.Hash(piece), piece); w.Code != http.StatusCreated {
			t.Fatal(w.Code, w.Body)
		}
	}
	if w := call("POST", upload+"/commit", tiny.Text()); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("pieces of other sizes than the index says: %d", w.Code)
	}
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		for n := range 3 { // and each of its beginnings
			y := parcel.Index{Size: int64(n+1) * parcel.PieceBytes}
			for _, i := range order[:n+1] {
				y.Pieces = append(y.Pieces, x.Pieces[i])
			}
			if w := call("POST", upload+"/commit", y.Text()); w.Code != http.StatusCreated && w.Code != http.StatusServiceUnavailable {
				t.Error(w.Code, w.Body)
			}
		}
	}
	if c.Taken() != 12 { // of fifteen, in the 24 blocks that are left
		t.Errorf("%d parcels were taken", c.Taken())
	}
}

// TestStickIsOut takes the folder away under the laptop: phones are told to wait, by no
// word of where it was; the courier is.
func TestStickIsOut(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "post")
	f := open(t, dir)
	k, _ := key(9)
	var told []string
	c := f.Counter(k, 1<<30, func(err error) { told = append(told, err.Error()) })
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	b, x := sealed(t, 1000, 5)
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, httptest.NewRequest("PUT", nodeapi.Base+upload+"/pieces/"+x.Pieces[0], bytes.NewReader(b)))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "courier.disk_trouble") || strings.Contains(w.Body.String(), "post") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	_, err := c.Hand(io.MultiReader(strings.NewReader(ageHead), bytes.NewReader(b)))
	wants(t, "the form", err, "courier.disk_trouble")
	if len(told) != 1 {
		t.Errorf("the courier was told %q", told)
	}
}

// TestSecondProcessClearsNothing opens a folder, as "kua courier show" does, in which
// another is writing.
func TestSecondProcessClearsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	half := filepath.Join(dir, "parcels", durable.Temporary+"1")
	if err := os.WriteFile(half, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := os.Stat(half); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

const ageHead = "age-encryption.org/v1\n"

// TestHandedFile gives files to the form: sealed, not sealed, cut off, repeating
// itself, and more than there is room for. Of what is not sealed no byte is left.
func TestHandedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	b, _ := sealed(t, 900_000, 3)
	whole := append([]byte(ageHead), b...)
	c, _ := counter(t, f, 12*parcel.PieceBytes)
	before := len(files(t, dir))
	for name, in := range map[string]io.Reader{
		"a film": bytes.NewReader(b), "nothing": strings.NewReader(""), "a beginning of one": strings.NewReader(ageHead[:9]),
	} {
		_, err := c.Hand(in)
		wants(t, name, err, "courier.not_sealed")
	}
	if n := len(files(t, dir)); n != before {
		t.Errorf("%d files are left of what was refused", n-before)
	}
	_, err := c.Hand(strings.NewReader(ageHead + strings.Repeat("x", 3*parcel.PieceBytes)))
	wants(t, "one that repeats", err, "parcel.not_an_index")
	for range 2 { // the same file again is the same parcel
		if id, err := c.Hand(bytes.NewReader(whole)); err != nil || len(id) != 64 {
			t.Fatal(id, err)
		}
	}
	if c.Taken() != 1 {
		t.Errorf("%d parcels were taken", c.Taken())
	}
	_, err = c.Hand(io.MultiReader(bytes.NewReader(whole), bytes.NewReader(b), bytes.NewReader(whole)))
	wants(t, "too large a one", err, "courier.full")
}

// TestHandedTwice hands a file in while an earlier try with it stands still, which
// breaks off only after the second was told that all of it is carried.
func TestHandedTwice(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir())
	b, _ := sealed(t, 900_000, 4)
	whole := append([]byte(ageHead), b...)
	c, call := counter(t, f, 12*parcel.PieceBytes)
	stalled := io.MultiReader(bytes.NewReader(whole[:700_000]), reading(func() error {
		if _, err := c.Hand(bytes.NewReader(whole)); err != nil {
			t.Error(err)
		}
		return io.ErrUnexpectedEOF
	}))
	if _, err := c.Hand(stalled); err == nil {
		t.Error("one that breaks off was taken")
	}
	x, err := parcel.Split(bytes.NewReader(whole), nil)
	if err != nil {
		t.Fatal(err)
	}
	if w := call("POST", upload+"/commit", x.Text()); w.Code != http.StatusCreated || c.Taken() != 1 {
		t.Errorf("what was called carried: %d %s", w.Code, w.Body)
	}
}

// reading is a reader that does something and then fails.
type reading func() error

func (r reading) Read([]byte) (int, error) { return 0, r() }

// FuzzHand gives the form any bytes: none is kept but behind a sealed file's head.
func FuzzHand(f *testing.F) {
	f.Add([]byte(ageHead + "-> X25519 "))
	f.Add([]byte("ftypisom"))
	dir := open(f, f.TempDir())
	c, _ := counter(f, dir, 1<<30)
	f.Fuzz(func(t *testing.T, b []byte) {
		if id, err := c.Hand(bytes.NewReader(b)); err == nil && (!bytes.HasPrefix(b, []byte(ageHead)) || len(id) != 64) {
			t.Errorf("%q was taken for sealed", b)
		}
	})
}
