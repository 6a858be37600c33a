package lane

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"
	"unicode"

	"kua/internal/fault"
)

// A holder code is 80 random bits in Crockford's base 32: 0123-4567-89ab-cdef.
// It is not a receipt of the sealed lane, and opens nothing there.
const codeBytes = 10

var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// CheckCode gives the fault lane.bad_code for what is no code.
func CheckCode(code string) error {
	_, err := hashCode(code)
	return err
}

// NewCode makes a holder code. A form gets it before it is sent, so that sending
// twice makes one request.
func NewCode() string {
	b := make([]byte, codeBytes)
	rand.Read(b) // never fails
	return written(b)
}

func written(b []byte) string {
	s := crockford.EncodeToString(b)
	return s[:4] + "-" + s[4:8] + "-" + s[8:12] + "-" + s[12:]
}

// Each letter of a code has one Cyrillic letter. Those that look alike in both
// scripts but are not the same here (р, с, х, н, в) are safe because a code is
// written in one script alone.
const (
	latinLetters    = "abcdefghjkmnpqrstvwxyz"
	cyrillicLetters = "абцдефгшйкмнпщрствжхыз"
)

// typed takes what people type for the letters and digits they mean.
var (
	typed                    = strings.NewReplacer("-", "", " ", "", "o", "0", "i", "1", "l", "1")
	typedCyrillic            = strings.NewReplacer("-", "", " ", "", "о", "0", "і", "1", "л", "1")
	toCyrillic, fromCyrillic = letters(latinLetters, cyrillicLetters), letters(cyrillicLetters, latinLetters)
)

func letters(from, to string) *strings.Replacer {
	var pairs []string
	target := []rune(to)
	for i, r := range []rune(from) {
		pairs = append(pairs, string(r), string(target[i]))
	}
	return strings.NewReplacer(pairs...)
}

// CyrillicCode writes a code of NewCode in Cyrillic letters, for keyboards that
// have no others.
func CyrillicCode(code string) string { return toCyrillic.Replace(code) }

// latinCode gives a code as typed in Latin letters. One in both scripts at once
// is not understood: р would be p to one reader and r to another.
func latinCode(code string) string {
	code = strings.ToLower(strings.TrimSpace(code))
	cyrillic := strings.ContainsFunc(code, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) })
	switch {
	case !cyrillic:
		return typed.Replace(code)
	case strings.ContainsAny(code, "abcdefghijklmnopqrstuvwxyz"):
		return ""
	}
	return fromCyrillic.Replace(typedCyrillic.Replace(code))
}

// readCode gives the random bytes of a code, however it was typed, or the fault lane.bad_code.
func readCode(code string) ([]byte, error) {
	b, err := crockford.DecodeString(latinCode(code))
	if err != nil || len(b) != codeBytes {
		return nil, fault.Invalid("lane.bad_code")
	}
	return b, nil
}

// hashCode gives what is kept of a code, however it was typed, or the fault lane.bad_code.
func hashCode(code string) (string, error) {
	b, err := readCode(code)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append([]byte("kua open lane holder\n"), b...))
	return hex.EncodeToString(sum[:]), nil
}
