package deskweb

import (
	"net/http"
	"strings"

	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/page"
)

// route is one thing a person can ask of the app. Everything needs a signed-in
// person unless open says otherwise, and every POST needs the session's token.
type route struct {
	method, path string
	handle       func(*visit) error
	open         bool // also before sign-in
	plain        bool // an address without a language: films, previews
	policy       page.Policy
}

var (
	pages   = page.Policy{Forms: true}
	playing = page.Policy{Forms: true, Media: true}
	marking = page.Policy{Forms: true, Media: true, Scripts: true}
)

// routes is every address of the app, in the order of the work.
func (a *App) routes() []route {
	return []route{
		{method: "GET", path: "/sign-in", handle: signInPage, open: true, policy: pages},
		{method: "POST", path: "/sign-in", handle: signIn, open: true, policy: pages},
		{method: "POST", path: "/sign-out", handle: signOut, policy: pages},
		{method: "POST", path: "/lock", handle: lock, policy: pages},

		{method: "GET", path: "/{$}", handle: home, policy: pages},
		{method: "POST", path: "/collect", handle: collect, policy: pages},
		{method: "GET", path: "/work", handle: workPage, policy: pages},
		{method: "POST", path: "/errands/{kind}/stop", handle: stopErrand, policy: pages},
		{method: "POST", path: "/work/{id}/cancel", handle: cancelJob, policy: pages},
		{method: "POST", path: "/work/{id}/dismiss", handle: dismissJob, policy: pages},

		{method: "GET", path: "/inbox", handle: inbox, policy: pages},
		{method: "GET", path: "/reports/{id}", handle: reportPage, policy: playing},
		{method: "POST", path: "/reports/{id}/unread", handle: markUnread, policy: pages},
		{method: "POST", path: "/reports/{id}/open", handle: openCase, policy: pages},
		{method: "POST", path: "/reports/{id}/join", handle: joinCase, policy: pages},

		{method: "GET", path: "/cases", handle: casesPage, policy: pages},
		{method: "GET", path: "/cases/{id}", handle: casePage, policy: playing},
		{method: "POST", path: "/cases/{id}/title", handle: titleCase, policy: pages},
		{method: "POST", path: "/cases/{id}/assign", handle: assignCase, policy: pages},
		{method: "POST", path: "/cases/{id}/notes", handle: addNote, policy: pages},
		{method: "POST", path: "/cases/{id}/findings", handle: addFinding, policy: pages},
		{method: "POST", path: "/cases/{id}/replies", handle: reply, policy: pages},
		{method: "POST", path: "/cases/{id}/close", handle: closeCase, policy: pages},
		{method: "POST", path: "/cases/{id}/reopen", handle: reopenCase, policy: pages},
		{method: "GET", path: "/cases/{id}/custody", handle: custodyPage, policy: pages},
		{method: "GET", path: "/cases/{id}/record", handle: recordPage, policy: pages},
		{method: "POST", path: "/cases/{id}/record", handle: saveRecord, policy: pages},
		{method: "GET", path: "/cases/{id}/withdraw", handle: withdrawPage, policy: pages},
		{method: "POST", path: "/cases/{id}/withdraw", handle: withdraw, policy: pages},
		{method: "POST", path: "/replies/send", handle: sendReplies, policy: pages},

		{method: "GET", path: "/originals/{id}", handle: originalPage, policy: playing},
		{method: "GET", path: "/originals/{id}/traces", handle: tracesPage, policy: pages},
		{method: "POST", path: "/originals/{id}/probe", handle: probe, policy: pages},
		{method: "POST", path: "/originals/{id}/render", handle: render, policy: pages},
		{method: "POST", path: "/originals/{id}/viewing", handle: makeViewing, policy: pages},
		{method: "GET", path: "/originals/{id}/mark", handle: markerPage, policy: marking},
		{method: "POST", path: "/originals/{id}/mark", handle: savePlain, policy: marking},
		{method: "GET", path: "/originals/{id}/plan", handle: standingPlan, policy: pages},
		{method: "POST", path: "/originals/{id}/plan", handle: savePlan, policy: pages},
		{method: "POST", path: "/originals/{id}/shown", handle: pageShown, policy: pages},
		{method: "POST", path: "/originals/{id}/look", handle: startLook, policy: pages},
		{method: "POST", path: "/originals/{id}/follow", handle: startFollow, policy: pages},
		{method: "GET", path: "/originals/{id}/machine/{job}", handle: machineWork, policy: pages},
		{method: "POST", path: "/originals/{id}/machine/{job}", handle: stopMachine, policy: pages},
		{method: "POST", path: "/originals/{id}/hits/{hit}", handle: answerHit, policy: pages},
		{method: "GET", path: "/media/original/{id}", handle: playOriginal, plain: true, policy: playing},
		{method: "GET", path: "/media/viewing/{id}", handle: playViewing, plain: true, policy: playing},
		{method: "GET", path: "/media/view/{id}/{page}", handle: viewOriginal, plain: true, policy: playing},
		{method: "GET", path: "/media/derivative/{id}", handle: playDerivative, plain: true, policy: playing},

		{method: "GET", path: "/media/card/{record}/{lang}", handle: shareCard, plain: true, policy: pages},
		{method: "GET", path: "/media/kit/{record}", handle: uploadKit, plain: true, policy: pages},

		{method: "GET", path: "/publish", handle: publishPage, policy: pages},
		{method: "POST", path: "/publish/propose", handle: propose, policy: pages},
		{method: "POST", path: "/publish/send", handle: publish, policy: pages},
		{method: "GET", path: "/publish/{id}", handle: proposalPage, policy: pages},
		{method: "POST", path: "/publish/{id}/approve", handle: approve, policy: pages},
		{method: "POST", path: "/publish/{id}/decline", handle: decline, policy: pages},
		{method: "GET", path: "/preview/{id}/{path...}", handle: previewFile, plain: true, policy: playing},

		{method: "GET", path: "/spread", handle: spreadPage, policy: pages},
		{method: "POST", path: "/spread/send", handle: sendPosts, policy: pages},
		{method: "POST", path: "/spread/halt", handle: haltSpread, policy: pages},
		{method: "POST", path: "/spread/release", handle: releaseSpread, policy: pages},
		{method: "POST", path: "/channels", handle: addChannel, policy: pages},
		{method: "POST", path: "/channels/{id}", handle: turnChannel, policy: pages},
		{method: "GET", path: "/letters/{id}", handle: letterPage, policy: pages},
		{method: "POST", path: "/letters/{id}", handle: sendLetter, policy: pages},
		{method: "POST", path: "/spread/posts", handle: postRecord, policy: pages},
		{method: "GET", path: "/spread/{id}", handle: postPage, policy: playing},
		{method: "POST", path: "/spread/{id}/confirm", handle: confirmPost, policy: playing},
		{method: "POST", path: "/spread/{id}/as/{act}", handle: changePost, policy: playing},
		{method: "GET", path: "/media/post/{id}/{what}", handle: playPost, plain: true, policy: playing},

		{method: "GET", path: "/people", handle: peoplePage, policy: pages},
		{method: "POST", path: "/people/rewrap", handle: rewrap, policy: pages},
		{method: "POST", path: "/people/passphrase", handle: changePassphrase, policy: pages},
		{method: "GET", path: "/custody", handle: custodyPage, policy: pages},
		{method: "POST", path: "/custody/check", handle: checkCustody, policy: pages},

		{method: "GET", path: "/{$}", handle: toLanguage, open: true, plain: true, policy: pages},
		{method: "GET", path: "/favicon.ico", handle: noIcon, open: true, plain: true, policy: pages},
		{method: "GET", path: "/assets/", handle: asset, open: true, plain: true, policy: pages},
	}
}

