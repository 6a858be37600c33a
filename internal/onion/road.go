package onion

import (
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/proxy"

	"kua/internal/fault"
)

// Proxy is a SOCKS5 server, nearly always Tor's: on TCP ("127.0.0.1:9050") or a
// unix socket's path. The zero value is none.
type Proxy struct{ network, address string }

// ParseProxy reads socks5h://127.0.0.1:9050 or 127.0.0.1:9050. Names are always
// left to the proxy, so socks5:// means the same.
func ParseProxy(s string) (Proxy, error) {
	text := s
	if !strings.Contains(text, "://") {
		text = "socks5h://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "socks5h" && u.Scheme != "socks5" || u.User != nil || u.Port() == "" || u.Hostname() == "" || Is(u.Hostname()) ||
		u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return Proxy{}, fault.Invalid("onion.proxy", printable(s))
	}
	return Proxy{"tcp", u.Host}, nil
}

// SocketProxy is the SOCKS server at a unix socket.
func SocketProxy(path string) Proxy { return Proxy{"unix", path} }

// Transport calls through the proxy, and never otherwise: every connection it
// opens ends at the proxy, so that no name is looked up and nothing falls back
// to the plain road. Each host of each Transport travels apart, by SOCKS user
// names (Tor's IsolateSOCKSAuth): two nodes do not see that one desk calls both.
func (p Proxy) Transport() *http.Transport {
	run := rand.Text()
	t := base()
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		return &url.URL{Scheme: "socks5h", Host: "socks.invalid:1", User: url.UserPassword(r.URL.Host, run)}, nil
	}
	t.DialContext = toProxy{p}.DialContext
	t.ResponseHeaderTimeout = 0 // a circuit may take its time; whoever calls watches for what moves
	return t
}

// Dial opens one connection through the proxy, which is given the name and looks it
// up, and never otherwise: a road for what is no HTTP. It travels apart from every
// other. It can be used as mail.Config.Dial.
func (p Proxy) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	through, err := proxy.SOCKS5(p.network, p.address, &proxy.Auth{User: address, Password: rand.Text()}, toProxy{p})
	if err != nil {
		return nil, err
	}
	return through.(proxy.ContextDialer).DialContext(ctx, network, address)
}

// toProxy opens the connection to the proxy itself.
type toProxy struct{ at Proxy }

func (t toProxy) Dial(network, address string) (net.Conn, error) {
	return t.DialContext(context.Background(), network, address)
}

func (t toProxy) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	c, err := dialer.DialContext(ctx, t.at.network, t.at.address)
	if err != nil {
		return nil, fault.Later("onion.no_proxy", t.at.address).Because(err)
	}
	return c, nil
}

// Direct calls without Tor, or through the proxy that the environment names as
// for every program. An onion address is refused with the fault onion.needs_tor
// before anybody is asked where it is.
func Direct() *http.Transport {
	t := base()
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		if Is(r.URL.Hostname()) {
			return nil, fault.Invalid("onion.needs_tor", printable(r.URL.Hostname()))
		}
		return http.ProxyFromEnvironment(r)
	}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err == nil && Is(host) {
			return nil, fault.Invalid("onion.needs_tor", printable(host))
		}
		c, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return wide{c}, nil
	}
	return t
}

// wide is a connection on which a long body leaves in long writes. net/http's own have
// 32 kB, and each wakes whoever reads at the other end.
type wide struct{ net.Conn }

var wideBuffers = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

// ReadFrom implements io.ReaderFrom.
func (c wide) ReadFrom(r io.Reader) (int64, error) {
	b := wideBuffers.Get().(*[]byte)
	defer wideBuffers.Put(b)
	return io.CopyBuffer(struct{ io.Writer }{c.Conn}, r, *b)
}

var dialer = net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}

func base() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 8
	t.WriteBufferSize = 260 << 10 // a piece and its head in one go
	t.MaxResponseHeaderBytes = 64 << 10
	t.DisableCompression = true
	return t
}
