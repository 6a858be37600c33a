package laneweb

import (
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"kua/internal/blob/s3"
	"kua/internal/blob/s3/s3test"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
)

// TestSeveralProcesses serves one lane through two processes' worth of handlers
// that share a database and a bucket alone: whichever a request hits, it is the
// same lane, and one flood meets one budget.
func TestSeveralProcesses(t *testing.T) {
	store, err := s3.Open(t.Context(), s3test.Bucket(t))
	check(t, err)
	database := lanetest.Database(t)
	const perHour = 12
	process := func() *room {
		return newRoom(t, lane.Config{Dir: t.TempDir(), URL: database, Pictures: store, Cleaner: lanetest.Cleaner(t)}, perHour)
	}
	a, b := process(), process()
	b.want("GET", "/en/open/", nil, 200, elsewhere)
	a.withCity()
	b.want("GET", "/en/open/", nil, 200, "Ulgi") // a new directory is there at once

	f := draft()
	status, page := a.upload("/en/open/review/manhole", f, lanetest.Photo(t, 300, 200, 31))
	drafted := pictures(page)
	if status != 200 || len(drafted) != 1 {
		t.Fatalf("the draft: %d, pictures %v\n%s", status, drafted, page)
	}
	shown := pictureLink.FindString(page)
	if resp, bytes := b.fetch(shown); resp.StatusCode != 200 || len(bytes) == 0 {
		t.Errorf("a draft's photo, brought to one, is %d at the other", resp.StatusCode)
	}
	f["picture"] = drafted
	id := b.tell("manhole", f)
	if again := a.tell("manhole", f); again != id {
		t.Errorf("the same code is report %s at one and %s at the other", id, again)
	}
	a.want("GET", "/en/open/case/"+id, nil, 200, "Открытый люк", shown)
	request, err := a.lane.Request(t.Context(), 1)
	check(t, err)
	token, _, err := a.lane.Link(t.Context(), request.Assignments[0].Number)
	check(t, err)
	b.want("GET", "/en/open/at/"+token, nil, 200, "Открытый люк")

	taken := 1
	for n := range 2 * perHour {
		r, f := []*room{a, b}[n%2], draft("proof", "the work of this is not done")
		if resp, _ := r.do("POST", "/en/open/send/manhole", f); resp.StatusCode == 200 {
			taken++
		} else if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
			t.Fatalf("beyond the budget: %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
		}
	}
	const most = perHour/2 + 1 + perHour/spareShare
	if taken < most || taken > most+2 { // more when a minute ends meanwhile
		t.Errorf("two processes took %d reports without work in an hour, want %d", taken, most)
	}
	later := time.Now().Add(61 * time.Minute)
	for _, r := range []*room{a, b} {
		r.web.budget.now = func() time.Time { return later }
		r.tell("manhole", draft())
	}

	loose, err := a.lane.AddPicture(t.Context(), strings.NewReader(string(lanetest.Photo(t, 300, 200, 32))))
	check(t, err)
	var wg sync.WaitGroup
	for range 2 {
		l, err := lane.Open(t.Context(), lane.Config{Dir: t.TempDir(), URL: database, Pictures: store, Now: func() time.Time { return time.Now().AddDate(0, 0, 3) }})
		check(t, err)
		t.Cleanup(func() { l.Close() })
		wg.Go(func() {
			if err := l.SweepPictures(t.Context()); err != nil {
				t.Errorf("two sweep together: %v", err)
			}
		})
	}
	wg.Wait()
	for hash, want := range map[string]bool{loose.Hash: false, loose.Small: false, drafted[0]: true} {
		if has, err := store.Has(t.Context(), hash); err != nil || has != want {
			t.Errorf("after both swept, picture %s is kept: %v, %v; want %v", hash, has, err, want)
		}
	}
}

var retry = regexp.MustCompile(`^\d+$`)

// TestMovingIsSaid: who sends a report in the moment in which the lane moves is
// told to come back in a minute, and the same form is taken where it went.
func TestMovingIsSaid(t *testing.T) {
	dir, database := t.TempDir(), lanetest.Database(t)
	r := newRoom(t, lane.Config{Dir: dir}, 0).withCity()
	r.tell("manhole", draft())
	var kept url.Values
	_, err := lane.MoveTo(t.Context(), lane.MoveConfig{Dir: dir, URL: database, Progress: func(p lane.Progress) {
		if p.Stage != lane.Stopping || kept != nil {
			return
		}
		kept = draft()
		resp, body := r.do("POST", "/en/open/send/manhole", kept)
		if resp.StatusCode != 503 || !retry.MatchString(resp.Header.Get("Retry-After")) || !strings.Contains(body, "nothing of what you typed is lost") {
			t.Errorf("while it moves: %d, Retry-After %q\n%s", resp.StatusCode, resp.Header.Get("Retry-After"), body)
		}
		r.want("GET", "/en/open/case/1", nil, 200, "Открытый люк") // reading goes on
	}})
	check(t, err)
	if kept == nil {
		t.Fatal("nobody could try")
	}
	if resp, _ := r.do("POST", "/en/open/send/manhole", kept); resp.StatusCode != 503 {
		t.Errorf("the old process answers %d after the move", resp.StatusCode)
	}
	now := newRoom(t, lane.Config{Dir: t.TempDir(), URL: database}, 0)
	if id := now.tell("manhole", kept); id != "2" {
		t.Errorf("the form became report %s, want 2", id)
	}
}
