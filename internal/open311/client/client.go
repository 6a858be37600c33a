// Package client calls GeoReport v2 endpoints of others: it finds out what a
// server can do, hands requests on and asks what became of them, also of servers
// that bend the standard in the ways that are known.
//
// It keeps nothing, tries nothing twice by itself and decides nothing: whoever
// uses it has the outbox. What it is told by a server is a stranger's word.
package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"kua/internal/fault"
	"kua/internal/open311"
)

// Config names an endpoint.
type Config struct {
	URL          string // http or https, with the version: https://city.example/open311/v2/
	Key          string // api_key; needed only for what is sent
	Jurisdiction string // left out when empty: a server of one city needs none
	HTTP         *http.Client
}

// Client calls one endpoint. It is safe for use by several goroutines.
type Client struct {
	base *url.URL
	cfg  Config

	mu       sync.Mutex // guards what follows
	format   open311.Format
	oddities map[open311.Oddity]bool
}

// patience is how long one call may take: some servers of cities need minutes.
const patience = 2 * time.Minute

// New makes a client of an endpoint. Fault open311.not_an_address, kind invalid.
func New(cfg Config) (*Client, error) {
	base, err := url.Parse(strings.TrimSpace(cfg.URL))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil {
		return nil, fault.Invalid("open311.not_an_address", cfg.URL).Because(err)
	}
	base.Path = strings.TrimSuffix(base.Path, "/") + "/"
	base.RawQuery, base.Fragment = "", ""
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: patience}
	}
	own := *cfg.HTTP
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	cfg.HTTP = &own
	return &Client{base: base, cfg: cfg, oddities: make(map[open311.Oddity]bool)}, nil
}

// Oddities gives in what ways the server has bent the standard so far.
func (c *Client) Oddities() []open311.Oddity {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.oddities))
}

// Services asks what can be reported.
func (c *Client) Services(ctx context.Context) ([]open311.Service, error) {
	return ask(ctx, c, "services", nil, (*open311.Answer).Services)
}

// Definition asks what a service asks. Only for services with metadata.
func (c *Client) Definition(ctx context.Context, code string) (open311.Definition, error) {
	return ask(ctx, c, "services/"+url.PathEscape(code), nil, (*open311.Answer).Definition)
}

// Requests asks for requests; what an empty parameter would say is left out.
func (c *Client) Requests(ctx context.Context, params url.Values) ([]open311.Request, error) {
	return ask(ctx, c, "requests", params, (*open311.Answer).Requests)
}

// Request asks for one request. Fault open311.gone, kind not found, when the
// server answers with others or with none.
func (c *Client) Request(ctx context.Context, id string) (open311.Request, error) {
	all, err := ask(ctx, c, "requests/"+url.PathEscape(id), nil, (*open311.Answer).Requests)
	if err != nil {
		return open311.Request{}, err
	}
	for _, r := range all {
		if r.ID == id {
			return r, nil
		}
	}
	return open311.Request{}, fault.NotFound("open311.gone", id)
}

// Token asks whether a token has become a request; ok is false until then.
func (c *Client) Token(ctx context.Context, token string) (id string, ok bool, err error) {
	a, err := ask(ctx, c, "tokens/"+url.PathEscape(token), nil, func(a *open311.Answer) open311.Accepted {
		accepted, _ := a.Accepted()
		return accepted
	})
	return a.ID, err == nil && a.ID != "", err
}

// Updates asks what has changed between two instants (FixMyStreet's extension).
// What the server gives from outside of them is passed over, as FixMyStreet does.
func (c *Client) Updates(ctx context.Context, from, to time.Time) ([]open311.Update, error) {
	params := url.Values{"start_date": {stamp(from)}, "end_date": {stamp(to)}}
	if c.cfg.Key != "" {
		params.Set("api_key", c.cfg.Key)
	}
	all, err := ask(ctx, c, "servicerequestupdates", params, (*open311.Answer).Updates)
	var within []open311.Update
	for _, u := range all {
		if !u.Updated.Before(from) && !u.Updated.After(to) {
			within = append(within, u)
		}
	}
	return within, err
}

// Submit hands a request on. When the line broke before there was an answer the
// fault is open311.unknown_end (kind later): the server may have it or not, and
// sending it again could make two of it.
//
// photos go as files of the same form, for servers that take some.
func (c *Client) Submit(ctx context.Context, s open311.Submission, photos ...open311.File) (open311.Accepted, error) {
	a, err := c.send(ctx, "requests", s.Form(), photos...)
	if err != nil {
		return open311.Accepted{}, err
	}
	defer c.note(a)
	accepted, ok := a.Accepted()
	if !ok {
		return open311.Accepted{}, fault.Later("open311.unknown_end")
	}
	return accepted, nil
}

