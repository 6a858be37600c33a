package page

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"kua/internal/fault"
	"kua/internal/locale"
)

func english(t *testing.T) *locale.Catalogue {
	t.Helper()
	cat, err := locale.Load(os.DirFS("../../web/locales"))
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

type assets struct{}

func (assets) Path(name string) string { return "/assets/" + name }

func (assets) Integrity(string) string { return "sha384-0+" }

func testSet(t *testing.T) *Set {
	t.Helper()
	s, err := Parse(fstest.MapFS{
		"_shared/_languages.html": {Data: []byte(`{{define "languages"}}[{{range .Languages}}<a href="{{.Href}}" lang="{{.Tag.HTML}}"></a>{{end}}]{{end}}`)},
		"_shared/error.html":      {Data: []byte(`{{define "main"}}{{.Status}} {{.Message}} {{.Hint}}{{end}}`)},
		"room/layout.html":        {Data: []byte(`<html lang="{{.Lang.HTML}}"><link href="{{asset "x.css"}}"><script src="{{asset "x.js"}}" integrity="{{integrity "x.js"}}"></script>{{template "languages" .}}{{template "main" .}}`)},
		"room/hello.html":         {Data: []byte(`{{define "main"}}{{.T "page.size.kb" 3}} {{.Name}}{{end}}`)},
		"room/broken.html":        {Data: []byte(`{{define "main"}}before {{.Nothing}}{{end}}`)},
	}, "room")
	if err != nil {
		t.Fatal(err)
	}
	s.Use(assets{})
	return s
}

type hello struct {
	Base
	Name string
}

func TestRender(t *testing.T) {
	s := testSet(t)
	var b bytes.Buffer
	data := hello{Base: NewBase(english(t), locale.Uzbek, "Hello", "/hello"), Name: "<b>"}
	if err := s.Render(&b, "hello", data); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`lang="uz-Latn"`, "&lt;b&gt;", `href="/uz-cyrl/hello" lang="uz-Cyrl"`, `href="/assets/x.css"`, `src="/assets/x.js" integrity="sha384-0&#43;"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("page lacks %s:\n%s", want, b.String())
		}
	}
}

func TestRenderWritesNothingWhenItFails(t *testing.T) {
	s := testSet(t)
	var b bytes.Buffer
	data := hello{Base: NewBase(english(t), locale.English, "", "/")}
	for _, name := range []string{"broken", "absent"} {
		if err := s.Render(&b, name, data); err == nil {
			t.Errorf("Render(%s) found no fault", name)
		}
		if b.Len() != 0 {
			t.Errorf("Render(%s) wrote %q before it failed", name, b.String())
		}
	}
}

func TestParseRefusesPageWithoutMain(t *testing.T) {
	_, err := Parse(fstest.MapFS{
		"room/layout.html": {Data: []byte(`{{template "main" .}}`)},
		"room/x.html":      {Data: []byte(`text`)},
	}, "room")
	if err == nil {
		t.Fatal("Parse found no fault")
	}
}

func TestFail(t *testing.T) {
	s := testSet(t)
	base := NewBase(english(t), locale.English, "", "/")
	for _, c := range []struct {
		err    error
		status int
		text   string
		later  string
	}{
		{ErrNotFound(), 404, "There is no page at this address", ""},
		{errors.New("secret path /var"), 500, "Something went wrong on our side", ""},
		{fault.Later("page.internal"), 503, "Try again", "120"},
		{fault.Forbidden("no.such.key"), 403, "Something went wrong", ""},
		{fault.TooLarge("page.internal"), 413, "", ""},
		{fault.Invalid("page.internal"), 422, "", ""},
	} {
		w := httptest.NewRecorder()
		s.Fail(w, base, c.err)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.text) || w.Header().Get("Retry-After") != c.later {
			t.Errorf("Fail(%v) = %d %q, Retry-After %q", c.err, w.Code, w.Body.String(), w.Header().Get("Retry-After"))
		}
		if strings.Contains(w.Body.String(), "secret") {
			t.Errorf("Fail(%v) shows the cause", c.err)
		}
	}
	w := httptest.NewRecorder()
	s.Show(w, "broken", base, hello{Base: base})
	if w.Code != 500 {
		t.Errorf("a page that cannot be made answers %d, want 500", w.Code)
	}
}

func TestHeaders(t *testing.T) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
	for _, c := range []struct {
		policy Policy
		csp    string
	}{
		{Policy{}, "default-src 'none'; base-uri 'none'; style-src 'self'; img-src 'self'; form-action 'none'; frame-ancestors 'none'"},
		{Policy{Scripts: true, Workers: true, Forms: true, Media: true, Blobs: true},
			"default-src 'none'; base-uri 'none'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; script-src 'self'; connect-src 'self'; worker-src 'self' blob:; child-src 'self' blob:; frame-src 'none'; form-action 'self'; frame-ancestors 'none'"},
		{Policy{Media: true, Public: true}, "default-src 'none'; base-uri 'none'; style-src 'self'; img-src 'self'; media-src 'self'; form-action 'none'; frame-ancestors 'none'"},
		{Policy{Scripts: true, Public: true}, "default-src 'none'; base-uri 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'"},
	} {
		w := httptest.NewRecorder()
		Headers(c.policy, ok).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if got := w.Header().Get("Content-Security-Policy"); got != c.csp {
			t.Errorf("CSP of %+v\n got %s\nwant %s", c.policy, got, c.csp)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "Cache-Control": "no-store", "Origin-Agent-Cluster": "?1",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
		// Only what is public and has neither scripts nor frames goes without the others.
		for name, want := range map[string]string{
			"Cross-Origin-Resource-Policy": "same-origin", "X-Permitted-Cross-Domain-Policies": "none", "Permissions-Policy": permissions(c.policy),
		} {
			if bare := c.policy.Public && !c.policy.Scripts; bare {
				want = ""
			}
			if got := w.Header().Get(name); got != want {
				t.Errorf("%+v: %s = %q, want %q", c.policy, name, got, want)
			}
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		path string
		lang locale.Tag
		rest string
		ok   bool
	}{
		{"/en/r/0001/000123.html", locale.English, "/r/0001/000123.html", true},
		{"/uz-cyrl/", locale.UzbekCyrillic, "/", true},
		{"/kk", locale.Kazakh, "/", true},
		{"/uz-Cyrl/", "", "/uz-Cyrl/", false},
		{"/report", "", "/report", false},
		{"/", "", "/", false},
	} {
		lang, rest, ok := Cut(c.path)
		if lang != c.lang || rest != c.rest || ok != c.ok {
			t.Errorf("Cut(%q) = %q %q %v, want %q %q %v", c.path, lang, rest, ok, c.lang, c.rest, c.ok)
		}
	}
}

func TestSizes(t *testing.T) {
	b := NewBase(english(t), locale.English, "", "/")
	for n, want := range map[int64]string{
		0: "0 bytes", 999: "999 bytes", 1500: "2 kB", 999_499: "999 kB", 999_500: "1.0 MB", 12_345_678: "12.3 MB", 2_500_000_000: "2.5 GB",
	} {
		if got := b.Size(n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int]string{0: "0:00", 65: "1:05", 3725: "1:02:05"} {
		if got := b.Duration(n); got != want {
			t.Errorf("Duration(%d) = %q, want %q", n, got, want)
		}
	}
}
