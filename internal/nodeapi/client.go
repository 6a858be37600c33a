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
	"sync"
	"time"

	"kua/internal/canon"
	"kua/internal/fault"
	"kua/internal/onion"
)

// Client calls one node. Every call of the interface may be made twice with the
// same end, so what a bad link or a busy node refused is tried again. A client
// reads no more than an answer may hold, waits for no node that has stopped
// moving, follows no redirect, and believes no signature it has not checked. It
// is safe for use by several goroutines. The zero value is not usable;
// NewClient makes one.
type Client struct {
	base    string
	http    *http.Client
	key     *nodeKey
	desk    ed25519.PrivateKey // nil for a witness
	tries   int
	longest time.Duration // between two tries
	stall   time.Duration
	whole   bool // pieces are not cut
	now     func() time.Time
	grain   grain
}

// nodeKey is the node's public key in base64, "" until it is known.
type nodeKey struct {
	sync.Mutex
	public string
}

// Option changes how a client calls.
type Option func(*Client)

// WithHTTP uses h for the calls, nil for the client's own. Its redirect policy
// is not used.
func WithHTTP(h *http.Client) Option {
	return func(c *Client) {
		if h != nil {
			c.http = h
		}
	}
}

// WithNodeKey believes only the node with this key (base64 of the raw Ed25519
// public key), as the charter names it. Without it the key that the node tells
// first is believed for the client's life.
func WithNodeKey(key string) Option { return func(c *Client) { c.key.public = key } }

// WithDesk signs desk calls with this key.
func WithDesk(key ed25519.PrivateKey) Option { return func(c *Client) { c.desk = key } }

// WithTries sets how often a call is made before it is given up, and the longest
// pause between two; a node that asks for a longer one is believed, and the call
// given up. The default is 6 calls, up to a minute apart. 0 keeps the default.
func WithTries(n int, longest time.Duration) Option {
	return func(c *Client) {
		if n > 0 {
			c.tries, c.longest = n, longest
		}
	}
}

// WithStall sets after how long without a byte in either direction a try is
// given up. The default is three minutes: one piece passes at 1.5 kB/s even when
// the whole of it lies in the system's buffers.
func WithStall(d time.Duration) Option { return func(c *Client) { c.stall = d } }

// WithWholePieces never cuts a piece: for a road that does not break in the middle
// of one, such as a folder.
func WithWholePieces() Option { return func(c *Client) { c.whole = true } }

// WithClock stamps desk calls by another clock than the machine's.
func WithClock(now func() time.Time) Option { return func(c *Client) { c.now = now } }

// NewClient makes a client of the node at base, such as https://kua.example.org.
func NewClient(base string, options ...Option) *Client {
	c := &Client{
		base: strings.TrimRight(base, "/"), http: &http.Client{Transport: transport}, key: new(nodeKey),
		tries: 6, longest: time.Minute, stall: 3 * time.Minute, now: time.Now,
	}
	for _, o := range options {
		o(c)
	}
	h := *c.http
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = &h
	return c
}

// transport is shared, so that clients of one node share its connections. It
// asks nobody for an onion address: that takes WithHTTP and a road through Tor.
var transport = onion.Direct()

// URL is the node's address.
func (c *Client) URL() string { return c.base }

