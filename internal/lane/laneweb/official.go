package laneweb

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"kua/internal/appeal"
	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/page"
)

// officialPage is where a holder makes their report official and keeps its times.
// It is reached with the code, which stands in no address.
type officialPage struct {
	base
	Code          string
	Case          int64
	See           string // address of the case
	Track         track
	Entries       []entryLine
	Seen          int
	Open, Shut    []stepLine // steps that can be taken today, and those that cannot
	Acts          []string   // that can be entered now
	Judged        bool       // the answer can be judged
	Authorities   []named
	Kinds         []named // of letters that can have gone out
	Today         string
	Waiting       []waiting
	Thanks        string // what was just done
	Trouble, Hint string
	Typed         typedEntry // an entry that was not taken
}

// dayField is a field for a day that is over or today.
type dayField struct {
	P                    base
	ID, Name, Max, Typed string
}

// DayField gives a field for the day of an entry to the template that shows it.
func (p officialPage) DayField(form string) dayField {
	return dayField{p.base, "day-" + form, "day", p.Today, p.Typed.day(form)}
}

// Picked reports the authority that stands chosen in the form of an act.
func (p officialPage) Picked(act string, n named) bool {
	if p.Typed.Form == act {
		return n.ID == p.Typed.Authority
	}
	return n.Chosen && act == string(appeal.Submitted)
}

// Elsewhere stands for a body that is not among the authorities.
func (p officialPage) Elsewhere() named {
	return named{ID: lane.Elsewhere, Name: p.T("official.elsewhere")}
}

// Verdicts are what a holder can say of an appeal's answer.
func (officialPage) Verdicts() []string { return []string{"mended", "partly", "not"} }

// typedEntry is what was typed of an entry of a formal appeal and not taken, so that it need
// not be typed again.
type typedEntry struct {
	Form                                 string // the act, "says" or "sent": by which form; "": by none
	Day, Until, Authority, Number, Words string
	Says, Sent                           string
}

func (t typedEntry) day(form string) string {
	if t.Form == form {
		return t.Day
	}
	return ""
}

// entryTyped reads it; its words stand in the field that is named.
func entryTyped(form url.Values, words string) (t typedEntry) {
	if t.Form = form.Get("act"); t.Form == "" {
		for _, name := range []string{"says", "sent"} {
			if form.Has(name) {
				t.Form = name
			}
		}
	}
	if t.Form == "" {
		return t
	}
	t.Day, t.Until, t.Authority, t.Says, t.Sent = form.Get("day"), form.Get("until"), form.Get("authority"), form.Get("says"), form.Get("sent")
	t.Number, t.Words = clean(form.Get("number")), clean(form.Get(words))
	return t
}

// entryLine is something that was entered.
type entryLine struct {
	Number int64
	Said   string
	Reason string
	Voided bool
	Mine   bool // its reader entered it and can say that it was a mistake

	Contest bool // an authority entered it, and its reader can say that it did not happen
	Lost    bool // what the authority wrote to its reader does not open
}

// stepLine is a step of the road: why it can be taken or not, and what is not sure.
type stepLine struct {
	Kind, Name  string
	Why, Doubts []string
	Note        string
	Source      string
}

// about is a step for the template that gives its reasons.
type about struct {
	P    base
	Step stepLine
}

// About gives a step to the template that shows its reasons.
func (p officialPage) About(s stepLine) about { return about{p.base, s} }

// waiting is a letter that the collective has not sent yet.
type waiting struct {
	Number    int64
	Name, Day string
}

// held is what an act of the holder of a code works on.
type held struct {
	code    string
	id      int64
	request lane.Request
	routers []*authority.Router // the newest, and the one that the request was routed by
	appeal  lane.Appeal
}

// held finds what a code in the form belongs to.
func (w *Web) held(v *visit) (h held, err error) {
	h.code = v.form.Get(codeField)
	if h.id, err = w.lane.Held(v.Context(), h.code); err != nil {
		return h, err
	}
	if h.request, err = w.lane.Request(v.Context(), h.id); err != nil {
		return h, err
	}
	if h.request.Matter != lane.Report {
		return h, fault.Conflict("lane.no_appeal", h.id)
	}
	router, err := w.lane.RouterOf(v.Context(), h.request)
	if err != nil {
		return h, err
	}
	h.routers = []*authority.Router{v.router, router}
	h.appeal, err = w.lane.Appeal(v.Context(), h.id, h.code)
	return h, err
}

// official shows the page of the appeal.
func (w *Web) official(v *visit) error { return w.showOfficial(v, "", nil) }

