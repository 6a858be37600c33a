package trace

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is a run of readable characters in bytes of no known format.
type word struct {
	at   int
	text string
	raw  []byte // for UTF-16
}

// maxWords is the most words kept of one stretch. The longest are kept: among
// coded pictures there are short ones by chance.
const maxWords = 64

// findWords finds runs of at least least readable characters in UTF-8, and runs
// of ASCII and Cyrillic in UTF-16 of either order. Both would find what is short
// among coded bytes by chance, so least grows with them.
func findWords(b []byte, least int) []word {
	var out []word
	add := func(w word) {
		if out = append(out, w); len(out) > 64*maxWords {
			out = longest(out)
		}
	}
	for i := 0; i < len(b); {
		start, count, letters := i, 0, 0
		for i < len(b) {
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n < 2 || r != '\t' && r != '\n' && r != '\r' && !unicode.IsPrint(r) {
				break
			}
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				letters++
			}
			i += n
			count++
		}
		if text := bytes.TrimSpace(b[start:i]); count >= least && letters >= least/2 {
			add(word{at: start, text: string(text)})
		}
		if i == start {
			i++
		}
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for i := 0; i+1 < len(b); {
			first, letters := i, 0
			var text []rune
			for i+1 < len(b) {
				u := rune(order.Uint16(b[i:]))
				if (u < ' ' || u >= 0x7f) && (u < 0x400 || u >= 0x530) {
					break
				}
				if unicode.IsLetter(u) || unicode.IsDigit(u) {
					letters++
				}
				text = append(text, u)
				i += 2
			}
			if len(text) >= max(least, 5) && letters >= least/2 {
				add(word{at: first, text: string(text), raw: b[first:i]})
			}
			if i == first {
				i++
			}
		}
	}
	out = longest(out)
	slices.SortStableFunc(out, func(a, b word) int { return cmp.Compare(a.at, b.at) })
	return out
}

func longest(ws []word) []word {
	slices.SortStableFunc(ws, func(a, b word) int { return cmp.Compare(len(b.text), len(a.text)) })
	return slices.Clip(ws[:min(len(ws), maxWords)])
}

// encoders are how those begin that write their names among coded bytes.
var encoders = []string{"LAME", "Lavc", "Lavf", "L3.99", "GOGO", "Gogo", "Xiph", "BladeEnc"}

// chosen gives what an encoder or a person wrote among coded bytes: its name,
// or the longest run that chance and repeating tables do not make.
func chosen(where string, b []byte) Fact {
	const least, letters = 24, 8
	for _, w := range longest(findWords(b, 8)) {
		f := Fact{Kind: Software, Where: where, Name: "encoder", Value: strings.TrimRight(w.text, "U"), Raw: bytes.Clone(w.raw)}
		for _, name := range encoders {
			if strings.HasPrefix(w.text, name) {
				return f
			}
		}
		different := map[rune]bool{}
		for _, r := range w.text {
			if r < 0x80 && unicode.IsLetter(r) || r >= 0x400 && r < 0x530 {
				different[r] = true
			}
		}
		if 2*len(w.text) >= len(b) || utf8.RuneCountInString(w.text) >= least && len(different) >= letters {
			return f
		}
	}
	return Fact{}
}

// structure are words of the formats themselves.
var structure = map[string]bool{"ftab": true, "btrt": true, "encd": true, "styl": true, "hlit": true, "dref": true, "url ": true}

// wordsOf keeps the readable words of a part, and says whether there were any.
func (s *source) wordsOf(sheet *Sheet, kind Kind, where string, b []byte) bool {
	least := 4
	if len(b) > 4<<10 {
		least = 8
	}
	if len(b) > 64<<10 {
		least = 12
	}
	ws := findWords(b, least)
	for _, w := range ws {
		if structure[w.text] {
			continue
		}
		f := Fact{Kind: kind, Where: where, Name: "text", Value: w.text, Raw: bytes.Clone(w.raw)}
		if s.once(f) {
			sheet.fact(f)
		}
	}
	return len(ws) > 0
}

// remains looks through a stretch that nothing points to, or whose format is
// not known, for words, positions and pictures. What is there and tells nothing
// readable is kept by its first bytes. kind says what the finds are.
func (s *source) remains(sheet *Sheet, kind Kind, where string, at, n int64) error {
	const piece, lap = 1 << 20, 8 << 10
	at = min(max(at, 0), s.size)
	n = min(n, s.size-at)
	found, blank := false, true
	for from := at; from < at+n; from += piece {
		if s.work != nil {
			if s.work.toScan <= 0 {
				sheet.gap(where, "too_large", at+n-from)
				return nil
			}
			s.work.toScan -= min(piece, at+n-from)
		}
		b, err := s.bytes(from, min(piece+lap, at+n-from))
		if err != nil {
			return err
		}
		if from == at && bytes.HasPrefix(b, []byte("\xff\xd8\xff")) {
			s.picture(sheet, where, "image/jpeg", at, n)
		}
		if blank && bytes.Count(b, b[:1]) == len(b) {
			continue // one byte again and again
		}
		blank = false
		before := len(sheet.Track)
		s.positionsIn(sheet, where, b, -1)
		found = found || len(sheet.Track) > before
		if i := bytes.Index(b, []byte("<x:xmpmeta")); i >= 0 {
			s.markup(sheet, where+"/XMP", b[i:])
			found = true
		}
		found = s.wordsOf(sheet, kind, where, b) || found
	}
	if !blank && !found && n > 0 {
		b, err := s.bytes(at, min(n, 64))
		if err != nil {
			return err
		}
		sheet.fact(Fact{Kind: kind, Where: where, Name: fmt.Sprintf("%d bytes", n), Raw: b})
	}
	return nil
}

// stretch names a piece of the file by where it begins and how long it is.
func stretch(where string, at, n int64) string { return fmt.Sprintf("%s@%d+%d", where, at, n) }
