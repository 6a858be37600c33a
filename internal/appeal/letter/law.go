package letter

import (
	"slices"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/locale"
)

// law cites what the letter rests on. A rule that is certain is cited with its
// time; of any other the act alone is named, and the notes tell the doubts.
func (w *writer) law() error {
	rule, err := w.answerRule()
	if err != nil {
		return err
	}
	w.say(Heading, "letter.heading.law")
	certain := rule.Certain(w.day)
	w.cite(rule.Source, rule.Confidence == appeal.Confirmed)
	if certain {
		w.say(Paragraph, "letter.law."+string(rule.Length.Unit), rule.Length.Count)
	} else {
		w.note("letter.note.unasserted", rule.ID)
	}
	w.out.Notes = append(w.out.Notes, rule.Doubts(w.day)...)
	if w.step.By == appeal.Silent && w.against() {
		w.silence()
	}
	if s := w.step.Step; s.Source != nil {
		w.cite(*s.Source, s.Confidence == appeal.Confirmed)
	}
	return nil
}

// answerRule is the rule for the answer: that by which the clock ran or, for
// what has no clock yet, the one in force on the letter's day. Without one that
// is in force there is no letter.
func (w *writer) answerRule() (appeal.Rule, error) {
	if n := len(w.standing.Legs); n > 0 {
		leg := w.standing.Legs[n-1]
		if leg.Due != nil {
			return leg.Due.Rule, nil
		}
		if leg.NoDue != nil {
			if f, ok := fault.Of(leg.NoDue); ok {
				w.note(f.Key, f.Args...)
			}
			return w.b.Law.Rule(appeal.Answer, w.c.Of, leg.Registered.Day)
		}
	}
	return w.b.Law.Rule(appeal.Answer, w.c.Of, w.day)
}

// silence cites what the law makes of silence, where that is confirmed.
func (w *writer) silence() {
	due := w.standing.Legs[len(w.standing.Legs)-1].Due
	for _, s := range w.b.Law.Silence {
		switch {
		case due == nil || !s.Holds(due.Day):
		case s.Confidence != appeal.Confirmed:
			w.note("letter.note.silence", locale.Say("letter.law."+string(s.Means)), s.Note)
		default:
			w.cite(s.Source, true)
			w.say(Paragraph, "letter.law."+string(s.Means))
			if len(s.Checked) == 0 {
				w.note("letter.note.silence_unchecked", s.Source.Act)
			}
		}
	}
}

// cite names an act, with its article when a source confirms it; once each, and
// an act alone only where none of its articles was cited before.
func (w *writer) cite(s appeal.Source, confirmed bool) {
	act, in := w.lang.Text(s.Act)
	words := act
	if s.Article != "" && confirmed {
		words = w.t("letter.cite", act, s.Article)
	}
	if slices.Contains(w.cited, words) {
		return
	}
	w.cited = append(w.cited, act, words)
	if in != w.lang {
		w.note("letter.note.fallback", s.Act.In(w.lang), w.lang.Name(), in.Name())
	}
	w.say(Paragraph, "letter.law.cites", words)
}
