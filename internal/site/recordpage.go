package site

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"kua/internal/canon"
	"kua/internal/caption"
	"kua/internal/edition"
	"kua/internal/locale"
	"kua/internal/reader"
	"kua/internal/record"
)

// recordPage is a record as a reader sees it, or one part of a long one.
type recordPage struct {
	frame
	ID        string
	Record    record.Record
	Heading   words
	Reason    words
	Place     words
	Entry     entry
	Foreign   string // own name of the language the words are in, when it is not the page's
	Automatic bool   // the words were transliterated by machine
	Written   []locale.Tag
	Sections  []section
	Part      int // from 1
	Parts     int
	HistoryAt string // where the versions are told, "" when there is one
	Proof     proof
	Keep      string // address of the record as one file, where a server makes it
	Weight    int64  // about how many bytes that file has
}

// section is a run of items under one heading.
type section struct {
	Kind      string // summary, media, known, claims, answers, copies, history
	Continued bool
	Items     []item
}

// item is one thing of a section; which members are set follows from its kind.
type item struct {
	Words  words
	Source words // whose claim, whose answer
	Day    string
	More   bool // this paragraph goes on the one before
	Medium *medium
	Past   *past
	Copy   *fate

	cost int // bytes it may add to a compressed page
	kind string
}

// medium is a film, photo, sound or document with everything known about it
// before a byte of it is fetched.
type medium struct {
	Type    string
	Label   words
	Covered words
	Seconds int
	Poster  *picture
	// Redaction says that the record holds a commitment to the plan of what is hidden.
	Redaction bool
	Default   rung // what the picture leads to
	Rungs     []rung
	Tracks    []track // subtitles
	Said      *said   // what is said, to be read
	Pages     int     // of a document
}

// Others gives the renditions besides the default one.
func (m medium) Others() []rung {
	return slices.DeleteFunc(slices.Clone(m.Rungs), func(g rung) bool { return g == m.Default })
}

type picture struct {
	Path          string
	Size          int64
	Width, Height int
}

type rung struct {
	Name, Path, Type string
	Size             int64
	Height           int
}

// past is an earlier version of the record.
type past struct {
	Version    int
	Day        string
	SHA256     string
	Path       string // "" when the document was taken away with the record
	Correction words
}

// known is a record with what the update knows about it besides.
type known struct {
	record.Record
	doc     []byte
	entry   entry
	history []past // without words of a language
	recipes map[int][]edition.Step
	cues    map[string][]caption.Cue // subtitles that were read, by path
	fixes   []map[string]string
}

// items takes the record apart into what a page can be filled with.
func (r *render) items(k *known, lang locale.Tag) ([]item, error) {
	var all []item
	add := func(kind string, its ...item) {
		for _, it := range its {
			it.kind = kind
			it.cost = it.weigh()
			all = append(all, it)
		}
	}
	if k.entry.Withdrawn {
		add("history", r.history(k, lang)...)
		return all, nil
	}
	add("summary", paragraphs(pick(lang, k.Summary))...)
	for _, m := range k.Media {
		for _, part := range pagesApart(m) {
			v := r.medium(lang, part, pagesOf(m))
			if err := r.hear(k, lang, part, v); err != nil {
				return nil, err
			}
			add("media", item{Medium: v})
		}
	}
	for _, t := range k.Known {
		add("known", paragraphs(pick(lang, t))...)
	}
	for _, c := range k.Claims {
		add("claims", sourced(pick(lang, c.Words), pick(lang, c.Source), c.Day)...)
	}
	for _, a := range k.Answers {
		add("answers", sourced(pick(lang, a.Words), pick(lang, a.Authority), a.Day)...)
	}
	if len(k.Answers) == 0 {
		add("answers", item{}) // silence is an answer that a reader must see
	}
	add("copies", r.fateItems(k.ID)...)
	add("history", r.history(k, lang)...)
	return all, nil
}

