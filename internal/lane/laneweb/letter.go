package laneweb

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"kua/internal/appeal"
	"kua/internal/appeal/letter"
	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
)

// The fields of a letter's form. Names and addresses stand in forms alone: in no
// address, no cookie and nothing that the server keeps.
const (
	contactField  = "contact"
	stepField     = "step"
	languageField = "language"
	toField       = "to"      // an authority of the directory,
	bodyField     = "body"    // or a body by its name,
	bodyAtField   = "body_at" // and its address
	nameField     = "name"    // this and the next four: of the citizen
	addressField  = "address"
	emailField    = "email"
	phoneField    = "phone"
	identityField = "identity"
	answerField   = "answer"  // what the authority answered
	verdictField  = "verdict" // what the citizen says of it, in words
)

var letterFields = []string{codeField, stepField, languageField, toField, bodyField, bodyAtField, nameField, addressField, emailField, phoneField,
	identityField, wordsField, answerField, verdictField}

// letterLanguages are those in which letters are written.
var letterLanguages = []locale.Tag{locale.Kazakh, locale.Kyrgyz, locale.Uzbek, locale.UzbekCyrillic, locale.Tajik, locale.Turkmen, locale.Russian}

// lettersAtATime is how many PDFs are set at once by this process.
const lettersAtATime = 2

// typedBody is the id of a body that the holder named; no authority can have it.
const typedBody = ":typed"

// letterForm asks for what a letter needs.
type letterForm struct {
	base
	Step, Name    string
	Form          url.Values // what was typed
	Code          string
	Choices       []named // of languages
	Authorities   []named // to choose from; none: the body is typed, or is the one with which the appeal lies
	To            string  // whom it goes to, when there is nothing to choose
	Typed         bool
	Asks          map[string]ask
	Answered      bool
	Judged        bool
	Doubts        []string
	Trouble, Hint string
	Words, Body   string
}

// ask is what the law asks of a field.
type ask struct {
	Required     bool
	Note, Source string
}

// Value is what was typed into a field.
func (p letterForm) Value(field string) string { return clean(p.Form.Get(field)) }

// letterInput is one field about whoever writes.
type letterInput struct {
	ID, Label, Mode string // Mode: the keyboard of a phone
	Required        bool
	Ask             ask
}

// Fields are those about whoever writes. A law that asks for a contact takes an
// e-mail address or a telephone, so neither alone is demanded by the browser.
func (p letterForm) Fields() []letterInput {
	return []letterInput{
		{nameField, p.T("official.name"), "text", p.Asks["name"].Required, p.Asks["name"]},
		{addressField, p.T("official.address"), "text", p.Asks["address"].Required, p.Asks["address"]},
		{emailField, p.T("official.email"), "email", false, p.Asks["contact"]},
		{phoneField, p.T("official.phone"), "tel", false, ask{}},
		{identityField, p.T("official.identity"), "text", p.Asks["identity"].Required, p.Asks["identity"]},
	}
}

// letterPage shows a letter that was made, before anything is sent. Nothing of it is kept.
type letterPage struct {
	base
	Code       string
	Text       string
	Written    string // in which language
	Notes      []string
	Carried    []hidden
	Ways       []way
	Seals      bool
	CanEntrust bool // no letter of this kind waits
}

// way is how a letter goes, and who says so.
type way struct{ How, Note, Source string }

// ways are those that the law's data knows, each with its footing.
func (w *Web) ways(v *visit, road appeal.Road) (all []way) {
	for _, known := range road.Ways {
		one := way{How: w.cat.T(v.lang, "official.self."+string(known.Kind)), Note: known.Note.In(v.lang)}
		if known.Source != nil {
			one.Source = known.Source.Act.In(v.lang) + " (" + strings.Join(known.Source.Seen, ", ") + ")"
		}
		all = append(all, one)
	}
	return all
}

