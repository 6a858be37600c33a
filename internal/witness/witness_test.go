package witness_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/keyring"
	"kua/internal/node"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
	"kua/internal/seal"
	"kua/internal/witness"
)

// stage is a collective of two with a real node.
type stage struct {
	charter charter.Charter
	people  []*keyring.Person
	node    *node.Node
	url     string
	chain   charter.Chain
	calls   atomic.Int64 // over TLS
	sent    atomic.Int64 // bytes of pieces that reached the node
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{}
	c := charter.Charter{Kind: charter.Kind, Version: 1, Name: map[string]string{"en": "Made up"}, Languages: []string{"en"}, Threshold: 2, Made: "2026-11-21"}
	for _, name := range []string{"aigul", "timur"} {
		p, err := keyring.NewPerson(name)
		if err != nil {
			t.Fatal(err)
		}
		s.people = append(s.people, p)
		c.People = append(c.People, p.Public("2026-11-21"))
	}
	doc, err := c.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	signed := charter.Signed{Document: string(doc), Signatures: charter.Signatures{}}
	for _, p := range s.people {
		signed.Signatures.Add(doc, p)
	}
	s.charter = c
	s.chain = charter.Chain{signed}
	if s.node, err = node.New(t.Context(), node.Config{Dir: t.TempDir(), Chain: s.chain}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.node.Close() })
	handler := s.node.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut || r.Method == http.MethodPatch {
			s.sent.Add(r.ContentLength)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *stage) client(options ...nodeapi.Option) *nodeapi.Client {
	return nodeapi.NewClient(s.url, append([]nodeapi.Option{nodeapi.WithTries(2, 10*time.Millisecond)}, options...)...)
}

func report() parcel.Report {
	return parcel.Report{Kind: parcel.ReportKind, What: "bribe", Text: "made up", Language: "en", Written: "2026-11-21"}
}

func film(t *testing.T, size int) string {
	t.Helper()
	b := make([]byte, size)
	rand.Read(b)
	path := filepath.Join(t.TempDir(), "film.mp4")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSealSendReply(t *testing.T) {
	s := newStage(t)
	path := film(t, 3<<20)
	out := filepath.Join(t.TempDir(), "report.kua")
	r, err := witness.Seal(t.Context(), s.charter, report(), witness.Files(path), out, nil)
	if err != nil {
		t.Fatal(err)
	}
	sent, err := witness.Send(t.Context(), s.client(), out, nil)
	if err != nil {
		t.Fatal(err)
	}
	if sent.Acknowledgement.Parcel != sent.Parcel || sent.Already != 0 {
		t.Errorf("Send = %+v", sent)
	}

	// Anybody of the collective opens it; nobody else.
	sealed, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range s.people {
		plain, err := p.Open(bytes.NewReader(sealed))
		if err != nil {
			t.Fatal(err)
		}
		bag, err := parcel.ReadBag(plain, parcel.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if bag.Report.Files[0].Name != "film.mp4" {
			t.Errorf("the bag holds %+v", bag.Report.Files)
		}
	}

	// A second sending of the same file sends nothing.
	before := s.sent.Load()
	if again, err := witness.Send(t.Context(), s.client(), out, nil); err != nil || again.Acknowledgement != sent.Acknowledgement {
		t.Errorf("the second Send = %+v, %v", again, err)
	}
	if s.sent.Load()-before > parcel.PieceBytes*20 {
		t.Errorf("the second Send sent %d bytes", s.sent.Load()-before)
	}

	texts, err := witness.Replies(t.Context(), s.client(), r)
	if err != nil || len(texts) != 0 {
		t.Errorf("Replies = %q, %v, want none", texts, err)
	}
}

// TestResume cuts a sending again and again. What the node holds never travels
// twice, and nothing that it acknowledged is lost.
func TestResume(t *testing.T) {
	s := newStage(t)
	path := film(t, 24<<20)
	out := filepath.Join(t.TempDir(), "report.kua")
	if _, err := witness.Seal(t.Context(), s.charter, report(), witness.Files(path), out, nil); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(out)
	if err != nil {
		t.Fatal(err)
	}
	const cuts = 8
	for cut := range cuts {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := witness.Send(ctx, s.client(), out, func(done, total int64) {
			if done > total*int64(cut+1)/(cuts+1) {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("cut %d: Send = %v", cut, err)
		}
	}
	sent, err := witness.Send(t.Context(), s.client(), out, nil)
	if err != nil {
		t.Fatal(err)
	}
	if sent.Already < info.Size()/2 {
		t.Errorf("after %d cuts the node held only %d of %d bytes", cuts, sent.Already, info.Size())
	}
	// Under way when a cut comes are six pieces at most.
	if again := s.sent.Load() - info.Size(); again > cuts*6*parcel.PieceBytes {
		t.Errorf("%d bytes were sent again after %d cuts", again, cuts)
	}
}

// TestSendInRows: over a good link several pieces travel in one call. Where a node does not
// know that, or rows do not arrive, each piece goes alone, and rows are not tried again.
func TestSendInRows(t *testing.T) {
	s := newStage(t)
	handler := s.node.Handler()
	for what, test := range map[string]struct {
		offered string
		broken  bool
	}{"a good link": {"16", false}, "an older node": {"", false}, "nonsense": {"-5", false}, "rows that break": {"1000000", true}} {
		out := filepath.Join(t.TempDir(), "report.kua")
		if _, err := witness.Seal(t.Context(), s.charter, report(), witness.Files(film(t, 12<<20)), out, nil); err != nil {
			t.Fatal(err)
		}
		var rows, alone atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/pieces"):
				if rows.Add(1); test.broken {
					_, _ = io.CopyN(io.Discard, r.Body, 300<<10)
					panic(http.ErrAbortHandler)
				}
			case r.Method == http.MethodPut:
				alone.Add(1)
			case r.Method == http.MethodGet:
				w = offering{w, test.offered}
			}
			handler.ServeHTTP(w, r)
		}))
		sent, err := witness.Send(t.Context(), nodeapi.NewClient(server.URL, nodeapi.WithTries(2, time.Millisecond)), out, nil)
		server.Close()
		if err != nil || sent.Bytes != sent.Acknowledgement.Size {
			t.Errorf("%s: Send = %+v, %v", what, sent, err)
		}
		one, most := int32(0), int32(0)
		switch {
		case test.broken:
			one, most = 1, 4 // which were on their way at the same time
		case test.offered == "16":
			one, most = 1, 40
		}
		if r := rows.Load(); r < one || r > most {
			t.Errorf("%s: %d rows, %d pieces alone", what, r, alone.Load())
		}
	}
}

