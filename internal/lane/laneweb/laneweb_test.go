package laneweb

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"io"
	"io/fs"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"kua/internal/authority"
	"kua/internal/datafile"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/locale"
	"kua/internal/sqldb"
	"kua/web"
)

func TestMain(m *testing.M) { os.Exit(lanetest.Main(m)) }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var words = sync.OnceValues(func() (*locale.Catalogue, error) { return locale.Load(web.Locales()) })

// room is the pages over a lane with the made-up city, on a real port.
type room struct {
	t      testing.TB
	lane   *lane.Lane
	web    *Web
	server *httptest.Server
	db     sqldb.Config // the lane's database, to be changed behind its back
}

const elsewhere = "what is behind the open lane"

func newRoom(t testing.TB, cfg lane.Config, perHour int) *room {
	t.Helper()
	l, err := lane.Open(t.Context(), cfg)
	check(t, err)
	t.Cleanup(func() { l.Close() })
	cat, err := words()
	check(t, err)
	w, err := New(Config{Lane: l, Catalogue: cat, PerHour: perHour, Name: func(locale.Tag) string { return "Drivers' Society" }})
	check(t, err)
	next := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, elsewhere) })
	s := httptest.NewServer(w.Before(next))
	t.Cleanup(s.Close)
	db := sqldb.Config{URL: cfg.URL}
	if cfg.URL == "" {
		db.Path = filepath.Join(cfg.Dir, "lane.db")
	}
	return &room{t, l, w, s, db}
}

func (r *room) withCity() *room {
	r.t.Helper()
	_, _, _, err := r.lane.Import(r.t.Context(), authority.Sample())
	check(r.t, err)
	return r
}

// onBoth runs a test on either engine.
func onBoth(t *testing.T, test func(t *testing.T, r *room)) {
	for name, cfg := range map[string]func() lane.Config{
		"sqlite": func() lane.Config { return lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t)} },
		"postgres": func() lane.Config {
			return lane.Config{Dir: t.TempDir(), URL: lanetest.Database(t), Cleaner: lanetest.Cleaner(t)}
		},
	} {
		t.Run(name, func(t *testing.T) { test(t, newRoom(t, cfg(), 0).withCity()) })
	}
}

func (r *room) do(method, path string, form url.Values, header ...string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequest(method, r.server.URL+path, strings.NewReader(form.Encode()))
	check(r.t, err)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	check(r.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	check(r.t, err)
	return resp, string(b)
}

func (r *room) get(path string) (*http.Response, string) { return r.do(http.MethodGet, path, nil) }

func (r *room) want(method, path string, form url.Values, status int, texts ...string) string {
	r.t.Helper()
	resp, body := r.do(method, path, form)
	if resp.StatusCode != status {
		r.t.Fatalf("%s %s answers %d, want %d:\n%s", method, path, resp.StatusCode, status, body)
	}
	for _, text := range texts {
		if !strings.Contains(body, text) {
			r.t.Errorf("%s %s lacks %q:\n%s", method, path, text, body)
		}
	}
	return body
}

// draft is a form that passes, with changes: name, value, name, value.
func draft(changes ...string) url.Values {
	f := url.Values{"code": {lane.NewCode()}, "words": {"Открытый люк у школы, выдумано"}, "area": {"south"}, "q.cover": {"gone"}}
	for i := 0; i < len(changes); i += 2 {
		f.Set(changes[i], changes[i+1])
	}
	return f
}

var caseLink = regexp.MustCompile(`/open/case/(\d+)"`)

func (r *room) tell(category string, f url.Values) string {
	r.t.Helper()
	body := r.want(http.MethodPost, "/en/open/send/"+category, f, 200, "It is sent")
	m := caseLink.FindStringSubmatch(body)
	if m == nil {
		r.t.Fatalf("no case is named:\n%s", body)
	}
	return m[1]
}

// TestTell goes the whole way: the category, the form, the look, the code, the
// case; and says at each step what it must.
func TestTell(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		r.want("GET", "/en/open/tell", nil, 200, "/en/open/tell/manhole", `href="/en/report"`, "made up")
		if body := r.want("GET", "/ru/open/tell?q=люк", nil, 200, "Открытый люк"); strings.Contains(body, "Отопление") {
			t.Error("the list is not narrowed")
		}
		form := r.want("GET", "/ru/open/tell/manhole", nil, 200, "Где крышка?", "Северный район", `name="landmark"`)
		code := regexp.MustCompile(`name="code" value="([^"]+)"`).FindStringSubmatch(form)
		if code == nil || lane.CheckCode(code[1]) != nil {
			t.Fatalf("the form has no code: %v", code)
		}
		f := draft("code", code[1], "landmark", "улица Выдуманная, 5")
		r.want("POST", "/ru/open/review/manhole", f, 200, "Открытый люк у школы", "улица Выдуманная, 5", "Водоканал", "Made-up contract on wells and sewers", code[1])
		if _, err := r.lane.Held(t.Context(), code[1]); err == nil {
			t.Fatal("the look kept the report")
		}
		body := r.want("POST", "/ru/open/send/manhole", f, 200, "Отправлено", code[1][:4], lane.CyrillicCode(code[1])[:4])
		id := caseLink.FindStringSubmatch(body)[1]
		r.want("GET", "/ru/open/case/"+id, nil, 200, "Открытый люк у школы", "улица Выдуманная, 5", "Водоканал", "Никакой законный срок", "Made-up contract on wells and sewers")
		r.want("GET", "/en/open/case/"+id, nil, 200, `lang="ru"`, "It is gone", "assigned, not delivered yet")
		r.want("GET", "/en/open/?area=ulgi&what=manhole&state=open", nil, 200, "/en/open/case/"+id)
		r.want("GET", "/en/open/?area=north", nil, 200, "Nothing was found")
	})
}

