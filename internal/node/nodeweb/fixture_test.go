package nodeweb

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"kua/internal/charter"
	"kua/internal/keyring"
	"kua/internal/locale"
	"kua/internal/node"
	"kua/internal/nodeapi"
	"kua/web"
)

// room is a real node with its pages on a real port, and the keys of the
// made-up collective behind it.
type room struct {
	t      *testing.T
	dir    string
	diary  bytes.Buffer
	node   *node.Node
	web    *Web
	server *httptest.Server
	person *keyring.Person
	desk   ed25519.PrivateKey
	chain  charter.Chain
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newRoom(t *testing.T) *room {
	t.Helper()
	return newRoomWith(t, Options{})
}

func newRoomWith(t *testing.T, o Options) *room {
	t.Helper()
	dir := t.TempDir()
	r := &room{t: t, dir: dir}
	nodeKey, err := node.EnsureKey(dir)
	check(t, err)
	r.person, err = keyring.NewPerson("Айгүл")
	check(t, err)
	public, private, err := ed25519.GenerateKey(nil)
	check(t, err)
	r.desk = private
	c := charter.Charter{
		Kind: charter.Kind, Version: 1, Made: "2026-11-21", Threshold: 1,
		Name:      map[string]string{"en": "Drivers' Society", "kk": "Жүргізушілер қоғамы"},
		Languages: []string{"kk", "en"}, People: []charter.Person{r.person.Public("2026-11-21")},
		Desks: []string{base64.StdEncoding.EncodeToString(public)},
		Nodes: []charter.Node{{URL: "https://kua.example.org", Key: nodeKey}},
	}
	document, err := c.Bytes()
	check(t, err)
	signed := charter.Signed{Document: string(document), Signatures: charter.Signatures{}}
	signed.Signatures.Add(document, r.person)
	r.chain = charter.Chain{signed}

	cat, err := locale.Load(web.Locales())
	check(t, err)
	r.node, err = node.New(context.Background(), node.Config{Dir: dir, Chain: r.chain, SearchText: locale.SearchText, SearchWords: locale.Words, Diary: slog.New(slog.NewTextHandler(&r.diary, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	check(t, err)
	r.web, err = New(r.node, cat, o)
	check(t, err)
	r.server = httptest.NewServer(r.web)
	t.Cleanup(func() {
		r.server.CloseClientConnections()
		r.server.Close()
		check(t, r.node.Close())
	})
	return r
}

// client calls the node as the desk.
func (r *room) client() *nodeapi.Client {
	return nodeapi.NewClient(r.server.URL, nodeapi.WithDesk(r.desk), nodeapi.WithNodeKey(r.node.Key()))
}

// get asks as a browser does and gives the answer with its body read.
func (r *room) get(path string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequest(http.MethodGet, r.server.URL+path, nil)
	check(r.t, err)
	req.Header.Set("Accept", "text/html")
	resp, err := http.DefaultTransport.RoundTrip(req) // redirects are looked at, not followed
	check(r.t, err)
	defer resp.Body.Close()
	return resp, readAll(r.t, resp.Body)
}
