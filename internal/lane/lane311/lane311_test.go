package lane311

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kua/internal/authority"
	"kua/internal/lane"
	"kua/internal/lane/lanetest"
	"kua/internal/locale"
	"kua/internal/open311"
	conform "kua/internal/open311/check"
	"kua/web"
)

func TestMain(m *testing.M) { os.Exit(lanetest.Main(m)) }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var (
	words = sync.OnceValues(func() (*locale.Catalogue, error) { return locale.Load(web.Locales()) })
	noon  = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
)

// room is the endpoint over a lane with the made-up city, on a real port.
type room struct {
	endpoint *Server
	t        testing.TB
	lane     *lane.Lane
	server   *httptest.Server
	dir      string // of a SQLite database
	key      string // may send, and answer for the water works
}

func newRoom(t testing.TB, cfg lane.Config) *room {
	t.Helper()
	now := func() time.Time { return noon }
	cfg.Now = now
	l, err := lane.Open(t.Context(), cfg)
	check(t, err)
	t.Cleanup(func() { l.Close() })
	cat, err := words()
	check(t, err)
	next := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, name, ok := strings.Cut(r.URL.Path, "/open/picture/")
		if !ok {
			io.WriteString(rw, "behind")
			return
		}
		f, _, err := l.OpenPicture(r.Context(), strings.TrimSuffix(name, ".jpg"))
		if err != nil {
			http.NotFound(rw, r)
			return
		}
		defer f.Close()
		rw.Header().Set("Content-Type", "image/jpeg")
		io.Copy(rw, f)
	})
	endpoint := New(Config{Lane: l, Catalogue: cat, Now: now})
	endpoint.chunk = 10
	s := httptest.NewServer(endpoint.Before(next))
	t.Cleanup(s.Close)
	r := &room{t: t, lane: l, server: s, endpoint: endpoint, dir: cfg.Dir}
	if _, body := r.get("/open311/discovery.xml"); body != "behind" {
		t.Fatalf("without a directory it answers %q", body)
	}
	_, _, _, err = l.Import(t.Context(), authority.Sample())
	check(t, err)
	r.key = r.newKey(lane.Key{Name: "both", Submit: true, Authority: "water", PerHour: 1_000_000})
	return r
}

func (r *room) newKey(k lane.Key) string {
	r.t.Helper()
	secret, _, err := r.lane.AddKey(r.t.Context(), k)
	check(r.t, err)
	return secret
}

func onBoth(t *testing.T, test func(t *testing.T, r *room)) {
	for name, cfg := range map[string]func() lane.Config{
		"sqlite":   func() lane.Config { return lane.Config{Dir: t.TempDir()} },
		"postgres": func() lane.Config { return lane.Config{URL: lanetest.Database(t)} },
	} {
		t.Run(name, func(t *testing.T) { test(t, newRoom(t, cfg())) })
	}
}

func (r *room) do(method, path, kind string, body io.Reader, header ...string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequest(method, r.server.URL+path, body)
	check(r.t, err)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
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

func (r *room) get(path string) (*http.Response, string) { return r.do("GET", path, "", nil) }

// asked gets a path below the endpoint and wants a status and texts.
func (r *room) asked(path string, status int, texts ...string) string {
	r.t.Helper()
	resp, body := r.get(Endpoint + path)
	r.holds("GET "+path, resp, body, status, texts)
	return body
}

func (r *room) post(path string, form url.Values, status int, texts ...string) string {
	r.t.Helper()
	resp, body := r.do("POST", Endpoint+path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	r.holds("POST "+path, resp, body, status, texts)
	return body
}

func (r *room) holds(what string, resp *http.Response, body string, status int, texts []string) {
	r.t.Helper()
	if resp.StatusCode != status {
		r.t.Fatalf("%s answers %d, want %d:\n%s", what, resp.StatusCode, status, body)
	}
	for _, text := range texts {
		if !strings.Contains(body, text) {
			r.t.Errorf("%s lacks %q:\n%s", what, text, body)
		}
	}
	if f := open311.Format(strings.TrimPrefix(filepath.Ext(strings.Split(what, "?")[0]), ".")); f == open311.XML || f == open311.JSON {
		if kind := resp.Header.Get("Content-Type"); kind != f.Type() {
			r.t.Errorf("%s comes as %q", what, kind)
		}
		a, err := open311.Read([]byte(body))
		if err != nil || len(a.Oddities()) > 0 {
			r.t.Errorf("%s is odd: %v, %v", what, err, a.Oddities())
		}
	}
}

// report is a form that is taken, with changes: name, value, name, value.
func (r *room) report(changes ...string) url.Values {
	f := url.Values{"api_key": {r.key}, "service_code": {"manhole"}, "lat": {"45.051234"}, "long": {"65.151234"},
		"description": {"Открытый люк, выдумано <&>"}, "attribute[cover]": {"gone"}}
	for i := 0; i < len(changes); i += 2 {
		if f.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			f.Del(changes[i])
		}
	}
	return f
}

// sent reports and gives the id.
func (r *room) sent(changes ...string) string {
	r.t.Helper()
	a, err := open311.Read([]byte(r.post("requests.xml", r.report(changes...), 200)))
	check(r.t, err)
	accepted, ok := a.Accepted()
	if !ok || accepted.ID == "" {
		r.t.Fatalf("no id: %+v", accepted)
	}
	return accepted.ID
}

func (r *room) listed(path string) (ids []string) {
	r.t.Helper()
	a, err := open311.Read([]byte(r.asked(path, 200)))
	check(r.t, err)
	for _, one := range a.Requests() {
		ids = append(ids, one.ID)
	}
	return ids
}

// TestWhatThereIs reads what the endpoint offers, in both formats.
func TestWhatThereIs(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()})
	resp, body := r.get("/open311/discovery.xml")
	r.holds("GET discovery.xml", resp, body, 200, []string{"<url>" + r.server.URL + "/open311/v2/</url>", "<type>test</type>", "<format>text/xml</format>", "2026-11-28T00:00:00Z"})
	resp, body = r.get("/open311/discovery.json")
	r.holds("GET discovery.json", resp, body, 200, []string{`"formats":["text/xml","application/json"]`})
	if resp.Header.Get("Access-Control-Allow-Origin") != "*" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers: %v", resp.Header)
	}
	body = r.asked("services.json?jurisdiction_id=", 200, `"service_code":"manhole"`, `"metadata":true`, `"type":"batch"`, `"group":"Жолдар"`)
	if strings.Contains(body, "bribe") {
		t.Error("what belongs to the sealed lane is offered to other systems")
	}
	r.asked("services.xml?locale=ru_RU&jurisdiction_id=ulgi", 200, "<service_name>Открытый люк</service_name>")
	r.asked("services/manhole.json?locale=en", 200, `"values":[{"key":"gone","name":"It is gone"}`, `"required":true`, `"datatype":"singlevaluelist"`)
	r.asked("services/water.xml", 200, "<datatype>datetime</datatype>")
}

