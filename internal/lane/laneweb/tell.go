package laneweb

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
	"kua/internal/page"
)

const maxQuery = 100 // letters

// whatPage lets choose a category; one of the sealed lane leads there.
type whatPage struct {
	base
	Query      string
	Area       string // in which it is told, where that is known already
	Categories []choice
}

type choice struct {
	named
	Href   string
	Sealed bool
}

func (w *Web) what(v *visit) error {
	query := cut(v.URL.Query().Get("q"))
	p := whatPage{base: w.base(v, "/tell", "laneweb.what"), Query: query, Area: v.place()}
	at := ""
	if p.Area != "" {
		at = "?" + url.Values{areaField: {p.Area}}.Encode()
	}
	d := v.router.Directory()
	var below func(parent string, depth int)
	below = func(parent string, depth int) {
		for _, k := range d.Categories {
			if k.Parent != parent {
				continue
			}
			if query == "" || matches(k.Names, query) {
				c := choice{named{k.ID, k.Names.In(v.lang), depth, false}, p.At("/tell/" + k.ID + at), k.Sealed}
				if k.Sealed {
					c.Href = p.Sealed
				}
				p.Categories = append(p.Categories, c)
			}
			if k.ID != parent && depth < len(d.Categories) {
				below(k.ID, depth+1)
			}
		}
	}
	below("", 0)
	w.set.Show(v.rw, "what", p.Base, p)
	return nil
}

// place is the area that a page's address names, or "".
func (v *visit) place() string {
	a, err := v.router.Area(v.URL.Query().Get(areaField))
	if err != nil {
		return ""
	}
	return a.ID
}

// matches reports names, in any language, that hold each word of a query.
func matches(names locale.Texts, query string) bool {
	var all []string
	for _, name := range names {
		all = append(all, locale.Keyboard(locale.Fold(name)))
	}
	for _, word := range locale.Words(query) {
		if !slices.ContainsFunc(all, func(name string) bool { return strings.Contains(name, locale.Keyboard(word)) }) {
			return false
		}
	}
	return true
}

// cut makes a stranger's words short and well formed.
func cut(s string) string {
	letters := []rune(strings.TrimSpace(strings.ToValidUTF8(s, "")))
	return strings.ReplaceAll(string(letters[:min(len(letters), maxQuery)]), "\x00", "")
}

// category gives the category of the address. One of the sealed lane gives the
// fault lane.sealed, whose page leads there.
func (v *visit) category() (authority.Category, error) {
	category, err := v.router.Category(v.PathValue("category"))
	if err == nil && category.Sealed {
		err = fault.Conflict("lane.sealed", category.ID)
	}
	return category, err
}

// formPage asks where and what. The code is made with the form, so that whatever
// is done with it afterwards, twice or going back, makes one report.
type formPage struct {
	base
	Category                     named
	Code, Words, Landmark, Point string
	Area                         chooser
	Questions                    []question
	Coarse, Held                 bool
	Map                          *picker // while it is open
	Photos                       []shot  // that are cleaned already
	MorePhotos                   bool
	NoPhotos                     bool   // they cannot be cleaned here
	Trouble, Hint                string // why it was not taken
	Missing                      []link // what was left out of it, and where it stands
}

func (w *Web) form(v *visit) error {
	category, err := v.category()
	if err != nil {
		return err
	}
	if v.Method == http.MethodGet {
		v.form = url.Values{areaField: {v.place()}}
	}
	return w.ask(v, category, v.photoTrouble)
}

// ask shows the form with what was written in it and why it was not taken.
func (w *Web) ask(v *visit, category authority.Category, trouble error) error {
	name := category.Names.In(v.lang)
	b := w.base(v, "/tell/"+category.ID, "laneweb.form", name)
	picker := w.onMap(v, b)
	p := formPage{base: b, Map: picker, Category: named{ID: category.ID, Name: name},
		Code: v.form.Get(codeField), Words: clean(v.form.Get(wordsField)), Landmark: clean(v.form.Get(landmarkField)), Point: clean(v.form.Get(pointField)),
		Area:      w.chooser(v, b, v.form, chooser{ID: "area", Empty: "laneweb.choose", Post: b.At("/tell/"+category.ID) + "#area"}),
		Questions: questions(category, v.lang, v.form), Coarse: category.Visibility == authority.Coarse, Held: category.Visibility == authority.Held}
	if lane.CheckCode(p.Code) != nil {
		p.Code = lane.NewCode()
	}
	var err error
	if p.Photos, err = w.drafted(v, p.base, chosen(v.form)); err != nil {
		return err
	}
	p.NoPhotos, p.MorePhotos = !w.lane.TakesPictures(), len(p.Photos) < lane.MaxPictures
	status := 0
	if trouble != nil {
		if status = page.Status(trouble); incomplete(trouble) {
			p.Missing = missing(p.base, v.form, category)
		}
		p.Trouble, p.Hint = p.Fault(calledByName(trouble, category, v.lang))
		if len(p.Missing) > 0 {
			p.Trouble, p.Hint = p.T("laneweb.missing"), ""
		}
		p.Title = p.Trouble
	}
	w.showUnder(v, wherePolicy, "form", p.Base, p, status)
	return nil
}

