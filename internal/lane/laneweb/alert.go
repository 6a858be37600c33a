package laneweb

import (
	"cmp"
	"net/url"
	"strconv"
	"strings"

	"kua/internal/fault"
	"kua/internal/lane"
)

// alertShare is which part of an hour's budget are letters that ask an address
// whether it wants alerts.
const alertShare = 10

// alertsPage offers a feed, and beside it news by e-mail.
type alertsPage struct {
	base
	Mails         bool // they can be sent
	Case          int64
	CaseHref      string
	Area          chooser
	Categories    []named
	Feed          string
	Address       string
	Asked         bool // it was asked for
	Trouble, Hint string
}

func (w *Web) alerts(v *visit) error { return w.showAlerts(v, v.URL.Query(), false, nil) }

func (w *Web) showAlerts(v *visit, asked url.Values, done bool, trouble error) error {
	d := v.router.Directory()
	p := alertsPage{base: w.base(v, "/alerts", "alert.title"), Mails: w.mails, Asked: done, Address: clean(asked.Get("address"))}
	p.Area = w.chooser(v, p.base, asked, chooser{ID: "area", Empty: "laneweb.choose", Required: true, Post: p.At("/alerts") + "#area"})
	for _, k := range d.Categories {
		if !k.Sealed {
			p.Categories = append(p.Categories, named{ID: k.ID, Name: k.Names.In(v.lang), Chosen: k.ID == asked.Get("what")})
		}
	}
	feed := url.Values{}
	for _, name := range []string{"area", "what"} {
		if value := asked.Get(name); value != "" {
			feed.Set(name, value)
		}
	}
	p.Feed = p.At("/feed?" + feed.Encode())
	if id, err := strconv.ParseInt(asked.Get("case"), 10, 64); err == nil && id > 0 {
		p.Case, p.CaseHref = id, p.At("/case/"+strconv.FormatInt(id, 10))
	}
	if trouble != nil {
		p.Trouble, p.Hint = p.Fault(trouble)
		p.Title = p.Trouble
	}
	return w.show(v, "alerts", p.Base, p, trouble)
}

// askAlert has an address asked whether it wants alerts. The page says the same
// whatever that address has already.
func (w *Web) askAlert(v *visit) error {
	if v.form.Has(closerField) {
		return w.showAlerts(v, v.form, false, nil)
	}
	if !w.mails {
		return fault.Conflict("alert.no_mail")
	}
	if err := settle(v.form, v.router); err != nil && !v.form.Has("case") {
		return w.showAlerts(v, v.form, false, err)
	}
	wish := lane.Wish{Address: strings.TrimSpace(v.form.Get("address")), Language: v.lang, Area: v.form.Get("area"), Category: v.form.Get("what")}
	if text := v.form.Get("case"); text != "" {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id < 1 {
			return fault.Invalid("laneweb.bad_form")
		}
		wish.Request, wish.Area, wish.Category = id, "", ""
	}
	if err := w.takeFrom(v, w.letters); err != nil {
		return err
	}
	err := w.lane.AskAlert(v.Context(), wish)
	if f, ok := fault.Of(err); ok && (f.Kind == fault.KindInvalid || f.Kind == fault.KindConflict || f.Kind == fault.KindNotFound) {
		return w.showAlerts(v, v.form, false, err)
	}
	if err != nil {
		return err
	}
	v.form.Del("address")
	return w.showAlerts(v, v.form, true, nil)
}

// alertPage is where a letter's links lead: one button, and looking changes
// nothing, since mail servers follow links.
type alertPage struct {
	base
	Post    string // where the button posts
	About   string
	Confirm bool // else it ends
	Done    bool
	Until   string
}

func (w *Web) alert(v *visit) error {
	return w.showAlert(v, !strings.HasSuffix(v.URL.Path, "/end"), false)
}

func (w *Web) showAlert(v *visit, confirm, done bool) error {
	v.rw.Header().Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	mark := v.PathValue("mark")
	a, err := w.lane.Alert(v.Context(), mark)
	if err != nil {
		return err
	}
	path, title := "/alert/"+mark, "alert.confirm"
	if !confirm {
		path, title = path+"/end", "alert.end"
	}
	p := alertPage{base: w.base(v, path, title), Confirm: confirm, Done: done || confirm && !a.Asked}
	p.Post = p.At(path)
	p.About = w.cat.T(v.lang, "alert.of.case", a.Request)
	if a.Area != "" {
		p.About = cmp.Or(v.router.AreaNames(a.Area).In(v.lang), a.Area)
		if a.Category != "" {
			p.About += ": " + cmp.Or(v.router.CategoryNames(a.Category).In(v.lang), a.Category)
		}
	}
	if a.Until != "" {
		p.Until = v.lang.Date(string(a.Until))
	}
	w.set.Show(v.rw, "alert", p.Base, p)
	return nil
}

func (w *Web) confirmAlert(v *visit) error {
	if err := w.lane.ConfirmAlert(v.Context(), v.PathValue("mark")); err != nil {
		return err
	}
	return w.showAlert(v, true, true)
}

// endAlert erases an alert. Mail programs post here by themselves (RFC 8058), and
// are answered the same when it was over already.
func (w *Web) endAlert(v *visit) error {
	v.rw.Header().Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	if err := w.lane.EndAlert(v.Context(), v.PathValue("mark")); err != nil {
		return err
	}
	p := alertPage{base: w.base(v, "/alerts", "alert.ended"), Done: true}
	w.set.Show(v.rw, "alert", p.Base, p)
	return nil
}
