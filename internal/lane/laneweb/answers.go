package laneweb

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"kua/internal/appeal"
	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/locale"
)

// templatesPage is the words with which an authority answers again and again.
type templatesPage struct {
	base
	Desk          desk
	Trouble, Hint string
	Done          bool
	All           []templateRow
	Languages     []named
	Most          int
	New           templateRow // what was typed and not taken
}

type templateRow struct {
	Number                 int64
	Title, Words, Language string
	HTML                   string // the language's tag
	Languages              []named
}

// templates shows, adds, changes and deletes an authority's templates.
func (w *Web) templates(v *visit, me lane.Account) error {
	var trouble error
	p := templatesPage{base: w.base(v, "/office/templates", "office.templates"), Most: lane.MaxTemplates}
	p.Desk = w.desk(v, p.base, me)
	var typed lane.Template
	if v.Method == http.MethodPost {
		typed = lane.Template{Title: v.form.Get("title"), Words: oneLineEnd(v.form.Get(wordsField)), Language: locale.Tag(v.form.Get("language"))}
		typed.Number, _ = strconv.ParseInt(v.form.Get("number"), 10, 64) // 0 is a new one
		switch v.form.Get("do") {
		case "keep":
			trouble = w.lane.KeepTemplate(v.Context(), me, typed)
		case "delete":
			trouble = w.lane.DeleteTemplate(v.Context(), me, typed.Number)
		default:
			return fault.Invalid("laneweb.bad_form")
		}
		if trouble != nil && !mendable(trouble) {
			return trouble
		}
		p.Done = trouble == nil
	}
	all, err := w.lane.Templates(v.Context(), me)
	if err != nil {
		return err
	}
	row := func(t lane.Template) templateRow {
		r := templateRow{Number: t.Number, Title: t.Title, Words: t.Words, Language: t.Language.Name(), HTML: t.Language.HTML()}
		for _, tag := range locale.Tags() {
			r.Languages = append(r.Languages, named{ID: string(tag), Name: tag.Name(), Chosen: tag == t.Language})
		}
		return r
	}
	for _, t := range all {
		if trouble != nil && t.Number == typed.Number && v.form.Get("do") == "keep" {
			t = typed // nothing that was typed is lost
		}
		p.All = append(p.All, row(t))
	}
	p.New = row(lane.Template{Language: v.lang})
	if trouble != nil {
		p.Trouble, p.Hint = p.Fault(trouble)
		if typed.Number == 0 {
			p.New = row(typed)
		}
	}
	return w.show(v, "office-templates", p.Base, p, trouble)
}

// insert offers an account's templates on the page of an assignment, those in the
// report's language first, and puts the chosen one where its answer is written.
func (w *Web) insert(v *visit, p *linkPage, me lane.Account, r lane.Request) error {
	if p.Own == nil {
		return nil
	}
	all, err := w.lane.Templates(v.Context(), me)
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b lane.Template) int {
		return foreignTo(a.Language, r.Language) - foreignTo(b.Language, r.Language)
	})
	chosen, _ := strconv.ParseInt(v.URL.Query().Get("template"), 10, 64) // what is none chooses none
	for _, t := range all {
		p.Own.Templates = append(p.Own.Templates, named{ID: strconv.FormatInt(t.Number, 10), Name: t.Title + " (" + t.Language.Name() + ")", Chosen: t.Number == chosen})
		if t.Number == chosen {
			p.Inserted = w.lane.Fill(t, r.ID)
		}
	}
	return nil
}

func foreignTo(a, b locale.Tag) int {
	if a.Source() == b.Source() {
		return 0
	}
	return 1
}

// bulkPage answers several reports with the same words.
type bulkPage struct {
	base
	Desk          desk
	Trouble, Hint string
	Parts         []bulkRow
	To            []named // answers that can be given to several
	Owners        []named
	Templates     []named
	Today         string
	Words, On     string
	Looked        bool // what would become of each was looked up: it can be done
	Fit           int  // how many can be answered so
	Done          bool
}

type bulkRow struct {
	assignedRow
	Why, Hint string // why it cannot be, or was not, answered so; "" for none
	Same      bool   // it stood so already
}

// Can reports whether it is or was answered.
func (r bulkRow) Can() bool { return r.Why == "" }

// bulkStates are what several reports can be answered with.
var bulkStates = []lane.State{lane.InWork, lane.Planned, lane.InfoNeeded, lane.Mended, lane.Refused, lane.Redirected}

