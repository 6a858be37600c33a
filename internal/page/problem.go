package page

import (
	"bytes"
	"net/http"
	"strings"

	"kua/internal/fault"
	"kua/internal/locale"
)

// Problem is the page that tells about an error: what is wrong and what to do
// next. The shared template "error" shows it; a room may have its own.
type Problem struct {
	Base
	Status        int
	Message, Hint string
}

// Status is the HTTP status that fits the fault in err: fault.Status.
func Status(err error) int { return fault.Status(err) }

// ErrNotFound is the fault of an address that leads nowhere.
func ErrNotFound() error { return fault.NotFound("page.not_found") }

// Fail answers with the error page for err. b describes the page that could
// not be shown; its title is replaced.
func (s *Set) Fail(w http.ResponseWriter, b Base, err error) {
	p := Problem{Base: b, Status: Status(err)}
	p.Message, p.Hint = b.Fault(err)
	p.Title = p.Message
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusServiceUnavailable && h.Get("Retry-After") == "" {
		h.Set("Retry-After", "120")
	}
	w.WriteHeader(p.Status)
	if err := s.Render(w, "error", p); err != nil {
		// The template itself is broken: plain words are better than none.
		_, _ = w.Write([]byte(p.Message + "\n" + p.Hint + "\n"))
	}
}

// Show answers with a page, or with the error page when it cannot be made.
func (s *Set) Show(w http.ResponseWriter, name string, b Base, data any) {
	var page bytes.Buffer
	if err := s.Render(&page, name, data); err != nil {
		s.Fail(w, b, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page.Bytes())
}

// Cut takes the language off a request's path: "/uz-cyrl/r/1" is Cyrillic
// Uzbek and "/r/1".
func Cut(path string) (lang locale.Tag, rest string, ok bool) {
	segment, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	lang, ok = locale.Parse(segment)
	if !ok || lang.Path() != segment {
		return "", path, false
	}
	return lang, "/" + rest, true
}