// TestRefusals holds the status and the shape of each refusal.
func TestRefusals(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()})
	for path, want := range map[string]int{
		"services/nothing.xml": 404, "services/bribe.json": 404, "requests/77.json": 404, "requests/007.xml": 404, "requests/x.xml": 404, "tokens/abc.xml": 404,
		"services.xml?jurisdiction_id=elsewhere": 404, "nothing.xml": 404, "requests.html": 404, "a/b/c.json": 404, "": 404,
		"requests.xml?status=mended": 400, "requests.json?start_date=2026-01-01": 400, "requests.xml?start_date=2026-01-01T00:00:00Z&end_date=2026-11-01T00:00:00Z": 400,
		"requests.xml?before=x": 400, "requests.xml?page=1001": 400, "servicerequestupdates.xml?after=1": 400, "requests.xml?%zz": 400,
	} {
		r.asked(path, want, strconv.Itoa(want))
	}
	resp, body := r.do("POST", Endpoint+"requests.json", "application/json", strings.NewReader("{}"))
	r.holds("POST requests.json", resp, body, 400, []string{`[{"code":400,"description":"`})
	resp, body = r.do("POST", Endpoint+"requests.xml", "application/x-www-form-urlencoded", strings.NewReader("a="+strings.Repeat("x", maxForm)))
	r.holds("POST requests.xml", resp, body, 400, []string{"<errors><error><code>413</code>"})
	resp, body = r.do("DELETE", Endpoint+"requests/1.xml", "", nil)
	r.holds("DELETE requests/1.xml", resp, body, 404, nil)
	r.post("services.xml", r.report(), 404)
	for _, wrong := range [][]string{
		{"service_code", ""}, {"lat", "", "long", ""}, {"lat", "NaN"}, {"lat", "12.5"}, {"attribute[cover]", ""}, {"attribute[cover]", "stolen"},
		{"description", strings.Repeat("ж", 4001)}, {"description", "\x07"}, {"description", "\x00"}, {"lat", "", "address_id", "nowhere"}, {"address_string", strings.Repeat("x", 201)},
	} {
		r.post("requests.xml", r.report(wrong...), 400, "<errors><error><code>4")
	}
	r.post("requests.json", r.report("service_code", "nothing"), 404)
	if all := r.listed("requests.xml"); len(all) > 0 {
		t.Errorf("what was refused is there: %v", all)
	}
}

