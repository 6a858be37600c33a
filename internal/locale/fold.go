package locale

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Fold gives the form of s by which words are compared in a search: composed
// (NFC), lower case, ё as е, and every apostrophe that Uzbek is typed with
// joined away, so that "O‘zbek", "oʻzbek" and "o'zbek" are one word.
func Fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case apostrophe(r):
			return -1
		case r == 'ё':
			return 'е'
		}
		return r
	}, strings.ToLower(norm.NFC.String(s)))
}

// apostrophe reports the characters people type for the Uzbek o‘, g‘ and the
// glottal stop.
func apostrophe(r rune) bool {
	switch r {
	case '\'', '‘', '’', 'ʻ', 'ʼ', '`', '´', '‛', 'ʹ', '′':
		return true
	}
	return false
}

var keyboard = strings.NewReplacer(
	// A Russian keyboard.
	"ә", "а", "і", "и", "ң", "н", "ғ", "г", "ү", "у", "ұ", "у", "қ", "к", "ө", "о", "һ", "х",
	"ҷ", "ч", "ҳ", "х", "ӣ", "и", "ӯ", "у", "ў", "у",
	// An English keyboard, for Turkmen and for names.
	"ä", "a", "ç", "c", "ň", "n", "ö", "o", "ş", "s", "ü", "u", "ý", "y", "ž", "z",
)

// Keyboard gives the spelling of a folded word by someone whose keyboard has no
// Kazakh, Kyrgyz, Tajik, Uzbek or Turkmen letters: "қазақстан" as "казакстан".
// A word without such letters comes back as it is. A search index should hold
// both spellings.
func Keyboard(folded string) string { return keyboard.Replace(folded) }

// Words cuts s into its folded words: runs of letters, marks and digits.
func Words(s string) []string {
	return strings.FieldsFunc(Fold(s), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
}

// SearchText gives the words of s for a full-text index: each folded word,
// followed by its keyboard spelling where that differs.
func SearchText(s string) string {
	var b strings.Builder
	for _, w := range Words(s) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
		if k := Keyboard(w); k != w {
			b.WriteByte(' ')
			b.WriteString(k)
		}
	}
	return b.String()
}
