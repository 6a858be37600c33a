package desk

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kua/internal/actor"
	"kua/internal/casefile"
	"kua/internal/fault"
	"kua/internal/node"
	"kua/internal/nodeapi"
	"kua/internal/onion"
	"kua/internal/parcel"
	"kua/internal/spread"
	"kua/internal/spread/activitypub"
)

// square is a desk with one published record at a real node, and an account there.
type square struct {
	*spreader
	h    *house
	base string // the account's id
}

func newSquare(t testing.TB) *square {
	t.Helper()
	ctx := context.Background()
	h := newHouse(t)
	x := &square{spreader: &spreader{collective: newCollectiveAt(t, h.server.URL, h.key)}, h: h}
	h.start(t, x.chain)
	pages, actors := h.now, h.node.Actors()
	h.now = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if node.IsActor(r.URL.Path) {
			actors.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
	x.kinds = map[string]spread.Kind{activitypub.Name: activitypub.Kind{HTTP: &http.Client{Transport: onion.Direct()}, Near: true}}
	x.d = x.open(x.aigul)
	x.s = x.sit(x.d, x.aigul)
	now, err := x.chain.Verify("")
	ok(t, err)
	sealed, report := x.seal(now.Recipients(), parcel.Consent{})
	client := nodeapi.NewClient(h.server.URL, nodeapi.WithNodeKey(h.key))
	index, err := parcel.Split(bytes.NewReader(sealed), func(_ int, hash string, piece []byte) error {
		return client.PutPiece(ctx, report.keys.Mailbox, hash, piece)
	})
	ok(t, err)
	done, err := client.Commit(ctx, report.keys.Mailbox, index)
	ok(t, err)
	_, err = x.d.Collect(ctx, nil)
	ok(t, err)
	x.caseID = x.casework(x.s, done.Parcel)
	x.publish(x.d, x.caseID)
	ok(t, x.d.WaitIdle(ctx))
	host := strings.TrimPrefix(h.server.URL, "http://")
	x.base = h.server.URL + "/ap/news"
	x.channel, err = x.s.AddChannel(ctx, spread.Channel{Kind: activitypub.Name, Name: "Square", Place: "@news@" + host, Languages: []string{"ru"}}, nil)
	ok(t, err)
	ok(t, x.s.TurnChannel(ctx, x.channel, true))
	if out := x.spread(); len(out.Away) > 0 {
		t.Fatalf("Spread = %+v", out)
	}
	return x
}

// newest gives the newest post of the record.
func (x *square) newest() spread.Post {
	x.t.Helper()
	posts, err := x.d.Posts(context.Background(), "000001")
	ok(x.t, err)
	return posts[0]
}

func (x *square) audience(want spread.Audience) {
	x.t.Helper()
	if got, err := x.d.Audience(context.Background(), x.channel); err != nil || got != want {
		x.t.Errorf("the audience is %+v, %v; want %+v", got, err, want)
	}
}

// nobodyAtNode: what the node holds names nobody who follows or asks to.
func (x *square) nobodyAtNode(who string) {
	x.t.Helper()
	ok(x.t, filepath.WalkDir(x.h.dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if b, _ := os.ReadFile(name); bytes.Contains(b, []byte(who)) {
			x.t.Errorf("the node says who follows, in %s", name)
		}
		return nil
	}))
}

// peer is the server of web/test/fediverse.mjs.
type peer struct {
	t     testing.TB
	in    io.Writer
	lines chan map[string]any
	url   string
}

func startPeer(t testing.TB) *peer {
	t.Helper()
	script, err := filepath.Abs("../../web/test/fediverse.mjs")
	ok(t, err)
	cmd := exec.Command("node", script)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	ok(t, err)
	out, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	p := &peer{t: t, in: in, lines: make(chan map[string]any, 100)}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			var line map[string]any
			if json.Unmarshal(s.Bytes(), &line) == nil {
				p.lines <- line
			}
		}
	}()
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	p.url, _ = p.next()["url"].(string)
	return p
}

