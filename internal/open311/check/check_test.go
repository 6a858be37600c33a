package check

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kua/internal/open311"
)

// city is a made-up server that keeps the standard, but for what is spoilt.
type city struct {
	server   *httptest.Server
	spoil    func(rw http.ResponseWriter, r *http.Request, next func()) // may answer instead, or change what next answers
	change   func(path string, body []byte) []byte                      // of an answer that is written
	requests []open311.Request
	updates  []open311.Update
	refuse   func(form url.Values) (code int, words string) // of what is sent
	tokens   bool
	sent     int
	pictures map[string][]byte   // by their addresses' last part
	keep     func([]byte) []byte // what is kept of a photo; nil: nothing is shown
}

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func newCity(t testing.TB) *city {
	c := &city{change: func(_ string, b []byte) []byte { return b }, pictures: map[string][]byte{}, keep: anew}
	for i := range 60 {
		at := now.Add(-time.Duration(i+2) * 24 * time.Hour)
		c.requests = append(c.requests, open311.Request{ID: fmt.Sprint(100 - i), Status: []string{"open", "closed"}[i%2], ServiceCode: []string{"pothole", "manhole"}[i%2], ServiceName: "Pothole",
			Description: "Made up", Agency: "Made-up Roads", Requested: at, Updated: at.Add(time.Hour), Address: "Made-up street", Place: &open311.Point{Lat: 45.05, Long: 65.15}})
	}
	c.updates = []open311.Update{{ID: "u1", RequestID: "95", Status: "in_progress", Updated: c.requests[5].Updated}}
	c.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if c.spoil == nil {
			c.serve(rw, r)
			return
		}
		c.spoil(rw, r, func() { c.serve(rw, r) })
	}))
	t.Cleanup(c.server.Close)
	return c
}

// anew makes a picture anew; of what is none nothing comes.
func anew(b []byte) []byte {
	img, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	var out bytes.Buffer
	_ = jpeg.Encode(&out, img, nil)
	return out.Bytes()
}

func (c *city) serve(rw http.ResponseWriter, r *http.Request) {
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		_ = r.ParseForm()
	}
	path := strings.TrimPrefix(r.URL.Path, "/open311/")
	if picture := c.pictures[path]; picture != nil {
		rw.Header().Set("Content-Type", "image/jpeg")
		_, _ = rw.Write(picture)
		return
	}
	format, status := open311.XML, 200
	if strings.HasSuffix(path, ".json") {
		format = open311.JSON
	}
	d, code := c.answer(r, strings.TrimSuffix(path, "."+string(format)))
	if code != 0 {
		status = code
	}
	var b bytes.Buffer
	_ = d.Write(&b, format)
	if rw.Header().Get("Content-Type") == "" {
		rw.Header().Set("Content-Type", format.Type())
	}
	body := c.change(path, b.Bytes())
	rw.WriteHeader(status)
	_, _ = rw.Write(body)
}

func failed(code int, words string) (open311.Document, int) {
	return open311.Problems([]open311.Problem{{Code: code, Description: words}}), code
}

