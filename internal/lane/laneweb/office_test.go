package laneweb

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kua/internal/fault"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/locale"
	"kua/web"
)

const password = "four words of no poem"

var (
	shownSecret = regexp.MustCompile(`name="secret" value="([A-Z2-7]+)"`)
	shownForm   = regexp.MustCompile(`name="form" value="([^"]+)"`)
	shownCode   = regexp.MustCompile(`<li>([0-9a-z-]{19})</li>`)
)

// official is somebody's browser with an account.
type official struct {
	*room
	me      lane.Account
	secret  lane.Secret
	session string
	codes   []string
}

// hired sets up an account with a password, as its person would.
func (r *room) hired(body, name string, admin bool) *official {
	r.t.Helper()
	a, token, err := r.lane.AddAccount(r.t.Context(), nil, body, name, admin)
	check(r.t, err)
	o := &official{room: r, me: a}
	o.setUp(token)
	return o
}

func (o *official) setUp(token string) {
	o.t.Helper()
	at := "/en/open/office/enrol/" + token
	o.secret = lane.Secret(shownSecret.FindStringSubmatch(o.want(http.MethodGet, at, nil, 200, o.me.Name))[1])
	resp, body := o.do(http.MethodPost, at, url.Values{"password": {password}, "again": {password}, "secret": {string(o.secret)}, "once": {o.code(0)}})
	if resp.StatusCode != 200 {
		o.t.Fatalf("setting up answers %d:\n%s", resp.StatusCode, body)
	}
	o.session, o.codes = resp.Cookies()[0].Value, nil
	for _, m := range shownCode.FindAllStringSubmatch(body, -1) {
		o.codes = append(o.codes, m[1])
	}
}

// code is what the telephone shows some half minutes later.
func (o *official) code(later int) string {
	o.t.Helper()
	code, err := o.secret.Code(o.lane.Now().Add(time.Duration(later) * 30 * time.Second))
	check(o.t, err)
	return code
}

func (o *official) ask(method, path string, form url.Values, status int, texts ...string) string {
	o.t.Helper()
	resp, body := o.do(method, path, form, "Cookie", "kua-office="+o.session)
	if resp.StatusCode != status {
		o.t.Fatalf("%s %s answers %d, want %d:\n%s", method, path, resp.StatusCode, status, body)
	}
	for _, text := range texts {
		if !strings.Contains(body, text) {
			o.t.Errorf("%s %s lacks %q:\n%s", method, path, text, body)
		}
	}
	return body
}

func (o *official) form(changes ...string) url.Values {
	f := url.Values{"form": {lane.FormToken(o.session)}}
	for i := 0; i < len(changes); i += 2 {
		f.Set(changes[i], changes[i+1])
	}
	return f
}

func (r *room) signIn(name, password, code string) (*http.Response, string) {
	r.t.Helper()
	return r.do(http.MethodPost, "/en/open/office/sign-in", url.Values{"account": {name}, "password": {password}, "once": {code}})
}

