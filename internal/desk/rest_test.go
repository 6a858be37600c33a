package desk

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kua/internal/canon"
	"kua/internal/evidence"
	"kua/internal/parcel"
	"kua/internal/record"
	"kua/internal/redact"
)

// TestDeskAtRest: after the whole road nothing private lies in the desk's
// folder in the clear, neither words nor bytes of an original, while it is open
// and after it was closed. The published tree holds nothing of it at all.
func TestDeskAtRest(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	d, id := c.ready()
	aigul := c.sit(d, c.aigul)
	ok(t, aigul.AddNote(ctx, id, canaryNote))
	v, err := d.Case(ctx, id)
	ok(t, err)
	_, err = aigul.Reply(ctx, id, v.Reports[0].Parcel, canaryReply)
	ok(t, err)
	c.publish(d, id)
	c.same(d, 1, photo(t))
	ok(t, d.WaitIdle(ctx))
	c.noCanary("while it is open")
	c.close(d)
	c.noCanary("after it was closed")
}

func (c *collective) noCanary(when string) {
	c.t.Helper()
	files := 0
	err := filepath.WalkDir(c.dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, canary := range []string{canaryText, canaryName, canaryNote, canaryReply, canaryBytes} {
			if bytes.Contains(b, []byte(canary)) || strings.Contains(name, canary) {
				c.t.Errorf("%s: %s holds %s", when, name, canary)
			}
		}
		return nil
	})
	ok(c.t, err)
	if files < 50 {
		c.t.Errorf("only %d files were looked at", files)
	}
}

// TestFilm renders a film with a cover and without its sound, from the sealed
// parcel.
func TestFilm(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	original := film(t)
	report := c.tell(parcel.Consent{}, original)
	d := c.open(c.aigul)
	_, err := d.Collect(ctx, nil)
	ok(t, err)
	ok(t, d.WaitIdle(ctx))
	o, err := d.OriginalInfo(ctx, 1)
	ok(t, err)
	if o.Medium.Kind != evidence.Film || o.Medium.Width != 320 || !o.Medium.Sound || o.Medium.Milliseconds < 1900 {
		t.Fatalf("the film is %+v", o.Medium)
	}
	plan, version, err := d.Plan(ctx, 1)
	ok(t, err)
	if version != 0 || !plan.MuteAll {
		t.Errorf("without consent to the voice the first plan is %+v", plan)
	}
	plan.Tracks = []redact.Track{{ID: "t1", W: 80, H: 60, To: plan.Duration, Points: []redact.Point{{X: 10, Y: 10}, {At: 1000, X: 100, Y: 50}}}}
	aigul := c.sit(d, c.aigul)
	_, _, err = aigul.SavePlan(ctx, 1, plan, 0)
	ok(t, err)
	job, err := aigul.Render(ctx, 1)
	ok(t, err)
	moved := false
	j, err := d.WaitJob(ctx, job, func(j Job) { moved = moved || j.Done > 0 && j.Total >= j.Done })
	ok(t, err)
	if j.State != "done" || !moved {
		t.Fatalf("the job is %+v, progress was shown %t", j, moved)
	}
	made, stale, err := d.Derivatives(ctx, 1)
	ok(t, err)
	rungs := map[string]evidence.Derivative{}
	for _, m := range made {
		rungs[m.Rung] = m
	}
	if stale || rungs["240p"].Size == 0 || rungs["audio"].Size != 0 || !rungs["poster-jpeg"].Poster {
		t.Errorf("rendered %+v, stale %t", made, stale)
	}
	left, err := os.ReadDir(d.cfg.Scratch)
	if err != nil || len(left) != 0 {
		t.Errorf("the scratch directory holds %v, %v", left, err)
	}
	if err := c.custodyHas(d, 0, evidence.Collected, evidence.Probed, evidence.Marked, evidence.Opened, evidence.Rendered); err != "" {
		t.Error(err)
	}
	id, err := aigul.OpenCase(ctx, report.id)
	ok(t, err)
	if err := c.custodyHas(d, id, evidence.Collected, evidence.Rendered, evidence.Filed); err != "" {
		t.Error("the case's custody does not begin before the case: " + err)
	}
}

func (c *collective) custodyHas(d *Desk, id int64, verbs ...evidence.Verb) string {
	c.t.Helper()
	events, err := d.Custody(context.Background(), id)
	ok(c.t, err)
	for _, e := range events {
		if len(verbs) > 0 && e.Verb == verbs[0] {
			verbs = verbs[1:]
		}
	}
	if len(verbs) > 0 {
		return "custody lacks " + string(verbs[0])
	}
	return ""
}

// TestCancel cancels a rendering; nothing of it is left.
func TestCancel(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	c.tell(parcel.Consent{}, film(t))
	d := c.open(c.aigul)
	_, err := d.Collect(ctx, nil)
	ok(t, err)
	ok(t, d.WaitIdle(ctx))
	aigul := c.sit(d, c.aigul)
	job, err := aigul.Render(ctx, 1)
	ok(t, err)
	again, err := aigul.Render(ctx, 1)
	if err != nil || again != job {
		t.Errorf("a second rendering of the same original is job %d, %v", again, err)
	}
	j, err := d.WaitJob(ctx, job, func(j Job) {
		if j.State == "running" {
			ok(t, aigul.CancelJob(ctx, job))
		}
	})
	if err != nil || j.State != "cancelled" {
		t.Fatalf("the job is %+v, %v", j, err)
	}
	c.close(d)
	d = c.open(c.aigul)
	if made, _, err := d.Derivatives(ctx, 1); err != nil || len(made) != 0 {
		t.Errorf("a cancelled rendering left %v, %v", made, err)
	}
	if left, err := os.ReadDir(filepath.Join(c.dir, "derived")); err != nil || len(left) != 0 {
		t.Errorf("derived holds %v, %v", left, err)
	}
}

// TestDisclose: the commitment in a published record can be opened for a court
// with sha256sum alone, and custody says for whom.
func TestDisclose(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	d, id := c.ready()
	c.publish(d, id)
	doc, err := os.ReadFile(filepath.Join(d.Tree(), filepath.FromSlash(record1)))
	ok(t, err)
	r, err := record.Parse(doc)
	ok(t, err)
	got, err := c.sit(d, c.aigul).Disclose(ctx, 1, "the city court")
	ok(t, err)
	if got.Commitment != r.Media[0].Commitment || canon.Hash([]byte(got.Text)) != got.Commitment || got.Original != canon.Hash(photo(t)) {
		t.Errorf("Disclose = %+v, the record holds %s", got, r.Media[0].Commitment)
	}
	if bytes.Contains(doc, []byte(got.Original)) {
		t.Error("the record holds the original's own hash")
	}
	if err := c.custodyHas(d, id, evidence.Disclosed); err != "" {
		t.Error(err)
	}
}
