package lane

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"kua/internal/fault"
	"kua/internal/lane/lanedb"
	"kua/internal/locale"
)

// Template is words with which an authority answers again and again. {number} in
// them is the report's number, {date} the day of the answer; there is no other
// place, so that nothing of a person can come into one.
type Template struct {
	Number   int64 // 0: a new one
	Language locale.Tag
	Title    string
	Words    string
}

// MaxTemplates is how many templates an authority has at most.
const MaxTemplates = 200

const maxTitle = 80

// places are what stands in braces.
var places = regexp.MustCompile(`\{[^{}]*\}?|\}`)

// Templates gives an authority's templates by language and title.
func (l *Lane) Templates(ctx context.Context, me Account) ([]Template, error) {
	kept, err := l.db.Templates(ctx, me.Authority, MaxTemplates)
	var all []Template
	for _, k := range kept {
		all = append(all, Template{k.Number, locale.Tag(k.Language), k.Title, k.Words})
	}
	return all, err
}

// KeepTemplate keeps a new template of the account's authority, or changes one.
// The faults are lane.template (no title, no words, too long, or a place that
// there is not), lane.public_words, lane.template_taken, lane.template_full and lane.no_template.
func (l *Lane) KeepTemplate(ctx context.Context, me Account, t Template) error {
	t.Title = strings.Join(strings.Fields(t.Title), " ")
	tag, ok := locale.Parse(string(t.Language))
	if !ok || tag != t.Language {
		return fault.Invalid("lane.language", string(t.Language))
	}
	if t.Title == "" || !oneLine(t.Title, maxTitle) || strings.TrimSpace(t.Words) == "" || !plain(t.Words, maxText) {
		return fault.Invalid("lane.template", maxTitle, maxText)
	}
	if err := publicWords(t.Words); err != nil {
		return err
	}
	for _, place := range places.FindAllString(t.Words, -1) {
		if place != numberPlace && place != datePlace {
			return fault.Invalid("lane.template_place", place)
		}
	}
	return l.db.KeepTemplate(ctx, lanedb.Template{Number: t.Number, Authority: me.Authority, Language: string(t.Language), Title: t.Title, Words: t.Words}, MaxTemplates)
}

// DeleteTemplate takes a template of the account's authority away; what was
// answered with it stands. One that is not there is no fault: it was deleted before.
func (l *Lane) DeleteTemplate(ctx context.Context, me Account, number int64) error {
	return l.db.DeleteTemplate(ctx, me.Authority, number)
}

const (
	numberPlace = "{number}"
	datePlace   = "{date}"
)

// Fill gives a template's words for a report that is answered today.
func (l *Lane) Fill(t Template, request int64) string {
	return strings.NewReplacer(numberPlace, strconv.FormatInt(request, 10), datePlace, t.Language.Date(string(l.today()))).Replace(t.Words)
}

// filled fills the places in a move's words as a template's. The date is written in
// figures: the words say in no language that they are in one.
func (m Move) filled(l *Lane, request int64) Move {
	m.Reason = strings.NewReplacer(numberPlace, strconv.FormatInt(request, 10), datePlace, string(l.today())).Replace(m.Reason)
	return m
}
