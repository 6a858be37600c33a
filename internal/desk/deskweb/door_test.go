package deskweb

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSignIn(t *testing.T) {
	r := newRoom(t)
	p := r.browser()
	p.signIn("Aigul", "not the passphrase")
	if p.path != "/en/sign-in" || p.code < 400 || !strings.Contains(p.body, `role="alert"`) || !strings.Contains(p.body, `<option value="Aigul" selected>`) {
		t.Errorf("a wrong passphrase: got %d: %s", p.code, p.words())
	}
	p.signIn("../../etc/passwd", passphrase)
	p.sees("There is no key file for this name.")
	// Dana's key file lies here and opens, but the charter does not name her.
	p.signIn("Dana", passphrase)
	if p.path != "/en/sign-in" || p.code < 400 {
		t.Errorf("who is not of the desk: got %d at %s", p.code, p.path)
	}
	if r.app.unlocked() {
		t.Error("a stranger's try has left the desk open")
	}
	before := p.cookie(t)
	p.signIn("Aigul", passphrase)
	p.sees("Signed in: Aigul", "Society of Drivers")
	if after := p.cookie(t); after == before {
		t.Error("signing in keeps the name of the session from before")
	}
}

// cookie is the name of the browser's session.
func (p *person) cookie(t *testing.T) string {
	t.Helper()
	u := must(http.NewRequest("GET", p.server.URL, nil)).URL
	for _, c := range p.client.Jar.Cookies(u) {
		if c.Name == cookieName {
			return c.Value
		}
	}
	t.Fatal("no session")
	return ""
}

// TestDeskClosesBehindTheLast: the desk stays open while anybody sits at it, is
// closed behind the last, and opens again with the other person's key.
func TestDeskClosesBehindTheLast(t *testing.T) {
	r := newRoom(t)
	aigul, bolat := r.signedIn("Aigul"), r.signedIn("Bolat")
	aigul.post("/en/sign-out")
	if !r.app.unlocked() {
		t.Fatal("the desk was closed while Bolat sits at it")
	}
	bolat.get("/en/inbox")
	bolat.sees("Inbox")
	aigul.get("/en/inbox")
	if aigul.path != "/en/sign-in" {
		t.Errorf("signed out: got %s", aigul.path)
	}
	bolat.get("/en/")
	bolat.post("/en/sign-out")
	if r.app.unlocked() {
		t.Error("the desk is still open behind the last person")
	}
	r.signedIn("Bolat")
}

// TestLockStopsEverything: one lock ends every session and the film that plays.
func TestLockStopsEverything(t *testing.T) {
	// Larger than what the connection buffers, so that the film is still on its
	// way when the desk is locked.
	r := newRoom(t, file{"long.bin", "video/mp4", append(film(t), make([]byte, 64<<20)...)})
	aigul, bolat := r.signedIn("Aigul"), r.signedIn("Bolat")
	aigul.post("/en/collect")
	aigul.until("/en/", "Last collection")
	resp := must(bolat.client.Get(r.server.URL + "/media/original/1"))
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	aigul.get("/en/")
	aigul.post("/en/lock")
	if aigul.path != "/en/sign-in" {
		t.Errorf("lock leads to %s", aigul.path)
	}
	if n, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Errorf("the film went on for %d bytes after the desk was locked", n)
	}
	bolat.get("/en/cases")
	if bolat.path != "/en/sign-in" {
		t.Errorf("Bolat is still at %s", bolat.path)
	}
	// What was streaming lets the desk go, and it can be opened again.
	r.signedIn("Bolat")
}

// TestTidyWaitsForWork: idle people are signed out, but a desk that collects is
// closed only afterwards.
func TestTidyWaitsForWork(t *testing.T) {
	r := newRoom(t)
	r.signedIn("Aigul")
	r.app.sessions.now = func() time.Time { return time.Now().Add(time.Hour) }
	done := make(chan struct{})
	r.app.run("collect", "Aigul", func(ctx context.Context, _ func(func(*errand))) (any, error) {
		<-done
		return nil, nil
	})
	r.app.Tidy(context.Background())
	if !r.app.unlocked() {
		t.Fatal("the desk was closed while it worked")
	}
	close(done)
	for r.app.errands.running() {
		time.Sleep(time.Millisecond)
	}
	r.app.Tidy(context.Background())
	if r.app.unlocked() {
		t.Error("the desk is still open though nobody has used it")
	}
}

// TestErrandTellsHowFarItIs and cannot be started twice.
func TestErrandRunsOnce(t *testing.T) {
	r := newRoom(t)
	r.signedIn("Aigul")
	started := 0
	synced := make(chan struct{})
	work := func(ctx context.Context, note func(func(*errand))) (any, error) {
		started++
		note(func(e *errand) { e.Done, e.Total = 3, 4 })
		<-synced
		<-ctx.Done()
		return "half", ctx.Err()
	}
	r.app.run("collect", "Aigul", work)
	synced <- struct{}{}
	r.app.run("collect", "Bolat", work)
	if e := r.app.errands.look("collect"); !e.Running() || e.Percent() != 75 || e.By != "Aigul" {
		t.Errorf("got %+v, want Aigul's at 75 %%", e)
	}
	r.app.errands.stop("collect")
	for r.app.errands.running() {
		time.Sleep(time.Millisecond)
	}
	if e := r.app.errands.look("collect"); e.Err == nil || e.Result != "half" || started != 1 {
		t.Errorf("stopped: got %+v after %d starts", e, started)
	}
}

// TestAskedWhileItRuns: a publishing or sending that is asked for while one runs is not
// forgotten, as is a withdrawal's that is signed meanwhile; one that was stopped is not begun again.
func TestAskedWhileItRuns(t *testing.T) {
	r := newRoom(t)
	r.signedIn("Aigul")
	for _, stopped := range []bool{false, true} {
		held, ran := make(chan struct{}), make(chan string, 3)
		work := func(by string) func(context.Context, func(func(*errand))) (any, error) {
			return func(ctx context.Context, _ func(func(*errand))) (any, error) {
				<-held
				ran <- by
				return nil, ctx.Err()
			}
		}
		for _, by := range []string{"Aigul", "Bolat", "Dana"} {
			r.app.runAfter("publish", by, work(by))
		}
		if stopped {
			r.app.errands.stop("publish")
		}
		close(held)
		for end := time.Now().Add(10 * time.Second); len(ran) < 2 && !stopped && time.Now().Before(end) || r.app.errands.running(); {
			time.Sleep(time.Millisecond)
		}
		want := []string{"Aigul", "Dana"}
		if stopped {
			want = want[:1]
		}
		close(ran)
		var got []string
		for by := range ran {
			got = append(got, by)
		}
		if !slices.Equal(got, want) {
			t.Errorf("stopped %t: run for %v, want %v", stopped, got, want)
		}
	}
}

func TestRemainingTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := (&visit{app: locked(t, nil), lang: "en", path: "/"}).frame("", "")
		start := time.Now()
		time.Sleep(30 * time.Second)
		if got := remaining(f, 0, time.Time{}, 50, 100); got != "" {
			t.Errorf("of work that has not begun: got %q", got)
		}
		for _, c := range []struct {
			done, total int64
			want        string
		}{{0, 100, ""}, {100, 100, ""}, {50, 100, "Seconds left: 30"}, {10, 100, "Time left: 4:30"}} {
			if got := remaining(f, 0, start, c.done, c.total); got != c.want {
				t.Errorf("%d of %d after 30 s: got %q, want %q", c.done, c.total, got, c.want)
			}
		}
	})
}