func (c *city) answer(r *http.Request, path string) (open311.Document, int) {
	depth := open311.Definition{ServiceCode: "manhole", Attributes: []open311.Attribute{{Variable: true, Code: "depth", Datatype: open311.SingleValueList, Required: true, Order: 1,
		Description: "How deep?", Values: []open311.Value{{Key: "1", Name: "to the knee"}}}, {Variable: true, Code: "since", Datatype: open311.Datetime, Order: 2, Description: "Since?"},
		{Variable: true, Code: "wide", Datatype: open311.Number, Order: 3, Description: "How wide?"}}}
	get := r.Method == http.MethodGet
	one, ofRequests := strings.CutPrefix(path, "v2/requests/")
	switch {
	case get && path == "discovery":
		return open311.Discovery{Changeset: now, Contact: "made up", KeyService: "made up", Endpoints: []open311.Endpoint{{URL: c.server.URL + "/open311/v2/", Changeset: now, Type: "test",
			Formats: []string{"text/xml", "application/json"}}}}.Document(), 0
	case get && path == "v2/services":
		if j := r.Form.Get("jurisdiction_id"); j != "" && j != "city.example" {
			return failed(404, "jurisdiction_id")
		}
		return open311.Services([]open311.Service{{Code: "pothole", Name: "Pothole", Description: "A hole", Type: "realtime"}, {Code: "manhole", Name: "Manhole", Description: "Open", Metadata: true, Type: "realtime"}}), 0
	case get && path == "v2/services/manhole":
		return depth.Document(), 0
	case get && path == "v2/requests":
		q, problems := open311.ParseQuery(r.Form, now)
		if len(problems) > 0 {
			return failed(400, problems[0].Error())
		}
		return open311.Requests(slices.DeleteFunc(slices.Clone(c.requests), func(o open311.Request) bool {
			if len(q.IDs) > 0 {
				return !slices.Contains(q.IDs, o.ID)
			}
			return o.Requested.Before(q.From) || o.Requested.After(q.To) || len(q.Codes) > 0 && !slices.Contains(q.Codes, o.ServiceCode) || len(q.Statuses) > 0 && !slices.Contains(q.Statuses, o.Status)
		})), 0
	case get && ofRequests:
		if i := slices.IndexFunc(c.requests, func(o open311.Request) bool { return o.ID == one }); i >= 0 {
			return open311.Requests(c.requests[i : i+1]), 0
		}
	case get && strings.HasPrefix(path, "v2/tokens/t-50"):
		token := strings.TrimPrefix(path, "v2/tokens/")
		return open311.Token(token, strings.TrimPrefix(token, "t-")), 0
	case get && path == "v2/servicerequestupdates":
		return open311.Updates(c.updates), 0
	case r.PostForm.Get("api_key") != "key" && !get:
		return failed(403, "api_key")
	case path == "v2/requests":
		s, problems := open311.ParseSubmission(r.PostForm, open311.Definition{})
		if len(problems) == 0 && s.ServiceCode == "manhole" {
			_, problems = open311.ParseSubmission(r.PostForm, depth)
		}
		if len(problems) > 0 {
			return failed(400, problems[0].Error())
		}
		if c.refuse != nil {
			if code, words := c.refuse(r.PostForm); code != 0 {
				return failed(code, words)
			}
		}
		id, media := fmt.Sprint(501+c.sent), ""
		c.sent++
		if r.MultipartForm != nil {
			for _, f := range r.MultipartForm.File["media"] {
				in, _ := f.Open()
				b, _ := io.ReadAll(in)
				if c.keep == nil {
					continue
				}
				if b = c.keep(b); b == nil {
					return failed(400, "no picture")
				}
				c.pictures["picture-"+id], media = b, c.server.URL+"/open311/picture-"+id
			}
		}
		c.requests = append([]open311.Request{{ID: id, Status: "open", ServiceCode: s.ServiceCode, Description: s.Description, Requested: now, Updated: now, Place: s.Place, Address: "x", MediaURL: media}}, c.requests...)
		if c.tokens {
			return open311.Accepted{Token: "t-" + id}.Document(), 0
		}
		return open311.Accepted{ID: id}.Document(), 0
	case path == "v2/servicerequestupdates":
		u, problems := open311.ParseChange(r.PostForm)
		if len(problems) > 0 {
			return failed(400, problems[0].Error())
		}
		c.updates = append(c.updates, open311.Update{ID: "u501", RequestID: u.RequestID, Status: u.Status, Updated: now, Description: u.Description})
		return open311.UpdateAccepted("u501"), 0
	}
	return failed(404, "nothing is here")
}

