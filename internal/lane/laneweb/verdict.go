package laneweb

import (
	"net/url"
	"strconv"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
)

// asking is an answer that somebody with a code is asked about.
type asking struct {
	Assignment, Answer      int64
	Authority, State, Since string
	Question, Weight        string // Weight: what this person's word does
	Refusal, Late           bool
	Said                    string // what they said of it before
	Words                   []named
	Adding, Danger          string // what was typed and not taken
	Photos                  []shot // that came with it, as everybody would see it
	Look                    bool   // it is to be looked at before anything is said
}

// outcomeLine is what came of a report, as everybody sees it.
type outcomeLine struct {
	What, On, By, Link, Host string
	Struck                   bool
}

// judged adds to a case what people say of the answers, as what it is counted,
// and what came of it.
func (w *Web) judged(v *visit, p *casePage, r lane.Request, beside lane.Beside) (err error) {
	var said map[int64]lane.Said
	if beside.Verdicts {
		if said, err = w.lane.Verdicts(v.Context(), r.ID); err != nil {
			return err
		}
	}
	for i, a := range r.Assignments {
		s := said[a.Number]
		lines, err := w.standing(v, r, a, s)
		if err != nil {
			return err
		}
		if s.Holder != "" {
			lines = append(lines, p.T("laneweb.verdict.writer", w.word(v.lang, r.Matter, s.Holder)))
		}
		if len(s.Others) > 0 {
			lines = append(lines, w.of(v.lang, r.Matter, "verdict.others", s.Others[lane.SaysMended], s.Others[lane.SaysPartly], s.Others[lane.SaysNot]))
		}
		p.Parts[i].Lines = lines
		p.Ask = p.Ask || a.State == lane.Mended || a.State == lane.Refused
	}
	if !beside.Outcomes {
		return nil
	}
	outcomes, err := w.lane.Outcomes(v.Context(), r.ID)
	for _, o := range outcomes[r.ID] {
		p.Outcomes = append(p.Outcomes, outcomeLine{What: p.T("laneweb.outcome." + string(o.What)), On: p.Date(string(o.On)), By: p.T("laneweb.by." + string(o.Attests)),
			Link: o.Link, Host: host(o.Link), Struck: o.Struck != 0})
	}
	return err
}

func (w *Web) word(lang locale.Tag, m lane.Matter, word lane.Word) string {
	return w.of(lang, m, "verdict.word."+string(word))
}

// host is where a link leads, for whoever decides whether to follow it.
func host(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return u.Host
}

// act fills a line of the history for what moves nothing: a verdict, an outcome.
func (w *Web) act(lang locale.Tag, m lane.Matter, e lane.Event, l *line) {
	switch {
	case e.Verdict != "":
		l.State = w.cat.T(lang, "laneweb.verdict.line", w.word(lang, m, e.Verdict), e.Answer)
	case e.Outcome != "":
		l.State, l.Link = w.cat.T(lang, "laneweb.outcome.line", w.cat.T(lang, "laneweb.outcome."+string(e.Outcome))), e.Link
	case e.Strikes != 0:
		l.State = w.cat.T(lang, "laneweb.outcome.struck", e.Strikes)
	case e.Source != "":
		l.State, l.Number = w.cat.T(lang, "laneweb.imported.line", e.Source, e.Reference), ""
	}
}

// asking gives the questions to whoever came back with a code, with what they
// typed before and was not taken.
func (w *Web) asking(v *visit, who lane.Who, c *casePage) (all []asking, err error) {
	for _, a := range who.Asked {
		one := asking{Assignment: a.Assignment, Answer: a.Answer, Authority: authorityName(v.router, a.Authority, v.lang), Refusal: a.State == lane.Refused,
			State: w.of(v.lang, c.Matter, "state."+string(a.State)), Question: w.of(v.lang, c.Matter, "verdict.question"), Since: c.Date(string(a.Since)), Late: a.Late}
		one.Weight = w.of(v.lang, c.Matter, map[bool]string{true: "verdict.holder", false: "verdict.supporter"}[who.Holder])
		if a.Said != "" {
			one.Said = w.word(v.lang, c.Matter, a.Said)
		}
		mine := v.form.Get("assignment") == strconv.FormatInt(a.Assignment, 10)
		if mine {
			one.Adding, one.Look = clean(v.form.Get(wordsField)), v.photoTaken && v.photoTrouble == nil
			if one.Photos, err = w.drafted(v, c.base, newest(chosen(v.form))); err != nil {
				return nil, err
			}
		}
		for _, word := range lane.VerdictWords {
			one.Words = append(one.Words, named{ID: string(word), Name: w.word(v.lang, c.Matter, word), Chosen: mine && v.form.Get("says") == string(word)})
		}
		all = append(all, one)
	}
	return all, nil
}

