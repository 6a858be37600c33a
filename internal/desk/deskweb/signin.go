package deskweb

import (
	"fmt"
	"slices"
	"time"

	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/keyring"
)

type signInView struct {
	frame
	People           []string
	Name             string
	Open             bool // somebody else has the desk open
	Idle             int  // minutes
	Error, ErrorHint string
}

func signInPage(v *visit) error {
	if v.who == nil {
		v.who = v.app.sessions.begin(v.w, nil, "", nil, v.app.secure())
	} else if v.who.person != nil && v.desk != nil {
		return v.to("/")
	}
	return v.showSignIn("", nil)
}

// showSignIn shows the form, with what was wrong with the last try.
func (v *visit) showSignIn(name string, wrong error) error {
	people, err := desk.People(v.app.cfg.Desk.Dir)
	if err != nil {
		return fmt.Errorf("list the people: %w", err)
	}
	view := signInView{
		frame:  v.frame("", v.t("deskweb.signin.title")),
		People: people, Name: name, Open: v.app.unlocked(), Idle: int(v.app.cfg.Idle / time.Minute),
	}
	if c, _, err := desk.ReadCharter(v.app.cfg.Desk.Dir); err == nil {
		view.Collective, _ = v.lang.Text(c.Name)
	}
	if wrong != nil {
		view.Error, view.ErrorHint = view.Fault(wrong)
		v.w.WriteHeader(statusOf(wrong))
	}
	return v.show("sign-in", view)
}

func signIn(v *visit) error {
	name, passphrase := v.form("name"), v.r.PostForm.Get("passphrase")
	people, err := desk.People(v.app.cfg.Desk.Dir)
	if err != nil {
		return fmt.Errorf("list the people: %w", err)
	}
	if !slices.Contains(people, name) { // also keeps any other path away from Unlock
		return v.showSignIn("", fault.Invalid("deskweb.signin.unknown"))
	}
	var person *keyring.Person
	err = v.app.tries.run(name, func() error {
		person, err = desk.Unlock(v.app.cfg.Desk.Dir, name, passphrase)
		return err
	})
	if err != nil {
		return v.showSignIn(name, err)
	}
	seat, err := v.app.open(v.r.Context(), person)
	if err != nil {
		return v.showSignIn(name, err)
	}
	v.app.sessions.end(v.who.id)
	v.app.sessions.begin(v.w, person, name, seat, v.app.secure())
	return v.to("/")
}

func signOut(v *visit) error {
	v.app.sessions.end(v.who.id)
	v.leave()
	v.app.Tidy(v.r.Context())
	return v.to("/sign-in")
}

// lock closes the desk for everybody.
func lock(v *visit) error {
	v.leave()
	v.app.Lock()
	return v.to("/sign-in")
}

// secure reports whether cookies may only travel over TLS.
func (a *App) secure() bool { return a.cfg.TLSCert != "" }