// showOfficial shows the page, what was just done, and why something was not taken.
func (w *Web) showOfficial(v *visit, thanks string, trouble error) error {
	h, err := w.held(v)
	if f, ok := fault.Of(err); ok && (f.Key == "lane.bad_code" || f.Key == "lane.unknown_code") {
		return w.mistyped(v, err)
	}
	if err != nil {
		return err
	}
	p := officialPage{base: w.base(v, "/mine", "official.title", h.id), Code: h.code, Case: h.id, Seen: len(h.appeal.Entries), Today: string(h.appeal.Today),
		Track: w.trackOf(v, h.routers, h.appeal, true), Thanks: thanks}
	p.See = p.At("/case/" + strconv.FormatInt(h.id, 10))
	for _, e := range h.appeal.Entries {
		p.Entries = append(p.Entries, w.entryLine(v, h.routers, e, h.appeal.Contests(e)))
	}
	for _, s := range h.appeal.Steps {
		if s.Open {
			p.Open = append(p.Open, w.stepLine(v, s))
		} else {
			p.Shut = append(p.Shut, w.stepLine(v, s))
		}
	}
	p.Acts, p.Judged = offered(h.appeal)
	p.Authorities = authorities(v.router.Directory(), v.lang, addressee(h))
	for _, k := range appeal.StepKinds[1:] {
		p.Kinds = append(p.Kinds, named{ID: string(k), Name: p.T("letter.title." + string(k))})
	}
	letters, err := w.lane.Waiting(v.Context(), h.id)
	if err != nil {
		return err
	}
	for _, l := range letters {
		p.Waiting = append(p.Waiting, waiting{l.Number, p.T("letter.title." + l.Step), p.Date(l.Day)})
	}
	if trouble != nil {
		p.Typed = entryTyped(v.form, "reason")
		w.refuse(v, &p.base, trouble, &p.Trouble, &p.Hint)
	}
	w.set.Show(v.rw, "official", p.Base, p)
	return nil
}

// refuse begins an answer that says why something was not taken.
func (w *Web) refuse(v *visit, b *base, err error, trouble, hint *string) {
	*trouble, *hint = b.Fault(err)
	if f, ok := fault.Of(err); ok && strings.HasPrefix(f.Key, "letter.") {
		*hint = b.T("official.letter.mend") // the letters' own hints are for case files

		if f.Key == "letter.not_yet" || f.Key == "letter.no_step" { // the page below says what is possible
			*hint = ""
		}
	}
	b.Title = *trouble
	writeStatus(v.rw, page.Status(err))
}

// mendable reports what the writer of a form can put right.
func mendable(err error) bool {
	f, ok := fault.Of(err)
	return ok && slices.Contains([]fault.Kind{fault.KindInvalid, fault.KindConflict, fault.KindNotFound, fault.KindTooLarge, fault.KindLater}, f.Kind)
}

// addressee is the authority that an appeal lies with or would go to: of the
// newest directory, "" where it has none for it.
func addressee(h held) string {
	id := ""
	if n := len(h.appeal.Standing.Legs); n > 0 {
		id = h.appeal.Standing.Legs[n-1].Authority
	}
	for _, a := range h.request.Assignments {
		if id == "" && a.State.Open() {
			id = a.Authority
		}
	}
	if _, err := h.routers[0].Authority(id); err != nil {
		return ""
	}
	return id
}

// authorities lists the authorities of a directory.
func authorities(d authority.Directory, lang locale.Tag, chosen string) (all []named) {
	for _, a := range d.Authorities {
		all = append(all, named{ID: a.ID, Name: a.Names.In(lang), Chosen: a.ID == chosen})
	}
	return all
}

// offered says which acts a page offers to enter. It is the lane that holds them
// against the road; here only what makes no sense to anybody is left out.
func offered(a lane.Appeal) (acts []string, judged bool) {
	if len(a.Standing.Legs) == 0 {
		return []string{string(appeal.Submitted)}, false
	}
	last := a.Standing.Legs[len(a.Standing.Legs)-1]
	if last.Closed != "" {
		return nil, last.Closed == appeal.Answered
	}
	if last.Delivered.Day == "" {
		acts = append(acts, string(appeal.Delivered))
	}
	if last.Registered.Day == "" {
		acts = append(acts, string(appeal.Registered))
	} else if last.Extension == nil {
		acts = append(acts, string(appeal.Extended))
	}
	if last.Registered.Day != "" || last.Delivered.Day != "" {
		acts = append(acts, string(appeal.Forwarded), string(appeal.Answered))
	}
	return append(acts, string(appeal.Withdrawn)), false
}

