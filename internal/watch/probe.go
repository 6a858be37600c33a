package watch

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxBody is the longest answer that is read.
const maxBody = 32 << 20

// tries are how often a road that fails is tried, each time on a new connection.
const tries = 3

// Probe looks at copies from where it runs. The zero value works and hides where
// that is.
type Probe struct {
	Place Place
	// Resolve and Dial are the system's where they are nil. A test has its own.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	Dial    func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)
	TLS     *tls.Config   // nil: the system's trust
	Stall   time.Duration // how long nothing may move; default 20 s
	Now     func() time.Time
	Mirror  *Mirror // nil: of mirrors the file alone is looked at
	YouTube *YouTube
}

// Look looks at one copy. It gives an observation whatever happens; an error is
// one of the caller's own, or the end of ctx.
func (p *Probe) Look(ctx context.Context, c Copy) (Observation, error) {
	if err := c.Validate(); err != nil {
		return Observation{}, err
	}
	o := p.blank(c)
	var err error
	switch {
	case c.Kind == "youtube" && p.YouTube != nil:
		err = p.lookYouTube(ctx, c, &o)
	case c.Kind == "mirror":
		err = p.lookMirror(ctx, c, &o)
	default:
		err = p.lookPage(ctx, c, &o)
	}
	if err == nil {
		err = ctx.Err()
	}
	return o, err
}

func (p *Probe) blank(c Copy) Observation {
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	place := p.Place
	if place == (Place{}) {
		place = Hidden("here")
	}
	return Observation{
		Kind: kindObservation, At: now().UTC().Truncate(time.Hour).Format("2006-01-02T15:00:00Z"), Record: c.Record, URL: c.URL, Path: c.Path, Result: Unknown, Place: place,
	}
}

// answer is what came of one request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// failure is where a road ended.
type failure struct {
	phase  string
	bytes  int64
	forged bool
	err    error
}

// Error implements error.
func (f *failure) Error() string {
	return fmt.Sprintf("%s after %d bytes: %v", f.phase, f.bytes, f.err)
}

// get asks for an address on a connection of its own, and again on a new one when
// that fails: what fails in another way each time is no block but a bad link, and
// the furthest counts.
func (p *Probe) get(ctx context.Context, address string) (answer, *failure) {
	var worst *failure
	for range tries {
		a, f := p.once(ctx, address)
		if f == nil || ctx.Err() != nil {
			return a, f
		}
		if worst == nil || slices.Index(phases, f.phase) > slices.Index(phases, worst.phase) || f.phase == worst.phase && f.bytes > worst.bytes {
			worst = f
		}
	}
	return answer{}, worst
}