// TestAccountSeesItsAuthorityOnly: an account has its authority's assignments in
// its inbox and on their pages, answers there as by a link, and is told of nothing
// else: no other's, none that is held, no code, no contact.
func TestAccountSeesItsAuthorityOnly(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		water := r.hired("water", "Duty desk", false)
		roads := r.hired("roads", "Road office", false)
		f := draft("words", "Открытый люк, выдумано")
		id, err := strconv.ParseInt(r.tell("manhole", f), 10, 64)
		check(t, err)
		q, err := r.lane.Request(t.Context(), id)
		check(t, err)
		number := strconv.FormatInt(q.Assignments[0].Number, 10)
		at := "/en/open/office/part/" + number
		if q.Assignments[0].Authority != "water" {
			t.Fatalf("it went to %s", q.Assignments[0].Authority)
		}
		water.ask("GET", "/en/open/office/", nil, 200, "Открытый люк", "/en/open/office/part/"+number)
		body := water.ask("GET", at, nil, 200, "Открытый люк", "It is mended")
		if strings.Contains(body, f.Get("code")) {
			t.Error("the holder's code is shown")
		}
		if body := roads.ask("GET", "/en/open/office/", nil, 200); strings.Contains(body, "Открытый") {
			t.Error("another authority's is in the inbox")
		}
		roads.ask("GET", at, nil, 404)
		roads.ask("POST", at, roads.form("step", "0", "to", "in_work"), 404)
		for _, other := range []string{"0", "999", "-1", "x", "99999999999999999999"} {
			water.ask("GET", "/en/open/office/part/"+other, nil, 404)
		}
		// It answers; the same answer sent twice is one.
		step := shownStep.FindStringSubmatch(body)[1]
		for range 2 {
			water.ask("POST", at, water.form("step", step, "to", "in_work", "reason", "The van is on its way"), 200, `role="status"`, "The van is on its way")
		}
		if got := r.state(id); got[0] != lane.InWork {
			t.Errorf("it stands as %v", got)
		}
		water.ask("GET", "/en/open/office/?state=closed", nil, 200, "Nothing is here")
		// What a house still looks at is nobody's yet; what was taken back before is hidden from all.
		held := draft("words", "Канцелярия молчит, выдумано")
		held.Del("q.cover")
		hid, err := strconv.ParseInt(r.tell("no-answer", held), 10, 64)
		check(t, err)
		q, err = r.lane.Request(t.Context(), hid)
		check(t, err)
		clerk := r.hired(q.Assignments[0].Authority, "Clerk", false)
		part := "/en/open/office/part/" + strconv.FormatInt(q.Assignments[0].Number, 10)
		clerk.ask("GET", part, nil, 404)
		if body := clerk.ask("GET", "/en/open/office/", nil, 200); strings.Contains(body, "Канцелярия") {
			t.Error("what is looked at first is in the inbox")
		}
		check(t, r.lane.Move(t.Context(), q.Assignments[0].Number, 0, lane.Move{To: lane.Routed, By: lane.ByHouse}))
		clerk.ask("GET", part, nil, 200, "Канцелярия")
		check(t, r.lane.Move(t.Context(), q.Assignments[0].Number, 1, lane.Move{To: lane.Withdrawn, By: lane.ByHolder}))
		for _, at := range []string{part, "/en/open/office/"} {
			if body := clerk.ask("GET", at, nil, 200); strings.Contains(body, "Канцелярия") {
				t.Errorf("%s shows what is hidden again", at)
			}
		}
	})
}

// TestSessions: a cookie is dead after signing out, here or everywhere, after half a
// day of rest and after a week's work; it is kept as a hash; a form of another session, or of none, does nothing.
func TestSessions(t *testing.T) {
	clocked(t, func(t *testing.T, r *room, _ *atomic.Int64) {
		o := r.hired("water", "Duty desk", false)
		stolen := *o
		o.ask("GET", "/en/open/office/", nil, 200, "Duty desk")
		// A form without the session's token, with another's, or from another site.
		for _, f := range []url.Values{{}, {"form": {"x"}}, {"form": {lane.FormToken("other")}}, {"form": {lane.FormToken("")}}} {
			o.ask("POST", "/en/open/office/sign-out", f, 403)
		}
		resp, _ := r.do("POST", "/en/open/office/sign-out", o.form(), "Cookie", "kua-office="+o.session, "Sec-Fetch-Site", "cross-site")
		if resp.StatusCode != 403 {
			t.Errorf("a foreign form answers %d", resp.StatusCode)
		}
		o.ask("GET", "/en/open/office/", nil, 200, "Duty desk")
		o.ask("POST", "/en/open/office/sign-out", o.form(), 303)
		if body := stolen.ask("GET", "/en/open/office/", nil, 200, "Sign in for an authority"); strings.Contains(body, "Duty desk") {
			t.Error("a stolen cookie opens the inbox after signing out")
		}
		stolen.ask("POST", "/en/open/office/people", stolen.form(), 403, "not signed in any more")
		stolen.ask("POST", "/en/open/office/part/1", stolen.form("to", "in_work", "reason", "A long answer & its end"), 403, "A long answer &amp; its end</textarea>")
		// Everywhere.
		in := func() *official {
			t.Helper()
			resp, body := r.signIn("duty DESK", password, o.codes[0])
			if o.codes = o.codes[1:]; resp.StatusCode != 303 {
				t.Fatalf("signing in answers %d:\n%s", resp.StatusCode, body)
			}
			c := resp.Cookies()[0]
			if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" {
				t.Errorf("the cookie is %v", c)
			}
			return &official{room: r, me: o.me, session: c.Value}
		}
		here, there := in(), in()
		here.ask("POST", "/en/open/office/sign-out", here.form("everywhere", "yes"), 303)
		there.ask("GET", "/en/open/office/", nil, 200, "Sign in for an authority")
		// Its ends.
		kept := in()
		if _, err := r.lane.SignedIn(t.Context(), kept.session); err != nil {
			t.Fatal(err)
		}
		for _, no := range []string{"", "x", kept.session + "A", kept.session[1:]} {
			if _, err := r.lane.SignedIn(t.Context(), no); !errors.Is(err, fault.Forbidden("lane.signed_out")) {
				t.Errorf("%q: %v", no, err)
			}
		}
	})
	clocked(t, func(t *testing.T, r *room, days *atomic.Int64) {
		o := r.hired("water", "Duty desk", false)
		days.Store(1) // a day at once is more than half a day's rest
		o.ask("GET", "/en/open/office/", nil, 200, "Sign in for an authority")
	})
	now := time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)
	r := newRoom(t, lane.Config{Dir: t.TempDir(), Now: func() time.Time { return now }}, 0).withCity()
	o := r.hired("water", "Duty desk", false)
	for range 16 {
		now = now.Add(7 * time.Hour) // in use all the time: 112 hours
		o.ask("GET", "/en/open/office/", nil, 200, "Duty desk")
	}
	now = now.Add(8*time.Hour - time.Second)
	o.ask("GET", "/en/open/office/", nil, 200, "Duty desk")
	now = now.Add(time.Hour) // 121
	o.ask("GET", "/en/open/office/", nil, 200, "Sign in for an authority")
}

