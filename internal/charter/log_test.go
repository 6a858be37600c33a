package charter_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"kua/internal/charter"
	"kua/internal/fault"
)

type freshKey ed25519.PrivateKey

func (k freshKey) PublishKey() string {
	return base64.StdEncoding.EncodeToString(ed25519.PrivateKey(k).Public().(ed25519.PublicKey))
}
func (k freshKey) Sign(doc []byte) []byte { return ed25519.Sign(ed25519.PrivateKey(k), doc) }

// TestLogStays refuses a chain whose log changes: what was published hangs on it.
func TestLogStays(t *testing.T) {
	first, err := charter.Parse([]byte(load(t).Chains[0].Chain[0].Document))
	if err != nil {
		t.Fatal(err)
	}
	var signers []freshKey
	for i := range first.People {
		_, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		signers = append(signers, freshKey(key))
		first.People[i].PublishKey = signers[i].PublishKey()
	}
	sign := func(c charter.Charter) charter.Signed {
		doc, err := c.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		s := charter.Signed{Document: string(doc), Signatures: charter.Signatures{}}
		for _, by := range signers {
			s.Signatures.Add(doc, by)
		}
		return s
	}
	second, err := first.Next(first.Made)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (charter.Chain{sign(first), sign(second)}).Verify(""); err != nil {
		t.Fatalf("the same log: %v", err)
	}
	second.Log.Origin = "other.example/log"
	if _, second.Log.Key, err = note.GenerateKey(rand.Reader, second.Log.Origin); err != nil {
		t.Fatal(err)
	}
	if _, err := (charter.Chain{sign(first), sign(second)}).Verify(""); !errors.Is(err, fault.Invalid("charter.log_changed")) {
		t.Errorf("another log: Verify = %v, want charter.log_changed", err)
	}
}
