package desk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kua/internal/actor"
	"kua/internal/fault"
	"kua/internal/onion"
	"kua/internal/spread"
	"kua/internal/spread/activitypub"
)

// crowd is a server with many accounts, each with an inbox of its own, which is silent
// for as long as it is told to.
type crowd struct {
	*stranger
	mu     sync.Mutex
	silent chan struct{} // nil: it answers
	posted int
	began  chan struct{}
}

func newCrowd(t testing.TB, x *square, n int) *crowd {
	t.Helper()
	c := &crowd{stranger: newStranger(t), began: make(chan struct{}, 100)}
	public, err := actor.PublicPEM(c.key)
	ok(t, err)
	c.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			id := c.URL + r.URL.Path
			c.account(t, w, map[string]any{"id": id, "inbox": id + "/inbox", "publicKey": map[string]any{"id": c.id() + "#main-key", "owner": id, "publicKeyPem": public}})
			return
		}
		c.mu.Lock()
		c.posted++
		silent := c.silent
		c.mu.Unlock()
		c.began <- struct{}{}
		if silent != nil {
			select {
			case <-silent:
			case <-r.Context().Done():
			}
		}
		w.WriteHeader(http.StatusAccepted)
	})
	for i := range n {
		id := fmt.Sprintf("%s/users/%d", c.URL, i)
		c.says(t, x, map[string]any{"id": id + "#1", "type": "Follow", "actor": id, "object": x.base}, nil)
	}
	x.spread()
	x.audience(spread.Audience{Followers: n})
	return c
}

// hush makes the server silent until speak is called.
func (c *crowd) hush(t testing.TB) (speak func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	silent := make(chan struct{})
	c.silent, c.posted = silent, 0
	for len(c.began) > 0 {
		<-c.began
	}
	speak = sync.OnceFunc(func() {
		c.mu.Lock()
		c.silent = nil
		c.mu.Unlock()
		close(silent)
	})
	t.Cleanup(speak)
	return speak
}

// anew opens the desk again with accounts that wait so long for a stranger's server,
// and another platform.
func (x *square) anew(patience time.Duration) {
	x.t.Helper()
	road := onion.Direct()
	road.ResponseHeaderTimeout = patience
	x.p = &platform{diary: x.t.TempDir() + "/platform"}
	x.kinds = map[string]spread.Kind{activitypub.Name: activitypub.Kind{HTTP: &http.Client{Transport: road}, Near: true}, "made-up": x.p}
	x.close(x.d)
	x.d = x.open(x.aigul)
	x.s = x.sit(x.d, x.aigul)
}

// TestSilentFollowers: servers that do not answer do not hold up what is taken away at
// another channel, be it that they are told of a withdrawal or of something new; each is
// waited for once in a round, and who was not told stays an alarm.
func TestSilentFollowers(t *testing.T) {
	ctx := context.Background()
	x := newSquare(t)
	x.anew(0)
	other, err := x.s.AddChannel(ctx, spread.Channel{Kind: "made-up", Name: "Other", Place: "@news", Languages: []string{"ru"}}, []byte(channelSecret))
	ok(t, err)
	ok(t, x.s.TurnChannel(ctx, other, true))
	q, err := x.s.Post(ctx, "000001", other)
	ok(t, err)
	x.confirm(q.ID)
	x.spread()
	x.state(q.ID, spread.Sent, "")
	x.p.saw(t)
	const n = 12
	c := newCrowd(t, x, n)
	p := x.post()
	if p, err := x.d.first(ctx, []spread.Post{{ID: 1, Act: spread.Delete, Channel: x.channel}, {ID: 2, Act: spread.Delete, Channel: other}}); err != nil || p.ID != 2 {
		t.Errorf("of what is to be taken away, %d goes first, %v", p.ID, err)
	}
	speak := c.hush(t)

	// A withdrawal while followers are told of a new record.
	taken := make(chan int, 1)
	x.p.before = func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		taken <- c.posted
		x.p.before = nil
	}
	x.d.awayTime = 0
	done := make(chan error, 1)
	go func() { _, err := x.d.Spread(ctx, nil); done <- err }()
	for range tellers {
		<-c.began
	}
	withdrawn := make(chan struct{})
	go func() { defer close(withdrawn); x.withdraw() }()
	for due := false; !due; time.Sleep(10 * time.Millisecond) {
		due, err = x.d.db.AwayDue(ctx)
		ok(t, err)
	}
	speak()
	if got := <-taken; got != tellers {
		t.Errorf("before anything was taken away elsewhere %d calls were made to a silent server, want %d", got, tellers)
	}
	ok(t, <-done)
	<-withdrawn

	// There was no time for any of those that had been told.
	x.state(p.ID, spread.Queued, "spread.activitypub.untold")
	counts, err := x.d.PostCounts(ctx)
	if err != nil || counts.Undone != 1 {
		t.Errorf("counted: %+v, %v", counts, err)
	}
	x.anew(300 * time.Millisecond)
	x.now = x.now.Add(time.Hour)
	c.hush(t)
	x.spread()
	x.state(p.ID, spread.Queued, "spread.activitypub.untold")
	if c.posted == 0 || c.posted > tellers {
		t.Errorf("a silent server was called %d times in one round", c.posted)
	}
}

