package open311

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kua/internal/fault"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// samples are one answer of every kind, with what is hard to write.
func samples() map[string]Document {
	requests := []Request{
		{
			ID: "2026-000001", Status: "open", ServiceName: "Люк", ServiceCode: "manhole", Description: "Ашық люк <&> \"қауіпті\"\r\n\x01\x0bендi", Agency: "Made-up Akimat",
			Requested: noon, Updated: noon.Add(time.Hour), Expected: noon.AddDate(0, 0, 15), Address: "Мысал к., 1", Zipcode: "050000", Place: &Point{43.25, 76.9}, MediaURL: "https://node.example/p/1.jpg",
		},
		{ID: "2", Status: "closed", StatusNotes: "mended", ServiceName: "Gas", ServiceCode: "gas", Description: "none", Requested: noon, Updated: noon, Address: "–"},
	}
	return map[string]Document{
		"services":    Services([]Service{{Code: "manhole", Name: "Люк", Description: "Ашық люк", Metadata: true, Type: "realtime", Keywords: []string{"road", "well"}, Group: "road"}}),
		"no services": Services(nil),
		"definition": Definition{ServiceCode: "manhole", Attributes: []Attribute{
			{Variable: true, Code: "depth", Datatype: SingleValueList, Required: true, Order: 1, Description: "How deep?", Values: []Value{{"1", "to the knee"}, {"2", "deeper"}}},
			{Code: "warning", Datatype: Text, Order: 2, Description: "Keep away."},
		}}.Document(),
		"requests":        Requests(requests),
		"one request":     Requests(requests[:1]),
		"no requests":     Requests(nil),
		"accepted":        Accepted{ID: "7", Notice: "Thank you"}.Document(),
		"accepted later":  Accepted{Token: "t-7"}.Document(),
		"token":           Token("t-7", "7"),
		"updates":         Updates([]Update{{ID: "u1", RequestID: "7", Status: "fixed", Updated: noon, Description: "Жөнделді", MediaURL: "https://node.example/p/2.jpg"}}),
		"update accepted": UpdateAccepted("u1"),
		"problems":        Problems([]Problem{{403, "key"}, {400, "place"}}),
		"discovery": Discovery{Changeset: noon, Contact: "desk@node.example", KeyService: "write to us", Endpoints: []Endpoint{
			{URL: "https://node.example/open311/v2/", Changeset: noon, Type: "production", Formats: []string{"text/xml", "application/json"}},
		}}.Document(),
	}
}

func written(t testing.TB, d Document, f Format) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := d.Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// spark turns a tree that was read from XML into JSON by the rules of the Spark
// convention (GeoReport v2, "JSON and XML conversion"), not knowing how the
// document was made: what is a list, a number or a truth is said by the standard.
func spark(n node) any {
	lists := []string{"services", "attributes", "values", "service_requests", "service_request_updates", "errors", "endpoints", "formats"}
	switch {
	case slices.Contains(lists, n.name):
		all := []any{}
		for _, c := range n.children {
			all = append(all, spark(c))
		}
		return all
	case len(n.children) > 0:
		o := map[string]any{}
		for _, c := range n.children {
			o[c.name] = spark(c)
		}
		return o
	case n.text == "":
		return nil
	case slices.Contains([]string{"metadata", "variable", "required"}, n.name):
		return n.text == "true"
	case slices.Contains([]string{"lat", "long", "order"}, n.name), n.name == "code" && strings.Trim(n.text, "0123456789") == "":
		return json.Number(n.text)
	}
	return n.text
}

