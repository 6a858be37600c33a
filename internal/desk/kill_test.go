package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kua/internal/casefile"
	"kua/internal/edition"

	"kua/internal/keyring"
	"kua/internal/parcel"
	"kua/internal/spread"
)

const victimEnv = "KUA_TEST_VICTIM"

// order is what a victim is to do and where it dies.
type order struct {
	Dir      string
	Keys     []string // key files; the first opens the desk
	Act      string   // collect, publish, spread, rotate
	Platform string   // diary of the platform to spread to
	Proposal int64
	Die      int    // at which call of the crash hook; 0 for at none
	DieAt    string // or at which point
}

const passphrase = "made up for a test"

// victim is a desk in a process of its own that is killed.
func victim() int {
	var o order
	if err := json.Unmarshal([]byte(os.Getenv(victimEnv)), &o); err != nil {
		return 3
	}
	calls := 0
	crashHook = func(point string) {
		if point == "place: made" && point != o.DieAt {
			return // of an opening, and not of what is counted
		}
		if calls++; calls == o.Die || point == o.DieAt {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way
		}
	}
	if err := o.do(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (o order) do(ctx context.Context) error {
	var people []*keyring.Person
	for _, name := range o.Keys {
		file, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		p, err := keyring.Unlock(file, passphrase)
		if err != nil {
			return err
		}
		people = append(people, p)
	}
	d, err := Open(ctx, Config{Dir: o.Dir, Style: []byte("body{margin:0}"), Tries: 1, Now: func() time.Time { return today },
		Kinds: map[string]spread.Kind{"made-up": &platform{diary: o.Platform}}}, people[0])
	if err != nil {
		return err
	}
	if o.Act == "collect" {
		_, err = d.Collect(ctx, nil)
		return errors.Join(err, d.Close())
	}
	if o.Act == "spread" {
		_, err = d.Spread(ctx, nil)
		return errors.Join(err, d.Close())
	}
	second, err := d.Sit(people[1])
	if err != nil {
		return err
	}
	if o.Act == "rotate" {
		return errors.Join(d.rotate(ctx, people), d.Close())
	}
	if _, err := second.Approve(ctx, o.Proposal, casefile.Checklist()); err != nil {
		return err
	}
	_, err = d.Publish(ctx, nil)
	return errors.Join(err, d.WaitIdle(ctx), d.Close())
}

// run lets a victim do its order and reports whether it was killed.
func (c *collective) run(o order, after time.Duration) (killed bool) {
	c.t.Helper()
	for _, p := range []*keyring.Person{c.aigul, c.timur} {
		file, err := p.LockAt(passphrase, 4)
		ok(c.t, err)
		name := filepath.Join(c.t.TempDir(), "key")
		ok(c.t, os.WriteFile(name, file, 0o600))
		o.Keys = append(o.Keys, name)
	}
	o.Dir = c.dir
	b, err := json.Marshal(o)
	ok(c.t, err)
	self, err := os.Executable()
	ok(c.t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), victimEnv+"="+string(b))
	var out bytes.Buffer
	cmd.Stderr = &out
	ok(c.t, cmd.Start())
	if after > 0 {
		timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
		defer timer.Stop()
	}
	err = cmd.Wait()
	if status, isExit := cmd.ProcessState.Sys().(syscall.WaitStatus); isExit && status.Signaled() {
		return true
	}
	if err != nil {
		c.t.Fatalf("the victim failed: %v\n%s", err, out.String())
	}
	return false
}

// restore puts the desk's directory back to a copy.
func (c *collective) restore(copied string) {
	c.t.Helper()
	ok(c.t, os.RemoveAll(c.dir))
	ok(c.t, os.CopyFS(c.dir, os.DirFS(copied)))
}

// proposesSecond publishes a first edition and leaves the desk closed with a
// second one proposed.
func (c *collective) proposesSecond() Proposal {
	c.t.Helper()
	ctx := context.Background()
	first, second := c.tell(parcel.Consent{}, photo(c.t)), c.tell(parcel.Consent{})
	d := c.open(c.aigul)
	_, err := d.Collect(ctx, nil)
	ok(c.t, err)
	aigul := c.sit(d, c.aigul)
	c.publish(d, c.casework(aigul, first.id))
	ok(c.t, d.WaitIdle(ctx))
	p, err := aigul.Propose(ctx, casefile.Checklist(), c.casework(aigul, second.id))
	ok(c.t, err)
	c.close(d)
	return p
}

// TestKilledWhilePublishing kills the desk at every step of a publishing, and at
// random moments, and holds that the next start finishes it without a hand.
func TestKilledWhilePublishing(t *testing.T) {
	c := newCollective(t)
	p := c.proposesSecond()
	before := filepath.Join(t.TempDir(), "copy")
	ok(t, os.CopyFS(before, os.DirFS(c.dir)))

	die := 0
	for {
		die++
		c.restore(before)
		killed := c.run(order{Act: "publish", Proposal: p.ID, Die: die}, 0)
		c.finishes(p.ID, fmt.Sprintf("killed at point %d", die))
		if !killed {
			break
		}
	}
	if die < 10 {
		t.Errorf("the publishing has only %d points at which it was killed", die-1)
	}
	for range 4 {
		c.restore(before)
		after := rand.N(900 * time.Millisecond)
		c.run(order{Act: "publish", Proposal: p.ID}, after)
		c.finishes(p.ID, fmt.Sprintf("killed after %s", after))
	}
}

// TestKilledWhileApplying stops a publishing when some of the staged files have
// become the tree's, as a kill between two renames does, and holds that the next
// start finishes it.
func TestKilledWhileApplying(t *testing.T) {
	c := newCollective(t)
	p := c.proposesSecond()
	d := &Desk{dir: c.dir}
	overlay, tree := d.overlay(), d.Tree()
	if !c.run(order{Act: "publish", Proposal: p.ID, DieAt: "publish: after signed"}, 0) {
		t.Fatal("it was not killed")
	}
	before := filepath.Join(t.TempDir(), "copy")
	ok(t, os.CopyFS(before, os.DirFS(c.dir)))
	var staged []string
	ok(t, filepath.WalkDir(overlay, func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && !strings.Contains(name, edition.ManifestPath) && !strings.HasPrefix(e.Name(), ".") {
			staged = append(staged, strings.TrimPrefix(name, overlay))
		}
		return err
	}))
	for _, moved := range []int{len(staged) / 2, len(staged)} {
		c.restore(before)
		for _, name := range staged[:moved] {
			ok(t, os.MkdirAll(filepath.Dir(filepath.Join(tree, name)), 0o755))
			ok(t, os.Rename(filepath.Join(overlay, name), filepath.Join(tree, name)))
		}
		c.finishes(p.ID, fmt.Sprintf("%d of %d files moved", moved, len(staged)))
	}
}

