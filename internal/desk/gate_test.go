package desk

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kua/internal/casefile"
	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/parcel"
	"kua/internal/redact"
)

// blob gives a staged JPEG.
func (c *collective) blob(d *Desk) string {
	c.t.Helper()
	all, err := filepath.Glob(filepath.Join(d.overlay(), "blobs", "*", "*.jpg"))
	ok(c.t, err)
	if len(all) == 0 {
		c.t.Fatal("no JPEG is staged")
	}
	return all[0]
}

// plantBox gives a JPEG with a comment that holds a word of the original.
func plantBox(b []byte) []byte {
	late := append([]byte("\xff\xfe\x00\x18"), canaryBytes[:22]...)
	return append(append(bytes.Clone(b[:2]), late...), b[2:]...)
}

// TestGateStandsInTheRoad: rendering, proposing and approving write that the
// gate was passed, for every file.
func TestGateStandsInTheRoad(t *testing.T) {
	c := newCollective(t)
	d, id := c.ready()
	c.publish(d, id)
	ok(t, d.WaitIdle(context.Background()))
	v, err := d.Case(context.Background(), id)
	ok(t, err)
	if v.State != casefile.Published {
		t.Fatalf("the case is %s", v.State)
	}
	steps := map[string]int{}
	events, err := d.db.Custody(context.Background(), id)
	ok(t, err)
	for _, e := range events {
		if e.Verb == evidence.Gated {
			step, _, _ := strings.Cut(e.Detail, ",")
			steps[step]++
		}
	}
	for _, step := range []string{"rendered", "proposed", "approved", "published"} {
		if steps[step] != 4 {
			t.Errorf("%d files passed the gate when %s, want 4 (%v)", steps[step], step, steps)
		}
	}
}

// TestGateRefusesPlantedBox: whoever can write into derived/ and the database
// puts a file with a late box in place of a derivative, with all hashes right.
// No person's signature is given for it.
func TestGateRefusesPlantedBox(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	d, id := c.ready()
	made, _, err := d.Derivatives(ctx, 1)
	ok(t, err)
	f, err := d.openDerived(d.person, made[0])
	ok(t, err)
	var b bytes.Buffer
	_, err = b.ReadFrom(f)
	ok(t, errors.Join(err, f.Close()))
	changed := filepath.Join(t.TempDir(), "changed.jpg")
	ok(t, os.WriteFile(changed, plantBox(b.Bytes()), 0o600))
	size, sum, err := d.sealOne(changed, "planted.age")
	ok(t, err)
	_, err = d.db.SQL().ExecContext(ctx, `UPDATE derivatives SET size = ?1, sha256 = ?2, sealed = 'planted.age' WHERE id = ?3`, size, sum, made[0].ID)
	ok(t, err)
	_, err = c.sit(d, c.aigul).Propose(ctx, casefile.Checklist(), id)
	if !errors.Is(err, fault.Corrupt("desk.gate_refused")) || !strings.Contains(err.Error(), "fffe") {
		t.Errorf("Propose with a planted comment = %v", err)
	}
	if _, err := os.Stat(d.overlay()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something stays staged: %v", err)
	}
	if all, err := d.Proposals(ctx); err != nil || len(all) != 0 {
		t.Errorf("Proposals = %v, %v", all, err)
	}
}

// TestGateRefusesDroppedTrack: a plan that was changed after the rendering makes
// a proposal worthless, before its first signature and before its last.
func TestGateRefusesDroppedTrack(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	d, id := c.ready()
	aigul, timur := c.sit(d, c.aigul), c.sit(d, c.timur)
	p, err := aigul.Propose(ctx, casefile.Checklist(), id)
	ok(t, err)
	c.save(aigul, 1, func(*redact.Plan) {})
	if _, err := timur.Approve(ctx, p.ID, casefile.Checklist()); !errors.Is(err, fault.Conflict("desk.rendered_before_plan")) {
		t.Errorf("Approve after the plan was changed = %v", err)
	}
	ok(t, timur.Decline(ctx, p.ID, "the plan was changed"))
	if _, err := aigul.Propose(ctx, casefile.Checklist(), id); !errors.Is(err, fault.Conflict("desk.rendered_before_plan")) {
		t.Errorf("Propose after the plan was changed = %v", err)
	}
}