// TestSubmitAndRead sends a request with everything in it, reads it back, and
// looks for what must never be kept in all that the server says and stores.
func TestSubmitAndRead(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		form := r.report("email", "hushed@witness.example", "phone", "+7-555-HUSHED", "first_name", "Hushedname", "last_name", "Hushedlast", "device_id", "husheddevice",
			"account_id", "hushedaccount", "media_url", "http://pictures.example/hushed.jpg", "address_string", "улица Выдуманная, 5", "unknown", "x", "locale", "en")
		body := r.post("requests.xml", form, 200, "<service_request_id>1</service_request_id>", "not kept", "/en/open/mine")
		if strings.Contains(body, "<token>") {
			t.Errorf("an id and a token: %s", body)
		}
		code := regexp.MustCompile(`[0-9a-z]{4}(?:-[0-9a-z]{4}){3}`).FindString(body)
		if id, err := r.lane.Held(t.Context(), code); err != nil || id != 1 {
			t.Errorf("the code %q holds %d, %v", code, id, err)
		}
		said := r.asked("requests/1.xml?locale=en", 200, "<status>open</status>", "<description>Открытый люк, выдумано &lt;&amp;&gt;</description>", "<lat>45.051234</lat>",
			"<address>улица Выдуманная, 5, South District</address>", "<agency_responsible>Ulgi Water Works</agency_responsible>", "<requested_datetime>2026-11-28T00:00:00Z</requested_datetime>")
		said += r.asked("requests.json", 200, `[{"service_request_id":"1",`) + r.asked("servicerequestupdates.xml", 200) + r.asked("requests.csv", 200, "улица Выдуманная")
		if r.dir != "" {
			files, err := filepath.Glob(filepath.Join(r.dir, "lane.db*"))
			check(t, err)
			for _, f := range files {
				b, err := os.ReadFile(f)
				check(t, err)
				said += string(b)
			}
			if !strings.Contains(said, "SQLite format 3") {
				t.Fatal("the database was not read")
			}
		}
		if strings.Contains(strings.ToLower(said), "hushed") {
			t.Error("something private was kept or comes out")
		}
		if _, body := r.get("/open311/v2/requests/1.json"); strings.Contains(body, code) {
			t.Error("the code comes out")
		}

		// In parts it is taken as well; a file is not, and says so.
		parts := func(extra string) io.Reader {
			var b strings.Builder
			for name, v := range r.report("description", "", "lat", "", "long", "", "address_id", "south") {
				fmt.Fprintf(&b, "--x\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", name, v[0])
			}
			return strings.NewReader(b.String() + extra + "--x--\r\n")
		}
		resp, body := r.do("POST", Endpoint+"requests.xml", "multipart/form-data; boundary=x", parts(""))
		r.holds("POST requests.xml", resp, body, 200, []string{"<service_request_id>2<"})
		resp, body = r.do("POST", Endpoint+"requests.xml", "multipart/form-data; boundary=x", parts("--x\r\nContent-Disposition: form-data; name=\"media\"; filename=\"a.jpg\"\r\n\r\nJFIF\r\n"))
		r.holds("POST requests.xml", resp, body, 400, []string{"<errors>"})
		r.asked("requests/2.xml?locale=ru", 200, "<description>Ашық құдық</description>", "<lat></lat>", "<address_id>south</address_id>", "<address>Южный район</address>")
		r.sent("lat", "", "long", "", "address_string", "у базара")
		r.asked("requests/3.xml", 200, "<address>у базара, Үлгі</address>")
		r.sent("service_code", "water", "attribute[cover]", "", "attribute[since]", "2026-11-20T23:30:00+05:00", "attribute[unasked]", "x")
		if got, err := r.lane.Request(t.Context(), 4); err != nil || got.Answers["since"][0] != "2026-11-20" || len(got.Answers) != 1 {
			t.Errorf("the answers: %+v, %v", got, err)
		}
	})
}

// TestOnce sends the same under one name, at once and again: one request, one code.
func TestOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		other := r.newKey(lane.Key{Name: "other", Submit: true, PerHour: 10})
		send := func(form url.Values) string {
			_, body := r.do("POST", Endpoint+"requests.json", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()), "Idempotency-Key", "case-7")
			return body
		}
		answers := make([]string, 6)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { answers[i] = send(r.report()) })
		}
		wg.Wait()
		if slices.ContainsFunc(answers, func(a string) bool { return a != answers[0] || !strings.HasPrefix(a, `[{"service_request_id":"`) }) {
			t.Errorf("one name gave %v", answers)
		}
		if again := send(r.report("api_key", other)); again == answers[0] || !strings.HasPrefix(again, `[{"service_request_id":"`) {
			t.Errorf("another key's name is taken for ours: %s", again)
		}
		theirs := r.post("requests.json", r.report("attribute[fixmystreet_id]", "9"), 200)
		if again := r.post("requests.json", r.report("attribute[fixmystreet_id]", "9"), 200); again != theirs {
			t.Errorf("FixMyStreet's number gave %s and %s", theirs, again)
		}
	})
}

