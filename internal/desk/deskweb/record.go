package deskweb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kua/internal/casefile"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/page"
	"kua/internal/parcel"
)

// recordView is the form in which a case's public record is written, in one
// language at a time.
type recordView struct {
	frame
	Case      int64
	CaseName  string
	Record    string // id of the published record, "" before the first
	Version   int
	Draft     casefile.Draft
	Base      string // the draft that the form shows, as JSON: what is sent is laid onto it
	In        string // the language whose words are shown
	Tabs      []tab
	All       []tab // every language the record could have
	Whats     []string
	Known     []saidRow
	Claims    []saidRow
	Answers   []saidRow
	Exhibits  []exhibitRow
	Places    []placeRow
	Lat, Lon  string
	Rounded   string
	Warnings  []warningRow
	Allowed   []string
	Problems  []problemRow
	Errors    map[string]string // field → message
	Wrong     string
	WrongWay  string
	Ready     bool
	Unread    []string // what could not be compared
	Checklist []checkRow
}

type tab struct {
	Tag     locale.Tag
	Href    string
	Current bool
	Chosen  bool
	Done    bool // title and summary are written
}

// saidRow is one thing known, claimed or answered, in the shown language and,
// beside it, in another one to translate from.
type saidRow struct {
	N              int // from 0
	Number         int // from 1
	Who, Words     string
	OtherWho       string
	OtherWords     string
	Day            string
	Error          string
	ErrorWho, Hint string
}

type exhibitRow struct {
	originalRow
	Chosen         bool
	Rendered       bool
	Label, Covered string
	Warning        string
}

type placeRow struct {
	Value string
	Text  string
	On    bool
}

type warningRow struct {
	casefile.Warning
	Text  string
	Field string
	Lines []string // what it leads to
}

type problemRow struct{ Message, Hint, Link string }

// writable is every language that people write in: Cyrillic Uzbek is made from
// Latin by itself.
func writable() []locale.Tag {
	return slices.DeleteFunc(locale.Tags(), locale.Tag.Automatic)
}

func recordPage(v *visit) error {
	draft, version, err := v.desk.Draft(v.r.Context(), v.number("id"))
	if err != nil {
		return err
	}
	return v.showRecord(draft, version, v.r.URL.Query().Get("in"), nil)
}

func (v *visit) showRecord(draft casefile.Draft, version int, in string, wrong error) error {
	ctx := v.r.Context()
	c, err := v.desk.Case(ctx, v.number("id"))
	if err != nil {
		return err
	}
	view := recordView{
		frame: v.frame("cases", v.t("deskweb.record.title")), Case: c.ID, Record: c.Record,
		Version: version, Draft: draft, Whats: parcel.Whats(), Errors: make(map[string]string),
	}
	view.CaseName = view.caseName(c.Case)
	if !slices.Contains(draft.Languages, in) {
		in = firstOf(draft.Languages, string(v.lang.Source()))
	}
	view.In = in
	b, err := json.Marshal(draft)
	if err != nil {
		return err
	}
	view.Base = string(b)
	view.tabs()
	view.said()
	view.place()
	if err := v.exhibits(ctx, &view, c.Reports); err != nil {
		return err
	}
	for _, w := range c.Warnings {
		view.Warnings = append(view.Warnings, warningRow{w, view.warning(w), "accepted." + w.ID, view.linkLines(w)})
	}
	if view.Unread, err = v.unread(ctx, view.frame, c.ID); err != nil {
		return err
	}
	view.Checklist = v.checklist(view.frame)
	if version > 0 {
		problems, err := v.desk.CheckDraft(ctx, c.ID)
		if err != nil {
			return err
		}
		view.problems(problems)
		view.Ready = len(problems) == 0
	}
	if wrong != nil {
		view.Wrong, view.WrongWay = view.Fault(wrong)
		view.Ready = false
		v.w.WriteHeader(page.Status(wrong))
	}
	return v.show("record", view)
}