// sourced cuts a long claim or answer; every piece names its source again,
// since the next one may stand on another page.
func sourced(w, source words, day string) []item {
	items := paragraphs(w)
	if len(items) == 0 {
		items = []item{{}}
	}
	for i := range items {
		items[i].Source, items[i].Day, items[i].More = source, day, i > 0
	}
	return items
}

func (r *render) history(k *known, lang locale.Tag) []item {
	if k.Version == 1 {
		return nil
	}
	items := []item{{Past: &past{Version: k.Version, Day: k.Day, SHA256: canon.Hash(k.doc), Path: k.Path(),
		Correction: pick(lang, k.Correction)}}}
	for i := len(k.history) - 1; i >= 0; i-- {
		p := k.history[i]
		p.Correction = pick(lang, k.fixes[i])
		items = append(items, item{Past: &p})
	}
	return items
}

func (r *render) medium(lang locale.Tag, m record.Media, pages int) *medium {
	v := &medium{Type: m.Type, Label: pick(lang, m.Label), Covered: pick(lang, m.Covered), Seconds: m.Seconds, Redaction: m.Redaction != ""}
	for _, f := range m.Renditions() {
		v.Rungs = append(v.Rungs, rung{Name: f.Rung, Path: f.Path(), Type: f.Type, Size: f.Size, Height: f.Height})
	}
	if m.Type == "document" { // its pages are in order
		v.Pages = pages
		v.Default = v.Rungs[0]
		return v.withPoster(m)
	}
	slices.SortStableFunc(v.Rungs, func(a, b rung) int { return int(min(max(a.Size-b.Size, -1), 1)) })
	for _, g := range v.Rungs {
		if g.Name == "240p" || g.Name == "jpeg" || v.Default.Path == "" {
			v.Default = g
		}
	}
	return v.withPoster(m)
}

// pagesOf counts the pages of a document.
func pagesOf(m record.Media) int {
	seen := make(map[string]bool)
	for _, f := range m.Files {
		if found := pageOfDocument.FindStringSubmatch(f.Rung); found != nil {
			seen[found[1]] = true
		}
	}
	return len(seen)
}

// pagesTogether is how many files of a document one item of a page lists.
const pagesTogether = 16

// pagesApart cuts a long document into items, so that a page stays light; its
// words and its poster stand with the first.
func pagesApart(m record.Media) []record.Media {
	if m.Type != "document" || len(m.Files) <= pagesTogether {
		return []record.Media{m}
	}
	var parts []record.Media
	for files := range slices.Chunk(m.Files, pagesTogether) {
		part := record.Media{Type: m.Type, Files: files}
		if len(parts) == 0 {
			part.Label, part.Covered, part.Poster = m.Label, m.Covered, m.Poster
		}
		parts = append(parts, part)
	}
	return parts
}

func (v *medium) withPoster(m record.Media) *medium {
	if m.Poster != nil {
		v.Poster = &picture{Path: m.Poster.Path(), Size: m.Poster.Size, Width: m.Poster.Width, Height: m.Poster.Height}
	}
	return v
}

// recordPages renders all parts of a record in one language, each time with
// less to a page until every part is within its budget.
func (r *render) recordPages(k *known, lang locale.Tag) error {
	items, err := r.items(k, lang)
	if err != nil {
		return err
	}
	for i, f := range fillings {
		parts := paginate(items, f.items)
		err := r.parts(k, lang, parts, f.recipe)
		if tooHeavy(err) && i+1 < len(fillings) {
			continue // denser than it looked
		}
		if err != nil {
			return err
		}
		return r.dropParts(k.ID, lang, len(parts))
	}
	return nil
}