// TestSpark holds that both formats of every answer say the same.
func TestSpark(t *testing.T) {
	for name, d := range samples() {
		a, err := Read(written(t, d, XML))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got any
		dec := json.NewDecoder(bytes.NewReader(written(t, d, JSON)))
		dec.UseNumber()
		if err := dec.Decode(&got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// The reader trims texts, as XML readers do with what stands alone.
		if diff := cmp.Diff(got, spark(a.root)); diff != "" {
			t.Errorf("%s: JSON (-) and XML (+) differ:\n%s", name, diff)
		}
		if odd := a.Oddities(); len(odd) > 0 {
			t.Errorf("%s: our own answer is odd: %v", name, odd)
		}
	}
}

// TestReadsItself reads each kind of answer back, from both formats.
func TestReadsItself(t *testing.T) {
	all := samples()
	for _, f := range []Format{XML, JSON} {
		read := func(name string) *Answer {
			a, err := Read(written(t, all[name], f))
			if err != nil {
				t.Fatalf("%s as %s: %v", name, f, err)
			}
			return a
		}
		for what, pair := range map[string][2]any{
			"services":    {written(t, Services(read("services").Services()), XML), written(t, all["services"], XML)},
			"definition":  {written(t, read("definition").Definition().Document(), XML), written(t, all["definition"], XML)},
			"requests":    {written(t, Requests(read("requests").Requests()), XML), written(t, all["requests"], XML)},
			"none":        {len(read("no requests").Requests()), 0},
			"updates":     {written(t, Updates(read("updates").Updates()), XML), written(t, all["updates"], XML)},
			"problems":    {read("problems").Problems(), []Problem{{403, "key"}, {400, "place"}}},
			"no problems": {len(read("requests").Problems()), 0},
			"discovery":   {written(t, read("discovery").Discovery().Document(), XML), written(t, all["discovery"], XML)},
		} {
			if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
				t.Errorf("%s as %s:\n%s", what, f, diff)
			}
		}
		if a, ok := read("accepted").Accepted(); !ok || a.ID != "7" || a.Notice != "Thank you" {
			t.Errorf("accepted as %s: %+v", f, a)
		}
		if a, ok := read("accepted later").Accepted(); !ok || a.ID != "" || a.Token != "t-7" {
			t.Errorf("accepted later as %s: %+v", f, a)
		}
		if a, ok := read("token").Accepted(); !ok || a.ID != "7" {
			t.Errorf("token as %s: %+v", f, a)
		}
		if id, ok := read("update accepted").UpdateAccepted(); !ok || id != "u1" {
			t.Errorf("update accepted as %s: %q", f, id)
		}
	}
}

// TestWrittenForAll holds what each of the readers in the field insists on.
func TestWrittenForAll(t *testing.T) {
	x, j := string(written(t, samples()["requests"], XML)), string(written(t, samples()["requests"], JSON))
	for _, want := range []string{
		`<?xml version="1.0" encoding="utf-8"?>`, "<requested_datetime>2026-11-21T12:00:00Z</requested_datetime>",
		"<lat>43.25000</lat><long>76.90000</long>", "<status_notes></status_notes>",
	} {
		if !strings.Contains(x, want) {
			t.Errorf("XML lacks %s", want)
		}
	}
	for _, want := range []string{`"lat":43.25000,"long":76.90000`, `"status_notes":null`, `"service_request_id":"2"`} {
		if !strings.Contains(j, want) {
			t.Errorf("JSON lacks %s", want)
		}
	}
	if strings.Contains(x, "\x01") || strings.Contains(j, "u0001") {
		t.Error("what XML cannot carry was written")
	}
	for v, want := range map[float64]string{43: "43.00000", -0.5: "-0.50000", 76.12345678: "76.1234568", 1e-9: "0.00000"} {
		if got := degrees(v); got != want {
			t.Errorf("degrees(%v) = %s, want %s", v, got, want)
		}
	}
}