// Update tells the server what changed on our side (FixMyStreet's extension).
// The fault open311.unknown_end is as for Submit; the same update id may be sent
// again, and a server refuses the second.
func (c *Client) Update(ctx context.Context, u open311.Change) (id string, err error) {
	a, err := c.send(ctx, "servicerequestupdates", u.Form())
	if err != nil {
		return "", err
	}
	defer c.note(a)
	id, ok := a.UpdateAccepted()
	if !ok {
		return "", fault.Later("open311.unknown_end")
	}
	return id, nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// ask gets a resource and reads it. XML comes first: it is what every server
// must speak; JSON is asked for where XML is refused as such.
func ask[T any](ctx context.Context, c *Client, resource string, params url.Values, read func(*open311.Answer) T) (T, error) {
	var none T
	a, err := c.get(ctx, resource, params, c.speaks())
	if f, ok := fault.Of(err); ok && f.Kind == fault.KindNotFound && c.speaks() == "" {
		if second, again := c.get(ctx, resource, params, open311.JSON); again == nil {
			a, err = second, nil
			c.settle(open311.JSON)
		}
	}
	if err != nil {
		return none, err
	}
	c.settle(open311.XML)
	out := read(a)
	c.note(a)
	return out, nil
}

// speaks is the format that the server is known to speak; "" for not known yet.
func (c *Client) speaks() open311.Format {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.format
}

// settle remembers the first format in which the server answered.
func (c *Client) settle(f open311.Format) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.format == "" {
		c.format = f
	}
}

func (c *Client) note(a *open311.Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range a.Oddities() {
		c.oddities[o] = true
	}
}

func (c *Client) address(resource string, f open311.Format) *url.URL {
	if f == "" {
		f = open311.XML
	}
	path, err := c.base.Parse(resource + "." + string(f))
	if err != nil { // a resource is always a relative path of escaped parts
		panic(err)
	}
	return path
}

func (c *Client) get(ctx context.Context, resource string, params url.Values, f open311.Format) (*open311.Answer, error) {
	at := c.address(resource, f)
	query := url.Values{}
	for name, values := range params {
		for _, v := range values {
			if v != "" {
				query.Add(name, v)
			}
		}
	}
	if c.cfg.Jurisdiction != "" {
		query.Set("jurisdiction_id", c.cfg.Jurisdiction)
	}
	at.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	return c.do(req)
}

func (c *Client) send(ctx context.Context, resource string, form url.Values, photos ...open311.File) (*open311.Answer, error) {
	if c.cfg.Key != "" {
		form.Set("api_key", c.cfg.Key)
	}
	if c.cfg.Jurisdiction != "" {
		form.Set("jurisdiction_id", c.cfg.Jurisdiction)
	}
	kind, body := "application/x-www-form-urlencoded; charset=utf-8", []byte(form.Encode())
	if len(photos) > 0 {
		kind, body = open311.Parts(form, photos)
	}
	at := c.address(resource, c.speaks())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", kind)
	a, err := c.do(req)
	if f, ok := fault.Of(err); ok && (f.Key == "open311.unreachable" || f.Key == "open311.not_an_answer" || f.Key == "open311.server") {
		return nil, fault.Later("open311.unknown_end").Because(err)
	}
	return a, err
}

// do makes one call. Compression is not asked for: some servers declare it and
// send something else.
func (c *Client) do(req *http.Request) (*open311.Answer, error) {
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "kua")
	resp, err := c.cfg.HTTP.Do(req)
	if err != nil {
		var bare *url.Error
		if errors.As(err, &bare) {
			err = bare.Err // without the address: it may hold the key
		}
		if req.Context().Err() != nil {
			return nil, req.Context().Err()
		}
		return nil, fault.Later("open311.unreachable", c.base.Host).Because(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, open311.MaxAnswer+1))
	if err != nil {
		return nil, fault.Later("open311.unreachable", c.base.Host).Because(err)
	}
	a, err := open311.Read(body)
	if resp.StatusCode/100 == 2 {
		return a, err
	}
	return nil, c.refused(resp, a)
}

// refused makes a fault of an answer that refuses, with the server's own words
// when it has some.
func (c *Client) refused(resp *http.Response, a *open311.Answer) error {
	words := http.StatusText(resp.StatusCode)
	if a != nil {
		if problems := a.Problems(); len(problems) > 0 && problems[0].Description != "" {
			words = clip(problems[0].Description)
		}
	}
	said := strconv.Itoa(resp.StatusCode) + " " + words
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case resp.StatusCode/100 == 3:
		return fault.Invalid("open311.elsewhere", c.base.Host, clip(resp.Header.Get("Location")))
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusNotAcceptable, resp.StatusCode == http.StatusUnsupportedMediaType:
		return fault.NotFound("open311.refused", c.base.Host, said)
	case resp.StatusCode == http.StatusForbidden, resp.StatusCode == http.StatusUnauthorized,
		resp.StatusCode == http.StatusBadRequest && a != nil && aboutKey(a): // some give 400 for a wrong key
		return fault.Forbidden("open311.key_refused", c.base.Host, said)
	case resp.StatusCode == http.StatusTooManyRequests:
		return fault.Later("open311.refused", c.base.Host, said)
	case resp.StatusCode/100 == 5:
		return fault.Later("open311.server", c.base.Host, said+" "+kind)
	}
	return fault.Invalid("open311.refused", c.base.Host, said)
}

func aboutKey(a *open311.Answer) bool {
	for _, p := range a.Problems() {
		if strings.Contains(strings.ToLower(p.Description), "api_key") || strings.Contains(strings.ToLower(p.Description), "api key") {
			return true
		}
	}
	return false
}

// clip keeps a stranger's words short and on one line.
func clip(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}
