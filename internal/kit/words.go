package kit

import (
	"fmt"
	"strings"

	"kua/internal/locale"
	"kua/internal/record"
	"kua/internal/site"
)

// longestName is how many characters of the collective's name words have room for.
const longestName = 120

// Words gives what to type at a network in one language: the title, "" where there
// is no such field, and the words, which end with the record's number and the way
// to it and to its proof, however short the network's limit is.
func (m *Maker) Words(s Source, n Network, lang locale.Tag) (title, words string) {
	r := s.Record
	whole, _ := lang.Text(r.Title)
	whole = n.clean(whole)
	summary, _ := lang.Text(r.Summary)
	tail := n.clean(m.tail(s, lang))
	head := ""
	if n.Title.Most > 0 {
		title = n.Title.Cut(whole, 0)
	} else {
		head = whole + "\n\n"
	}
	if cut := n.Words.Cut(n.clean(summary), n.Words.Count(head+tail)); cut != "" {
		return title, head + cut + tail
	}
	return title, n.Words.Cut(strings.TrimRight(head, "\n"), n.Words.Count(tail)) + tail
}

// clean takes away what a network refuses.
func (n Network) clean(s string) string {
	if !n.Plain {
		return s
	}
	return strings.NewReplacer("<", "‹", ">", "›").Replace(s)
}

// tail is what stands below the words everywhere.
func (m *Maker) tail(s Source, lang locale.Tag) string {
	t := func(key string, args ...any) string { return m.cat.T(lang, key, args...) }
	r := s.Record
	var facts []string
	switch h := r.Happened; {
	case h.To != "":
		facts = append(facts, t("site.span", lang.Date(h.From), lang.Date(h.To)))
	case h.From != "":
		facts = append(facts, lang.Date(h.From))
	}
	if place, _ := lang.Text(r.Place.Words); place != "" {
		facts = append(facts, place)
	}
	facts = append(facts, t("site.record.published", lang.Date(r.Day)))
	lines := []string{"", "", strings.Join(facts, " · ")}
	if r.Version > 1 {
		lines = append(lines, t("site.record.corrected", lang.Date(r.Day)))
	}
	name, _ := lang.Text(s.Collective)
	lines = append(lines, "", Limit{longestName, Characters, ""}.Cut(name, 0), t("kit.words.proof", r.ID, s.Page(lang)))
	for _, a := range site.Addresses(s.Charter) {
		if a != strings.TrimRight(s.Address, "/") {
			other := s.Subject
			other.Address = a
			lines = append(lines, t("kit.words.also", other.Page(lang)))
			break
		}
	}
	return strings.Join(lines, "\n")
}

// networks writes a folder for each: words in every language, and what to do.
func (w *writer) networks() error {
	for _, n := range Networks() {
		for _, lang := range w.langs {
			title, words := w.maker.Words(w.s, n, lang)
			if n.Title.Most > 0 {
				if err := w.text(n.ID+"/"+lang.Path()+".title.txt", title+"\n"); err != nil {
					return err
				}
			}
			if err := w.text(n.ID+"/"+lang.Path()+".words.txt", words+"\n"); err != nil {
				return err
			}
		}
		if err := w.text(n.ID+"/READ-ME.txt", strings.Join(w.how(n), "\n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// instructions writes what holds for all networks.
func (w *writer) instructions() error {
	r := w.s.Record
	lines := []string{
		w.t("kit.readme.title", r.ID), "",
		w.t("kit.readme.made", r.ID, r.Version, w.lang.Date(r.Day), HashesFile), "",
		w.t("kit.readme.before", w.s.Page(w.lang)), "",
		w.t("kit.readme.who"), "",
		w.t("kit.readme.cards"),
	}
	for _, m := range r.Media {
		if m.Type != "film" && m.Type != "photo" {
			lines = append(lines, w.t("kit.readme.others"))
			break
		}
	}
	lines = append(lines, "", w.t("kit.readme.networks"))
	for _, n := range Networks() {
		lines = append(lines, "  "+n.Name+": "+n.ID+"/READ-ME.txt")
	}
	lines = append(lines, "", w.t("kit.readme.after"), "", w.t("kit.readme.later"))
	return w.text("READ-ME.txt", strings.Join(lines, "\n")+"\n")
}

// how says what to type where at one network.
func (w *writer) how(n Network) []string {
	r := w.s.Record
	lines := []string{n.Name, ""}
	shown := false
	for _, m := range r.Media {
		if m.Type != "film" && m.Type != "photo" {
			continue
		}
		f, ok := n.Suits(m)
		if !ok {
			lines = append(lines, w.t("kit.net.left", m.ID), w.source(n.FilmSource, n.Film, w.t("kit.unit.bytes")))
			continue
		}
		shown = true
		lines = append(lines, w.t("kit.net."+m.Type, mediumPath(m, f), f.Size))
		if m.Poster != nil && m.Type == "film" {
			lines = append(lines, w.t("kit.net.cover", mediumPath(m, *m.Poster), cardPath(r.ID, w.langs[0])))
		}
		if files := subtitles(m); n.Subtitles && files != "" {
			lines = append(lines, w.t("kit.net.subtitles", files))
		}
	}
	if !shown {
		lines = append(lines, w.t("kit.net.none", cardPath(r.ID, w.langs[0])))
	}
	lines = append(lines, "")
	if n.Title.Most > 0 {
		lines = append(lines, w.t("kit.net.title", w.langs[0].Path()+".title.txt"), w.limit(n.Title))
	} else {
		lines = append(lines, w.t("kit.net.no_title"))
	}
	lines = append(lines, w.t("kit.net.words", w.langs[0].Path()+".words.txt"), w.limit(n.Words), "")
	if n.Watch == "" {
		return append(lines, w.t("kit.net.unwatched"))
	}
	return append(lines, w.t("kit.net.after"),
		fmt.Sprintf("  kua watch add ~/kua/copies --record %s --kind %s --url URL --words %s", r.ID, n.Watch, r.ID))
}

func (w *writer) limit(l Limit) string {
	return w.source(l.Source, int64(l.Most), w.t("kit.unit."+l.Unit))
}

func (w *writer) source(source string, most int64, unit string) string {
	if source == "" {
		return "  " + w.t("kit.net.unconfirmed", most, unit)
	}
	return "  " + w.t("kit.net.limit", most, unit, source)
}

// subtitles names the files of a film's subtitles.
func subtitles(m record.Media) string {
	var names []string
	for _, f := range m.Captions() {
		names = append(names, "media/"+m.ID+"."+f.Language+".srt", "media/"+m.ID+"."+f.Language+".vtt")
	}
	return strings.Join(names, ", ")
}