// call is one request and what its answer may be.
type call struct {
	method, path string
	body         func() (io.Reader, error) // made anew for every try
	bytes        []byte                    // the body, when it lies in memory
	bodyHash     string                    // of a body that does not
	size         int64
	kind         string // content type
	desk         bool
	limit        int64 // bytes of the answer
	header       http.Header
	tries        int           // 0: the client's
	stall        time.Duration // 0: the client's; never longer than that
	fresh        bool          // on a connection of its own
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

// open gives the body of one try. No more than a piece leaves with the head of the call
// in one write: there is nothing to see of its moving, and the stall is long enough for
// the whole of it.
func (k call) open(moved func()) (io.Reader, error) {
	if k.body == nil {
		return nil, nil
	}
	b, err := k.body()
	if err != nil || k.bytes != nil && len(k.bytes) <= most {
		return b, err
	}
	return &moving{b, moved}, nil
}

func withBytes(k call, b []byte) call {
	k.body = func() (io.Reader, error) { return bytes.NewReader(b), nil }
	k.bytes, k.size = b, int64(len(b))
	return k
}

// do makes the call until it is answered, refused for good, or tried often enough.
func (c *Client) do(ctx context.Context, k call) (answer, error) {
	tries := c.tries
	if k.tries > 0 {
		tries = k.tries
	}
	for try := 1; ; try++ {
		a, after, err := c.once(ctx, k)
		if err == nil {
			return a, nil
		}
		if ctx.Err() != nil || !again(err) || after > c.longest || try >= tries {
			return answer{}, fmt.Errorf("%s %s: %w", k.method, c.base, err)
		}
		if stopped := c.pause(ctx, try, after); stopped != nil {
			return answer{}, fmt.Errorf("%s %s: %w", k.method, c.base, errors.Join(stopped, err))
		}
	}
}

// again reports whether the same call may be answered another time.
func again(err error) bool {
	f, ok := fault.Of(err)
	return ok && (f.Kind == fault.KindLater || f.Kind == fault.KindInternal)
}

func (c *Client) pause(ctx context.Context, try int, after time.Duration) error {
	wait := min(c.longest, time.Second<<min(try-1, 10))
	wait = max(wait/2+rand.N(wait/2+1), after)
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
	stall := c.stall
	if k.stall > 0 {
		stall = min(stall, k.stall)
	}
	ctx, moved, stop := watch(ctx, stall)
	defer stop()
	r, err := c.request(ctx, k, moved)
	if err != nil {
		return answer{}, 0, err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return answer{}, 0, c.broke(ctx, "nodeapi.unreachable", err)
	}
	defer resp.Body.Close()
	accepted := resp.StatusCode/100 == 2 || k.accept != nil && k.accept(resp.StatusCode)
	limit := k.limit
	if !accepted {
		limit = maxRefusal
	}
	body, err := io.ReadAll(io.LimitReader(&moving{resp.Body, moved}, limit+1))
	if err != nil {
		return answer{}, 0, c.broke(ctx, "nodeapi.cut_off", err)
	}
	if int64(len(body)) > limit {
		return answer{}, 0, fault.Corrupt("nodeapi.answer_too_large", c.base)
	}
	a := answer{resp.StatusCode, resp.Header, body}
	if accepted {
		return a, 0, nil
	}
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return answer{}, time.Duration(min(max(seconds, 0), 1<<30)) * time.Second, refusal(c.base, a)
}

const maxRefusal = 64 << 10

func (c *Client) request(ctx context.Context, k call, moved func()) (*http.Request, error) {
	body, err := k.open(moved)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, k.method, c.base+Base+k.path, body)
	if err != nil || r.URL.Host == "" {
		return nil, fault.Invalid("nodeapi.bad_address", c.base).Because(err)
	}
	r.GetBody = nil // what broke is tried again here, where it is known
	if r.ContentLength = k.size; k.body != nil && k.size == 0 {
		r.Body = http.NoBody
	}
	r.Header.Set("User-Agent", "") // sends none
	for name, values := range k.header {
		r.Header[name] = values
	}
	r.Close = k.fresh
	if k.kind != "" {
		r.Header.Set("Content-Type", k.kind)
	}
	if !k.desk {
		return r, nil
	}
	return r, c.authorise(ctx, r, k)
}

// authorise signs a desk call.
func (c *Client) authorise(ctx context.Context, r *http.Request, k call) error {
	if c.desk == nil {
		return errors.New("a desk call needs the desk's key")
	}
	key, err := c.nodeKey(ctx)
	if err != nil {
		return err
	}
	hash := k.bodyHash
	if hash == "" {
		hash = canon.Hash(k.bytes)
	}
	return Authorise(r, c.desk, key, hash, c.now())
}

// nodeKey gives the node's key, asking for it when it is not known.
func (c *Client) nodeKey(ctx context.Context) (string, error) {
	c.key.Lock()
	key := c.key.public
	c.key.Unlock()
	if key != "" {
		return key, nil
	}
	info, err := c.Node(ctx)
	return info.Key, err
}

// broke is the fault of a connection that failed. What the caller itself ended
// stays the context's error.
func (c *Client) broke(ctx context.Context, key string, err error) error {
	if f, ok := fault.Of(err); ok {
		return f // of the road itself, such as an onion address without Tor
	}
	switch cause := context.Cause(ctx); {
	case cause == nil:
	case errors.Is(cause, errStalled):
		err = cause
	default:
		return cause
	}
	return fault.Later(key, c.base).Because(err)
}

// errStalled ends a try in which nothing moves any more.
var errStalled = errors.New("nothing moved for too long")

// watch gives a context that ends when moved was not called for d.
func watch(ctx context.Context, d time.Duration) (_ context.Context, moved, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	t := time.AfterFunc(d, func() { cancel(errStalled) })
	return ctx, func() { t.Reset(d) }, func() { t.Stop(); cancel(nil) }
}

// moving tells of every read that brought something.
type moving struct {
	r     io.Reader
	moved func()
}

// Read implements io.Reader.
func (m *moving) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if n > 0 {
		m.moved()
	}
	return n, err
}

// Close ends the body that is sent.
func (m *moving) Close() error {
	if c, ok := m.r.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// refusal is the fault in the answer of a node, or one that says that this is
// no node's answer.
func refusal(base string, a answer) error {
	var f Failure
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.UseNumber()
	if d.Decode(&f) == nil && tellable(f.Error.Key) {
		return f.Error.Fault()
	}
	switch a.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fault.Later("nodeapi.unreachable", base)
	}
	return fault.Invalid("nodeapi.not_a_node", base, a.status)
}

// Refused is the fault in a node's refusal that came on another road than a Client.
func Refused(body []byte, status int) error {
	return refusal("", answer{status: status, body: body[:min(len(body), maxRefusal)]})
}

// read decodes an answer's JSON. Members that are not known are let pass: a
// newer node may say more.
func read(a answer, v any) error {
	if err := json.Unmarshal(a.body, v); err != nil {
		return fault.Corrupt("nodeapi.not_understood").Because(err)
	}
	return nil
}
