package desk

import (
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"kua/internal/charter"
	"kua/internal/fault"
)

// NotBehind asks every node which edition it serves, and refuses what must not be done at a
// desk that lacks one: after a backup that is behind, a new key of the log would strike off
// what people signed since, and nodes and readers would refuse the collective for ever. A node takes
// an edition only with people's signatures, so a thief of the log's key alone cannot make
// this fail.
//
// The fault is desk.behind_nodes for an edition that is not here, and desk.nodes_silent
// when no node answered: a courier's folder answers for none. With nil come the nodes that did
// not answer.
func (d *Desk) NotBehind(ctx context.Context) (silent []NodeCall, err error) {
	if d.cfg.Hand {
		return nil, fault.Conflict("desk.nodes_silent")
	}
	var mu sync.Mutex // guards silent and answered
	answered := 0
	var all errgroup.Group
	for _, n := range d.nodes() {
		all.Go(func() error {
			behind, err := d.behind(ctx, n)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				silent = append(silent, NodeCall{URL: n.URL, Err: err})
				return ctx.Err()
			}
			answered++
			return behind
		})
	}
	if err := all.Wait(); err != nil {
		return nil, err
	}
	if answered == 0 {
		return nil, fault.Conflict("desk.nodes_silent")
	}
	slices.SortFunc(silent, func(a, b NodeCall) int { return strings.Compare(a.URL, b.URL) })
	return silent, nil
}

// behind says whether a node serves an edition that this desk did not make; err is why it
// did not answer.
func (d *Desk) behind(ctx context.Context, n charter.Node) (behind, err error) {
	c, err := d.client(n)
	if err != nil {
		return nil, err
	}
	held, err := c.Edition(ctx)
	if err != nil || held.Number == 0 {
		return nil, err
	}
	ours, err := d.db.ManifestOf(ctx, held.Number, held.Manifest)
	if err != nil || ours != nil {
		return nil, err
	}
	now, err := d.edition()
	if err != nil {
		return nil, err
	}
	return fault.Conflict("desk.behind_nodes", n.URL, held.Number, now.number), nil
}