// step gives the step that a form names, open or not: of two of a kind the open one.
func step(a lane.Appeal, kind string) (appeal.Possible, error) {
	var found *appeal.Possible
	for i, s := range a.Steps {
		if string(s.Step.Kind) == kind && (found == nil || !found.Open) {
			found = &a.Steps[i]
		}
	}
	if found == nil {
		return appeal.Possible{}, fault.NotFound("letter.no_step", clean(kind), a.Road.Country)
	}
	if !found.Open {
		return *found, fault.Conflict("letter.not_yet", locale.Say("letter.title."+kind), a.Today)
	}
	return *found, nil
}

// letterAsk shows the form of a letter.
func (w *Web) letterAsk(v *visit) error { return w.askLetter(v, nil) }

func (w *Web) askLetter(v *visit, trouble error) error {
	h, err := w.held(v)
	if err != nil {
		return w.mistyped(v, err)
	}
	s, err := step(h.appeal, v.form.Get(stepField))
	if err != nil {
		return w.showOfficial(v, "", err)
	}
	kind := string(s.Step.Kind)
	name := w.cat.T(v.lang, "letter.title."+kind)
	p := letterForm{base: w.base(v, "/mine", "official.letter.title", name), Step: kind, Name: name, Form: v.form, Code: h.code, Asks: map[string]ask{},
		Doubts: w.say(v.lang, s.Doubts), Words: h.request.Words}
	if v.form.Has(wordsField) {
		p.Words = clean(v.form.Get(wordsField))
	}
	for _, a := range h.appeal.Road.Asks {
		one := ask{Required: a.Confidence == appeal.Confirmed, Note: a.Note.In(v.lang)}
		if a.Source != nil {
			one.Source = a.Source.Act.In(v.lang) + " (" + strings.Join(a.Source.Seen, ", ") + ")"
		}
		p.Asks[string(a.Field)] = one
	}
	lies := addressee(h)
	switch {
	case s.Step.Kind == appeal.First:
		p.Authorities = authorities(v.router.Directory(), v.lang, cmp.Or(v.form.Get(toField), lies))
	case s.Step.Kind == appeal.Reminder && lies != "":
		p.To = nameIn(h.routers, lies, v.lang)
	default:
		p.Typed = true
		if above := superior(h, lies); s.Step.Kind == appeal.Superior && above != "" {
			p.Body = nameIn(h.routers, above, v.lang)
		}
		if v.form.Has(bodyField) {
			p.Body = clean(v.form.Get(bodyField))
		}
	}
	p.Choices = w.languages(v, h.routers[0], lies)
	p.Answered = s.By == appeal.Unmended
	p.Judged = p.Answered && h.appeal.Says != ""
	if trouble != nil {
		w.refuse(v, &p.base, trouble, &p.Trouble, &p.Hint)
	}
	w.set.Show(v.rw, "letterform", p.Base, p)
	return nil
}

// superior is the body above an authority, "" when the directory names none.
func superior(h held, id string) string {
	a, err := h.routers[0].Authority(id)
	if err != nil {
		return ""
	}
	return a.Parent
}

// languages are those that the authority takes letters in, or its place does; of
// those that letters are written in. One that is chosen stands first.
func (w *Web) languages(v *visit, r *authority.Router, id string) (all []named) {
	takes := r.Directory().Info.Languages
	if a, err := r.Authority(id); err == nil && len(a.Languages) > 0 {
		takes = a.Languages
	}
	chosen := cmp.Or(v.form.Get(languageField), string(v.lang))
	for _, t := range letterLanguages {
		if slices.Contains(takes, t) || t == locale.UzbekCyrillic && slices.Contains(takes, locale.Uzbek) {
			all = append(all, named{ID: string(t), Name: t.Name(), Chosen: string(t) == chosen})
		}
	}
	return all
}

