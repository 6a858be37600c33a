package letter

import (
	"fmt"
	"slices"
	"strings"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/locale"
)

// Style is how a part of a letter stands on the page.
type Style int

// The styles.
const (
	Heads     Style = iota // to whom and from whom, on the right half
	Title                  // in the middle, bold
	Heading                // bold
	Paragraph              // as wide as the page
	Item                   // of a list
)

// Part is a piece of a letter. Text and PDF both show its text as it is.
type Part struct {
	Style Style
	Text  string
}

// Letter is one letter in one language, and what whoever sends it should know.
type Letter struct {
	Kind  appeal.StepKind
	Lang  locale.Tag
	Day   appeal.Day
	Title string
	Parts []Part
	Notes []locale.Sentence // for the one who sends it; nothing of it is in the letter
}

// Basis is the law and the road that a letter is made by.
type Basis struct {
	Law      appeal.Law
	Road     appeal.Road
	Calendar appeal.Calendar // the authority's; the country's own where it has none
}

// Under gives the basis of a country: its law in a book, and the road that comes
// with the program. The faults are appeal.no_law and appeal.no_road.
func Under(book appeal.Book, country string) (Basis, error) {
	law, err := book.Law(country)
	if err != nil {
		return Basis{}, err
	}
	road, err := appeal.ShippedRoad(country)
	return Basis{law, road, book.Calendars[law.Calendar]}, err
}

// Steps says of each step of the country's road whether it can be taken on a
// day, and gives where the appeal stands. A case that is wrong gives its first
// fault; a day before what has happened gives letter.too_early.
func (c Case) Steps(b Basis, today appeal.Day) ([]appeal.Possible, appeal.Standing, error) {
	if err := c.Check(); err != nil {
		return nil, appeal.Standing{}, err
	}
	if today == "" {
		return nil, appeal.Standing{}, fault.Invalid("appeal.bad_day", "")
	}
	a := appeal.Appeal{Of: c.Of}
	for _, e := range c.Events {
		a.Events = append(a.Events, appeal.Event{Act: e.Act, Day: e.Day, By: e.By, Authority: e.Authority, Number: e.Number, Until: e.Until, Reason: e.Reason})
		if e.Day > today {
			return nil, appeal.Standing{}, fault.Conflict("letter.too_early", string(today), string(e.Act), string(e.Day))
		}
	}
	for _, s := range c.Sent {
		if s.Day > today {
			return nil, appeal.Standing{}, fault.Conflict("letter.too_early", string(today), string(s.Kind), string(s.Day))
		}
	}
	standing, err := appeal.Stand(b.Law, func(string) appeal.Calendar { return b.Calendar }, a, today)
	if err != nil {
		return nil, appeal.Standing{}, err
	}
	p := appeal.Progress{Standing: standing, Verdict: c.Verdict.Says, Sent: c.Sent}
	return b.Road.Possible(b.Law, b.Calendar, p, today), standing, nil
}

// Make writes a letter. Besides the faults of Steps they are letter.no_step
// (the road has none of the kind), letter.not_yet (it cannot be taken that day),
// letter.no_recipient, letter.asked (the law asks for something that is empty)
// and those of appeal when the rule it would cite is not in force.
func Make(cat *locale.Catalogue, c Case, b Basis, kind appeal.StepKind, lang locale.Tag, day appeal.Day) (Letter, error) {
	steps, standing, err := c.Steps(b, day)
	if err != nil {
		return Letter{}, err
	}
	step, err := pick(steps, kind, b.Road.Country, day)
	if err != nil {
		return Letter{}, err
	}
	w := &writer{cat: cat, lang: lang, c: c, b: b, step: step, standing: standing, day: day}
	w.out = Letter{Kind: kind, Lang: lang, Day: day, Title: w.t("letter.title." + string(kind))}
	if err := w.asks(); err != nil {
		return Letter{}, err
	}
	if err := w.heads(); err != nil {
		return Letter{}, err
	}
	w.matter()
	w.times()
	w.answer()
	if err := w.law(); err != nil {
		return Letter{}, err
	}
	w.requests()
	w.photos()
	w.signature()
	w.notes()
	return w.out, nil
}

// pick gives the step of a kind that is open.
func pick(steps []appeal.Possible, kind appeal.StepKind, country string, day appeal.Day) (appeal.Possible, error) {
	var shut []appeal.Possible
	for _, s := range steps {
		if s.Step.Kind == kind {
			if s.Open {
				return s, nil
			}
			shut = append(shut, s)
		}
	}
	if len(shut) == 0 {
		return appeal.Possible{}, fault.NotFound("letter.no_step", string(kind), country)
	}
	return appeal.Possible{}, fault.Conflict("letter.not_yet", string(kind), string(day))
}

