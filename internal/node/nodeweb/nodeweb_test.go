package nodeweb

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"kua/internal/locale"
	"kua/internal/parcel"
)

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	check(t, err)
	return string(b)
}

// TestPagesInEveryLanguage asks for both pages in every language: whole, in the
// right language, with nothing inline and nothing from elsewhere.
func TestPagesInEveryLanguage(t *testing.T) {
	r := newRoom(t)
	foreign := regexp.MustCompile(`(?:src|href|action)="(?:https?:)?//`)
	inline := regexp.MustCompile(`(?i)<script(?:>| [^>]*>[^<])|<style| style="| on[a-z]+="`)
	for _, lang := range locale.Tags() {
		for _, name := range []string{"report", "replies"} {
			resp, body := r.get("/" + lang.Path() + "/" + name)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("%s/%s answers %d:\n%s", lang, name, resp.StatusCode, body)
			}
			if !strings.Contains(body, `<html lang="`+lang.HTML()+`"`) {
				t.Errorf("%s/%s does not name its language", lang, name)
			}
			if m := foreign.FindString(body); m != "" {
				t.Errorf("%s/%s leads elsewhere: %s", lang, name, m)
			}
			if m := inline.FindString(body); m != "" {
				t.Errorf("%s/%s has inline code: %s", lang, name, m)
			}
			if strings.Contains(body, "assets/missing/") {
				t.Errorf("%s/%s names an asset that is not built", lang, name)
			}
		}
	}
	_, english := r.get("/en/report")
	for _, want := range append(parcel.Whats(), "Drivers&#39; Society", "<noscript>", "hold a key: 1.") {
		if !strings.Contains(english, want) {
			t.Errorf("the report page lacks %q", want)
		}
	}
	for _, never := range []string{"anonym", "undetectab", "verified"} {
		if strings.Contains(strings.ToLower(english), never) {
			t.Errorf("the report page says %q", never)
		}
	}
	_, kazakh := r.get("/kk/report")
	if !strings.Contains(kazakh, "Жүргізушілер қоғамы") || !strings.Contains(kazakh, `data-alphabet="cyrillic"`) {
		t.Error("the Kazakh page does not name the collective, or shows Latin receipts")
	}
}

// TestScriptsAreAskedForOnlyWhereTheyMust holds each page's policy.
func TestScriptsAreAskedForOnlyWhereTheyMust(t *testing.T) {
	r := newRoom(t)
	for _, c := range []struct {
		path            string
		scripts, locate bool
	}{
		{"/en/report", true, true}, {"/en/replies", true, false}, {"/en/search?q=x", false, false}, {"/", false, false}, {"/en/", false, false}, {"/en/nothing", false, false},
	} {
		resp, _ := r.get(c.path)
		csp := resp.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s has the policy %q", c.path, csp)
		}
		for _, d := range []string{"script-src 'self'", "connect-src 'self'", "worker-src 'self'"} {
			if strings.Contains(csp, d) != c.scripts {
				t.Errorf("%s: %s is %v in %q", c.path, d, !c.scripts, csp)
			}
		}
		if got := strings.Contains(resp.Header.Get("Permissions-Policy"), "geolocation=(self)"); got != c.locate {
			t.Errorf("%s may ask for the place: %v", c.path, got)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", c.path, name, got)
			}
		}
		if resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s sets a cookie", c.path)
		}
	}
}

func TestDoors(t *testing.T) {
	r := newRoom(t)
	for _, c := range []struct {
		path   string
		status int
		text   string
	}{
		{"/", 200, "Қазақша"},
		{"/en/", 200, "Nothing has been published here yet"},
		{"/kk/", 200, "/kk/report"},
		{"/en/search", 200, `name="q"`},
		{"/en/search?q=nothing+of+that", 200, "Nothing was found"},
		{"/en/r/0001/000123.html", 404, "There is no page at this address"},
		{"/en/keep/000123", 404, "Nothing is published here yet"},
		{"/nowhere", 404, "There is no page at this address"},
		{"/api/v1/node", 200, `"kua node"`},
		{"/api/v1/nothing", 404, "node.no_call"},
		{"/healthz", 200, ""},
		{"/metrics", 200, ""},
		{"/assets/nothing.js", 404, ""},
	} {
		resp, body := r.get(c.path)
		if resp.StatusCode != c.status || !strings.Contains(body, c.text) {
			t.Errorf("%s answers %d, want %d with %q:\n%.300s", c.path, resp.StatusCode, c.status, c.text, body)
		}
	}
	resp, err := http.Post(r.server.URL+"/en/report", "application/x-www-form-urlencoded", strings.NewReader("text=what+must+never+arrive"))
	check(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("the report page takes a form: %d", resp.StatusCode)
	}
}

// TestReportPageIsSmall holds the budget of what a slow phone must load before
// it can seal: the compressed page, style, script and worker.
func TestReportPageIsSmall(t *testing.T) {
	r := newRoom(t)
	_, body := r.get("/en/report")
	total := 0
	for _, m := range regexp.MustCompile(`"(/assets/[^"]+)"`).FindAllStringSubmatch(body, -1) {
		req, err := http.NewRequest(http.MethodGet, r.server.URL+m[1], nil)
		check(t, err)
		req.Header.Set("Accept-Encoding", "gzip, br")
		resp, err := http.DefaultTransport.RoundTrip(req)
		check(t, err)
		n := len(readAll(t, resp.Body))
		resp.Body.Close()
		if cache := resp.Header.Get("Cache-Control"); !strings.Contains(cache, "immutable") {
			t.Errorf("%s is kept as %q", m[1], cache)
		}
		if strings.HasPrefix(m[1], "/assets/report.") && strings.HasSuffix(m[1], ".js") && n > 12_000 {
			t.Errorf("the page's script has %d bytes compressed, budget 12000", n)
		}
		total += n
	}
	if total == 0 || total > 80_000 {
		t.Errorf("the report page's parts have %d bytes compressed, budget 80000", total)
	}
}
