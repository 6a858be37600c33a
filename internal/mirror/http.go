package mirror

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"kua/internal/fault"
)

// Numbers of a link that hurries nobody and waits for nobody for ever.
const (
	Stall     = time.Minute // the default of Web.Stall
	DripBytes = 10_000      // of body in one connection: a first flight, and well under 16 kB with headers and TLS
	leastMove = 1 << 10     // bytes that a source must bring within a stall
)

// Web says how web hosts are reached. The zero value works. One Web is for one
// pull: its connections and its count are shared by all sources made from it.
type Web struct {
	Proxy string        // socks5h://host:port, or http://…; names are then resolved by the proxy alone
	Drip  bool          // at most DripBytes of body in each connection
	Stall time.Duration // how long a source may bring less than a kilobyte; default Stall
	Roots *tls.Config   // instead of the system's trust; what is fetched is proved otherwise

	wire   atomic.Int64
	client *http.Client
}

// Wire is how many bytes have passed over the web's connections, in both
// directions, headers and TLS among them.
func (w *Web) Wire() int64 { return w.wire.Load() }

// web is a copy that any web server serves as files.
type web struct {
	base     string // without a slash at the end
	via      *Web
	noRanges atomic.Bool
	single   atomic.Bool // knows no batches
}

// HTTP is a copy at an address: plain GETs, and nothing else is asked of the
// server. An onion service without a proxy is the fault mirror.onion, so that
// its name is told to no resolver.
func (w *Web) HTTP(base string) (Source, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fault.Invalid("verify.address", base)
	}
	if w.Proxy == "" && strings.HasSuffix(strings.ToLower(u.Hostname()), ".onion") {
		return nil, fault.Invalid("mirror.onion", base)
	}
	if err := w.begin(); err != nil {
		return nil, err
	}
	return &web{base: strings.TrimSuffix(base, "/"), via: w}, nil
}

// begin makes the client, once.
func (w *Web) begin() (err error) {
	if w.client == nil {
		w.client, err = w.newClient()
	}
	return err
}

// Through is the way that this Web takes, for a source that speaks HTTP in its
// own manner.
func (w *Web) Through() (http.RoundTripper, error) {
	if err := w.begin(); err != nil {
		return nil, err
	}
	return w.client.Transport, nil
}

// Patient gives a source that is left when it brings less than a kilobyte in the
// time that w allows.
func (w *Web) Patient(s Source) Source {
	if w.Stall <= 0 {
		w.Stall = Stall
	}
	return &patient{s, w.Stall}
}

type patient struct {
	Source
	stall time.Duration
}

// Open implements Source.
func (p *patient) Open(ctx context.Context, path string, from int64) (io.ReadCloser, int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	began := time.AfterFunc(p.stall, cancel)
	body, at, err := p.Source.Open(ctx, path, from)
	if !began.Stop() && err != nil {
		err = errSilent
	}
	if err != nil {
		cancel()
		return nil, 0, err
	}
	return newImpatient(body, cancel, p.stall), at, nil
}

func (w *Web) newClient() (*http.Client, error) {
	if w.Stall <= 0 {
		w.Stall = Stall
	}
	d := &net.Dialer{Timeout: w.Stall}
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &counted{c, &w.wire}, nil
		},
		TLSClientConfig: w.Roots, TLSHandshakeTimeout: w.Stall, ResponseHeaderTimeout: w.Stall,
		MaxIdleConnsPerHost: 16, IdleConnTimeout: w.Stall, MaxResponseHeaderBytes: 64 << 10,
		DisableKeepAlives: w.Drip, ForceAttemptHTTP2: !w.Drip,
	}
	if w.Proxy != "" {
		u, err := url.Parse(w.Proxy)
		if err != nil || u.Host == "" || u.Scheme != "socks5h" && u.Scheme != "socks5" && u.Scheme != "http" {
			return nil, fault.Invalid("mirror.proxy", w.Proxy)
		}
		if u.Scheme == "socks5" {
			u.Scheme = "socks5h" // never resolve a name here
		}
		t.Proxy = http.ProxyURL(u)
	}
	return &http.Client{Transport: t, CheckRedirect: sameHost}, nil
}

// sameHost lets a server move a file about on itself (from http to https, say)
// and lead nobody elsewhere.
func sameHost(req *http.Request, via []*http.Request) error {
	if len(via) > 3 || req.URL.Hostname() != via[0].URL.Hostname() || via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return http.ErrUseLastResponse
	}
	return nil
}

func (w *web) String() string { return w.base }

func (w *web) Open(ctx context.Context, path string, from int64) (io.ReadCloser, int64, error) {
	if !w.via.Drip {
		body, at, _, _, err := w.get(ctx, path, from, -1)
		return body, at, err
	}
	d := &drip{ctx: ctx, w: w, path: path, next: from}
	at, err := d.more()
	return d, at, err
}