// TestOddServers reads answers with the mistakes that servers in the field make.
func TestOddServers(t *testing.T) {
	const head = `<?xml version="1.0" encoding="utf-8"?>`
	one := func(fields string) string {
		return head + "<service_requests><request>" + fields + "</request></service_requests>"
	}
	for _, tt := range []struct {
		name, body string
		odd        []Oddity
		ids        string
	}{
		{"as it should be", one("<service_request_id>7</service_request_id><status>open</status>"), nil, "7"},
		{"a list in an object", `{"service_requests":[{"service_request_id":"7","status":"open"}]}`, []Oddity{OddWrapped}, "7"},
		{"requests and meta", `{"requests":[{"service_request_id":"7","status":"closed"}],"meta":{"count":1}}`, []Oddity{OddWrapped}, "7"},
		{"one alone", `{"service_request_id":"7","status":"open"}`, []Oddity{OddWrapped}, "7"},
		{"values as lists", `[{"service_request_id":["7"],"status":["open"],"address":[]}]`, []Oddity{OddValue}, "7"},
		{"a list of agencies", one("<service_request_id>7</service_request_id><status>open</status><agency_responsible><recipient>a</recipient></agency_responsible>"), []Oddity{OddValue}, "7"},
		{"leading zeros", `[{"service_request_id":007,"status":"open","lat":43.05,"long":-0.5}]`, []Oddity{OddNumber}, "007"},
		{"no declaration", "<service_requests><request><service_request_id>7</service_request_id><status>open</status></request></service_requests>", []Oddity{OddDeclaration}, "7"},
		{"attributes", head + `<service_requests type="array"><request><service_request_id>7</service_request_id><status>open</status><address nil="true"/></request></service_requests>`, []Oddity{OddAttribute}, "7"},
		{"no zone", one("<service_request_id>7</service_request_id><status>open</status><updated_datetime>2026-11-21T12:00:00</updated_datetime>"), []Oddity{OddZone}, "7"},
		{"no date", one("<service_request_id>7</service_request_id><status>open</status><updated_datetime>yesterday</updated_datetime>"), []Oddity{OddDate}, "7"},
		{"no place", one("<service_request_id>7</service_request_id><status>open</status><lat>91</lat><long>0</long>"), []Oddity{OddCoordinates}, "7"},
		{"a status of its own", one("<service_request_id>7</service_request_id><status>In Review</status>"), []Oddity{OddStatus}, "7"},
		{"no id", one("<service_request_id/><status>open</status>"), []Oddity{OddWithoutID}, ""},
	} {
		a, err := Read([]byte(tt.body))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		ids := ""
		for _, r := range a.Requests() {
			ids += r.ID
			if r.Place != nil && r.Place.Lat != 43.05 || !r.Updated.IsZero() {
				t.Errorf("%s: %+v", tt.name, r)
			}
		}
		if !cmp.Equal(a.Oddities(), tt.odd) && len(a.Oddities())+len(tt.odd) > 0 || ids != tt.ids {
			t.Errorf("%s: ids %q, oddities %v, want %v", tt.name, ids, a.Oddities(), tt.odd)
		}
	}
	both, err := Read([]byte(`[{"service_request_id":"t-7","token":"t-7"}]`))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := both.Accepted(); !ok || got.ID != "" || got.Token != "t-7" || !slices.Contains(both.Oddities(), OddIDAndToken) {
		t.Errorf("the token as the id: %+v, %v", got, both.Oddities())
	}
	for name, body := range map[string]string{
		"a web page": "<!DOCTYPE html><html><body>Missing jurisdiction_id</body></html>", "a page with a declaration": head + "<html/>", "nothing": " ", "words": "403 forbidden", "a text": `"no"`,
		"cut XML": one("")[:60], "cut JSON": `[{"a":`, "two": `[] []`, "a nest": strings.Repeat("[", 100) + strings.Repeat("]", 100), "another character set": `<?xml version="1.0" encoding="koi8-r"?><services/>`, "bytes": "[\"\xff\"]",
	} {
		if _, err := Read([]byte(body)); !errors.Is(err, fault.Corrupt("open311.not_an_answer")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Read(make([]byte, MaxAnswer+1)); !errors.Is(err, fault.TooLarge("open311.answer_long")) {
		t.Errorf("too long: %v", err)
	}
}

func values(s string) url.Values {
	v, err := url.ParseQuery(s)
	if err != nil {
		panic(err)
	}
	return v
}

// keys are the message keys of problems, in order.
func keys(problems []error) string {
	var all []string
	for _, p := range problems {
		f, _ := fault.Of(p)
		all = append(all, strings.TrimPrefix(f.Key, "open311."))
	}
	return strings.Join(all, " ")
}

func TestSubmission(t *testing.T) {
	asked := Definition{Attributes: []Attribute{
		{Variable: true, Code: "depth", Datatype: SingleValueList, Required: true, Values: []Value{{"1", ""}, {"2", ""}}},
		{Variable: true, Code: "near", Datatype: MultiValueList, Values: []Value{{"school", ""}, {"shop", ""}}},
		{Variable: true, Code: "width", Datatype: Number}, {Variable: true, Code: "since", Datatype: Datetime}, {Code: "words", Required: true},
	}}
	for query, want := range map[string]string{
		"service_code=m&lat=43.2&long=76.9&attribute[depth]=1&attribute[near][]=school&attribute[near][]=shop&unknown=1":        "",
		"service_code=m&address_string=x&jurisdiction_id=&lat=&attribute[depth]=2&attribute[since]=2026-11-21T12:00:00%2B05:00": "",
		"": "missing no_place missing",
		"service_code=m&lat=43&attribute[depth]=1":                                                "coordinates no_place",
		"service_code=m&lat=NaN&long=1&address_id=3&attribute[depth]=1":                           "coordinates",
		"service_code=m&address_id=3&attribute[depth]=3":                                          "answer",
		"service_code=m&address_id=3&attribute[depth]=1&attribute[depth]=2":                       "one_answer",
		"service_code=m&address_id=3&attribute[depth]=1&attribute[width]=Inf":                     "answer",
		"service_code=m&address_id=3&attribute[depth]=1&attribute[since]=2026-11-21":              "answer",
		"service_code=m&address_id=3&attribute[depth]=1&description=%ff":                          "not_utf8",
		"service_code=m&address_id=3&attribute[depth]=1&description=" + strings.Repeat("ж", 4001): "description_long",
	} {
		s, problems := ParseSubmission(values(query), asked)
		if got := keys(problems); got != want {
			t.Errorf("%.60s: %s, want %s", query, got, want)
		}
		if want == "" && s.ServiceCode != "m" || want != "" && s.ServiceCode != "" {
			t.Errorf("%.60s: %+v", query, s)
		}
	}
	s, _ := ParseSubmission(values("service_code=m&address_id=1&attribute[near]=shop&attribute[near][]=school&attribute[depth]=1"), asked)
	if diff := cmp.Diff(s.Answers, map[string][]string{"near": {"shop", "school"}, "depth": {"1"}}); diff != "" {
		t.Error(diff)
	}
}

func TestQuery(t *testing.T) {
	day := 24 * time.Hour
	for query, want := range map[string]struct {
		problems string
		from, to time.Duration // from now
	}{
		"":                                {"", -90 * day, 0},
		"start_date=2026-11-20T12:00:00Z": {"", -day, 89 * day},
		"end_date=2026-11-20T12:00:00Z":   {"", -91 * day, -day},
		"start_date=2020-01-01T00:00:00Z&end_date=2026-11-21T12:00:00Z":                        {"span", 0, 0},
		"start_date=2020-01-01T00:00:00Z&end_date=2026-11-21T12:00:00Z&service_request_id=1,2": {"", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Sub(noon), 0},
		"start_date=2026-11-20":                            {"date", -90 * day, 0},
		"status=open,closed&page=2":                        {"", -90 * day, 0},
		"status=mended":                                    {"status", -90 * day, 0},
		"page=0&page_size=1001":                            {"number number", -90 * day, 0},
		"jurisdiction_id=&status=,,":                       {"", -90 * day, 0},
		"service_request_id=" + strings.Repeat("1,", 1001): {"too_many", -90 * day, 0},
	} {
		q, problems := ParseQuery(values(query), noon)
		if got := keys(problems); got != want.problems {
			t.Errorf("%.50s: %s, want %s", query, got, want.problems)
		}
		if want.problems == "" && (q.From.Sub(noon) != want.from || q.To.Sub(noon) != want.to) {
			t.Errorf("%.50s: from %s to %s", query, q.From, q.To)
		}
	}
}

func TestChange(t *testing.T) {
	good := "service_request_id=7&update_id=9&status=FIXED&updated_datetime=2026-11-21T12:00:00Z&description=x&media_url=a&media_url=b&first_name=-"
	c, problems := ParseChange(values(good))
	if len(problems) > 0 || c.Status != "fixed" || c.RequestID != "7" || !c.Updated.Equal(noon) || len(c.MediaURLs) != 2 {
		t.Errorf("%+v, %v", c, problems)
	}
	for query, want := range map[string]string{
		"": "missing missing missing missing", strings.Replace(good, "FIXED", "SOLD", 1): "status",
		strings.Replace(good, "Z&", "&", 1): "date",
	} {
		if _, problems := ParseChange(values(query)); keys(problems) != want {
			t.Errorf("%.40s: %s, want %s", query, keys(problems), want)
		}
	}
}

// TestParts: a form with photos is read as it was written, its texts first.
func TestParts(t *testing.T) {
	form := url.Values{"api_key": {"k"}, "description": {"Люк\r\n\"--x"}, "attribute[near][]": {"a", "b"}}
	kind, body := Parts(form, []File{{Name: "a\".jpg\r\nX: y", Type: "image/jpeg", Bytes: []byte("one\r\n")}, {Name: "b.jpg", Type: "image/jpeg"}})
	_, params, err := mime.ParseMediaType(kind)
	if err != nil {
		t.Fatal(err)
	}
	got, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).ReadForm(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]string(form), got.Value); diff != "" || len(got.File[MediaField]) != 2 || got.File[MediaField][0].Size != 5 || got.File[MediaField][0].Filename != "a.jpgX: y" {
		t.Errorf("%s, files %+v", diff, got.File)
	}
	if bytes.Index(body, []byte("Люк")) > bytes.Index(body, []byte("filename")) {
		t.Error("a photo stands before the texts")
	}
}

