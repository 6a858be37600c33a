// Package letter makes the letters of an appeal: the appeal itself, a reminder,
// complaints to the superior body, the prosecutor and the ombudsman, the draft
// for a court. A letter is a pure function of a case, the law, a road and a day;
// its text and its PDF come from one structure and say the same.
//
// What nobody has confirmed is never asserted in a letter: it is told to the
// citizen in the notes beside it. The package holds no SQL and no HTTP, reads
// no clock, and may be used by every room of the open lane and the command line.
package letter

import (
	"fmt"
	"maps"
	"slices"

	"kua/internal/appeal"
	"kua/internal/datafile"
	"kua/internal/fault"
	"kua/internal/locale"
)

// Person is who writes. Every field may be empty, unless the law asks for it.
type Person struct {
	Name     string `yaml:"name,omitempty"`
	Address  string `yaml:"address,omitempty"`
	Email    string `yaml:"email,omitempty"`
	Phone    string `yaml:"phone,omitempty"`
	Identity string `yaml:"identity,omitempty"`
}

// Body is an authority, a prosecutor's office, an ombudsman or a court.
type Body struct {
	Names   locale.Texts `yaml:"names"`
	Address string       `yaml:"address,omitempty"`
}

// Photo is a picture that goes with the letter, by its name and hash.
type Photo struct {
	Name   string `yaml:"name"`
	SHA256 string `yaml:"sha256"` // lower-case hex
}

// Event is an appeal.Event as a case file writes it.
type Event struct {
	Act       appeal.Act      `yaml:"act"`
	Day       appeal.Day      `yaml:"day"`
	By        appeal.Attester `yaml:"by"`
	Authority string          `yaml:"authority,omitempty"`
	Number    string          `yaml:"number,omitempty"`
	Until     appeal.Day      `yaml:"until,omitempty"`
	Reason    string          `yaml:"reason,omitempty"`
}

// Answer is what the authority answered; its day is that of the event.
type Answer struct {
	Number string `yaml:"number,omitempty"`
	Words  string `yaml:"words,omitempty"`
}

// Judged is what the citizen says of the answer.
type Judged struct {
	Says  appeal.Verdict `yaml:"says"`
	Words string         `yaml:"words,omitempty"`
}

// Case is everything that letters are made of. spec/appeal.md describes its file.
type Case struct {
	Country     string                     `yaml:"country"`
	Of          appeal.Case                `yaml:"case,omitempty"` // sort of appeal, where the law tells them apart
	Language    locale.Tag                 `yaml:"language,omitempty"`
	Citizen     Person                     `yaml:"citizen"`
	Bodies      map[string]Body            `yaml:"bodies"`
	To          map[appeal.StepKind]string `yaml:"to"` // whom each kind of step goes to: ids of bodies
	Category    locale.Texts               `yaml:"category"`
	Description string                     `yaml:"description"`
	Place       string                     `yaml:"place,omitempty"`
	Photos      []Photo                    `yaml:"photos,omitempty"`
	Events      []Event                    `yaml:"events,omitempty"`
	Answer      Answer                     `yaml:"answer,omitempty"`
	Verdict     Judged                     `yaml:"verdict,omitempty"`
	Sent        []appeal.Sent              `yaml:"sent,omitempty"` // complaints and reminders that went out
}

// The bounds of a case: a letter is read by people.
const (
	maxWords  = 32 << 10 // bytes of a description, an answer, a verdict
	maxLine   = 600      // bytes of everything else
	maxPhotos = 100
	maxEvents = 200
	maxBodies = 50
)

// Read reads a case file. What is wrong is added to problems, each with its
// line; ok says that nothing is an error and that Check found nothing either.
func Read(file string, text []byte, problems *datafile.Problems) (c Case, ok bool) {
	if blank(string(text)) {
		problems.Add(file, 0, "letter.empty", file)
		return Case{}, false
	}
	lines, ok := datafile.YAML(file, text, &c, problems)
	if !ok {
		return Case{}, false
	}
	before := problems.Errors()
	c.check(func(f *fault.Fault, path ...any) { problems.Add(file, lines.Of(path...), f.Key, f.Args...) })
	return c, problems.Errors() == before
}

// Check gives the first thing that is wrong with a case, or nil.
func (c Case) Check() error {
	var first error
	c.check(func(f *fault.Fault, _ ...any) {
		if first == nil {
			first = f
		}
	})
	return first
}

// checker notes what is wrong and where.
type checker func(f *fault.Fault, path ...any)

// line checks text of one line, words text of many.
func (say checker) line(s string, path ...any) {
	say.text(s, maxLine, false, path...)
}

func (say checker) words(s string, path ...any) {
	say.text(s, maxWords, true, path...)
}

func (say checker) text(s string, maxBytes int, lines bool, path ...any) {
	field := fieldName(path)
	if len(s) > maxBytes {
		say(fault.TooLarge("letter.too_long", field, len(s), maxBytes), path...)
		return
	}
	if r, bad := forbidden(s, lines); bad {
		say(fault.Invalid("letter.control", field, codePoint(r)), path...)
	}
}