func (c *city) check(t testing.TB, o Options) Report {
	t.Helper()
	if o.URL == "" {
		o.URL = c.server.URL + "/open311/v2/"
	}
	o.Key, o.Write, o.Now = "key", true, func() time.Time { return now }
	steps := 0
	o.Progress = func(done, total int) {
		if steps++; done != steps || done > total {
			t.Errorf("step %d of %d after %d", done, total, steps)
		}
	}
	report, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func told(r Report) (rules []string) {
	for _, f := range r.Findings {
		if !slices.Contains(rules, f.Rule) {
			rules = append(rules, f.Rule)
		}
	}
	return rules
}

// TestGoodServer finds nothing at a server that keeps the standard, by either
// address and with ids or tokens.
func TestGoodServer(t *testing.T) {
	for name, o := range map[string]Options{"endpoint": {}, "discovery": {URL: "/open311/discovery.json"}, "jurisdiction": {Jurisdiction: "city.example"}, "pothole": {Service: "pothole"}} {
		c := newCity(t)
		c.tokens = name == "discovery"
		if strings.HasPrefix(o.URL, "/") {
			o.URL = c.server.URL + o.URL
		}
		report := c.check(t, o)
		if len(report.Findings) > 0 || report.Calls < 25 || report.Endpoint != c.server.URL+"/open311/v2/" {
			t.Errorf("%s: %d calls, %+v", name, report.Calls, report.Findings)
		}
		if sent := c.requests[:2]; sent[1].ID != "501" || sent[1].Description != testWords || sent[0].ID != "502" || sent[0].MediaURL == "" || bytes.Contains(c.pictures["picture-502"], []byte(planted)) {
			t.Errorf("%s: what was sent is %+v", name, sent)
		}
	}
}

// replacing changes answers whose path begins with a prefix.
func replacing(prefix, old, new string) func(*city) {
	return func(c *city) {
		c.change = func(path string, b []byte) []byte {
			if !strings.HasPrefix(path, prefix) {
				return b
			}
			return regexp.MustCompile(old).ReplaceAll(b, []byte(new))
		}
	}
}

// answering gives status and body for calls that match.
func answering(match string, status int, kind, body string) func(*city) {
	return func(c *city) {
		c.spoil = func(rw http.ResponseWriter, r *http.Request, next func()) {
			if !regexp.MustCompile(match).MatchString(r.Method + " " + r.URL.String()) {
				next()
				return
			}
			rw.Header().Set("Content-Type", kind)
			rw.WriteHeader(status)
			io.WriteString(rw, body)
		}
	}
}

const (
	xmlHead  = `<?xml version="1.0" encoding="utf-8"?>`
	noSuch   = xmlHead + "<errors><error><code>400</code><description>Missing jurisdiction_id</description></error></errors>"
	textXML  = "text/xml; charset=utf-8"
	htmlPage = "<!DOCTYPE html><html><body>Not found</body></html>"
)

// TestSixteenMistakes spoils a server in each of the ways in which servers in the
// wild are spoilt, and wants each to be found.
func TestSixteenMistakes(t *testing.T) {
	left := maps.Clone(rules)
	for name, tt := range map[string]struct {
		spoil func(*city)
		want  string
	}{
		"1 needs a jurisdiction":        {answering(`GET [^?]*/services\.(xml|json)$`, 400, textXML, noSuch), "jurisdiction_needed"},
		"1 chokes on an empty one":      {answering(`jurisdiction_id=$`, 400, textXML, noSuch), "jurisdiction_empty"},
		"2 JSON in an object":           {replacing("v2/services.json", `(?s)^(.*)$`, `{"services":$1}`), "json_shape"},
		"2 values as lists":             {replacing("v2/requests.json", `"description":"Made up"`, `"description":["Made up"]`), "json_shape"},
		"3 a web page with 200":         {answering(`no-such-request`, 200, "text/html", htmlPage), "unknown_request"},
		"3 a web page with 404":         {answering(`no-such-service`, 404, "text/html", htmlPage), "error_shape"},
		"3 a web page for a list":       {answering(`/requests\.xml$`, 200, "text/html", htmlPage), "web_page"},
		"3 400 for a bad key":           {answering(`POST .*/requests`, 400, textXML, noSuch), "key"},
		"4 agency as an object":         {replacing("v2/requests.json", `"agency_responsible":("[^"]*")`, `"agency_responsible":{"recipient":[$1]}`), "json_shape"},
		"4 agency as elements":          {replacing("v2/requests.xml", `<agency_responsible>([^<]*)<`, `<agency_responsible><status>$1</status><`), "xml_shape"},
		"5 a code for people":           {replacing("v2/services.", "pothole", "Яма на дороге"), "service_code"},
		"6 discovery leads nowhere":     {replacing("discovery", "/open311/v2/", "/open311/"), "discovery_endpoint"},
		"7 no declaration":              {replacing("v2/requests.xml", `<\?xml[^>]*>\n`, ""), "xml_declaration"},
		"7 attributes":                  {replacing("v2/services.xml", `<services>`, `<services type="array">`), "xml_attributes"},
		"7 application/xml":             {func(c *city) { c.spoil = typed("application/xml") }, "content_type"},
		"8 JSON alone":                  {answering(`\.xml`, 404, "application/json", "[]"), "status"},
		"9 id and token":                {replacing("v2/requests.xml", `<service_request_id>501</service_request_id>(<service_notice></service_notice><account_id>)`, `<service_request_id>501</service_request_id><token>501</token>$1`), "xml_shape"},
		"9 the token is the id":         {func(c *city) { c.tokens = true; replacing("v2/tokens/", ">501<", ">t-501<")(c) }, "token_is_id"},
		"10 not bumped":                 {func(c *city) { c.updates[0].Updated = now.Add(-time.Hour) }, "not_bumped"},
		"10 no zone":                    {replacing("v2/requests.xml", `(<updated_datetime>[^<]*)Z<`, "$1<"), "xml_shape"},
		"10 no zone in JSON":            {replacing("v2/requests.json", `("requested_datetime":"[^"]*)Z"`, `$1"`), "json_shape"},
		"11 cut off silently":           {func(c *city) { c.spoil = cutting(c, 50) }, "truncated"},
		"12 says gzip and is not":       {func(c *city) { c.spoil = header("Content-Encoding", "gzip") }, "compression"},
		"12 says deflate and is not":    {func(c *city) { c.spoil = header("Content-Encoding", "deflate") }, "compression"},
		"13 a filter that fails":        {answering(`service_code=`, 500, textXML, noSuch), "filter_service"},
		"13 a filter that does nothing": {ignoring("status"), "filter_status"},
		"13 ids do nothing":             {ignoring("service_request_id"), "filter_id"},
		"13 dates do nothing":           {ignoring("start_date", "end_date"), "filter_dates"},
		"14 wants an e-mail":            {refusing(func(f url.Values) bool { return f.Get("email") == "" }), "needs_email"},
		"15 singular paths":             {answering(`/requests/`, 404, textXML, strings.Replace(noSuch, "400", "404", 1)), "one_request"},
		"15 401 for a jurisdiction":     {answering(`jurisdiction_id=no-such`, 401, textXML, noSuch), "jurisdiction_unknown"},
		"15 attributes elsewhere":       {refusing(func(f url.Values) bool { return f.Get("attribute[depth]") != "" }), "submit"},
		"16 leading zeros":              {replacing("v2/requests.json", `"service_request_id":"(\d+)"`, `"service_request_id":00$1`), "json"},
		"no formats in discovery":       {replacing("discovery.xml", "text/xml", "text/html"), "discovery_formats"},
		"formats differ":                {replacing("v2/requests.json", "Made up", "Made otherwise"), "formats_differ"},
		"other dates":                   {answering(`start_date=yesterday`, 200, textXML, xmlHead+"<service_requests></service_requests>"), "bad_date"},
		"any key":                       {func(c *city) { c.spoil = anyKey }, "key"},
		"no service needed":             {func(c *city) { c.spoil = anyService }, "needs_service"},
		"words are changed":             {replacing("v2/requests/501", `&lt;b&gt;`, ""), "read_back"},
		"updates from outside":          {func(c *city) { c.updates[0].Updated = now.AddDate(-1, 0, 0) }, "updates_window"},
		"an update is lost":             {func(c *city) { c.spoil = forgetting(c) }, "update_read_back"},
		"updates are refused":           {answering(`POST .*updates`, 500, textXML, noSuch), "update"},
		"twice the same service":        {replacing("v2/services.", "manhole", "pothole"), "service_twice"},
		"a service without words":       {replacing("v2/services.", "A hole", ""), "service_words"},
		"extensions":                    {replacing("v2/requests.xml", "</request>", "<votes>7</votes></request>"), "xml_extension"},
		"no discovery":                  {answering(`discovery`, 404, textXML, noSuch), "discovery"},
		"discovery names another":       {replacing("discovery", "127.0.0.1", "localhost"), "discovery_elsewhere"},
		"no JSON":                       {answering(`\.json`, 404, textXML, noSuch), "json_missing"},
		"a token with 200":              {answering(`no-such-token`, 200, textXML, xmlHead+"<service_requests></service_requests>"), "unknown_token"},
		"a service with 200":            {answering(`no-such-service`, 200, textXML, xmlHead+"<services></services>"), "unknown_service"},
		"tokens lead nowhere":           {func(c *city) { c.tokens = true; answering(`tokens/t-501`, 500, textXML, noSuch)(c) }, "token"},
		"XML that is none":              {replacing("v2/services.xml", "</services>", ""), "xml"},
		"too many":                      {func(c *city) { c.requests = slices.Repeat(c.requests, 17) }, "too_many"},
		"photos are refused":            {func(c *city) { c.keep = func([]byte) []byte { return nil } }, "media_refused"},
		"photos are lost":               {func(c *city) { c.keep = nil }, "media_lost"},
		"photos tell all":               {func(c *city) { c.keep = func(b []byte) []byte { return b } }, "media_traces"},
		"any file is a photo":           {func(c *city) { c.keep = func(b []byte) []byte { return b } }, "media_garbage"},
		"a picture's address is half":   {func(c *city) { c.requests[0].MediaURL = "/pictures/1.jpg" }, "media_address"},
		"a picture is a page":           {func(c *city) { c.requests[0].MediaURL = c.server.URL + "/open311/discovery.xml" }, "media_picture"},
		"attributes are refused":        {func(c *city) { c.spoil = noAttributes(c) }, "attributes"},
		"nobody answers": {func(c *city) {
			c.spoil = func(http.ResponseWriter, *http.Request, func()) { panic(http.ErrAbortHandler) }
		}, "reachable"},
		"without end": {answering(`/services\.json`, 200, "application/json", "["+strings.Repeat("     \n", open311.MaxAnswer/6+1)+"]"), "too_long"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCity(t)
			tt.spoil(c)
			report := c.check(t, Options{Place: &open311.Point{Lat: 45.05, Long: 65.15}})
			if got := told(report); !slices.Contains(got, tt.want) {
				t.Errorf("found %v, want %s", got, tt.want)
			}
			for _, f := range report.Findings {
				if f.Part == "" || f.Address == "" || strings.Contains(f.Address, "api_key=key") {
					t.Errorf("a finding is %+v", f)
				}
			}
		})
		delete(left, tt.want)
	}
	if len(left) > 0 {
		t.Errorf("no spoilt server breaks the rules %v", slices.Sorted(maps.Keys(left)))
	}
}

