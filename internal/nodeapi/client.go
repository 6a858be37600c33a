package nodeapi

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kua/internal/canon"
	"kua/internal/fault"
)

// Client calls one node. It tries again what a bad link or a full node refused,
// reads no more than an answer may hold, and believes no signature it has not
// checked. The zero value is not usable; NewClient makes one.
type Client struct {
	base    string
	http    *http.Client
	key     string             // the node's, base64; "" until known
	desk    ed25519.PrivateKey // nil for a witness
	tries   int
	longest time.Duration // between two tries
	now     func() time.Time
}

// Option changes how a client calls.
type Option func(*Client)

// WithHTTP uses h for the calls.
func WithHTTP(h *http.Client) Option { return func(c *Client) { c.http = h } }

// WithNodeKey believes only the node with this key (base64 of the raw Ed25519
// public key), as the charter names it.
func WithNodeKey(key string) Option { return func(c *Client) { c.key = key } }

// WithDesk signs desk calls with this key.
func WithDesk(key ed25519.PrivateKey) Option { return func(c *Client) { c.desk = key } }

// WithTries sets how often a call is made before it is given up, and the
// longest pause between two. The default is 6 calls, up to a minute apart.
func WithTries(n int, longest time.Duration) Option {
	return func(c *Client) { c.tries, c.longest = n, longest }
}

// WithClock stamps desk calls by another clock than the machine's.
func WithClock(now func() time.Time) Option { return func(c *Client) { c.now = now } }

// NewClient makes a client of the node at base, such as https://kua.example.org.
func NewClient(base string, options ...Option) *Client {
	c := &Client{base: strings.TrimRight(base, "/"), http: patient(), tries: 6, longest: time.Minute, now: time.Now}
	for _, o := range options {
		o(c)
	}
	return c
}

// patient is a transport for slow links: it waits long for an answer and does
// not limit how long a body takes.
func patient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 2 * time.Minute
	t.DisableCompression = true
	return &http.Client{Transport: t}
}

// URL is the node's address.
func (c *Client) URL() string { return c.base }

// call is one request and what its answer may be.
type call struct {
	method, path string
	body         func() (io.Reader, error) // made anew for every try
	bodyHash     string
	size         int64
	kind         string // content type
	desk         bool
	limit        int64 // bytes of the answer
	accept       func(status int) bool
}

// answer is the whole body of an accepted call.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (c *Client) get(ctx context.Context, path string, limit int64, desk bool) (answer, error) {
	return c.do(ctx, call{method: http.MethodGet, path: path, limit: limit, desk: desk})
}

func withBytes(k call, b []byte) call {
	k.body = func() (io.Reader, error) { return bytes.NewReader(b), nil }
	k.bodyHash, k.size = canon.Hash(b), int64(len(b))
	return k
}

// do makes the call until it is answered, refused for good, or tried often enough.
func (c *Client) do(ctx context.Context, k call) (answer, error) {
	var last error
	for try := range c.tries {
		a, after, err := c.once(ctx, k)
		if err == nil {
			return a, nil
		}
		last = err
		if ctx.Err() != nil || !again(err) || try+1 == c.tries {
			break
		}
		if err := c.pause(ctx, try, after); err != nil {
			break
		}
	}
	return answer{}, fmt.Errorf("%s %s: %w", k.method, c.base, last)
}

// again reports whether the same call may be answered another time.
func again(err error) bool {
	f, ok := fault.Of(err)
	return !ok || f.Kind == fault.KindLater || f.Kind == fault.KindInternal
}

func (c *Client) pause(ctx context.Context, try int, after time.Duration) error {
	wait := min(c.longest, time.Second<<try)
	wait = wait/2 + rand.N(wait/2+1)
	wait = max(wait, min(after, c.longest))
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Client) once(ctx context.Context, k call) (answer, time.Duration, error) {
	r, err := c.request(ctx, k)
	if err != nil {
		return answer{}, 0, err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return answer{}, 0, fault.Later("nodeapi.unreachable", c.base).Because(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, k.limit+1))
	if err != nil {
		return answer{}, 0, fault.Later("nodeapi.cut_off", c.base).Because(err)
	}
	if int64(len(body)) > k.limit {
		return answer{}, 0, fault.Corrupt("nodeapi.answer_too_large", c.base)
	}
	a := answer{resp.StatusCode, resp.Header, body}
	if resp.StatusCode/100 == 2 || k.accept != nil && k.accept(resp.StatusCode) {
		return a, 0, nil
	}
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return answer{}, time.Duration(seconds) * time.Second, refusal(c.base, a)
}

func (c *Client) request(ctx context.Context, k call) (*http.Request, error) {
	var body io.Reader
	if k.body != nil {
		var err error
		if body, err = k.body(); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, k.method, c.base+Base+k.path, body)
	if err != nil {
		return nil, fault.Invalid("nodeapi.bad_address", c.base).Because(err)
	}
	r.ContentLength = k.size
	r.Header.Set("User-Agent", "kua")
	if k.kind != "" {
		r.Header.Set("Content-Type", k.kind)
	}
	if !k.desk {
		return r, nil
	}
	if c.desk == nil || c.key == "" {
		return nil, errors.New("a desk call needs the desk's and the node's key")
	}
	hash := k.bodyHash
	if hash == "" {
		hash = canon.Hash(nil)
	}
	return r, Authorise(r, c.desk, c.key, hash, c.now())
}

// refusal is the fault in the answer of a node, or one that says that this is
// no node's answer.
func refusal(base string, a answer) error {
	var f Failure
	if json.Unmarshal(a.body, &f) == nil && f.Error.Key != "" {
		return f.Error.Fault()
	}
	switch a.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fault.Later("nodeapi.unreachable", base)
	}
	return fault.Invalid("nodeapi.not_a_node", base, a.status)
}

// read decodes an answer's JSON. Members that are not known are let pass: a
// newer node may say more.
func read(a answer, v any) error {
	if err := json.Unmarshal(a.body, v); err != nil {
		return fault.Corrupt("nodeapi.not_understood").Because(err)
	}
	return nil
}