// TestOnceForEachCode posts the same form at once and again: one report.
func TestOnceForEachCode(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		f := draft()
		ids := make([]string, 8)
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() { ids[i] = r.tell("manhole", f) })
		}
		wg.Wait()
		f.Set("words", "Другие слова")
		body := r.want("POST", "/en/open/send/manhole", f, 200, "sent before")
		ids = append(ids, caseLink.FindStringSubmatch(body)[1])
		for _, id := range ids {
			if id != ids[0] {
				t.Fatalf("one code made the reports %v", ids)
			}
		}
		all, err := r.lane.List(t.Context(), lane.Filter{Limit: 9})
		if err != nil || len(all) != 1 || all[0].Words == "Другие слова" {
			t.Errorf("List = %+v, %v", all, err)
		}
	})
}

// TestDangerIsSteered: a sealed category and words of danger lead to the sealed
// page before anything is kept, and nothing is sent by whoever does not know.
func TestDangerIsSteered(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	r.want("GET", "/en/open/tell/bribe", nil, 409, `href="/en/report"`)
	r.want("POST", "/en/open/send/bribe", draft(), 409, `href="/en/report"`)
	f := draft("words", "Инспектор требовал взятку, выдумано")
	r.want("POST", "/ru/open/review/manhole", f, 200, "взятку", `href="/ru/report"`, `name="aware"`)
	r.want("POST", "/ru/open/send/manhole", f, 200, `href="/ru/report"`, `role="alert"`)
	if _, err := r.lane.Held(t.Context(), f.Get("code")); err == nil {
		t.Fatal("it was kept")
	}
	f.Set("aware", "yes")
	r.want("POST", "/ru/open/send/manhole", f, 200, "Отправлено")
	// A reason is public as well.
	r.want("POST", "/ru/open/withdraw", url.Values{"code": f["code"], "reason": {"мне угрожают"}}, 409, `href="/ru/report"`, "мне угрожают</textarea>")
	r.want("POST", "/ru/open/withdraw", url.Values{"code": f["code"], "reason": {"звоните 8 700 123 45 67"}}, 422, "звоните 8 700 123 45 67</textarea>", `name="code" value="`+f.Get("code")+`"`)
}