// firstOf is the wanted language if it is among list, else the list's first.
func firstOf(list []string, wanted string) string {
	if len(list) == 0 || slices.Contains(list, wanted) {
		return wanted
	}
	return list[0]
}

func (view *recordView) tabs() {
	for _, t := range writable() {
		lang := string(t)
		one := tab{
			Tag: t, Current: lang == view.In, Chosen: slices.Contains(view.Draft.Languages, lang),
			Href: view.Href(fmt.Sprintf("/cases/%d/record?in=%s", view.Case, lang)),
			Done: view.Draft.Title[lang] != "" && view.Draft.Summary[lang] != "",
		}
		view.All = append(view.All, one)
		if one.Chosen {
			view.Tabs = append(view.Tabs, one)
		}
	}
}

// said fills the rows of what is known, claimed and answered, with an empty one
// at the end of each list.
func (view *recordView) said() {
	d, in := view.Draft, view.In
	for i, k := range d.Known {
		view.Known = append(view.Known, saidRow{N: i, Number: i + 1, Words: k[in], OtherWords: view.other(k)})
	}
	for i, c := range d.Claims {
		view.Claims = append(view.Claims, saidRow{N: i, Number: i + 1, Who: c.Source[in], Words: c.Words[in],
			OtherWho: view.other(c.Source), OtherWords: view.other(c.Words), Day: c.Day})
	}
	for i, a := range d.Answers {
		view.Answers = append(view.Answers, saidRow{N: i, Number: i + 1, Who: a.Authority[in], Words: a.Words[in],
			OtherWho: view.other(a.Authority), OtherWords: view.other(a.Words), Day: a.Day})
	}
	for _, list := range []*[]saidRow{&view.Known, &view.Claims, &view.Answers} {
		n := len(*list)
		*list = append(*list, saidRow{N: n, Number: n + 1})
	}
}

// other is the same words in another language, to translate from.
func (view *recordView) other(t casefile.Text) string {
	for _, l := range view.Draft.Languages {
		if l != view.In && t[l] != "" {
			return t[l]
		}
	}
	return ""
}

// Other is other for the template.
func (view recordView) Other(t casefile.Text) string { return view.other(t) }

func (view *recordView) place() {
	p := view.Draft.Place
	for _, c := range casefile.Coarsenesses() {
		key := string(c)
		if c == casefile.NoPoint {
			key = "none"
		}
		view.Places = append(view.Places, placeRow{Value: string(c), Text: view.T("deskweb.place." + key), On: c == p.Coarseness})
	}
	if p.Point != nil {
		view.Lat, view.Lon = degrees(p.Point.Lat), degrees(p.Point.Lon)
	}
	if r := p.Rounded(); r != nil {
		view.Rounded = degrees(r.Lat) + ", " + degrees(r.Lon)
	}
}