// bulk answers several reports together: it shows those that were chosen, then
// which of them can be answered so and why the others cannot, then does it.
func (w *Web) bulk(v *visit, me lane.Account) error {
	chosen, err := bulkChosen(v.form["part"])
	if err != nil {
		return w.showInbox(v, me, err)
	}
	m := lane.Move{To: lane.State(v.form.Get("to")), By: lane.ByOfficial, Account: me.Number, Reason: oneLineEnd(v.form.Get("reason"))}
	switch m.To {
	case lane.Planned:
		m.On = appeal.Day(v.form.Get("on"))
	case lane.Redirected:
		m.Owner = v.form.Get("owner")
	}
	do := v.form.Get("do")
	p := bulkPage{base: w.base(v, "/office/bulk", "office.bulk"), Today: string(w.lane.Today()), Words: clean(v.form.Get("reason")), On: v.form.Get("on")}
	p.Desk = w.desk(v, p.base, me)
	var could []lane.Could
	if do == "look" || do == "go" {
		if !slices.Contains(bulkStates, m.To) {
			p.Trouble, p.Hint = p.Fault(fault.Invalid("office.bulk.no_state"))
			do = ""
		} else if do == "go" {
			could, err = w.lane.Bulk(v.Context(), me, chosen, m)
		} else {
			could, err = w.lane.CouldBulk(v.Context(), me, chosen, m)
		}
		if err != nil {
			return err
		}
	}
	if could == nil {
		if could, err = w.lane.Picked(v.Context(), me, chosen); err != nil {
			return err
		}
	}
	all, err := w.lane.Accounts(v.Context(), me.Authority)
	if err != nil {
		return err
	}
	names := w.names(p.base, all)
	p.Looked, p.Done = do == "look", do == "go"
	for _, c := range could {
		row := bulkRow{assignedRow: assignedRow{Number: c.Number}, Same: c.Same}
		if c.About.ID != 0 {
			row.assignedRow = w.assignedRow(v, p.base, c.Assigned, names)
		}
		if row.Step = c.Seen; c.Why != nil {
			if errors.Is(c.Why, fault.Invalid("lane.needs")) {
				c.Why = fault.Invalid("laneweb.link.missing").Because(c.Why)
			}
			row.Why, row.Hint = p.Fault(c.Why)
		} else {
			p.Fit++
		}
		p.Parts = append(p.Parts, row)
	}
	if p.Fit == 0 {
		p.Looked = false
	}
	if err := w.bulkChoices(v, &p, me, m); err != nil {
		return err
	}
	return w.show(v, "office-bulk", p.Base, p, nil)
}

func (w *Web) bulkChoices(v *visit, p *bulkPage, me lane.Account, m lane.Move) error {
	for _, state := range bulkStates {
		p.To = append(p.To, named{ID: string(state), Name: p.T("office.bulk.to." + string(state)), Chosen: state == m.To})
	}
	for _, o := range v.router.Directory().Authorities {
		if o.ID != me.Authority {
			p.Owners = append(p.Owners, named{ID: o.ID, Name: o.Names.In(v.lang), Chosen: o.ID == m.Owner})
		}
	}
	all, err := w.lane.Templates(v.Context(), me)
	if err != nil {
		return err
	}
	chosen, _ := strconv.ParseInt(v.form.Get("template"), 10, 64)
	for _, t := range all {
		p.Templates = append(p.Templates, named{ID: strconv.FormatInt(t.Number, 10), Name: t.Title + " (" + t.Language.Name() + ")", Chosen: t.Number == chosen})
		if v.form.Get("do") == "insert" && t.Number == chosen {
			p.Words = t.Words // its places are filled for each report
		}
	}
	return nil
}

// bulkChosen reads which assignments were chosen, each with the step at which its
// reader saw it: NUMBER.STEP.
func bulkChosen(all []string) (chosen []lane.Chose, err error) {
	if len(all) == 0 {
		return nil, fault.Invalid("office.bulk.none")
	}
	if len(all) > lane.MaxBulk {
		return nil, fault.Invalid("office.bulk.many", lane.MaxBulk)
	}
	for _, s := range all {
		number, step, _ := strings.Cut(s, ".")
		n, err1 := strconv.ParseInt(number, 10, 64)
		at, err2 := strconv.ParseInt(step, 10, 64)
		if err1 != nil || err2 != nil {
			return nil, fault.Invalid("laneweb.bad_form")
		}
		if !slices.ContainsFunc(chosen, func(c lane.Chose) bool { return c.Number == n }) {
			chosen = append(chosen, lane.Chose{Number: n, Step: at})
		}
	}
	return chosen, nil
}
