package desk

import (
	"context"
	"testing"
	"time"

	"kua/internal/charter"
	"kua/internal/courier"
)

// TestCollectedByHand collects through a folder that was at one of two nodes: that one
// counts as collected on the day of its word, the other not, and a later call by net
// is not forgotten.
func TestCollectedByHand(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	near, far := newHouse(t), newHouse(t)
	c := newCollectiveAt(t, near.server.URL, near.key)
	c.now = time.Now()
	near.start(t, c.next(func(next *charter.Charter) {
		next.Nodes = append(next.Nodes, charter.Node{URL: far.server.URL, Key: far.key})
	}))
	f, err := courier.Open(t.TempDir(), true)
	ok(t, err)
	t.Cleanup(func() { f.Close() })
	_, err = near.node.Exchange(ctx, f, nil)
	ok(t, err)
	road, err := f.HTTP()
	ok(t, err)
	cfg := c.config()
	cfg.Hand, cfg.HTTP = true, road
	d, err := Open(ctx, cfg, c.aigul)
	ok(t, err)
	t.Cleanup(func() { d.Close() })
	ok(t, d.UpdateCharter(ctx, c.aigul, c.chain))

	collected := func() (at []time.Time) {
		t.Helper()
		_, err := d.Collect(ctx, nil)
		ok(t, err)
		nodes, err := d.Nodes(ctx)
		ok(t, err)
		for _, n := range nodes {
			at = append(at, n.Collected)
			if n.Fault != nil {
				t.Errorf("%s: %v", n.URL, n.Fault)
			}
		}
		return at
	}
	if at := collected(); len(at) != 2 || !at[0].Equal(c.now.UTC().Truncate(24*time.Hour)) || !at[1].IsZero() {
		t.Errorf("collected %v", at)
	}
	ok(t, d.db.NodeCollected(ctx, near.server.URL, nil))
	if at := collected(); len(at) != 2 || at[0].UnixMicro() != c.now.UnixMicro() || !at[1].IsZero() {
		t.Errorf("after a call by net: collected %v", at)
	}
}
