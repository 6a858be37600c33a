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
// what people signed since, and nodes and readers would refuse the collective for ever. What a
// node says is believed and not checked: one that lies can make this pass, and fail.
//
// The fault is desk.behind_nodes for an edition that is not here, desk.some_nodes_silent, with
// their addresses, while any node does not say which edition it serves, and desk.nodes_silent
// when none does: a courier's folder speaks for none. A node that is empty says nothing, unless
// nothing was published here either. silent has why nodes did not answer.
func (d *Desk) NotBehind(ctx context.Context) (silent []NodeCall, err error) {
	if d.cfg.Hand {
		return nil, fault.Conflict("desk.nodes_silent")
	}
	now, err := d.edition()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex // guards silent, without and said
	var without []string
	said := 0
	var all errgroup.Group
	for _, n := range d.nodes() {
		all.Go(func() error {
			number, behind, err := d.behind(ctx, n, now.number)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				silent, without = append(silent, NodeCall{URL: n.URL, Err: err}), append(without, n.URL)
				return ctx.Err()
			case number == 0 && now.number > 0:
				without = append(without, n.URL)
			default:
				said++
			}
			return behind
		})
	}
	if err := all.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(silent, func(a, b NodeCall) int { return strings.Compare(a.URL, b.URL) })
	slices.Sort(without)
	switch {
	case said == 0:
		return silent, fault.Conflict("desk.nodes_silent")
	case len(without) > 0:
		return silent, fault.Conflict("desk.some_nodes_silent", strings.Join(without, ", "))
	}
	return nil, nil
}

// behind gives the number of the edition that a node serves, and the fault if this desk, whose
// newest is ours, did not make it; err is why the node did not answer.
func (d *Desk) behind(ctx context.Context, n charter.Node, ours int) (number int, behind, err error) {
	c, err := d.client(n)
	if err != nil {
		return 0, nil, err
	}
	held, err := c.Edition(ctx)
	if err != nil || held.Number == 0 {
		return 0, nil, err
	}
	here, err := d.db.ManifestOf(ctx, held.Number, held.Manifest)
	if err != nil || here != nil {
		return held.Number, nil, err
	}
	return held.Number, fault.Conflict("desk.behind_nodes", n.URL, held.Number, ours), nil
}
