package lane

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"kua/internal/fault"
)

// domains end an address of a page or of mail. A full stop without a blank after
// it is common, so not every ending is one.
var domains = map[string]bool{"kz": true, "kg": true, "uz": true, "tj": true, "tm": true, "ru": true, "com": true, "net": true, "org": true,
	"info": true, "biz": true, "me": true, "io": true, "cc": true, "ly": true, "link": true, "site": true, "online": true, "top": true,
	"xyz": true, "shop": true, "club": true, "app": true, "dev": true, "рф": true, "қаз": true}

// spelled is an address that is written so that no program takes it for one: its
// dot, at or colon as a word or in brackets, or with blanks around it. Endings are
// those that people write in Cyrillic letters too; a word for a dot that also
// stands in ordinary sentences needs one of them behind it.
var spelled = func() *regexp.Regexp {
	const (
		edge   = `[^\pL\pN]`
		ending = `(?:kz|kg|uz|tj|tm|ru|com|net|org|info|biz|me|io|кз|кг|уз|тж|тм|ру|ком|нет|орг|инфо|рф|қаз)`
		dot    = `(?:\s*[(\[{]\s*(?:\.|,|dot|точка|нүкте|чекит|nuqta|нуқта|nokat)\s*[)\]}]\s*|\s+(?:dot|точка|нүкте|чекит|nuqta|нуқта|nokat)\s+|\s+\.\s*)`
		at     = `(?:\s*[(\[{]\s*(?:@|at|собака)\s*[)\]}]\s*|\s+(?:собака|sobaka)\s+|\s*@\s*)`
	)
	return regexp.MustCompile(`(?i)(?:^|` + edge + `)(` +
		`[\pL\pN_-]+` + dot + ending + `(?:$|` + edge + `)` +
		`|h(?:tt|xx)ps?\s*[:;]?\s*/+\s*\S+` +
		`|www\s*\.\s*\S+` +
		`|(?:t|wa|т)\s*\.?\s*(?:me|ме)\s*/+\s*\S+` +
		`|[\pL\pN._-]+` + at + `[\pL\pN_-]+(?:\.\S+|` + dot + `\S+)` +
		`)`)
}()

// links gives what in a text leads to a page, a mailbox or an account, as it is
// written there.
func links(text string) (all []string) {
	for _, word := range strings.Fields(text) {
		word = strings.Trim(word, `.,;:!?()[]{}<>"'«»„“”`)
		if strings.Contains(word, "://") || isHandle(word) || hasDomain(strings.ToLower(word)) {
			all = append(all, word)
		}
	}
	for _, m := range spelled.FindAllStringSubmatch(text, -1) {
		found := strings.TrimFunc(m[1], func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`.,;:!?"'«»„“”`, r) })
		if found != "" && !slices.Contains(all, found) {
			all = append(all, found)
		}
	}
	return all
}

func isHandle(word string) bool {
	name, ok := strings.CutPrefix(word, "@")
	return ok && len(name) >= 4 && !strings.ContainsFunc(name, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// hasDomain reports a word with a dot between letters or digits and one of domains.
func hasDomain(word string) bool {
	parts := strings.Split(word, ".")
	for i, part := range parts[1:] {
		ending := part
		if end := strings.IndexFunc(part, func(r rune) bool { return !unicode.IsLetter(r) }); end >= 0 {
			ending = part[:end]
		}
		if domains[ending] && parts[i] != "" {
			return true
		}
	}
	return false
}

const (
	// fewestDigits of a number that may be a person's: a telephone's without its
	// country has nine; what identifies a person in these countries has twelve or fourteen.
	fewestDigits = 9
	// fewestDecimals is the same of digits with one point among them and nothing else:
	// a coordinate has up to ten.
	fewestDecimals = 11
)

// dates are days as they are written in figures.
var dates = regexp.MustCompile(`\b(?:(?:0?[1-9]|[12]\d|3[01])[./-](?:0?[1-9]|1[0-2])[./-](?:19|20)\d\d|(?:19|20)\d\d[./-](?:0[1-9]|1[0-2])[./-](?:0[1-9]|[12]\d|3[01]))\b`)

// numbers gives the runs of digits that may be a telephone's number or a person's.
// Digits are joined over single blanks, points, slashes, hyphens and brackets; a whole date is no
// part of a number.
func numbers(text string) (all []string) {
	letters := []rune(text)
	scanned := []rune(dates.ReplaceAllStringFunc(text, func(date string) string { return strings.Repeat("d", len(date)) }))
	for i := 0; i < len(scanned); {
		if !unicode.IsDigit(scanned[i]) {
			i++
			continue
		}
		begin, end, digits, between := i, i, 0, 0
		for ; i < len(scanned) && between <= 2; i++ {
			switch {
			case unicode.IsDigit(scanned[i]):
				digits, between, end = digits+1, 0, i+1
			case joins(scanned[i]):
				between++
			default:
				between = 3
			}
		}
		i = end
		fewest := fewestDigits
		run := string(letters[begin:end])
		if end-begin == digits+1 && strings.ContainsAny(run, ".") {
			fewest = fewestDecimals
		}
		if digits >= fewest {
			all = append(all, run)
		}
	}
	return all
}

// joins reports a sign that stands between the digits of one number.
func joins(r rune) bool {
	switch r {
	case '-', '(', ')', '.', '/', '·', '•', '_', '\u2010', '\u2011', '\u2012', '\u2013', '\u2014':
		return true
	}
	return unicode.Is(unicode.Zs, r)
}

// private gives what in words may lead to a person or away from these pages.
func private(words string) []string { return slices.Concat(links(words), numbers(words)) }

// publicWords holds words that everybody reads at once, with nobody looking first,
// against the rules that hold reports. The fault is lane.public_words.
func publicWords(words ...string) error {
	for _, w := range words {
		if found := private(w); len(found) > 0 {
			return fault.Invalid("lane.public_words", strings.Join(found, ", "))
		}
	}
	return nil
}

// Masked is words of an authority's own system, which nobody can ask to say them
// otherwise, without what publicWords stops.
func Masked(words string) string {
	for found := private(words); len(found) > 0; found = private(words) {
		for _, s := range found {
			words = strings.ReplaceAll(words, s, Black)
		}
	}
	return words
}