func typed(kind string) func(http.ResponseWriter, *http.Request, func()) {
	return header("Content-Type", kind)
}

func header(name, value string) func(http.ResponseWriter, *http.Request, func()) {
	return func(rw http.ResponseWriter, r *http.Request, next func()) {
		if strings.Contains(r.URL.Path, "requests") {
			rw.Header().Set(name, value)
		}
		next()
	}
}

// cutting lists only so many, and says nothing of the rest.
func cutting(c *city, most int) func(http.ResponseWriter, *http.Request, func()) {
	whole := c.requests
	return func(rw http.ResponseWriter, r *http.Request, next func()) {
		if c.requests = whole; r.URL.RawQuery == "" {
			c.requests = whole[:most]
		}
		next()
	}
}

func ignoring(names ...string) func(*city) {
	return func(c *city) {
		c.spoil = func(_ http.ResponseWriter, r *http.Request, next func()) {
			q := r.URL.Query()
			for _, name := range names {
				q.Del(name)
			}
			r.URL.RawQuery = q.Encode()
			next()
		}
	}
}

func refusing(wrong func(url.Values) bool) func(*city) {
	return func(c *city) {
		c.refuse = func(f url.Values) (int, string) {
			if wrong(f) {
				return 400, "not so"
			}
			return 0, ""
		}
	}
}