// next gives what the peer says next.
func (p *peer) next() map[string]any {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok || line["failed"] != nil {
			p.t.Fatalf("the other server says %v", line)
		}
		return line
	case <-time.After(time.Minute):
		p.t.Fatal("the other server says nothing")
	}
	return nil
}

func (p *peer) order(words string) map[string]any {
	p.t.Helper()
	_, err := fmt.Fprintln(p.in, words)
	ok(p.t, err)
	return p.next()
}

// TestFediverse: another implementation finds the account, follows it, and believes
// what it is told: a record, its correction, its withdrawal. A copy of the node, which
// has all but the key, it does not believe.
func TestFediverse(t *testing.T) {
	ctx := context.Background()
	x, p := newSquare(t), startPeer(t)
	if got := p.order("follow " + x.base); got["followed"] != x.base || got["name"] != "Выдуманное общество" {
		t.Fatalf("following gives %v", got)
	}
	x.nobodyAtNode("/users/reader")
	x.spread()
	if got := p.next(); got["heard"] != "Accept" || got["actor"] != x.base {
		t.Errorf("who asked to follow heard %v", got)
	}
	x.audience(spread.Audience{Followers: 1})

	sent := x.post()
	if out := x.spread(); out.Sent != 1 || out.Told != 1 || out.Untold != 0 {
		t.Errorf("Spread = %+v", out)
	}
	sent = x.state(sent.ID, spread.Sent, "")
	got := p.next()
	words, _ := got["words"].(string)
	if got["heard"] != "Create" || got["actor"] != x.base || got["object"] != sent.Remote.ID || !strings.Contains(words, "Избиение на базаре") ||
		!strings.Contains(words, `<a href="`+x.h.server.URL+`/ru/r/0000/000001.html"`) {
		t.Errorf("the record arrived as %v", got)
	}

	x.correct(func(d *casefile.Draft) { d.Title["ru"] = "Избиение <на> новом базаре" })
	x.confirm(x.newest().ID)
	x.spread()
	got = p.next()
	words, _ = got["words"].(string)
	if got["heard"] != "Update" || got["object"] != sent.Remote.ID || !strings.Contains(words, "Избиение &lt;на&gt; новом базаре") {
		t.Errorf("the correction arrived as %v", got)
	}
	seen := p.order("look " + x.base)
	if list, _ := seen["words"].([]any); len(list) != 1 || list[0] != words || seen["followers"] != 1.0 {
		t.Errorf("the outbox shows %v", seen)
	}

	// Whoever copies the node has its disk, and the desk's calls; the key is not among it.
	other, err := actor.NewKey()
	ok(t, err)
	stolen, err := actor.ParseKey(other)
	ok(t, err)
	forged, err := actor.Account{Base: x.h.server.URL, Name: "news"}.Delete(sent.Remote.ID)
	ok(t, err)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/inbox", bytes.NewReader(forged))
	ok(t, err)
	r.Header.Set("Content-Type", actor.Type)
	ok(t, actor.Sign(r, forged, x.base+"#main-key", stolen, time.Now()))
	resp, err := http.DefaultClient.Do(r)
	ok(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("what a copy of the node signs is answered with %s", resp.Status)
	}
	x.nobodyAtNode("/users/reader")

	x.withdraw()
	if got := p.next(); got["heard"] != "Delete" || got["actor"] != x.base || got["object"] != sent.Remote.ID || got["gone"] != true {
		t.Errorf("the withdrawal arrived as %v", got)
	}
	x.state(x.newest().ID, spread.Withdrawn, "")
	if resp, err := http.Get(sent.Remote.URL); err != nil || resp.StatusCode != http.StatusGone {
		t.Errorf("what was taken away answers %v, %v", resp, err)
	}

	// Another account asks those who follow this one to follow it.
	second, err := x.s.AddChannel(ctx, spread.Channel{Kind: activitypub.Name, Name: "Second", Place: "@second@" + strings.TrimPrefix(x.h.server.URL, "http://"), Languages: []string{"ru"}}, nil)
	ok(t, err)
	if err := x.s.MoveFollowers(ctx, x.channel, second); !errors.Is(err, fault.Conflict("spread.activitypub.no_move")) {
		t.Errorf("followers are sent to an account that is off: %v", err)
	}
	ok(t, x.s.TurnChannel(ctx, second, true))
	ok(t, x.s.MoveFollowers(ctx, x.channel, second))
	x.spread()
	there := x.h.server.URL + "/ap/second"
	got = p.next()
	if stands, _ := got["stands"].([]any); got["heard"] != "Move" || got["actor"] != x.base || got["object"] != x.base || got["target"] != there || len(stands) != 1 || stands[0] != x.base {
		t.Errorf("the move arrived as %v", got)
	}
	p.order("leave " + x.base)
	x.spread()
	x.audience(spread.Audience{})
}

