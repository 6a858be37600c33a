package desk

import (
	"context"
	"slices"

	"kua/internal/casefile"
	"kua/internal/charter"
	"kua/internal/fault"
)

// Emptied collects, and checks that the node with this key then holds nothing
// that the desk does not have whole: it can go in peace. One that does not
// answer is the fault desk.node_away, one that still holds something
// desk.node_not_empty.
func (d *Desk) Emptied(ctx context.Context, key string) error {
	all := d.nodes()
	i := slices.IndexFunc(all, func(n charter.Node) bool { return n.Key == key })
	if i < 0 {
		return fault.NotFound("desk.no_node", key)
	}
	if _, err := d.Collect(ctx, nil); err != nil {
		return err
	}
	c, err := d.client(all[i])
	if err != nil {
		return err
	}
	ids, err := c.parcels(ctx)
	if err != nil {
		return fault.Later("desk.node_away", all[i].URL).Because(err)
	}
	lacking := 0
	for _, id := range ids {
		p, known, err := d.db.SightAgain(ctx, all[i].URL, id)
		if err != nil {
			return err
		}
		if !known || p.Stage == casefile.Arriving {
			lacking++
		}
	}
	if lacking > 0 {
		return fault.Conflict("desk.node_not_empty", all[i].URL, lacking)
	}
	return nil
}
