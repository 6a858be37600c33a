package deskweb

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kua/internal/desk"
	"kua/internal/fault"
	"kua/internal/keyring"
)

// locked is an app whose desk nobody has opened.
func locked(t *testing.T, change func(*Config)) *App {
	t.Helper()
	cfg := Config{Desk: desk.Config{Dir: t.TempDir()}}
	if change != nil {
		change(&cfg)
	}
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func ask(a *App, method, path string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:8414"+path, nil)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	return w
}

// TestNobodyComesInUnsigned walks the whole table of routes: whatever is not
// open answers a stranger with the sign-in page or a refusal, and says nothing.
func TestNobodyComesInUnsigned(t *testing.T) {
	a := locked(t, nil)
	for _, rt := range a.routes() {
		if rt.open {
			continue
		}
		path := strings.NewReplacer("{id}", "1", "{kind}", "collect", "{path...}", "en/index.html", "{$}", "").Replace(rt.path)
		if !rt.plain {
			path = "/ru" + path
		}
		for name, cookie := range map[string]string{"no cookie": "", "a made-up one": "AAAAAAAAAAAAAAAAAAAAAAAAAA"} {
			w := ask(a, rt.method, path, func(r *http.Request) {
				if cookie != "" {
					r.AddCookie(&http.Cookie{Name: cookieName, Value: cookie})
				}
			})
			switch {
			case rt.method == http.MethodGet && !rt.plain:
				if got, want := w.Header().Get("Location"), "/ru/sign-in"; w.Code != http.StatusSeeOther || got != want {
					t.Errorf("%s %s with %s: got %d to %q, want 303 to %q", rt.method, path, name, w.Code, got, want)
				}
			default:
				if w.Code != http.StatusForbidden {
					t.Errorf("%s %s with %s: got %d, want 403", rt.method, path, name, w.Code)
				}
			}
		}
	}
}

// TestSignedOutSessionIsNobody: a session before sign-in opens no door either.
func TestNewcomerIsNobody(t *testing.T) {
	a := locked(t, nil)
	w := ask(a, "GET", "/en/sign-in", nil)
	cookies := w.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("got %d cookies, want 1", len(cookies))
	}
	c := cookies[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || c.Path != "/" {
		t.Errorf("cookie: got %+v, want HttpOnly, SameSite=Strict, for the whole app", c)
	}
	if w := ask(a, "GET", "/en/inbox", func(r *http.Request) { r.AddCookie(c) }); w.Code != http.StatusSeeOther {
		t.Errorf("inbox: got %d, want 303", w.Code)
	}
}

func TestOnlyOwnHost(t *testing.T) {
	a := locked(t, func(c *Config) { c.Hosts = []string{"desk.lan"} })
	for host, want := range map[string]int{
		"127.0.0.1:8414": 200, "localhost:8414": 200, "[::1]:8414": 200, "desk.lan:8414": 200, "127.0.0.1": 200,
		"127.0.0.1:9999": 403, "evil.example:8414": 403, "evil.example": 403, "127.0.0.1.evil.example:8414": 403, "": 403,
	} {
		w := ask(a, "GET", "/en/sign-in", func(r *http.Request) { r.Host = host })
		if w.Code != want {
			t.Errorf("host %q: got %d, want %d", host, w.Code, want)
		}
	}
}

func TestOtherSitesAreRefused(t *testing.T) {
	a := locked(t, nil)
	for name, change := range map[string]func(*http.Request){
		"sec-fetch-site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"origin":         func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"no token":       func(r *http.Request) {},
		"wrong token":    func(r *http.Request) { r.Header.Set("Kua-Token", "x") },
	} {
		if w := ask(a, "POST", "/en/sign-in", change); w.Code != http.StatusForbidden {
			t.Errorf("%s: got %d, want 403", name, w.Code)
		}
	}
}

// TestTokenIsTheSessions: a token of one session is worth nothing in another.
func TestTokenIsTheSessions(t *testing.T) {
	s := newSessions(time.Hour)
	one, other := s.begin(httptest.NewRecorder(), nil, "", nil, false), s.begin(httptest.NewRecorder(), nil, "", nil, false)
	if !s.holds(one, s.token(one)) {
		t.Error("a session refuses its own token")
	}
	if s.holds(other, s.token(one)) {
		t.Error("a session takes another's token")
	}
	if newSessions(time.Hour).holds(one, s.token(one)) {
		t.Error("a token outlives the program")
	}
}

func TestIdleSessionsEnd(t *testing.T) {
	a, err := New(Config{}) // as `kua desk` runs
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSessions(a.cfg.Idle)
		w := httptest.NewRecorder()
		s.begin(w, &keyring.Person{}, "", nil, true)
		c := w.Result().Cookies()[0]
		if !c.Secure {
			t.Error("under TLS the cookie is not Secure")
		}
		call := func(path string) bool {
			r := httptest.NewRequest("GET", path, nil)
			r.AddCookie(c)
			_, ok := s.find(r)
			return ok
		}
		time.Sleep(29 * time.Minute)
		if !call("/en/inbox") {
			t.Fatal("a session ended early")
		}
		// A page that refreshes itself does not keep anybody signed in.
		for range 6 {
			time.Sleep(5 * time.Minute)
			if !call("/en/work?auto") {
				t.Fatal("a session ended early")
			}
		}
		time.Sleep(time.Minute)
		if call("/en/inbox") {
			t.Error("a session lives after half an hour in which nobody used it")
		}
		if got := s.people(); got != 0 {
			t.Errorf("people: got %d, want 0", got)
		}
	})
}

