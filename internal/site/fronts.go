package site

import (
	"strings"
	"time"

	"kua/internal/edition"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/record"
)

const onFront = 10 // records on the front page

// latest is what front pages and feeds show: the newest records and the one
// that leads. It is read once, before pages are rendered side by side.
type latest struct {
	entries []entry // newest first, no more than a feed holds
	texts   map[string]record.Record
	lead    *record.Record
}

// readLatest reads the newest entries, and their records for leads and feeds.
func (r *render) readLatest() error {
	r.latest.texts = make(map[string]record.Record)
	for n := r.block.Lists; n >= 1 && len(r.latest.entries) < inFeed; n-- {
		sh, err := r.shelves.open(shelf{kind: "list"}, n)
		if err != nil {
			return err
		}
		for i := len(sh.Entries) - 1; i >= 0 && len(r.latest.entries) < inFeed; i-- {
			r.latest.entries = append(r.latest.entries, sh.Entries[i])
		}
		if n < r.block.Lists-1 {
			break // two pages hold more than any feed unless nearly all numbers are missing
		}
	}
	for i, e := range r.latest.entries {
		rec, _, err := r.document(e.ID, e.Version)
		if err != nil {
			return err
		}
		r.latest.texts[e.ID] = rec
		if e.Withdrawn || i >= onFront/2 {
			continue
		}
		if r.latest.lead == nil || posterOf(*r.latest.lead) == nil && posterOf(rec) != nil {
			r.latest.lead = &rec
		}
	}
	return nil
}

// entry gives a record's entry among the newest.
func (l latest) entry(id string) entry {
	for _, e := range l.entries {
		if e.ID == id {
			return e
		}
	}
	return entry{}
}

// frontPage is the newspaper's first page.
type frontPage struct {
	frame
	About   words
	Lead    *lead
	Lines   []line
	All     string // address of the newest list page
	Records int
	Number  int
	Made    string
	Fresh   string
	Nodes   []string
}

type lead struct {
	line
	Summary words
	Poster  *picture
}

func (r *render) front(lang locale.Tag) error {
	const address = "/index.html"
	p := frontPage{
		About: pick(lang, r.in.Charter.About), Records: r.block.Records - r.block.Withdrawn,
		Number: r.prev.Number + 1, Made: r.made(), Fresh: r.fresh(), All: shelf{kind: "list"}.address(max(r.block.Lists, 1)),
	}
	for _, n := range r.in.Charter.Nodes {
		p.Nodes = append(p.Nodes, strings.TrimSuffix(n.URL, "/"))
	}
	if rec := r.latest.lead; rec != nil {
		e := r.latest.entry(rec.ID)
		p.Lead = &lead{line: lineOf(e, lang), Summary: pick(lang, rec.Summary), Poster: posterOf(*rec)}
	}
	for _, e := range r.latest.entries {
		if len(p.Lines) < onFront && (p.Lead == nil || e.ID != p.Lead.ID) {
			p.Lines = append(p.Lines, lineOf(e, lang))
		}
	}
	p.frame = r.frame(lang, "front", r.words(lang, r.in.Charter.Name).Text, in(lang, address), address)
	return r.fitFront(in(lang, address), p)
}

// fitFront shortens the front page's words until it fits its budget.
func (r *render) fitFront(path string, p frontPage) error {
	about, lines := p.About.Text, append([]line(nil), p.Lines...)
	summary := ""
	if p.Lead != nil {
		summary = p.Lead.Summary.Text
	}
	for limit := 400; ; limit -= limit / 4 {
		p.About.Text = short(about, 2*limit)
		if p.Lead != nil {
			p.Lead.Summary.Text = short(summary, limit)
			p.Lead.Heading.Text = short(p.Lead.Heading.Text, limit)
		}
		p.Lines = append([]line(nil), lines...)
		for i := range p.Lines {
			p.Lines[i].Heading.Text = short(p.Lines[i].Heading.Text, limit/2)
			p.Lines[i].Spot.Text = short(p.Lines[i].Spot.Text, limit/4)
		}
		err := r.show("index", path, true, p)
		if !tooHeavy(err) || limit < 40 {
			return err
		}
	}
}

func tooHeavy(err error) bool {
	f, ok := fault.Of(err)
	return ok && f.Key == "site.page_too_heavy"
}

// posterOf gives the picture of a record's first film or photo that has one.
func posterOf(rec record.Record) *picture {
	for _, m := range rec.Media {
		if m.Poster != nil {
			return &picture{Path: m.Poster.Path(), Size: m.Poster.Size, Width: m.Poster.Width, Height: m.Poster.Height}
		}
	}
	return nil
}