// TestNearbyIsOffered: an open report close by is offered, and whoever has the
// same trouble counts once.
func TestNearbyIsOffered(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		id := r.tell("manhole", draft("area", "", "point", "45.05, 65.15"))
		f := draft("area", "", "point", "45.0501 65.1501")
		r.want("POST", "/en/open/review/manhole", f, 200, "/en/open/same/"+id, "I have the same trouble")
		for range 2 {
			r.want("POST", "/en/open/same/"+id, url.Values{"code": f["code"]}, 200, "You are counted", "same trouble: 1.")
		}
		r.want("POST", "/en/open/same/999", url.Values{"code": f["code"]}, 404)
		r.want("POST", "/en/open/same/"+id, url.Values{"code": {"x"}}, 422)
	})
}

// TestHeldIsNotShown: what waits to be looked at shows none of its words to
// others, in no list and on no page; its holder sees it.
func TestHeldIsNotShown(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		f := draft("words", "Канцелярия молчит, выдумано")
		f.Del("q.cover")
		id := r.tell("no-answer", f)
		for _, path := range []string{"/en/open/case/" + id, "/en/open/", "/en/open/?what=no-answer"} {
			if body := r.want("GET", path, nil, 200); strings.Contains(body, "Канцелярия") {
				t.Errorf("%s shows it", path)
			}
		}
		r.want("GET", "/en/open/case/"+id, nil, 200, "waits for somebody")
		r.want("POST", "/en/open/same/"+id, url.Values{"code": {lane.NewCode()}}, 404)
		r.want("POST", "/en/open/mine", url.Values{"code": f["code"]}, 200, "Канцелярия", "waits for somebody")
	})
}

// TestCoarsePlace: the exact point of a category that shows it roughly is on no
// page, also before it is sent, and no words can name it.
func TestCoarsePlace(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	f := draft("area", "", "point", "45.123456, 65.017654")
	f.Del("q.cover")
	id := r.tell("heating", f)
	for _, body := range []string{r.want("GET", "/en/open/case/"+id, nil, 200, "about a kilometre"), r.want("POST", "/en/open/mine", url.Values{"code": f["code"]}, 200)} {
		if strings.Contains(body, "123456") || strings.Contains(body, "017654") {
			t.Errorf("the exact point is shown:\n%s", body)
		}
	}
	f.Set("code", lane.NewCode())
	f.Set("landmark", "house 5")
	r.want("POST", "/en/open/send/heating", f, 422, "leave it out")
}

// TestHolderComesBack with the code in either alphabet, and withdraws.
func TestHolderComesBack(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		f := draft()
		id := r.tell("manhole", f)
		r.want("GET", "/en/open/mine", nil, 200, `name="code"`)
		r.want("POST", "/en/open/mine", url.Values{"code": {strings.ToUpper(lane.CyrillicCode(f.Get("code")))}}, 200, "Report "+id, "/en/open/withdraw")
		r.want("POST", "/en/open/mine", url.Values{"code": {lane.NewCode()}}, 404, "No report belongs", `name="code"`)
		r.want("POST", "/en/open/mine", url.Values{"code": {"b" + lane.CyrillicCode(f.Get("code"))[1:]}}, 422)
		r.want("POST", "/en/open/withdraw", url.Values{"code": f["code"]}, 422, "reason is missing")
		gone := r.want("POST", "/en/open/withdraw", url.Values{"code": f["code"], "reason": {"It was mended by neighbours"}}, 200, "withdrawn", "mended by neighbours")
		if strings.Contains(gone, "/en/open/withdraw") {
			t.Error("it can be withdrawn twice")
		}
		r.want("GET", "/en/open/case/"+id, nil, 200, "mended by neighbours")
		r.want("GET", "/en/open/?state=closed", nil, 200, "/en/open/case/"+id)
		r.want("POST", "/en/open/same/"+id, url.Values{"code": {lane.NewCode()}}, 409)
	})
}