// TestKeysAreBound: a key can do what it is bound to, until it is taken back.
func TestKeysAreBound(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		sender := r.newKey(lane.Key{Name: "sender", Submit: true, PerHour: 2})
		water := r.newKey(lane.Key{Name: "water", Authority: "water", PerHour: 100})
		roads := r.newKey(lane.Key{Name: "roads", Authority: "roads", PerHour: 100})
		id := r.sent()
		update := func(key string) url.Values {
			return url.Values{"api_key": {key}, "service_request_id": {id}, "update_id": {"u1"}, "status": {"IN_PROGRESS"}, "updated_datetime": {"2026-11-28T11:00:00Z"}}
		}
		for _, key := range []string{"", "wrong", sender + "x", strings.ToUpper(sender), "'; DROP TABLE api_key; --"} {
			r.post("requests.xml", r.report("api_key", key), 403, "<code>403</code>")
			r.post("servicerequestupdates.xml", update(key), 403)
		}
		r.post("requests.xml?api_key="+sender, r.report("api_key", ""), 403)
		r.post("requests.json", r.report("api_key", water), 403)
		r.post("servicerequestupdates.xml", update(sender), 403)
		r.post("servicerequestupdates.xml", update(roads), 403)
		if got, err := r.lane.Request(t.Context(), 1); err != nil || got.Assignments[0].State != lane.Routed {
			t.Fatalf("a key that is not bound moved it: %+v, %v", got, err)
		}
		r.post("servicerequestupdates.xml", update(water), 200)

		r.post("requests.xml", r.report("api_key", sender), 200)
		r.post("requests.xml", r.report("api_key", sender), 200)
		resp, body := r.do("POST", Endpoint+"requests.xml", "application/x-www-form-urlencoded", strings.NewReader(r.report("api_key", sender).Encode()))
		r.holds("POST requests.xml", resp, body, 429, []string{"<code>429</code>"})
		if wait, _ := strconv.Atoi(resp.Header.Get("Retry-After")); wait < 1 || wait > 1800 {
			t.Errorf("Retry-After: %q", resp.Header.Get("Retry-After"))
		}
		r.sent() // the others have their own

		all, err := r.lane.Keys(t.Context())
		check(t, err)
		if len(all) != 4 || all[2].Authority != "water" || all[2].Submit {
			t.Errorf("Keys = %+v", all)
		}
		check(t, r.lane.RevokeKey(t.Context(), all[2].ID))
		r.post("servicerequestupdates.xml", update(water), 403)
		if err := r.lane.RevokeKey(t.Context(), 99); err == nil {
			t.Error("a key that is not there was taken back")
		}
		for _, k := range []lane.Key{{Name: "", Submit: true, PerHour: 1}, {Name: "a\nb", Submit: true, PerHour: 1}, {Name: "x", PerHour: 1}, {Name: "x", Submit: true}, {Name: "x", Authority: "nobody", PerHour: 1}} {
			if _, _, err := r.lane.AddKey(t.Context(), k); err == nil {
				t.Errorf("the key %+v was made", k)
			}
		}
	})
}

// TestDangerIsRefused: what could endanger somebody is refused with the address of
// the sealed page, and nothing of it is kept.
func TestDangerIsRefused(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()})
	r.post("requests.xml", r.report("service_code", "bribe"), 400, "<code>409</code>", r.server.URL+"/kk/report")
	r.post("requests.json", r.report("description", "Инспектор требовал взятку, выдумано", "locale", "ru"), 400, `"code":409`, r.server.URL+"/ru/report", "взятку")
	r.post("requests.json", r.report("description", "Инспектор требовал взятку, выдумано"), 400, "/kk/report")
	r.post("requests.xml", r.report("address_string", "где просят взятку"), 400, "<code>409</code>")
	if all := r.listed("requests.xml"); len(all) > 0 {
		t.Errorf("kept: %v", all)
	}
}

// TestHeldIsNotShown: what is looked at first has a token, is in no answer until
// somebody lets it through, and only then has an id.
func TestHeldIsNotShown(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		body := r.post("requests.json", r.report("service_code", "no-answer", "attribute[cover]", "", "lat", "", "long", "", "address_id", "bazaar", "description", "Unseen words"), 200, `"token":"`)
		token := regexp.MustCompile(`"token":"([0-9a-f]+)"`).FindStringSubmatch(body)[1]
		if strings.Contains(body, "service_request_id") {
			t.Errorf("an id and a token: %s", body)
		}
		unseen := func() {
			t.Helper()
			r.asked("tokens/"+token+".json", 200, `[{"service_request_id":null,"token":"`+token)
			r.asked("requests/1.xml", 404)
			said := r.asked("requests.xml", 200) + r.asked("requests.xml?service_request_id=1", 200) + r.asked("servicerequestupdates.xml", 200) + r.asked("requests.csv", 200)
			if strings.Contains(said, "Unseen") || strings.Contains(said, "<service_request_id>") {
				t.Errorf("it is shown: %s", said)
			}
		}
		unseen()
		office := r.newKey(lane.Key{Name: "office", Authority: "bazaar-office", PerHour: 10})
		r.post("servicerequestupdates.xml", url.Values{"api_key": {office}, "service_request_id": {"1"}, "update_id": {"u"}, "status": {"UNCHANGED"},
			"updated_datetime": {"2026-11-28T11:00:00Z"}, "description": {"x"}}, 404)
		got, err := r.lane.Request(t.Context(), 1)
		check(t, err)
		check(t, r.lane.Move(t.Context(), got.Assignments[0].Number, 0, lane.Move{To: lane.Routed, By: lane.ByHouse, Reason: "nothing private"}))
		r.asked("tokens/"+token+".xml", 200, "<service_request_id>1</service_request_id>")
		r.asked("requests/1.xml", 200, "Unseen words")
		check(t, r.lane.Move(t.Context(), got.Assignments[0].Number, 1, lane.Move{To: lane.Withdrawn, By: lane.ByHolder}))
		unseen()
	})
}