// TestLoggedIsNotTakenBack kills the desk when the entries are in the log and
// nothing says so yet, and lets the original be damaged before the next start:
// the gate would refuse it now, but what is in the log is published. Killed
// before the last look was passed, it is taken back.
func TestLoggedIsNotTakenBack(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	report := c.tell(parcel.Consent{}, photo(t))
	d := c.open(c.aigul)
	_, err := d.Collect(ctx, nil)
	ok(t, err)
	aigul := c.sit(d, c.aigul)
	p, err := aigul.Propose(ctx, casefile.Checklist(), c.casework(aigul, report.id))
	ok(t, err)
	ok(t, d.WaitIdle(ctx))
	c.close(d)
	before := filepath.Join(t.TempDir(), "copy")
	ok(t, os.CopyFS(before, os.DirFS(c.dir)))
	for point, want := range map[string]ProposalState{"publish: entries logged": Done, "publish: before looked": Stale} {
		c.restore(before)
		if !c.run(order{Act: "publish", Proposal: p.ID, DieAt: point}, 0) {
			t.Fatalf("it was not killed at %q", point)
		}
		c.damage()
		d := c.open(c.aigul)
		ok(t, d.WaitIdle(ctx))
		now, err := d.Proposal(ctx, p.ID)
		ok(t, err)
		if now.State != want {
			t.Errorf("killed at %q the proposal is %s, want %s", point, now.State, want)
		}
		if want == Done {
			_, err = d.Publish(ctx, nil)
			ok(t, err)
			c.verify(d)
		}
		c.close(d)
	}
}

