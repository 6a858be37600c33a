package node

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"kua/internal/fault"
)

// leadTime is for a whole call in the clear.
const leadTime = 10 * time.Second

// lead answers in the clear at at.Plain whoever typed a name without https: it shows the way
// to the same address under TLS, where the name is one of the node's, and nothing else. It
// gives what ends it.
func (n *Node) lead(ctx context.Context, at Listen, config *tls.Config) (stop func(), err error) {
	if at.Plain == nil {
		return func() {}, nil
	}
	if config == nil {
		return nil, errors.Join(fault.Invalid("node.leads_nowhere", at.Plain.Addr()), at.Plain.Close())
	}
	port := ""
	if _, p, err := net.SplitHostPort(at.address()); err == nil && p != "443" {
		port = ":" + p
	}
	s := &http.Server{
		ErrorLog: quiet(n.cfg.Diary), ReadTimeout: leadTime, WriteTimeout: leadTime, MaxHeaderBytes: maxHeader,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Connection", "close")
			host, _, err := net.SplitHostPort(r.Host)
			if err != nil {
				host = r.Host
			}
			switch {
			case r.Method != http.MethodGet && r.Method != http.MethodHead:
				w.Header().Set("Allow", "GET, HEAD")
				w.WriteHeader(http.StatusMethodNotAllowed)
			case !at.names(host, config) || r.URL.Opaque != "": // "x:@other/" would lead to other
				w.WriteHeader(http.StatusMisdirectedRequest)
			default:
				w.Header().Set("Referrer-Policy", "no-referrer")
				w.Header().Set("Location", "https://"+host+port+r.URL.RequestURI())
				w.WriteHeader(http.StatusFound)
			}
		}),
	}
	n.house.Go(func() {
		if err := s.Serve(at.Plain); !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
			n.cfg.Diary.Error("the way from http to https is not shown any more", "fault", err)
		}
	})
	return func() { _ = s.Close() }, nil
}

// names reports whether a certificate of the node is for this host.
func (at Listen) names(host string, config *tls.Config) bool {
	if len(at.ACME) > 0 {
		return slices.Contains(at.ACME, strings.ToLower(host))
	}
	c, err := config.GetCertificate(nil)
	return err == nil && c.Leaf.VerifyHostname(host) == nil
}