func TestNewcomersAreBounded(t *testing.T) {
	s := newSessions(time.Hour)
	for range newcomers + 50 {
		s.begin(httptest.NewRecorder(), nil, "", nil, false)
	}
	if got := len(s.all); got > newcomers {
		t.Errorf("got %d sessions, want at most %d", got, newcomers)
	}
}

func TestWrongPassphrasesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTries()
		wrong := errors.New("wrong")
		tried := 0
		try := func(err error) error {
			return tr.run("Aigul", func() error { tried++; return err })
		}
		for range freeTries + 1 {
			if err := try(wrong); !errors.Is(err, wrong) {
				t.Fatalf("got %v, want the passphrase to be tried", err)
			}
		}
		err := try(nil)
		if !errors.Is(err, fault.Later("deskweb.signin.wait")) || tried != freeTries+1 {
			t.Fatalf("after too many: got %v and %d tries, want to wait", err, tried)
		}
		time.Sleep(firstWait)
		if err := try(wrong); !errors.Is(err, wrong) {
			t.Fatalf("after waiting: got %v", err)
		}
		if got := tr.wait("Aigul"); got != 2*firstWait {
			t.Errorf("the next wait: got %v, want %v", got, 2*firstWait)
		}
		if got := tr.wait("Bolat"); got != 0 {
			t.Errorf("somebody else: got %v, want 0", got)
		}
		for range 20 {
			time.Sleep(longWait)
			_ = try(wrong)
		}
		if got := tr.wait("Aigul"); got != longWait {
			t.Errorf("the longest wait: got %v, want %v", got, longWait)
		}
		time.Sleep(longWait)
		if err := try(nil); err != nil || tr.wait("Aigul") != 0 {
			t.Errorf("the right one: got %v", err)
		}
	})
}

func TestBeyondLoopbackNeedsTLS(t *testing.T) {
	for _, c := range []struct {
		addr, cert, key string
		want            error
	}{
		{"127.0.0.1:8414", "", "", nil},
		{"[::1]:8414", "", "", nil},
		{"localhost:0", "", "", nil},
		{"0.0.0.0:8414", "", "", fault.Invalid("deskweb.needs_tls")},
		{":8414", "", "", fault.Invalid("deskweb.needs_tls")},
		{"192.168.1.5:8414", "", "", fault.Invalid("deskweb.needs_tls")},
		{"desk.lan:8414", "", "", fault.Invalid("deskweb.needs_tls")},
		{"192.168.1.5:8414", "cert.pem", "key.pem", nil},
		{"192.168.1.5:8414", "cert.pem", "", fault.Invalid("deskweb.tls_half")},
		{"nonsense", "", "", fault.Invalid("deskweb.addr")},
	} {
		err := Config{Addr: c.addr, TLSCert: c.cert, TLSKey: c.key}.checkAddr()
		if !errors.Is(err, c.want) {
			t.Errorf("%s with %q: got %v, want %v", c.addr, c.cert, err, c.want)
		}
	}
}

// TestHeaders: no page may load, run or be framed by anything but itself, and
// only the marker's pages may run a script at all.
func TestHeaders(t *testing.T) {
	a := locked(t, nil)
	for _, rt := range a.routes() {
		csp := rt.policy.CSP()
		scripted := strings.Contains(csp, "script-src 'self'")
		if want := strings.HasSuffix(rt.path, "/mark"); scripted != want {
			t.Errorf("%s %s: scripts allowed: got %v, want %v", rt.method, rt.path, scripted, want)
		}
		for _, never := range []string{"unsafe", "http:", "https:", "data:", "*"} {
			if strings.Contains(csp, never) {
				t.Errorf("%s: the policy says %q: %s", rt.path, never, csp)
			}
		}
	}
	w := ask(a, "GET", "/en/sign-in", nil)
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "Cache-Control": "no-store",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// TestLockedFormIsGivenBack: words that come after the desk was locked are not
// lost; passphrases and tokens are not repeated.
func TestLockedFormIsGivenBack(t *testing.T) {
	a := locked(t, nil)
	form := url.Values{
		"text": {"Three hours of work <b>that must not be lost</b>"}, "token": {"0123456789012345678901234567890"},
		"passphrase": {"a passphrase that is long enough"}, "fresh": {"the next one, which is long enough"}, "secret": {"12345:a token, long enough for a bot"},
	}
	r := httptest.NewRequest("POST", "http://127.0.0.1:8414/en/cases/1/replies", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	body := w.Body.String()
	if w.Code != http.StatusForbidden || !strings.Contains(body, "must not be lost&lt;/b&gt;") {
		t.Errorf("got %d: %s", w.Code, body)
	}
	if strings.Contains(body, "long enough") || strings.Contains(body, "0123456789") {
		t.Error("the page repeats a passphrase or a token")
	}
}

func TestFirstPageSpeaksTheBrowsersLanguage(t *testing.T) {
	a := locked(t, nil)
	for header, want := range map[string]string{
		"": "/en/", "de": "/en/", "ru-RU,en;q=0.5": "/ru/", "de, kk;q=0.8": "/kk/", "uz-Cyrl-UZ": "/uz-cyrl/", "uz-Latn-UZ": "/uz/",
	} {
		w := ask(a, "GET", "/", func(r *http.Request) { r.Header.Set("Accept-Language", header) })
		if got := w.Header().Get("Location"); got != want {
			t.Errorf("%q: got %s, want %s", header, got, want)
		}
	}
}
