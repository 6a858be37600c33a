package charter

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"kua/internal/fault"
)

// Signatures maps a key's id (KeyID) to the raw 64-byte Ed25519 signature over
// a document's exact bytes. In JSON the signatures are standard base64.
type Signatures map[string][]byte

// Signer signs documents with one person's publishing key.
type Signer interface {
	PublishKey() string
	Sign(doc []byte) []byte
}

// KeyID names a public key: the first 16 hex characters of the SHA-256 of its
// raw 32 bytes, or "" when publishKey is not the base64 of such a key.
func KeyID(publishKey string) string {
	raw, ok := rawKey(publishKey)
	if !ok {
		return ""
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

// SignedBy reports whether signature is a valid Ed25519 signature over the
// exact bytes of doc under the base64 public key.
func SignedBy(publicKey string, doc, signature []byte) bool {
	raw, ok := rawKey(publicKey)
	return ok && len(signature) == ed25519.SignatureSize && ed25519.Verify(raw, doc, signature)
}

// Add puts the signer's signature over doc into s.
func (s Signatures) Add(doc []byte, by Signer) { s[KeyID(by.PublishKey())] = by.Sign(doc) }

// Verify checks that at least Threshold distinct current people of c have
// signed the exact bytes of doc. Signatures of others, of retired people and
// broken ones count for nothing; too few give the fault
// charter.too_few_signatures with how many there are and how many it takes.
func (c Charter) Verify(doc []byte, sigs Signatures) error {
	return c.enough(func(key, id string) bool { return SignedBy(key, doc, sigs[id]) })
}

// Enough is Verify for signatures of which each was found good by SignedBy, with
// the key whose id it stands under. Arithmetic is not done twice.
func (c Charter) Enough(good Signatures) bool {
	return c.enough(func(_, id string) bool { return len(good[id]) > 0 }) == nil
}

func (c Charter) enough(signed func(key, id string) bool) error {
	valid := 0
	for _, p := range c.Current() {
		if signed(p.PublishKey, KeyID(p.PublishKey)) {
			valid++
		}
	}
	if valid < c.Threshold || c.Threshold < 1 {
		return fault.Forbidden("charter.too_few_signatures", valid, c.Threshold)
	}
	return nil
}

// rawKey decodes the base64 of a raw Ed25519 public key; only the one canonical
// spelling is taken.
func rawKey(key string) (ed25519.PublicKey, bool) {
	raw, err := base64.StdEncoding.Strict().DecodeString(key)
	if err != nil || len(raw) != ed25519.PublicKeySize || base64.StdEncoding.EncodeToString(raw) != key {
		return nil, false
	}
	return raw, true
}