// TestCoarse: where a place is shown roughly no answer says more.
func TestCoarse(t *testing.T) {
	r := newRoom(t, lane.Config{Dir: t.TempDir()})
	coarse := []string{"service_code", "heating", "attribute[cover]", "", "address_string", "улица Выдуманная, 5", "locale", "en"}
	r.post("requests.xml", r.report(coarse...), 200, "address_string was not kept", "only roughly")
	said := r.asked("requests/1.xml?locale=en", 200, "<lat>45.05000</lat><long>65.15000</long>", "only roughly") + r.asked("requests.csv", 200) + r.asked("requests.json", 200)
	if strings.Contains(said, "1234") || strings.Contains(said, "Выдуманная") {
		t.Errorf("the exact place comes out: %s", said)
	}
	r.post("requests.xml", r.report(append(coarse, "lat", "", "long", "")...), 400)
}

// TestLists holds every filter, the order and the two ways to go on.
func TestLists(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		for i := range 5 {
			r.sent("description", fmt.Sprintf("The made-up manhole %d", i), "service_code", []string{"manhole", "pothole"}[i%2], "attribute[cover]", []string{"gone", ""}[i%2])
		}
		r.post("servicerequestupdates.xml", url.Values{"api_key": {r.key}, "service_request_id": {"3"}, "update_id": {"u"}, "status": {"NO_FURTHER_ACTION"},
			"updated_datetime": {"2026-11-28T11:00:00Z"}, "description": {"no"}}, 200)
		for query, want := range map[string]string{
			"": "5 4 3 2 1", "service_code=pothole": "4 2", "service_code=pothole,manhole": "5 4 3 2 1", "service_code=nothing": "",
			"status=closed": "3", "status=open": "5 4 2 1", "status=open,closed": "5 4 3 2 1",
			"service_request_id=2,4,99,x&service_code=manhole&status=closed": "4 2", "service_request_id=x": "",
			"start_date=2026-11-28T11:59:00Z": "5 4 3 2 1", "start_date=2026-11-29T00:00:00Z": "", "end_date=2026-11-27T23:59:59Z": "", "end_date=2026-11-28T00:00:00Z": "5 4 3 2 1",
			"updated_after=2026-11-28T11:00:00Z": "5 4 3 2 1", "updated_after=2026-11-29T00:00:00Z": "", "updated_before=2026-11-27T00:00:00Z": "",
			"page_size=2": "5 4", "page_size=2&page=2": "3 2", "page_size=2&page=4": "", "before=3": "2 1", "jurisdiction_id=&status=": "5 4 3 2 1",
		} {
			for _, f := range []string{"xml", "json"} {
				if got := strings.Join(r.listed("requests."+f+"?"+query), " "); got != want {
					t.Errorf("%s as %s: %q, want %q", query, f, got, want)
				}
			}
		}
		// The cursor: a page stays the same while reports arrive.
		at, all := Endpoint+"requests.xml?page_size=2", []string{}
		for range 5 {
			resp, body := r.get(at)
			a, err := open311.Read([]byte(body))
			check(t, err)
			for _, one := range a.Requests() {
				all = append(all, one.ID)
			}
			r.sent()
			m := regexp.MustCompile(`^<` + r.server.URL + `(.*)>; rel="next"$`).FindStringSubmatch(resp.Header.Get("Link"))
			if m == nil {
				break
			}
			at = m[1]
		}
		if got := strings.Join(all, " "); got != "5 4 3 2 1" {
			t.Errorf("the cursor gave %s", got)
		}
	})
}

