package node_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/keyring"
	"kua/internal/locale"
	"kua/internal/node"
	"kua/internal/nodeapi"
	"kua/internal/parcel"
	"kua/internal/record"
	"kua/internal/tlog"
	"kua/internal/tlog/appender"
)

const today = "2026-11-21"

// collective is a made-up publisher with real keys, a real log and real
// editions of small files.
type collective struct {
	people  []*keyring.Person
	deskKey ed25519.PrivateKey
	chain   charter.Chain
	charter charter.Charter
	log     *appender.Appender
	logDir  string
	logKey  string // private

	manifest edition.Manifest
	files    map[string][]byte // path → bytes, of the newest edition, parts included
	sigs     map[string]charter.Signatures
	bind     bool // manifests name the log before them
}

func newCollective(t testing.TB) *collective {
	t.Helper()
	c := &collective{logDir: t.TempDir(), files: make(map[string][]byte), sigs: make(map[string]charter.Signatures)}
	public, desk, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	c.deskKey = desk
	for _, name := range []string{"Aigul", "Timur"} {
		p, err := keyring.NewPerson(name)
		must(t, err)
		c.people = append(c.people, p)
	}
	private, vkey, err := appender.NewKey("kua.example.org/log")
	must(t, err)
	c.charter = charter.Charter{
		Kind: charter.Kind, Version: 1, Name: map[string]string{"en": "Made-up collective"}, Languages: []string{"en"},
		People:    []charter.Person{c.people[0].Public(today), c.people[1].Public(today)},
		Threshold: 2, Log: charter.Log{Origin: "kua.example.org/log", Key: vkey},
		Desks: []string{base64.StdEncoding.EncodeToString(public)}, Made: today,
	}
	c.chain = charter.Chain{c.sign(t, c.charter)}
	c.logKey = private
	c.log, err = appender.Open(t.Context(), c.logDir, private)
	must(t, err)
	log := c.log
	t.Cleanup(func() { log.Close(context.Background()) })
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c *collective) sign(t testing.TB, next charter.Charter) charter.Signed {
	t.Helper()
	doc, err := next.Bytes()
	must(t, err)
	return charter.Signed{Document: string(doc), Signatures: c.signatures(doc)}
}

func (c *collective) signatures(doc []byte) charter.Signatures {
	s := make(charter.Signatures)
	for _, p := range c.people {
		s.Add(doc, p)
	}
	return s
}

// record gives a small genuine record and puts its signatures by.
func (c *collective) record(t testing.TB, id, version int, title string) (path string, doc []byte) {
	t.Helper()
	r := record.Record{
		Kind: record.Kind, ID: fmt.Sprintf("%06d", id), Version: version, Status: record.Published, Day: today, Languages: []string{"en"},
		What: "bribe", Title: record.Text{"en": title}, Summary: record.Text{"en": "What happened, in two lines."},
	}
	if version > 1 {
		r.Previous = canon.Hash(c.files[record.Path(r.ID, version-1)])
		r.Correction = record.Text{"en": "The title was wrong."}
	}
	must(t, r.Validate())
	doc, err := r.Bytes()
	must(t, err)
	c.sigs[r.Path()] = c.signatures(doc)
	return r.Path(), doc
}

// publish makes the next edition: these files are new or other than before.
func (c *collective) publish(t testing.TB, changed map[string][]byte, removed ...string) nodeapi.SwitchRequest {
	t.Helper()
	parts := make(map[string][]byte)
	var lines []edition.File
	for _, path := range slices.Sorted(maps.Keys(changed)) {
		c.files[path] = changed[path]
		lines = append(lines, edition.File{Path: path, Size: int64(len(changed[path])), SHA256: canon.Hash(changed[path])})
	}
	read := func(p edition.Part) ([]edition.File, error) { return edition.ParsePart(p, c.files[p.Path()]) }
	write := func(path string, doc []byte) error { parts[path] = doc; return nil }
	next, gone, err := edition.Update(c.manifest, read, write, lines, removed)
	must(t, err)
	for _, p := range slices.Concat(removed, gone) {
		delete(c.files, p)
	}
	maps.Copy(c.files, parts)
	made := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC).Add(time.Duration(next.Number) * time.Hour)
	next.Made, next.FreshUntil = edition.Stamp(made), edition.Stamp(made.Add(edition.FreshFor))
	next.Charter = canon.Hash([]byte(c.chain[len(c.chain)-1].Document))
	if c.bind { // the manifest's entry is all that this collective logs
		cp, err := c.log.Checkpoint(t.Context())
		must(t, err)
		next.Log = edition.Before{Size: cp.Size, Root: hex.EncodeToString(cp.Root[:])}
	}
	c.manifest = next
	doc, err := next.Bytes()
	must(t, err)
	entry, err := edition.ManifestEntry(next, doc).Bytes()
	must(t, err)
	index, cp, err := c.log.Append(t.Context(), entry)
	must(t, err)
	return nodeapi.SwitchRequest{Manifest: string(doc), Signatures: c.signatures(doc), Chain: c.chain, Checkpoint: string(cp.Raw), LogIndex: index[0]}
}

