package laneweb

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"testing"
	"time"

	"kua/internal/lane"
	"kua/web"
)

// TestAnsweringInABrowser has Chromium answer for an authority from a small
// phone: a plan by the keyboard alone, then that it is mended, with one tap; the
// token goes nowhere as a referrer. web/test/link.mjs is the person.
func TestAnsweringInABrowser(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	f := draft("landmark", "улица Выдуманная, 5", "words", "Третий день нет воды, выдумано.")
	f.Del("q.cover")
	id, token := r.sent("water", f)
	assets, err := web.Assets()
	check(t, err)
	mux := http.NewServeMux()
	mux.Handle(web.Prefix, assets)
	mux.Handle("/", r.web.Before(http.NotFoundHandler()))
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "test/link.mjs", server.URL+"/ru/open/at/"+token)
	cmd.Dir = "../../../web"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	if got := r.state(id); got[0] != lane.Mended {
		t.Errorf("it stands as %v", got)
	}
}