// incomplete reports the fault of a draft in which something can have been left out.
func incomplete(err error) bool {
	f, ok := fault.Of(err)
	return ok && slices.Contains([]string{"lane.text", "lane.place", "lane.answer"}, f.Key)
}

// missing is all that a form needs and does not have, in its order, so that it is told at once.
func missing(b base, form url.Values, category authority.Category) (all []link) {
	if form.Get(areaField) == "" && strings.TrimSpace(form.Get(pointField)) == "" {
		all = append(all, link{"#area", b.T("laneweb.where")})
	}
	for _, q := range category.Questions {
		if q.Required && strings.TrimSpace(form.Get(questionField+q.ID)) == "" {
			all = append(all, link{"#" + questionField + q.ID, q.Names.In(b.Lang)})
		}
	}
	if strings.TrimSpace(form.Get(wordsField)) == "" {
		all = append(all, link{"#words", b.T("laneweb.words")})
	}
	return all
}

// calledByName puts the name of a question into the fault of its answer, which has its id.
func calledByName(err error, category authority.Category, lang locale.Tag) error {
	f, ok := fault.Of(err)
	if !ok || f.Key != "lane.answer" || len(f.Args) == 0 {
		return err
	}
	for _, q := range category.Questions {
		if f.Args[0] == q.ID {
			return fault.Invalid(f.Key, q.Names.In(lang))
		}
	}
	return err
}