// TestCookieNeedsTLS: over a network the cookie is one that browsers send over TLS
// alone, whatever the request says of itself; and the inbox is open to that one alone.
func TestCookieNeedsTLS(t *testing.T) {
	cat, err := words()
	check(t, err)
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	site, err := url.Parse("https://kua.example.org")
	check(t, err)
	for name, c := range map[string]struct {
		site *url.URL
		host string
	}{"named": {site, "127.0.0.1:8080"}, "by its host": {nil, "kua.example.org"}} {
		w, err := New(Config{Lane: r.lane, Catalogue: cat, Site: c.site})
		check(t, err)
		o := r.hired("water", "Desk "+name, false)
		req := httptest.NewRequest("POST", "http://"+c.host+"/en/open/office/sign-in", strings.NewReader(url.Values{
			"account": {o.me.Name}, "password": {password}, "once": {o.codes[0]}}.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		got := httptest.NewRecorder()
		w.Before(http.NotFoundHandler()).ServeHTTP(got, req)
		if got.Code != 303 {
			t.Fatalf("%s: signing in answers %d:\n%s", name, got.Code, got.Body)
		}
		if c := got.Result().Cookies()[0]; c.Name != "__Host-kua-office" || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteStrictMode {
			t.Errorf("%s: the cookie is %v", name, c)
		}
	}
}

// TestCodesAreTakenOnce: no one-time code and no code that stands in for one is
// taken twice, at once or later; nor one of before; and whoever is wrong is not told in what.
func TestCodesAreTakenOnce(t *testing.T) {
	clocked(t, func(t *testing.T, r *room, _ *atomic.Int64) {
		o := r.hired("water", "Duty desk", false)
		const wrong = "do not fit together"
		try := func(want int, name, pass, code string) string {
			t.Helper()
			resp, body := r.signIn(name, pass, code)
			if resp.StatusCode != want {
				t.Fatalf("%s answers %d, want %d:\n%s", name, resp.StatusCode, want, body)
			}
			return body
		}
		alone := regexp.MustCompile(`(?s)<div class="stop".*?</div>`)
		refused := alone.FindString(try(403, o.me.Name, password, o.code(0))) // it was taken when it was set up
		if !strings.Contains(refused, wrong) {
			t.Errorf("refused with %s", refused)
		}
		for _, c := range [][3]string{{o.me.Name, "another password", o.code(1)}, {"Nobody", password, o.code(1)}, {o.me.Name, password, "000000"}, {o.me.Name, "", ""},
			{o.me.Name, password, lane.NewCode()}, {"", "", ""}} {
			if got := alone.FindString(try(403, c[0], c[1], c[2])); got != refused {
				t.Errorf("%v is refused differently: %s", c, got)
			}
		}
		next := o.code(1)
		var ok atomic.Int64
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				if _, err := r.lane.SignIn(t.Context(), o.me.Name, password, next); err == nil {
					ok.Add(1)
				} else if !errors.Is(err, fault.Forbidden("lane.sign_in")) {
					t.Error(err)
				}
			})
		}
		if wg.Wait(); ok.Load() != 1 {
			t.Errorf("one code was taken %d times", ok.Load())
		}
		// The tries of a name run out, whether there is such an account or not; others' do not.
		for name, left := range map[string]int{o.me.Name: 3, "Nobody else": 10} {
			for range left {
				try(403, name, password, "000000")
			}
			try(503, name, password, o.codes[0])
		}
		second := r.hired("water", "Second", false)
		try(303, "Second", password, strings.ToUpper(second.codes[0]))
		try(403, "Second", password, second.codes[0])
		if traces, err := r.lane.AccountTraces(t.Context(), "water", 1); err != nil || traces[0].What != "recovery" {
			t.Errorf("AccountTraces = %+v, %v", traces, err)
		}
	})
}

