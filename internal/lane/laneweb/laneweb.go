// Package laneweb is what a browser sees of the open lane: telling, the case
// pages, the list, and coming back with a code. Every page works without a script.
//
// It keeps nothing between two requests, but for the cleaned photos of a draft;
// package lane keeps what is sent. Citizens get no cookie; officials who sign in
// below /office get one. It stands on nothing of the sealed lane and links to its report
// page by address alone. Used by cmd/kua.
package laneweb

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"kua/internal/authority"
	"kua/internal/fault"
	"kua/internal/lane"
	roads "kua/internal/link"
	"kua/internal/locale"
	"kua/internal/page"
	"kua/web"
)

// Root is the lane's address below a language.
const Root = "/open"

// maxForm is the most bytes of a form: all its texts in three-byte letters, encoded.
const maxForm = 256 << 10

var policy = page.Policy{Forms: true}

// Config says what the pages show; Lane and Catalogue must be set.
type Config struct {
	Lane      *lane.Lane
	Catalogue *locale.Catalogue
	Name      func(locale.Tag) string // of whoever runs the lane
	PerHour   int                     // reports taken in an hour by all processes on this database, as many acts on them and of their supporters, and twice as many photos; default 600
	Licence   Licence                 // of the open data
	Site      *url.URL                // as others reach it; nil: as a request names it
	Diary     *slog.Logger            // faults of the house, and on which kind of page; nothing of who asks; default: nowhere
	Alerts    bool                    // mail can be sent, so alerts can be asked for
}

// Web serves the open lane. It is safe for many goroutines.
type Web struct {
	lane      *lane.Lane
	cat       *locale.Catalogue
	name      func(locale.Tag) string
	set       *page.Set
	budget    *budget // of reports
	spare     *budget // of reports that come without work while there is load
	acts      *budget // of those with a holder's code or a link, whom no flood of reports is to keep out
	crowd     *budget // of supporters, whose codes are free for all
	joins     *budget // of having the same trouble, for which nobody needs a code that was known before
	inquiries *budget // of questions
	photos    *budget
	letters   *budget // that ask an address whether it wants alerts
	mails     bool
	rooms     *http.ServeMux

	setting    chan struct{} // letters that are being made
	shared     shared
	packedOnce roads.Packer  // of what is shared: it is packed once for all
	streams    chan struct{} // of inboxes: downloads that run
	licence    Licence
	site       *url.URL
	diary      *slog.Logger

	moderated counted
}

// New makes the pages. Without the built browser code it fails with web.ErrNotBuilt.
func New(cfg Config) (*Web, error) {
	assets, err := web.Assets()
	if err != nil {
		return nil, err
	}
	set, err := page.Parse(web.Templates(), "lane")
	if err != nil {
		return nil, err
	}
	set.Use(assets)
	if cfg.PerHour <= 0 {
		cfg.PerHour = 600
	}
	if cfg.Name == nil {
		cfg.Name = func(locale.Tag) string { return "Kuä" }
	}
	if cfg.Diary == nil {
		cfg.Diary = slog.New(slog.DiscardHandler)
	}
	w := &Web{diary: cfg.Diary, packedOnce: roads.Packer{Kinds: packedKinds, Keep: sharedPages}, lane: cfg.Lane, cat: cfg.Catalogue, name: cfg.Name, set: set, budget: newBudget(cfg.Lane, "reports", cfg.PerHour), acts: newBudget(cfg.Lane, "acts", cfg.PerHour), crowd: newBudget(cfg.Lane, "acts of supporters", cfg.PerHour),
		joins: newBudget(cfg.Lane, "supports", cfg.PerHour), inquiries: newBudget(cfg.Lane, "questions", cfg.PerHour), photos: newBudget(cfg.Lane, "photos", 2*cfg.PerHour),
		spare: newBudget(cfg.Lane, "unworked", max(1, cfg.PerHour/spareShare)), letters: newBudget(cfg.Lane, "alerts", max(1, cfg.PerHour/alertShare)), mails: cfg.Alerts,
		setting: make(chan struct{}, lettersAtATime), streams: make(chan struct{}, maxStreams), licence: cfg.Licence, site: cfg.Site}
	w.routes()
	return w, nil
}