// mux builds the mux for one kind of address. A pattern that stands twice
// panics at the start, in every test.
func (a *App) mux(plain bool) *http.ServeMux {
	mux := http.NewServeMux()
	for _, r := range a.routes() {
		if r.plain == plain {
			mux.Handle(r.method+" "+r.path, page.Headers(r.policy, a.serve(r)))
		}
	}
	mux.Handle("/", page.Headers(pages, a.serve(route{open: true, policy: pages, handle: func(*visit) error { return page.ErrNotFound() }})))
	return mux
}

// serve checks who asks and turns a handler's error into a page.
func (a *App) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := a.visit(w, r)
		if err := v.enter(rt); err != nil {
			v.fail(err)
			return
		}
		if v.w == nil { // enter has answered
			return
		}
		defer v.leave()
		if err := rt.handle(v); err != nil {
			v.fail(err)
		}
	})
}

// enter finds the visitor's session and the open desk, and refuses who may not
// come in. A visitor without a person is sent to sign in, which enter answers
// itself.
func (v *visit) enter(rt route) error {
	v.who, _ = v.app.sessions.find(v.r)
	if v.who != nil && v.who.person != nil {
		if v.desk = v.app.hold(); v.desk != nil {
			v.seat = v.who.seat
		}
	}
	if rt.method == http.MethodPost {
		if err := v.checkToken(); err != nil {
			v.leave()
			return err
		}
	}
	if rt.open || v.desk != nil {
		return nil
	}
	if v.r.Method == http.MethodGet && !rt.plain {
		http.Redirect(v.w, v.r, "/"+v.lang.Path()+"/sign-in", http.StatusSeeOther)
		v.w = nil
		return nil
	}
	return fault.Forbidden("deskweb.locked")
}

// leave lets the desk be closed again.
func (v *visit) leave() {
	if v.desk != nil {
		v.app.release()
		v.desk = nil
	}
}

func (v *visit) checkToken() error {
	token := v.r.Header.Get("Kua-Token")
	if token == "" {
		if err := v.r.ParseForm(); err != nil {
			return fault.Invalid("deskweb.form").Because(err)
		}
		token = v.r.PostForm.Get("token")
	}
	if v.who == nil {
		return fault.Forbidden("deskweb.locked")
	}
	if !v.app.sessions.holds(v.who, token) {
		return fault.Forbidden("deskweb.token")
	}
	return nil
}

// toLanguage sends a browser to the first language it asks for that we speak.
func toLanguage(v *visit) error {
	for part := range strings.SplitSeq(v.r.Header.Get("Accept-Language"), ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		for name != "" {
			if tag, ok := locale.Parse(name); ok {
				v.lang = tag
				return v.to("/")
			}
			name = name[:max(0, strings.LastIndex(name, "-"))]
		}
	}
	return v.to("/")
}

func noIcon(v *visit) error {
	v.w.WriteHeader(http.StatusNoContent)
	return nil
}

func asset(v *visit) error {
	v.app.assets.ServeHTTP(v.w, v.r)
	return nil
}