// TestUpdatesBothWays: an authority's system moves its part as the table lets it,
// once for each message, and everybody can ask what happened.
func TestUpdatesBothWays(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		id := r.sent()
		n := 0
		update := func(status string, more ...string) url.Values {
			n++
			f := url.Values{"api_key": {r.key}, "service_request_id": {id}, "update_id": {fmt.Sprint("u", n)}, "status": {status}, "updated_datetime": {"2026-11-28T11:00:00Z"},
				"first_name": {"Secretname"}, "email": {"secret@office.example"}, "media_url": {"http://secret.example/1.jpg"}}
			for i := 0; i < len(more); i += 2 {
				f.Set(more[i], more[i+1])
			}
			return f
		}
		took := func(want string, f url.Values) {
			t.Helper()
			r.post("servicerequestupdates.xml", f, 200, "<update_id>"+want+"</update_id>")
		}
		took("1-3", update("OPEN", "customer_reference", "W-77"))
		first := update("INVESTIGATING", "description", "Бригада едет")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { took("1-4", first) })
		}
		wg.Wait()
		took("1-4", first)
		took("1-5", update("IN_PROGRESS", "description", "Едет дальше")) // words alone: it stands so
		took("1-6", update("PLANNED", "expected_datetime", "2026-12-01T00:00:00Z"))
		r.asked("requests/1.xml", 200, "<expected_datetime>2026-12-01T00:00:00Z</expected_datetime>", "<status>open</status>")
		for _, wrong := range [][]string{
			{"CLOSED"}, {"DUPLICATE"}, {"CANCELLED"}, {"REOPEN"}, {"FOR_TRIAGE"}, {"PLANNED"}, {"PLANNED", "expected_datetime", "tomorrow"}, {"PLANNED", "expected_datetime", "2026-11-01T00:00:00Z"},
			{"FIXED", "description", "mended, without a photo"}, {"NO_FURTHER_ACTION"}, {"UNCHANGED"}, {"INTERNAL_REFERRAL"}, {"MENDED"},
			{"IN_PROGRESS", "update_id", ""}, {"IN_PROGRESS", "update_id", "a\nb"}, {"IN_PROGRESS", "updated_datetime", "2026-11-28"}, {"UNCHANGED", "description", strings.Repeat("x", 4001)},
		} {
			r.post("servicerequestupdates.json", update(wrong[0], wrong[1:]...), 400, `[{"code":4`)
		}
		r.post("servicerequestupdates.json", update("NOT_COUNCILS_RESPONSIBILITY", "agency_responsible", "nobody"), 404)
		r.post("servicerequestupdates.xml", update("IN_PROGRESS", "service_request_id", "99"), 404)
		took("1-7", update("UNCHANGED", "description", "Ждём крышку"))
		took("1-8", update("NOT_COUNCILS_RESPONSIBILITY", "agency_responsible", "roads", "description", "дорога их"))
		r.post("servicerequestupdates.xml", update("IN_PROGRESS"), 400) // it is the Roads Department's now
		r.asked("requests/1.xml?locale=en", 200, "<status>open</status>", "<agency_responsible>Roads Department</agency_responsible>")

		at := "servicerequestupdates.xml?locale=en&start_date=2026-11-28T10:00:00Z&end_date=2026-11-28T12:00:00Z"
		a, err := open311.Read([]byte(r.asked(at, 200, "<update_id>1-2</update_id>", "W-77", "Бригада едет", "Ждём крышку", "Roads Department")))
		check(t, err)
		var said []string
		for _, u := range a.Updates() {
			if u.Updated.Before(noon.Add(-2*time.Hour)) || u.Updated.After(noon) {
				t.Errorf("FixMyStreet passes over %+v", u)
			}
			said = append(said, u.Status)
		}
		if got := strings.Join(said, " "); got != "open open in_progress unchanged planned unchanged open" {
			t.Errorf("the statuses are %s", got)
		}
		if body := r.asked("servicerequestupdates.xml?start_date=2026-11-29T00:00:00Z&end_date=2026-11-30T00:00:00Z", 200); strings.Contains(body, "<request_update>") {
			t.Errorf("another day's: %s", body)
		}
		resp, _ := r.get(Endpoint + at + "&page_size=3")
		next := regexp.MustCompile(`^<` + r.server.URL + Endpoint + `(.*)>; rel="next"$`).FindStringSubmatch(resp.Header.Get("Link"))
		if next == nil {
			t.Fatalf("no way on: %q", resp.Header.Get("Link"))
		}
		if body := r.asked(next[1], 200, "<update_id>1-5</update_id>", "<update_id>1-7</update_id>"); strings.Contains(body, "1-4<") || strings.Contains(body, "1-8<") {
			t.Errorf("the next page is %s", body)
		}
		if body := r.asked(at, 200) + r.asked("requests/1.json", 200) + r.asked("requests.csv", 200); strings.Contains(strings.ToLower(body), "secret") {
			t.Errorf("something private comes out: %s", body)
		}
		if _, err := r.lane.History(t.Context(), 1); err != nil {
			t.Error(err)
		}
		dry := r.sent("service_code", "water", "attribute[cover]", "")
		r.post("servicerequestupdates.xml", update("FIXED", "service_request_id", dry), 200) // its category asks for no photo
		r.asked("requests/"+dry+".json", 200, `"status":"closed"`)
	})
}

