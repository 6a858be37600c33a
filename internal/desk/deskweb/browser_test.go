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

	ctx, cancel := context.WithTimeout(t.Context(), 9*time.Minute)
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
	if err := plan.Validate(); err != nil || len(plan.Tracks) != 4 {
		t.Fatalf("got %d tracks, want 4; %v", len(plan.Tracks), err)
	}
	first := plan.Tracks[0]
	if first.Label != "a face" || first.By != "Aigul" || len(first.Points) != 2 || !first.EndSeen || first.StartSeen || first.To != 600 {
		t.Errorf("the first box that the browser made: %+v", first)
	}
	if plan.Covered || len(plan.Shots) != 2 || plan.Shots[0].Covered || !plan.Shots[1].Covered || plan.Shots[1].By != "Aigul" {
		t.Errorf("the shots that the browser made: %+v", plan.Shots)
	}
	if len(plan.Mutes) != 1 || len(plan.Keeps) != 1 || plan.Keeps[0].Note != "a siren" || plan.Speak != "" || !plan.MuteAll || len(plan.Lines) != 2 ||
		plan.Lines[0].Words["ru"] != "Стой" || plan.Lines[0].Words["en"] != "Stop" || plan.Lines[1].Words["en"] != "And go" {
		t.Errorf("the sound that the browser made: %+v", plan)
	}
}