// get asks for a file from an offset on, to an offset where that is not -1.
// whole says that the host gave all of it, whatever was asked for; total is the
// file's length where the host tells it, or -1.
func (w *web) get(ctx context.Context, path string, from, to int64) (body io.ReadCloser, at, total int64, whole bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+"/"+path, nil)
	if err != nil {
		cancel()
		return nil, 0, 0, false, err
	}
	req.Header.Set("User-Agent", "kua")
	switch {
	case to >= 0:
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, to))
	case from > 0:
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	res, err := w.via.client.Do(req)
	if err != nil {
		cancel()
		return nil, 0, 0, false, fmt.Errorf("fetch %s: %w", path, err)
	}
	if at, err = w.begins(res, path, from); err != nil {
		cancel()
		return nil, 0, 0, false, errors.Join(err, res.Body.Close())
	}
	return newImpatient(res.Body, cancel, w.via.Stall), at, rangeTotal(res), res.StatusCode == http.StatusOK, nil
}

// begins says at which byte of the file an answer begins.
func (w *web) begins(res *http.Response, path string, from int64) (int64, error) {
	switch c := res.StatusCode; {
	case c == http.StatusOK:
		if res.Request.Header.Get("Range") != "" {
			w.noRanges.Store(true)
		}
		return 0, nil
	case c == http.StatusPartialContent && rangeFrom(res) == from:
		return from, nil
	case c == http.StatusRequestedRangeNotSatisfiable && from > 0:
		return 0, errPast
	case c == http.StatusTooManyRequests || c >= 500 || c == http.StatusPartialContent || c == http.StatusRequestedRangeNotSatisfiable:
		return 0, fmt.Errorf("fetch %s: %s", path, res.Status)
	}
	return 0, fmt.Errorf("fetch %s: %s: %w", path, res.Status, fs.ErrNotExist)
}

// errPast is a server's word that a file has no byte at the offset.
var errPast = errors.New("the file ends before that")

// rangeFrom reads the first byte's place from Content-Range, or gives -1.
func rangeFrom(res *http.Response) int64 {
	rest, ok := strings.CutPrefix(res.Header.Get("Content-Range"), "bytes ")
	first, _, cut := strings.Cut(rest, "-")
	n, err := strconv.ParseInt(first, 10, 64)
	if !ok || !cut || err != nil {
		return -1
	}
	return n
}

// rangeTotal reads the file's length from Content-Range, or gives -1.
func rangeTotal(res *http.Response) int64 {
	_, total, ok := strings.Cut(res.Header.Get("Content-Range"), "/")
	n, err := strconv.ParseInt(total, 10, 64)
	if !ok || err != nil || n < 0 {
		return -1
	}
	return n
}

// drip is a body that comes in connections of its own, each of at most DripBytes.
type drip struct {
	ctx  context.Context
	w    *web
	path string
	body io.ReadCloser
	next int64 // the byte that is read next
	end  int64 // of what was asked for now
	size int64 // of the file, or -1
	all  bool  // the host ignored the range: this body is the rest
}

// more asks for the next stretch.
func (d *drip) more() (int64, error) {
	body, at, size, whole, err := d.w.get(d.ctx, d.path, d.next, d.next+DripBytes-1)
	if err != nil {
		return 0, err
	}
	d.body, d.all, d.next, d.end, d.size = body, whole, at, at+DripBytes, size
	return at, nil
}

// Read implements io.Reader. A stretch that is shorter than was asked for is the
// last one.
func (d *drip) Read(b []byte) (int, error) {
	for {
		n, err := d.body.Read(b)
		d.next += int64(n)
		if err == io.EOF && n == 0 && !d.all && d.next == d.end && d.next != d.size {
			if err := d.body.Close(); err != nil {
				return 0, err
			}
			want := d.next
			at, err := d.more()
			if errors.Is(err, errPast) {
				return 0, io.EOF
			}
			if err != nil {
				return 0, err
			}
			if at != want {
				return 0, fmt.Errorf("fetch %s: the host lost its place", d.path)
			}
			continue
		}
		if err == io.EOF && n > 0 {
			err = nil
		}
		return n, err
	}
}

// Close implements io.Closer.
func (d *drip) Close() error {
	if d.body == nil {
		return nil
	}
	return d.body.Close()
}

// impatient gives up on a body that has brought next to nothing for a while.
type impatient struct {
	io.ReadCloser
	stall  time.Duration
	timer  *time.Timer
	cancel context.CancelFunc
	moved  int64 // since the timer was set
	silent atomic.Bool
}

func newImpatient(body io.ReadCloser, cancel context.CancelFunc, stall time.Duration) *impatient {
	p := &impatient{ReadCloser: body, stall: stall, cancel: cancel}
	p.timer = time.AfterFunc(stall, func() { p.silent.Store(true); cancel() })
	return p
}

// errSilent is a source that answers and then says nothing.
var errSilent = errors.New("the source has gone silent")

// Read implements io.Reader.
func (p *impatient) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	if p.moved += int64(n); p.moved >= leastMove {
		p.moved = 0
		p.timer.Reset(p.stall)
	}
	if err != nil && err != io.EOF && p.silent.Load() {
		err = errSilent
	}
	return n, err
}

// Close implements io.Closer.
func (p *impatient) Close() error {
	p.timer.Stop()
	p.cancel()
	return p.ReadCloser.Close()
}

// counted is a connection that counts what passes.
type counted struct {
	net.Conn
	sum *atomic.Int64
}

// Read implements net.Conn.
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.sum.Add(int64(n))
	return n, err
}

// Write implements net.Conn.
func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.sum.Add(int64(n))
	return n, err
}
