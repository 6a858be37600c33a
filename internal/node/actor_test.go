package node_test

import (
	"bufio"
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kua/internal/actor"
	"kua/internal/fault"
)

// TestActorsAtNode: a node shows what its desk brought, under the account's exact name,
// and keeps of strangers' letters what their signatures need, within its bounds.
func TestActorsAtNode(t *testing.T) {
	ctx := t.Context()
	c := newCollective(t)
	dir := t.TempDir()
	n := start(t, c.config(dir))
	s := httptest.NewServer(n.Actors())
	defer s.Close()
	a := actor.Account{Base: s.URL, Name: "news"}
	der, err := actor.NewKey()
	must(t, err)
	key, err := actor.ParseKey(der)
	must(t, err)
	letter := func(kind, who string, change func(*http.Request)) int {
		t.Helper()
		body := fmt.Appendf(nil, `{"id":"%s#%d","type":%q,"actor":%q,"object":%q}`, who, time.Now().UnixNano(), kind, who, a.ID())
		return post(t, a, key, body, who, change)
	}
	const reader = "https://social.example/users/reader"
	if status := letter("Follow", reader, nil); status != http.StatusNotFound {
		t.Errorf("a letter to nobody is answered with %d", status)
	}

	desk := n.desk(c)
	files, err := a.Documents(actor.Profile{Title: "Made-up", Page: s.URL + "/ru/", PublicKey: "x"})
	must(t, err)
	for file, document := range files {
		if err := n.client().PutActorFile(ctx, file, document); err == nil {
			t.Error("a stranger brought a file")
		}
		must(t, desk.PutActorFile(ctx, file, document))
	}
	if err := desk.PutActorFile(ctx, "ap/news/inbox", []byte("{}")); !errors.Is(err, fault.Invalid("actor.bad_file")) {
		t.Errorf("a file of another name: %v", err)
	}
	if err := desk.PutActorFile(ctx, "ap/news", []byte("x")); !errors.Is(err, fault.Invalid("node.not_json")) {
		t.Errorf("a file that is no JSON: %v", err)
	}
	if held, err := desk.ActorFiles(ctx); err != nil || len(held) != len(files) {
		t.Errorf("the node says that it holds %v, %v", held, err)
	}
	host := strings.TrimPrefix(s.URL, "http://")
	for address, want := range map[string]int{
		"/ap/news": 200, "/ap/news/followers": 200, "/.well-known/nodeinfo": 200, "/nodeinfo/2.1": 200, "/ap/other": 404, "/ap/news/inbox": 404,
		"/.well-known/webfinger?resource=acct:news@" + host: 200, "/.well-known/webfinger?resource=" + a.ID(): 200,
		"/.well-known/webfinger?resource=acct:news@other.example": 404, "/.well-known/webfinger?resource=acct:NEWS@" + host: 404, "/.well-known/webfinger": 404,
	} {
		if resp, _ := get(t, s.URL+address); resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", address, resp.Status, want)
		}
	}
	page, err := http.NewRequest(http.MethodGet, a.ID(), nil)
	must(t, err)
	page.Header.Set("Accept", "text/html")
	if resp, err := http.DefaultTransport.RoundTrip(page); err != nil || resp.Header.Get("Location") != s.URL+"/ru/" {
		t.Errorf("a browser is led to %v, %v", resp, err)
	}

	// What a letter leaves.
	if status := letter("Follow", reader, func(r *http.Request) {
		r.Header.Set("User-Agent", "CANARY-agent")
		r.Header.Set("X-Forwarded-For", "CANARY-address")
		r.Header.Set("Cookie", "CANARY-cookie")
	}); status != http.StatusAccepted {
		t.Fatalf("a letter is answered with %d", status)
	}
	if status := letter("Like", reader, nil); status != http.StatusAccepted {
		t.Errorf("a Like is answered with %d", status)
	}
	kept, err := desk.ActorLetters(ctx, 0)
	must(t, err)
	if len(kept) != 1 || kept[0].Day != time.Now().UTC().Format(time.DateOnly) || !bytes.HasPrefix(kept[0].Sealed, []byte("age-encryption.org/v1")) {
		t.Fatalf("kept: %+v", kept)
	}
	must(t, filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if b, _ := os.ReadFile(name); bytes.Contains(b, []byte("CANARY")) || bytes.Contains(b, []byte(reader)) {
			t.Errorf("%s tells who wrote", name)
		}
		return nil
	}))
	if status := letter("Follow", reader, func(r *http.Request) { r.Header.Del("Signature") }); status != http.StatusUnauthorized {
		t.Errorf("an unsigned letter is answered with %d", status)
	}
	if status := letter("Follow", reader, func(r *http.Request) { r.Header.Set("Date", "Sat, 21 Nov 2020 10:30:00 GMT") }); status != http.StatusUnauthorized {
		t.Errorf("an old letter is answered with %d", status)
	}
	if status := post(t, a, key, []byte(`{"type":"Follow","actor":"`+reader+`","x":"`+strings.Repeat("x", actor.MaxLetter)+`"}`), reader, nil); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large letter is answered with %d", status)
	}

	// Bounds: three of a kind of one name; and so many an hour.
	var last int
	for range 4 {
		last = letter("Follow", reader, nil)
	}
	if last != http.StatusServiceUnavailable {
		t.Errorf("the fifth letter of one sender is answered with %d", last)
	}
	for i := range 200 {
		if last = letter("Follow", fmt.Sprintf("https://social.example/users/%d", i), nil); last != http.StatusAccepted {
			break
		}
	}
	if last != http.StatusServiceUnavailable {
		t.Errorf("after two hundred letters at once one is answered with %d", last)
	}

	must(t, desk.ForgetActorLetters(ctx, []int64{kept[0].Number}))
	must(t, desk.ForgetActorLetters(ctx, []int64{kept[0].Number}))
	if left, err := desk.ActorLetters(ctx, kept[0].Number-1); err != nil || len(left) == 0 || left[0].Number == kept[0].Number {
		t.Errorf("after forgetting: %d letters, %v", len(left), err)
	}
	gone, err := actor.Tombstone(a.ID() + "/notes/" + strings.Repeat("0", 32))
	must(t, err)
	must(t, desk.PutActorFile(ctx, "ap/news/notes/"+strings.Repeat("0", 32), gone))
	if resp, _ := get(t, a.ID()+"/notes/"+strings.Repeat("0", 32)); resp.StatusCode != http.StatusGone {
		t.Errorf("what was taken away: %s", resp.Status)
	}
	must(t, desk.DropActorFile(ctx, "ap/news"))
	if resp, _ := get(t, a.ID()); resp.StatusCode != http.StatusNotFound {
		t.Errorf("an account that is dropped: %s", resp.Status)
	}
}

