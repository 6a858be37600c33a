package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kua/internal/canon"
	"kua/internal/charter"
	"kua/internal/desk"
	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/keyring"
	"kua/internal/tlog/appender"
)

// found makes the keys, signs the first charter with everybody's key and lays
// out the desk's folder. It gives the people, unlocked.
func (f founder) found(ctx context.Context, cfg desk.Config) ([]*keyring.Person, error) {
	logKey, logPublic, err := appender.NewKey(f.origin)
	if err != nil {
		return nil, fmt.Errorf("make the log's key: %w", err)
	}
	deskPublic, deskKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	ch := charter.Charter{
		Kind: charter.Kind, Version: 1, Name: f.name, About: f.about, Languages: f.languages, Threshold: f.threshold,
		Log:   charter.Log{Origin: f.origin, Key: logPublic},
		Desks: []string{base64.StdEncoding.EncodeToString(deskPublic)},
		Nodes: f.nodes, Mirrors: f.mirrors, Handle: f.handle, Made: today(),
	}
	var people []*keyring.Person
	files := map[string][]byte{}
	for _, np := range f.people {
		p, err := keyring.NewPerson(np.name)
		if err != nil {
			return nil, err
		}
		lock := p.Lock
		if f.cost > 0 {
			lock = func(pass string) ([]byte, error) { return p.LockAt(pass, f.cost) }
		}
		if files[np.name], err = lock(np.passphrase); err != nil {
			return nil, err
		}
		people = append(people, p)
		ch.People = append(ch.People, p.Public(ch.Made))
	}
	if err := ch.Validate(); err != nil {
		return nil, err
	}
	doc, err := ch.Bytes()
	if err != nil {
		return nil, err
	}
	signed := charter.Signed{Document: string(doc), Signatures: charter.Signatures{}}
	for _, p := range people {
		signed.Signatures.Add(doc, p)
	}
	if err := desk.Create(ctx, cfg, desk.Founding{Chain: charter.Chain{signed}, LogKey: logKey, DeskKey: deskKey}); err != nil {
		return nil, err
	}
	for _, p := range people {
		if err := desk.AddKeyFile(cfg.Dir, p.Name(), files[p.Name()]); err != nil {
			return nil, err
		}
	}
	return people, nil
}

// The next version of the charter waits here until enough people have signed it.
func nextPath(dir string) string { return filepath.Join(dir, "next-charter.json") }

func readNext(dir string) (charter.Signed, error) {
	b, err := os.ReadFile(nextPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return charter.Signed{}, fault.NotFound("cli.charter.nothing_to_sign")
	}
	if err != nil {
		return charter.Signed{}, err
	}
	var next charter.Signed
	if err := json.Unmarshal(b, &next); err != nil {
		return next, fault.Corrupt("cli.charter.next_broken", nextPath(dir)).Because(err)
	}
	if now, _, err := desk.ReadCharter(dir); err == nil {
		if id, err := now.ID(); err == nil && id == canon.Hash([]byte(next.Document)) { // it joined the chain, and a kill left it here
			return charter.Signed{}, fault.NotFound("cli.charter.nothing_to_sign")
		}
	}
	return next, nil
}

func writeNext(dir string, next charter.Signed) error {
	b, err := json.MarshalIndent(next, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(nextPath(dir), b, 0o600)
}

// dropNext throws the unsigned next version away.
func dropNext(dir string) error {
	if _, err := readNext(dir); err != nil {
		return err
	}
	return os.Remove(nextPath(dir))
}

// change drafts the next version, or changes the draft that waits. A changed
// draft loses the signatures it had: nobody signed these words.
func (a *app) change(dir string, edit func(*charter.Charter) error) error {
	now, _, err := desk.ReadCharter(dir)
	if err != nil {
		return err
	}
	draft, err := now.Next(today())
	if err != nil {
		return err
	}
	waiting, err := readNext(dir)
	if err == nil {
		draft, err = charter.Parse([]byte(waiting.Document))
	} else if errors.Is(err, fault.NotFound("cli.charter.nothing_to_sign")) {
		err = nil
	}
	if err != nil {
		return err
	}
	if err := edit(&draft); err != nil {
		return err
	}
	if err := draft.Validate(); err != nil {
		return err
	}
	doc, err := draft.Bytes()
	if err != nil {
		return err
	}
	if err := writeNext(dir, charter.Signed{Document: string(doc), Signatures: charter.Signatures{}}); err != nil {
		return err
	}
	return a.showNext(dir, now)
}

// showNext says which version waits, who signed it and how many are missing.
func (a *app) showNext(dir string, now charter.Charter) error {
	next, err := readNext(dir)
	if errors.Is(err, fault.NotFound("cli.charter.nothing_to_sign")) {
		return nil
	}
	if err != nil {
		return err
	}
	var signed []string
	for _, p := range now.Current() {
		if sig, ok := next.Signatures[charter.KeyID(p.PublishKey)]; ok && charter.SignedBy(p.PublishKey, []byte(next.Document), sig) {
			signed = append(signed, p.Name)
		}
	}
	a.say("cli.charter.next", now.Version+1, strings.Join(signed, ", "), max(0, now.Threshold-len(signed)))
	return nil
}

// signNext adds a person's signature; with the last one that was missing the
// version joins the chain.
func (a *app) signNext(ctx context.Context, dir string, person *keyring.Person, asking nodeAsking) error {
	now, chain, err := desk.ReadCharter(dir)
	if err != nil {
		return err
	}
	next, err := readNext(dir)
	if err != nil {
		return err
	}
	if !isCurrent(now, person) {
		return fault.Forbidden("cli.charter.not_current", person.Name())
	}
	next.Signatures.Add([]byte(next.Document), person)
	if err := writeNext(dir, next); err != nil {
		return err
	}
	if now.Verify([]byte(next.Document), next.Signatures) != nil {
		return a.showNext(dir, now)
	}
	longer := append(chain, next)
	newest, err := longer.Verify("")
	if err != nil {
		return err
	}
	join := func() error { return errors.Join(charter.WriteChain(dir, longer), os.Remove(nextPath(dir))) }
	if newest.Log.Key == now.Log.Key {
		err = join()
	} else {
		err = a.changeLogKey(ctx, dir, person, newest, asking, join)
	}
	if err != nil {
		return err
	}
	a.say("cli.charter.sign.done", newest.Version)
	if newest.Log.Key != now.Log.Key {
		a.say("cli.charter.rotate_log.then")
	}
	return nil
}

func isCurrent(c charter.Charter, person *keyring.Person) bool {
	for _, p := range c.Current() {
		if p.PublishKey == person.PublishKey() {
			return true
		}
	}
	return false
}
