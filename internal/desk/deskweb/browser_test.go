package deskweb

import (
	"context"
	"os/exec"
	"testing"
	"time"
)

// TestMarkerInABrowser has Chromium mark a real film at a real desk, by mouse,
// keyboard and touch and without a script, and looks at every page with axe.
// web/test/desk.mjs does it; a browser that is missing is a failure.
func TestMarkerInABrowser(t *testing.T) {
	r := newRoom(t, file{"VID_1.mp4", "video/mp4", film(t)})
	aigul := r.signedIn("Aigul")
	aigul.post("/en/collect")
	aigul.until("/en/", "Last collection")
	aigul.get("/en/reports/" + r.parcel)
	aigul.post("/en/reports/" + r.parcel + "/open")
	aigul.until("/en/originals/1", "320 × 240")

	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, "node", "test/desk.mjs", r.server.URL, "Aigul", passphrase)
	run.Dir = "../../../web"
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}

	d := r.app.hold()
	defer r.app.release()
	plan, _, err := d.Plan(context.Background(), 1)
	check(t, err)
	if len(plan.Tracks) != 4 {
		t.Fatalf("got %d tracks, want 4", len(plan.Tracks))
	}
	first := plan.Tracks[0]
	if first.Label != "a face" || first.By != "Aigul" || len(first.Points) != 2 || plan.MuteAll || len(plan.Mutes) != 1 {
		t.Errorf("the plan that the browser made: %+v", plan)
	}
}
