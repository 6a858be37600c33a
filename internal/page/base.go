// Package page renders HTML: the struct every page embeds, sets of templates,
// security headers and the page that tells about an error.
//
// It holds no words (they are in the catalogue) and knows no product. Every
// package that shows pages may use it: nodeweb, deskweb, site.
package page

import (
	"fmt"
	"strings"

	"kua/internal/fault"
	"kua/internal/locale"
)

// Base is what every page knows of itself; page structs embed it. Path is the
// page's address without root and language, with a leading slash ("/r/…").
type Base struct {
	Lang  locale.Tag
	Path  string
	Title string
	// Root leads from the page to the site's root: "/" on a server, "../../"
	// in an edition, which must work below any path and from a disk.
	Root string
	// Policy is what the page may do; Meta writes it into pages that a host
	// without our headers may serve.
	Policy Policy

	cat *locale.Catalogue
}

// NewBase describes a page in one language, served from the root of a server.
func NewBase(cat *locale.Catalogue, lang locale.Tag, title, path string) Base {
	return Base{Lang: lang, Path: path, Title: title, Root: "/", cat: cat}
}

// T gives the sentence under key in the page's language.
func (b Base) T(key string, args ...any) string { return b.cat.T(b.Lang, key, args...) }

// Has reports whether the catalogue knows key.
func (b Base) Has(key string) bool { return b.cat.Has(key) }

// Reviewed reports whether people have read all sentences of the language.
func (b Base) Reviewed() bool { return b.cat.Reviewed(b.Lang) }

// Fault gives the message and the hint of err in the page's language.
func (b Base) Fault(err error) (message, hint string) { return Fault(b.cat, b.Lang, err) }

// Fault translates the fault in err: what is wrong, and what to do next ("" if
// nothing is known to help). An error without a fault is told as an internal
// one, since its text is for the diary alone.
func Fault(cat *locale.Catalogue, lang locale.Tag, err error) (message, hint string) {
	key, args := "page.internal", []any(nil)
	if f, ok := fault.Of(err); ok && cat.Has(f.Key) {
		key, args = f.Key, f.Args
	}
	message = cat.Say(lang, locale.Say(key, args...))
	if cat.Has(key + ".hint") {
		hint = cat.Say(lang, locale.Say(key+".hint", args...))
	}
	return message, hint
}

// Href is the address of another page in the same language.
func (b Base) Href(path string) string { return b.In(b.Lang, path) }

// In is the address of a page in a given language.
func (b Base) In(lang locale.Tag, path string) string {
	return b.Root + lang.Path() + path
}

// File is the address of something without a language, such as a stylesheet.
func (b Base) File(path string) string { return b.Root + strings.TrimPrefix(path, "/") }

// Language is one entry of the language menu.
type Language struct {
	Tag     locale.Tag
	Href    string
	Current bool
}

// Languages is the menu: this page in every language.
func (b Base) Languages() []Language {
	var menu []Language
	for _, t := range locale.Tags() {
		menu = append(menu, Language{Tag: t, Href: b.In(t, b.Path), Current: t == b.Lang})
	}
	return menu
}

// Date writes a day (2006-01-02) in the page's language.
func (b Base) Date(day string) string { return b.Lang.Date(day) }

// Month writes a month (2006-01) in the page's language.
func (b Base) Month(month string) string { return b.Lang.Month(month) }

// Size writes a number of bytes for people, in units of a thousand: what a
// download costs them.
func (b Base) Size(bytes int64) string {
	switch {
	case bytes < 1000:
		return b.T("page.size.bytes", bytes)
	case bytes < 999_500:
		return b.T("page.size.kb", (bytes+500)/1000)
	case bytes < 999_500_000:
		return b.T("page.size.mb", b.Lang.Decimal(float64(bytes)/1e6, 1))
	}
	return b.T("page.size.gb", b.Lang.Decimal(float64(bytes)/1e9, 1))
}

// Duration writes seconds as 1:05 or 1:02:05.
func (b Base) Duration(seconds int) string {
	h, m, s := seconds/3600, seconds/60%60, seconds%60
	if h > 0 {
		return fmt.Sprintf("%d:%02d:%02d", h, m, s)
	}
	return fmt.Sprintf("%d:%02d", m, s)
}
