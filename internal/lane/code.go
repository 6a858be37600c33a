package lane

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"

	"kua/internal/fault"
)

// A holder code is 80 random bits in Crockford's base 32: 0123-4567-89ab-cdef.
// It is not a receipt of the sealed lane, and opens nothing there.
const codeBytes = 10

var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewCode makes a holder code. A form gets it before it is sent, so that sending
// twice makes one request.
func NewCode() string {
	b := make([]byte, codeBytes)
	rand.Read(b) // never fails
	s := crockford.EncodeToString(b)
	return s[:4] + "-" + s[4:8] + "-" + s[8:12] + "-" + s[12:]
}

// typed takes what people type for the letters and digits they mean.
var typed = strings.NewReplacer("-", "", " ", "", "o", "0", "i", "1", "l", "1")

// hashCode gives what is kept of a code, however it was typed, or the fault lane.bad_code.
func hashCode(code string) (string, error) {
	b, err := crockford.DecodeString(typed.Replace(strings.ToLower(strings.TrimSpace(code))))
	if err != nil || len(b) != codeBytes {
		return "", fault.Invalid("lane.bad_code")
	}
	sum := sha256.Sum256(append([]byte("kua open lane holder\n"), b...))
	return hex.EncodeToString(sum[:]), nil
}
