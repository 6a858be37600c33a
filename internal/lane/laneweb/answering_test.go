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

// TestAnsweringInABrowser has Chromium answer for an authority from a small
// phone: a plan by the keyboard alone, then that it is mended, with a photo and one
// tap; the token goes nowhere as a referrer. web/test/link.mjs is the person.
func TestAnsweringInABrowser(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t)}, 0).withCity()
	id, token := r.sent("manhole", draft("landmark", "улица Выдуманная, 5"))
	photo := filepath.Join(t.TempDir(), "mended.jpg")
	check(t, os.WriteFile(photo, lanetest.Photo(t, 800, 600, 9), 0o600))
	assets, err := web.Assets()
	check(t, err)
	mux := http.NewServeMux()
	mux.Handle(web.Prefix, assets)
	mux.Handle("/", r.web.Before(http.NotFoundHandler()))
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "test/link.mjs", server.URL+"/ru/open/at/"+token, photo)
	cmd.Dir = "../../../web"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	if got := r.state(id); got[0] != lane.Mended {
		t.Errorf("it stands as %v", got)
	}
}
