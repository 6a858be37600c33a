package laneweb

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
)

// The fields of the form. A question's is its id behind questionField.
const (
	codeField     = "code"
	wordsField    = "words"
	landmarkField = "landmark"
	areaField     = "area"
	pointField    = "point"
	awareField    = "aware"
	questionField = "q."
)

// readDraft reads a draft out of a form, into which it puts the area that words found. A
// point takes the place of the area.
func readDraft(form url.Values, category authority.Category, lang locale.Tag, places *authority.Router) (lane.Draft, error) {
	unsettled := settle(form, places)
	d := lane.Draft{Code: form.Get(codeField), Category: category.ID, Language: lang, Words: oneLineEnd(form.Get(wordsField)),
		Landmark: strings.TrimSpace(form.Get(landmarkField)), Area: form.Get(areaField), Aware: form.Get(awareField) == "yes", Answers: map[string][]string{}, Pictures: chosen(form)}
	if err := lane.CheckCode(d.Code); err != nil {
		return d, err
	}
	for _, q := range category.Questions {
		for _, answer := range form[questionField+q.ID] {
			if answer = oneLineEnd(answer); answer != "" {
				d.Answers[q.ID] = append(d.Answers[q.ID], answer)
			}
		}
	}
	point := strings.TrimSpace(form.Get(pointField))
	if point == "" {
		return d, unsettled
	}
	at, ok := readWhere(point, places.Directory(), d.Area)
	if !ok {
		return d, fault.Invalid("laneweb.point")
	}
	d.At, d.Area = &at, ""
	return d, nil
}

// oneLineEnd takes out what a browser puts before line ends, so that a text is
// the same after every page it went through.
func oneLineEnd(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }

// readPoint reads "45.05, 65.15" as maps and telephones write it.
func readPoint(s string) (authority.Point, bool) {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == ';' })
	if len(parts) != 2 {
		return authority.Point{}, false
	}
	lat, err1 := strconv.ParseFloat(parts[0], 64)
	lon, err2 := strconv.ParseFloat(parts[1], 64)
	p, there := authority.At(lat, lon)
	return p, err1 == nil && err2 == nil && there
}

// question is one question of a category, and what was answered.
type question struct {
	Field, Name, Kind string
	Required          bool
	Choices           []named
	Value             string
}

func questions(category authority.Category, lang locale.Tag, form url.Values) (all []question) {
	for _, q := range category.Questions {
		given := form[questionField+q.ID]
		one := question{Field: questionField + q.ID, Name: q.Names.In(lang), Kind: string(q.Kind), Required: q.Required, Value: form.Get(questionField + q.ID)}
		for _, c := range q.Choices {
			one.Choices = append(one.Choices, named{ID: c.ID, Name: c.Names.In(lang), Chosen: slices.Contains(given, c.ID)})
		}
		all = append(all, one)
	}
	return all
}

// hidden is one field that a page carries on to the next.
type hidden struct{ Name, Value string }

// carried are the fields of a form that are known, in a fixed order.
func carried(form url.Values, category authority.Category) (all []hidden) {
	names := []string{codeField, wordsField, landmarkField, areaField, pointField, viewField, pictureField}
	for _, q := range category.Questions {
		names = append(names, questionField+q.ID)
	}
	for _, name := range names {
		for _, value := range form[name] {
			if value != "" {
				all = append(all, hidden{name, value})
			}
		}
	}
	return all
}

// told is what is said of a request, as everybody sees it.
type told struct {
	Category, Area, Landmark, Words, In string // In: the language of the words, where it is not the page's
	Point                               string
	Coarse                              bool
	Answers                             []answer
	Photos                              []shot
	AreaHref                            string // where everybody reads it
	Asks                                string // as what the words are headed
	Days                                string // of what an authority says
}

type answer struct{ Question, Answer string }

func (w *Web) told(lang locale.Tag, router *authority.Router, r lane.Request) told {
	t := told{Category: r.Category, Area: r.Area, Landmark: r.Landmark, Words: r.Words, Asks: w.of(lang, r.Matter, "words"), Days: w.days(lang, r)}
	if r.Language != lang {
		t.In = r.Language.HTML()
	}
	if r.Place != nil {
		t.Point, t.Coarse = r.Place.String(), r.Visibility == authority.Coarse
	}
	t.Area = cmp.Or(router.AreaNames(r.Area).In(lang), r.Area)
	named := router.CategoryNames(r.Category).In(lang)
	if r.Matter != lane.Report {
		if t.Category = w.of(lang, r.Matter, "name"); named != "" {
			t.Category += " · " + named
		}
		return t
	}
	t.Category = cmp.Or(named, r.Category)
	category, err := router.Category(r.Category)
	if err != nil {
		return t
	}
	for _, q := range category.Questions {
		var said []string
		for _, given := range r.Answers[q.ID] {
			said = append(said, w.answered(lang, q, given))
		}
		if len(said) > 0 {
			t.Answers = append(t.Answers, answer{q.Names.In(lang), strings.Join(said, ", ")})
		}
	}
	return t
}

func (w *Web) answered(lang locale.Tag, q authority.Question, given string) string {
	switch q.Kind {
	case authority.YesNo:
		return w.cat.T(lang, map[string]string{"yes": "laneweb.yes", "no": "laneweb.no"}[given])
	case authority.Date:
		return lang.Date(given)
	}
	for _, c := range q.Choices {
		if c.ID == given {
			return c.Names.In(lang)
		}
	}
	return given
}

// sheet is what a page says of a request, for the template that all pages share.
type sheet struct {
	P    base
	Told told
}
