package laneweb

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/web"
)

// TestDraftInABrowser has Chromium lose its connection while it tells: what it was
// asked to keep is offered back, goes on by itself, is sent once and is erased.
// web/test/draft.mjs is the person.
func TestDraftInABrowser(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t)}, 0).withCity()
	assets, err := web.Assets()
	check(t, err)
	mux := http.NewServeMux()
	mux.Handle(web.Prefix, assets)
	mux.Handle("/", r.web.Before(http.NotFoundHandler()))
	server := httptest.NewServer(mux)
	defer server.Close()
	photo := filepath.Join(t.TempDir(), "photo.jpg")
	check(t, os.WriteFile(photo, lanetest.Photo(t, 400, 300, 33), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "test/draft.mjs", server.URL, photo)
	cmd.Dir = "../../../web"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	all, err := r.lane.List(t.Context(), lane.Filter{Limit: 9})
	if err != nil || len(all) != 1 {
		t.Errorf("one report was sent; kept are %+v, %v", all, err)
	}
}