// TestLettersThatStay: letters that stay at the node keep it from no others.
func TestLettersThatStay(t *testing.T) {
	ctx := context.Background()
	x := newSquare(t)
	homes, err := x.d.homes(ctx)
	ok(t, err)
	h := homes[x.h.server.URL]
	var good *stranger
	for range 3 {
		bad := newStranger(t)
		bad.answer = func(w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true }
		bad.says(t, x, bad.follow(x, 1), nil)
		bad.says(t, x, bad.follow(x, 2), nil)
		good = bad
	}
	good.answer = nil
	for range 4 { // letters
		ok(t, x.d.hearAt(ctx, h, 1, &Spreaded{}))
		x.audience(spread.Audience{})
	}
	ok(t, x.d.hearAt(ctx, h, 1, &Spreaded{}))
	x.audience(spread.Audience{Followers: 1, Waiting: 1})
}

// TestAnotherDesksAccount: what another desk's account at the same node shows, and letters
// to it, are left to that desk, also when it takes a name that was ours; a name that the
// node shows already is no new account's.
func TestAnotherDesksAccount(t *testing.T) {
	ctx := context.Background()
	x := newSquare(t)
	n, host := x.d.nodeOf(t), strings.TrimPrefix(x.h.server.URL, "http://")
	put := func(files ...string) {
		t.Helper()
		for _, f := range files {
			ok(t, n.PutActorFile(ctx, f, []byte(`{}`)))
		}
	}
	shown := func(when string, want ...string) {
		t.Helper()
		if out := x.spread(); len(out.Away) > 0 {
			t.Fatalf("%s: %+v", when, out)
		}
		have, err := n.ActorFiles(ctx)
		ok(t, err)
		if got := slices.Sorted(maps.Keys(have)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("%s the node shows %v, want %v", when, got, want)
		}
	}
	own := []string{"ap/news", "ap/news/followers", "ap/news/outbox", "webfinger/news"}
	node := []string{"nodeinfo/2.1", "nodeinfo/links"}
	put("ap/other", "webfinger/other", "ap/news/notes/00112233445566778899aabbccddeeff")
	others := append(node, "ap/other", "webfinger/other")
	shown("with two desks", append(others, own...)...)

	s := newStranger(t)
	to := *x
	to.base = x.h.server.URL + "/ap/other"
	if status := s.says(t, &to, s.follow(&to, 1), nil); status != http.StatusAccepted {
		t.Fatalf("a letter to the other desk's account is answered with %d", status)
	}
	x.spread()
	if left, err := n.ActorLetters(ctx, 0); err != nil || len(left) != 1 {
		t.Errorf("of the other desk's letters are left %v, %v", left, err)
	}
	account := spread.Channel{Kind: activitypub.Name, Name: "Second", Place: "@other@" + host, Languages: []string{"ru"}}
	if _, err := x.s.AddChannel(ctx, account, nil); !errors.Is(err, fault.Conflict("spread.activitypub.name_taken", account.Place)) {
		t.Errorf("an account of a name that is shown already: %v", err)
	}

	ok(t, x.s.RemoveChannel(ctx, x.channel))
	shown("after removing ours", others...)
	put("ap/news", "webfinger/news")
	shown("with the other desk's of the same name", append(others, "ap/news", "webfinger/news")...)
}