func (r *render) parts(k *known, lang locale.Tag, parts [][]section, inRecipe int) error {
	for i, sections := range parts {
		address := recordAddress(k.ID, i+1)
		p := recordPage{
			frame: r.frame(lang, "", k.ID, in(lang, address), recordAddress(k.ID, 1)),
			ID:    k.ID, Record: k.Record, Entry: k.entry, Sections: sections, Part: i + 1, Parts: len(parts),
			Heading: pick(lang, k.Title), Place: pick(lang, k.Place.Words), Reason: pick(lang, k.Reason),
			Automatic: lang.Automatic() && k.Summary[string(lang)] == "" && k.Summary[string(lang.Source())] != "",
		}
		if _, from := lang.Text(k.Title); from != lang {
			p.Foreign = from.Name()
		}
		for _, t := range locale.Tags() {
			if k.Title[string(t)] != "" && t != lang {
				p.Written = append(p.Written, t)
			}
		}
		if i == 0 && !k.entry.Withdrawn {
			p.Keep, p.Weight = "/keep/"+k.ID, reader.Weight(k.Record, k.doc)
		}
		if i == 0 {
			p.Proof, p.HistoryAt = r.proof(k, inRecipe), historyAt(parts, p.frame, k.ID)
		}
		if err := r.show("record", in(lang, address), false, p); err != nil {
			return err
		}
	}
	return nil
}

// historyAt finds the part that tells the versions.
func historyAt(parts [][]section, f frame, id string) string {
	for i, sections := range parts {
		for _, s := range sections {
			if s.Kind == "history" {
				return f.Href(recordAddress(id, i+1)) + "#history"
			}
		}
	}
	return ""
}

// dropParts removes the parts that an earlier, longer version had.
func (r *render) dropParts(id string, lang locale.Tag, parts int) error {
	for n := parts + 1; r.w.exists(in(lang, recordAddress(id, n))); n++ {
		if err := r.w.remove(in(lang, recordAddress(id, n))); err != nil {
			return err
		}
	}
	return nil
}

// mediumView is a medium and the page it stands on.
type mediumView struct {
	Page   recordPage
	Medium *medium
}

// Alt says in words what the picture of a document shows; the words beside other
// pictures say it already.
func (v mediumView) Alt() string {
	if v.Medium.Pages == 0 {
		return ""
	}
	return strings.TrimSpace(v.Medium.Label.Text + ": " + v.Page.T("site.rung.page_of", 1, v.Medium.Pages))
}

// With puts a medium and its page together for a template.
func (p recordPage) With(m *medium) mediumView { return mediumView{p, m} }

// Rung names a rendition for people; of a document with how many pages there are.
func (v mediumView) Rung(name string) string {
	p := v.Page
	switch name {
	case "audio":
		return p.T("site.rung.audio")
	case "jpeg", "webp", "png", "pdf":
		return strings.ToUpper(name)
	}
	if found := pageOfDocument.FindStringSubmatch(name); found != nil {
		return p.T("site.rung.page_of", found[1], v.Medium.Pages) + " " + strings.ToUpper(found[2])
	}
	return name
}

var pageOfDocument = regexp.MustCompile(`^page([0-9]{1,3})(jpeg|webp)$`)

// partLink is the way to another part of a long record.
type partLink struct {
	Number  int
	Address string
	Current bool
}

// PartLinks gives the ways to all parts.
func (p recordPage) PartLinks() []partLink {
	var links []partLink
	for n := 1; n <= p.Parts; n++ {
		links = append(links, partLink{n, recordAddress(p.ID, n), n == p.Part})
	}
	return links
}

// Address is where the page of a record lies below a language's folder.
func Address(id string) string { return recordAddress(id, 1) }

// recordAddress is the page of a record's part, without the language.
func recordAddress(id string, part int) string {
	if part == 1 {
		return fmt.Sprintf("/r/%s/%s.html", id[:4], id)
	}
	return fmt.Sprintf("/r/%s/%s-%d.html", id[:4], id, part)
}

// listPageOf is the page of the list of all records that an id is on for good.
func listPageOf(id string) int {
	n, err := strconv.Atoi(id)
	if err != nil {
		return 1 // record.Parse lets no such id in
	}
	return (n-1)/perPage + 1
}