// writer makes one letter, part by part.
type writer struct {
	cat      *locale.Catalogue
	lang     locale.Tag
	c        Case
	b        Basis
	step     appeal.Possible
	standing appeal.Standing
	day      appeal.Day
	out      Letter
	cited    []string // acts, and acts with their articles
	to       string   // id of the body it goes to
}

func (w *writer) t(key string, args ...any) string {
	return w.cat.Say(w.lang, locale.Say(key, args...))
}

func (w *writer) add(style Style, text string) { w.out.Parts = append(w.out.Parts, Part{style, text}) }

func (w *writer) say(style Style, key string, args ...any) { w.add(style, w.t(key, args...)) }

func (w *writer) item(key string, args ...any) { w.add(Item, "– "+w.t(key, args...)) }

func (w *writer) note(key string, args ...any) {
	w.out.Notes = append(w.out.Notes, locale.Say(key, args...))
}

// in gives words in the letter's language, and notes when they are in another.
func (w *writer) in(texts locale.Texts) string {
	words, in := w.lang.Text(texts)
	if in != w.lang {
		w.note("letter.note.fallback", words, w.lang.Name(), in.Name())
	}
	return words
}

// asks refuses a letter that lacks what the law is known to ask for, and notes
// what it may ask for.
func (w *writer) asks() error {
	p := w.c.Citizen
	has := map[appeal.Field]bool{appeal.Name: !blank(p.Name), appeal.Address: !blank(p.Address),
		appeal.Contact: !blank(p.Email + p.Phone), appeal.Identity: !blank(p.Identity)}
	for _, a := range w.b.Road.Asks {
		field := locale.Say("letter.field." + string(a.Field))
		switch {
		case has[a.Field]:
		case a.Confidence == appeal.Confirmed:
			return fault.Invalid("letter.asked", field, a.Source.Act, strings.Join(a.Source.Seen, ", "))
		default:
			w.note("letter.note.asks", field, a.Note)
		}
	}
	return nil
}

// recipient gives the id of whom the letter goes to: named by the case or, for
// the appeal and its reminder, whom the appeal lies with.
func (w *writer) recipient() string {
	if id := w.c.To[w.step.Step.Kind]; id != "" {
		return id
	}
	if w.step.Step.Kind == appeal.Reminder {
		return w.authority()
	}
	return ""
}

// authority is whom the appeal lies with.
func (w *writer) authority() string {
	if n := len(w.standing.Legs); n > 0 {
		return w.standing.Legs[n-1].Authority
	}
	return w.c.To[appeal.First]
}

func (w *writer) heads() error {
	w.to = w.recipient()
	if w.to == "" {
		return fault.Invalid("letter.no_recipient", string(w.step.Step.Kind))
	}
	to := w.c.Bodies[w.to]
	w.say(Heads, "letter.to", w.in(to.Names))
	w.optional(Heads, "letter.address", to.Address)
	p := w.c.Citizen
	w.optional(Heads, "letter.from", p.Name)
	w.optional(Heads, "letter.address", p.Address)
	w.optional(Heads, "letter.email", p.Email)
	w.optional(Heads, "letter.phone", p.Phone)
	w.optional(Heads, "letter.identity", p.Identity)
	w.add(Title, w.out.Title)
	if w.against() {
		w.say(Paragraph, "letter.against", w.in(w.c.Bodies[w.authority()].Names))
	}
	w.say(Paragraph, "letter.about", w.in(w.c.Category))
	return nil
}

// against reports a letter to somebody else than the authority itself.
func (w *writer) against() bool {
	return w.step.Step.Kind != appeal.First && w.step.Step.Kind != appeal.Reminder
}

func (w *writer) optional(style Style, key, value string) {
	if value != "" {
		w.say(style, key, value)
	}
}

// trimmed is text without the line breaks at its end, which files end with.
func trimmed(s string) string { return strings.TrimRight(s, "\r\n") }

func (w *writer) matter() {
	w.say(Heading, "letter.heading.matter")
	w.add(Paragraph, trimmed(w.c.Description))
	w.optional(Paragraph, "letter.place", w.c.Place)
}

