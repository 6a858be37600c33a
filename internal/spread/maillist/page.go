package maillist

import (
	"html"
	"strings"

	"kua/internal/locale"
	"kua/internal/spread"
)

// page writes a letter's body as HTML: the same words and no others, its links as
// links. It names no picture, style, font or script anywhere, so opening it asks
// nobody and tells nobody that it was opened.
func page(m spread.Message) string {
	var b strings.Builder
	b.WriteString(`<!doctype html><html lang="` + html.EscapeString(locale.Tag(m.Language).HTML()) + `"><head><meta charset="utf-8"><title>` + html.EscapeString(m.Title) + `</title></head><body>`)
	for paragraph := range strings.SplitSeq(m.Body, "\n\n") {
		var lines []string
		for line := range strings.SplitSeq(paragraph, "\n") {
			lines = append(lines, linked(line, m.Links))
		}
		b.WriteString("<p>" + strings.Join(lines, "<br>\n") + "</p>\n")
	}
	return b.String() + "</body></html>\n"
}

// linked is a line whose end is a link where it is the address of one.
func linked(line string, links []spread.Link) string {
	for _, l := range links {
		words, ok := strings.CutSuffix(line, l.URL)
		if ok && (strings.HasPrefix(l.URL, "https://") || strings.HasPrefix(l.URL, "http://")) {
			u := html.EscapeString(l.URL)
			return html.EscapeString(words) + `<a href="` + u + `" rel="noreferrer">` + u + `</a>`
		}
	}
	return html.EscapeString(line)
}
