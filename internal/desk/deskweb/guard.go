package deskweb

import (
	"net"
	"net/http"
	"strings"

	"kua/internal/fault"
	"kua/internal/onion"
)

// checkAddr refuses to serve the desk beyond this machine without TLS: its
// passphrases and everything it shows would cross the network in the clear.
func (c Config) checkAddr() error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return fault.Invalid("deskweb.tls_half")
	}
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return fault.Invalid("deskweb.addr", c.Addr).Because(err)
	}
	if c.TLSCert == "" && !onion.Loopback(host) {
		return fault.Invalid("deskweb.needs_tls", c.Addr)
	}
	return nil
}

// knownHost reports whether a Host header names this app. Any other name means
// that some page made its own name point here (DNS rebinding).
func (a *App) knownHost(header string) bool {
	host, port := header, ""
	if h, p, err := net.SplitHostPort(header); err == nil {
		host, port = h, p
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	own, ownPort, _ := net.SplitHostPort(a.cfg.Addr)
	if port != "" && ownPort != "0" && port != ownPort {
		return false
	}
	if host == strings.ToLower(own) || onion.Loopback(own) && onion.Loopback(host) {
		return true
	}
	for _, h := range a.cfg.Hosts {
		if host == strings.ToLower(h) {
			return true
		}
	}
	return false
}

// guard refuses what no page of this app ever sends: another host's name, a
// request from another site, a body without end.
func (a *App) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.knownHost(r.Host) {
			a.visit(w, r).fail(fault.Forbidden("deskweb.host", r.Host))
			return
		}
		if err := cross.Check(r); err != nil {
			a.visit(w, r).fail(fault.Forbidden("deskweb.cross_site").Because(err))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// maxBody is far more than the longest form: words in eight languages and a
// plan with thousands of points.
const maxBody = 4 << 20
