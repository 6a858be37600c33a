package site

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"kua/internal/locale"
)

// listPage is one sheet of the list, of a month or of a place.
type listPage struct {
	frame
	Kind         string
	Name         string // the month
	Place        words
	Lines        []line
	Page         int
	Older, Newer string // addresses, "" when there is none
}

// sheet renders a touched sheet in every language.
func (r *render) sheet(at slotOf) error {
	entries := r.shelves.sheets[at].Entries
	for _, lang := range locale.Tags() {
		if err := r.list(at, entries, lang); err != nil {
			return fmt.Errorf("render %s in %s: %w", at.address(at.page), lang, err)
		}
	}
	return nil
}

func (r *render) list(at slotOf, entries []entry, lang locale.Tag) error {
	address := at.address(at.page)
	p := listPage{Kind: at.kind, Name: at.name, Lines: linesOf(entries, lang), Page: at.page}
	title, pages := "", 0
	switch at.kind {
	case "list":
		title, pages = r.site.cat.T(lang, "site.list.title", at.page), r.block.Lists
	case "when":
		title, pages = r.monthName(lang, at.name), r.block.month(at.name).Pages
	case "place":
		c := r.places.cell(at.name)
		p.Place, pages = pick(lang, c.Words), c.Pages
		p.Place.Text = cmp.Or(short(p.Place.Text, 80), at.name)
		title = at.name // the place's name would stay in the browser's history
	}
	if at.kind == "when" {
		slices.SortStableFunc(p.Lines, func(a, b line) int { return cmp.Compare(a.Happened, b.Happened) })
	} else {
		slices.Reverse(p.Lines)
	}
	if at.page > 1 {
		p.Older = at.address(at.page - 1)
	}
	if at.page < pages {
		p.Newer = at.address(at.page + 1)
	}
	p.frame = r.frame(lang, at.kind, title, in(lang, address), address)
	return r.fill("list", in(lang, address), p)
}

// fill renders a list, shortening its titles when long ones in a script that
// compresses badly make it too heavy: a list of fifty must always fit.
func (r *render) fill(name, path string, p listPage) error {
	whole := p.Lines
	for limit := 200; ; limit -= limit / 3 {
		p.Lines = slices.Clone(whole)
		for i := range p.Lines {
			p.Lines[i].Heading.Text = short(p.Lines[i].Heading.Text, limit)
			p.Lines[i].Spot.Text = short(p.Lines[i].Spot.Text, limit/2)
		}
		err := r.show(name, path, false, p)
		if !tooHeavy(err) || limit < 25 {
			return err
		}
	}
}

func (r *render) monthName(lang locale.Tag, name string) string {
	if name == undated {
		return r.site.cat.T(lang, "site.when.undated")
	}
	return lang.Month(name)
}

// wordView is a page of the index of words.
type wordView struct {
	frame
	Prefix string
	Next   []wordLink
	Words  []wordLine
	More   bool // there are words that the page has no room for
}

type wordLink struct{ Letters, Address string }

type wordLine struct {
	Word    string
	Count   int
	Records []wordLink
}

// wordPage renders a touched page of the index of words.
func (r *render) wordPage(at wordAt) error {
	p := r.index_.pages[at]
	v := wordView{Prefix: at.prefix}
	for _, next := range p.Next {
		v.Next = append(v.Next, wordLink{next, wordAt{at.lang, next}.address()})
	}
	for _, word := range slices.Sorted(maps.Keys(p.Words)) {
		if len(v.Words) == maxWords {
			v.More = true
			break
		}
		l := wordLine{Word: word, Count: p.Words[word].Count}
		for _, id := range p.Words[word].Records {
			l.Records = append(l.Records, wordLink{id, recordAddress(id, 1)})
		}
		v.Words = append(v.Words, l)
	}
	name, title := "words", r.site.cat.T(at.lang, "site.words.title", at.prefix)
	if at.prefix == "" {
		name, title = "search", r.site.cat.T(at.lang, "site.search.title")
	}
	path := in(at.lang, at.address())
	v.frame = r.frame(at.lang, "search", title, path, "/search.html")
	return r.show(name, path, false, v)
}
