package desk

import (
	"context"
	"errors"
	"testing"
	"time"

	"kua/internal/evidence"
	"kua/internal/fault"
	"kua/internal/parcel"
)

// TestLookedAtAgain: that the machine was too slow says nothing of a file. It is
// looked at again at the next starts, a few times, and whenever a person asks;
// what was known is not lost by a look that was too slow.
func TestLookedAtAgain(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := newCollective(t)
	c.tell(parcel.Consent{}, photo(t))
	d := c.open(c.aigul)
	state := func() (kind, why string, tries int) {
		t.Helper()
		ok(t, d.WaitIdle(ctx))
		o, err := d.OriginalInfo(ctx, 1)
		ok(t, err)
		ok(t, d.db.SQL().QueryRowContext(ctx, `SELECT tries FROM originals WHERE id = 1`).Scan(&tries))
		return o.Medium.Kind, o.Fault, tries
	}
	d.media.Limits.Wall = time.Nanosecond
	_, err := d.Collect(ctx, nil)
	ok(t, err)
	if kind, why, tries := state(); kind != evidence.Unknown || why != "media.too_slow" || tries != 1 {
		t.Fatalf("a machine that is too slow finds %s, %s after %d tries", kind, why, tries)
	}
	c.close(d)
	d = c.open(c.aigul)
	if kind, why, tries := state(); kind != evidence.Photo || why != "" || tries != 0 {
		t.Errorf("the next start finds %s, %s after %d tries", kind, why, tries)
	}

	// Asked for on a slow machine, it fails and takes nothing away.
	s := c.sit(d, c.aigul)
	d.media.Limits.Wall = time.Nanosecond
	job, err := s.Probe(ctx, 1)
	ok(t, err)
	if j, err := d.WaitJob(ctx, job, nil); err != nil || !errors.Is(j.Fault, fault.Invalid("media.too_slow")) {
		t.Errorf("a slow look ends as %s: %v, %v", j.State, j.Fault, err)
	}
	if kind, why, _ := state(); kind != evidence.Photo || why != "" {
		t.Errorf("a slow look leaves %s, %s", kind, why)
	}

	// What was too slow as often as that waits for a person.
	_, err = d.db.SQL().ExecContext(ctx, `UPDATE originals SET medium = '{"kind":"unknown"}', fault = 'media.stalled', tries = 3`)
	ok(t, err)
	c.close(d)
	d = c.open(c.aigul)
	if kind, why, tries := state(); kind != evidence.Unknown || why != "media.stalled" || tries != 3 {
		t.Errorf("after three tries a start finds %s, %s after %d tries", kind, why, tries)
	}
	s = c.sit(d, c.aigul)
	job, err = s.Probe(ctx, 1)
	c.wait(s, job, err)
	if kind, why, tries := state(); kind != evidence.Photo || why != "" || tries != 0 {
		t.Errorf("a person finds %s, %s after %d tries", kind, why, tries)
	}
	if _, err := s.Probe(ctx, 99); !errors.Is(err, fault.NotFound("desk.no_original")) {
		t.Errorf("an original that is not there: %v", err)
	}
}