func fieldName(path []any) string {
	name := ""
	for i, p := range path {
		if i > 0 {
			name += "."
		}
		name += fmt.Sprint(p)
	}
	return name
}

// texts checks words given in several languages.
func (say checker) texts(t locale.Texts, path ...any) {
	for _, tag := range slices.Sorted(maps.Keys(t)) {
		at := append(slices.Clone(path), tag)
		if _, known := locale.Parse(tag); !known {
			say(fault.Invalid("letter.language", tag), at...)
		}
		say.line(t[tag], at...)
	}
	if words, _ := locale.English.Text(t); words == "" {
		say(fault.Invalid("letter.empty", fieldName(path)), path...)
	}
}

func (c Case) check(say checker) {
	if c.Language != "" {
		if _, known := locale.Parse(string(c.Language)); !known {
			say(fault.Invalid("letter.language", string(c.Language)), "language")
		}
	}
	if !slices.Contains(appeal.Cases, c.Of) {
		say(fault.Invalid("letter.unknown_word", string(c.Of), "case", fmt.Sprint(appeal.Cases[1:])), "case")
	}
	say.line(c.Citizen.Name, "citizen", "name")
	say.line(c.Citizen.Address, "citizen", "address")
	say.line(c.Citizen.Email, "citizen", "email")
	say.line(c.Citizen.Phone, "citizen", "phone")
	say.line(c.Citizen.Identity, "citizen", "identity")
	say.texts(c.Category, "category")
	say.words(c.Description, "description")
	if blank(c.Description) {
		say(fault.Invalid("letter.empty", "description"), "description")
	}
	say.line(c.Place, "place")
	c.checkBodies(say)
	c.checkPhotos(say)
	c.checkEvents(say)
	say.line(c.Answer.Number, "answer", "number")
	say.words(c.Answer.Words, "answer", "words")
	say.words(c.Verdict.Words, "verdict", "words")
	if !slices.Contains([]appeal.Verdict{"", appeal.Mended, appeal.Partly, appeal.NotMended}, c.Verdict.Says) {
		say(fault.Invalid("letter.unknown_word", string(c.Verdict.Says), "verdict.says", "[mended partly not]"), "verdict", "says")
	}
}

func (c Case) checkBodies(say checker) {
	if len(c.Bodies) > maxBodies {
		say(fault.TooLarge("letter.too_many", "bodies", len(c.Bodies), maxBodies), "bodies")
		return
	}
	for _, id := range slices.Sorted(maps.Keys(c.Bodies)) {
		say.line(id, "bodies", id)
		say.texts(c.Bodies[id].Names, "bodies", id, "names")
		say.line(c.Bodies[id].Address, "bodies", id, "address")
	}
	for _, kind := range slices.Sorted(maps.Keys(c.To)) {
		if !slices.Contains(appeal.StepKinds, kind) {
			say(fault.Invalid("letter.unknown_word", string(kind), "to", fmt.Sprint(appeal.StepKinds)), "to", string(kind))
		}
		if _, there := c.Bodies[c.To[kind]]; !there {
			say(fault.Invalid("letter.no_body", c.To[kind], "to."+string(kind)), "to", string(kind))
		}
	}
}

func (c Case) checkPhotos(say checker) {
	if len(c.Photos) > maxPhotos {
		say(fault.TooLarge("letter.too_many", "photos", len(c.Photos), maxPhotos), "photos")
		return
	}
	for i, p := range c.Photos {
		say.line(p.Name, "photos", i, "name")
		if !isHash(p.SHA256) || blank(p.Name) {
			say(fault.Invalid("letter.photo_hash", p.Name), "photos", i)
		}
	}
}

func (c Case) checkEvents(say checker) {
	if len(c.Events) > maxEvents || len(c.Sent) > maxEvents {
		say(fault.TooLarge("letter.too_many", "events", max(len(c.Events), len(c.Sent)), maxEvents), "events")
		return
	}
	for i, e := range c.Events {
		say.line(string(e.Act), "events", i, "act")
		say.line(string(e.By), "events", i, "by")
		say.line(e.Number, "events", i, "number")
		say.line(e.Reason, "events", i, "reason")
		if _, there := c.Bodies[e.Authority]; e.Authority != "" && !there {
			say(fault.Invalid("letter.no_body", e.Authority, fmt.Sprintf("events.%d.authority", i)), "events", i)
		}
	}
	last := appeal.Day("")
	for i, s := range c.Sent {
		if !slices.Contains(appeal.StepKinds[1:], s.Kind) {
			say(fault.Invalid("letter.unknown_word", string(s.Kind), "sent", fmt.Sprint(appeal.StepKinds[1:])), "sent", i)
		}
		if s.Day < last || s.Day == "" || len(c.Events) == 0 || s.Day < c.Events[0].Day {
			say(fault.Conflict("letter.sent_order", string(s.Kind), string(s.Day)), "sent", i)
		}
		last = s.Day
	}
}