// bring carries everything that an edition needs to a node.
func (c *collective) bring(t testing.TB, client *nodeapi.Client, except ...string) {
	t.Helper()
	ctx := t.Context()
	for path, b := range c.files {
		if slices.Contains(except, path) {
			continue
		}
		must(t, client.PutFile(ctx, canon.Hash(b), int64(len(b)), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }))
		for id, sig := range c.sigs[path] {
			must(t, client.PutSignature(ctx, edition.SignaturePath(path, id), sig))
		}
	}
	c.bringLog(t, client, except...)
}

func (c *collective) bringLog(t testing.TB, client *nodeapi.Client, except ...string) {
	t.Helper()
	cp, err := c.log.Checkpoint(t.Context())
	must(t, err)
	for _, path := range tlog.NewPaths(0, cp.Size) {
		if path == tlog.CheckpointPath || slices.Contains(except, "log/"+path) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(c.logDir, filepath.FromSlash(path)))
		must(t, err)
		must(t, client.PutLog(t.Context(), path, b))
	}
}

// pages are the files of a small edition.
func (c *collective) pages(t testing.TB, words string) map[string][]byte {
	t.Helper()
	path, doc := c.record(t, 1, 1, "A bribe at the gate")
	film := bytes.Repeat([]byte("film "+words), 5000)
	return map[string][]byte{
		"index.html":              []byte("<!doctype html><title>Front</title>" + words),
		"en/index.html":           []byte("<!doctype html><title>English</title>" + strings.Repeat(words, 50)),
		"en/r/0000/000001.html":   []byte("<!doctype html><title>000001</title>" + words),
		"blobs/" + blobName(film): film,
		path:                      doc,
	}
}

func blobName(b []byte) string { h := canon.Hash(b); return h[:2] + "/" + h + ".mp4" }

// running is a node that answers on a real port.
type running struct {
	*node.Node
	url   string
	diary *bytes.Buffer
}

func (c *collective) config(dir string) node.Config {
	return node.Config{Dir: dir, Chain: c.chain, SearchText: locale.SearchText, SearchWords: locale.Words}
}

func start(t testing.TB, cfg node.Config) *running {
	t.Helper()
	diary := new(bytes.Buffer)
	cfg.Diary = slog.New(slog.NewTextHandler(&lockedWriter{w: diary}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	n, err := node.New(t.Context(), cfg)
	must(t, err)
	mux := http.NewServeMux()
	mux.Handle(nodeapi.Base+"/", n.Handler())
	mux.Handle("/healthz", n.Status())
	mux.Handle("/metrics", n.Status())
	mux.Handle("/", n.Files())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- n.Serve(ctx, node.Listen{Listener: l}, mux) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if err := n.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return &running{n, "http://" + l.Addr().String(), diary}
}

func (r *running) client(opts ...nodeapi.Option) *nodeapi.Client {
	all := append([]nodeapi.Option{nodeapi.WithNodeKey(r.Key()), nodeapi.WithTries(1, 0)}, opts...)
	return nodeapi.NewClient(r.url, all...)
}

func (r *running) desk(c *collective) *nodeapi.Client { return r.client(nodeapi.WithDesk(c.deskKey)) }

// sealed gives random bytes as the pieces of a parcel.
func sealed(t testing.TB, size int) (parcel.Index, map[string][]byte) {
	t.Helper()
	b := make([]byte, size)
	rand.Read(b)
	pieces := make(map[string][]byte)
	x, err := parcel.Split(bytes.NewReader(b), func(_ int, hash string, piece []byte) error {
		pieces[hash] = bytes.Clone(piece)
		return nil
	})
	must(t, err)
	return x, pieces
}

func upload(t testing.TB, client *nodeapi.Client, x parcel.Index, pieces map[string][]byte) nodeapi.Acknowledgement {
	t.Helper()
	for hash, piece := range pieces {
		must(t, client.PutPiece(t.Context(), x.ID()[:32], hash, piece))
	}
	ack, err := client.Commit(t.Context(), x.ID()[:32], x)
	must(t, err)
	return ack
}

func get(t testing.TB, url string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	req.RequestURI = ""
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	tr := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	res, err := tr.RoundTrip(req)
	must(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(t, err)
	return res, b
}