// table is the routes of a language's address space below Root; {$} keeps others out.
func (w *Web) table() map[string]func(*visit) error {
	return map[string]func(*visit) error{
		"GET /{$}":                w.front,
		"GET /feed":               w.feed,
		"GET /tell":               w.what,
		"GET /tell/{category}":    w.form,
		"POST /tell/{category}":   w.form,
		"POST /review/{category}": w.review,
		"POST /send/{category}":   w.send,
		"POST /same/{id}":         w.same,
		"GET /case/{id}":          w.request,
		"GET /picture/{name}":     w.picture,
		"GET /map":                w.showMap,
		"GET /ground.svg":         w.ground,
		"GET /area/{id}":          w.area,
		"GET /mine":               w.mine,
		"POST /mine":              w.mine,
		"POST /add":               w.add,
		"POST /withdraw":          w.withdraw,
		"POST /answer":            w.holderAnswers,
		"GET /at/{token}":         w.link,
		"POST /at/{token}":        w.answer,
		"POST /at/{token}/renew":  w.renew,
		"POST /contact":           w.contact,
		"POST /appeal":            w.official,
		"POST /attest":            w.attest,
		"POST /takeback":          w.takeBack,
		"POST /letter":            w.letterAsk,
		"POST /letter/look":       w.letterLook,
		"POST /letter/pdf":        w.letterPDF,
		"POST /letter/text":       w.letterText,
		"POST /entrust":           w.entrust,
		"POST /judge":             w.judge,
		"POST /outcome":           w.outcome,
		"POST /again":             w.askAgain,
		"GET /moderation":         w.moderation,
		"GET /alerts":             w.alerts,
		"POST /alerts":            w.askAlert,
		"GET /alert/{mark}":       w.alert,
		"POST /alert/{mark}":      w.confirmAlert,
		"GET /alert/{mark}/end":   w.alert,
		"POST /alert/{mark}/end":  w.endAlert,

		"GET /check/{token}":                     w.queue,
		"GET /check/{token}/{id}":                w.lookAt,
		"POST /check/{token}/{id}":               w.decide,
		"GET /check/{token}/{id}/picture/{name}": w.checkPicture,

		"GET /office/{$}":                   w.office(w.inbox),
		"GET /office/sign-in":               w.signIn,
		"POST /office/sign-in":              w.signIn,
		"POST /office/sign-out":             w.office(w.signOut),
		"GET /office/enrol/{token}":         w.enrol,
		"POST /office/enrol/{token}":        w.enrol,
		"GET /office/part/{number}":         w.office(w.part),
		"POST /office/part/{number}":        w.office(w.part),
		"POST /office/part/{number}/assign": w.office(w.assign),
		"POST /office/part/{number}/appeal": w.office(w.attestPart),
		"POST /at/{token}/appeal":           w.attestLink,
		"GET /office/calendar":              w.office(w.calendar),
		"GET /office/calendar.ics":          w.office(w.calendarFile),
		"GET /office/inbox.csv":             w.office(w.inboxTable),
		"POST /office/bulk":                 w.office(w.bulk),
		"GET /office/templates":             w.office(w.templates),
		"POST /office/templates":            w.office(w.templates),
		"GET /office/people":                w.office(w.people),
		"POST /office/people":               w.office(w.people),

		"GET /authority/{id}":      w.authority,
		"GET /authority/{id}/feed": w.authorityFeed,
		"GET /ask/{id}":            w.question,
		"POST /ask/{id}":           w.question,
		"GET /office/board":        w.office(w.board),
		"POST /office/board":       w.office(w.board),

		"GET /score":                        w.score,
		"GET /score/{kind}":                 w.score,
		"GET /score/{kind}/{id}":            w.scoreOne,
		"GET /score/{kind}/{id}/rows.csv":   w.scoreRows,
		"GET /appeals/{kind}":               w.legs,
		"GET /appeals/{kind}/{id}":          w.legsOne,
		"GET /appeals/{kind}/{id}/rows.csv": w.legRows,
		"GET /score/appeals":                w.legsBefore(""),
		"GET /score/appeals/{id}":           w.legsBefore(""),
		"GET /score/appeals/{id}/rows.csv":  w.legsBefore("/rows.csv"),
		"GET /data":                         w.data,
		"GET /data/cases.csv":               w.casesCSV,
		"GET /data/cases.jsonl":             w.casesLines,
		"GET /data/cases.geojson":           w.casesGeo,
	}
}

// Patterns gives every route below a language and Root, in order, for whoever goes
// through all of them.
func (w *Web) Patterns() []string { return slices.Sorted(maps.Keys(w.table())) }

func (w *Web) routes() {
	w.rooms = http.NewServeMux()
	for pattern, show := range w.table() {
		room, pack := w.page(show), packer
		switch pattern {
		case "GET /{$}", "GET /map", "GET /area/{id}", "GET /score", "GET /score/{kind}", "GET /appeals/{kind}":
			room, pack = w.sharing(room), &w.packedOnce
		}
		w.rooms.Handle(pattern, pack.Pack(room))
	}
	w.rooms.Handle("/", packer.Pack(w.page(func(*visit) error { return page.ErrNotFound() })))
}

