package appender

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"kua/internal/fault"
)

// PublicKey gives the verifier key of a private key of sumdb/note, which is
// "PRIVATE+KEY+name+hash+base64(1 ‖ seed)"; what is none is the fault tlog.key.
func PublicKey(private string) (string, error) {
	fields := strings.SplitN(private, "+", 5)
	if len(fields) == 5 {
		raw, err := base64.StdEncoding.DecodeString(fields[4])
		if err == nil && len(raw) == 1+ed25519.SeedSize && raw[0] == 1 {
			pub := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
			return note.NewEd25519VerifierKey(fields[2], pub)
		}
	}
	return "", fault.Invalid("tlog.key").Because(errors.New("not an Ed25519 private key of sumdb/note"))
}