func (w *Web) entryLine(v *visit, routers []*authority.Router, e lane.Entry, contests bool) entryLine {
	l := entryLine{Number: e.Number, Voided: e.Voided, Mine: e.Voidable(), Contest: e.By == appeal.ByAuthority, Lost: e.Lost, Reason: e.Note.Reason}
	by := locale.Say("letter.by." + string(e.By))
	key, args := "letter.time."+string(e.Act), []any{e.Day, by}
	switch {
	case contests:
		key, args = "official.contests", []any{e.Entered, e.Voids}
	case e.Voids != 0:
		key, args = "official.voids", []any{e.Entered, e.Voids}
	case e.Sent != "":
		key, args = "letter.time.sent", []any{e.Day, locale.Say("letter.title." + string(e.Sent))}
	case e.Says != "":
		key, args = "official.said", []any{e.Day, locale.Say("letter.verdict." + string(e.Says))}
	case e.Act == appeal.Submitted || e.Act == appeal.Forwarded:
		args = []any{e.Day, w.whoIn(routers, e.Authority, v.lang), by}
	case e.Act == appeal.Registered && e.Note.Number != "":
		key, args = "letter.time.numbered", []any{e.Day, e.Note.Number, by}
	case e.Act == appeal.Extended:
		args = []any{e.Day, e.Until, by}
	}
	l.Said = w.cat.Say(v.lang, locale.Say(key, args...))
	return l
}

func (w *Web) stepLine(v *visit, s appeal.Possible) stepLine {
	l := stepLine{Kind: string(s.Step.Kind), Name: w.cat.T(v.lang, "letter.title."+string(s.Step.Kind)),
		Why: w.say(v.lang, s.Why), Doubts: w.say(v.lang, s.Doubts), Note: s.Step.Note.In(v.lang)}
	if src := s.Step.Source; src != nil {
		l.Source = src.Act.In(v.lang)
		if src.Article != "" {
			l.Source = w.cat.T(v.lang, "letter.cite", l.Source, src.Article)
		}
		if len(src.Seen) > 0 {
			l.Source += " (" + strings.Join(src.Seen, ", ") + ")"
		}
	}
	return l
}

// knownAndFew refuses a code that nobody has, before it uses up anybody's budget,
// and then whatever is too much for an hour, of such on its report or on all together.
func (w *Web) knownAndFew(v *visit) error {
	who, err := w.lane.Who(v.Context(), v.form.Get(codeField))
	if err != nil {
		return err
	}
	by := lane.BySupporter
	if who.Holder {
		by = lane.ByHolder
	}
	return w.takeAct(v, who.Request, by)
}

// contact keeps how the collective can reach a holder, or takes it away.
func (w *Web) contact(v *visit) error {
	if err := w.knownAndFew(v); err != nil {
		return w.notBegun(v, err)
	}
	err := w.lane.Contact(v.Context(), v.form.Get(codeField), v.form.Get(contactField))
	if f, ok := fault.Of(err); ok && (f.Key == "lane.contact" || f.Key == "lane.no_charter") {
		return w.showMine(v, err)
	}
	if err != nil {
		return w.mistyped(v, err)
	}
	return w.taken(v)
}

// attest enters something that happened to the appeal, or that an entry was a mistake.
func (w *Web) attest(v *visit) error {
	seen, err := strconv.ParseInt(v.form.Get("seen"), 10, 64)
	if err != nil {
		return fault.Invalid("laneweb.bad_form")
	}
	if err := w.knownAndFew(v); tooMuch(err) {
		return w.showOfficial(v, "", err)
	} else if err != nil {
		return w.mistyped(v, err)
	}
	e := lane.Entry{Act: appeal.Act(v.form.Get("act")), Day: appeal.Day(v.form.Get("day")), Authority: v.form.Get("authority"), Until: appeal.Day(v.form.Get("until")),
		Sent: appeal.StepKind(v.form.Get("sent")), Says: appeal.Verdict(v.form.Get("says")),
		Note: lane.Note{Number: strings.TrimSpace(v.form.Get("number")), Reason: oneLineEnd(v.form.Get("reason"))}}
	if voids := v.form.Get("voids"); voids != "" {
		if e.Voids, err = strconv.ParseInt(voids, 10, 64); err != nil || e.Voids <= 0 {
			return fault.Invalid("laneweb.bad_form")
		}
	}
	if err = w.lane.Attest(v.Context(), v.form.Get(codeField), seen, e); err != nil && !mendable(err) {
		return err
	}
	thanks := ""
	if err == nil {
		thanks = w.cat.T(v.lang, "official.entered")
	}
	return w.showOfficial(v, thanks, err)
}

// takeBack takes a letter back that the collective has not sent yet.
func (w *Web) takeBack(v *visit) error {
	number, err := strconv.ParseInt(v.form.Get("letter"), 10, 64)
	if err != nil {
		return fault.Invalid("laneweb.bad_form")
	}
	err = w.lane.TakeBack(v.Context(), v.form.Get(codeField), number)
	if err != nil && !mendable(err) {
		return err
	}
	return w.showOfficial(v, "", err)
}

// keptContact is when a holder's contact was kept, for their page; "" for none.
func (w *Web) keptContact(v *visit, id int64) (string, error) {
	day, err := w.lane.ContactSince(v.Context(), id)
	if err != nil || day == "" {
		return "", err
	}
	return v.lang.Date(string(day)), nil
}
