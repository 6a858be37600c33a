package client

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kua/internal/fault"
	"kua/internal/open311"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// city is a server of the standard, as it should be.
type city struct {
	key      string
	taken    []url.Values
	mistakes map[string]http.HandlerFunc // path → what a bad server does instead
}

func (c *city) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if bad := c.mistakes[r.URL.Path]; bad != nil {
		bad(w, r)
		return
	}
	path, ext, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), ".")
	f := open311.Format(ext)
	answer := func(status int, d open311.Document) {
		w.Header().Set("Content-Type", f.Type())
		w.WriteHeader(status)
		_ = d.Write(w, f)
	}
	if r.URL.Query().Has("jurisdiction_id") {
		answer(404, open311.Problems([]open311.Problem{{Code: 404, Description: "jurisdiction_id unknown"}}))
		return
	}
	one := open311.Request{ID: "7", Status: "open", ServiceName: "Manhole", ServiceCode: "manhole", Description: "open", Requested: noon, Updated: noon, Address: "made up"}
	switch {
	case r.Method == http.MethodPost:
		body, _ := io.ReadAll(r.Body)
		form, err := url.ParseQuery(string(body))
		switch {
		case err != nil || form.Get("api_key") != c.key:
			answer(403, open311.Problems([]open311.Problem{{Code: 403, Description: "api_key was not provided or is wrong"}}))
		case path == "requests":
			c.taken = append(c.taken, form)
			answer(200, open311.Accepted{Token: "t-7", Notice: "Thank you"}.Document())
		default:
			c.taken = append(c.taken, form)
			answer(200, open311.UpdateAccepted(form.Get("update_id")))
		}
	case path == "services":
		answer(200, open311.Services([]open311.Service{{Code: "manhole", Name: "Manhole", Description: "open", Metadata: true, Type: "realtime"}}))
	case path == "services/manhole":
		answer(200, open311.Definition{ServiceCode: "manhole", Attributes: []open311.Attribute{{Variable: true, Code: "depth", Datatype: open311.Number, Required: true, Order: 1, Description: "How deep?"}}}.Document())
	case path == "requests" || path == "requests/7":
		answer(200, open311.Requests([]open311.Request{one}))
	case path == "tokens/t-7":
		answer(200, open311.Token("t-7", "7"))
	case path == "servicerequestupdates":
		answer(200, open311.Updates([]open311.Update{
			{ID: "1", RequestID: "7", Status: "fixed", Updated: noon, Description: "mended"}, {ID: "2", RequestID: "7", Status: "open", Updated: noon.AddDate(0, 0, -3)},
		}))
	default:
		answer(404, open311.Problems([]open311.Problem{{Code: 404, Description: "no such thing"}}))
	}
}

