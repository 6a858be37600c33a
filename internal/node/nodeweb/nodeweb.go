// Package nodeweb is what a browser sees of a node: the report page, the replies
// page, the search, the published edition's files and the errors, with the
// node's interface mounted among them.
//
// It opens and stores nothing, and seals only where an operator asked for the page
// without scripts (open.go): the witness's browser does the first two and package
// node the last. Used by cmd/kua.
package nodeweb

import (
	"net/http"
	"strings"

	"kua/internal/link"
	"kua/internal/locale"
	"kua/internal/node"
	"kua/internal/nodeapi"
	"kua/internal/page"
	"kua/internal/reader"
	"kua/internal/reportpage"
	"kua/web"
)

// The policies of what is served here, beside those of package reportpage.
var (
	plain  = page.Policy{Forms: true}
	public = page.Policy{Forms: true, Media: true, Public: true}
)

// Web serves everything that a node shows. It is safe for many goroutines.
type Web struct {
	rooms   http.Handler
	edition http.Handler
	lines   []byte // that every answer with a file of the edition has in its head

	node   *node.Node
	cat    *locale.Catalogue
	set    *page.Set
	pages  reportpage.Pages
	assets *web.Bundle
	single *reader.Server
	door   *openDoor // nil: there is no page without scripts
}

// Options are what an operator may add.
type Options struct {
	// Open adds the page on which a report is written without scripts. The node's
	// memory sees what is written there before it is sealed.
	Open bool
}

// New makes the handler of a node's pages. Without the built browser code it
// fails with web.ErrNotBuilt: a report page that cannot seal is of no use.
func New(n *node.Node, cat *locale.Catalogue, o Options) (*Web, error) {
	assets, err := web.Assets()
	if err != nil {
		return nil, err
	}
	set, err := page.Parse(web.Templates(), "node")
	if err != nil {
		return nil, err
	}
	set.Use(assets)
	maker, err := reader.NewMaker(cat, web.Templates(), assets)
	if err != nil {
		return nil, err
	}
	w := &Web{node: n, cat: cat, set: set, pages: reportpage.Pages{Catalogue: cat, Set: set}, assets: assets, single: reader.NewServer(maker)}
	if o.Open {
		w.door = &openDoor{reading: make(chan struct{}, openRead), busy: make(chan struct{}, openAtOnce), tokens: newTokens()}
	}
	w.edition, w.lines = page.Headers(public, n.Files()), link.Lines(public.Header())
	w.rooms = w.routes()
	return w, nil
}

// ServeHTTP implements http.Handler. A page of the edition that lies ready came
// through the rooms before: nothing else has its address.
func (w *Web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if !w.node.Answer(rw, r, w.lines) {
		w.rooms.ServeHTTP(rw, r)
	}
}

func (w *Web) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(nodeapi.Base+"/", w.node.Handler())
	mux.Handle("/healthz", w.node.Status())
	actors := w.node.Actors()
	mux.Handle("/metrics", w.node.Status())
	mux.Handle(web.Prefix, page.Headers(reportpage.Opening, w.assets)) // a worker obeys the policy its script came with
	rooms := map[string]http.Handler{
		"/report":       page.Headers(reportpage.Sealing, reportpage.Packed(w.page(w.report))),
		"/report/words": page.Headers(plain, reportpage.Packed(w.page(w.reportWords))),
		"/replies":      page.Headers(reportpage.Opening, reportpage.Packed(w.page(w.replies))),
		"/search":       page.Headers(plain, w.page(w.search)),
	}
	if w.door != nil {
		rooms[OpenPath] = page.Headers(plain, http.HandlerFunc(w.open))
	}
	single := page.Headers(plain, w.page(w.keep))
	missing := page.Headers(plain, http.HandlerFunc(w.missing))
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		_, rest, ok := page.Cut(r.URL.Path)
		switch room := rooms[rest]; {
		case node.IsActor(r.URL.Path):
			actors.ServeHTTP(rw, r)
		case ok && room != nil:
			room.ServeHTTP(rw, r)
		case ok && strings.HasPrefix(rest, "/keep/"):
			single.ServeHTTP(rw, r)
		case w.node.Has(r.Context(), r.URL.Path) || w.node.Has(r.Context(), r.URL.Path+"/"):
			w.edition.ServeHTTP(rw, r)
		default:
			missing.ServeHTTP(rw, r)
		}
	})
	return mux
}

// page adapts a page's function: it answers GET and HEAD in the language of the
// path, and with the error page when it fails.
func (w *Web) page(show func(rw http.ResponseWriter, r *http.Request, lang locale.Tag) error) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			rw.Header().Set("Allow", "GET, HEAD")
			http.Error(rw, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		lang, rest, _ := page.Cut(r.URL.Path)
		if err := show(rw, r, lang); err != nil {
			w.set.Fail(rw, page.NewBase(w.cat, lang, "", rest), err)
		}
	})
}

func (w *Web) report(rw http.ResponseWriter, _ *http.Request, lang locale.Tag) error {
	c, _ := w.node.Charter()
	return w.pages.Report(rw, lang, c, w.door != nil)
}

func (w *Web) reportWords(rw http.ResponseWriter, _ *http.Request, lang locale.Tag) error {
	c, _ := w.node.Charter()
	return w.pages.ReportWords(rw, lang, c)
}

func (w *Web) replies(rw http.ResponseWriter, _ *http.Request, lang locale.Tag) error {
	c, _ := w.node.Charter()
	return w.pages.Replies(rw, lang, c)
}

// keep gives a record as one file that checks itself.
func (w *Web) keep(rw http.ResponseWriter, r *http.Request, _ locale.Tag) error {
	src, err := w.node.Published()
	if err != nil {
		return err
	}
	return w.single.Serve(node.Patient(rw), r, src)
}

// base is what every page here shows of the collective.
type base struct {
	page.Base
	Collective string
}

// base describes a page; titleKey names its title.
func (w *Web) base(lang locale.Tag, path, titleKey string) base {
	c, _ := w.node.Charter()
	name, _ := lang.Text(c.Name)
	return base{Base: page.NewBase(w.cat, lang, w.cat.T(lang, titleKey), path), Collective: name}
}

// wantsPage reports whether a browser asks for something to look at.
func wantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
