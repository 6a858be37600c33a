package handover

import (
	"net"
	"net/http"
	"slices"
	"strings"

	"kua/internal/fault"
	"kua/internal/locale"
	"kua/internal/onion"
	"kua/internal/page"
)

// hostOf is the host for which a request was made, without its port.
func hostOf(r *http.Request) string {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.Trim(host, "[]")
}

// only answers at the addresses that a door was opened for, at the one to which the
// phone came, and at this machine's own. A name that somebody else gives leads
// nowhere: a page from elsewhere could point it here and read what is here.
func (l *Laptop) only(at []net.IP, next http.Handler) http.Handler {
	elsewhere := page.Headers(forms, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		lang, _, ok := page.Cut(r.URL.Path)
		if !ok {
			lang = locale.English
		}
		l.set.Fail(rw, page.NewBase(l.cat, lang, "", "/"), fault.Forbidden("handover.other_name"))
	}))
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		ip := net.ParseIP(hostOf(r))
		here, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
		if onion.Loopback(hostOf(r)) || ip != nil && (here != nil && here.IP.Equal(ip) || slices.ContainsFunc(at, ip.Equal)) {
			next.ServeHTTP(rw, r)
			return
		}
		elsewhere.ServeHTTP(rw, r)
	})
}
