package laneweb

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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

// TestFromReportToConfirmed has Chromium be all who have to do with one report: a
// citizen who tells it with a photo, somebody with the same trouble, the authority
// on the link that was sent to it, and both again after its answer, until the
// report is confirmed and the scoreboard is read. web/test/journey.mjs is all of them.
func TestFromReportToConfirmed(t *testing.T) {
	now := time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)
	r := newRoom(t, lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t), Now: func() time.Time { return now }}, 0).withCity()
	for i := range 24 {
		r.judged([]lane.Word{lane.SaysMended, "", lane.SaysNot}[i%3], delivered, []lane.Move{mended, refused, mended, mended}[i%4])
	}
	now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	args := []string{"test/journey.mjs"}
	assets, err := web.Assets()
	check(t, err)
	mux := http.NewServeMux()
	mux.Handle(web.Prefix, assets)
	mux.Handle("/", r.web.Before(http.NotFoundHandler()))
	server := httptest.NewServer(mux)
	defer server.Close()
	// What a letter would carry is handed out by another server: the pages' own has no such address.
	sent := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		id, err := strconv.ParseInt(strings.TrimPrefix(q.URL.Path, "/"), 10, 64)
		check(t, err)
		io.WriteString(rw, server.URL+"/ru/open/at/"+r.linkTo(id))
	}))
	defer sent.Close()
	args = append(args, server.URL, sent.URL+"/")
	for i := range byte(4) {
		photo := filepath.Join(t.TempDir(), "photo.jpg")
		check(t, os.WriteFile(photo, lanetest.Photo(t, 400, 300, 50*i), 0o600))
		args = append(args, photo)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", args...)
	cmd.Dir = "../../../web"
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	t.Logf("%s", out) // what went over the line
}