// TestLettersHoldUpNothing: letters that do not come take no place from whoever asks for
// a document; what is not signed as it must be is refused before its body; of accounts
// that are no more few are kept, and none in the place of who asks to follow.
func TestLettersHoldUpNothing(t *testing.T) {
	ctx := t.Context()
	c := newCollective(t)
	n := start(t, c.config(t.TempDir()))
	s := httptest.NewServer(n.Actors())
	t.Cleanup(s.Close)
	must(t, n.desk(c).PutActorFile(ctx, "ap/news", []byte("{}")))
	a := actor.Account{Base: s.URL, Name: "news"}
	der, err := actor.NewKey()
	must(t, err)
	key, err := actor.ParseKey(der)
	must(t, err)
	begin := func(signed bool) net.Conn {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, a.Base+a.Inbox(), nil)
		must(t, err)
		r.Header.Set("Content-Type", actor.Type)
		must(t, actor.Sign(r, []byte("{"), "https://social.example/users/reader#main-key", key, time.Now()))
		if !signed {
			r.Header.Del("Signature")
		}
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		must(t, err)
		t.Cleanup(func() { conn.Close() })
		fmt.Fprintf(conn, "POST /ap/news/inbox HTTP/1.1\r\nHost: %s\r\nContent-Length: 60000\r\n", r.URL.Host)
		must(t, r.Header.Write(conn))
		fmt.Fprint(conn, "\r\n{")
		return conn
	}
	answer := func(conn net.Conn) int {
		t.Helper()
		must(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		return resp.StatusCode
	}
	if status := answer(begin(false)); status != http.StatusUnauthorized {
		t.Errorf("an unsigned letter that does not come is answered with %d", status)
	}
	for range 128 {
		begin(true)
	}
	const reader = "https://social.example/users/reader"
	follow := func() int {
		return post(t, a, key, fmt.Appendf(nil, `{"id":"%s#1","type":"Follow","actor":%q,"object":%q}`, reader, reader, a.ID()), reader, nil)
	}
	like := func() int {
		return post(t, a, key, fmt.Appendf(nil, `{"type":"Like","actor":%q,"object":%q}`, reader, a.ID()), reader, nil)
	}
	for until := time.Now().Add(5 * time.Second); like() != http.StatusServiceUnavailable; {
		if time.Now().After(until) {
			t.Fatal("there is no end of places for letters")
		}
	}
	if resp, _ := get(t, a.ID()); resp.StatusCode != http.StatusOK {
		t.Errorf("while letters take all their places, the account answers %s", resp.Status)
	}

	n2 := start(t, c.config(t.TempDir()))
	s2 := httptest.NewServer(n2.Actors())
	defer s2.Close()
	must(t, n2.desk(c).PutActorFile(ctx, "ap/news", []byte("{}")))
	a.Base = s2.URL
	last := 0
	for i := 0; i < 100 && last != http.StatusServiceUnavailable; i++ {
		who := fmt.Sprintf("https://social.example/users/%d", i)
		last = post(t, a, key, fmt.Appendf(nil, `{"id":"%s#gone","type":"Delete","actor":%q,"object":%q}`, who, who, who), who, nil)
	}
	if last != http.StatusServiceUnavailable {
		t.Errorf("after a hundred accounts that are no more, one is answered with %d", last)
	}
	if status := follow(); status != http.StatusAccepted {
		t.Errorf("who asks to follow then is answered with %d", status)
	}
}

func post(t testing.TB, a actor.Account, key *rsa.PrivateKey, body []byte, who string, change func(*http.Request)) int {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, a.Base+a.Inbox(), bytes.NewReader(body))
	must(t, err)
	r.Header.Set("Content-Type", actor.Type)
	must(t, actor.Sign(r, body, who+"#main-key", key, time.Now()))
	if change != nil {
		change(r)
	}
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	resp.Body.Close()
	return resp.StatusCode
}
