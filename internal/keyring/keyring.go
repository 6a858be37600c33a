// Package keyring is the only code that opens: it holds a person's private
// keys, locks them in a file with a passphrase, opens parcels and replies, and
// signs. What does not stand on it cannot read anything sealed.
//
// It stores nothing itself and speaks to nobody. The desk and the witness's
// tools use it; the node never does. The key file is described in
// spec/charter.md.
package keyring

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"filippo.io/age"

	"kua/internal/charter"
	"kua/internal/fault"
	"kua/internal/seal"
)

// Person is one of the collective's people with their private keys: an age
// identity that opens parcels and an Ed25519 key that signs.
type Person struct {
	name      string
	identity  identity
	publish   ed25519.PrivateKey
	recipient string
}

// identity is an age identity that can be written down.
type identity interface {
	age.Identity
	String() string
}

var _ charter.Signer = (*Person)(nil)

// NewPerson makes a person with new keys; the desk key is the hybrid
// post-quantum kind.
func NewPerson(name string) (*Person, error) { return NewPersonOf(seal.Hybrid, name) }

// NewPersonOf is NewPerson with a desk key of the given kind, which must be the
// kind of the whole collective.
func NewPersonOf(kind seal.Kind, name string) (*Person, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	p := &Person{name: name}
	switch kind {
	case seal.Hybrid:
		id, err := age.GenerateHybridIdentity()
		if err != nil {
			return nil, fmt.Errorf("make desk key: %w", err)
		}
		p.identity, p.recipient = id, id.Recipient().String()
	case seal.X25519:
		id, err := age.GenerateX25519Identity()
		if err != nil {
			return nil, fmt.Errorf("make desk key: %w", err)
		}
		p.identity, p.recipient = id, id.Recipient().String()
	default:
		return nil, fmt.Errorf("no kind of key is called %q", kind)
	}
	var err error
	if _, p.publish, err = ed25519.GenerateKey(rand.Reader); err != nil {
		return nil, fmt.Errorf("make publishing key: %w", err)
	}
	return p, nil
}

// Name is what the person is called in the charter and in the key file.
func (p *Person) Name() string { return p.name }

// Recipient is the public half of the desk key: age1pq1… or age1….
func (p *Person) Recipient() string { return p.recipient }

// PublishKey is the public half of the publishing key: the base64 of its raw 32 bytes.
func (p *Person) PublishKey() string {
	return base64.StdEncoding.EncodeToString(p.publish.Public().(ed25519.PublicKey))
}

// Sign gives the raw Ed25519 signature over the exact bytes of doc.
func (p *Person) Sign(doc []byte) []byte { return ed25519.Sign(p.publish, doc) }

// Public is the person as a charter lists them from the given day on.
func (p *Person) Public(since string) charter.Person {
	return charter.Person{Name: p.name, Recipient: p.recipient, PublishKey: p.PublishKey(), Since: since}
}

func checkName(name string) error {
	if strings.TrimSpace(name) != name || name == "" || len(name) > 200 ||
		!utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return fault.Invalid("keyring.name")
	}
	return nil
}