// packedKinds are packed: pages, maps and feeds. Photos and downloads go as they are.
var packedKinds = []string{"text/html", "image/svg+xml", "application/atom+xml"}

var packer = &roads.Packer{Kinds: packedKinds}

// Before serves the open lane's address space as long as the lane has a
// directory, and leaves everything else to next.
func (w *Web) Before(next http.Handler) http.Handler {
	mine := page.Headers(policy, http.HandlerFunc(w.serve))
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, rest, ok := page.Cut(r.URL.Path)
		if !ok || rest != Root && !strings.HasPrefix(rest, Root+"/") {
			next.ServeHTTP(rw, r)
			return
		}
		ctx, err := w.pinned(r)
		if errors.Is(err, fault.NotFound("lane.no_directory")) {
			next.ServeHTTP(rw, r)
			return
		}
		mine.ServeHTTP(rw, r.WithContext(ctx))
	})
}

// pinned gives the context of a request. What is only read is made of one directory. What
// is posted is judged by the one that is in force when all of it has come, which may be
// hours after it began.
func (w *Web) pinned(r *http.Request) (context.Context, error) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return w.lane.Pinned(r.Context())
	}
	_, _, err := w.lane.Current(r.Context())
	return r.Context(), err
}

func (w *Web) serve(rw http.ResponseWriter, r *http.Request) {
	lang, rest, _ := page.Cut(r.URL.Path)
	if rest == Root {
		http.Redirect(rw, r, "/"+lang.Path()+Root+"/", http.StatusPermanentRedirect)
		return
	}
	inner := r.Clone(withLang(r.Context(), lang))
	inner.URL = &url.URL{Path: strings.TrimPrefix(rest, Root), RawQuery: r.URL.RawQuery}
	w.rooms.ServeHTTP(rw, inner)
}

// visit is one request for a page and what every page needs to answer it.
type visit struct {
	*http.Request
	rw     http.ResponseWriter
	lang   locale.Tag
	router *authority.Router
	form   url.Values // what was posted

	photoTrouble error // why a photo was not taken
	photoTaken   bool  // one came with this form, and its sender has not seen it cleaned
	done         bool  // what was posted is taken
}

// page adapts a page's function: it reads the form of a POST, which must not come
// from another site's page, and answers with the error page when it fails.
func (w *Web) page(show func(*visit) error) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		v := &visit{Request: r, rw: rw, lang: langOf(r.Context())}
		err := w.begin(v)
		if err == nil {
			err = show(v)
		}
		if err != nil {
			if fault.OfHouse(err) && r.Context().Err() == nil {
				w.diary.Error("a page of the open lane failed", "page", r.Pattern, "fault", err)
			}
			w.set.Fail(rw, page.NewBase(w.cat, v.lang, "", Root+"/"), err)
		}
	})
}

func (w *Web) begin(v *visit) (err error) {
	if v.Method == http.MethodPost {
		if err := w.posted(v); err != nil {
			return err
		}
	}
	_, v.router, err = w.lane.Current(v.Context())
	return err
}

// posted reads a form.
func (w *Web) posted(v *visit) error {
	if page.Foreign(v.Request) {
		return fault.Forbidden("laneweb.foreign")
	}
	if kind, _, _ := mime.ParseMediaType(v.Header.Get("Content-Type")); kind == "multipart/form-data" {
		return w.multipart(v)
	}
	body := page.Patiently(v.rw, v.Body)
	v.Body = http.MaxBytesReader(v.rw, body, maxForm)
	if err := v.ParseForm(); err != nil {
		return broken(err, maxForm)
	}
	body.Whole()
	v.form = v.PostForm
	return nil
}

// base is what every page here shows.
type base struct {
	page.Base
	Collective string
	MadeUp     bool
	Sealed     string // address of the sealed report page
}

func (w *Web) base(v *visit, path, titleKey string, args ...any) base {
	b := base{Base: page.NewBase(w.cat, v.lang, w.cat.T(v.lang, titleKey, args...), Root+path), Collective: w.name(v.lang),
		MadeUp: v.router.Directory().Info.MadeUp}
	b.Sealed = b.Href("/report")
	return b
}

// At is an address of the lane in the page's language.
func (b base) At(path string) string { return b.Href(Root + path) }

// say gives sentences in the page's language.
func (w *Web) say(lang locale.Tag, all []locale.Sentence) []string {
	var said []string
	for _, s := range all {
		said = append(said, w.cat.Say(lang, s))
	}
	return said
}

// named is something with a name in the reader's language.
type named struct {
	ID, Name string
	Depth    int // in its tree
	Chosen   bool
}