// TestHolderAdds words to the history: once however often they are sent, steered
// when they mean danger, by nobody else, and checked with the whole chain.
func TestHolderAdds(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		f := draft()
		id := r.tell("manhole", f)
		added := func(words, seen string, more ...string) url.Values {
			return draft(append([]string{"code", f.Get("code"), "words", words, "seen", seen}, more...)...)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				r.want("POST", "/en/open/add", added("The cover lies beside it", "1"), 200, "The cover lies beside it")
			})
		}
		wg.Wait()
		r.want("POST", "/en/open/add", added("Other words after what was not seen", "1"), 409, "Other words after")
		r.want("POST", "/en/open/add", added("Инспектор требовал взятку", "2"), 409, `href="/en/report"`, `name="aware"`)
		r.want("POST", "/en/open/add", added("Инспектор требовал взятку", "2", "aware", "yes"), 200)
		number, err := strconv.ParseInt(id, 10, 64)
		check(t, err)
		if waits, err := r.lane.Additions(t.Context(), number, 9); err != nil || len(waits) != 1 {
			t.Errorf("words of danger that were meant wait for a checker as %+v, %v", waits, err)
		}
		r.want("POST", "/en/open/add", added("It is open still", "2"), 200, "It is open still")
		for _, bad := range []url.Values{added(" ", "3"), added("a\x00b", "3"), added("x", "-1x")} {
			r.want("POST", "/en/open/add", bad, 422)
		}
		r.want("POST", "/en/open/add", added("x", "-5"), 409)
		r.want("POST", "/en/open/add", added("x", "3", "code", lane.NewCode()), 404)
		history, err := r.lane.History(t.Context(), number)
		if err != nil || len(history) != 3 || history[1].Words != "The cover lies beside it" || history[2].By != lane.ByHolder {
			t.Errorf("History = %+v, %v", history, err)
		}
		r.want("GET", "/en/open/case/"+id, nil, 200, "The cover lies beside it", history[2].Hash)
	})
}

// TestRubbish: what cannot be taken is said, kept in the form, and never kept.
func TestRubbish(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	for name, c := range map[string]struct {
		form   url.Values
		status int
	}{
		"no words":           {draft("words", " "), 422},
		"no place":           {draft("area", ""), 422},
		"an unknown area":    {draft("area", "moon"), 422},
		"a point elsewhere":  {draft("point", "0, 0"), 422},
		"no point":           {draft("point", "<script>"), 422},
		"a point of NaN":     {draft("point", "NaN, NaN"), 422},
		"no answer":          {draft("q.cover", ""), 422},
		"another answer":     {draft("q.cover", "stolen"), 422},
		"no code":            {draft("code", "zzz"), 422},
		"NUL":                {draft("words", "a\x00b"), 422},
		"broken letters":     {draft("words", "a\xffb"), 422},
		"turned writing":     {draft("words", "a\u202eb"), 422},
		"a long place":       {draft("landmark", strings.Repeat("ж", 201)), 422},
		"a long text":        {draft("words", strings.Repeat("ж", 4001)), 422},
		"more than any form": {draft("words", strings.Repeat("x", maxForm)), 413},
		"nothing":            {url.Values{}, 422},
	} {
		for _, step := range []string{"review", "send"} {
			resp, body := r.do("POST", "/en/open/"+step+"/manhole", c.form)
			if resp.StatusCode != c.status || strings.Contains(body, "<script>") {
				t.Errorf("%s to %s answers %d, want %d", name, step, resp.StatusCode, c.status)
			}
		}
	}
	r.want("POST", "/en/open/review/manhole", draft("area", "", "words", "These words stay"), 422, "These words stay", `role="alert"`, `value="gone" checked`)
	for _, path := range []string{"/en/open/case/0", "/en/open/case/-1", "/en/open/case/01", "/en/open/case/99999999999999999999", "/en/open/case/7", "/en/open/case/x",
		"/en/open/tell/nothing", "/en/open/nothing", "/en/open/send/manhole"} {
		r.want("GET", path, nil, 404, "/en/open/")
	}
	r.want("GET", "/en/open/?before=x&area=%00&what=%ff&state=maybe", nil, 200)
	r.want("GET", "/en/open/tell?q="+url.QueryEscape(strings.Repeat("<\x00\xff", 400)), nil, 200)
	resp, _ := r.do("POST", "/en/open/send/manhole", nil, "Content-Type", "application/x-www-form-urlencoded; charset=%")
	if resp.StatusCode != 422 {
		t.Errorf("a broken form answers %d", resp.StatusCode)
	}
	if status := r.silently("/en/open/send/manhole"); status != 503 {
		t.Errorf("a form that does not end answers %d", status)
	}
	all, err := r.lane.List(t.Context(), lane.Filter{Limit: 9})
	if err != nil || len(all) != 0 {
		t.Errorf("kept: %+v, %v", all, err)
	}
}