func anyKey(_ http.ResponseWriter, r *http.Request, next func()) {
	if _ = r.ParseForm(); r.PostForm != nil {
		r.PostForm.Set("api_key", "key")
	}
	next()
}

func anyService(_ http.ResponseWriter, r *http.Request, next func()) {
	if _ = r.ParseForm(); r.PostForm.Get("service_code") == "" && r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/requests.xml") {
		r.PostForm.Set("service_code", "pothole")
	}
	next()
}

// forgetting takes updates and never tells of them.
func forgetting(c *city) func(http.ResponseWriter, *http.Request, func()) {
	return func(_ http.ResponseWriter, _ *http.Request, next func()) {
		c.updates = nil
		next()
	}
}

// noAttributes takes a request without its attributes alone.
func noAttributes(c *city) func(http.ResponseWriter, *http.Request, func()) {
	return func(rw http.ResponseWriter, r *http.Request, next func()) {
		_ = r.ParseForm()
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/requests.xml") || r.PostForm.Get("api_key") != "key" || r.PostForm.Get("service_code") == "" {
			next()
			return
		}
		if r.PostForm.Get("attribute[depth]") == "" {
			r.PostForm.Set("attribute[depth]", "1")
			next()
			return
		}
		d, status := failed(400, "attribute")
		rw.Header().Set("Content-Type", textXML)
		rw.WriteHeader(status)
		_ = d.Write(rw, open311.XML)
	}
}