// stranger is a server of the network under a test's hands.
type stranger struct {
	*httptest.Server
	key     *rsa.PrivateKey
	answer  func(w http.ResponseWriter, r *http.Request) bool // true: it has answered
	asked   []string
	letters []map[string]any
}

func newStranger(t testing.TB) *stranger {
	t.Helper()
	der, err := actor.NewKey()
	ok(t, err)
	key, err := actor.ParseKey(der)
	ok(t, err)
	s := &stranger{key: key}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked = append(s.asked, r.Method+" "+r.URL.Path)
		if s.answer != nil && s.answer(w, r) {
			return
		}
		if r.Method == http.MethodPost {
			var o map[string]any
			ok(t, json.NewDecoder(r.Body).Decode(&o))
			s.letters = append(s.letters, o)
			w.WriteHeader(http.StatusAccepted)
			return
		}
		s.account(t, w, nil)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *stranger) id() string { return s.URL + "/users/reader" }

// account writes the account's document, with other members where a test wants them.
func (s *stranger) account(t testing.TB, w http.ResponseWriter, other map[string]any) {
	public, err := actor.PublicPEM(s.key)
	ok(t, err)
	o := map[string]any{"id": s.id(), "type": "Person", "inbox": s.id() + "/inbox", "publicKey": map[string]any{"id": s.id() + "#main-key", "owner": s.id(), "publicKeyPem": public}}
	for name, v := range other {
		o[name] = v
	}
	w.Header().Set("Content-Type", actor.Type+"; charset=utf-8")
	ok(t, json.NewEncoder(w).Encode(o))
}

// says posts an activity to the account's inbox at the node and gives its status.
func (s *stranger) says(t testing.TB, x *square, activity map[string]any, change func(*http.Request)) int {
	t.Helper()
	body, err := json.Marshal(activity)
	ok(t, err)
	r, err := http.NewRequest(http.MethodPost, x.base+"/inbox", bytes.NewReader(body))
	ok(t, err)
	r.Header.Set("Content-Type", actor.Type)
	ok(t, actor.Sign(r, body, s.id()+"#main-key", s.key, time.Now()))
	if change != nil {
		change(r)
	}
	resp, err := http.DefaultClient.Do(r)
	ok(t, err)
	resp.Body.Close()
	return resp.StatusCode
}

func (s *stranger) follow(x *square, n int) map[string]any {
	return map[string]any{"@context": "https://www.w3.org/ns/activitystreams", "id": fmt.Sprintf("%s#%d", s.id(), n), "type": "Follow", "actor": s.id(), "object": x.base}
}

