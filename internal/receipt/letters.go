package receipt

import (
	"slices"
	"strings"
	"unicode"

	"kua/internal/fault"
)

// alphabet is one spelling of the proquint letters: sixteen consonants of four
// bits and four vowels of two, in the order of their values.
type alphabet struct{ consonants, vowels []rune }

var (
	latin    = alphabet{[]rune("bdfghjklmnprstvz"), []rune("aiou")}
	cyrillic = alphabet{[]rune("бдфгхжклмнпрствз"), []rune("аиоу")}
)

// own reads every letter by its own alphabet; what neither has but looks like a
// letter of one of them reads as that one.
var own = func() map[rune]rune {
	m := make(map[rune]rune)
	for i, c := range latin.consonants {
		m[c], m[cyrillic.consonants[i]] = c, c
	}
	for i, v := range latin.vowels {
		m[v], m[cyrillic.vowels[i]] = v, v
	}
	for alike, letter := range map[rune]rune{
		'c': 's', 'x': 'h', 'y': 'u', // Latin for the Cyrillic с, х, у
		'й': 'i', 'і': 'i', 'ј': 'j', 'һ': 'h', // Cyrillic of other keyboards
		'0': 'o', '1': 'l', '3': 'z',
	} {
		m[alike] = letter
	}
	return m
}()

// A person may type one alphabet's letter for the other's of the same shape.
// Where both alphabets occur these are tried as well, and the check byte decides.
var (
	asCyrillic = map[rune]rune{'p': 'r', 'b': 'v', 'h': 'n'} // Latin p, B, H for р, В, Н
	asLatin    = map[rune]rune{'р': 'p', 'в': 'b', 'н': 'h'} // and the other way round
)

// clean gives the 30 letters in lower case. Anything that is neither a letter
// nor a digit separates groups and is dropped.
func clean(s string) ([]rune, error) {
	var letters []rune
	groups := strings.FieldsFunc(strings.ToLower(s), func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c)
	})
	for i, g := range groups {
		for _, c := range g {
			if _, ok := own[c]; !ok {
				return nil, fault.Invalid("receipt.letter", string(c), i+1)
			}
			letters = append(letters, c)
		}
	}
	if len(letters) == Groups*groupLetters {
		return letters, nil
	}
	for i, g := range groups {
		if len(groups) == Groups && len([]rune(g)) != groupLetters {
			return nil, fault.Invalid("receipt.group", i+1)
		}
	}
	return nil, fault.Invalid("receipt.length", len(letters))
}

// readings gives the ways the letters may be meant, in letters of the Latin
// table, the plainest first.
func readings(letters []rune) [][]rune {
	ways := [][]rune{read(letters, nil)}
	hasLatin := slices.ContainsFunc(letters, func(c rune) bool { return unicode.Is(unicode.Latin, c) })
	hasCyrillic := slices.ContainsFunc(letters, func(c rune) bool { return unicode.Is(unicode.Cyrillic, c) })
	if hasLatin && hasCyrillic {
		ways = append(ways, read(letters, asCyrillic), read(letters, asLatin))
	}
	return ways
}

// read translates letters, first by the given table, then each by its own. The
// shapes l, I and 1 are a consonant or a vowel by their place.
func read(letters []rune, first map[rune]rune) []rune {
	out := make([]rune, len(letters))
	for i, c := range letters {
		l, ok := first[c]
		if !ok {
			l = own[c]
		}
		vowel := i%groupLetters%2 == 1
		switch {
		case vowel && (c == 'l' || c == '1'):
			l = 'i'
		case !vowel && c == 'i':
			l = 'l'
		}
		out[i] = l
	}
	return out
}

func indexRune(set []rune, r rune) int { return slices.Index(set, r) }