func run(t *testing.T, c *city) *Client {
	t.Helper()
	srv := httptest.NewServer(c)
	t.Cleanup(srv.Close)
	client, err := New(Config{URL: srv.URL + "/v2", Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// TestJourney goes from what can be reported to what became of it.
func TestJourney(t *testing.T) {
	ctx, srv := context.Background(), &city{key: "k"}
	c := run(t, srv)
	services, err := c.Services(ctx)
	if err != nil || len(services) != 1 || services[0].Code != "manhole" {
		t.Fatalf("%+v, %v", services, err)
	}
	asked, err := c.Definition(ctx, "manhole")
	if err != nil || len(asked.Attributes) != 1 || !asked.Attributes[0].Required {
		t.Fatalf("%+v, %v", asked, err)
	}
	text := strings.Repeat("Люк ашық & терең. ", 200)[:4000]
	s := open311.Submission{ServiceCode: "manhole", Place: &open311.Point{Lat: 43.25, Long: 76.9}, Description: strings.ToValidUTF8(text, ""), Answers: map[string][]string{"depth": {"2"}}, MediaURLs: []string{"https://node.example/1.jpg"}}
	got, err := c.Submit(ctx, s)
	if err != nil || got.Token != "t-7" || got.Notice != "Thank you" {
		t.Fatalf("%+v, %v", got, err)
	}
	back, problems := open311.ParseSubmission(srv.taken[0], asked)
	if diff := cmp.Diff(back, s); len(problems) > 0 || diff != "" {
		t.Errorf("the server got %v:\n%s", problems, diff)
	}
	id, ok, err := c.Token(ctx, "t-7")
	if err != nil || !ok || id != "7" {
		t.Errorf("token: %q, %t, %v", id, ok, err)
	}
	if r, err := c.Request(ctx, "7"); err != nil || r.ServiceName != "Manhole" {
		t.Errorf("request: %+v, %v", r, err)
	}
	if all, err := c.Requests(ctx, url.Values{"status": {"open"}, "service_code": {""}}); err != nil || len(all) != 1 {
		t.Errorf("requests: %+v, %v", all, err)
	}
	updates, err := c.Updates(ctx, noon.Add(-time.Hour), noon.Add(time.Hour))
	if err != nil || len(updates) != 1 || updates[0].Status != "fixed" {
		t.Errorf("updates: %+v, %v", updates, err)
	}
	change := open311.Change{RequestID: "7", UpdateID: "u1", Status: "fixed", Updated: noon, Description: "x", FirstName: "-", LastName: "-"}
	if id, err := c.Update(ctx, change); err != nil || id != "u1" {
		t.Errorf("update: %q, %v", id, err)
	}
	if back, problems := open311.ParseChange(srv.taken[1]); len(problems) > 0 || !cmp.Equal(back, change) {
		t.Errorf("the server got %+v, %v", back, problems)
	}
	if len(c.Oddities()) > 0 {
		t.Errorf("oddities: %v", c.Oddities())
	}
	if _, err := c.Request(ctx, "8"); !errors.Is(err, fault.NotFound("open311.refused")) || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("an unknown id: %v", err)
	}
}

func says(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// TestBadServers meets the mistakes that are known of servers in the field: what
// can be read is read and named, everything else is an error and never an empty
// list or a second report.
func TestBadServers(t *testing.T) {
	ctx := context.Background()
	xml := "text/xml; charset=utf-8"
	read := func(c *Client) error { _, err := c.Requests(ctx, nil); return err }
	submit := func(c *Client) error {
		_, err := c.Submit(ctx, open311.Submission{ServiceCode: "m", Address: "x"})
		return err
	}
	cut := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, _ := w.(http.Hijacker).Hijack()
		conn.Close()
	}
	for name, tt := range map[string]struct {
		path string
		does http.HandlerFunc
		call func(*Client) error
		want string // fault; "" for none
		odd  open311.Oddity
	}{
		"demands a jurisdiction": {"/v2/requests.xml", says(400, xml, `<?xml version="1.0"?><errors><error><code>400</code><description>Missing jurisdiction_id</description></error></errors>`), read, "open311.refused", ""},
		"a page with 200":        {"/v2/requests.xml", says(200, "text/html", "<html><body>Error</body></html>"), read, "open311.not_an_answer", ""},
		"a page with 500":        {"/v2/requests.xml", says(500, "text/html", "<html>"), read, "open311.server", ""},
		"400 for a wrong key":    {"/v2/requests.xml", says(400, xml, `<?xml version="1.0"?><errors><error><code>400</code><description>Invalid api_key</description></error></errors>`), submit, "open311.key_refused", ""},
		"moved":                  {"/v2/requests.xml", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "https://elsewhere.example/", 302) }, read, "open311.elsewhere", ""},
		"no declaration":         {"/v2/requests.xml", says(200, "application/xml", "<service_requests/>"), read, "", open311.OddDeclaration},
		"wrapped":                {"/v2/requests.xml", says(200, "application/json", `{"service_requests":[{"service_request_id":"1","status":"open"}]}`), read, "", open311.OddWrapped},
		"wrong compression": {"/v2/requests.xml", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, `<?xml version="1.0"?><service_requests></service_requests>`)
		}, read, "", ""},
		"compresses unasked": {"/v2/requests.xml", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			io.WriteString(z, "<service_requests/>")
			z.Close()
		}, read, "open311.not_an_answer", ""},
		"endless": {"/v2/requests.xml", func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		}, read, "open311.answer_long", ""},
		"hangs up":                  {"/v2/requests.xml", cut, read, "open311.unreachable", ""},
		"hangs up on a report":      {"/v2/requests.xml", cut, submit, "open311.unknown_end", ""},
		"takes a report, says none": {"/v2/requests.xml", says(200, xml, `<?xml version="1.0"?><service_requests></service_requests>`), submit, "open311.unknown_end", ""},
		"a page for a report":       {"/v2/requests.xml", says(200, "text/html", "<html>ok</html>"), submit, "open311.unknown_end", ""},
		"busy":                      {"/v2/requests.xml", says(429, xml, ""), submit, "open311.refused", ""},
		"401 for a key":             {"/v2/requests.xml", says(401, xml, ""), submit, "open311.key_refused", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := run(t, &city{key: "k", mistakes: map[string]http.HandlerFunc{tt.path: tt.does}})
			err := tt.call(c)
			f, _ := fault.Of(err)
			if tt.want == "" && err != nil || tt.want != "" && (f == nil || f.Key != tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if tt.odd != "" && !slices.Contains(c.Oddities(), tt.odd) {
				t.Errorf("oddities %v, want %s", c.Oddities(), tt.odd)
			}
		})
	}
}

// TestJSONOnly is asked in JSON from the first refusal of XML on.
func TestJSONOnly(t *testing.T) {
	srv := &city{key: "k", mistakes: map[string]http.HandlerFunc{}}
	for _, p := range []string{"services", "requests"} {
		srv.mistakes["/v2/"+p+".xml"] = says(406, "text/plain", "json only")
	}
	c := run(t, srv)
	if all, err := c.Services(context.Background()); err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	if got, err := c.Submit(context.Background(), open311.Submission{ServiceCode: "manhole", Address: "x"}); err != nil || got.Token != "t-7" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestKeyStaysInside: neither an error nor a wrong address tells the key.
func TestKeyStaysInside(t *testing.T) {
	c, err := New(Config{URL: "http://127.0.0.1:1/v2/", Key: "kanarejka-key"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Updates(context.Background(), noon, noon); err == nil || strings.Contains(err.Error(), "kanarejka") {
		t.Errorf("%v", err)
	}
	for _, bad := range []string{"", "ftp://x/", "city.example", "https://user:pass@city.example/", "http://"} {
		if _, err := New(Config{URL: bad}); !errors.Is(err, fault.Invalid("open311.not_an_address")) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Services(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
