package laneweb

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"testing"
	"time"

	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/web"
)

// TestTellingInABrowser has Chromium tell from a small phone, be steered, change
// its mind, reload, come back with the code, and tell without scripts.
// web/test/lane.mjs is the person.
func TestTellingInABrowser(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t)}, 0).withCity()
	assets, err := web.Assets()
	check(t, err)
	mux := http.NewServeMux()
	mux.Handle(web.Prefix, assets)
	mux.Handle("/", r.web.Before(http.NotFoundHandler()))
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "test/lane.mjs", server.URL)
	cmd.Dir = "../../../web"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	all, err := r.lane.List(t.Context(), lane.Filter{Limit: 9})
	if err != nil || len(all) != 2 {
		t.Errorf("two reports were told; kept are %+v, %v", all, err)
	}
}

// TestVerdictInABrowser has Chromium come back with the code of a supporter and
// with the holder's, after the authority answered, until the report is confirmed;
// and read the scoreboard and the page of the data. web/test/verdict.mjs is both.
func TestVerdictInABrowser(t *testing.T) {
	now := time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)
	r := newRoom(t, lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t), Now: func() time.Time { return now }}, 0).withCity()
	for i := range 24 {
		r.judged([]lane.Word{lane.SaysMended, "", lane.SaysNot}[i%3], delivered, []lane.Move{mended, refused, mended, mended}[i%4])
	}
	f, friend := draft(), lane.NewCode()
	id := r.tell("manhole", f)
	r.want("POST", "/en/open/same/"+id, url.Values{"code": {friend}}, 200)
	r.move(id, delivered, mended)
	now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	assets, err := web.Assets()
	check(t, err)
	mux := http.NewServeMux()
	mux.Handle(web.Prefix, assets)
	mux.Handle("/", r.web.Before(http.NotFoundHandler()))
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "test/verdict.mjs", server.URL, id, f.Get("code"), friend)
	cmd.Dir = "../../../web"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
}
