package desk

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/jobs"
	"kua/internal/keyring"
	"kua/internal/nodeapi"
)

// rotate gives the log a new key, as two people do from the command line, and publishes.
func (d *Desk) rotate(ctx context.Context, people []*keyring.Person) error {
	draft, err := d.Charter().Next("2026-11-21")
	if err != nil {
		return err
	}
	if draft, err = d.RotateLog(ctx, draft); err != nil {
		return err
	}
	if err := d.LogFits(ctx, draft); err != nil {
		return err
	}
	doc, err := draft.Bytes()
	if err != nil {
		return err
	}
	s := charter.Signed{Document: string(doc), Signatures: charter.Signatures{}}
	for _, p := range people {
		s.Signatures.Add(doc, p)
	}
	chain := append(d.Chain()[:len(d.Chain()):len(d.Chain())], s)
	if err := charter.WriteChain(d.dir, chain); err != nil {
		return err
	}
	d.crash("rotate: joined")
	if err := d.UpdateCharter(ctx, people[0], chain); err != nil {
		return err
	}
	return d.beat(ctx, people)
}

// beat publishes an edition with nothing new.
func (d *Desk) beat(ctx context.Context, people []*keyring.Person) error {
	var seats []*Seat
	for _, p := range people {
		s, err := d.Sit(p)
		if err != nil {
			return err
		}
		seats = append(seats, s)
	}
	p, err := seats[0].Propose(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := seats[1].Approve(ctx, p.ID, nil); err != nil {
		return err
	}
	_, err = d.Publish(ctx, nil)
	return errors.Join(err, d.WaitIdle(ctx))
}

// TestKilledWhileRotating kills the desk at every step from which there is no way back to
// the log's old key. The next start goes on under the new one, with everything logged once.
func TestKilledWhileRotating(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	people := []*keyring.Person{c.aigul, c.timur}
	d := c.open(c.aigul)
	ok(t, d.beat(ctx, people))
	c.close(d)
	before := filepath.Join(t.TempDir(), "copy")
	ok(t, os.CopyFS(before, os.DirFS(c.dir)))
	for _, point := range []string{"rotate: joined", "charter: taken in", "publish: entries logged"} {
		c.restore(before)
		if !c.run(order{Act: "rotate", DieAt: point}, 0) {
			t.Fatalf("%s: it was not killed", point)
		}
		d := c.open(c.timur)
		ok(t, d.beat(ctx, people))
		keys := edition.LogKeys(d.Charter())
		cp, err := d.checkpoint()
		ok(t, err)
		if len(keys.Past) != 1 || keys.ByPast(cp) || cp.Size <= keys.Past[0].Size {
			t.Errorf("%s: a log of %d entries, by keys %+v", point, cp.Size, keys)
		}
		c.verify(d)
		c.close(d)
	}
}

// TestRotateWaitsForTheLog refuses a charter that says of the log what is true no more, or
// that names a key which is not here.
func TestRotateWaitsForTheLog(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	people := []*keyring.Person{c.aigul, c.timur}
	d := c.open(c.aigul)
	draft, err := d.Charter().Next("2026-11-21")
	ok(t, err)
	first, err := d.RotateLog(ctx, draft)
	ok(t, err)
	ok(t, d.LogFits(ctx, first)) // of a log that is not begun yet
	second, err := d.RotateLog(ctx, first)
	ok(t, err)
	if len(second.Log.Past) != 1 || second.Log.Key == first.Log.Key {
		t.Errorf("a second draft: %+v", second.Log)
	}
	if err := d.LogFits(ctx, first); !errors.Is(err, fault.Conflict("desk.no_log_key")) {
		t.Errorf("a key that was given up: %v", err)
	}
	ok(t, d.beat(ctx, people))
	if err := d.LogFits(ctx, second); !errors.Is(err, fault.Conflict("desk.log_went_on")) {
		t.Errorf("a log that went on: %v", err)
	}
	// A charter whose key was made elsewhere is believed; only the log cannot go on here.
	c.next(func(next *charter.Charter) { *next = first })
	ok(t, d.UpdateCharter(ctx, c.aigul, c.chain))
	if err := d.beat(ctx, people); !errors.Is(err, fault.Conflict("desk.no_log_key")) {
		t.Errorf("without the key: %v", err)
	}
}

// road is the way to the nodes, and counts who takes it.
type road struct{ calls atomic.Int32 }

func (r *road) RoundTrip(*http.Request) (*http.Response, error) {
	r.calls.Add(1)
	return nil, errors.New("no road")
}

// TestRotateCallsNobody changes the log's key while an edition waits to be brought to a
// node: the commands that do it know no road, so the edition waits on.
func TestRotateCallsNobody(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	r := &road{}
	open := func(idle bool) *Desk {
		cfg := c.config()
		cfg.Idle, cfg.HTTP = idle, &http.Client{Transport: r}
		d, err := Open(ctx, cfg, c.aigul)
		ok(t, err)
		return d
	}
	d := open(true)
	p, err := c.sit(d, c.aigul).Propose(ctx, nil)
	ok(t, err)
	_, err = c.sit(d, c.timur).Approve(ctx, p.ID, nil)
	ok(t, err)
	ok(t, d.Close())

	d = open(true)
	draft, err := d.Charter().Next("2026-11-21")
	ok(t, err)
	draft, err = d.RotateLog(ctx, draft)
	ok(t, err)
	ok(t, d.LogFits(ctx, draft))
	waiting, err := d.queue.List(ctx)
	ok(t, err)
	if len(waiting) != 1 || waiting[0].State != jobs.Waiting {
		t.Errorf("%+v, want the edition waiting", waiting)
	}
	ok(t, d.Close())
	if n := r.calls.Load(); n != 0 {
		t.Errorf("%d calls", n)
	}
	d = open(false)
	defer d.Close()
	ok(t, d.WaitIdle(ctx))
	if r.calls.Load() == 0 {
		t.Error("the edition is brought to nobody afterwards")
	}
}

// TestNotBehind: before the log's key changes, a desk from a backup that lacks an edition of
// its nodes is refused; so is one that can ask nobody. What a node's log says does not matter:
// that may be a thief's.
func TestNotBehind(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	people := []*keyring.Person{c.aigul, c.timur}
	d := c.open(c.aigul)
	if silent, err := d.NotBehind(ctx); err != nil || silent != nil {
		t.Errorf("before anything is published: %v, %v", silent, err)
	}
	ok(t, d.beat(ctx, people))
	c.close(d)
	backup := filepath.Join(t.TempDir(), "copy")
	ok(t, os.CopyFS(backup, os.DirFS(c.dir)))
	d = c.open(c.aigul)
	ok(t, d.beat(ctx, people))
	if _, err := d.NotBehind(ctx); err != nil {
		t.Errorf("at the newest: %v", err)
	}
	older := c.node.state
	ok(t, d.beat(ctx, people))
	c.node.state = older
	c.node.state.Checkpoint = "a thief's"
	if _, err := d.NotBehind(ctx); err != nil {
		t.Errorf("a node that is behind itself, with another log: %v", err)
	}
	c.close(d)
	c.restore(backup)
	d = c.open(c.aigul)
	if _, err := d.NotBehind(ctx); !errors.Is(err, fault.Conflict("desk.behind_nodes")) {
		t.Errorf("a backup that lacks an edition: %v", err)
	}
	c.node.state.Number, c.node.state.Manifest = 1, canon.Hash([]byte("another first edition"))
	if _, err := d.NotBehind(ctx); !errors.Is(err, fault.Conflict("desk.behind_nodes")) {
		t.Errorf("another edition under a number that is here: %v", err)
	}
	c.node.fail = func(*http.Request) int { return http.StatusBadGateway }
	if _, err := d.NotBehind(ctx); !errors.Is(err, fault.Conflict("desk.nodes_silent")) {
		t.Errorf("when nobody answers: %v", err)
	}
}

// TestNotBehindOfTwo: an answer of one node says nothing of what another has, and an empty
// node has said nothing.
func TestNotBehindOfTwo(t *testing.T) {
	ctx := context.Background()
	c := newCollective(t)
	people := []*keyring.Person{c.aigul, c.timur}
	other := newTestNode(t)
	chain := c.next(func(next *charter.Charter) {
		next.Nodes = append(next.Nodes, charter.Node{URL: other.url(), Key: other.key()})
	})
	d := c.open(c.aigul)
	ok(t, d.UpdateCharter(ctx, c.aigul, chain))
	if _, err := d.NotBehind(ctx); err != nil {
		t.Errorf("before anything is published: %v", err)
	}
	ok(t, d.beat(ctx, people))
	if _, err := d.NotBehind(ctx); err != nil {
		t.Errorf("both at the newest: %v", err)
	}
	c.close(d)
	backup := filepath.Join(t.TempDir(), "copy")
	ok(t, os.CopyFS(backup, os.DirFS(c.dir)))
	missed := c.node.state
	d = c.open(c.aigul)
	ok(t, d.beat(ctx, people))
	c.close(d)
	c.node.state = missed
	c.restore(backup)
	d = c.open(c.aigul)
	if _, err := d.NotBehind(ctx); !errors.Is(err, fault.Conflict("desk.behind_nodes")) {
		t.Errorf("one node missed the last edition: %v", err)
	}
	silent := func(what, key string, away int) {
		t.Helper()
		named, err := d.NotBehind(ctx)
		f, _ := fault.Of(err)
		if f == nil || f.Key != key || len(named) != away {
			t.Fatalf("%s: %v, %v, want %s", what, named, err, key)
		}
		if key == "desk.some_nodes_silent" && (len(f.Args) != 1 || f.Args[0] != other.url()) {
			t.Errorf("%s: it names %v", what, f.Args)
		}
	}
	other.fail = func(*http.Request) int { return http.StatusBadGateway }
	silent("the one that has it is away", "desk.some_nodes_silent", 1)
	other.fail, other.state = nil, nodeapi.EditionState{}
	silent("it was emptied", "desk.some_nodes_silent", 0)
	c.node.state = nodeapi.EditionState{}
	silent("both were emptied", "desk.nodes_silent", 0)
}