// makeLetter makes the letter of a form, in memory. body is the authority of the
// directory that it goes to, "" for one that the holder named.
func (w *Web) makeLetter(v *visit, h held) (l letter.Letter, body, to string, err error) {
	s, err := step(h.appeal, v.form.Get(stepField))
	if err != nil {
		return l, "", "", err
	}
	lang, known := locale.Parse(v.form.Get(languageField))
	if !known || !slices.Contains(letterLanguages, lang) {
		return l, "", "", fault.Invalid("letter.language", clean(v.form.Get(languageField)))
	}
	c, body, err := w.letterCase(v, h, s, lang)
	if err != nil {
		return l, "", "", err
	}
	to = c.Bodies[c.To[s.Step.Kind]].Names.In(lang)
	l, err = letter.Make(w.cat, c, letter.Basis{Law: h.appeal.Law, Road: h.appeal.Road, Calendar: h.appeal.Calendar}, s.Step.Kind, lang, h.appeal.Today)
	return l, body, to, err
}

// letterCase gathers what a letter is made of: the report, what was entered of
// its appeal, and what stands in the form alone.
func (w *Web) letterCase(v *visit, h held, s appeal.Possible, lang locale.Tag) (c letter.Case, body string, err error) {
	text := func(field string) string { return strings.TrimSpace(oneLineEnd(v.form.Get(field))) }
	c = letter.Case{Country: h.appeal.Law.Country, Description: text(wordsField), Sent: h.appeal.Sent, Bodies: map[string]letter.Body{}, To: map[appeal.StepKind]string{},
		Citizen: letter.Person{Name: text(nameField), Address: text(addressField), Email: text(emailField), Phone: text(phoneField), Identity: text(identityField)},
		Answer:  letter.Answer{Words: text(answerField)}, Verdict: letter.Judged{Says: h.appeal.Says, Words: text(verdictField)}}
	told := w.told(lang, h.routers[1], h.request)
	c.Place = strings.Join(slices.DeleteFunc([]string{told.Area, told.Landmark, told.Point}, func(s string) bool { return s == "" }), ", ")
	if k, err := h.routers[1].Category(h.request.Category); err == nil {
		c.Category = k.Names
	}
	for _, e := range h.appeal.Events {
		c.Events = append(c.Events, letter.Event{Act: e.Act, Day: e.Day, By: e.By, Authority: e.Authority, Number: e.Number, Until: e.Until, Reason: e.Reason})
		w.addBody(&c, h.routers, e.Authority, lang)
	}
	body = addressee(h)
	switch {
	case s.Step.Kind == appeal.First:
		if body = v.form.Get(toField); body == "" {
			return c, "", fault.Invalid("letter.no_recipient", locale.Say("letter.title."+string(s.Step.Kind)))
		}
		if _, err := h.routers[0].Authority(body); err != nil {
			return c, "", err
		}
	case s.Step.Kind == appeal.Reminder && body != "":
	default: // it lies with one that no directory has, or goes beyond
		body = ""
		if text(bodyField) == "" {
			return c, "", fault.Invalid("letter.no_recipient", locale.Say("letter.title."+string(s.Step.Kind)))
		}
		c.Bodies[typedBody] = letter.Body{Names: locale.Texts{string(lang): text(bodyField), "en": text(bodyField)}, Address: text(bodyAtField)}
		c.To[s.Step.Kind] = typedBody
		return c, "", nil
	}
	w.addBody(&c, h.routers, body, lang)
	c.To[s.Step.Kind] = body
	return c, body, nil
}

func (w *Web) addBody(c *letter.Case, routers []*authority.Router, id string, lang locale.Tag) {
	for _, r := range routers {
		if names := r.AuthorityNames(id); names != nil {
			c.Bodies[id] = letter.Body{Names: names}
			return
		}
	}
	if id != "" {
		c.Bodies[id] = letter.Body{Names: locale.Texts{"en": w.whoIn(nil, id, lang)}}
	}
}

