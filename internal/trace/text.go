package trace

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// maxPieces bounds how many facts one long text may become.
const maxPieces = 64

// text adds a text of any length, in pieces of MaxValue. What is not UTF-8 is
// given with its bytes: which of the old alphabets it is nobody can know.
func (s *Sheet) text(kind Kind, where, name string, b []byte) {
	b = bytes.TrimRight(b, "\x00")
	for n := 0; len(b) > 0; n++ {
		if n == maxPieces {
			s.gap(where, "too_large", int64(len(b)))
			return
		}
		piece := b[:cutAt(b)]
		b = b[len(piece):]
		f := Fact{Kind: kind, Where: where, Name: name, Value: string(piece)}
		if !utf8.Valid(piece) {
			f.Value, f.Raw = strings.ToValidUTF8(f.Value, "\uFFFD"), piece
		}
		s.fact(f)
	}
}

// cutAt is the length of the first piece: MaxValue at a rune's edge.
func cutAt(b []byte) int {
	if len(b) <= MaxValue {
		return len(b)
	}
	for n := MaxValue; n > MaxValue-utf8.UTFMax; n-- {
		if utf8.RuneStart(b[n]) {
			return n
		}
	}
	return MaxValue
}

// utf16Text decodes UTF-16, by its mark if it has one.
func utf16Text(b []byte, order binary.ByteOrder) string {
	if len(b) >= 2 {
		switch string(b[:2]) {
		case "\xff\xfe":
			b, order = b[2:], binary.LittleEndian
		case "\xfe\xff":
			b, order = b[2:], binary.BigEndian
		}
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	return strings.TrimRight(string(utf16.Decode(units)), "\x00")
}

// utf16Fact adds UTF-16 text. The gate searches in UTF-16 too, so it needs no Raw.
func (s *Sheet) utf16(kind Kind, where, name string, b []byte, order binary.ByteOrder) {
	s.text(kind, where, name, []byte(utf16Text(b, order)))
}

// unknown tells of bytes that no reader understands: the words in them, their
// first bytes, and a Gap for the rest of the meaning.
func (s *Sheet) unknown(kind Kind, where, name string, b []byte) {
	if len(bytes.Trim(b, "\x00")) == 0 {
		return
	}
	s.fact(Fact{Kind: kind, Where: where, Name: name, Raw: b[:min(len(b), MaxValue)]})
	s.words(kind, where, name, b)
	s.gap(where, "unknown", int64(len(b)))
}

// minWord is the shortest run of letters that counts as a word of a file.
const minWord = 6

// words adds every run of readable text in b, in UTF-8 and UTF-16.
func (s *Sheet) words(kind Kind, where, name string, b []byte) {
	said := make(map[string]bool) // the same bytes read as words in more than one way
	for _, w := range findWords(b, minWord) {
		if !said[w.text] {
			said[w.text] = true
			s.text(kind, where, name, []byte(w.text))
		}
	}
}

func readable(r rune) bool { return r == '\t' || r == '\n' || r == '\r' || unicode.IsPrint(r) }
