package laneweb

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/page"
	"kua/internal/passkey"
	"kua/internal/qrcode"
)

// officePolicy is that of the pages on which a passkey is made or used. Of an authority's
// account no others have a script, but for a report's page that asks for a photo (photoPolicy).
var officePolicy = page.Policy{Forms: true, Scripts: true, Passkeys: true}

// The fields of an account's forms.
const (
	accountField  = "account"
	passwordField = "password"
	onceField     = "once" // a one-time code
	secretField   = "secret"
	keyField      = "passkey"
	formField     = "form" // belongs to the session
)

// desk is what every page of an account shows of it; its zero value is a page
// that nobody is signed in on.
type desk struct {
	Signed          bool
	Who, Office, At string // the account, its authority, the way to the inbox
	Form            string // lane.FormToken
	Admin           bool
}

func (w *Web) desk(v *visit, b base, me lane.Account) desk {
	return desk{true, me.Name, authorityName(v.router, me.Authority, v.lang), b.At("/office/"), lane.FormToken(w.session(v)), me.Admin}
}

// origin is the site as browsers see it. What names no site and came over no
// network (a loopback address) is that of somebody who tries the program.
func (w *Web) origin(r *http.Request) string {
	if w.site != nil {
		return w.site.Scheme + "://" + w.site.Host
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	if ip := net.ParseIP(strings.Trim(host, "[]")); r.TLS == nil && (host == "localhost" || ip != nil && ip.IsLoopback()) {
		return "http://" + r.Host
	}
	return "https://" + r.Host
}

// cookie is the session's. Browsers take one named __Host- only over TLS, for this
// host alone and for all of it, so that no neighbour can set it.
func (w *Web) cookie(r *http.Request, value string) *http.Cookie {
	c := &http.Cookie{Name: "__Host-kua-office", Value: value, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode}
	if strings.HasPrefix(w.origin(r), "http://") {
		c.Name, c.Secure = "kua-office", false
	}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// session gives the token that the browser sent, "" for none.
func (w *Web) session(v *visit) string {
	c, err := v.Cookie(w.cookie(v.Request, "").Name)
	if err != nil {
		return ""
	}
	return c.Value
}

// keyed is the site for passkeys.
func (w *Web) keyed(v *visit) passkey.Site {
	return passkey.Site{Origin: w.origin(v.Request), Name: w.name(v.lang)}
}

// office adapts a page for which somebody must be signed in. Its forms must carry
// what belongs to their session.
func (w *Web) office(show func(*visit, lane.Account) error) func(*visit) error {
	return func(v *visit) error {
		v.rw.Header().Set("X-Robots-Tag", "noindex, nofollow, noarchive")
		me, err := w.lane.SignedIn(v.Context(), w.session(v))
		switch {
		case errors.Is(err, fault.Forbidden("lane.signed_out")) && v.Method == http.MethodPost:
			return w.showSignIn(v, err)
		case errors.Is(err, fault.Forbidden("lane.signed_out")):
			return w.showSignIn(v, nil)
		case err != nil:
			return err
		}
		if v.Method == http.MethodPost && !lane.SameForm(w.session(v), v.form.Get(formField)) {
			return fault.Forbidden("laneweb.foreign")
		}
		return show(v, me)
	}
}

// signPage asks who it is.
type signPage struct {
	base
	Trouble, Hint string
	Name          string // as it was typed
	Unkept        string // the words of an answer that came after the session had ended
	Options       string // for the browser's passkeys; "" where it has none
}

func (w *Web) signIn(v *visit) error {
	v.rw.Header().Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	if v.Method == http.MethodGet {
		return w.showSignIn(v, nil)
	}
	var session string
	var err error
	if answer := v.form.Get(keyField); answer != "" {
		session, err = w.lane.SignInPasskey(v.Context(), w.keyed(v), []byte(answer))
	} else {
		session, err = w.lane.SignIn(v.Context(), v.form.Get(accountField), v.form.Get(passwordField), v.form.Get(onceField))
	}
	if f, ok := fault.Of(err); ok && (f.Kind == fault.KindForbidden || f.Kind == fault.KindLater || f.Kind == fault.KindConflict) {
		return w.showSignIn(v, err)
	}
	if err != nil {
		return err
	}
	w.enter(v, session)
	return nil
}

// enter gives the browser its session and leads to the inbox.
func (w *Web) enter(v *visit, session string) {
	if old := w.session(v); old != "" {
		_ = w.lane.SignOut(v.Context(), old) // whoever signs in anew leaves nothing behind
	}
	http.SetCookie(v.rw, w.cookie(v.Request, session))
	v.rw.Header().Set("Location", "/"+v.lang.Path()+Root+"/office/")
	v.rw.WriteHeader(http.StatusSeeOther)
}

func (w *Web) showSignIn(v *visit, trouble error) error {
	p := signPage{base: w.base(v, "/office/sign-in", "office.sign_in")}
	if trouble != nil {
		p.Trouble, p.Hint = p.Fault(trouble)
		p.Name, p.Unkept = clean(v.form.Get(accountField)), clean(v.form.Get("reason"))
	}
	if site := w.keyed(v); site.Can() {
		options, err := w.lane.AskToSign(v.Context(), site)
		if err != nil {
			return err
		}
		p.Options = string(options)
	}
	w.showUnder(v, officePolicy, "office-sign", p.Base, p, statusOf(trouble))
	return nil
}

func (w *Web) signOut(v *visit, me lane.Account) error {
	var err error
	if v.form.Get("everywhere") == "yes" {
		err = w.lane.SignOutEverywhere(v.Context(), me)
	} else {
		err = w.lane.SignOut(v.Context(), w.session(v))
	}
	if err != nil {
		return err
	}
	http.SetCookie(v.rw, w.cookie(v.Request, ""))
	v.rw.Header().Set("Location", "/"+v.lang.Path()+Root+"/office/sign-in")
	v.rw.WriteHeader(http.StatusSeeOther)
	return nil
}

// enrolPage sets an account up: by a passkey, or by a password and one-time codes.
type enrolPage struct {
	base
	Token, Who, Office string
	Trouble, Hint      string
	Secret             lane.Secret
	Picture            qrcode.Square
	Options            string
	Codes              []string // that stand in for a lost telephone
}

// Spelled gives the secret in groups of four, to be typed.
func (p enrolPage) Spelled() string {
	var b strings.Builder
	for i, c := range string(p.Secret) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

func (w *Web) enrol(v *visit) error {
	v.rw.Header().Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	token := v.PathValue("token")
	if v.Method == http.MethodGet {
		return w.showEnrol(v, nil)
	}
	if answer := v.form.Get(keyField); answer != "" {
		session, err := w.lane.SetUpPasskey(v.Context(), w.keyed(v), token, []byte(answer))
		if f, ok := fault.Of(err); ok && (f.Kind == fault.KindForbidden || f.Kind == fault.KindConflict) {
			return w.showEnrol(v, err)
		}
		if err == nil {
			w.enter(v, session)
		}
		return err
	}
	if v.form.Get(passwordField) != v.form.Get("again") {
		return w.showEnrol(v, fault.Invalid("office.again"))
	}
	session, codes, err := w.lane.SetUpPassword(v.Context(), token, v.form.Get(passwordField), lane.Secret(v.form.Get(secretField)), v.form.Get(onceField))
	if f, ok := fault.Of(err); ok && f.Kind == fault.KindInvalid {
		return w.showEnrol(v, err)
	}
	if err != nil {
		return err
	}
	http.SetCookie(v.rw, w.cookie(v.Request, session))
	p := enrolPage{base: w.base(v, "/office/", "office.codes"), Codes: codes}
	return w.show(v, "office-enrol", p.Base, p, nil)
}

// showEnrol shows how an account can be set up. The secret of the one-time codes
// goes through the form and is kept once a code has shown that it arrived.
func (w *Web) showEnrol(v *visit, trouble error) error {
	token := v.PathValue("token")
	who, err := w.lane.Invited(v.Context(), token)
	if err != nil {
		return err
	}
	p := enrolPage{base: w.base(v, "/office/enrol/"+token, "office.enrol"), Token: token, Who: who.Name, Office: authorityName(v.router, who.Authority, v.lang),
		Secret: lane.NewSecret()}
	if trouble != nil {
		p.Trouble, p.Hint = p.Fault(trouble)
		if given := lane.Secret(v.form.Get(secretField)); !errors.Is(trouble, fault.Invalid("lane.bad_secret")) && given != "" {
			if _, err := given.Read(); err == nil {
				p.Secret = given
			}
		}
	}
	code, err := qrcode.New(p.Secret.Address(p.Collective, who.Name))
	if err != nil {
		return err
	}
	p.Picture = code.Square()
	if site := w.keyed(v); site.Can() {
		options, err := w.lane.AskToMake(v.Context(), site, token)
		if err != nil {
			return err
		}
		p.Options = string(options)
	}
	w.showUnder(v, officePolicy, "office-enrol", p.Base, p, statusOf(trouble))
	return nil
}

// peoplePage is an authority's accounts, for its admins.
type peoplePage struct {
	base
	Desk          desk
	Trouble, Hint string
	Link, For     string     // the link that sets an account up, shown once
	Ask           *personRow // whose reset is asked about
	People        []personRow
	Traces        []string
	Digest        lane.DigestState
	Last, Why     string // when the newest daily letter was written; why it has not gone out
}

type personRow struct {
	lane.Account
	Day, Is string
	Me      bool
}

const shownTraces = 50

func (w *Web) people(v *visit, me lane.Account) error {
	if !me.Admin {
		return fault.Forbidden("lane.not_admin")
	}
	var token, whose string
	var asked int64 // the account whose reset is asked about
	var trouble error
	if v.Method == http.MethodPost {
		number, _ := strconv.ParseInt(v.form.Get("number"), 10, 64) // 0 is nobody's
		var a lane.Account
		switch v.form.Get("do") {
		case "add":
			a, token, trouble = w.lane.AddAccount(v.Context(), &me, me.Authority, v.form.Get(accountField), v.form.Get("admin") == "yes")
		case "reset": // it ends what somebody works with, so it is asked once more
			asked = number
		case "reset_yes":
			a, token, trouble = w.lane.ResetAccount(v.Context(), &me, number)
		case "digest_on", "digest_off":
			trouble = w.lane.SwitchDigest(v.Context(), me, v.form.Get("do") == "digest_off")
		case "close":
			trouble = w.lane.CloseAccount(v.Context(), &me, number)
		default:
			return fault.Invalid("laneweb.bad_form")
		}
		if f, ok := fault.Of(trouble); trouble != nil && (!ok || f.Kind == fault.KindInternal) {
			return trouble
		}
		whose = a.Name
	}
	all, err := w.lane.Accounts(v.Context(), me.Authority)
	if err != nil {
		return err
	}
	p := peoplePage{base: w.base(v, "/office/people", "office.people"), For: whose}
	p.Desk = w.desk(v, p.base, me)
	if trouble != nil {
		p.Trouble, p.Hint = p.Fault(trouble)
	} else if token != "" {
		p.Link = w.keyed(v).Origin + p.At("/office/enrol/"+token)
	}
	names := w.names(p.base, all)
	for _, a := range all {
		p.People = append(p.People, personRow{a, p.Date(string(a.Since)), p.T("office.account." + a.State), a.Number == me.Number})
		if a.Number == asked && a.Number != me.Number {
			p.Ask = &p.People[len(p.People)-1]
		}
	}
	if p.Digest, err = w.lane.DigestOf(v.Context(), me); err != nil {
		return err
	}
	if p.Digest.Last != "" {
		p.Last = p.Date(string(p.Digest.Last))
	}
	if p.Digest.Why != nil {
		p.Why, _ = p.Fault(p.Digest.Why)
	}
	traces, err := w.lane.AccountTraces(v.Context(), me.Authority, shownTraces)
	if err != nil {
		return err
	}
	for _, t := range traces {
		p.Traces = append(p.Traces, traceLine(p.base, names, t))
	}
	return w.show(v, "office-people", p.Base, p, trouble)
}