// TestGateRefusesReplacedRendering: whoever sees a missed face saves another plan
// and renders again; what was proposed before does not go out any more.
func TestGateRefusesReplacedRendering(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	d, id := c.ready()
	aigul, timur := c.sit(d, c.aigul), c.sit(d, c.timur)
	p, err := aigul.Propose(ctx, casefile.Checklist(), id)
	ok(t, err)
	c.save(aigul, 1, func(p *redact.Plan) { p.Note = "a face was missed" })
	c.render(aigul, 1) // and everything that is asked is answered
	if _, err := timur.Approve(ctx, p.ID, casefile.Checklist()); !errors.Is(err, fault.Conflict("desk.rendered_before_plan")) {
		t.Errorf("Approve of what was replaced = %v", err)
	}
	ok(t, timur.Decline(ctx, p.ID, "another rendering is there"))
	if _, err := aigul.Propose(ctx, casefile.Checklist(), id); err != nil {
		t.Errorf("Propose of the new rendering = %v", err)
	}
}

// TestGateRefusesChangeAfterApproval: a staged file that is changed between the
// last signature and the log stops the publishing; nothing is in the log, and
// the case can be proposed again. So it is with a file that nobody knows.
func TestGateRefusesChangeAfterApproval(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	d, id := c.ready()
	for _, change := range []func(){
		func() {
			name := c.blob(d)
			b, err := os.ReadFile(name)
			ok(t, err)
			ok(t, os.WriteFile(name, plantBox(b), 0o644))
		},
		func() {
			_, err := d.db.SQL().ExecContext(ctx, `UPDATE originals SET sha256 = ?1 WHERE id = 1`, strings.Repeat("0", 64))
			ok(t, err)
		},
	} {
		p, err := c.sit(d, c.aigul).Propose(ctx, casefile.Checklist(), id)
		ok(t, err)
		d.publishing.Lock() // the publishing that approving starts must wait for the change
		kept, err := d.db.Proposal(ctx, p.ID)
		ok(t, err)
		ok(t, c.sit(d, c.timur).sign(ctx, kept))
		change()
		d.publishing.Unlock()
		if _, err = d.Publish(ctx, nil); !errors.Is(err, fault.Corrupt("desk.stage_changed")) && !errors.Is(err, fault.Corrupt("desk.gate_stray")) {
			t.Errorf("Publish after a change = %v", err)
		}
		if now, err := d.edition(); err != nil || now.number != 0 {
			t.Errorf("edition %d was published, %v", now.number, err)
		}
		if p, err := d.Proposal(ctx, p.ID); err != nil || p.State != Stale {
			t.Errorf("the proposal is %s, %v", p.State, err)
		}
		if v, err := d.Case(ctx, id); err != nil || v.State != casefile.Drafting {
			t.Errorf("the case is %s, %v", v.State, err)
		}
	}
}

// TestGateOnePersonTwice: the same person's second signature is none.
func TestGateOnePersonTwice(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	d, id := c.ready()
	aigul := c.sit(d, c.aigul)
	p, err := aigul.Propose(ctx, casefile.Checklist(), id)
	ok(t, err)
	if _, err := aigul.Approve(ctx, p.ID, casefile.Checklist()); !errors.Is(err, fault.Forbidden("desk.signed_already")) {
		t.Errorf("Approve by who proposed = %v", err)
	}
	_, err = d.Publish(ctx, nil)
	ok(t, err)
	if now, err := d.edition(); err != nil || now.number != 0 {
		t.Errorf("one person published edition %d, %v", now.number, err)
	}
}

// TestGateRefusesRendering: what the gate refuses is not kept. An original that
// cannot be read for its traces gives no derivative at all.
func TestGateRefusesRendering(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	report := c.tell(parcel.Consent{}, photo(t))
	d := c.open(c.aigul)
	_, err := d.Collect(ctx, nil)
	ok(t, err)
	ok(t, d.WaitIdle(ctx))
	r, err := d.Received(ctx, report.id)
	ok(t, err)
	o := r.Originals[0]
	out := t.TempDir()
	in, err := d.open(ctx, d.person, evidence.Machine(), evidence.Probed, o.ID)
	ok(t, err)
	defer in.Close()
	made, err := d.make(ctx, in, o.Medium.Kind, compile(must(d.Plan(ctx, o.ID))), out, nil)
	ok(t, err)
	ok(t, d.gateMade(ctx, o, in, made))
	b, err := os.ReadFile(made[0].Path)
	ok(t, err)
	ok(t, os.WriteFile(made[0].Path, append(b, canaryBytes...), 0o600))
	if err := d.gateMade(ctx, o, in, made); !errors.Is(err, fault.Corrupt("desk.gate_refused")) {
		t.Errorf("a rendering with a tail = %v", err)
	}
	other := o
	other.SHA256 = strings.Repeat("0", 64)
	if err := d.gateMade(ctx, other, in, made); !errors.Is(err, fault.Corrupt("desk.gate_no_sheet")) {
		t.Errorf("another original's bytes = %v", err)
	}
}

func must[T any](v T, _ int, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