// damage flips a byte of every collected parcel.
func (c *collective) damage() {
	c.t.Helper()
	damaged := 0
	ok(c.t, filepath.Walk(filepath.Join(c.dir, "parcels"), func(name string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() || info.Size() < 4000 {
			return err
		}
		b, err := os.ReadFile(name)
		if err == nil {
			b[len(b)/2] ^= 1
			damaged++
			err = os.WriteFile(name, b, 0o600)
		}
		return err
	}))
	if damaged == 0 {
		c.t.Fatal("no parcel was damaged")
	}
}

// finishes opens the desk after a kill and checks that nothing is half done.
func (c *collective) finishes(proposal int64, how string) {
	c.t.Helper()
	ctx := context.Background()
	d := c.open(c.aigul)
	defer c.close(d)
	p, err := d.Proposal(ctx, proposal)
	ok(c.t, err)
	switch p.State {
	case Waiting: // killed before the approval was kept
		_, err = c.sit(d, c.timur).Approve(ctx, proposal, casefile.Checklist())
		ok(c.t, err)
	case Done:
	default:
		c.t.Errorf("%s: after the next start the proposal is %s", how, p.State)
	}
	out, err := d.Publish(ctx, nil)
	ok(c.t, err)
	now, err := d.edition()
	ok(c.t, err)
	if out.Edition != 2 || out.Nodes[0].Behind || c.node.state.Manifest != now.hash {
		c.t.Errorf("%s: edition %d, node %+v", how, out.Edition, out.Nodes[0])
	}
	if _, err := os.Lstat(d.overlay()); err == nil {
		c.t.Errorf("%s: something is still staged", how)
	}
	c.verify(d)
	if _, err := d.Check(ctx); err != nil {
		c.t.Errorf("%s: %v", how, err)
	}
}

// TestKilledWhileCollecting kills the desk at random moments of a collection.
// Nothing marked is lost, and the parcel becomes whole.
func TestKilledWhileCollecting(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	big := make([]byte, 40<<20)
	chacha := rand.NewChaCha8([32]byte{7})
	chacha.Read(big)
	report := c.tell(parcel.Consent{}, big)
	pieces := len(c.node.indexes[report.id].Pieces)
	kills := 0
	for range 15 {
		if !c.run(order{Act: "collect"}, 30*time.Millisecond+rand.N(150*time.Millisecond)) {
			break
		}
		kills++
	}
	t.Logf("killed %d times", kills)
	d := c.open(c.aigul)
	_, err := d.Collect(ctx, nil)
	ok(t, err)
	r, err := d.Received(ctx, report.id)
	ok(t, err)
	if r.Stage != "whole" || len(r.Originals) != 1 {
		t.Fatalf("after %d kills the parcel is %s: %+v", kills, r.Stage, r)
	}
	c.intact(d, report)
	again := 0
	for _, n := range c.node.asked {
		again += n - 1
	}
	if most := kills * (batch + fetchers); again > most {
		t.Errorf("%d of %d pieces were fetched again after %d kills, want at most %d", again, pieces, kills, most)
	}
}

// intact checks that a parcel's sealed bytes still have its id and that its
// originals are what was sealed.
func (c *collective) intact(d *Desk, report told) {
	c.t.Helper()
	sealed, err := d.parcel(report.id).original(d.person)
	ok(c.t, err)
	defer sealed.Close()
	x, err := parcel.Split(sealed, func(int, string, []byte) error { return nil })
	ok(c.t, err)
	if x.ID() != report.id {
		c.t.Errorf("the parcel's bytes have the id %s, want %s", x.ID(), report.id)
	}
	r, err := d.Received(context.Background(), report.id)
	ok(c.t, err)
	for i, o := range r.Originals {
		c.same(d, o.ID, report.files[i])
	}
}

func (c *collective) same(d *Desk, original int64, want []byte) {
	c.t.Helper()
	o, err := c.sit(d, d.person).Original(context.Background(), original)
	ok(c.t, err)
	defer o.Close()
	got := make([]byte, o.Size())
	_, err = o.ReadAt(got, 0)
	ok(c.t, err)
	if !bytes.Equal(got, want) {
		c.t.Errorf("original %d is not what was sealed", original)
	}
}