// TestForeignForms: another site's page cannot have its readers send; an old
// browser, which says null or nothing, can.
func TestForeignForms(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	for _, c := range []struct {
		header []string
		status int
	}{
		{[]string{"Sec-Fetch-Site", "same-origin", "Origin", "null"}, 200},
		{[]string{"Origin", "null"}, 200}, {[]string{"Origin", r.server.URL}, 200}, {nil, 200},
		{[]string{"Sec-Fetch-Site", "cross-site"}, 403}, {[]string{"Sec-Fetch-Site", "same-site"}, 403}, {[]string{"Origin", "https://other.example"}, 403},
	} {
		for _, path := range []string{"/en/open/send/manhole", "/en/open/review/manhole"} {
			if resp, _ := r.do("POST", path, draft(), c.header...); resp.StatusCode != c.status {
				t.Errorf("%s with %v answers %d, want %d", path, c.header, resp.StatusCode, c.status)
			}
		}
	}
}

// TestFlood: beyond the budget nothing is taken, it is said until when, what was
// sent before is still shown, and it comes back by itself.
func TestFlood(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 2).withCity()
	now := time.Now()
	r.web.budget.now = func() time.Time { return now }
	first := draft()
	r.tell("manhole", first)
	r.tell("manhole", draft())
	third := draft()
	third = worked(t, r.want("POST", "/en/open/review/manhole", third, 200), third)
	resp, body := r.do("POST", "/en/open/send/manhole", third)
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "30 min") ||
		!strings.Contains(body, `action="/en/open/send/manhole"`) || !strings.Contains(body, `name="words" value="Открытый люк`) || !strings.Contains(body, third.Get("code")) {
		t.Errorf("answers %d, Retry-After %q:\n%s", resp.StatusCode, resp.Header.Get("Retry-After"), body)
	}
	r.tell("manhole", first)
	now = now.Add(31 * time.Minute)
	r.tell("manhole", third)
}

// TestGuessedCodesTakeNothing: whoever posts codes that nobody has uses up nothing of
// what is there for everybody in an hour, nor does whoever has the same trouble; and
// when that is used up by reports, those who told one go on.
func TestGuessedCodesTakeNothing(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 1).withCity()
	for path, more := range map[string]url.Values{"add": {"seen": {"1"}, "words": {"x"}}, "judge": {"assignment": {"1"}, "answer": {"3"}, "says": {"not"}},
		"outcome": {"what": {"nothing"}, "on": {"2026-11-28"}}, "contact": {"contact": {"x"}}, "attest": {"seen": {"0"}}, "answer": {"part": {"1"}, "step": {"1"}, "words": {"x"}}, "again": {"again": {"x"}}} {
		for _, code := range []string{lane.NewCode(), "x"} {
			more.Set("code", code)
			if resp, body := r.do(http.MethodPost, "/en/open/"+path, more); resp.StatusCode != 404 && resp.StatusCode != 422 {
				t.Errorf("%s with the code %s answers %d:\n%s", path, code, resp.StatusCode, body)
			}
		}
	}
	r.want(http.MethodPost, "/en/open/same/1", url.Values{"code": {lane.NewCode()}}, 404)
	f := draft()
	id := r.tell("manhole", f)
	second := draft()
	second = worked(t, r.want(http.MethodPost, "/en/open/review/manhole", second, 200), second)
	if resp, _ := r.do(http.MethodPost, "/en/open/send/manhole", second); resp.StatusCode != 503 {
		t.Fatalf("a second report answers %d, want 503", resp.StatusCode)
	}
	seen := regexp.MustCompile(`name="seen" value="(\d+)"`).FindStringSubmatch(r.want(http.MethodPost, "/en/open/mine", f, 200))[1]
	r.want(http.MethodPost, "/en/open/add", url.Values{"code": f["code"], "seen": {seen}, "words": {"It is deeper now"}}, 200, "It is deeper now")
	r.want(http.MethodGet, "/en/open/case/"+id, nil, 200, "It is deeper now")
}

