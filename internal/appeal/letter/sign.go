package letter

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// forbidden finds the first sign that no letter may hold: what is no UTF-8, a
// control character, a separator of lines that editors treat differently, and
// what turns the direction of writing, with which a line can be made to read as
// another. Line breaks and tabs are let through where text has many lines.
func forbidden(s string, lines bool) (r rune, bad bool) {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return rune(s[i]), true
			}
		}
		switch {
		case lines && (r == '\n' || r == '\t' || r == '\r' && strings.HasPrefix(s[i:], "\r\n")):
		case unicode.Is(unicode.Cc, r), r == '\u2028', r == '\u2029', unicode.Is(unicode.Bidi_Control, r):
			return r, true
		}
	}
	return 0, false
}

// codePoint names a sign so that it can be found: U+202E.
func codePoint(r rune) string { return fmt.Sprintf("U+%04X", r) }

func blank(s string) bool { return strings.TrimSpace(s) == "" }

func isHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32 && s == strings.ToLower(s)
}
