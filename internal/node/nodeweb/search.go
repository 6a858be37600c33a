package nodeweb

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"kua/internal/locale"
	"kua/internal/node"
	"kua/internal/record"
)

const (
	hitsOnPage = 20
	maxQuery   = 200 // letters
)

// searchPage works without a script and says nothing of who searched: a query
// is in no log.
type searchPage struct {
	base
	Query string
	Asked bool
	Hits  []hit
	More  string // the address of older hits
}

type hit struct {
	Href, Title, In, Day, Place string
	Withdrawn                   bool
}

func (w *Web) search(rw http.ResponseWriter, r *http.Request, lang locale.Tag) error {
	query := cutQuery(r.URL.Query().Get("q"))
	before, err := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
	if err != nil || before < 0 {
		before = 0
	}
	p := searchPage{base: w.base(lang, "/search", "search.title"), Query: query, Asked: query != ""}
	if p.Asked {
		found, err := w.node.Search(r.Context(), query, hitsOnPage+1, before)
		if err != nil {
			return err
		}
		if len(found) > hitsOnPage {
			found = found[:hitsOnPage]
			last := strconv.FormatInt(found[hitsOnPage-1].Number, 10)
			p.More = p.Href("/search?" + url.Values{"q": {query}, "before": {last}}.Encode())
		}
		for _, f := range found {
			p.Hits = append(p.Hits, w.hit(p.base, f))
		}
	}
	w.set.Show(rw, "search", p.Base, p)
	return nil
}

func (w *Web) hit(b base, f node.Hit) hit {
	title, in := b.Lang.Text(f.Record.Title)
	place, _ := b.Lang.Text(f.Record.Place.Words)
	h := hit{
		Href:  b.Href("/r/" + f.Record.ID[:4] + "/" + f.Record.ID + ".html"),
		Title: title, Place: place, Day: b.Date(f.Record.Day), Withdrawn: f.Record.Status == record.Withdrawn,
	}
	if in != b.Lang {
		h.In = in.HTML()
	}
	if h.Title == "" {
		h.Title = f.Record.ID
	}
	return h
}

// cutQuery makes a stranger's words short and well formed.
func cutQuery(q string) string {
	q = strings.TrimSpace(strings.ToValidUTF8(q, ""))
	if utf8.RuneCountInString(q) > maxQuery {
		q = string([]rune(q)[:maxQuery])
	}
	return q
}
