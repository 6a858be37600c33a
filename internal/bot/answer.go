package bot

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"
	"time"
	"unicode/utf16"

	"kua/internal/edition"
	"kua/internal/locale"
	"kua/internal/record"
	"kua/internal/site"
	"kua/internal/spread"
)

const (
	newest  = 5    // records below the greeting
	listed  = 10   // records of a list
	maxText = 4096 // UTF-16 units of a message (Bot API, sendMessage)
)

// Say gives words in any language: locale.Catalogue.T of all of them.
type Say func(t locale.Tag, key string, args ...any) string

// Answer gives what a reader is told who wrote text; "" is anything that is no text.
// lang is the language of their telephone, which a command may name otherwise. It is
// a function of the shelf, the text and the day, and of nothing else.
func (s *Shelf) Answer(say Say, text string, lang locale.Tag, now time.Time) string {
	a := answerer{Shelf: s, lang: lang, now: now}
	verb, arg := a.parse(text)
	a.say = func(key string, args ...any) string { return say(a.lang, key, args...) }
	switch verb {
	case "start", "help":
		return a.start()
	case "new":
		return a.list("bot.newest", s.books)
	case "search":
		if arg == "" {
			return a.say("bot.search", a.command("search"))
		}
		return a.list("bot.found", s.search(arg))
	case "r":
		return a.record(arg)
	}
	return a.refuse()
}

// answerer answers one question.
type answerer struct {
	*Shelf
	lang locale.Tag
	now  time.Time
	say  func(key string, args ...any) string
}

var numeral = regexp.MustCompile(`^[№#]?\s*(\d{1,6})$`)

// parse takes a question apart: "/search_ru word", "/r_000123_uz_cyrl", "123". What is
// no question has no verb. A language that is named counts.
func (a *answerer) parse(text string) (verb, arg string) {
	text = strings.TrimSpace(text)
	if m := numeral.FindStringSubmatch(text); m != nil {
		return "r", pad(m[1])
	}
	command, ok := strings.CutPrefix(text, "/")
	if !ok {
		return "", ""
	}
	command, arg, _ = strings.Cut(command, " ")
	command, _, _ = strings.Cut(command, "@")
	parts := strings.Split(strings.ToLower(command), "_")
	for n := min(2, len(parts)-1); n > 0; n-- {
		if tag, ok := locale.Parse(strings.Join(parts[len(parts)-n:], "-")); ok {
			a.lang, parts = tag, parts[:len(parts)-n]
			break
		}
	}
	arg = strings.TrimSpace(arg)
	if parts[0] == "r" {
		if len(parts) == 2 {
			arg = parts[1]
		}
		m := numeral.FindStringSubmatch(arg)
		if m == nil {
			return "", ""
		}
		return "r", pad(m[1])
	}
	if len(parts) > 1 {
		return "", ""
	}
	return parts[0], arg
}

func pad(number string) string { return strings.Repeat("0", 6-len(number)) + number }

// command writes a command that keeps to the language, for a tap.
func (a *answerer) command(verb string) string { return "/" + verb + "_" + tail(a.lang) }

// tail is a language as commands end with it: they have no hyphen.
func tail(t locale.Tag) string { return strings.ReplaceAll(t.Path(), "-", "_") }

// start warns before anything else.
func (a *answerer) start() string {
	parts := []string{a.say("bot.warning"), a.reports(), a.say("bot.how", a.command("new"), a.command("search"))}
	parts = append(parts, a.say("bot.newest")+"\n"+a.lines(a.books, newest), a.age())
	var other []string
	for _, t := range locale.Tags() {
		other = append(other, t.Name()+" /start_"+tail(t))
	}
	return a.fit(append(parts, strings.Join(other, "\n")))
}

// refuse is what everybody gets who sends anything but a question: nothing of it is
// taken, and where it would be.
func (a *answerer) refuse() string {
	return a.fit([]string{a.say("bot.refused"), a.reports(), a.say("bot.how", a.command("new"), a.command("search"))})
}

// reports gives the addresses of the page that says how to report.
func (a *answerer) reports() string {
	lines := []string{a.say("bot.report")}
	for _, base := range site.Addresses(a.charter) {
		lines = append(lines, base+"/"+a.lang.Path()+"/report.html")
	}
	if len(lines) == 1 {
		return a.say("bot.report_nowhere")
	}
	return strings.Join(lines, "\n")
}

func (a *answerer) list(title string, books []book) string {
	if len(books) == 0 {
		return a.fit([]string{a.say("bot.none"), a.age()})
	}
	parts := []string{a.say(title) + "\n" + a.lines(books, listed)}
	if more := len(books) - listed; more > 0 {
		parts = append(parts, a.say("bot.more", more))
	}
	return a.fit(append(parts, a.age()))
}

// lines gives the first of some records, each with the command that shows it.
func (a *answerer) lines(books []book, most int) string {
	var lines []string
	for _, b := range books[:min(most, len(books))] {
		title, _ := a.lang.Text(b.title)
		if b.withdrawn {
			title = a.say("bot.withdrawn_short")
		}
		lines = append(lines, a.lang.Date(b.day)+" · "+title+"\n"+a.command("r_"+b.id))
	}
	return strings.Join(lines, "\n")
}

// record tells of one record, and leads to its page and its proof.
func (a *answerer) record(id string) string {
	r, sum, err := a.Shelf.record(id)
	if errors.Is(err, fs.ErrNotExist) {
		return a.fit([]string{a.say("bot.no_record", id), a.age()})
	}
	if err != nil {
		return a.say("bot.broken")
	}
	title, _ := a.lang.Text(r.Title)
	m := spread.Message{Record: r.ID, Title: title, Summary: strings.Join(a.told(r), "\n\n"), Links: spread.Links(a.say, site.Addresses(a.charter), a.lang.Path()+site.Address(r.ID), r.Path(), sum)}
	if r.Status == record.Withdrawn {
		reason, _ := a.lang.Text(r.Reason)
		m.Title, m.Summary = a.say("bot.withdrawn", r.ID, a.lang.Date(r.Day)), reason
	}
	foot := "\n\n" + a.age()
	text, err := m.Text(maxText-units(foot), units)
	if err != nil {
		return a.say("bot.broken")
	}
	return text + foot
}

// told is what is said of a record between its title and its addresses.
func (a *answerer) told(r record.Record) []string {
	facts := []string{r.ID, a.say("site.record.published", a.lang.Date(r.Day))}
	if place, _ := a.lang.Text(r.Place.Words); place != "" {
		facts = append(facts, place)
	}
	all := []string{strings.Join(facts, " · ")}
	if correction, _ := a.lang.Text(r.Correction); correction != "" {
		all = append(all, a.say("spread.mail.corrected", correction))
	}
	summary, _ := a.lang.Text(r.Summary)
	return append(all, summary)
}

// age says from which edition the answer comes, and when that is an old one.
func (a *answerer) age() string {
	said := a.say("bot.edition", a.manifest.Number, a.lang.Date(a.manifest.Made[:len(time.DateOnly)]))
	if age := a.manifest.Age(a.now); age == edition.Behind || age == edition.OldCopy {
		said += " " + a.say("bot.old")
	}
	return said
}

// fit joins paragraphs into a message; of what does not fit the end is left out.
func (a *answerer) fit(parts []string) string {
	text := parts[0]
	for _, p := range parts[1:] {
		if longer := text + "\n\n" + p; units(longer) <= maxText {
			text = longer
		}
	}
	return text
}

func units(s string) int { return len(utf16.Encode([]rune(s))) }