// TestUpdatesAreMasked: an update with a telephone or a link is taken without them.
func TestUpdatesAreMasked(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		id := r.sent()
		update := func(name, status, words string) url.Values {
			return url.Values{"api_key": {r.key}, "service_request_id": {id}, "update_id": {name}, "status": {status}, "updated_datetime": {"2026-11-28T11:00:00Z"}, "description": {words}}
		}
		numbered := update("u0", "OPEN", "")
		numbered.Set("customer_reference", "Иванов И., +7 701 123 45 67, https://t.me/ivanov")
		r.post("servicerequestupdates.xml", numbered, 200)
		r.post("servicerequestupdates.xml", update("u1", "IN_PROGRESS", "Выехали, тел. диспетчера 8 7172 12 34 56"), 200)
		r.post("servicerequestupdates.xml", update("u2", "UNCHANGED", "Ждём, https://gorod.example"), 200)
		r.post("servicerequestupdates.xml", update("u3", "NO_FURTHER_ACTION", "Не наш, звоните 87172123456 или 109"), 200)
		body := r.asked("servicerequestupdates.xml", 200, "Выехали, тел. диспетчера ███<", "Ждём, ███<", "звоните ███ или 109")
		if strings.Contains(body, "34 56") || strings.Contains(body, "Иванов") || strings.Contains(body, "gorod.example") {
			t.Errorf("they are shown: %s", body)
		}
	})
}

// TestWhatPeopleSay: a verdict and an outcome are told as what they are, in updates,
// in a request's notes and in bulk, and none of them as a move of the authority's; the
// pictures that everybody may see have their addresses.
func TestWhatPeopleSay(t *testing.T) {
	r, ctx := newRoom(t, lane.Config{Dir: t.TempDir(), Cleaner: lanetest.Cleaner(t)}), t.Context()
	before, err := r.lane.AddPicture(ctx, bytes.NewReader(lanetest.Photo(t, 64, 48, 3)))
	check(t, err)
	d := lane.Draft{Code: lane.NewCode(), Category: "manhole", Language: locale.Russian, Words: "Люк, выдумано", Area: "south", Answers: map[string][]string{"cover": {"gone"}},
		Pictures: []string{before.Hash}}
	sent, err := r.lane.Submit(ctx, d)
	check(t, err)
	friend := lane.NewCode()
	check(t, r.lane.Support(ctx, sent.ID, friend))
	part := func() lane.Assignment {
		q, err := r.lane.Request(ctx, sent.ID)
		check(t, err)
		return q.Assignments[0]
	}
	proof := lanetest.Proof(t, r.lane)
	for _, m := range []lane.Move{{To: lane.Delivered, By: lane.ByHouse}, {To: lane.Mended, By: lane.ByOfficial, Picture: proof}} {
		check(t, r.lane.Move(ctx, part().Number, part().Step, m))
	}
	a := part()
	check(t, r.lane.Judge(ctx, lane.Verdict{Code: friend, Assignment: a.Number, Answer: a.Answer, Says: lane.SaysNot}))
	notMended := "somebody with the same trouble: says of the answer in line 3: No, not mended"
	r.asked("requests/1.xml?locale=en", 200, "<status_notes>"+notMended+"</status_notes>")
	r.asked("requests.csv?locale=en", 200, notMended)
	check(t, r.lane.Judge(ctx, lane.Verdict{Code: d.Code, Assignment: a.Number, Answer: a.Answer, Says: lane.SaysPartly, Words: "half a lid"}))
	check(t, r.lane.AddHolderOutcome(ctx, d.Code, lane.Outcome{What: lane.ResultNothing, On: "2026-11-28", Link: "https://news.example/1"}))
	check(t, r.lane.StrikeOutcome(ctx, sent.ID, 7, "told too early"))

	at := "servicerequestupdates.xml?locale=en&start_date=2026-11-28T10:00:00Z&end_date=2026-11-28T12:00:00Z"
	answer, err := open311.Read([]byte(r.asked(at, 200, notMended, "the writer: says of the answer in line 3: Only partly. half a lid", "the writer: tells what came of it", "https://news.example/1",
		"takes back the outcome in line 7. told too early")))
	check(t, err)
	var said, seen []string
	for _, u := range answer.Updates() {
		if said = append(said, u.Status); u.MediaURL != "" {
			seen = append(seen, u.ID+" "+u.MediaURL)
		}
	}
	if got := strings.Join(said, " "); got != "open fixed unchanged unchanged reopen unchanged unchanged" {
		t.Errorf("the statuses are %s", got)
	}
	if want := "1-3 " + r.server.URL + "/en/open/picture/" + proof + ".jpg"; strings.Join(seen, " ") != want {
		t.Errorf("the pictures are %v, want %s", seen, want)
	}
	r.asked("requests/1.json?locale=en", 200, `"media_url":"`+r.server.URL+"/en/open/picture/"+before.Hash+`.jpg"`, `"status":"open"`)
}

