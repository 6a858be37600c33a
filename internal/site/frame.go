package site

import (
	"bytes"
	"strings"

	"kua/internal/charter"
	"kua/internal/locale"
	"kua/internal/onion"
	"kua/internal/page"
)

// frame is what every page of an edition has: the collective's name, the
// stylesheet and the way to the other pages.
type frame struct {
	page.Base
	Collective   string
	CollectiveIn string // lang of the name, when that is not the page's
	Style        string
	Onion        string // where this very page lies at the collective's onion address; "" when there is none
	Copies       copiesBlock
	Section      string // of the menu: front, list, when, map, search, report, about

	address string // of this page in the edition
}

// frame describes a page in one language. path is the page's address without
// the language; menu is the address the language menu leads to, which differs
// for pages that other languages may not have.
func (r *render) frame(lang locale.Tag, section, title, path, menu string) frame {
	base := page.NewBase(r.site.cat, lang, title, menu)
	base.Root = strings.Repeat("../", strings.Count(path, "/"))
	base.Policy = page.Policy{Media: true, Forms: section == "search"}
	name := r.words(lang, r.in.Charter.Name)
	return frame{
		Base: base, Collective: short(name.Text, 80), CollectiveIn: name.In, Style: "s/" + r.site.styleName, Section: section,
		Onion: onionPage(r.in.Charter.Nodes, path), Copies: r.copies, address: path,
	}
}

// onionPage is a page's address at the first node of the charter that is an
// onion service. Tor Browser offers it to readers who came another way, also on
// hosts that set no headers.
func onionPage(nodes []charter.Node, path string) string {
	for _, n := range nodes {
		if host, ok := strings.CutPrefix(n.URL, "http://"); ok && onion.Check(host) == nil {
			return n.URL + "/" + path
		}
	}
	return ""
}

// words is a text in the language it is really in.
type words struct {
	Text string
	In   string // lang attribute; "" when it is the page's language
}

func (r *render) words(lang locale.Tag, text map[string]string) words {
	return pick(lang, text)
}

// pick chooses the words of text that a reader of lang understands best.
func pick(lang locale.Tag, text map[string]string) words {
	w, in := lang.Text(text)
	if in == lang {
		return words{Text: w}
	}
	return words{Text: w, In: in.HTML()}
}

// show renders a page, checks what it weighs and puts it into the edition.
func (r *render) show(name, path string, front bool, data any) error {
	var b bytes.Buffer
	if err := r.site.set.Render(&b, name, data); err != nil {
		return err
	}
	if err := r.site.checkBudget(path, b.Bytes(), front); err != nil {
		return err
	}
	return r.w.put(strings.TrimPrefix(path, "/"), b.Bytes())
}

// in is a page's path in the edition.
func in(lang locale.Tag, address string) string { return lang.Path() + address }