// made is the day of the edition; the hour is in the manifest.
func (r *render) made() string  { return r.in.Made.UTC().Format(time.DateOnly) }
func (r *render) fresh() string { return r.in.Made.Add(r.in.Fresh).UTC().Format(time.DateOnly) }

// infoPage is a page about the collective: about, keys, mirrors, verify, report.
type infoPage struct {
	frame
	About     words
	People    []person
	Threshold int
	Origin    string
	LogKey    string
	CharterID string
	Charters  []int
	Mirrors   []string
	Nodes     []string
	Keys      []string // ids of the current people's
	Example   string   // address of a record page, for the recipe
	More      bool     // the charter names more than a page can hold
	Hybrid    bool     // parcels are sealed against quantum computers too
	Stamped   int      // the edition whose time stamps Stamps checks; 0 for none
	Stamps    []edition.Step
}

// PEM is where a key lies in the form that openssl reads.
func (infoPage) PEM(keyID string) string { return edition.KeyPath(keyID) }

// limit keeps the pages within their budget when a charter names very many; it
// can itself be read for the rest.
func (p *infoPage) limit() {
	const people, addresses = 60, 40
	p.More = len(p.People) > people || len(p.Mirrors) > addresses || len(p.Nodes) > addresses
	p.People = p.People[:min(len(p.People), people)]
	p.Mirrors = p.Mirrors[:min(len(p.Mirrors), addresses)]
	p.Nodes = p.Nodes[:min(len(p.Nodes), addresses)]
}

// info renders the pages about the collective in one language.
func (r *render) info(lang locale.Tag) error {
	base := infoPage{
		About: pick(lang, r.in.Charter.About), People: r.people, Threshold: r.in.Charter.Threshold,
		Origin: r.in.Charter.Log.Origin, LogKey: r.in.Charter.Log.Key, CharterID: r.charterID, Keys: r.keyIDs(),
	}
	for n := range r.in.Chain {
		base.Charters = append(base.Charters, n+1)
	}
	for _, m := range r.in.Charter.Mirrors {
		base.Mirrors = append(base.Mirrors, strings.TrimSuffix(m, "/"))
	}
	for _, n := range r.in.Charter.Nodes {
		base.Nodes = append(base.Nodes, strings.TrimSuffix(n.URL, "/"))
	}
	for _, rcp := range r.in.Charter.Recipients() {
		base.Hybrid = strings.HasPrefix(rcp, "age1pq")
	}
	if len(r.latest.entries) > 0 {
		base.Example = recordAddress(r.latest.entries[0].ID, 1)
	}
	base.limit()
	var err error
	if base.Stamped, base.Stamps, err = r.stampRecipe(); err != nil {
		return err
	}
	for name, title := range map[string]string{
		"about": "site.about.title", "keys": "site.keys.title", "mirrors": "site.mirrors.title", "verify": "site.verify.title", "report": "site.report.title",
	} {
		p := base
		address := "/" + name + ".html"
		p.frame = r.frame(lang, name, r.site.cat.T(lang, title), in(lang, address), address)
		if err := r.show(name, in(lang, address), false, p); err != nil {
			return err
		}
	}
	return nil
}

// fixed renders the pages that every edition has, in one language.
func (r *render) fixed(lang locale.Tag) error {
	for _, f := range []func(locale.Tag) error{r.front, r.info, r.timeline, r.mapPage, r.placePages, r.feeds} {
		if err := f(lang); err != nil {
			return err
		}
	}
	return nil
}

// chooser is the page without a language: the first one and the one for
// addresses that lead nowhere.
type chooser struct {
	frame
	Names   []chooserName
	Missing bool
}

type chooserName struct {
	Tag      locale.Tag
	Sentence string // that there is no page here
}

// common puts the files in that belong to no language.
func (r *render) common() error {
	if err := r.w.put("s/"+r.site.styleName, r.site.style); err != nil {
		return err
	}
	for path, b := range r.in.Chain.Files() {
		if err := r.w.put(path, b); err != nil {
			return err
		}
	}
	for path, text := range edition.KeyFiles(r.in.Charter) {
		if err := r.w.put(path, []byte(text)); err != nil {
			return err
		}
	}
	if err := r.w.put(edition.ScriptPath, edition.Script()); err != nil {
		return err
	}
	for _, name := range []string{"index.html", "404.html"} {
		p := chooser{frame: r.frame(locale.English, "", r.words(locale.English, r.in.Charter.Name).Text, name, "/index.html"), Missing: name == "404.html"}
		if p.Missing {
			p.address = "index.html"
			p.Root = "/" // a host shows this page under the address that was asked for
		}
		for _, t := range locale.Tags() {
			p.Names = append(p.Names, chooserName{t, r.site.cat.T(t, "page.not_found")})
		}
		if err := r.show("chooser", name, true, p); err != nil {
			return err
		}
	}
	return nil
}
