// Package check holds any endpoint of Open311 GeoReport v2 against the standard:
// what it offers, how its answers are written, whether its filters and its
// refusals work and, when it is let, whether what is sent to it can be read back.
//
// It reads with care what the tolerant client forgives, against a RELAX NG grammar
// and a JSON Schema that lie in schema/ for anybody to use. Each finding names a
// rule; the words of the rules are check311.<rule> of the catalogue. What a server
// says is a stranger's word. Used by cmd/kua.
package check

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"kua/internal/fault"
	"kua/internal/open311"
)

// Options say what is checked and how far; URL alone must be set.
type Options struct {
	URL          string // of the endpoint, or of its discovery document
	Key          string // api_key, for what is sent
	Jurisdiction string // for a server of several
	Write        bool   // also send requests, an update and a photo
	Service      string // of what is sent; "": one that the server offers
	Place        *open311.Point
	HTTP         *http.Client
	Now          func() time.Time
	Progress     func(done, total int) // after each step
}

// Finding is one rule that was not kept.
type Finding struct {
	Rule    string `json:"rule"`
	Part    string `json:"part"` // of the standard
	Warning bool   `json:"warning,omitempty"`
	Address string `json:"address"` // method and address of the call
	Came    string `json:"came"`
}

// Report is what was found.
type Report struct {
	Endpoint string    `json:"endpoint"`
	Calls    int       `json:"calls"`
	Findings []Finding `json:"findings"`
}

// Errors counts the findings that are no warnings.
func (r Report) Errors() (n int) {
	for _, f := range r.Findings {
		if !f.Warning {
			n++
		}
	}
	return n
}

// The parts of the standard.
const (
	partDiscovery  = "GeoReport v2, Service Discovery"
	partFormats    = "GeoReport v2, Formats"
	partSpark      = "GeoReport v2, JSON and XML Conversion"
	partParameters = "GeoReport v2, Parameters"
	partServices   = "GeoReport v2, GET Service List"
	partDefinition = "GeoReport v2, GET Service Definition"
	partRequests   = "GeoReport v2, GET Service Requests"
	partRequest    = "GeoReport v2, GET Service Request"
	partSubmit     = "GeoReport v2, POST Service Request"
	partToken      = "GeoReport v2, GET request_id from a token"
	partErrors     = "GeoReport v2, Errors"
	partMedia      = "photos as files, beside GeoReport v2"
	partUpdates    = "FixMyStreet, service request updates"
)

// rule is a rule of the standard and how much hangs on it.
type rule struct {
	part    string
	warning bool
}

// rules are all rules by their names.
var rules = map[string]rule{
	"reachable": {partFormats, false}, "status": {partErrors, false}, "web_page": {partErrors, false}, "compression": {partFormats, false}, "too_long": {partRequests, false},
	"content_type": {partFormats, false}, "xml": {partFormats, false}, "xml_declaration": {partFormats, false}, "xml_attributes": {partSpark, false},
	"xml_shape": {partFormats, false}, "xml_extension": {partFormats, true}, "json": {partSpark, false}, "json_shape": {partSpark, false}, "formats_differ": {partSpark, false},
	"json_missing": {partFormats, true},
	"discovery":    {partDiscovery, true}, "discovery_endpoint": {partDiscovery, false}, "discovery_formats": {partDiscovery, false}, "discovery_elsewhere": {partDiscovery, true},
	"jurisdiction_needed": {partParameters, false}, "jurisdiction_empty": {partParameters, false}, "jurisdiction_unknown": {partErrors, false},
	"service_code": {partServices, true}, "service_twice": {partServices, false}, "service_words": {partServices, true},
	"unknown_service": {partErrors, false}, "unknown_request": {partErrors, false}, "unknown_token": {partErrors, true},
	"bad_date": {partErrors, true}, "error_shape": {partErrors, false},
	"one_request": {partRequest, false}, "too_many": {partRequests, false}, "truncated": {partRequests, false},
	"filter_id": {partRequests, false}, "filter_status": {partRequests, false}, "filter_service": {partRequests, false}, "filter_dates": {partRequests, false},
	"not_bumped": {partRequests, false}, "updates_window": {partUpdates, false},
	"key": {partErrors, false}, "needs_service": {partErrors, false}, "needs_email": {partSubmit, false}, "submit": {partSubmit, false}, "attributes": {partSubmit, false},
	"media_address": {partRequests, false}, "media_picture": {partRequests, true}, "media_refused": {partMedia, true}, "media_lost": {partMedia, true},
	"media_traces": {partMedia, true}, "media_garbage": {partMedia, false},
	"token_is_id": {partToken, false}, "token": {partToken, false}, "read_back": {partRequest, false}, "update": {partUpdates, false}, "update_read_back": {partUpdates, false},
}