// TestFaultsOfTheHouseAreWritten: whoever runs the lane reads what failed and on
// which kind of page, and nothing of the address that was asked for.
func TestFaultsOfTheHouseAreWritten(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	var diary bytes.Buffer
	r.web.diary = slog.New(slog.NewTextHandler(&diary, nil))
	token, _, err := r.lane.AddChecker(t.Context(), "A. M.", 7)
	check(t, err)
	r.want(http.MethodGet, "/en/open/check/"+token[1:], nil, 404)
	if diary.Len() != 0 {
		t.Errorf("what is the caller's is written: %s", &diary)
	}
	check(t, r.lane.Close())
	r.want(http.MethodGet, "/en/open/check/"+token, nil, 500)
	if said := diary.String(); !strings.Contains(said, "GET /check/{token}") || !strings.Contains(said, "closed") || strings.Contains(said, token) {
		t.Errorf("the diary says %q", said)
	}
}

// TestOnlyWithADirectory: without one the address space is not the lane's.
func TestOnlyWithADirectory(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0)
	for _, path := range []string{"/en/open", "/en/open/", "/en/open/tell", "/en/open/case/1"} {
		r.want("GET", path, nil, 200, elsewhere)
	}
	r.withCity()
	r.want("GET", "/en/open", nil, http.StatusPermanentRedirect)
	r.want("GET", "/en/open/", nil, 200, "Ulgi")
	for _, path := range []string{"/", "/en/", "/en/opens", "/en/report", "/xx/open/", "/open/"} {
		r.want("GET", path, nil, 200, elsewhere)
	}
}

// TestOldDirectoryIsCited: a case keeps the reasons by which it was sent.
func TestOldDirectoryIsCited(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		id := r.tell("manhole", draft())
		files := fstest.MapFS{}
		var problems datafile.Problems
		for name, text := range datafile.Folder(authority.Sample(), &problems) {
			files[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(text), "manhole,ulgi,water", "manhole,ulgi,roads"))}
		}
		_, fresh, _, err := r.lane.Import(t.Context(), fs.FS(files))
		if err != nil || !fresh {
			t.Fatal(fresh, err)
		}
		r.want("GET", "/en/open/case/"+id, nil, 200, "Ulgi Water Works is bound to")
		r.want("POST", "/en/open/review/manhole", draft(), 200, "Roads Department is bound to")
	})
}

// slowly is a form whose sender lets something happen before the first of it comes.
type slowly struct {
	io.Reader
	first func()
}

func (s *slowly) Read(b []byte) (int, error) {
	if s.first != nil {
		s.first()
		s.first = nil
	}
	return s.Reader.Read(b)
}

// TestSlowFormsAreJudgedByToday: a report is judged by the directory that is in force when
// all of it has come, not by that of the moment it began to come.
func TestSlowFormsAreJudgedByToday(t *testing.T) {
	form := func(f url.Values) (string, string) { return "application/x-www-form-urlencoded", f.Encode() }
	inParts := func(f url.Values) (string, string) {
		var b bytes.Buffer
		m := multipart.NewWriter(&b)
		for name := range f {
			check(t, m.WriteField(name, f.Get(name)))
		}
		check(t, m.Close())
		return m.FormDataContentType(), b.String()
	}
	for name, written := range map[string]func(url.Values) (string, string){"form": form, "parts": inParts} {
		r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
		f := draft()
		kind, text := written(f)
		req := httptest.NewRequest("POST", "/en/open/send/manhole", &slowly{strings.NewReader(text), func() {
			files := fstest.MapFS{}
			var problems datafile.Problems
			for name, text := range datafile.Folder(authority.Sample(), &problems) {
				files[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(text), "visibility: public\n    proof: photo\n    questions", "visibility: held\n    proof: photo\n    questions"))}
			}
			if _, fresh, _, err := r.lane.Import(t.Context(), fs.FS(files)); err != nil || !fresh {
				t.Error(fresh, err)
			}
		}})
		req.Header.Set("Content-Type", kind)
		rec := httptest.NewRecorder()
		r.web.Before(http.NotFoundHandler()).ServeHTTP(rec, req)
		id, err := r.lane.Held(t.Context(), f.Get("code"))
		if err != nil || rec.Code != 200 {
			t.Fatalf("%s: %d %v\n%s", name, rec.Code, err, rec.Body)
		}
		if kept, err := r.lane.Request(t.Context(), id); err != nil || !kept.Hidden() || kept.Directory != 2 {
			t.Errorf("%s: what the newest directory holds is shown: directory %d, %v, %v", name, kept.Directory, kept.Visibility, err)
		}
		r.want("POST", "/en/open/send/manhole", f, 200)
	}
}

