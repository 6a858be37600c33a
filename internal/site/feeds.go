package site

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"kua/internal/canon"
	"kua/internal/locale"
)

// inFeed is how many records a feed holds, at most: as many of the newest as
// fit into maxFeed bytes.
const inFeed = 20

// feedItem is a record as a feed tells it.
type feedItem struct {
	id, address, title, text, day string
	lang                          locale.Tag
}

// feeds writes the Atom and the JSON feed of a language.
func (r *render) feeds(lang locale.Tag) error {
	var items []feedItem
	for _, e := range r.latest.entries {
		items = append(items, r.feedItem(e, lang))
	}
	for _, f := range []struct {
		name  string
		write func(locale.Tag, []feedItem) ([]byte, error)
	}{{"feed.atom", r.atom}, {"feed.json", r.jsonFeed}} {
		for n := len(items); ; n-- {
			b, err := f.write(lang, items[:n])
			if err != nil {
				return err
			}
			if len(b) > maxFeed && n > 0 {
				continue
			}
			if err := r.w.put(in(lang, "/"+f.name), b); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

func (r *render) feedItem(e entry, lang locale.Tag) feedItem {
	it := feedItem{id: r.urn("record/" + e.ID), address: strings.TrimPrefix(recordAddress(e.ID, 1), "/"), day: e.Day, lang: lang}
	if e.Withdrawn {
		it.title = r.site.cat.T(lang, "site.feed.withdrawn", e.ID)
		it.text, _ = lang.Text(r.latest.texts[e.ID].Reason)
	} else {
		var from locale.Tag
		it.title, from = lang.Text(e.Title)
		it.text, _ = lang.Text(r.latest.texts[e.ID].Summary)
		it.lang = from
		it.title = e.ID + " · " + it.title
	}
	it.title, it.text = short(it.title, 160), short(it.text, 280)
	return it
}

// urn names a thing of this collective for good: a version 8 UUID (RFC 9562)
// made from the log's origin, which no change of address changes.
func (r *render) urn(thing string) string {
	sum := sha256.Sum256([]byte(r.in.Charter.Log.Origin + "\n" + thing))
	u := sum[:16]
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// home is where feeds say the edition is: the first mirror or node, or "" when
// the charter names none; then addresses are relative to the feed.
func (r *render) home() string {
	if ms := r.in.Charter.Mirrors; len(ms) > 0 {
		return strings.TrimSuffix(ms[0], "/") + "/"
	}
	if ns := r.in.Charter.Nodes; len(ns) > 0 {
		return strings.TrimSuffix(ns[0].URL, "/") + "/"
	}
	return ""
}

func (r *render) link(lang locale.Tag, address string) string {
	if home := r.home(); home != "" {
		return home + lang.Path() + "/" + address
	}
	return address
}

// The elements of RFC 4287 that the feed uses.
type (
	atomFeed struct {
		XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
		Lang    string      `xml:"xml:lang,attr"`
		ID      string      `xml:"id"`
		Title   string      `xml:"title"`
		Updated string      `xml:"updated"`
		Author  atomAuthor  `xml:"author"`
		Links   []atomLink  `xml:"link"`
		Entries []atomEntry `xml:"entry"`
	}
	atomAuthor struct {
		Name string `xml:"name"`
	}
	atomLink struct {
		Rel  string `xml:"rel,attr"`
		Type string `xml:"type,attr"`
		Href string `xml:"href,attr"`
	}
	atomEntry struct {
		Lang    string   `xml:"xml:lang,attr,omitempty"`
		ID      string   `xml:"id"`
		Title   string   `xml:"title"`
		Updated string   `xml:"updated"`
		Link    atomLink `xml:"link"`
		Summary string   `xml:"summary"`
	}
)

func (r *render) atom(lang locale.Tag, items []feedItem) ([]byte, error) {
	name := cmp.Or(r.words(lang, r.in.Charter.Name).Text, r.in.Charter.Log.Origin)
	feed := atomFeed{
		Lang: lang.HTML(), ID: r.urn("feed/" + lang.Path()), Title: name, Author: atomAuthor{name},
		Updated: r.in.Made.UTC().Truncate(time.Hour).Format(time.RFC3339),
		Links: []atomLink{
			{"self", "application/atom+xml", r.link(lang, "feed.atom")},
			{"alternate", "text/html", r.link(lang, "index.html")},
		},
	}
	for _, it := range items {
		e := atomEntry{
			ID: it.id, Title: it.title, Updated: it.day + "T00:00:00Z", Summary: it.text,
			Link: atomLink{"alternate", "text/html", r.link(lang, it.address)},
		}
		if it.lang != lang {
			e.Lang = it.lang.HTML()
		}
		feed.Entries = append(feed.Entries, e)
	}
	b, err := xml.Marshal(feed)
	return append([]byte(xml.Header), append(b, '\n')...), err
}

// The members of JSON Feed 1.1 that the feed uses.
type (
	jsonFeed struct {
		Version  string     `json:"version"`
		Title    string     `json:"title"`
		HomePage string     `json:"home_page_url,omitempty"`
		FeedURL  string     `json:"feed_url,omitempty"`
		Language string     `json:"language"`
		Items    []jsonItem `json:"items"`
	}
	jsonItem struct {
		ID        string `json:"id"`
		URL       string `json:"url"`
		Title     string `json:"title"`
		Text      string `json:"content_text"`
		Published string `json:"date_modified"`
		Language  string `json:"language"`
	}
)

func (r *render) jsonFeed(lang locale.Tag, items []feedItem) ([]byte, error) {
	feed := jsonFeed{
		Version: "https://jsonfeed.org/version/1.1", Title: r.words(lang, r.in.Charter.Name).Text, Language: lang.HTML(), Items: []jsonItem{},
	}
	if r.home() != "" {
		feed.HomePage, feed.FeedURL = r.link(lang, "index.html"), r.link(lang, "feed.json")
	}
	for _, it := range items {
		feed.Items = append(feed.Items, jsonItem{
			ID: it.id, URL: r.link(lang, it.address), Title: it.title, Text: it.text, Published: it.day + "T00:00:00Z", Language: it.lang.HTML(),
		})
	}
	b, err := json.Marshal(feed)
	if err != nil {
		return nil, err
	}
	return canonical(b)
}

// canonical keeps the letters of a feed readable and its bytes stable.
func canonical(b []byte) ([]byte, error) {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, err
	}
	return canon.Marshal(v)
}
