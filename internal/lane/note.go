package lane

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// noteKey seals what only the holder of a code reads. It is made from the code,
// which is not kept: without it nobody opens a note, this server included.
type noteKey []byte

// keyOf makes the key of a code by HKDF (RFC 5869) with SHA-256, or gives the
// fault lane.bad_code. The code's 80 random bits are its whole strength.
func keyOf(code string) (noteKey, error) {
	b, err := readCode(code)
	if err != nil {
		return nil, err
	}
	return hkdf.Key(sha256.New, b, nil, "kua open lane appeal notes", 32)
}

// boundTo binds a note to its entry, so that none passes for another's.
func boundTo(request, number int64) []byte { return fmt.Appendf(nil, "%d/%d", request, number) }

func (k noteKey) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal gives the note of an entry under the key: AES-256-GCM, a random nonce before it.
func (k noteKey) seal(e Entry, request, number int64) (string, error) {
	plain, err := json.Marshal(e.Note)
	if err != nil {
		return "", err
	}
	aead, err := k.aead()
	if err != nil {
		return "", fmt.Errorf("seal a note: %w", err)
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce) // never fails
	return base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, plain, boundTo(request, number))), nil
}

func (k noteKey) open(e Entry) (n Note, err error) {
	b, err := base64.StdEncoding.DecodeString(e.Sealed)
	if err != nil {
		return n, err
	}
	aead, err := k.aead()
	if err != nil || len(b) < aead.NonceSize() {
		return n, fmt.Errorf("open a note of %d bytes: %w", len(b), err)
	}
	plain, err := aead.Open(nil, b[:aead.NonceSize()], b[aead.NonceSize():], boundTo(e.Request, e.Number))
	if err != nil {
		return n, fmt.Errorf("open a note: %w", err)
	}
	return n, json.Unmarshal(plain, &n)
}