// TestRefusesToBegin holds what the caller has to say first.
func TestRefusesToBegin(t *testing.T) {
	for _, o := range []Options{{URL: "city.example"}, {URL: "ftp://city.example/"}, {URL: "https://a:b@city.example/"}, {URL: "http://127.0.0.1:1/", Write: true}} {
		if _, err := Run(t.Context(), o); err == nil {
			t.Errorf("%+v was begun", o)
		}
	}
	c := newCity(t)
	c.requests = nil
	if _, err := Run(t.Context(), Options{URL: c.server.URL + "/open311/v2/", Key: "key", Write: true}); err == nil {
		t.Error("a report without a place was sent")
	}
}

// TestKeyStaysHere: a key goes to the host that was named and to no other, and
// stands in no finding.
func TestKeyStaysHere(t *testing.T) {
	const key = "secret key/1"
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if seen := r.URL.String() + string(b) + fmt.Sprint(r.Header); strings.Contains(seen, "secret") {
			t.Errorf("another server was given %s", seen)
		}
	}))
	t.Cleanup(thief.Close)
	for _, spoil := range []func(*city){
		func(c *city) {
			c.spoil = func(rw http.ResponseWriter, r *http.Request, next func()) {
				if r.Method == http.MethodPost || strings.Contains(r.URL.Path, "updates") {
					http.Redirect(rw, r, thief.URL+"/open311/v2/requests.xml", http.StatusTemporaryRedirect)
					return
				}
				next()
			}
		},
		func(c *city) {
			c.spoil = func(rw http.ResponseWriter, r *http.Request, next func()) {
				if _ = r.ParseForm(); r.Form.Get("api_key") == "" {
					next()
					return
				}
				rw.WriteHeader(500)
				fmt.Fprintln(rw, "what is", r.Form.Get("api_key"), r.Form.Encode())
			}
		},
		replacing("discovery", `http://127[^<"]*`, thief.URL+"/open311/v2/"),
	} {
		c := newCity(t)
		spoil(c)
		for _, at := range []string{"v2/", "discovery.xml"} {
			report, err := Run(t.Context(), Options{URL: c.server.URL + "/open311/" + at, Key: key, Write: true, Now: func() time.Time { return now }})
			if said := fmt.Sprint(report); strings.Contains(said, "secret") || len(report.Findings) == 0 && err == nil {
				t.Errorf("the report is %s, %v", said, err)
			}
		}
	}
}

