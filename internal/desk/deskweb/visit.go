package deskweb

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/page"
)

// visit is one request on its way through the app.
type visit struct {
	app  *App
	w    http.ResponseWriter
	r    *http.Request
	lang locale.Tag
	path string     // without language, as page.Base wants it
	who  *session   // nil on pages that need no sign-in
	desk *desk.Desk // nil on pages that need no sign-in
	seat *desk.Seat
}

// frame is what the layout needs; every page of the app embeds it.
type frame struct {
	page.Base
	Room       string // the current entry of the menu
	Person     string // "" before sign-in
	Token      string
	Collective string
	Unread     int
	Waiting    int
	Notice     string
	Marker     bool // the page runs the marker's script
	Newer      bool // a charter was signed that the open desk has not taken in
}

// frame begins a page. The title is already in the visitor's language.
func (v *visit) frame(room, title string) frame {
	f := frame{Base: page.NewBase(v.app.cat, v.lang, title, v.path), Room: room}
	if v.who != nil {
		f.Token = v.app.sessions.token(v.who)
		if v.who.person != nil {
			f.Person = v.who.person.Name()
		}
		if n := v.app.sessions.said(v.who); n != nil {
			f.Notice = f.T(n.Key, n.Args...)
		}
	}
	if v.desk != nil {
		v.fill(&f)
	}
	return f
}

// fill puts what the menu shows into a page: the collective's name and how much
// waits. A page is worth showing without them.
func (v *visit) fill(f *frame) {
	f.Collective, _ = v.lang.Text(v.desk.Charter().Name)
	f.Newer = v.desk.Newer()
	if counts, err := v.desk.Counts(v.r.Context()); err == nil {
		f.Unread, f.Waiting = counts.Unread, counts.Proposals
	}
}

// visit begins a request. The address's language wins; addresses without one
// speak English, as only errors are said there.
func (a *App) visit(w http.ResponseWriter, r *http.Request) *visit {
	lang, ok := r.Context().Value(langKey{}).(locale.Tag)
	if !ok {
		lang = locale.English
	}
	return &visit{app: a, w: w, r: r, lang: lang, path: r.URL.Path}
}

// t gives a sentence in the visitor's language.
func (v *visit) t(key string, args ...any) string { return v.app.cat.T(v.lang, key, args...) }

// show answers with a page.
func (v *visit) show(name string, data any) error {
	var b strings.Builder
	if err := v.app.pages.Render(&b, name, data); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := v.w.Write([]byte(b.String()))
	return err
}

// to answers a form with the page to see next.
func (v *visit) to(path string) error {
	http.Redirect(v.w, v.r, "/"+v.lang.Path()+path, http.StatusSeeOther)
	return nil
}

// done is to with a sentence about what has just been done.
func (v *visit) done(path, key string, args ...any) error {
	v.app.sessions.say(v.who, key, args...)
	return v.to(path)
}

// id is the path's {id}.
func (v *visit) id() string { return v.r.PathValue("id") }

// number is the path's {name} as a number; 0 when it is none.
func (v *visit) number(name string) int64 {
	n, _ := strconv.ParseInt(v.r.PathValue(name), 10, 64)
	return n
}

// form is a field of the form that was sent, without spaces around it and with
// plain line ends.
func (v *visit) form(name string) string {
	return strings.TrimSpace(strings.ReplaceAll(v.r.PostFormValue(name), "\r\n", "\n"))
}

// pageNumber is the list page that was asked for, from 1.
func (v *visit) pageNumber() int {
	n, err := strconv.Atoi(v.r.URL.Query().Get("page"))
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// json answers a script.
func (v *visit) json(status int, answer any) error {
	b, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.WriteHeader(status)
	_, err = v.w.Write(b)
	return err
}

// problem is the page that tells about an error.
type problem struct {
	frame
	Status        int
	Message, Hint string
	Kept          []string // what the person wrote, when it could not be taken
}

// fail tells what went wrong, as a page or to a script.
func (v *visit) fail(err error) {
	if errors.Is(err, http.ErrAbortHandler) {
		panic(err)
	}
	var big *http.MaxBytesError
	if errors.As(err, &big) {
		err = fault.TooLarge("deskweb.too_large", big.Limit)
	}
	status := statusOf(err)
	if f, ok := fault.Of(err); status == http.StatusInternalServerError || ok && f.Kind == fault.KindCorrupt {
		v.app.cfg.Diary.Error("answer a request", "method", v.r.Method, "route", v.r.Pattern, "error", err)
	}
	message, hint := page.Fault(v.app.cat, v.lang, err)
	if v.r.Header.Get("Content-Type") == "application/json" {
		_ = v.json(status, map[string]string{"message": strings.TrimSpace(message + " " + hint)})
		return
	}
	p := problem{frame: v.frame("", message), Status: status, Message: message, Hint: hint}
	if v.desk == nil {
		p.Kept = v.wrote()
	}
	var b strings.Builder
	if err := v.app.pages.Render(&b, "problem", p); err != nil {
		b.Reset()
		fmt.Fprintln(&b, message, hint)
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if f, ok := fault.Of(err); ok && status == http.StatusServiceUnavailable {
		v.w.Header().Set("Retry-After", retryAfter(f))
	}
	v.w.WriteHeader(status)
	_, _ = v.w.Write([]byte(b.String()))
}

// unrepeated are the fields that no page gives back: secrets, and what no person wrote.
var unrepeated = []string{"passphrase", "fresh", "again", "secret", "token", "base"}

// wrote gives the longer texts of a form that came after the desk was locked,
// so that the person can copy them. It goes back only to the page that sent it.
func (v *visit) wrote() []string {
	var texts []string
	for name, values := range v.r.PostForm {
		for _, text := range values {
			if len(text) > 20 && !slices.Contains(unrepeated, name) {
				texts = append(texts, text)
			}
		}
	}
	slices.Sort(texts)
	return texts
}

// retryAfter is the fault's own number of seconds, when it has one.
func retryAfter(f *fault.Fault) string {
	if len(f.Args) > 0 {
		if s, ok := f.Args[0].(int); ok {
			return strconv.Itoa(s)
		}
	}
	return "60"
}

// statusOf is page.Status, but for what has not been found out to be a fault.
func statusOf(err error) int { return page.Status(err) }

// along is a page and one thing on it, for a partial template that needs both.
type along struct {
	Page   frame
	Report any // the thing
}

// Along puts a thing beside the page for a partial template.
func (f frame) Along(thing any) along { return along{f, thing} }