// letterLook shows a letter and what can be done with it.
func (w *Web) letterLook(v *visit) error {
	h, err := w.held(v)
	if err != nil {
		return w.mistyped(v, err)
	}
	l, _, _, err := w.makeLetter(v, h)
	if err != nil {
		return w.letterAgain(v, err)
	}
	p := letterPage{base: w.base(v, "/mine", "official.letter.made", w.cat.T(v.lang, "letter.title."+string(l.Kind))), Code: h.code, Text: l.Text(), Written: l.Lang.HTML(), Notes: w.say(v.lang, slices.DeleteFunc(l.Notes, func(n locale.Sentence) bool { return n.Key == "letter.note.read" })),
		Ways: w.ways(v, h.appeal.Road), Seals: w.lane.Seals()}
	p.Notes = append(p.Notes, p.T("official.read")) // the letter's own word for it is of case files
	for _, field := range letterFields {
		if value := v.form.Get(field); value != "" {
			p.Carried = append(p.Carried, hidden{field, clean(value)})
		}
	}
	waiting, err := w.lane.Waiting(v.Context(), h.id)
	if err != nil {
		return err
	}
	p.CanEntrust = p.Seals && !slices.ContainsFunc(waiting, func(e lane.SealedLetter) bool { return e.Step == string(l.Kind) })
	w.set.Show(v.rw, "letter", p.Base, p)
	return nil
}

// letterAgain shows the form once more for what its writer can mend.
func (w *Web) letterAgain(v *visit, err error) error {
	if !mendable(err) {
		return err
	}
	return w.askLetter(v, err)
}

// pdf sets a letter, a few at a time: it is the most work that a page here asks for.
func (w *Web) pdf(l letter.Letter) ([]byte, error) {
	select {
	case w.setting <- struct{}{}:
		defer func() { <-w.setting }()
		return l.PDF()
	default:
		return nil, fault.Later("official.busy")
	}
}

// letterPDF gives a letter as a file to keep. It is made anew from the form.
func (w *Web) letterPDF(v *visit) error { return w.letterFile(v, "application/pdf", "pdf", w.pdf) }

// letterText is letterPDF for plain text.
func (w *Web) letterText(v *visit) error {
	return w.letterFile(v, "text/plain; charset=utf-8", "txt", func(l letter.Letter) ([]byte, error) { return []byte(l.Text()), nil })
}

func (w *Web) letterFile(v *visit, kind, ending string, write func(letter.Letter) ([]byte, error)) error {
	h, err := w.held(v)
	if err != nil {
		return w.mistyped(v, err)
	}
	l, _, _, err := w.makeLetter(v, h)
	if err != nil {
		return w.letterAgain(v, err)
	}
	content, err := write(l)
	if err != nil {
		return w.letterAgain(v, err)
	}
	v.rw.Header().Set("Content-Type", kind)
	v.rw.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-%s.%s"`, l.Kind, l.Lang.Path(), ending))
	v.rw.Header().Set("Content-Length", strconv.Itoa(len(content)))
	_, err = v.rw.Write(content)
	return err
}

// entrust seals a letter to the collective, which is to send it.
func (w *Web) entrust(v *visit) error {
	h, err := w.held(v)
	if err != nil {
		return w.mistyped(v, err)
	}
	if err := w.knownAndFew(v); err != nil {
		return w.letterAgain(v, err)
	}
	l, body, to, err := w.makeLetter(v, h)
	if err != nil {
		return w.letterAgain(v, err)
	}
	pdf, err := w.pdf(l)
	if err != nil {
		return w.letterAgain(v, err)
	}
	err = w.lane.Entrust(v.Context(), h.code, lane.Letter{Step: l.Kind, Body: body, To: to, Language: l.Lang, Text: l.Text(), PDF: pdf, Contact: v.form.Get(contactField)})
	if err != nil && !mendable(err) {
		return err
	}
	thanks := ""
	if err == nil {
		thanks = w.cat.T(v.lang, "official.entrusted")
	}
	return w.showOfficial(v, thanks, err)
}
