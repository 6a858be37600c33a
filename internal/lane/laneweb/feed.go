package laneweb

import (
	"cmp"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kua/internal/lane"
)

// feed is an Atom feed (RFC 4287) of the list with the same filter, its newest
// page. Its times are days: nothing finer is known.
type feed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang    string      `xml:"xml:lang,attr"`
	Title   string      `xml:"title"`
	ID      string      `xml:"id"`
	Updated string      `xml:"updated"`
	Author  string      `xml:"author>name"`
	Link    feedLink    `xml:"link"`
	Entries []feedEntry `xml:"entry"`
}

type feedLink struct {
	Href string `xml:"href,attr"`
}

type feedEntry struct {
	Title   string   `xml:"title"`
	ID      string   `xml:"id"`
	Updated string   `xml:"updated"`
	Link    feedLink `xml:"link"`
	Summary feedText `xml:"summary"`
}

type feedText struct {
	Lang string `xml:"xml:lang,attr"`
	Text string `xml:",chardata"`
}

func (w *Web) feed(v *visit) error {
	asked := w.asked(v)
	found, err := w.lane.List(v.Context(), asked.filter)
	if err != nil {
		return err
	}
	if asked.area != "" && asked.query+asked.category+asked.state == "" { // an area's has what is said to it from around too
		said, err := w.lane.List(v.Context(), w.said(v, asked.area, lane.Filter{Limit: onPage}))
		if err != nil {
			return err
		}
		found = slices.SortedFunc(slices.Values(append(found, said...)), func(a, b lane.Request) int { return cmp.Compare(b.ID, a.ID) })
		found = slices.CompactFunc(found, func(a, b lane.Request) bool { return a.ID == b.ID })
	}
	found = found[:min(len(found), onPage)]
	place := v.router.Directory().Info
	b := w.base(v, "/", "laneweb.open")
	return w.writeFeed(v, b, place.Names.In(v.lang)+": "+b.Title, uuid(place.ID, asked.values.Encode()), b.At("/?"+asked.values.Encode()), found)
}

// writeFeed answers with a feed of requests, newest first.
func (w *Web) writeFeed(v *visit, b base, title, id, href string, found []lane.Request) error {
	place := v.router.Directory().Info
	f := feed{Lang: v.lang.HTML(), Title: title, Author: b.Collective, ID: id, Updated: midnight("1970-01-01"), Link: feedLink{href}}
	for i, r := range found {
		if i == 0 {
			f.Updated = midnight(string(r.Day))
		}
		t := w.told(v.lang, v.router, r)
		if r.Source != "" {
			t.Area += " · " + w.cat.T(v.lang, "laneweb.imported", r.Source)
		}
		id := strconv.FormatInt(r.ID, 10)
		f.Entries = append(f.Entries, feedEntry{Title: strings.TrimSuffix(t.Category+" · "+t.Area, " · "), ID: uuid(place.ID, "case", id), Updated: midnight(string(r.Day)),
			Link: feedLink{b.At("/case/" + id)}, Summary: feedText{r.Language.HTML(), short(r.Words)}})
	}
	text, err := xml.MarshalIndent(f, "", "")
	if err != nil {
		return fmt.Errorf("write the feed: %w", err)
	}
	v.rw.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	_, _ = v.rw.Write(append([]byte(xml.Header), text...)) // the reader may have gone
	return nil
}

func midnight(day string) string { return day + "T00:00:00Z" }

// uuid names a thing for ever by what it is (RFC 9562, version 8), whatever the
// server's address is at the time.
func uuid(what ...string) string {
	b := sha256.Sum256(fmt.Appendf(nil, "kua open lane %q", what))
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