// TestGrammarAgrees holds our reading of the grammar against xmllint's, document
// by document: whole ones, and each with one thing spoilt.
func TestGrammarAgrees(t *testing.T) {
	dir := t.TempDir()
	c := newCity(t)
	docs := map[string]string{}
	for name, path := range map[string]string{"discovery": "discovery.xml", "services": "v2/services.xml", "definition": "v2/services/manhole.xml", "requests": "v2/requests.xml",
		"token": "v2/tokens/t-501.xml", "updates": "v2/servicerequestupdates.xml", "errors": "v2/nothing.xml"} {
		resp, err := http.Get(c.server.URL + "/open311/" + path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		docs[name] = string(b)
	}
	write := func(d open311.Document) string {
		var b bytes.Buffer
		_ = d.Write(&b, open311.XML)
		return b.String()
	}
	docs["accepted"], docs["update"] = write(open311.Accepted{ID: "1"}.Document()), write(open311.UpdateAccepted("u"))
	spoilers := []string{`<status>`, `<metadata>false`, `<code>`, `<lat>45.05000`, `Z</updated_datetime>`, `<value>`, `</request>`, `<service_code>pothole</service_code>`, `<required>true</required>`,
		`<url>`, `<update_id>`, `<token>`, `<service_request_id>`, `<order>1`, `<datatype>`, `<description>`, `<attributes>`, `<type>realtime`}
	with := []string{``, `<status>x`, `<metadata>maybe`, `<code>4x`, `<lat>north`, `</updated_datetime>`, `<value><key>k</key>`, `words</request>`, ``, `<required>yes</required>`,
		`<url> `, `<update_id> a b`, `<token>a</token><token>`, `<service_request_id>1</service_request_id><service_request_id>`, `<order>first`, `<datatype>strange`, `<description><status>open</status>`, `<attributes>text`, `<type>sometimes`}
	whole := len(docs)
	type made struct{ kind, text string }
	all := map[string]made{}
	for kind, text := range docs {
		all[kind] = made{kind, text}
		for i, s := range spoilers {
			if spoilt := strings.Replace(text, s, with[i+1], 1); spoilt != text {
				all[fmt.Sprintf("%s-%d", kind, i)] = made{kind, spoilt}
			}
		}
	}
	args := []string{"--noout", "--relaxng"}
	grammars := map[string][]string{}
	for name, d := range all {
		if err := os.WriteFile(filepath.Join(dir, name+".xml"), []byte(d.text), 0o600); err != nil {
			t.Fatal(err)
		}
		grammars[d.kind] = append(grammars[d.kind], filepath.Join(dir, name+".xml"))
	}
	refused := 0
	for kind, files := range grammars {
		rng := regexp.MustCompile(`(?s)<choice>\n(      <ref [^\n]*\n)+    </choice>`).ReplaceAllString(string(grammarFile), `<ref name="`+kind+`"/>`)
		at := filepath.Join(dir, kind+".rng")
		if err := os.WriteFile(at, []byte(rng), 0o600); err != nil {
			t.Fatal(err)
		}
		out, _ := exec.Command("xmllint", append(slices.Clone(args), append([]string{at}, files...)...)...).CombinedOutput() // its code says that one fails
		for _, file := range files {
			theirs := strings.Contains(string(out), file+" validates")
			if !theirs && !strings.Contains(string(out), file+" fails to validate") {
				t.Fatalf("xmllint says nothing of %s: %s", file, out)
			}
			name := strings.TrimSuffix(filepath.Base(file), ".xml")
			root, err := readXML([]byte(all[name].text))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			wrong, _ := validateXML(kind, root)
			if ours := len(wrong) == 0; ours != theirs {
				t.Errorf("%s: we say %v (%v), xmllint says %v", name, ours, wrong, theirs)
			}
			if !theirs {
				refused++
			}
		}
	}
	if whole != 9 || refused < 20 {
		t.Errorf("%d documents, %d refused: too little was compared", whole, refused)
	}
}

// FuzzDocument holds what strangers answer against both grammars: nothing breaks,
// and what is no document is never whole.
func FuzzDocument(f *testing.F) {
	var b bytes.Buffer
	_ = open311.Requests([]open311.Request{{ID: "1", Status: "open", ServiceCode: "x", Requested: now}}).Write(&b, open311.XML)
	f.Add("requests", b.Bytes())
	b.Reset()
	_ = open311.Services([]open311.Service{{Code: "1"}}).Write(&b, open311.JSON)
	f.Add("services", b.Bytes())
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		kinds, _ := grammar()
		if kinds[kind] == nil {
			return
		}
		if root, err := readXML(body); err == nil {
			if wrong, _ := validateXML(kind, root); len(wrong) == 0 {
				if _, err := open311.Read(body); err != nil {
					t.Fatalf("%q is whole and cannot be read: %v", body, err)
				}
			}
		}
		validateJSON(kind, body)
	})
}

// TestEveryRuleHasWords holds that a finding can be told to people.
func TestEveryRuleHasWords(t *testing.T) {
	b, err := os.ReadFile("../../../web/locales/en/check311.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range Rules() {
		if !bytes.Contains(b, []byte(`"check311.rule.`+name+`"`)) {
			t.Errorf("the rule %s has no words", name)
		}
	}
}