// TestWhoLeft: of who followed and left no row is kept for what was for them alone.
func TestWhoLeft(t *testing.T) {
	ctx := context.Background()
	x := newSquare(t)
	rows := func(when string, want int) {
		t.Helper()
		var n int
		ok(t, x.d.db.SQL().QueryRowContext(ctx, `SELECT count(*) FROM tellings`).Scan(&n))
		if n != want {
			t.Errorf("%s: %d rows of what is to be told, want %d", when, n, want)
		}
	}
	s := newStranger(t)
	undo := func(n int) {
		s.says(t, x, map[string]any{"id": fmt.Sprintf("%s#undo-%d", s.id(), n), "type": "Undo", "actor": s.id(), "object": s.follow(x, n)}, nil)
		x.spread()
		x.audience(spread.Audience{})
	}
	s.says(t, x, s.follow(x, 1), nil)
	x.spread()
	rows("told that they follow", 0)
	undo(1)
	s.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return r.Method == http.MethodPost
	}
	s.says(t, x, s.follow(x, 2), nil)
	x.spread()
	rows("not told yet", 1)
	undo(2)
	rows("after leaving", 0)
}

// TestPlaceOfRounds: a database of before a round in which strangers were called fits no
// place any more; a round that calls nobody takes none.
func TestPlaceOfRounds(t *testing.T) {
	ctx := context.Background()
	x := newSquare(t)
	place := func() string {
		t.Helper()
		at, err := x.d.place(ctx)
		ok(t, err)
		return at
	}
	before := place()
	x.spread()
	if place() != before {
		t.Error("a round that calls nobody has taken a place")
	}
	s := newStranger(t)
	s.says(t, x, s.follow(x, 1), nil)
	x.spread()
	if place() == before {
		t.Error("a round that called strangers has taken no place")
	}
}

// TestMoveShowsFirst: nothing is kept of a move that the new account's node does not
// show; a server that was given up is asked again.
func TestMoveShowsFirst(t *testing.T) {
	ctx := context.Background()
	x := newSquare(t)
	s := newStranger(t)
	s.says(t, x, s.follow(x, 1), nil)
	x.spread()
	second, err := x.s.AddChannel(ctx, spread.Channel{Kind: activitypub.Name, Name: "Second", Place: "@second@" + strings.TrimPrefix(x.h.server.URL, "http://"), Languages: []string{"ru"}}, nil)
	ok(t, err)
	ok(t, x.s.TurnChannel(ctx, second, true))
	pages := x.h.now
	x.h.now = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	if err := x.s.MoveFollowers(ctx, x.channel, second); err == nil {
		t.Error("followers are sent to an account whose node is away")
	}
	x.h.now = pages
	if moves, err := x.d.db.Moves(ctx); err != nil || len(moves) != 0 {
		t.Errorf("kept: %v, %v", moves, err)
	}
	ok(t, x.s.MoveFollowers(ctx, x.channel, second))
	s.answer = func(w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(http.StatusForbidden); return true }
	x.spread()
	x.audience(spread.Audience{Followers: 1, Lost: 1})
	s.answer = nil
	ok(t, x.s.MoveFollowers(ctx, x.channel, second))
	x.spread()
	x.audience(spread.Audience{Followers: 1})
	if !slices.ContainsFunc(s.letters, func(l map[string]any) bool { return l["type"] == "Move" }) {
		t.Errorf("it was told %v", s.letters)
	}
}
