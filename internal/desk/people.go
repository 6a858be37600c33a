package desk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kua/internal/charter"
	"kua/internal/durable"
	"kua/internal/fault"
	"kua/internal/keyring"
)

const (
	peopleDir = "people"
	keyFile   = ".age"
)

// People gives the names of the key files that lie in a desk's directory.
func People(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, peopleDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list key files: %w", err)
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), keyFile); ok && e.Type().IsRegular() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Unlock opens the key file of one person in a desk's directory.
func Unlock(dir, name, passphrase string) (*keyring.Person, error) {
	path, err := keyPath(dir, name)
	if err != nil {
		return nil, err
	}
	file, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.NotFound("desk.no_key_file", name)
	}
	if err != nil {
		return nil, fmt.Errorf("read the key file of %s: %w", name, err)
	}
	return keyring.Unlock(file, passphrase)
}

// AddKeyFile writes a locked key file (keyring.Person.Lock) as people/<name>.age.
// It never overwrites one.
func AddKeyFile(dir, name string, file []byte) error {
	path, err := keyPath(dir, name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return fault.Conflict("desk.key_file_there", name)
	}
	if err := durable.WriteFile(path, file, 0o600); err != nil {
		return fmt.Errorf("write the key file of %s: %w", name, err)
	}
	return nil
}

// Relock locks the key file of one person in a desk's directory with another
// passphrase, whole or not at all; name is the one by which the person was
// unlocked. The keys stay what they are: a copy of the file that lies elsewhere
// still opens with the passphrase before.
func Relock(dir, name string, person *keyring.Person, passphrase string) error {
	path, err := keyPath(dir, name)
	if err != nil {
		return err
	}
	file, err := person.Lock(passphrase)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(path, file, 0o600); err != nil {
		return fmt.Errorf("write the key file of %s: %w", name, err)
	}
	return nil
}

// keyPath refuses names that would lie elsewhere.
func keyPath(dir, name string) (string, error) {
	if name == "" || name[0] == '.' || strings.ContainsAny(name, `/\`) || strings.ContainsRune(name, 0) {
		return "", fault.Invalid("desk.key_name", name)
	}
	return filepath.Join(dir, peopleDir, name+keyFile), nil
}

// ReadCharter gives the newest charter of a desk that may still be locked. The
// fault is desk.none_here where no desk is.
func ReadCharter(dir string) (charter.Charter, charter.Chain, error) {
	chain, err := charter.ReadChain(os.DirFS(dir))
	if errors.Is(err, fault.NotFound("charter.none_here")) {
		return charter.Charter{}, nil, fault.NotFound("desk.none_here", dir)
	}
	if err != nil {
		return charter.Charter{}, nil, err
	}
	c, err := chain.Verify("")
	return c, chain, err
}

// Sit gives a person a seat. Only the charter's current people have one.
func (d *Desk) Sit(person *keyring.Person) (*Seat, error) {
	for _, p := range d.Charter().Current() {
		if p.PublishKey == person.PublishKey() && p.Recipient == person.Recipient() {
			return &Seat{d: d, person: person, name: p.Name}, nil
		}
	}
	return nil, fault.Forbidden("desk.not_of_the_desk", person.Name())
}

// current reports whether the person of a seat still is one of the desk's.
func (s *Seat) current() error {
	_, err := s.d.Sit(s.person)
	return err
}
