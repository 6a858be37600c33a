package redact

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"kua/internal/fault"
	"kua/internal/locale"
)

// Bounds of what is heard and said.
const (
	// minKeep is the shortest kept range in milliseconds: a range is narrowed
	// by 20 ms at both ends and faded, and of less nothing would be left.
	minKeep = 100
	// MaxSpoken is the most runes of one line that a machine voice says.
	MaxSpoken = 1000
)

// Said is what is said in one language from From to To, in milliseconds.
type Said struct {
	From, To int64
	Words    string
}

// Keeping reports whether something of the people's own sound stays: an open
// plan keeps it all, a muted one what Keeps names. It may hold voices.
func (p Plan) Keeping() bool { return !p.MuteAll || len(p.Keeps) > 0 }

// Languages gives the languages in which there are lines, in order.
func (p Plan) Languages() []string {
	seen := map[string]bool{}
	for _, l := range p.Lines {
		for language, words := range l.Words {
			if strings.TrimSpace(words) != "" {
				seen[language] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Said gives the lines that have words in a language.
func (p Plan) Said(language string) []Said {
	var all []Said
	for _, l := range p.Lines {
		if words := strings.TrimSpace(l.Words[language]); words != "" {
			all = append(all, Said{l.From, l.To, words})
		}
	}
	return all
}

// SetSaid puts said in the place of everything that was said in a language.
// Words of the same moment in other languages become one line with it.
func (p *Plan) SetSaid(language string, said []Said) {
	var lines []Line
	for _, l := range p.Lines {
		l.Words = maps.Clone(l.Words)
		delete(l.Words, language)
		if len(l.Words) > 0 {
			lines = append(lines, l)
		}
	}
	used := p.IDs()
	for _, s := range said {
		i := slices.IndexFunc(lines, func(l Line) bool { return l.From == s.From && l.To == s.To && l.Words[language] == "" })
		if i >= 0 {
			lines[i].Words[language] = s.Words
			continue
		}
		id := freshID("l", used)
		lines = append(lines, Line{From: s.From, To: s.To, ID: id, Words: map[string]string{language: s.Words}})
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return int(a.From - b.From) })
	p.Lines = lines
}

// Keep adds a range of the people's own sound that stays though all is muted.
func (p *Plan) Keep(from, to int64, note, by string) {
	p.Keeps = append(p.Keeps, Span{From: from, To: to, ID: freshID("k", p.IDs()), Note: note, By: by})
}

// sound holds muted and kept ranges, lines and the voice to their rules.
func (p Plan) sound(ids map[string]bool) error {
	for _, m := range p.Mutes {
		if err := p.stretch(m.ID, m.From, m.To, m.By+m.Note, ids); err != nil {
			return err
		}
	}
	for _, k := range p.Keeps {
		if err := p.stretch(k.ID, k.From, k.To, k.By+k.Note, ids); err != nil {
			return err
		}
		if k.To-k.From < minKeep {
			return fault.Invalid("redact.keep_short", k.ID, minKeep)
		}
	}
	if err := p.lines(ids); err != nil {
		return err
	}
	return p.speak()
}

// stretch is a range of time with words to it.
func (p Plan) stretch(id string, from, to int64, words string, ids map[string]bool) error {
	switch {
	case p.Duration == 0:
		return fault.Invalid("redact.not_a_sound")
	case !newID(id, ids):
		return fault.Invalid("redact.id", id)
	case tooLong(words):
		return fault.TooLarge("redact.words", MaxWords)
	case from < 0 || to <= from || from > p.Duration || to > maxMillis:
		return fault.Invalid("redact.mute_time", id)
	}
	return nil
}

func (p Plan) lines(ids map[string]bool) error {
	for i, l := range p.Lines {
		words := ""
		for language, said := range l.Words {
			if !spoken(language) {
				return fault.Invalid("redact.language", language)
			}
			words += said
		}
		if err := p.stretch(l.ID, l.From, l.To, words, ids); err != nil {
			return err
		}
		if l.From >= p.Duration {
			return fault.Invalid("redact.line_time", i+1)
		}
		if strings.ContainsFunc(words, hidden) {
			return fault.Invalid("redact.line_hidden", i+1)
		}
		if i > 0 && l.From < p.Lines[i-1].From {
			return fault.Invalid("redact.line_order", l.ID)
		}
	}
	return nil
}

// speak wants that a machine voice, when there is one, has something to say
// wherever somebody speaks, and that the people's own voices are silent: a
// machine's words over theirs would protect nobody.
func (p Plan) speak() error {
	if p.Speak == "" {
		return nil
	}
	if !spoken(p.Speak) {
		return fault.Invalid("redact.language", p.Speak)
	}
	if !p.MuteAll {
		return fault.Invalid("redact.speak_over_voices")
	}
	if len(p.Lines) == 0 {
		return fault.Invalid("redact.nothing_to_speak", p.Speak)
	}
	for i, l := range p.Lines {
		words := l.Words[p.Speak]
		if !strings.ContainsFunc(words, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			return fault.Invalid("redact.line_unspoken", i+1, p.Speak)
		}
		if len([]rune(words)) > MaxSpoken {
			return fault.TooLarge("redact.line_long", i+1, MaxSpoken)
		}
	}
	return nil
}

// spoken reports whether a language is one that the program knows, written as
// the program writes it.
func spoken(language string) bool {
	tag, ok := locale.Parse(language)
	return ok && string(tag) == language
}

// hidden is what would show otherwise than it reads. A line may have lines.
func hidden(r rune) bool {
	return unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Bidi_Control, r) ||
		unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || r == '\ufeff'
}
