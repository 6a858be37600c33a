// Package locale holds the languages Kuä speaks: their names, dates and
// numbers, the catalogue of every sentence a person reads, the normaliser that
// lets a search find a word however it was typed, and the transliteration that
// makes the Cyrillic Uzbek pages.
//
// It knows nothing of faults, pages or the product, reads only the file system
// it is given, and may be used by every package that speaks to a person.
package locale

import "strings"

// Tag names a language and its script as BCP 47 does.
type Tag string

// The languages in the order of the menu. UzbekCyrillic has no catalogue of
// its own: it is made from Uzbek letter by letter.
const (
	Kazakh        Tag = "kk"
	Kyrgyz        Tag = "ky"
	Uzbek         Tag = "uz"
	UzbekCyrillic Tag = "uz-Cyrl"
	Tajik         Tag = "tg"
	Turkmen       Tag = "tk"
	Russian       Tag = "ru"
	English       Tag = "en"
)

var tags = []Tag{Kazakh, Kyrgyz, Uzbek, UzbekCyrillic, Tajik, Turkmen, Russian, English}

var names = map[Tag]string{
	Kazakh: "Қазақша", Kyrgyz: "Кыргызча", Uzbek: "O‘zbekcha", UzbekCyrillic: "Ўзбекча",
	Tajik: "Тоҷикӣ", Turkmen: "Türkmençe", Russian: "Русский", English: "English",
}

// Tags gives all languages in menu order; the caller owns the slice.
func Tags() []Tag { return append([]Tag(nil), tags...) }

// Parse finds the language that s names, in any case: a tag or a path segment.
func Parse(s string) (Tag, bool) {
	for _, t := range tags {
		if strings.EqualFold(string(t), s) {
			return t, true
		}
	}
	return "", false
}

// Name is the language's name in itself, for the menu.
func (t Tag) Name() string { return names[t] }

// Path is the language's segment of an address, in lower case: "uz-cyrl".
func (t Tag) Path() string { return strings.ToLower(string(t)) }

// HTML is the value of a lang attribute. Uzbek names its script, since both
// scripts stand side by side.
func (t Tag) HTML() string {
	if t == Uzbek {
		return "uz-Latn"
	}
	return string(t)
}

// Dir is the direction of writing, for a dir attribute.
func (t Tag) Dir() string { return "ltr" }

// Source is the language whose words t shows: itself, but for Cyrillic Uzbek,
// which is transliterated from Latin.
func (t Tag) Source() Tag {
	if t == UzbekCyrillic {
		return Uzbek
	}
	return t
}

// Automatic reports whether the language's words are made by machine from
// another script, which a page must say.
func (t Tag) Automatic() bool { return t.Source() != t }

// Text picks the words of t out of texts, which are keyed by language. When
// they are not there it takes the first of the fallback languages that is, and
// says which language the words are really in. Cyrillic Uzbek is made from
// Latin unless somebody wrote it. With no text at all it gives "" and t.
func (t Tag) Text(texts map[string]string) (words string, in Tag) {
	if w := texts[string(t)]; w != "" {
		return w, t
	}
	if w := texts[string(t.Source())]; w != "" {
		return Cyrillic(w), t
	}
	for _, other := range t.fallback() {
		if w := texts[string(other)]; w != "" {
			return w, other
		}
	}
	return "", t
}

// fallback is the order in which a reader of t most likely understands another
// language: Russian is read widely in the region, English comes next.
func (t Tag) fallback() []Tag {
	return append([]Tag{Russian, English}, tags...)
}
