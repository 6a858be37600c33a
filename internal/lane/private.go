package lane

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

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

// mayBeSpelled reports a sign or a word without which spelled finds nothing. It is
// looked for first, since most texts have none and the expression is slow.
func mayBeSpelled(text string) bool {
	if strings.ContainsAny(text, "@/([{ſᲀᲁᲂᲃᲄᲅᲆᲇ") { // ſ is an s to the expression, ᲂ an о, and they stay themselves in small letters
		return true
	}
	small := strings.ToLower(text)
	return slices.ContainsFunc(spelledHints, func(hint string) bool { return strings.Contains(small, hint) }) || beforeDot.MatchString(text)
}

var (
	spelledHints = []string{"www", "dot", "точка", "нүкте", "чекит", "nuqta", "нуқта", "nokat", "собака", "sobaka"}
	beforeDot    = regexp.MustCompile(`\s\.`)
)

// links gives what in a text leads to a page, a mailbox or an account, as it is
// written there.
func links(text string) (all []string) {
	for _, word := range strings.Fields(text) {
		word = strings.Trim(word, `.,;:!?()[]{}<>"'«»„“”`)
		if strings.Contains(word, "://") || isHandle(word) || hasDomain(strings.ToLower(word)) {
			all = append(all, word)
		}
	}
	if !mayBeSpelled(text) {
		return all
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

// references are numbers of papers: letters, a year and a number of its own.
var references = regexp.MustCompile(`\pL{1,6}[-/](?:19|20)\d\d[-/]\d{1,8}`)

// spans are hours and days from one to another, several in a row, and sums of money.
// They are no part of a number where no digits stand beside them.
var spans = func() []*regexp.Regexp {
	const (
		to    = `\s?[-\x{2010}-\x{2014}]\s?`
		hour  = `(?:[01]?\d|2[0-4])[.:][0-5]\d`
		day   = `(?:0?[1-9]|[12]\d|3[01])\.(?:0[1-9]|1[0-2])`
		span  = `(?:` + day + to + day + `(?:\.?\s?(?:19|20)\d\d)?|` + hour + to + hour + `)`
		sum   = `\d{1,3}(?:\pZ\d{3})+`
		money = `(?:тенге|теңге|тг|сум|сўм|so‘m|som|сомов|сома|сом|сомони|манат|рублей|руб|KZT|UZS|KGS|TJS|TMT|₸)`
	)
	return []*regexp.Regexp{regexp.MustCompile(span + `(?:[\s(),;]+` + span + `)*`), regexp.MustCompile(`(?i)` + sum + `(?:` + to + sum + `)?\s?` + money)}
}()

// starred are telephones whose parts are set apart by signs that join no other number.
var starred = regexp.MustCompile(`(?:(?:\+?[78]|\+?99[2368])[^\pL\pN]{1,2}\d{2,3}|\d{3})[^\pL\pN]{1,2}\d{3}(?:[^\pL\pN]{1,2}\d\d){2}`)

// hidden is a text of as many signs as s that has no digit.
func hidden(s string) string { return strings.Repeat("d", utf8.RuneCountInString(s)) }

// apart reports that no digit is joined to what stands between two places of a text.
func apart(text string, begin, end int) bool {
	before := strings.TrimRightFunc(text[:begin], joins)
	after := strings.TrimLeftFunc(text[end:], joins)
	last, _ := utf8.DecodeLastRuneInString(before)
	next, _ := utf8.DecodeRuneInString(after)
	return !unicode.IsDigit(last) && !unicode.IsDigit(next)
}

// without hides in a text what an expression finds apart from other digits.
func without(text string, found *regexp.Regexp) string {
	var b strings.Builder
	done := 0
	for _, at := range found.FindAllStringIndex(text, -1) {
		if apart(text, at[0], at[1]) {
			b.WriteString(text[done:at[0]] + hidden(text[at[0]:at[1]]))
			done = at[1]
		}
	}
	return b.String() + text[done:]
}

// numbers gives the runs of digits that may be a telephone's number or a person's.
// Digits are joined over single blanks, points, slashes, hyphens and brackets; a whole date,
// a paper's number, hours, days and money are no part of a number.
func numbers(text string) (all []string) {
	figures := 0
	for _, r := range text {
		if unicode.IsDigit(r) {
			figures++
		}
	}
	if figures < fewestDigits {
		return nil
	}
	letters := []rune(text)
	plainer := without(dates.ReplaceAllStringFunc(text, hidden), references)
	for _, s := range spans {
		plainer = without(plainer, s)
	}
	for _, at := range starred.FindAllStringIndex(plainer, -1) {
		begin := utf8.RuneCountInString(plainer[:at[0]])
		found := string(letters[begin : begin+utf8.RuneCountInString(plainer[at[0]:at[1]])])
		if apart(plainer, at[0], at[1]) && strings.ContainsFunc(found, func(r rune) bool { return !unicode.IsDigit(r) && !joins(r) && r != '+' }) {
			all = append(all, found)
		}
	}
	scanned := []rune(plainer)
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
		if end-begin == digits+1 && strings.IndexByte(run, '.') <= 2 && strings.ContainsAny(run, ".") { // a degree here has two figures
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

// reference is the number of a paper or a case: letters and figures, set apart by a hyphen, a
// slash, a point or an underline.
var reference = regexp.MustCompile(`^(?:№ ?)?[\pL\pN]+(?:[-/._][\pL\pN]+)*$`)

// telephone is the figures of a telephone of these countries, or of a number that a person has.
var telephone = regexp.MustCompile(`^(?:[78]?7\d{9}|[78][489]\d{9}|0\d{9}|99[2368]\d{8,9}|\d{12}|\d{14})$`)

// isReference reports what can be an authority's number of a report, for everybody to
// read: no words, no link, no telephone and no person's number.
func isReference(s string) bool {
	if !reference.MatchString(s) || !strings.ContainsFunc(s, unicode.IsDigit) || len(links(s)) > 0 {
		return false
	}
	return !slices.ContainsFunc(numbers(s), func(run string) bool {
		return telephone.MatchString(strings.Map(func(r rune) rune {
			if unicode.IsDigit(r) {
				return r
			}
			return -1
		}, run))
	})
}

// MaskedNumber is a number of an authority's own system, without what cannot be one.
func MaskedNumber(s string) string {
	if s == "" || isReference(s) {
		return s
	}
	return Black
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
