package charter

import (
	"slices"

	"kua/internal/fault"
)

// Named checks that a node with this key (base64) is one of the collective's
// now. A key that was struck off is the fault charter.node_struck with the day,
// any other that the charter does not name charter.node_not_named.
func (c Charter) Named(key string) error {
	if day, ok := c.struckOn(key); ok {
		return fault.Forbidden("charter.node_struck", day)
	}
	if !slices.ContainsFunc(c.Nodes, func(n Node) bool { return n.Key == key }) {
		return fault.Forbidden("charter.node_not_named")
	}
	return nil
}

func (c Charter) struckOn(key string) (day string, ok bool) {
	i := slices.IndexFunc(c.Struck, func(s Struck) bool { return s.Key == key })
	if i < 0 {
		return "", false
	}
	return c.Struck[i].Day, true
}

// Signed checks whether a document that a node signed for a day, such as an
// acknowledgement, is one that the collective stands by: some version of the
// chain named the key, and no version struck it off on that day or before. The
// chain must have been verified. Whoever holds a struck key can write an earlier
// day: only a log or another's copy shows that the document is as old as it says.
func (ch Chain) Signed(key, day string) error {
	named := false
	var newest Charter
	for _, s := range ch {
		c, err := Parse([]byte(s.Document))
		if err != nil {
			return err
		}
		named = named || slices.ContainsFunc(c.Nodes, func(n Node) bool { return n.Key == key })
		newest = c
	}
	if struck, ok := newest.struckOn(key); ok && day >= struck {
		return fault.Forbidden("charter.node_struck", struck)
	}
	if !named || !isDay(day) {
		return fault.Forbidden("charter.node_not_named")
	}
	return nil
}

// Strike gives c without the node that has this key, and with the key struck
// off on that day; charter.node_not_named when no node has it. A key that was
// struck off before stays as it is.
func (c Charter) Strike(key, day string) (Charter, error) {
	if _, ok := c.struckOn(key); ok {
		return c, nil
	}
	if err := c.Named(key); err != nil {
		return Charter{}, err
	}
	c.Nodes = slices.DeleteFunc(slices.Clone(c.Nodes), func(n Node) bool { return n.Key == key })
	c.Struck = append(slices.Clone(c.Struck), Struck{Key: key, Day: day})
	return c, nil
}

// keepsStruck checks that what was struck off stays so, from the same day.
func keepsStruck(before, next Charter) error {
	for _, s := range before.Struck {
		if !slices.Contains(next.Struck, s) {
			return fault.Invalid("charter.struck_changed", next.Version)
		}
	}
	return nil
}

func (c Charter) checkStruck() error {
	if len(c.Struck) > maxPlaces {
		return fault.TooLarge("charter.too_many_places", maxPlaces)
	}
	seen := make(map[string]bool)
	for _, s := range c.Struck {
		if _, ok := rawKey(s.Key); !ok || seen[s.Key] {
			return fault.Invalid("charter.struck_key", s.Key)
		}
		seen[s.Key] = true
		if !isDay(s.Day) {
			return fault.Invalid("charter.day", s.Day)
		}
	}
	for _, n := range c.Nodes {
		if seen[n.Key] {
			return fault.Invalid("charter.struck_node", n.URL)
		}
	}
	return nil
}
