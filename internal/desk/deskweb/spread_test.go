package deskweb

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/spread"
)

// wall is a made-up platform: what is put up on it hangs there until it is taken
// down.
type wall struct {
	mu    sync.Mutex
	hangs map[string]string
	fails error // of the next call
}

const wallSecret = "CANARY-secret-of-the-wall"

func (w *wall) Check(place string, secret []byte) error {
	if string(secret) != wallSecret {
		return fault.Invalid("spread.telegram.token_shape")
	}
	return nil
}

func (w *wall) Fit(m spread.Message) (spread.Message, error) {
	var err error
	m.Body, err = m.Text(10_000, func(s string) int { return len(s) })
	return m, err
}

func (w *wall) At(_ spread.Channel, id, url string) (spread.Remote, error) {
	return spread.ParseRemote(id, url)
}

func (w *wall) Open(spread.Channel, []byte) (spread.Connector, error) { return w, nil }

func (w *wall) failure() error {
	err := w.fails
	w.fails = nil
	return err
}

func (w *wall) Send(_ context.Context, m spread.Message) (spread.Remote, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hangs[m.Key] = m.Title
	return spread.Remote{ID: m.Key, URL: "https://wall.example/" + m.Record}, w.failure()
}

func (w *wall) Edit(_ context.Context, at spread.Remote, m spread.Message) (spread.Remote, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hangs[at.ID] = m.Title
	return at, w.failure()
}

func (w *wall) Delete(_ context.Context, at spread.Remote, _ spread.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.hangs, at.ID)
	return w.failure()
}

// list is a wall to which one letter is put up for many posts.
type list struct{ *wall }

func (l list) Gather(_ spread.Channel, all []spread.Message) (spread.Message, error) {
	letter := all[0]
	letter.Title, letter.Body = "A letter", "It begins.\n\n"+letter.Body
	return letter, nil
}

func (w *wall) failsNext(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fails = err
}

func (w *wall) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.hangs)
}

// spreads has a person carry the published record on: describe a channel, look at
// what would go, confirm, send, take it back.
func (p *person) spreads(t *testing.T) {
	t.Helper()
	p.until("/en/cases/1", `<span class="state">published</span>`)
	p.get("/en/publish")
	p.sees(`href="/en/spread"`)
	p.get("/en/spread")
	p.sees("There is no channel yet", "Nothing waits for you")
	channel := []string{"kind", "wall", "name", "The wall", "place", "by the market", "first", "ru", "language", "kk", "language", "ru", "carry", "film", "carry", "poster"}
	p.post("/en/channels", append(channel, "secret", "another")...)
	p.sees("no token", "by the market", `<option value="ru" lang="ru" selected>`, `name="language" value="kk" checked`, `name="carry" value="film" checked`, `name="carry" value="card">`)
	if p.code != http.StatusUnprocessableEntity {
		t.Errorf("a wrong secret: got %d", p.code)
	}
	p.post("/en/channels", append(channel, "secret", wallSecret)...)
	p.sees("The channel The wall is added. It is off.")
	if strings.Contains(p.body, "CANARY") {
		t.Error("the page shows the channel's secret")
	}
	p.get("/en/cases/1")
	p.sees("Nothing was carried on elsewhere", "The wall")
	p.post("/en/spread/posts", "record", "000001", "channel", "1")
	p.sees("Record 000001 on The wall", "waits for the check", "Взятка на въезде", "/ru/r/0000/000001.html", "/records/0000/000001/v1.json", "No identity document")
	if p.path != "/en/spread/1" {
		t.Fatalf("the post is at %s", p.path)
	}
	digest := regexp.MustCompile(`name="digest" value="([0-9a-f]{64})"`).FindStringSubmatch(p.body)[1]
	film := regexp.MustCompile(`src="(/media/post/1/film)"`).FindStringSubmatch(p.body)[1]
	resp := must(p.client.Get(p.server.URL + film))
	b := must(io.ReadAll(resp.Body))
	resp.Body.Close()
	if resp.Header.Get("Content-Type") != "video/mp4" || len(b) < 1000 || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("the film to be looked at: %d bytes, %v", len(b), resp.Header)
	}
	p.post("/en/spread/1/confirm", "digest", digest, "checked", "faces")
	p.sees("Not everything on the checklist is confirmed", `value="faces" checked`)
	p.post("/en/spread/1/confirm", "digest", "of something else", "checked", "faces")
	p.sees(`value="faces">`) // of what changed nothing was looked at
	all := []string{"digest", digest}
	for _, item := range spread.Checklist() {
		all = append(all, "checked", item)
	}
	p.post("/en/spread/1/confirm", all...)
	p.sees("Confirmed. It goes when its channel is on", "queued")
	p.post("/en/spread/halt")
	p.sees("Aigul stopped all spreading")
	p.get("/en/")
	p.sees("Aigul stopped all spreading")
	p.room.wall.failsNext(&spread.Failure{Outcome: spread.Unknown, Err: fault.Later("spread.telegram.cut")})
	p.post("/en/channels/1", "to", "on")
	p.until("/en/work", "done")
	if p.room.wall.count() != 0 {
		t.Error("something hangs there while all is stopped")
	}
	p.post("/en/spread/release") // sends what the stop held up
	p.until("/en/spread/1", "It is not sent again by itself")
	p.get("/en/")
	p.sees("Carried on elsewhere")
	p.post("/en/spread/1/as/there", "remote", "", "url", "https://wall.example/42")
	p.sees("not said as what the platform names", `value="https://wall.example/42"`)
	for key := range p.room.wall.hangs {
		p.post("/en/spread/1/as/there", "remote", key, "url", "https://wall.example/000001")
	}
	p.sees("https://wall.example/000001", "Take it back")
	p.until("/en/work", "done")
	p.post("/en/spread/1/as/recall")
	p.until("/en/spread/1", "taken back")
	if n := p.room.wall.count(); n != 0 {
		t.Errorf("%d hang there that were taken back", n)
	}
	p.post("/en/spread/1/as/nonsense")
	if p.code != http.StatusUnprocessableEntity {
		t.Errorf("an act that is none: got %d", p.code)
	}
	p.writes(t)
	p.post("/en/channels/1", "to", "removed")
	if p.code != http.StatusUnprocessableEntity {
		t.Errorf("removing without a word: got %d", p.code)
	}
	p.post("/en/channels/1", "to", "removed", "sure", "1")
	p.sees("removed")
	p.get("/en/spread/9")
	if p.code != http.StatusNotFound {
		t.Errorf("a post that is not there: got %d", p.code)
	}
	p.get("/en/custody")
	p.sees("confirmed the check for a channel", "stopped all spreading", "took a post back")
}

