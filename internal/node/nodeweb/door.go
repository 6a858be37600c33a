package nodeweb

import (
	"net/http"

	"kua/internal/locale"
	"kua/internal/page"
)

// missing answers for an address that leads nowhere: the language chooser at the
// root and the welcome page of a language as long as nothing is published, and
// the error page everywhere else.
func (w *Web) missing(rw http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		rw.Header().Set("Allow", "GET, HEAD")
		http.Error(rw, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	lang, rest, ok := page.Cut(r.URL.Path)
	number, _ := w.node.Edition()
	switch {
	case number == 0 && (r.URL.Path == "/" || r.URL.Path == "/index.html"):
		w.chooser(rw)
	case number == 0 && ok && (rest == "/" || rest == "/index.html"):
		w.welcome(rw, lang)
	case !ok && !wantsPage(r):
		rw.Header().Set("Cache-Control", "no-store")
		http.Error(rw, "404 not found", http.StatusNotFound)
	default:
		if !ok {
			lang, rest = locale.English, "/"
		}
		w.set.Fail(rw, page.NewBase(w.cat, lang, "", rest), page.ErrNotFound())
	}
}

// chooserPage lets people choose their language, each in its own words.
type chooserPage struct{ base }

func (w *Web) chooser(rw http.ResponseWriter) {
	c, _ := w.node.Charter()
	lang := locale.English
	if len(c.Languages) > 0 {
		if first, ok := locale.Parse(c.Languages[0]); ok {
			lang = first
		}
	}
	b := w.base(lang, "/", "node.front")
	b.Title = b.Collective
	w.set.Show(rw, "chooser", b.Base, chooserPage{b})
}

// welcomePage is the front page as long as no edition is published.
type welcomePage struct {
	base
	About string
}

func (w *Web) welcome(rw http.ResponseWriter, lang locale.Tag) {
	c, _ := w.node.Charter()
	b := w.base(lang, "/", "node.front")
	b.Title = b.Collective
	about, _ := lang.Text(c.About)
	w.set.Show(rw, "welcome", b.Base, welcomePage{b, about})
}