// Rules gives the names of all rules, in order.
func Rules() []string {
	var all []string
	for name := range rules {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// maxDefinitions is how many definitions are asked for.
const maxDefinitions = 25

// Run checks an endpoint. The faults are open311.not_an_address,
// check311.no_place (nothing says where a request could be sent to),
// check311.no_key and check311.elsewhere (the discovery document names another
// host, which would get the key); a server that does not answer is a finding.
func Run(ctx context.Context, o Options) (Report, error) {
	at, err := url.Parse(strings.TrimSpace(o.URL))
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" || at.User != nil {
		return Report{}, fault.Invalid("open311.not_an_address", o.URL).Because(err)
	}
	if o.Write && o.Key == "" {
		return Report{}, fault.Invalid("check311.no_key")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
	at.RawQuery, at.Fragment = "", ""
	c := &checker{ctx: ctx, o: o, http: plainClient(o.HTTP), total: 6, seen: make(map[string]bool)}
	if o.Write {
		c.total += 3
	}
	c.discover(at)
	if named, err := url.Parse(c.base); o.Write && (err != nil || named.Host != at.Host) {
		return c.report, fault.Conflict("check311.elsewhere", c.base)
	}
	c.step()
	if !c.services() {
		return c.report, ctx.Err()
	}
	c.step()
	c.definitions()
	c.step()
	c.requests()
	c.step()
	c.filters()
	c.step()
	c.refusals()
	c.step()
	if o.Write {
		if err := c.write(); err != nil {
			return c.report, err
		}
	}
	return c.report, ctx.Err()
}

// checker is one run.
type checker struct {
	ctx         context.Context
	o           Options
	http        *http.Client
	report      Report
	base        string // of the endpoint, with a slash at its end
	done, total int
	seen        map[string]bool // findings told

	offered []open311.Service
	asked   map[string]open311.Definition
	listed  []open311.Request
	updates bool // the server speaks FixMyStreet's extension
}

func (c *checker) step() {
	c.done++
	c.o.Progress(c.done, c.total)
}

// find notes that a rule was not kept; the same at the same address once.
func (c *checker) find(name, address, came string) {
	r := rules[name]
	if c.o.Key != "" { // a server may give it back in its words
		hide := strings.NewReplacer(c.o.Key, "…", url.QueryEscape(c.o.Key), "…")
		address, came = hide.Replace(address), hide.Replace(came)
	}
	f := Finding{name, r.part, r.warning, address, clip(came)}
	key := f.Rule + " " + f.Address + " " + f.Came
	if !c.seen[key] {
		c.seen[key] = true
		c.report.Findings = append(c.report.Findings, f)
	}
}

// discover finds the endpoint: the address is a discovery document's, or the
// endpoint's own with the document in it or above it.
func (c *checker) discover(at *url.URL) {
	address := at.String()
	if i := strings.LastIndex(at.Path, "/discovery."); i >= 0 {
		whole := *at
		whole.Path = at.Path[:i+1]
		c.base = whole.String()
		if found := c.discovery(whole.String()); found != "" {
			c.base = found
		}
		c.report.Endpoint = c.base
		return
	}
	c.base = strings.TrimSuffix(address, "/") + "/"
	c.report.Endpoint = c.base
	above := c.base
	if at.Path != "" && at.Path != "/" {
		above = c.base[:strings.LastIndex(strings.TrimSuffix(c.base, "/"), "/")+1]
	}
	for _, where := range slices.Compact([]string{above, c.base}) {
		if r := c.call(http.MethodGet, where+"discovery.xml", nil); r.err == nil && r.status == http.StatusOK {
			if found := c.discovery(where); found != "" && found != c.base {
				c.find("discovery_elsewhere", "GET "+where+"discovery.xml", found)
			}
			return
		}
	}
	c.find("discovery", "GET "+above+"discovery.xml", "–")
}

// discovery checks the document in both formats and gives the address of the
// endpoint that it names for GeoReport v2.
func (c *checker) discovery(where string) (endpoint string) {
	if a := c.get("discovery", where+"discovery.json", nil); a == nil {
		c.find("discovery", "GET "+where+"discovery.json", "–")
	}
	at := where + "discovery.xml"
	a := c.get("discovery", at, nil)
	if a == nil {
		return ""
	}
	for _, e := range a.Discovery().Endpoints {
		u, err := url.Parse(e.URL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			c.find("discovery_endpoint", "GET "+at, e.URL)
			continue
		}
		if !slices.ContainsFunc(e.Formats, func(f string) bool { return strings.HasPrefix(f, "text/xml") }) {
			c.find("discovery_formats", "GET "+at, strings.Join(e.Formats, ", "))
		}
		base := strings.TrimSuffix(e.URL, "/") + "/"
		r := c.call(http.MethodGet, base+"services.xml", c.params(nil))
		if r.err != nil || r.status != http.StatusOK {
			c.find("discovery_endpoint", "GET "+at, e.URL+": services.xml "+r.said())
			continue
		}
		if endpoint == "" {
			endpoint = base
		}
	}
	return endpoint
}

// params adds the jurisdiction that the caller named.
func (c *checker) params(more url.Values) url.Values {
	all := url.Values{}
	for name, values := range more {
		all[name] = values
	}
	if c.o.Jurisdiction != "" {
		all.Set("jurisdiction_id", c.o.Jurisdiction)
	}
	return all
}

// both gets a document in both formats; either is nil where it cannot be read.
func (c *checker) both(kind, resource string, params url.Values) (x, j *open311.Answer) {
	x = c.get(kind, c.base+resource+".xml", c.params(params))
	r := c.call(http.MethodGet, c.base+resource+".json", c.params(params))
	if r.err == nil && (r.status == http.StatusNotFound || r.status == http.StatusNotAcceptable) && x != nil {
		c.find("json_missing", r.address(), r.said())
		return x, nil
	}
	return x, c.judge(kind, r)
}

// services checks the list of services; false when there is nothing to go on with.
func (c *checker) services() bool {
	x, j := c.both("services", "services", nil)
	a := x
	if a == nil {
		a = j
	}
	at := "GET " + c.base + "services.xml"
	if a == nil {
		if r := c.call(http.MethodGet, c.base+"services.xml", c.params(nil)); c.o.Jurisdiction == "" && r.err == nil && r.status != http.StatusOK && strings.Contains(strings.ToLower(string(r.body)), "jurisdiction") {
			c.find("jurisdiction_needed", at, r.said())
		}
		return false
	}
	c.offered = a.Services()
	if x != nil && j != nil && !same(x.Services(), j.Services()) {
		c.find("formats_differ", at, "services")
	}
	known := make(map[string]bool)
	for _, s := range c.offered {
		if strings.ContainsAny(s.Code, "/ ?#%&") || strings.ContainsFunc(s.Code, func(r rune) bool { return r > '~' }) {
			c.find("service_code", at, s.Code)
		}
		if s.Description == "" {
			c.find("service_words", at, s.Code)
		}
		if known[s.Code] {
			c.find("service_twice", at, s.Code)
		}
		known[s.Code] = true
	}
	c.jurisdictions()
	return true
}

// jurisdictions: a server of one needs none, takes an empty one as absent, and
// says of an unknown one that it is not found.
func (c *checker) jurisdictions() {
	at := c.base + "services.xml"
	if c.o.Jurisdiction == "" {
		if r := c.call(http.MethodGet, at, url.Values{"jurisdiction_id": {""}}); r.err != nil || r.status != http.StatusOK {
			c.find("jurisdiction_empty", r.address(), r.said())
		}
	}
	r := c.call(http.MethodGet, at, url.Values{"jurisdiction_id": {"no-such-jurisdiction.invalid"}})
	if r.err != nil || r.status != http.StatusOK && r.status != http.StatusNotFound {
		c.find("jurisdiction_unknown", r.address(), r.said())
	}
}

func (c *checker) definitions() {
	c.asked = make(map[string]open311.Definition)
	for _, s := range c.offered {
		if !s.Metadata {
			continue
		}
		if len(c.asked) == maxDefinitions || c.ctx.Err() != nil {
			return
		}
		x, j := c.both("definition", "services/"+url.PathEscape(s.Code), nil)
		if x != nil && j != nil && !same(x.Definition(), j.Definition()) {
			c.find("formats_differ", "GET "+c.base+"services/"+url.PathEscape(s.Code)+".xml", "definition")
		}
		if x == nil {
			x = j
		}
		if x != nil {
			c.asked[s.Code] = x.Definition()
		}
	}
}