// TestSearch finds words by their beginning, however they were typed, in what
// everybody may read and nowhere else; rubbish finds nothing and breaks nothing.
func TestSearch(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		kazakh := r.tell("pothole", draft("words", "Мектеп қасындағы шұңқыр, ойдан шығарылған", "landmark", "Выдуманная 7"))
		uzbek := r.tell("pothole", draft("words", "Ko‘chada chuqur, o‘ylab topilgan"))
		held := r.tell("no-answer", draft("words", "Мектеп туралы жауап жоқ"))
		for query, want := range map[string]string{"шұңқыр": kazakh, "ШУНК касындагы": kazakh, "выдуманная": kazakh, "ko'chada": uzbek, "koʻcha chuqur": uzbek, "мектеп": kazakh} {
			body := r.want("GET", "/en/open/?q="+url.QueryEscape(query), nil, 200)
			if m := caseLink.FindAllStringSubmatch(body, -1); len(m) != 1 || m[0][1] != want {
				t.Errorf("%q finds %v, want %s", query, m, want)
			}
		}
		r.want("GET", "/en/open/?q=nowhere", nil, 200, "Nothing was found")
		for _, query := range []string{uzbek, " № " + uzbek, "#" + uzbek} { // somebody has it by telephone
			body := r.want("GET", "/en/open/?q="+url.QueryEscape(query), nil, 200, "Report "+uzbek)
			if m := caseLink.FindAllStringSubmatch(body, -1); len(m) != 1 || m[0][1] != uzbek || strings.Contains(body, "Nothing was found") {
				t.Errorf("%q finds %v, want %s", query, m, uzbek)
			}
		}
		for _, query := range []string{held, "999999", "0", "-1", "99999999999999999999"} {
			r.want("GET", "/en/open/?q="+query, nil, 200, "Nothing was found")
		}
		for _, query := range []string{`"`, `a" OR "b`, "a':* | 'b", "NEAR(", "\u0301", "*", strings.Repeat("слово ", 90), "\xff\x00", "a\\", "'"} {
			r.want("GET", "/en/open/?q="+url.QueryEscape(query), nil, 200)
		}
		type atom struct {
			Entries []struct {
				ID      string `xml:"id"`
				Summary string `xml:"summary"`
				Updated string `xml:"updated"`
			} `xml:"entry"`
		}
		var f atom
		resp, text := r.get("/en/open/feed?area=south&q=chuqur")
		if err := xml.Unmarshal([]byte(text), &f); err != nil || len(f.Entries) != 1 || !strings.Contains(f.Entries[0].Summary, "chuqur") || !strings.HasSuffix(f.Entries[0].Updated, "T00:00:00Z") {
			t.Errorf("the feed: %v\n%s", err, text)
		}
		if got := resp.Header.Get("Content-Type"); got != "application/atom+xml; charset=utf-8" {
			t.Errorf("the feed is %q", got)
		}
	})
}