func degrees(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func (v *visit) exhibits(ctx context.Context, view *recordView, reports []casefile.Received) error {
	for _, r := range reports {
		view.Allowed = append(view.Allowed, view.allowed(r))
		for _, o := range r.Originals {
			row := exhibitRow{originalRow: view.originalRow(o)}
			made, stale, err := v.desk.Derivatives(ctx, o.ID)
			if err != nil {
				return err
			}
			row.Rendered = len(made) > 0
			if stale && row.Rendered {
				row.Warning = v.t("deskweb.record.stale")
			}
			for _, e := range view.Draft.Media {
				if e.Original == o.ID {
					row.Chosen, row.Label, row.Covered = true, e.Label[view.In], e.Covered[view.In]
				}
			}
			view.Exhibits = append(view.Exhibits, row)
		}
	}
	return nil
}

func (f frame) warning(w casefile.Warning) string {
	if w.Original != 0 {
		return f.T("deskweb.warn."+w.What, f.T("deskweb.original.number", w.Original))
	}
	return f.T("deskweb.warn." + w.What)
}

// problems tells what lacks before the draft can be proposed, and puts what is
// about one field at that field too.
func (view *recordView) problems(list []error) {
	for _, err := range list {
		p := problemRow{}
		p.Message, p.Hint = view.Fault(err)
		if f, ok := fault.Of(err); ok && len(f.Args) > 1 && strings.HasPrefix(f.Key, "record.text_") {
			part, lang := fmt.Sprint(f.Args[0]), fmt.Sprint(f.Args[1])
			p.Message, _ = view.Fault(fault.New(f.Kind, f.Key, append([]any{view.partName(part), locale.Tag(lang).Name()}, f.Args[2:]...)...))
			p.Link = view.Href(fmt.Sprintf("/cases/%d/record?in=%s", view.Case, lang)) + "#" + strings.ReplaceAll(part, " ", "-")
			if lang == view.In {
				view.Errors[part] = p.Message
			}
		}
		view.Problems = append(view.Problems, p)
	}
}

// partName says a part of a record, as its faults name it, by what stands above its field.
func (view *recordView) partName(part string) string {
	name, number, _ := strings.Cut(part, " ")
	switch name {
	case "title":
		return view.T("deskweb.record.headline")
	case "place":
		return view.T("deskweb.record.place_words")
	case "known":
		return view.T("deskweb.record.known_n", number)
	case "claim":
		return view.T("deskweb.record.source_n", number)
	case "answer":
		return view.T("deskweb.record.authority_n", number)
	case "summary", "correction":
		return view.T("deskweb.record." + name)
	}
	return part
}

// saveRecord saves what was written, laid onto the draft that the form was made
// from. A draft may be unfinished. When somebody else saved another meanwhile both
// are put together; where both changed the same words the form comes back with
// these in it, and the person decides: every version is kept.
func saveRecord(v *visit) error {
	ctx, id, in := v.r.Context(), v.number("id"), v.form("in")
	var draft casefile.Draft
	if err := json.Unmarshal([]byte(v.r.PostForm.Get("base")), &draft); err != nil || !slices.Contains(writable(), locale.Tag(in)) {
		return fault.Invalid("deskweb.form").Because(err)
	}
	base, _ := strconv.Atoi(v.form("version"))
	if err := v.readDraft(&draft, in); err != nil {
		return v.showRecord(draft, base, in, err)
	}
	said := "deskweb.record.saved"
	version, err := v.seat.SaveDraft(ctx, id, draft, base)
	if errors.Is(err, fault.Conflict("desk.draft_changed")) {
		// What both began from is what was saved: a form that came back once holds words that were not.
		was, err1 := v.desk.DraftAt(ctx, id, base)
		theirs, now, err2 := v.desk.Draft(ctx, id)
		both, clash, err3 := casefile.Merge(was, draft, theirs)
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		if draft, base, said = both, now, "merge.saved"; !clash {
			version, err = v.seat.SaveDraft(ctx, id, draft, base)
		}
	}
	if err != nil {
		return v.showRecord(draft, base, in, err)
	}
	to := v.form("go")
	if !slices.Contains(draft.Languages, to) {
		to = in
	}
	return v.done(fmt.Sprintf("/cases/%d/record?in=%s", id, to), said, version)
}

// readDraft puts the form's fields into draft: those without a language, and
// the words in the language that was shown.
func (v *visit) readDraft(draft *casefile.Draft, in string) error {
	languages := v.r.PostForm["language"]
	draft.Languages = nil
	for _, t := range writable() {
		if slices.Contains(languages, string(t)) {
			draft.Languages = append(draft.Languages, string(t))
		}
	}
	draft.What, draft.From, draft.To = v.form("what"), v.form("from"), v.form("to")
	write(&draft.Title, in, v.form("title"))
	write(&draft.Summary, in, v.form("summary"))
	write(&draft.Correction, in, v.form("correction"))
	write(&draft.Place.Words, in, v.form("place"))
	draft.Place.Coarseness = casefile.Coarseness(v.form("coarseness"))
	v.readSaid(draft, in)
	v.readExhibits(draft, in)
	draft.Accepted = v.readAccepted()
	return v.readPoint(draft)
}

func (v *visit) readSaid(draft *casefile.Draft, in string) {
	var known []casefile.Text
	for i := range v.rows("known", len(draft.Known)) {
		t := at(draft.Known, i)
		write(&t, in, v.form(fmt.Sprintf("known.%d", i)))
		if len(t) > 0 && !v.dropped("known", i) {
			known = append(known, t)
		}
	}
	draft.Known = known
	var claims []casefile.Claim
	for i := range v.rows("claim", len(draft.Claims)) {
		c := at(draft.Claims, i)
		write(&c.Source, in, v.form(fmt.Sprintf("claim.%d.who", i)))
		write(&c.Words, in, v.form(fmt.Sprintf("claim.%d", i)))
		c.Day = v.form(fmt.Sprintf("claim.%d.day", i))
		if len(c.Source)+len(c.Words) > 0 && !v.dropped("claim", i) {
			claims = append(claims, c)
		}
	}
	draft.Claims = claims
	var answers []casefile.Answer
	for i := range v.rows("answer", len(draft.Answers)) {
		a := at(draft.Answers, i)
		write(&a.Authority, in, v.form(fmt.Sprintf("answer.%d.who", i)))
		write(&a.Words, in, v.form(fmt.Sprintf("answer.%d", i)))
		a.Day = v.form(fmt.Sprintf("answer.%d.day", i))
		if len(a.Authority)+len(a.Words) > 0 && !v.dropped("answer", i) {
			answers = append(answers, a)
		}
	}
	draft.Answers = answers
}

// rows is how many rows of a list the form had: those of the draft and a new one.
func (v *visit) rows(list string, have int) int {
	n, _ := strconv.Atoi(v.form(list + "s"))
	return min(max(have, n), have+1)
}

func (v *visit) dropped(list string, i int) bool {
	return v.form(fmt.Sprintf("%s.%d.drop", list, i)) != ""
}

func (v *visit) readExhibits(draft *casefile.Draft, in string) {
	var media []casefile.Exhibit
	for _, chosen := range v.r.PostForm["exhibit"] {
		e := casefile.Exhibit{Original: number(chosen)}
		for _, old := range draft.Media {
			if old.Original == e.Original {
				e = old
			}
		}
		write(&e.Label, in, v.form("label."+chosen))
		write(&e.Covered, in, v.form("covered."+chosen))
		media = append(media, e)
	}
	draft.Media = media
}

func (v *visit) readAccepted() map[string]string {
	var accepted map[string]string
	for name := range v.r.PostForm {
		if id, ok := strings.CutPrefix(name, "accepted."); ok && v.form(name) != "" {
			if accepted == nil {
				accepted = make(map[string]string)
			}
			accepted[id] = v.form(name)
		}
	}
	return accepted
}

func (v *visit) readPoint(draft *casefile.Draft) error {
	lat, lon := v.form("lat"), v.form("lon")
	if lat == "" && lon == "" {
		draft.Place.Point = nil
		return nil
	}
	y, err1 := strconv.ParseFloat(strings.Replace(lat, ",", ".", 1), 64)
	x, err2 := strconv.ParseFloat(strings.Replace(lon, ",", ".", 1), 64)
	if err1 != nil || err2 != nil || y < -90 || y > 90 || x < -180 || x > 180 {
		return fault.Invalid("deskweb.record.point")
	}
	draft.Place.Point = &parcel.Point{Lat: y, Lon: x}
	return nil
}

// write sets the words of one language without touching a map that another
// draft may share; empty words take the language out.
func write(t *casefile.Text, in, words string) {
	fresh := make(casefile.Text, len(*t)+1)
	for l, w := range *t {
		fresh[l] = w
	}
	if words == "" {
		delete(fresh, in)
	} else {
		fresh[in] = words
	}
	if len(fresh) == 0 {
		fresh = nil
	}
	*t = fresh
}

// at is list's item, or an empty one behind its end.
func at[T any](list []T, i int) T {
	if i < len(list) {
		return list[i]
	}
	var none T
	return none
}
