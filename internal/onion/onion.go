// Package onion knows what an onion address is, and which roads lead to one:
// addresses of version 3 with their checksum, the Onion-Location header, the keys
// of client authorisation, and HTTP transports that go through a SOCKS proxy or
// refuse what only Tor can reach.
//
// It runs no program (package tor does) and knows nothing of the product. Rooms
// that call others, and the node that is called, may use it.
package onion

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/sha3"
	"encoding/base32"
	"net"
	"net/http"
	"net/url"
	"strings"

	"kua/internal/fault"
)

const suffix = ".onion"

// encoding is base32 as Tor writes it: no padding.
var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// Loopback reports whether a host is this machine itself, to which no road leads.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Is reports whether a host's name ends in .onion, however it is written: a
// name that must never be asked of DNS (RFC 7686).
func Is(host string) bool {
	return strings.HasSuffix(strings.TrimRight(strings.ToLower(host), "."), suffix)
}

// Check gives the fault onion.address for anything but the name of an onion
// service of version 3 in lower case, such as abc…xyz.onion: 56 characters with
// a checksum and a version (Tor's rend-spec-v3, "Encoding onion addresses").
func Check(host string) error {
	name, ok := strings.CutSuffix(host, suffix)
	raw, err := encoding.DecodeString(strings.ToUpper(name))
	if !ok || err != nil || len(raw) != 35 || name != strings.ToLower(encoding.EncodeToString(raw)) || raw[34] != 3 { // decoding passes over line breaks
		return fault.Invalid("onion.address", printable(host))
	}
	sum := sha3.Sum256(append(append([]byte(".onion checksum"), raw[:32]...), 3))
	if sum[0] != raw[32] || sum[1] != raw[33] {
		return fault.Invalid("onion.address", printable(host))
	}
	return nil
}

// printable is a stranger's name, short enough to be told.
func printable(host string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return -1
	}, host[:min(len(host), 100)])
}

// Located tells readers who come by Tor Browser that the page they see has an
// onion address, by the header Onion-Location with that page's own path. It is
// said of pages alone, which asks picks out by path, and holds nothing that the
// caller sent but path and query, written anew. A host that is no onion address
// is never told.
func Located(host string, asks func(path string) bool, next http.Handler) http.Handler {
	if Check(host) != nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if (r.Method == http.MethodGet || r.Method == http.MethodHead) && asks(r.URL.Path) {
			w.Header().Set("Onion-Location", location(host, r.URL))
		}
		next.ServeHTTP(w, r)
	})
}

// location is where a page lies at an onion address.
func location(host string, page *url.URL) string {
	there := url.URL{Scheme: "http", Host: host, Path: page.Path}
	if query, err := url.ParseQuery(page.RawQuery); err == nil {
		there.RawQuery = query.Encode()
	}
	return there.String()
}

// Bare makes a handler for what comes through Tor: whatever a caller says of
// where it came from is taken away, and no address is left to be written down.
func Bare(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		for name := range r.Header {
			if strings.HasPrefix(name, "X-Forwarded-") || name == "Forwarded" || name == "X-Real-Ip" || name == "Via" {
				r.Header.Del(name)
			}
		}
		r.RemoteAddr = "onion"
		next.ServeHTTP(w, r)
	})
}

// Key is what lets somebody reach an onion service that asks for authorisation.
type Key struct {
	Host    string // abc….onion
	Private string // as NewClientKey gives it
}

// NewClientKey makes a key pair of client authorisation: X25519, base32 as Tor's
// files hold it. The public half goes to the service's operator, the private
// one stays with whoever calls.
func NewClientKey() (private, public string, err error) {
	k, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return "", "", err
	}
	return encoding.EncodeToString(k.Bytes()), encoding.EncodeToString(k.PublicKey().Bytes()), nil
}

// PublicClientKey gives the public half of a private key.
func PublicClientKey(private string) (string, error) {
	raw, err := encoding.DecodeString(private)
	if err != nil {
		return "", fault.Corrupt("onion.client_key_broken")
	}
	k, err := ecdh.X25519().NewPrivateKey(raw)
	if err != nil {
		return "", fault.Corrupt("onion.client_key_broken")
	}
	return encoding.EncodeToString(k.PublicKey().Bytes()), nil
}

// CheckClientKey gives the fault onion.client_key for what is no public key of
// client authorisation. A service with a key that Tor cannot read would let
// everybody in.
func CheckClientKey(public string) error {
	raw, err := encoding.DecodeString(public)
	if err != nil || len(raw) != 32 || encoding.EncodeToString(raw) != public {
		return fault.Invalid("onion.client_key", printable(public))
	}
	return nil
}
