package edition

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"

	"kua/internal/charter"
)

// KeyPath is where the PEM file of a publishing key lies.
func KeyPath(keyID string) string { return "keys/" + keyID + ".pem" }

// LogKeyPath is where the PEM file of the log's key lies.
const LogKeyPath = "keys/log.pem"

// KeyPEM writes a base64 Ed25519 public key, as the charter has it, the way
// openssl reads it. What is no such key gives "".
func KeyPEM(publishKey string) string {
	raw, err := base64.StdEncoding.DecodeString(publishKey)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return ""
	}
	der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(raw))
	if err != nil {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// LogKeyPEM writes the log's verifier key (name+hash+base64 of 1 and the key,
// as sumdb/note has it) the way openssl reads it, or gives "".
func LogKeyPEM(vkey string) string {
	i := strings.LastIndexByte(vkey, '+')
	// The last field may itself hold a plus: the fields before it are two.
	if f := strings.SplitN(vkey, "+", 3); len(f) == 3 {
		i = len(f[0]) + 1 + len(f[1])
	}
	if i < 0 {
		return ""
	}
	raw, err := base64.StdEncoding.DecodeString(vkey[i+1:])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != 1 {
		return ""
	}
	return KeyPEM(base64.StdEncoding.EncodeToString(raw[1:]))
}

// KeyFiles gives the PEM files an edition under this charter holds: one for
// every publishing key it names, past ones too, and one for the log.
func KeyFiles(c charter.Charter) map[string]string {
	files := make(map[string]string)
	for _, p := range c.People {
		if id := charter.KeyID(p.PublishKey); id != "" {
			files[KeyPath(id)] = KeyPEM(p.PublishKey)
		}
	}
	if text := LogKeyPEM(c.Log.Key); text != "" {
		files[LogKeyPath] = text
	}
	return files
}