// TestAdminsKeepToTheirOwn: an admin invites, resets and closes accounts of their
// authority alone, with a trace; what is reset has no session and no way in but
// its new link, which works once.
func TestAdminsKeepToTheirOwn(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		boss := r.hired("water", "Head", true)
		other := r.hired("roads", "Road office", false)
		const at = "/en/open/office/people"
		link := regexp.MustCompile(`/en(/open/office/enrol/[\w-]+)`)
		body := boss.ask("POST", at, boss.form("do", "add", "account", "Night  desk"), 200, "Night desk", "invited")
		token := strings.TrimPrefix(link.FindStringSubmatch(body)[1], "/open/office/enrol/")
		night := &official{room: r, me: lane.Account{Name: "Night desk"}}
		night.setUp(token)
		night.ask("GET", "/en/open/office/", nil, 200, "Night desk")
		night.ask("GET", at, nil, 403)
		night.ask("POST", at, night.form("do", "add", "account", "Mine"), 403)
		r.want("GET", "/en/open/office/enrol/"+token, nil, 404, "sets up no account")
		r.want("POST", "/en/open/office/enrol/"+token, url.Values{"password": {password}, "again": {password}, "secret": {string(night.secret)}, "once": {night.code(1)}}, 404)
		boss.ask("POST", at, boss.form("do", "add", "account", "NIGHT desk"), 409)
		boss.ask("POST", at, boss.form("do", "add", "account", " . "), 422)
		boss.ask("POST", at, boss.form("do", "reset_yes", "number", strconv.FormatInt(other.me.Number, 10)), 404)
		boss.ask("POST", at, boss.form("do", "close", "number", strconv.FormatInt(other.me.Number, 10)), 404)
		boss.ask("POST", at, boss.form("do", "reset_yes", "number", strconv.FormatInt(boss.me.Number, 10)), 409)
		if body := boss.ask("GET", at, nil, 200); strings.Contains(body, "Road office") {
			t.Error("an admin sees another authority's accounts")
		}
		other.ask("GET", "/en/open/office/", nil, 200, "Road office")
		all, err := r.lane.Accounts(t.Context(), "water")
		check(t, err)
		number := strconv.FormatInt(all[1].Number, 10)
		asked := boss.ask("POST", at, boss.form("do", "reset", "number", number), 200, "Reset the account of Night desk?", `value="reset_yes"`)
		if strings.Contains(asked, "reset, by Head") || strings.Contains(boss.ask("POST", at, boss.form("do", "reset", "number", strconv.FormatInt(other.me.Number, 10)), 200), "reset_yes") {
			t.Error("one click resets an account, or another authority's is asked about")
		}
		night.ask("GET", "/en/open/office/", nil, 200, "Night desk") // nothing happened so far
		body = boss.ask("POST", at, boss.form("do", "reset_yes", "number", number), 200, "reset, by Head")
		night.ask("GET", "/en/open/office/", nil, 200, "Sign in for an authority")
		if resp, _ := r.signIn("Night desk", password, night.codes[0]); resp.StatusCode != 403 {
			t.Errorf("what was reset signs in with %d", resp.StatusCode)
		}
		night.setUp(strings.TrimPrefix(link.FindStringSubmatch(body)[1], "/open/office/enrol/"))
		boss.ask("POST", at, boss.form("do", "close", "number", number), 200, "closed, by Head")
		night.ask("GET", "/en/open/office/", nil, 200, "Sign in for an authority")
		if resp, _ := r.signIn("Night desk", password, night.codes[0]); resp.StatusCode != 403 {
			t.Errorf("what was closed signs in with %d", resp.StatusCode)
		}
	})
}

// TestInvitesEnd after three days, and what is typed wrongly uses none up.
func TestInvitesEnd(t *testing.T) {
	clocked(t, func(t *testing.T, r *room, days *atomic.Int64) {
		_, token, err := r.lane.AddAccount(t.Context(), nil, "water", "Late", false)
		check(t, err)
		if _, _, err := r.lane.AddAccount(t.Context(), nil, "nobody", "Late too", false); !errors.Is(err, fault.NotFound("authority.unknown")) {
			t.Errorf("of an unknown authority: %v", err)
		}
		at := "/en/open/office/enrol/" + token
		secret := shownSecret.FindStringSubmatch(r.want("GET", at, nil, 200))[1]
		for _, c := range [][4]string{{password, "x", secret, "000000"}, {"short", "short", secret, "000000"}, {password, password, secret, "x"}} {
			if got := shownSecret.FindStringSubmatch(r.want("POST", at, url.Values{"password": {c[0]}, "again": {c[1]}, "secret": {c[2]}, "once": {c[3]}}, 422))[1]; got != secret {
				t.Error("the picture changes with a mistake")
			}
		}
		r.want("POST", at, url.Values{"password": {password}, "again": {password}, "secret": {"AAAA"}, "once": {"000000"}}, 422)
		r.want("POST", at, url.Values{"passkey": {`{"id":"x"}`}}, 409, "Browsers give no passkeys") // nor to a number
		r.want("POST", "/en/open/office/sign-in", url.Values{"passkey": {strings.Repeat("[", 40000)}}, 409, "Browsers give no passkeys")
		days.Store(3)
		r.want("GET", at, nil, 404)
	})
}