func (p *Probe) once(ctx context.Context, address string) (answer, *failure) {
	u, err := url.Parse(address)
	if err != nil {
		return answer{}, &failure{phase: HTTP, err: err}
	}
	conn, f := p.connect(ctx, u)
	if f != nil {
		return answer{}, f
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	moving := &moving{Conn: conn, stall: p.stall()}
	var in net.Conn = moving
	if u.Scheme == "https" {
		config := &tls.Config{}
		if p.TLS != nil {
			config = p.TLS.Clone()
		}
		config.ServerName, config.NextProtos = u.Hostname(), []string{"http/1.1"}
		secure := tls.Client(moving, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			var cert *tls.CertificateVerificationError
			return answer{}, &failure{phase: TLS, forged: errors.As(err, &cert), err: err}
		}
		in = secure
	}
	return p.ask(ctx, u, in, moving)
}

func (p *Probe) stall() time.Duration {
	if p.Stall > 0 {
		return p.Stall
	}
	return 20 * time.Second
}

// connect finds the address and opens a connection to it.
func (p *Probe) connect(ctx context.Context, u *url.URL) (net.Conn, *failure) {
	ctx, stop := context.WithTimeout(ctx, 2*p.stall())
	defer stop()
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	var all []netip.Addr
	if ip, err := netip.ParseAddr(host); err == nil {
		all = []netip.Addr{ip}
	} else if all, err = p.resolve(ctx, host); err != nil || len(all) == 0 {
		return nil, &failure{phase: DNS, err: err}
	} else if bogus(all) {
		return nil, &failure{phase: DNS, forged: true, err: fmt.Errorf("%s is said to be at %v", host, all)}
	}
	dial := p.Dial
	if dial == nil {
		dial = func(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", a.String())
		}
	}
	var last error
	for _, ip := range all[:min(len(all), 3)] {
		at, err := netip.ParseAddrPort(net.JoinHostPort(ip.String(), port))
		if err != nil {
			return nil, &failure{phase: TCP, err: err}
		}
		conn, err := dial(ctx, at)
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, &failure{phase: TCP, err: last}
}

func (p *Probe) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if p.Resolve != nil {
		return p.Resolve(ctx, host)
	}
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// bogus reports whether a name is said to be where no public server is: an answer
// that only somebody on the way gives.
func bogus(all []netip.Addr) bool {
	return !slices.ContainsFunc(all, func(a netip.Addr) bool {
		a = a.Unmap()
		return !a.IsLoopback() && !a.IsPrivate() && !a.IsUnspecified() && !a.IsLinkLocalUnicast() && !a.IsMulticast()
	})
}

// ask sends the request and reads the answer.
func (p *Probe) ask(ctx context.Context, u *url.URL, in net.Conn, m *moving) (answer, *failure) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return answer{}, &failure{phase: HTTP, err: err}
	}
	req.Header.Set("User-Agent", "") // sends none
	req.Close = true
	if err := req.Write(in); err != nil {
		return answer{}, &failure{phase: HTTP, err: err}
	}
	res, err := http.ReadResponse(bufio.NewReaderSize(in, 1024), req)
	if err != nil {
		return answer{}, &failure{phase: HTTP, err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err != nil {
		return answer{}, &failure{phase: Freeze, bytes: m.came, err: err}
	}
	return answer{res.StatusCode, res.Header, body}, nil
}

// moving is a connection on which something must move.
type moving struct {
	net.Conn
	stall time.Duration
	came  int64
}

// Read implements net.Conn.
func (m *moving) Read(b []byte) (int, error) {
	if err := m.SetReadDeadline(time.Now().Add(m.stall)); err != nil {
		return 0, err
	}
	n, err := m.Conn.Read(b)
	m.came += int64(n)
	return n, err
}

// Write implements net.Conn.
func (m *moving) Write(b []byte) (int, error) {
	if err := m.SetWriteDeadline(time.Now().Add(m.stall)); err != nil {
		return 0, err
	}
	return m.Conn.Write(b)
}

// failed notes where a road ended.
func (o *Observation) failed(f *failure) {
	o.Result, o.Phase, o.Forged = Failed, f.phase, f.forged
	if f.phase == Freeze {
		o.Bytes = f.bytes
	}
}

func (o *Observation) saw(a answer) {
	sum := sha256.Sum256(a.body)
	o.Status, o.Evidence = a.status, hex.EncodeToString(sum[:])
}

// lookPage looks for a copy's words in a page. A page that is there without them
// may want a login, a consent, or another country: nothing can be told of it.
func (p *Probe) lookPage(ctx context.Context, c Copy, o *Observation) error {
	a, f := p.get(ctx, c.URL)
	if f != nil {
		o.failed(f)
		return nil
	}
	o.saw(a)
	switch {
	case elsewhere(c.URL, a):
		o.Result, o.Phase, o.Forged = Failed, HTTP, !strings.HasPrefix(c.URL, "https:") // over TLS it is the site's own word
		if !o.Forged {
			o.Result, o.Phase = Unknown, ""
		}
	case a.status == http.StatusNotFound || a.status == http.StatusGone:
		o.Result = Removed
	case a.status == http.StatusUnavailableForLegalReasons:
		o.legal(c.URL, a)
	case a.status == http.StatusOK && !slices.ContainsFunc(c.Words, func(w string) bool { return !strings.Contains(string(a.body), w) }):
		o.Result = OK
	}
	return nil
}

// legal is an answer with 451 (RFC 7725). The site names who demanded it by
// Link rel=blocked-by, where it says so at all. In the clear anybody on the way may
// have said it.
func (o *Observation) legal(address string, a answer) {
	if !strings.HasPrefix(address, "https:") {
		o.Result, o.Phase = Failed, HTTP
		return
	}
	o.Result, o.Reason = Region, "451"
	for _, link := range a.header.Values("Link") {
		target, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(link), "<"), ">")
		if ok && strings.Contains(rest, "blocked-by") && reason.MatchString("451 "+host(target)) {
			o.Reason = "451 " + host(target)
		}
	}
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// elsewhere reports an answer that leads to another site, as the block pages of
// providers do.
func elsewhere(address string, a answer) bool {
	if a.status < 300 || a.status > 399 {
		return false
	}
	to := a.header.Get("Location")
	return host(to) != "" && host(to) != host(address)
}
