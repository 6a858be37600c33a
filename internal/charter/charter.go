// Package charter says who a collective is: its names and languages, its
// people with their public keys, how many of them must sign, its log, nodes and
// mirrors. It is the root of trust: whoever holds one genuine charter can check
// every later one and everything that the collective publishes.
//
// It holds no private key, opens nothing and touches no network. Every package
// above the ground may use it. The format is spec/charter.md.
package charter

import (
	"slices"

	"kua/internal/canon"
	"kua/internal/fault"
)

// Kind is the "kind" member of every charter.
const Kind = "kua charter"

// Charter is one version of the statement. Bytes gives the exact document that
// is signed, hashed and logged. Members with an empty value are left out of it.
type Charter struct {
	Kind      string            `json:"kind"`
	Version   int               `json:"version"`
	Previous  string            `json:"previous,omitempty"` // ID of the version before
	Name      map[string]string `json:"name"`               // language → the collective's name
	About     map[string]string `json:"about,omitempty"`    // language → a sentence or two
	Languages []string          `json:"languages"`
	People    []Person          `json:"people"`
	Threshold int               `json:"threshold"`
	Log       Log               `json:"log,omitzero"`
	Desks     []string          `json:"desks,omitempty"` // public keys with which a desk signs its calls to nodes
	Nodes     []Node            `json:"nodes,omitempty"`
	Mirrors   []string          `json:"mirrors,omitempty"`
	Handle    string            `json:"handle,omitempty"` // a channel elsewhere, as the collective writes it: "Telegram @kua_sample"
	Struck    []Struck          `json:"struck,omitempty"` // node keys that may be in hostile hands
	Made      string            `json:"made"`             // day
}

// Person is one of the collective's people. A person who left stays in the list
// with the day of leaving: what they signed before stays checkable.
type Person struct {
	Name       string `json:"name"`
	Recipient  string `json:"recipient"`  // age1pq1… or, for the whole collective, age1…
	PublishKey string `json:"publishkey"` // base64 of the raw Ed25519 public key
	Since      string `json:"since"`      // day
	Retired    string `json:"retired,omitempty"`
}

// Node is a server that takes parcels for the collective.
type Node struct {
	URL string `json:"url"`
	Key string `json:"key"` // base64 of the raw Ed25519 public key with which it acknowledges
}

// Struck is a node's key that was struck off: since that day nothing that it
// signs is believed. What it signed for earlier days stays checkable.
type Struck struct {
	Key string `json:"key"` // base64 of the raw Ed25519 public key
	Day string `json:"day"`
}

// Bytes gives the canonical document. It does not validate.
func (c Charter) Bytes() ([]byte, error) { return canon.Marshal(c) }

// Parse reads a canonical document and validates it by itself; Chain.Verify
// says whether it may be believed.
func Parse(doc []byte) (Charter, error) {
	if len(doc) > maxDocument {
		return Charter{}, fault.TooLarge("charter.too_large")
	}
	var c Charter
	if err := canon.Unmarshal(doc, &c); err != nil {
		return Charter{}, fault.Invalid("charter.not_a_charter").Because(err)
	}
	if err := c.Validate(); err != nil {
		return Charter{}, err
	}
	return c, nil
}

// ID is the SHA-256 of the canonical document in hex: what people compare and pin.
func (c Charter) ID() (string, error) {
	doc, err := c.Bytes()
	if err != nil {
		return "", err
	}
	return canon.Hash(doc), nil
}

// Current gives the people who have not retired, in the charter's order.
func (c Charter) Current() []Person {
	return slices.DeleteFunc(slices.Clone(c.People), func(p Person) bool { return p.Retired != "" })
}

// NoSpare reports whether every current person must sign: with one key lost nothing
// can be published and no further charter be signed.
func (c Charter) NoSpare() bool { return len(c.Current()) <= c.Threshold }

// Recipients gives the age recipients of the current people: to whom every
// parcel is sealed.
func (c Charter) Recipients() []string {
	var rs []string
	for _, p := range c.Current() {
		rs = append(rs, p.Recipient)
	}
	return rs
}
