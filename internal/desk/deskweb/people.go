package deskweb

import (
	"context"

	"kua/internal/charter"
	"kua/internal/desk"
	"kua/internal/seal"
)

type peopleView struct {
	frame
	Charter    charter.Charter
	ID         string
	Name       string
	About      string
	People     []personRow
	Encryption string // hybrid or x25519
	Nodes      []nodeRow
	KeyFiles   []string
}

type personRow struct {
	charter.Person
	KeyID   string
	Me      bool
	KeyFile bool // their key file lies on this desk
}

func peoplePage(v *visit) error {
	ctx := v.r.Context()
	c := v.desk.Charter()
	view := peopleView{frame: v.frame("people", v.t("deskweb.people.title")), Charter: c}
	var err error
	if view.ID, err = c.ID(); err != nil {
		return err
	}
	view.Name, _ = v.lang.Text(c.Name)
	view.About, _ = v.lang.Text(c.About)
	kind, err := seal.KindOf(c.Recipients())
	if err != nil {
		return err
	}
	view.Encryption = string(kind)
	files, err := desk.People(v.app.cfg.Desk.Dir)
	if err != nil {
		return err
	}
	for _, p := range c.People {
		view.People = append(view.People, personRow{
			Person: p, KeyID: charter.KeyID(p.PublishKey), Me: p.Name == v.seat.Name(), KeyFile: contains(files, p.Name),
		})
	}
	if view.Nodes, err = v.nodeRows(ctx, view.frame); err != nil {
		return err
	}
	return v.show("people", view)
}

// rewrap wraps the desk's key and every parcel for the people of the newest
// charter.
func rewrap(v *visit) error {
	d, person := v.desk, v.who.person
	v.app.run("rewrap", v.seat.Name(), func(ctx context.Context, note func(func(*errand))) (any, error) {
		return nil, d.Rewrap(ctx, person, func(done, total int) {
			note(func(e *errand) { e.Done, e.Total = int64(done), int64(total) })
		})
	})
	return v.to("/work")
}