// times tells what has happened, with who attests each. The due day is named
// only when it leans on a rule that is certain.
func (w *writer) times() {
	if len(w.c.Events) == 0 {
		return
	}
	w.say(Heading, "letter.heading.times")
	for _, e := range w.c.Events {
		by := locale.Say("letter.by." + string(e.By))
		switch e.Act {
		case appeal.Submitted, appeal.Forwarded:
			w.item("letter.time."+string(e.Act), e.Day, w.in(w.c.Bodies[e.Authority].Names), by)
		case appeal.Registered:
			if e.Number != "" {
				w.item("letter.time.numbered", e.Day, e.Number, by)
			} else {
				w.item("letter.time.registered", e.Day, by)
			}
		case appeal.Extended:
			w.item("letter.time.extended", e.Day, e.Until, by)
		default:
			w.item("letter.time."+string(e.Act), e.Day, by)
		}
		if e.Number != "" && e.Act != appeal.Registered {
			w.item("letter.number", e.Number)
		}
		if e.Reason != "" {
			w.item("letter.reason", e.Reason)
		}
	}
	for _, s := range w.c.Sent {
		w.item("letter.time.sent", s.Day, locale.Say("letter.title."+string(s.Kind)))
	}
	leg := w.standing.Legs[len(w.standing.Legs)-1]
	switch {
	case leg.Registered.Day == "" && leg.Closed == "":
		w.item("letter.time.unregistered")
	case leg.Closed == "":
		if leg.Due != nil && leg.Due.Rule.Certain(w.day) {
			w.item("letter.time.due", leg.Due.Day)
		}
		w.item("letter.time.none")
	}
}

// answer tells what the authority answered and, apart from it, what the citizen
// says of that.
func (w *writer) answer() {
	a, v := w.c.Answer, w.c.Verdict
	if a != (Answer{}) {
		w.say(Heading, "letter.heading.answer")
		w.optional(Paragraph, "letter.number", a.Number)
		if a.Words != "" {
			w.add(Paragraph, trimmed(a.Words))
		}
	}
	if v != (Judged{}) {
		w.say(Heading, "letter.heading.verdict")
	}
	if v.Says != "" {
		w.say(Paragraph, "letter.verdict."+string(v.Says))
	}
	if v.Words != "" {
		w.add(Paragraph, trimmed(v.Words))
	}
}

func (w *writer) requests() {
	w.say(Heading, "letter.heading.ask")
	kind := w.step.Step.Kind
	var asks []string
	switch {
	case kind == appeal.First:
		asks = []string{"mend", "register", "answer", "forward"}
	case kind == appeal.Reminder && w.step.By == appeal.Unregistered:
		asks = []string{"register", "answer"}
	case kind == appeal.Reminder:
		asks = []string{"reminder"}
	case kind == appeal.Court && w.step.By == appeal.Unmended:
		asks = []string{"court_answer", "court_oblige"}
	case kind == appeal.Court:
		asks = []string{"court_silence", "court_oblige"}
	default:
		asks = []string{string(kind), "tell"}
	}
	for i, a := range asks {
		ask := w.t("letter.ask." + a)
		if more, goesOn := strings.CutSuffix(ask, ";"); goesOn && i == len(asks)-1 {
			ask = more + "."
		}
		w.add(Item, "– "+ask)
	}
}

func (w *writer) photos() {
	if len(w.c.Photos) == 0 {
		return
	}
	w.say(Heading, "letter.heading.photos")
	for i, p := range w.c.Photos {
		w.add(Paragraph, fmt.Sprintf("%d. %s\nSHA-256 %s", i+1, p.Name, p.SHA256))
	}
}

func (w *writer) signature() {
	w.say(Paragraph, "letter.date", w.day)
	w.say(Paragraph, "letter.signature", strings.TrimSpace("____________________ "+w.c.Citizen.Name))
}

// notes ends with what is to be known of every letter.
func (w *writer) notes() {
	if w.step.Until != nil {
		w.note("appeal.road.until", w.step.Until.Day)
	}
	w.out.Notes = append(w.out.Notes, w.step.Doubts...)
	if note := w.step.Step.Note; len(note) > 0 {
		w.note("letter.note.step", note)
	}
	if w.lang.Automatic() {
		w.note("letter.note.automatic", w.lang.Name())
	}
	if slices.ContainsFunc(w.cat.Keys(w.lang), func(key string) bool { return strings.HasPrefix(key, "letter.") && w.cat.Machine(w.lang, key) }) {
		w.note("letter.note.machine", w.lang.Name())
	}
	if signs := unprintable(w.out.Text()); len(signs) > 0 {
		w.note("letter.note.unprintable", strings.Join(signs, " "))
	}
	w.note("letter.note.read")
	w.out.Notes = distinct(w.out.Notes)
}

// distinct leaves each sentence once, compared as it is said.
func distinct(said []locale.Sentence) (once []locale.Sentence) {
	seen := map[string]bool{}
	for _, s := range said {
		if key := fmt.Sprint(s); !seen[key] {
			seen[key] = true
			once = append(once, s)
		}
	}
	return once
}