// writes has a person send a letter to a list: confirmed, the record waits until they
// have looked at the whole letter and send that and no other.
func (p *person) writes(t *testing.T) {
	t.Helper()
	p.post("/en/channels", "kind", "list", "name", "The list", "place", "news@lists.example", "language", "ru", "secret", wallSecret)
	p.post("/en/channels/2", "to", "on")
	p.until("/en/letters/2", "Nothing waits for a letter to “The list”") // when the sending that this began has ended
	p.post("/en/spread/posts", "record", "000001", "channel", "2")
	confirm := []string{"digest", regexp.MustCompile(`name="digest" value="([0-9a-f]{64})"`).FindStringSubmatch(p.body)[1]}
	for _, item := range spread.Checklist() {
		confirm = append(confirm, "checked", item)
	}
	p.post("/en/spread/2/confirm", confirm...)
	p.sees("It goes with the next letter that somebody looks at and sends", "waits for the next letter")
	p.get("/en/spread")
	p.sees("For the next letter to “The list”", `href="/en/letters/2"`)
	p.post("/en/letters/2", "digest", "of another")
	p.sees("not the one that was looked at", "To news@lists.example; records in it: 1", "A letter", "It begins.", "Взятка на въезде")
	if p.code != http.StatusConflict || p.room.wall.count() != 0 {
		t.Errorf("a letter that nobody looked at: got %d, %d went", p.code, p.room.wall.count())
	}
	p.post("/en/letters/2", "digest", regexp.MustCompile(`name="digest" value="([0-9a-f]{64})"`).FindStringSubmatch(p.body)[1])
	p.until("/en/spread/2", `<span class="state state-ok">there</span>`)
	if p.room.wall.count() != 1 {
		t.Errorf("%d letters went", p.room.wall.count())
	}
	p.post("/en/spread/2/as/recall")
	p.until("/en/spread/2", "taken back")
}

// TestJoinAway: what was away in any round of a sending is told of at its end, once.
func TestJoinAway(t *testing.T) {
	t.Parallel()
	early, late := fault.Later("node.away"), fault.Later("node.refused")
	all := joinAway(nil, []desk.NodeFault{{URL: "a", Err: early}, {URL: "b", Err: early}})
	all = joinAway(joinAway(all, []desk.NodeFault{{URL: "a", Err: late}}), nil)
	if len(all) != 2 || all[0].URL != "b" || all[1].URL != "a" || all[1].Err != error(late) {
		t.Errorf("away are %+v", all)
	}
}
