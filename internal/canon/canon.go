// Package canon writes and reads canonical JSON (RFC 8785), the one form in
// which Kuä signs, hashes and logs a document.
//
// What it accepts is stricter than JSON: the bytes must already be canonical
// and every member must be known to the Go type, so two parties can never read
// the same signature differently. It knows nothing of the product.
package canon

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/gowebpki/jcs"

	"kua/internal/fault"
)

// Marshal gives the canonical bytes of v.
func Marshal(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jcs.Transform(b)
}

// Unmarshal reads canonical bytes into v, a pointer. Writing v again must give
// the same bytes: that refuses bytes that are not canonical, members that v
// does not know or that stand twice, and anything behind the document. Refusals
// are faults of kind invalid.
func Unmarshal(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fault.Invalid("canon.not_json").Because(err)
	}
	c, err := Marshal(v)
	if err != nil {
		return fault.Invalid("canon.not_json").Because(err)
	}
	if !bytes.Equal(b, c) {
		return fault.Invalid("canon.not_canonical")
	}
	return nil
}

// Hash gives the SHA-256 of b in lower-case hex: how Kuä names bytes.
func Hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
