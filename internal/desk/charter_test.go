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

	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/keyring"
	"kua/internal/parcel"
)

// TestRewrap: after a change of people the one who left opens nothing that lies
// at the desk, the one who came opens everything, old parcels too, and the
// parcels are still what the witnesses sealed.
func TestRewrap(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	report := c.tell(parcel.Consent{}, photo(t))
	d := c.open(c.aigul)
	_, err := d.Collect(ctx, nil)
	ok(t, err)
	c.casework(c.sit(d, c.aigul), report.id)
	chain := c.next(func(next *charter.Charter) {
		next.People[1].Retired = "2026-11-21"
		next.People = append(next.People, c.dana.Public("2026-11-21"))
	})
	if d.Newer() {
		t.Error("the desk sees a newer charter where none was signed")
	}
	if n, err := d.Counts(ctx); err != nil || n.Unwrapped != 0 {
		t.Errorf("with the people as they are Counts = %+v, %v", n, err)
	}
	ok(t, charter.WriteChain(c.dir, chain))
	if err := d.Rewrap(ctx, c.aigul, nil); !d.Newer() || !errors.Is(err, fault.Conflict("desk.newer_charter")) {
		t.Errorf("with a newer charter beside it the desk wraps for the people before: %v", err)
	}
	ok(t, d.UpdateCharter(ctx, c.aigul, chain))
	if n, err := d.Counts(ctx); err != nil || n.Unwrapped != 2 {
		t.Errorf("before Rewrap Counts = %+v, %v", n, err)
	}
	if _, err := d.Sit(c.timur); !errors.Is(err, fault.Forbidden("desk.not_of_the_desk")) {
		t.Errorf("a retired person sits down: %v", err)
	}
	// A derivative that the disk damaged keeps nothing else from being wrapped, and is not forgotten.
	before, _, err := d.Derivatives(ctx, 1)
	ok(t, err)
	spoilt := filepath.Join(c.dir, "derived", before[0].Sealed)
	good, err := os.ReadFile(spoilt)
	ok(t, err)
	ok(t, os.WriteFile(spoilt, []byte("spoilt"), 0o600))
	if err := d.Rewrap(ctx, c.aigul, nil); err == nil || !strings.Contains(err.Error(), before[0].Sealed) {
		t.Errorf("a spoilt derivative is wrapped: %v", err)
	}
	if n, err := d.Counts(ctx); err != nil || n.Unwrapped != 1 {
		t.Errorf("with a spoilt derivative Counts = %+v, %v", n, err)
	}
	if parcels, err := d.db.Parcels(ctx, casefile.Whole); err != nil || len(parcels) != 1 || parcels[0].Wrapped != 2 {
		t.Errorf("with a spoilt derivative parcels are left as they were: %+v, %v", parcels, err)
	}
	ok(t, os.WriteFile(spoilt, good, 0o600))
	steps := 0
	ok(t, d.Rewrap(ctx, c.aigul, func(done, total int) { steps++ }))
	ok(t, d.Rewrap(ctx, c.aigul, nil)) // again: nothing changes
	if n, err := d.Counts(ctx); err != nil || n.Unwrapped != 0 || steps < 2 {
		t.Errorf("after %d steps of Rewrap Counts = %+v, %v", steps, n, err)
	}
	c.intact(d, report)
	c.close(d)

	if _, err := Open(ctx, c.config(), c.timur); !errors.Is(err, fault.Forbidden("desk.not_wrapped_for_you")) {
		t.Errorf("a retired person opens the desk: %v", err)
	}
	opened := c.opens(c.timur)
	if len(opened) != 0 {
		t.Errorf("a retired person's key opens %v", opened)
	}
	if opened := c.opens(c.dana); len(opened) < 4 {
		t.Errorf("the new person's key opens only %v", opened)
	}
	d = c.open(c.dana)
	c.intact(d, report)
	made, _, err := d.Derivatives(ctx, 1)
	ok(t, err)
	o, err := c.sit(d, c.dana).Derivative(ctx, made[0].ID)
	ok(t, err)
	ok(t, o.Close())

	// Who came later wraps anew like everybody else.
	ok(t, d.parcel(report.id).rewrap(c.dana, d.Charter().Recipients()))
	c.intact(d, report)
}

// opens tries a key on every file of the desk, and on every parcel as header
// and payload.
func (c *collective) opens(p *keyring.Person) []string {
	c.t.Helper()
	var opened []string
	err := filepath.WalkDir(c.dir, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := p.Open(bytes.NewReader(b)); err == nil {
			opened = append(opened, filepath.Base(name))
		}
		return nil
	})
	ok(c.t, err)
	return opened
}

