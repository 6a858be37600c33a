// Package receipt makes and reads the secret code that a witness keeps. The
// code finds the mailbox with the desk's replies and opens them; nobody but the
// witness has it, and nobody can make it again.
//
// It stores nothing, sends nothing and opens nothing itself. The sealers and
// the witness's tools use it. The format is spec/receipt.md, with vectors in
// spec/vectors/receipt.json.
package receipt

import (
	"crypto/rand"
	"strings"

	"kua/internal/fault"
)

// Groups is the number of five-letter groups in a written receipt.
const Groups = 6

const groupLetters = 5

// Receipt is 88 random bits. Written, they and one check byte are six proquints
// (arXiv:0901.4016).
type Receipt [11]byte

// New makes a receipt from the system's random source.
func New() Receipt {
	var r Receipt
	rand.Read(r[:]) // never fails: crypto/rand ends the program instead
	return r
}

// String writes the receipt in Latin letters: "lusab-babad-…".
func (r Receipt) String() string { return r.write(latin) }

// Cyrillic writes the same receipt in Cyrillic letters: "лусаб-бабад-…".
func (r Receipt) Cyrillic() string { return r.write(cyrillic) }

func (r Receipt) write(letters alphabet) string {
	var b strings.Builder
	bytes := append(r[:], checkByte(r[:]))
	for g := range Groups {
		if g > 0 {
			b.WriteByte('-')
		}
		word := uint16(bytes[2*g])<<8 | uint16(bytes[2*g+1])
		b.WriteRune(letters.consonants[word>>12])
		b.WriteRune(letters.vowels[word>>10&3])
		b.WriteRune(letters.consonants[word>>6&15])
		b.WriteRune(letters.vowels[word>>4&3])
		b.WriteRune(letters.consonants[word&15])
	}
	return b.String()
}

// checkByte is CRC-8/I-432-1: polynomial 0x07, start 0, final xor 0x55. It finds
// every single wrong letter and every two letters changed for each other within a group.
func checkByte(b []byte) byte {
	var crc byte
	for _, v := range b {
		crc ^= v
		for range 8 {
			carry := crc&0x80 != 0
			crc <<= 1
			if carry {
				crc ^= 0x07
			}
		}
	}
	return crc ^ 0x55
}

// Parse reads a receipt as a person types it: either alphabet, any case, with
// dashes, spaces or nothing between the groups, and letters that look alike
// (spec/receipt.md lists them). Refusals are faults that name the group where
// that can be known: receipt.letter, receipt.group, receipt.length, and
// receipt.check when every letter is possible but the whole does not fit.
func Parse(s string) (Receipt, error) {
	if len(s) > 400 {
		return Receipt{}, fault.Invalid("receipt.length", len(s))
	}
	letters, err := clean(s)
	if err != nil {
		return Receipt{}, err
	}
	var found []Receipt
	var firstErr error
	for _, reading := range readings(letters) {
		r, err := decode(reading)
		if err != nil {
			if firstErr == nil {
				firstErr = err
			}
			continue
		}
		if len(found) == 0 || found[0] != r {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Receipt{}, firstErr
	}
	return Receipt{}, fault.Invalid("receipt.mixed_letters")
}

// decode reads 30 letters of the Latin table and checks the check byte.
func decode(letters []rune) (Receipt, error) {
	var bytes [2 * Groups]byte
	for g := range Groups {
		var word uint16
		for i, l := range letters[g*groupLetters : (g+1)*groupLetters] {
			set, bits := latin.consonants, 4
			if i%2 == 1 {
				set, bits = latin.vowels, 2
			}
			v := indexRune(set, l)
			if v < 0 {
				return Receipt{}, fault.Invalid("receipt.group", g+1)
			}
			word = word<<bits | uint16(v)
		}
		bytes[2*g], bytes[2*g+1] = byte(word>>8), byte(word)
	}
	r := Receipt(bytes[:11])
	if checkByte(r[:]) != bytes[11] {
		return Receipt{}, fault.Invalid("receipt.check")
	}
	return r, nil
}