// offering is an answer that offers rows of another length.
type offering struct {
	http.ResponseWriter
	row string
}

func (w offering) WriteHeader(status int) {
	w.Header().Set(nodeapi.RowHeader, w.row)
	w.ResponseWriter.WriteHeader(status)
}

func (w offering) Write(b []byte) (int, error) {
	w.Header().Set(nodeapi.RowHeader, w.row)
	return w.ResponseWriter.Write(b)
}

func TestAcknowledgementIsSigned(t *testing.T) {
	s := newStage(t)
	out := filepath.Join(t.TempDir(), "report.kua")
	if _, err := witness.Seal(t.Context(), s.charter, report(), nil, out, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := witness.Send(t.Context(), s.client(nodeapi.WithNodeKey(s.node.Key())), out, nil); err != nil {
		t.Errorf("Send to the node of the charter: %v", err)
	}
	other, err := node.EnsureKey(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := witness.Send(t.Context(), s.client(nodeapi.WithNodeKey(other)), out, nil); !errors.Is(err, fault.Corrupt("nodeapi.bad_signature")) {
		t.Errorf("Send to another node = %v, want nodeapi.bad_signature", err)
	}
}

// TestSealTexts seals files whose type the system gives with a coding.
func TestSealTexts(t *testing.T) {
	s, dir := newStage(t), t.TempDir()
	var files []string
	for _, name := range []string{"list.csv", "words.txt", "page.html", "no ending"} {
		files = append(files, filepath.Join(dir, name))
		if err := os.WriteFile(files[len(files)-1], []byte("made up"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := witness.Seal(t.Context(), s.charter, report(), witness.Files(files...), filepath.Join(dir, "report.kua"), nil); err != nil {
		t.Fatal(err)
	}
}

func TestSealRefuses(t *testing.T) {
	s := newStage(t)
	dir := t.TempDir()
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := report()
	empty.Text = ""
	cutOff := filepath.Join(dir, "empty.mp4")
	if err := os.WriteFile(cutOff, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		report parcel.Report
		files  []string
		out    string
		key    string
	}{
		{"a file that is there", report(), nil, there, "witness.cannot_write"},
		{"no such film", report(), []string{filepath.Join(dir, "none")}, filepath.Join(dir, "a"), "witness.no_file"},
		{"a folder", report(), []string{dir}, filepath.Join(dir, "b"), "witness.not_a_file"},
		{"an empty film", report(), []string{cutOff}, filepath.Join(dir, "e"), "witness.empty"},
		{"nothing told", empty, nil, filepath.Join(dir, "c"), "parcel.empty_report"},
	} {
		_, err := witness.Seal(t.Context(), s.charter, c.report, witness.Files(c.files...), c.out, nil)
		if !errors.Is(err, fault.Invalid(c.key)) {
			t.Errorf("%s: Seal = %v, want %s", c.name, err, c.key)
		}
		if b, err := os.ReadFile(c.out); c.out != there && err == nil {
			t.Errorf("%s: %d bytes were left behind", c.name, len(b))
		}
	}
	if b, _ := os.ReadFile(there); string(b) != "mine" {
		t.Errorf("a file was overwritten with %q", b)
	}
}

func TestRepliesOpen(t *testing.T) {
	s := newStage(t)
	out := filepath.Join(t.TempDir(), "report.kua")
	r, err := witness.Seal(t.Context(), s.charter, report(), nil, out, nil)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := r.Derive()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := seal.Reply([]byte("Made up: thank you."), keys.ReplyRecipient)
	if err != nil {
		t.Fatal(err)
	}
	page := bytes.Repeat([]byte{0}, 0)
	for n := range nodeapi.MailboxSlots {
		slot := sealed
		if n != 3 {
			if slot, err = seal.DummyReply(); err != nil {
				t.Fatal(err)
			}
		}
		page = append(page, slot...)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/mailboxes/"+keys.Mailbox[:2]) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set(nodeapi.PagesHeader, "1")
		_, _ = io.Copy(w, bytes.NewReader(page))
	}))
	defer server.Close()
	texts, err := witness.Replies(t.Context(), nodeapi.NewClient(server.URL, nodeapi.WithTries(1, 0)), r)
	if err != nil || len(texts) != 1 || texts[0] != "Made up: thank you." {
		t.Errorf("Replies = %q, %v", texts, err)
	}
}

// TestSealStops holds that an interrupted sealing leaves no file.
func TestSealStops(t *testing.T) {
	s := newStage(t)
	out := filepath.Join(t.TempDir(), "report.kua")
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := witness.Seal(ctx, s.charter, report(), witness.Files(film(t, 1<<20)), out, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Seal = %v, want it stopped", err)
	}
	for _, name := range []string{out, out + witness.Part} {
		if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a half-sealed file stays as %s: %v", name, err)
		}
	}
}

// TestSealedOnlyWhole: until a sealed file is whole it has another name, which a kill
// leaves behind; nothing that has either name is written over.
func TestSealedOnlyWhole(t *testing.T) {
	s := newStage(t)
	dir := t.TempDir()
	there := func(name string) bool { _, err := os.Lstat(name); return err == nil }
	looked := false
	out := filepath.Join(dir, "report.kua")
	_, err := witness.Seal(t.Context(), s.charter, report(), witness.Files(film(t, 1<<20)), out, func(int64, int64) {
		looked = true
		if there(out) || !there(out+witness.Part) {
			t.Errorf("while it is being sealed: %t under its last name, %t under the other", there(out), there(out+witness.Part))
		}
	})
	if err != nil || !looked || !there(out) || there(out+witness.Part) {
		t.Errorf("sealed: %v, looked %t, there %t", err, looked, there(out))
	}

	late := filepath.Join(dir, "late.kua")
	_, err = witness.Seal(t.Context(), s.charter, report(), witness.Files(film(t, 1<<20)), late, func(int64, int64) {
		if err := os.WriteFile(late, []byte("mine"), 0o600); err != nil {
			t.Error(err)
		}
	})
	if b, _ := os.ReadFile(late); !errors.Is(err, fault.Conflict("witness.cannot_write")) || string(b) != "mine" || there(late+witness.Part) {
		t.Errorf("a file that came meanwhile is %q, %v", b, err)
	}

	left := filepath.Join(dir, "left.kua")
	if err := os.WriteFile(left+witness.Part, []byte("of a kill"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = witness.Seal(t.Context(), s.charter, report(), nil, left, nil)
	if b, _ := os.ReadFile(left + witness.Part); !errors.Is(err, fault.Conflict("witness.left_over")) || string(b) != "of a kill" || there(left) {
		t.Errorf("beside what a kill left: %q, %v", b, err)
	}
}
