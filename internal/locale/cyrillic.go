package locale

import (
	"regexp"
	"strings"
	"unicode"
)

// verbatim finds what is not Uzbek words: commands between backticks, tags and
// entities of HTML, placeholders, addresses, file names, and codes with a digit.
var verbatim = regexp.MustCompile("(?:^|[^\\pL])`[^`]+`" +
	`|<[^<>]*>|&#?\w+;|\{\d+\}` +
	`|[a-zA-Z][a-zA-Z0-9+.-]*://\S*[\pL\pN/]|\S+@\S+\.\w+` +
	`|[\w/-]*\w\.[a-z][a-z0-9]{1,4}\b` +
	`|[\pL-]*\d[\pL\d-]*`)

// number finds codes that are only digits with an Uzbek ending: "21-noyabr".
var number = regexp.MustCompile(`^\d+(?:-?\pL+)?$`)

// Cyrillic writes Uzbek in Latin letters (the alphabet of 1995) in Cyrillic
// ones. It leaves alone what is not Uzbek: placeholders, HTML, addresses, file
// names, codes, commands in backticks, Roman numbers and words with letters
// that Uzbek does not have. The soft sign cannot be won back, and words from
// Russian may differ from the dictionary: a page that shows this text says that
// it was made automatically.
func Cyrillic(s string) string {
	var b strings.Builder
	for s != "" {
		at := verbatim.FindStringIndex(s)
		if at == nil {
			b.WriteString(words(s))
			break
		}
		b.WriteString(words(s[:at[0]]))
		found := s[at[0]:at[1]]
		if number.MatchString(found) {
			found = words(found)
		}
		b.WriteString(found)
		s = s[at[1]:]
	}
	return b.String()
}

// words transliterates each run of letters and apostrophes.
func words(s string) string {
	var b strings.Builder
	rs := []rune(s)
	for i := 0; i < len(rs); {
		if !unicode.IsLetter(rs[i]) {
			b.WriteRune(rs[i])
			i++
			continue
		}
		end := i
		for end < len(rs) && (unicode.IsLetter(rs[end]) || unicode.IsMark(rs[end]) || apostrophe(rs[end])) {
			end++
		}
		word := rs[i:end]
		if foreign(word) {
			b.WriteString(string(word))
		} else {
			writeWord(&b, word)
		}
		i = end
	}
	return b.String()
}

// codes are Latin words that Cyrillic Uzbek writes in Latin too.
var codes = set("kua age openssl URL HTML CSS JSON Atom RSS SVG PDF JPEG PNG WebP Opus PEM SHA HTTP HTTPS DNS TLS Tor " +
	"USB GPS SMS QR VPN ID IP kB MB GB TB EXIF CLI API Linux Debian UTC KB")

func set(words string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// foreign reports a word that is not Uzbek: a known code, a Roman number, or a
// word with a letter the Uzbek alphabet lacks (c is only half of ch).
func foreign(word []rune) bool {
	if codes[string(word)] || roman(word) {
		return true
	}
	for i, r := range word {
		l := unicode.ToLower(r)
		switch {
		case apostrophe(r):
		case l < 'a' || l > 'z' || l == 'w':
			return true
		case l == 'c' && (i+1 == len(word) || unicode.ToLower(word[i+1]) != 'h'):
			return true
		}
	}
	return false
}

func roman(word []rune) bool {
	for _, r := range word {
		if !strings.ContainsRune("IVXLCDM", r) {
			return false
		}
	}
	return len(word) > 1
}

var single = map[rune]string{
	'a': "а", 'b': "б", 'd': "д", 'e': "е", 'f': "ф", 'g': "г", 'h': "ҳ", 'i': "и", 'j': "ж", 'k': "к", 'l': "л",
	'm': "м", 'n': "н", 'o': "о", 'p': "п", 'q': "қ", 'r': "р", 's': "с", 't': "т", 'u': "у", 'v': "в", 'x': "х",
	'y': "й", 'z': "з",
}

var double = map[string]string{"sh": "ш", "ch": "ч", "yo": "ё", "yu": "ю", "ya": "я", "ye": "е"}

// borrowed are the letters behind ts in words that Russian lent (politsiya,
// protsess, litsey): there it is ц. In Uzbek words t and s meet at an ending
// (ketsa, aytsin) and stay two letters.
var borrowed = []string{"iya", "iy", "ion", "iol", "ial", "ent", "ess", "ey", "enz", "ep", "ik", "irk"}

func writeWord(b *strings.Builder, word []rune) {
	lower := []rune(strings.ToLower(string(word)))
	// The new spelling dropped the soft vowel of two months.
	if plain := string(lower); strings.HasPrefix(plain, "sentabr") || strings.HasPrefix(plain, "oktabr") {
		at := strings.Index(plain, "abr")
		writeWord(b, word[:at])
		b.WriteString(capital("я", word[at]))
		writeLetters(b, word[at+1:], lower[at+1:])
		return
	}
	writeLetters(b, word, lower)
}

func writeLetters(b *strings.Builder, word, lower []rune) {
	for i := 0; i < len(lower); {
		out, n := letter(lower, i)
		b.WriteString(capital(out, word[i]))
		i += n
	}
}

func capital(out string, like rune) string {
	if unicode.IsUpper(like) {
		return strings.ToUpper(out)
	}
	return out
}

// letter gives the Cyrillic for what stands at i and how many runes it takes.
func letter(w []rune, i int) (string, int) {
	at := func(n int) rune {
		if i+n < len(w) && i+n >= 0 {
			return w[i+n]
		}
		return 0
	}
	r := w[i]
	switch {
	case apostrophe(r):
		// Between s and h it keeps the two apart; between other letters it is
		// the glottal stop; at the end of a word it is a quotation mark.
		if at(-1) == 's' && at(1) == 'h' {
			return "", 1
		}
		if at(-1) != 0 && at(1) != 0 && !apostrophe(at(1)) {
			return "ъ", 1
		}
		return string(r), 1
	case r == 'o' && apostrophe(at(1)):
		return "ў", 2
	case r == 'g' && apostrophe(at(1)):
		return "ғ", 2
	case r == 'y' && at(1) == 'o' && apostrophe(at(2)):
		return "й", 1
	case r == 't' && at(1) == 's' && lent(w, i):
		return "ц", 2
	case r == 'e' && (i == 0 || vowel(at(-1))):
		return "э", 1
	}
	if out, ok := double[string([]rune{r, at(1)})]; ok {
		return out, 2
	}
	return single[r], 1
}

func lent(w []rune, i int) bool {
	if i == 0 {
		return true
	}
	rest := string(w[i+2:])
	for _, b := range borrowed {
		if strings.HasPrefix(rest, b) {
			return true
		}
	}
	return false
}

// vowel reports the vowels behind which e is э (poema, aeroport, duel); behind
// i and e it stays е (klient, reestr).
func vowel(r rune) bool { return r == 'a' || r == 'o' || r == 'u' }
