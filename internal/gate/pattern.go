package gate

import (
	"fmt"
	"strings"
)

// pattern is what a part must look like, byte by byte: hex digits for bytes
// that have one value, ".." for bytes that are read and checked elsewhere.
// Blanks are for the eye.
type pattern []int16

const anyByte = -1

func pat(text string) pattern {
	text = strings.Join(strings.Fields(text), "")
	if len(text)%2 != 0 {
		panic("gate: half a byte in a pattern")
	}
	p := make(pattern, len(text)/2)
	for i := range p {
		two := text[2*i : 2*i+2]
		if two == ".." {
			p[i] = anyByte
			continue
		}
		if _, err := fmt.Sscanf(two, "%02x", &p[i]); err != nil {
			panic("gate: bad pattern " + two)
		}
	}
	return p
}

// zeros is a pattern of n zero bytes.
func zeros(n int) string { return strings.Repeat("00", n) }

// check refuses bytes that do not fit.
func (p pattern) check(where string, at int64, b []byte) error {
	if len(b) != len(p) {
		return refuse(where, at, "value", "%d bytes, not %d", len(b), len(p))
	}
	for i, want := range p {
		if want != anyByte && int16(b[i]) != want {
			return refuse(where, at+int64(i), "value", "byte %d is %02x, not %02x", i, b[i], want)
		}
	}
	return nil
}
