package onion

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"kua/internal/fault"
)

// Public is Direct for names that strangers gave: it opens connections to addresses
// of the open net alone, at the port of HTTPS, and judges them after the name was
// resolved, at every connection. It asks no proxy of the environment, which would
// resolve names where nobody judges: where one is set, the call is refused with
// onion.strangers_proxy, and not made beside it.
func Public() *http.Transport {
	t := base()
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		if p, err := http.ProxyFromEnvironment(r); p != nil || err != nil {
			return nil, fault.Invalid("onion.strangers_proxy").Because(err)
		}
		return nil, nil
	}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil || !PublicName(host) {
			return nil, fault.Invalid("onion.not_public").Because(err)
		}
		return guarded().DialContext(ctx, network, address)
	}
	return t
}

// guarded judges each address that a name led to, before the first packet goes there.
func guarded() *net.Dialer {
	d := dialer
	d.Control = func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !Open(at.Addr()) || at.Port() != 443 {
			return fault.Invalid("onion.not_public")
		}
		return nil
	}
	return &d
}

// PublicName reports whether a host is a name that can lie in the open net: no
// address, no name of one's own network, none that Tor alone reaches.
func PublicName(host string) bool {
	host = strings.ToLower(host)
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil || !strings.Contains(host, ".") || strings.HasSuffix(host, ".") {
		return false
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	return strings.ContainsFunc(last, func(r rune) bool { return r < '0' || r > '9' }) && !slices.Contains(inner, last)
}

// inner are endings that no name of the open net has (RFC 6761, 6762, 7686, 8375, 9476).
var inner = []string{"onion", "local", "localhost", "internal", "home", "lan", "arpa", "alt", "test", "invalid"}

// reserved are the networks that IsGlobalUnicast lets pass and that are none of the
// open net, or lead into another (IANA's registries of special-purpose addresses).
var reserved = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10")

func prefixes(all ...string) (out []netip.Prefix) {
	for _, p := range all {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// Open reports whether an address is one of the open net.
func Open(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsGlobalUnicast() && !a.IsPrivate() && a.Zone() == "" && !slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(a) })
}