// clean makes a text that was refused fit to be shown again.
func clean(s string) string { return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD") }

// reviewPage shows what everybody will see, before anything is kept.
type reviewPage struct {
	base
	Category    named
	Told        told
	Held        bool     // nobody sees it before it was looked at
	Causes      []string // why
	To, Falls   string   // who is bound; who gets it when nobody is
	Why, Doubts []string
	Danger      string
	Near        []near
	Carried     []hidden
	Code        string
	Unaware     bool // it was sent without saying that the danger is known
	Work        *work
	Trouble     string // why it was not taken
	Hint        string
}

// Both gives the page and what is told to the template that shows it.
func (p reviewPage) Both() sheet { return sheet{p.base, p.Told} }

type near struct {
	ID               int64
	Href, Words, Day string
	In               string
	Metres           string
}

func (w *Web) review(v *visit) error {
	category, err := v.category()
	if err != nil {
		return err
	}
	d, err := readDraft(v.form, category, v.lang, v.router)
	if err != nil {
		return w.again(v, category, err)
	}
	if v.photoTrouble != nil {
		return w.ask(v, category, v.photoTrouble) // whatever its kind: the words must not be lost
	}
	return w.look(v, category, d, false, nil)
}

// again shows the form once more for what its writer can mend.
func (w *Web) again(v *visit, category authority.Category, err error) error {
	if f, ok := fault.Of(err); ok && (f.Kind == fault.KindInvalid || f.Key == "lane.no_picture") {
		return w.ask(v, category, err)
	}
	return err
}

func (w *Web) look(v *visit, category authority.Category, d lane.Draft, unaware bool, trouble error) error {
	known, err := w.lane.Review(v.Context(), d)
	if err != nil {
		return w.again(v, category, err)
	}
	nearby, err := w.lane.Nearby(v.Context(), d)
	if err != nil {
		return err
	}
	name := category.Names.In(v.lang)
	p := reviewPage{base: w.base(v, "/tell/"+category.ID, "laneweb.review"), Category: named{ID: category.ID, Name: name}, Code: d.Code, Unaware: unaware,
		Held: known.Hidden, Causes: w.causes(v.lang, known.Causes, false), Why: w.say(v.lang, known.Routing.Why), Doubts: w.say(v.lang, known.Routing.Doubts),
		Danger: strings.Join(known.Danger, ", "), Carried: carried(v.form, category)}
	if len(d.Pictures) > 0 {
		p.Title = p.T("laneweb.review.photos")
	}
	p.Told = w.told(v.lang, v.router, lane.Request{Category: d.Category, Language: d.Language, Words: d.Words, Landmark: d.Landmark, Answers: d.Answers,
		Area: known.Routing.Areas[0], Place: known.Place, Visibility: category.Visibility})
	if p.Told.Photos, err = w.drafted(v, p.base, d.Pictures); err != nil {
		return err
	}
	p.To, p.Falls = authorityName(v.router, known.Routing.Authority, v.lang), authorityName(v.router, known.Routing.Fallback, v.lang)
	for _, n := range nearby {
		one := near{ID: n.Request.ID, Href: p.At("/case/" + strconv.FormatInt(n.Request.ID, 10)), Words: short(n.Request.Words), Day: p.Date(string(n.Request.Day))}
		if n.Request.Language != v.lang {
			one.In = n.Request.Language.HTML()
		}
		if n.Metres >= 0 {
			one.Metres = strconv.Itoa(int(n.Metres/10+0.5) * 10)
		}
		p.Near = append(p.Near, one)
	}
	if p.Work, err = w.asks(v, d.Code); err != nil {
		return err
	}
	if trouble != nil {
		p.Trouble, p.Hint = p.Fault(trouble)
	}
	return w.showReview(v, p, trouble)
}

func authorityName(r *authority.Router, id string, lang locale.Tag) string {
	return nameIn([]*authority.Router{r}, id, lang)
}

// authority names one that has to do with a request: by the directory by which that was routed or,
// where it came to it later, by the newest.
func (v *visit) authority(routed *authority.Router, id string) string {
	return nameIn([]*authority.Router{routed, v.router}, id, v.lang)
}

// short is a text's beginning, for a list.
func short(s string) string {
	const most = 140
	letters := []rune(s)
	if len(letters) <= most {
		return s
	}
	return string(letters[:most]) + "…"
}

// donePage shows the code, once.
type donePage struct {
	base
	Case           string
	Latin, Written []string // the code in either alphabet, in groups
	Again          bool     // it was there before
	Held           bool
	Causes         []string // why it waits

	Code                  string // for leaving a contact at once
	Seals                 bool
	ContactSince, Contact string
}

// send keeps the report. The same code again, by a second click, a reload or the
// way back, shows the same report.
func (w *Web) send(v *visit) error {
	category, err := v.category()
	if err != nil {
		return err
	}
	d, err := readDraft(v.form, category, v.lang, v.router)
	if err != nil {
		return w.again(v, category, err)
	}
	if _, err := w.lane.Held(v.Context(), d.Code); err != nil {
		known, err := w.lane.Review(v.Context(), d)
		if err != nil {
			return w.again(v, category, err)
		}
		if len(known.Danger) > 0 && !d.Aware {
			return w.look(v, category, d, true, nil)
		}
		unworked, trouble, err := w.worked(v, d.Code)
		if tooMuch(err) { // what was written goes with the page, to be sent later
			trouble, err = err, nil
		}
		if err != nil {
			return err
		}
		if trouble != nil {
			return w.look(v, category, d, false, trouble)
		}
		d.Unworked = unworked
	}
	sent, err := w.lane.Submit(v.Context(), d)
	if tooMuch(err) {
		return w.look(v, category, d, false, err)
	}
	if err != nil {
		return w.again(v, category, err)
	}
	return w.showDone(v, d.Code, sent)
}

// showDone shows the code of what was sent, once.
func (w *Web) showDone(v *visit, code string, sent lane.Sent) error {
	p := donePage{base: w.base(v, "/", "laneweb.done"), Again: !sent.Fresh,
		Latin: strings.Split(code, "-"), Written: strings.Split(lane.CyrillicCode(code), "-")}
	p.Case = p.At("/case/" + strconv.FormatInt(sent.ID, 10))
	p.Code, p.Seals = code, w.lane.Seals()
	r, err := w.lane.Request(v.Context(), sent.ID)
	if err != nil {
		return err
	}
	held, err := w.holding(v, sent.ID)
	if err != nil {
		return err
	}
	p.Held, p.Causes = r.Hidden(), held.Causes
	if p.ContactSince, err = w.keptContact(v, sent.ID); err != nil {
		return err
	}
	w.showUnder(v, draftPolicy, "done", p.Base, p, 0)
	return nil
}

// same keeps that the writer of a draft has the same trouble as another report
// tells of, instead of the draft.
func (w *Web) same(v *visit) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	if err := w.takeFrom(v, w.joins); err != nil {
		return err
	}
	if err := w.lane.Support(v.Context(), id, v.form.Get(codeField)); err != nil {
		return err
	}
	// The address of the case holds nothing of whoever supports it.
	return w.showCase(v, id, v.form.Get(codeField))
}

// id gives the number in the address, or the fault of an address that leads nowhere.
func (v *visit) id() (int64, error) {
	text := v.PathValue("id")
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id <= 0 || strconv.FormatInt(id, 10) != text {
		return 0, fault.NotFound("page.not_found")
	}
	return id, nil
}