// TestBulk streams more than one chunk, whole, and safe to open in a spreadsheet.
func TestBulk(t *testing.T) {
	onBoth(t, func(t *testing.T, r *room) {
		r.sent("description", "=HYPERLINK(\"made up\")")
		const many = 23
		for i := 1; i < many; i++ {
			at, _ := authority.At(45.05, 65.15)
			_, err := r.lane.Submit(t.Context(), lane.Draft{Code: lane.NewCode(), Category: "pothole", Language: "ru", Words: "Яма, выдумано", At: &at})
			check(t, err)
		}
		rows, err := csv.NewReader(strings.NewReader(r.asked("requests.csv", 200))).ReadAll()
		check(t, err)
		if len(rows) != many+1 || !slices.Equal(rows[0], bulkColumns) || rows[1][0] != strconv.Itoa(many) || rows[many][0] != "1" {
			t.Fatalf("%d rows, first %v", len(rows), rows[0])
		}
		if got := rows[many][9]; !strings.HasPrefix(got, "'=HYPER") {
			t.Errorf("a formula stands in the file: %q", got)
		}
		if rows[1][12] != "45.05" || rows[1][4] != "open" || rows[1][1] != "2026-11-28T00:00:00Z" || rows[1][3] != "" {
			t.Errorf("a row is %v", rows[1])
		}
		some, err := csv.NewReader(strings.NewReader(r.asked("requests.csv?service_code=manhole&status=open", 200))).ReadAll()
		if check(t, err); len(some) != 2 {
			t.Errorf("filtered: %v", some)
		}
		r.asked("requests.csv?status=x", 400)
		var running []func()
		for range lane.MaxDownloads {
			done, err := r.lane.Download()
			check(t, err)
			running = append(running, done)
		}
		if resp, body := r.get(Endpoint + "requests.csv?locale=en"); resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" || !strings.Contains(body, "only what is new") {
			t.Errorf("beside others: %d, %v\n%s", resp.StatusCode, resp.Header, body)
		}
		running[0]()
		r.asked("requests.csv", 200)
		if resp, body := r.do("HEAD", Endpoint+"requests.csv", "", nil); resp.StatusCode != 200 || body != "" {
			t.Errorf("HEAD: %d", resp.StatusCode)
		}
		if now, refused := r.lane.Downloads(); now != lane.MaxDownloads-1 || refused != 1 {
			t.Errorf("%d run, %d were refused", now, refused)
		}
		resp, body := r.get(Endpoint + "requests.xml")
		if a, err := open311.Read([]byte(body)); err != nil || len(a.Requests()) != many || resp.Header.Get("Link") != "" {
			t.Errorf("the list has %d", len(a.Requests()))
		}
	})
}

// FuzzPost posts what strangers write: it is taken or refused, and nothing breaks.
func FuzzPost(f *testing.F) {
	r := newRoom(f, lane.Config{Dir: f.TempDir()})
	f.Add("requests.xml", r.report("api_key", "").Encode())
	f.Add("servicerequestupdates.json", "service_request_id=1&update_id=a&status=FIXED&updated_datetime=2026-11-28T11:00:00Z&description=x")
	f.Add("requests.json", "attribute[cover][]=gone&service_code=manhole&address_id=south&locale=tk")
	f.Fuzz(func(t *testing.T, path, body string) {
		for _, method := range []string{"POST", "GET"} {
			rec := httptest.NewRecorder()
			req := httptest.NewRequest(method, Endpoint, strings.NewReader("api_key="+r.key+"&"+body))
			req.URL.Path += path
			req.URL.RawQuery = strings.Repeat(body, map[string]int{"GET": 1}[method])
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.server.Config.Handler.ServeHTTP(rec, req)
			if rec.Code >= 500 {
				t.Fatalf("%s %q %q answers %d: %s", method, path, body, rec.Code, rec.Body)
			}
			if strings.HasSuffix(path, ".xml") || strings.HasSuffix(path, ".json") {
				if _, err := open311.Read(rec.Body.Bytes()); rec.Code < 300 && err != nil {
					t.Fatalf("%s %q %q answers %s: %v", method, path, body, rec.Body, err)
				}
			}
		}
	})
}

// TestOwnServerConforms points the conformance suite at our own endpoint.
func TestOwnServerConforms(t *testing.T) {
	onBothWithPhotos(t, func(t *testing.T, r *room, _ *counted) {
		for range 3 {
			r.sent()
		}
		r.sent("service_code", "heating", "attribute[cover]", "")
		now := func() time.Time { return noon.Add(time.Second) }
		for _, service := range []string{"", "water", "heating"} {
			report, err := conform.Run(t.Context(), conform.Options{URL: r.server.URL + Endpoint, Key: r.key, Write: true, Service: service, Now: now})
			check(t, err)
			if len(report.Findings) > 0 && service != "heating" || report.Calls < 30 {
				t.Errorf("%q: %d calls, %+v", service, report.Calls, report.Findings)
			}
			// The water works have no part in heating: their key must not answer for others.
			if service == "heating" && (len(report.Findings) != 1 || report.Findings[0].Rule != "update" || !strings.HasPrefix(report.Findings[0].Came, "403")) {
				t.Errorf("%q: %+v", service, report.Findings)
			}
		}
	})
}