// newest is the last of some pictures: one chosen anew takes the place of the one before.
func newest(pictures []string) []string { return pictures[max(len(pictures)-1, 0):] }

// returned puts what was typed and not taken back where it was typed.
func (p *minePage) returned(form url.Values) {
	if p.Telling = form.Has("what"); p.Telling {
		p.On, p.Link = clean(form.Get("on")), clean(form.Get("link"))
	}
	if !form.Has("assignment") {
		return
	}
	for i, a := range p.Asked {
		if form.Get("assignment") == strconv.FormatInt(a.Assignment, 10) {
			p.Asked[i].Danger = p.Danger
		}
	}
	p.Danger, p.Adding = "", ""
}

// judge keeps what somebody says of an answer. A photo that comes with it is first
// shown as everybody would see it; nothing is said by the form that brings it.
func (w *Web) judge(v *visit) error {
	assignment, err1 := strconv.ParseInt(v.form.Get("assignment"), 10, 64)
	answer, err2 := strconv.ParseInt(v.form.Get("answer"), 10, 64)
	if err1 != nil || err2 != nil {
		return fault.Invalid("laneweb.bad_form")
	}
	if v.photoTaken || v.photoTrouble != nil {
		if _, err := w.lane.Who(v.Context(), v.form.Get(codeField)); err != nil {
			return w.mistyped(v, err)
		}
		return w.showMine(v, v.photoTrouble)
	}
	said := lane.Verdict{Code: v.form.Get(codeField), Assignment: assignment, Answer: answer, Says: lane.Word(v.form.Get("says")),
		Words: oneLineEnd(v.form.Get(wordsField)), Aware: v.form.Get(awareField) == "yes"}
	for _, hash := range newest(chosen(v.form)) {
		said.Picture = hash
	}
	return w.holderAct(v, func() error { return w.lane.Judge(v.Context(), said) })
}

// outcome keeps what the holder says came of it.
func (w *Web) outcome(v *visit) error {
	return w.holderAct(v, func() error {
		return w.lane.AddHolderOutcome(v.Context(), v.form.Get(codeField),
			lane.Outcome{What: lane.Result(v.form.Get("what")), Link: oneLineEnd(v.form.Get("link")), On: appeal.Day(v.form.Get("on"))})
	})
}

// holderAct does an act of somebody with a code and shows their page again.
func (w *Web) holderAct(v *visit, act func() error) error {
	if err := w.knownAndFew(v); err != nil {
		return w.notBegun(v, err)
	}
	return w.heard(v, act())
}

// heard shows the page of somebody with a code after what they said there, with the
// reason where it was not taken.
func (w *Web) heard(v *visit, err error) error {
	f, ok := fault.Of(err)
	switch {
	case err == nil:
		return w.taken(v)
	case ok && (f.Kind == fault.KindInvalid || f.Kind == fault.KindConflict || f.Kind == fault.KindForbidden) && f.Key != "lane.bad_code":
		return w.showMine(v, err)
	}
	return w.mistyped(v, err)
}

// results are the outcomes to choose from.
func (w *Web) results(v *visit) (all []named) {
	for _, r := range lane.Results {
		all = append(all, named{ID: string(r), Name: w.cat.T(v.lang, "laneweb.outcome."+string(r)), Chosen: v.form.Get("what") == string(r)})
	}
	return all
}

// Given is the answer that is asked about: the line of the history with a number.
func (p minePage) Given(number int64) line {
	if number < 1 || number > int64(len(p.Case.History)) {
		return line{}
	}
	return p.Case.History[number-1]
}