// TestOfficePages: the pages of an account in every language, without keys, without
// anything from elsewhere, and without a script but where a passkey is.
func TestOfficePages(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	o := r.hired("water", "Head", true)
	_, token, err := r.lane.AddAccount(t.Context(), nil, "water", "Night", false)
	check(t, err)
	r.tell("manhole", draft())
	script := regexp.MustCompile(`<script defer src="/assets/lane-passkey\.[0-9A-Z]+\.js" integrity="sha384-[^"]+"></script>`)
	bad := regexp.MustCompile(`(?i)<script|<style| style="| on[a-z]+="|(?:src|href|action)="(?:https?:)?//`)
	for _, lang := range locale.Tags() {
		for _, path := range []string{"/office/", "/office/part/1", "/office/calendar", "/office/templates", "/office/people", "/office/sign-in", "/office/enrol/" + token, "/office/enrol/x"} {
			resp, body := r.do("GET", "/"+lang.Path()+"/open"+path, nil, "Cookie", "kua-office="+o.session)
			if strings.Contains(body, "office.") && strings.Contains(strings.ReplaceAll(body, "/office", ""), "office.") || bad.MatchString(script.ReplaceAllString(body, "")) {
				t.Errorf("%s %s:\n%s", lang, path, body)
			}
			if got := resp.Header.Get("X-Robots-Tag"); got != "noindex, nofollow, noarchive" {
				t.Errorf("%s may be indexed: %q", path, got)
			}
		}
	}
}

// TestPasskeyInABrowser has Chromium set an account up with a passkey of a virtual
// authenticator from a small phone, sign out, sign in with it, and answer; and do
// the same with a password where there is no script. web/test/office.mjs is both.
func TestPasskeyInABrowser(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t)}, 0).withCity()
	id, err := strconv.ParseInt(r.tell("manhole", draft()), 10, 64)
	check(t, err)
	r.water("Нет воды на улице, выдумано", "Вода ржавая, выдумано")
	a, token, err := r.lane.AddAccount(t.Context(), nil, "water", "Duty desk", true)
	check(t, err)
	_, second, err := r.lane.AddAccount(t.Context(), nil, "water", "Night desk", false)
	check(t, err)
	assets, err := web.Assets()
	check(t, err)
	mux := http.NewServeMux()
	mux.Handle(web.Prefix, assets)
	var answers sync.Map
	mux.Handle("/", http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodPost && strings.HasSuffix(q.URL.Path, "/office/sign-in") && q.ParseForm() == nil {
			answers.Store(q.PostForm.Get("passkey"), true)
		}
		r.web.Before(http.NotFoundHandler()).ServeHTTP(rw, q)
	}))
	server := httptest.NewServer(mux)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	host := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	cmd := exec.CommandContext(ctx, "node", "test/office.mjs", host, token, second)
	cmd.Dir, cmd.Env = "../../../web", os.Environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node: %v\n%s", err, out)
	}
	if got := r.state(id); got[0] != lane.InWork {
		t.Errorf("it stands as %v", got)
	}
	// What the browser said is taken once, and nowhere else.
	taken := 0
	answers.Range(func(answer, _ any) bool {
		if answer == "" {
			return true
		}
		taken++
		f := url.Values{"passkey": {answer.(string)}}
		r2 := *r
		r2.server = server
		r2.server.URL = host
		if resp, _ := r2.do("POST", "/en/open/office/sign-in", f); resp.StatusCode != 403 {
			t.Errorf("an answer is taken twice: %d", resp.StatusCode)
		}
		return true
	})
	if taken == 0 {
		t.Error("nobody signed in with a passkey")
	}
	traces, err := r.lane.AccountTraces(t.Context(), "water", 9)
	if err != nil || traces[len(traces)-1].Account != a.Number {
		t.Errorf("AccountTraces = %+v, %v", traces, err)
	}
}
