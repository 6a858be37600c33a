package charter

import (
	"maps"
	"slices"

	"kua/internal/fault"
)

// Next gives the beginning of the version after c, made on the given day: the
// same words and people, one version on, naming c as the one before. Changing
// it does not change c.
func (c Charter) Next(made string) (Charter, error) {
	id, err := c.ID()
	if err != nil {
		return Charter{}, err
	}
	c.Version, c.Previous, c.Made = c.Version+1, id, made
	c.Name, c.About = maps.Clone(c.Name), maps.Clone(c.About)
	c.Languages, c.People, c.Desks = slices.Clone(c.Languages), slices.Clone(c.People), slices.Clone(c.Desks)
	c.Nodes, c.Mirrors, c.Struck = slices.Clone(c.Nodes), slices.Clone(c.Mirrors), slices.Clone(c.Struck)
	return c, nil
}

// With gives c with one more person.
func (c Charter) With(p Person) Charter {
	c.People = append(slices.Clone(c.People), p)
	return c
}

// Retire gives c with the current person of that name retired on the given day;
// charter.no_such_person when there is none.
func (c Charter) Retire(name, day string) (Charter, error) {
	i := slices.IndexFunc(c.People, func(p Person) bool { return p.Name == name && p.Retired == "" })
	if i < 0 {
		return Charter{}, fault.NotFound("charter.no_such_person", name)
	}
	c.People = slices.Clone(c.People)
	c.People[i].Retired = day
	return c, nil
}