func FuzzRead(f *testing.F) {
	for _, d := range samples() {
		f.Add(written(f, d, XML))
		f.Add(written(f, d, JSON))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := Read(body)
		if err != nil {
			return
		}
		a.Services()
		a.Definition()
		a.Accepted()
		a.Updates()
		a.UpdateAccepted()
		a.Problems()
		a.Discovery()
		// What was read and is written again is an answer of the standard.
		b, err := Read(written(t, Requests(a.Requests()), XML))
		if err != nil || len(b.Requests()) != len(a.Requests()) || len(b.Oddities()) > 0 && !slices.Contains(a.Oddities(), OddMany) {
			t.Fatalf("%q: %v, %v", body, err, b.Oddities())
		}
	})
}

func FuzzForm(f *testing.F) {
	f.Add("service_code=m&lat=1&long=2&attribute[a]=1&start_date=2026-11-21T12:00:00Z&status=open")
	f.Fuzz(func(t *testing.T, query string) {
		v, _ := url.ParseQuery(query)
		asked := Definition{Attributes: []Attribute{{Variable: true, Code: "a", Datatype: Number}}}
		if s, problems := ParseSubmission(v, asked); len(problems) == 0 && (s.ServiceCode == "" || s.Place == nil && s.Address == "" && s.AddressID == "") {
			t.Fatalf("%q gave %+v", query, s)
		}
		if q, problems := ParseQuery(v, noon); len(problems) == 0 && len(q.IDs) == 0 && q.To.Sub(q.From) > MaxSpan {
			t.Fatalf("%q gave %+v", query, q)
		}
		ParseChange(v)
	})
}
