package deskweb

import (
	"context"

	"kua/internal/charter"
	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/keyring"
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
	Unwrapped  int // what the present people cannot open, or who left still can
	// Of a passphrase that was not changed.
	Error, ErrorHint string
}

// MinPassphrase is the fewest characters of a passphrase.
func (peopleView) MinPassphrase() int { return keyring.MinPassphrase }

type personRow struct {
	charter.Person
	KeyID   string
	Me      bool
	KeyFile bool // their key file lies on this desk
}

func peoplePage(v *visit) error { return v.showPeople(nil) }

// showPeople shows the people of the charter, and why a passphrase was not changed.
func (v *visit) showPeople(wrong error) error {
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
	counts, err := v.desk.Counts(ctx)
	if err != nil {
		return err
	}
	view.Unwrapped = counts.Unwrapped
	if wrong != nil {
		view.Error, view.ErrorHint = view.Fault(wrong)
		v.w.WriteHeader(statusOf(wrong))
	}
	return v.show("people", view)
}

// changePassphrase locks the key file of whoever sits here with another passphrase.
func changePassphrase(v *visit) error {
	name, fresh := v.who.file, v.r.PostForm.Get("fresh")
	if fresh != v.r.PostForm.Get("again") {
		return v.showPeople(fault.Invalid("cli.passphrase.differ"))
	}
	dir := v.app.cfg.Desk.Dir
	var person *keyring.Person
	err := v.app.tries.run(name, func() (err error) {
		person, err = desk.Unlock(dir, name, v.r.PostForm.Get("passphrase"))
		return err
	})
	if err == nil {
		err = desk.Relock(dir, name, person, fresh)
	}
	if err != nil {
		return v.showPeople(err)
	}
	return v.done("/people", "passphrase.changed")
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