// TestListStands: reports that arrive do not shift the pages of a list.
func TestListStands(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		const all = onPage + 5
		var told []string
		for range all {
			told = append(told, r.tell("manhole", draft()))
		}
		links := func(body string) (ids []string) {
			for _, m := range caseLink.FindAllStringSubmatch(body, -1) {
				ids = append(ids, m[1])
			}
			return ids
		}
		first := r.want("GET", "/en/open/?what=manhole", nil, 200)
		more := regexp.MustCompile(`href="([^"]+before=[^"]+)"`).FindStringSubmatch(first)
		if more == nil || len(links(first)) != onPage || links(first)[0] != told[all-1] {
			t.Fatalf("the first page has %v, more %v", links(first), more)
		}
		r.tell("manhole", draft())
		rest := links(r.want("GET", strings.ReplaceAll(more[1], "&amp;", "&"), nil, 200))
		if len(rest) != 5 || rest[0] != told[4] || rest[4] != told[0] {
			t.Errorf("the second page has %v, want %v backwards", rest, told[:5])
		}
	})
}

var tellScripts = regexp.MustCompile(`<script defer src="/assets/lane-(?:where|shrink|draft)\.[0-9A-Z]+\.js" integrity="sha384-[^"]+"></script>`)

// TestPages holds every page in every language: whole, nothing inline, nothing
// from elsewhere, no script, no cookie, and small.
func TestPages(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()}, 0).withCity()
	foreign := regexp.MustCompile(`(?:src|href|action)="(?:https?:)?//`)
	inline := regexp.MustCompile(`(?i)<script|<style| style="| on[a-z]+="`)
	near := draft("area", "", "point", "45.05,65.15")
	id := r.tell("manhole", near)
	for _, lang := range locale.Tags() {
		root := "/" + lang.Path() + "/open"
		sent := draft("area", "", "point", "45.05,65.15")
		for _, c := range []struct {
			method, path string
			form         url.Values
		}{
			{"GET", "/", nil}, {"GET", "/tell", nil}, {"GET", "/tell/manhole", nil}, {"GET", "/tell/heating", nil}, {"GET", "/tell/no-answer", nil}, {"GET", "/mine", nil}, {"GET", "/score", nil}, {"GET", "/score/authority/water", nil}, {"GET", "/appeals/authority", nil}, {"GET", "/appeals/area/south", nil}, {"GET", "/data", nil},
			{"GET", "/map", nil}, {"GET", "/area/south", nil}, {"GET", "/map?view=45.05,65.15,12", nil}, {"POST", "/tell/manhole", url.Values{"view": {"open"}}}, {"GET", "/ground.svg", nil},
			{"GET", "/case/" + id, nil}, {"POST", "/review/manhole", sent}, {"POST", "/send/manhole", sent}, {"POST", "/mine", sent}, {"GET", "/nothing", nil},
		} {
			resp, body := r.do(c.method, root+c.path, c.form)
			if want := map[bool]int{true: 404, false: 200}[c.path == "/nothing"]; resp.StatusCode != want {
				t.Fatalf("%s%s answers %d:\n%s", root, c.path, resp.StatusCode, body)
			}
			if c.path != "/ground.svg" && !strings.Contains(body, `<html lang="`+lang.HTML()+`"`) || strings.Contains(body, "assets/missing/") || strings.Contains(body, "laneweb.") || strings.Contains(body, "ZgotmplZ") {
				t.Errorf("%s%s names another language, an asset that is not built or a key:\n%s", root, c.path, body)
			}
			form := strings.HasPrefix(c.path, "/tell/")                                 // asks the telephone for its place once it is tapped
			telling := form || c.path == "/review/manhole" || c.path == "/send/manhole" // keeps a draft once it is asked to
			if telling {
				body = tellScripts.ReplaceAllString(body, "")
			}
			if m := foreign.FindString(body) + inline.FindString(body); m != "" {
				t.Errorf("%s%s has %s", root, c.path, m)
			}
			csp := resp.Header.Get("Content-Security-Policy")
			if !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "script-src") != telling || strings.Contains(resp.Header.Get("Permissions-Policy"), "geolocation=(self)") != form || resp.Header.Get("Set-Cookie") != "" || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s%s has the headers %v", root, c.path, resp.Header)
			}
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			_, _ = z.Write([]byte(body))
			check(t, z.Close())
			if packed.Len() > 8_000 {
				t.Errorf("%s%s has %d bytes compressed, budget 8000", root, c.path, packed.Len())
			}
		}
	}
}