func TestUpdateCharterRefuses(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	other := newCollective(t)
	d := c.open(c.aigul)
	if err := d.UpdateCharter(ctx, c.aigul, other.chain); !errors.Is(err, fault.Conflict("desk.other_charter")) {
		t.Errorf("another collective's charter gives %v", err)
	}
	ok(t, d.UpdateCharter(ctx, c.aigul, c.chain)) // the same again
	longer := c.next(func(next *charter.Charter) { next.Mirrors = []string{"https://mirror.example"} })
	ok(t, d.UpdateCharter(ctx, c.aigul, longer))
	ok(t, d.UpdateCharter(ctx, c.aigul, longer[:1])) // an older copy
	if d.Charter().Version != 2 {
		t.Errorf("the desk has version %d", d.Charter().Version)
	}
	c.close(d)
	ok(t, os.RemoveAll(filepath.Join(c.dir, charter.Dir)))
	ok(t, charter.WriteChain(c.dir, other.chain))
	if _, err := Open(ctx, c.config(), c.aigul); !errors.Is(err, fault.Conflict("desk.other_charter")) {
		t.Errorf("a charter that was put into the folder gives %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	if err := Create(ctx, c.config(), Founding{Chain: c.chain, LogKey: c.logKey, DeskKey: c.deskKey}); !errors.Is(err, fault.Conflict("desk.there_already")) {
		t.Errorf("a second Create gives %v", err)
	}
	if _, err := Open(ctx, c.config(), c.dana); !errors.Is(err, fault.Forbidden("desk.not_wrapped_for_you")) {
		t.Errorf("a stranger gets %v", err)
	}
	d := c.open(c.aigul)
	if _, err := Open(ctx, c.config(), c.timur); !errors.Is(err, fault.Conflict("desk.open_elsewhere")) {
		t.Errorf("a second Open gives %v", err)
	}
	c.close(d)
	cfg := c.config()
	cfg.Dir = t.TempDir()
	if _, err := Open(ctx, cfg, c.aigul); !errors.Is(err, fault.NotFound("desk.none_here")) {
		t.Errorf("an empty folder gives %v", err)
	}
}

func TestKeyFiles(t *testing.T) {
	c := newCollective(t)
	file, err := c.aigul.LockAt(passphrase, 4)
	ok(t, err)
	ok(t, AddKeyFile(c.dir, "Aigul", file))
	if err := AddKeyFile(c.dir, "Aigul", file); !errors.Is(err, fault.Conflict("desk.key_file_there")) {
		t.Errorf("a second key file gives %v", err)
	}
	for _, name := range []string{"", "../x", ".x", "a/b", `a\b`, "a\x00"} {
		if err := AddKeyFile(c.dir, name, file); !errors.Is(err, fault.Invalid("desk.key_name")) {
			t.Errorf("the name %q gives %v", name, err)
		}
	}
	names, err := People(c.dir)
	if err != nil || len(names) != 1 || names[0] != "Aigul" {
		t.Errorf("People = %v, %v", names, err)
	}
	p, err := Unlock(c.dir, "Aigul", passphrase)
	if err != nil || p.PublishKey() != c.aigul.PublishKey() {
		t.Errorf("Unlock = %v, %v", p, err)
	}
	if _, err := Unlock(c.dir, "Timur", passphrase); !errors.Is(err, fault.NotFound("desk.no_key_file")) {
		t.Errorf("Unlock of nobody = %v", err)
	}
}

// TestOpensThoughPublishingFails opens a desk whose approved edition cannot be
// published: reports can be read, and the failure is there to be seen.
func TestOpensThoughPublishingFails(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	d, id := c.ready()
	p, err := c.sit(d, c.aigul).Propose(ctx, casefile.Checklist(), id)
	ok(t, err)
	kept, err := d.db.Proposal(ctx, p.ID)
	ok(t, err)
	ok(t, c.sit(d, c.timur).sign(ctx, kept))
	c.close(d)
	ok(t, os.RemoveAll(d.overlay())) // the disk lost what was staged

	d = c.open(c.aigul)
	if _, err := d.Inbox(ctx, 0); err != nil {
		t.Errorf("the inbox cannot be read: %v", err)
	}
	ok(t, d.WaitIdle(ctx))
	if n, err := d.Counts(ctx); err != nil || n.Failed != 1 {
		t.Errorf("Counts = %+v, %v, want one failed job", n, err)
	}
}

// TestCharterWaitsForPublishing: what two people have signed goes out under the
// charter they signed it under, also when a new one, which retires one of them,
// comes before the publishing has begun.
func TestCharterWaitsForPublishing(t *testing.T) {
	ctx := context.Background()
	for _, test := range []struct {
		name string
		take func(c *collective, d *Desk) *Desk
	}{
		{"at the next start", func(c *collective, d *Desk) *Desk {
			c.close(d)
			ok(t, charter.WriteChain(c.dir, c.chain))
			return c.open(c.aigul)
		}},
		{"at an open desk", func(c *collective, d *Desk) *Desk {
			ok(t, d.UpdateCharter(ctx, c.aigul, c.chain))
			return d
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCollective(t)
			d, id := c.ready()
			p, err := c.sit(d, c.aigul).Propose(ctx, casefile.Checklist(), id)
			ok(t, err)
			kept, err := d.db.Proposal(ctx, p.ID)
			ok(t, err)
			ok(t, c.sit(d, c.timur).sign(ctx, kept)) // and killed before the publishing began
			c.next(func(next *charter.Charter) {
				next.People[1].Retired = "2026-11-21"
				next.People = append(next.People, c.dana.Public("2026-11-21"))
			})
			d = test.take(c, d)
			if p, err = d.Proposal(ctx, p.ID); err != nil || p.State != Done {
				t.Errorf("the proposal is %+v, %v", p, err)
			}
			if n := d.Charter().Version; n != 2 {
				t.Errorf("the desk believes charter %d", n)
			}
			c.verify(d)
		})
	}
}