// TestStrangersLetters: who is not whoever they name follows nobody's account; what
// was said before says nothing; servers that do not answer hold nothing up, and a
// withdrawal is not over before each of them was told.
func TestStrangersLetters(t *testing.T) {
	ctx := context.Background()
	x := newSquare(t)
	s := newStranger(t)
	own := s.key
	public, err := actor.PublicPEM(own)
	ok(t, err)
	refusedBy := map[string]func(w http.ResponseWriter, r *http.Request){
		"another key": func(w http.ResponseWriter, r *http.Request) {
			der, err := actor.NewKey()
			ok(t, err)
			key, err := actor.ParseKey(der)
			ok(t, err)
			text, err := actor.PublicPEM(key)
			ok(t, err)
			s.account(t, w, map[string]any{"publicKey": map[string]any{"id": s.id() + "#main-key", "owner": s.id(), "publicKeyPem": text}})
		},
		"somebody else's key": func(w http.ResponseWriter, r *http.Request) {
			s.account(t, w, map[string]any{"publicKey": map[string]any{"id": s.id() + "#main-key", "owner": s.URL + "/users/other", "publicKeyPem": public}})
		},
		"an inbox elsewhere": func(w http.ResponseWriter, r *http.Request) {
			s.account(t, w, map[string]any{"inbox": "https://victim.example/inbox"})
		},
		"another's document": func(w http.ResponseWriter, r *http.Request) {
			s.account(t, w, map[string]any{"id": s.URL + "/users/other"})
		},
		"a file people put up": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"id":%q,"inbox":%q,"publicKey":{"id":%q,"owner":%q,"publicKeyPem":%q}}`, s.id(), s.id()+"/inbox", s.id()+"#main-key", s.id(), public)
		},
		"too much": func(w http.ResponseWriter, r *http.Request) {
			s.account(t, w, map[string]any{"summary": strings.Repeat("x", 300<<10)})
		},
		"a way without an end": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, s.URL+"/again", http.StatusFound) },
		"a way into our network": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://10.0.0.1/", http.StatusFound)
		},
	}
	n := 0
	for what, answer := range refusedBy {
		s.answer = func(w http.ResponseWriter, r *http.Request) bool { answer(w, r); return true }
		n++
		if status := s.says(t, x, s.follow(x, n), nil); status != http.StatusAccepted {
			t.Fatalf("%s: the node answers %d", what, status)
		}
		if out := x.spread(); len(out.Away) > 0 {
			t.Errorf("%s: %+v", what, out)
		}
		x.audience(spread.Audience{})
	}
	s.answer = nil

	// Whose name is another machine's own, or only Tor's, is not called.
	for _, id := range []string{"https://10.0.0.1/users/a", "https://printer.local/users/a", "https://" + strings.Repeat("a", 56) + ".onion/users/a", "http://social.example.org/users/a", "https://social.example.org:8080/users/a"} {
		follow := s.follow(x, 1)
		follow["actor"] = id
		if status := s.says(t, x, follow, nil); status != http.StatusAccepted {
			t.Errorf("%s: the node answers %d", id, status)
		}
	}
	before := len(s.asked)
	x.spread()
	x.audience(spread.Audience{})
	if left, err := x.d.nodeOf(t).ActorLetters(ctx, 0); err != nil || len(left) != 0 || len(s.asked) != before {
		t.Errorf("left at the node: %v, %v; asked: %v", left, err, s.asked[before:])
	}

	// A server that does not answer now may later.
	s.answer = func(w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true }
	s.says(t, x, s.follow(x, 100), nil)
	x.spread()
	x.audience(spread.Audience{})
	s.answer = nil
	out := x.spread()
	x.audience(spread.Audience{Followers: 1})
	if len(s.letters) != 1 || s.letters[0]["type"] != "Accept" || out.Told != 1 {
		t.Errorf("who asked to follow was told %v", s.letters)
	}

	// The letter of before, brought again once its writer has left.
	var again *http.Request
	follow := s.follow(x, 101)
	body, err := json.Marshal(follow)
	ok(t, err)
	s.says(t, x, follow, func(r *http.Request) { again = r.Clone(ctx) })
	x.spread()
	s.says(t, x, map[string]any{"id": s.id() + "#undo", "type": "Undo", "actor": s.id(), "object": follow}, nil)
	x.spread()
	x.audience(spread.Audience{})
	again.Body = io.NopCloser(bytes.NewReader(body))
	resp, err := http.DefaultClient.Do(again)
	ok(t, err)
	resp.Body.Close()
	if x.spread(); resp.StatusCode != http.StatusAccepted {
		t.Errorf("the letter of before is answered with %s", resp.Status)
	}
	x.audience(spread.Audience{})

	// Two servers; one is away while a record is withdrawn.
	second := newStranger(t)
	s.says(t, x, s.follow(x, 102), nil)
	second.says(t, x, second.follow(x, 1), nil)
	x.spread()
	x.audience(spread.Audience{Followers: 2})
	p := x.post()
	x.spread()
	x.state(p.ID, spread.Sent, "")
	secret, err := x.d.db.ChannelSecret(ctx, x.channel)
	ok(t, err)
	x.noSecretAtRest(s.id(), string(secret))

	// Who has left meanwhile still has the words; our own node may be away too.
	s.says(t, x, map[string]any{"id": s.id() + "#undo-2", "type": "Undo", "actor": s.id(), "object": s.follow(x, 102)}, nil)
	x.spread()
	x.audience(spread.Audience{Followers: 1})
	pages := x.h.now
	x.h.now = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, nodeapi.Base+"/desk/actor/") {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		pages.ServeHTTP(w, r)
	})
	second.answer = func(w http.ResponseWriter, r *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	x.withdraw()
	if last := s.letters[len(s.letters)-1]; last["type"] != "Delete" {
		t.Errorf("who answers was told %v", last)
	}
	x.state(p.ID, spread.Queued, "spread.activitypub.untold")
	second.answer, x.h.now = nil, pages
	x.now = x.now.Add(time.Hour)
	x.spread()
	x.state(p.ID, spread.Withdrawn, "")
	if last := second.letters[len(second.letters)-1]; last["type"] != "Delete" {
		t.Errorf("who was away was told %v", last)
	}

	_, err = x.s.AddChannel(ctx, spread.Channel{Kind: activitypub.Name, Name: "Twice", Place: "@news@" + strings.TrimPrefix(x.h.server.URL, "http://"), Languages: []string{"ru"}}, nil)
	if !errors.Is(err, fault.Conflict("spread.channel_there")) {
		t.Errorf("a second channel at one account: %v", err)
	}

	// An inbox that is no more follows no more.
	second.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusGone)
		}
		return r.Method == http.MethodPost
	}
	second.says(t, x, second.follow(x, 2), nil)
	x.spread()
	x.audience(spread.Audience{})

	// A stop stops accounts too. With the channel go those who followed it, and what the
	// node shows.
	ok(t, x.s.HaltSpreading(ctx))
	asked := len(s.asked)
	s.says(t, x, s.follow(x, 103), nil)
	if x.spread(); len(s.asked) != asked {
		t.Errorf("while everything is stopped, %v", s.asked[asked:])
	}
	ok(t, x.s.ReleaseSpreading(ctx))
	ok(t, x.s.RemoveChannel(ctx, x.channel))
	for _, table := range []string{"followers", "heard", "said", "tellings", "moves"} {
		var n int
		ok(t, x.d.db.SQL().QueryRowContext(ctx, `SELECT count(*) FROM `+table).Scan(&n))
		if n != 0 {
			t.Errorf("%d rows are left of %s", n, table)
		}
	}
	x.spread()
	if files, err := x.d.nodeOf(t).ActorFiles(ctx); err != nil || len(files) != 0 {
		t.Errorf("the node still shows %v, %v", files, err)
	}
	_, err = x.s.AddChannel(ctx, spread.Channel{Kind: activitypub.Name, Name: "Away", Place: "@news@other.example", Languages: []string{"ru"}}, nil)
	if !errors.Is(err, fault.Conflict("spread.activitypub.no_node")) {
		t.Errorf("an account where no node is: %v", err)
	}
}
